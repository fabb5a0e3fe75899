#include "pool/backup_service.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/timespan.h"
#include "pool/backup_configuration.h"
#include "pool/content.h"
#include "pool/copy_mark.h"
#include "pool/salvaging.h"
#include "pool/tombstones.h"

/* Most changes of a home are not of content; of what is, its exporter hears at once. */
enum { CONTENT_HEAD_HELD_MS = 250 };

/* Heads of homes that changed, on their way from the store's thread to the loop: only the newest
 * counts, so a hundred commits cost one post. */
struct heads {
    pthread_mutex_t lock;
    bool posted;
    size_t count;
    struct {
        char home[HOME_NAME_SIZE];
        uint64_t head;
    } list[HOSTED_HOMES_MAX];
};

struct backup_service {
    struct front_end *fe;
    struct workers *workers;
    struct importing *importing;
    struct content *content;
    struct copy_marks *marks;
    struct salvaging *salvaging;
    struct exporting *exports[BACKUP_EXPORTS_KEPT_MAX];
    size_t export_count;
    bool lacks_room; /* for an exporter that is wanted: as soon as one that ends is gone */
    struct heads heads;
    bool stopping;
};

/* --- changes --- */

static void on_heads(void *context)
{
    struct backup_service *service = context;
    struct heads *heads = &service->heads;
    pthread_mutex_lock(&heads->lock);
    struct heads now;
    memcpy(now.list, heads->list, sizeof now.list);
    now.count = heads->count;
    heads->count = 0;
    heads->posted = false;
    pthread_mutex_unlock(&heads->lock);
    for (size_t i = 0; i < now.count && !service->stopping; i++) {
        if (strcmp(now.list[i].home, HOME_CENTRAL) == 0)
            backup_service_configure(service);
        for (size_t j = 0; j < service->export_count; j++) {
            if (strcmp(exporting_home(service->exports[j]), now.list[i].home) == 0)
                exporting_changed(service->exports[j], now.list[i].head);
        }
    }
}

/* With the lock held: the home's place in the list, made if it has none. */
static size_t place_of(struct heads *heads, const char *home)
{
    size_t i = 0;
    while (i < heads->count && strcmp(heads->list[i].home, home) != 0)
        i++;
    if (i == heads->count && i < HOSTED_HOMES_MAX) {
        memcpy(heads->list[i].home, home, strlen(home) + 1);
        heads->count++;
    }
    return i;
}

/* On the store's thread. */
static void on_changed(const char *home, uint64_t head, void *context)
{
    struct backup_service *service = context;
    struct heads *heads = &service->heads;
    pthread_mutex_lock(&heads->lock);
    size_t i = place_of(heads, home);
    if (i < HOSTED_HOMES_MAX)
        heads->list[i].head = head;
    bool post = !heads->posted;
    heads->posted = true;
    pthread_mutex_unlock(&heads->lock);
    if (post)
        loop_post_surely(front_end_loop(service->fe), on_heads, service);
}

/* --- configuration --- */

static struct export_options options_of(const struct backup_configuration *c, enum module module)
{
    uint64_t interval_ms = 0, content_kb = 0;
    const char *name =
        module == MODULE_CMS_MASTER ? "MaxBatchesPerCmsSync" : "MaxBatchesPerUserStoreSync";
    time_span_ms(json_string_value(backup_configuration_value(c, "SyncInterval")), &interval_ms);
    if (module == MODULE_DATA_CONF)
        content_kb =
            (uint64_t)json_integer_value(backup_configuration_value(c, "MaxDataConfPackageSizeKB"));
    return (struct export_options){
        .content_max = content_kb << 10,
        .held_ms = module == MODULE_DATA_CONF ? CONTENT_HEAD_HELD_MS : 0,
        .interval_ms = (uint32_t)interval_ms,
        .continuous =
            strcmp(json_string_value(backup_configuration_value(c, "SyncMode")), "Continuous") == 0,
        .batches_max = (uint32_t)json_integer_value(backup_configuration_value(c, name))};
}

/* Of the copy that this machine has of `central`; what can't be read leaves what was. */
static struct backup_configuration *read_configuration(const struct backup_service *service)
{
    OWNED(view_close) struct view *view = NULL;
    struct backup_configuration *c = NULL;
    struct error e;
    uint64_t usn;
    if (!store_view(front_end_store(service->fe), &view, &e))
        backup_configuration_read(view, &c, &usn, &e);
    return c;
}

void backup_service_configure(struct backup_service *service)
{
    OWNED(backup_configuration_free)
    struct backup_configuration *c = read_configuration(service);
    for (size_t i = 0; c && i < service->export_count; i++) {
        struct export_options options = options_of(c, exporting_module(service->exports[i]));
        exporting_configure(service->exports[i], &options);
    }
    if (!c)
        return;
    size_t calls_max =
        (size_t)json_integer_value(backup_configuration_value(c, "MaxConcurrentCalls"));
    importing_configure(service->importing, calls_max);
    content_configure(service->content, calls_max);
}

/* --- the service --- */

bool backup_service_copies(const char *home, enum module module)
{
    return module_belongs(module, home);
}

static void free_retired(struct backup_service *service)
{
    size_t kept = 0;
    for (size_t i = 0; i < service->export_count; i++) {
        struct exporting *x = service->exports[i];
        if (exporting_is_retired(x) && exporting_is_idle(x))
            exporting_free(x);
        else
            service->exports[kept++] = x;
    }
    service->export_count = kept;
}

void backup_service_content_changed(struct backup_service *service, const char *home)
{
    for (size_t i = 0; i < service->export_count; i++) {
        struct exporting *x = service->exports[i];
        if (exporting_module(x) == MODULE_DATA_CONF && strcmp(exporting_home(x), home) == 0)
            exporting_own_changed(x);
    }
}

void backup_service_look(struct backup_service *service)
{
    for (size_t i = 0; i < service->export_count && !service->stopping; i++)
        exporting_tick(service->exports[i]);
}

static void on_tombstones(void *context)
{
    const struct backup_service *service = context;
    struct exporting *exports[BACKUP_EXPORTS_MAX];
    if (!service->stopping)
        tombstones_collect(service->fe, exports, backup_service_exports(service, exports));
}

void backup_service_ask(struct backup_service *service, const char *home, const char *pool)
{
    for (size_t i = 0; i < service->export_count; i++) {
        struct exporting *x = service->exports[i];
        if (strcmp(exporting_home(x), home) == 0 && strcmp(exporting_target(x), pool) == 0)
            exporting_looked(x);
    }
}

void backup_service_hurry(struct backup_service *service, const char *home)
{
    for (size_t i = 0; i < service->export_count; i++) {
        struct exporting *x = service->exports[i];
        if (strcmp(exporting_home(x), home) == 0 && !exporting_is_to_replica(x))
            exporting_wanted(x);
    }
}

void backup_service_heard(struct backup_service *service, const char *home, const char *pool,
                          struct term term)
{
    for (size_t i = 0; i < service->export_count; i++) {
        struct exporting *x = service->exports[i];
        if (strcmp(exporting_home(x), home) == 0 && strcmp(exporting_target(x), pool) == 0)
            exporting_heard(x, term);
    }
}

/* --- who is exported to: the partner by the record, and of `central` every other pool --- */

static bool is_wanted(const struct backup_service *service, const struct exporting *x)
{
    const struct hosted_home *home = front_end_home(service->fe, exporting_home(x));
    const struct topology *topology = front_end_config(service->fe)->topology;
    const char *target = exporting_target(x);
    bool replica = strcmp(exporting_home(x), HOME_CENTRAL) == 0 &&
                   front_end_has_replica(service->fe, topology_pool(topology, target));
    return replica || (home && strcmp(home_partner(hosted_home_core(home)), target) == 0);
}

static bool has_export(const struct backup_service *service, const char *home, enum module module,
                       const char *target)
{
    for (size_t i = 0; i < service->export_count; i++) {
        const struct exporting *x = service->exports[i];
        if (!exporting_is_retired(x) && exporting_module(x) == module &&
            strcmp(exporting_home(x), home) == 0 && strcmp(exporting_target(x), target) == 0)
            return true;
    }
    return false;
}

/* True if there is one now that was not there. */
static bool add_export(struct backup_service *service, const char *home, enum module module,
                       const char *target)
{
    if (!*target || has_export(service, home, module, target))
        return false;
    service->lacks_room |= service->export_count == BACKUP_EXPORTS_KEPT_MAX;
    if (service->lacks_room)
        return false;
    OWNED(backup_configuration_free)
    struct backup_configuration *c = backup_configuration_default();
    const struct export_options options = options_of(c, module);
    service->exports[service->export_count++] =
        exporting_new(service->fe, service->workers, home, module, target, &options);
    return true;
}

static bool add_partners(struct backup_service *service)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(service->fe, homes);
    bool added = false;
    for (size_t i = 0; i < count; i++) {
        const struct home *core = hosted_home_core(homes[i]);
        for (int m = 0; m < MODULES; m++) {
            if (backup_service_copies(home_name(core), (enum module)m))
                added |= add_export(service, home_name(core), (enum module)m, home_partner(core));
        }
    }
    return added;
}

static bool add_replicas(struct backup_service *service)
{
    const struct topology *topology = front_end_config(service->fe)->topology;
    bool added = false;
    for (size_t i = 0; front_end_home(service->fe, HOME_CENTRAL) && i < topology->pool_count; i++) {
        if (front_end_has_replica(service->fe, &topology->pools[i]))
            added |= add_export(service, HOME_CENTRAL, MODULE_CMS_MASTER, topology->pools[i].fqdn);
    }
    return added;
}

/* True if somebody is exported to now who was not. */
static bool follow(struct backup_service *service)
{
    for (size_t i = 0; i < service->export_count; i++) {
        struct exporting *x = service->exports[i];
        if (!exporting_is_retired(x) && !is_wanted(service, x))
            exporting_retire(x);
    }
    service->lacks_room = false;
    bool partners = add_partners(service), replicas = add_replicas(service);
    return partners || replicas;
}

void backup_service_follow(struct backup_service *service)
{
    if (follow(service)) /* what is new begins with what stands for everybody */
        backup_service_configure(service);
    backup_service_look(service);
}

static void on_tick(void *context)
{
    struct backup_service *service = context;
    backup_service_look(service);
    free_retired(service);
    if (service->lacks_room && !service->stopping)
        backup_service_follow(service);
    importing_tick(service->importing);
    copy_marks_tick(service->marks);
    if (!service->stopping)
        salvaging_tick(service->salvaging);
}

struct backup_service *backup_service_new(struct front_end *fe)
{
    struct backup_service *service = xcalloc(1, sizeof *service);
    service->fe = fe;
    service->workers = workers_new(front_end_loop(fe), "copying", BACKUP_THREADS_MAX);
    service->importing = importing_new(fe, service->workers);
    service->marks = copy_marks_new(fe);
    service->salvaging = salvaging_new(fe, service->workers);
    service->content = content_new(fe);
    pthread_mutex_init(&service->heads.lock, NULL);
    store_watch(front_end_store(fe), on_changed, service);
    return service;
}

void backup_service_start(struct backup_service *service)
{
    follow(service);
    content_start(service->content);
    copy_marks_start(service->marks);
    backup_service_configure(service);
    loop_every(front_end_loop(service->fe), EXPORT_TICK_MS, on_tick, service);
    loop_every(front_end_loop(service->fe), TOMBSTONES_LOOK_MS, on_tombstones, service);
}

void backup_service_stop(struct backup_service *service)
{
    if (!service)
        return;
    content_stop(service->content);
    service->stopping = true;
    workers_free(TAKE(service->workers));
    loop_settle(front_end_loop(service->fe)); /* what its threads had still to say */
    copy_marks_stop(service->marks);
}

void backup_service_free(struct backup_service *service)
{
    if (!service)
        return;
    for (size_t i = 0; i < service->export_count; i++)
        exporting_free(service->exports[i]);
    importing_free(service->importing);
    content_free(service->content);
    copy_marks_free(service->marks);
    salvaging_free(service->salvaging);
    pthread_mutex_destroy(&service->heads.lock);
    free(service);
}

size_t backup_service_exports(const struct backup_service *service,
                              struct exporting *list[BACKUP_EXPORTS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < service->export_count; i++) {
        if (!exporting_is_retired(service->exports[i]))
            list[count++] = service->exports[i];
    }
    return count;
}

struct workers *backup_service_workers(struct backup_service *service)
{
    return service->workers;
}

struct content *backup_service_content(const struct backup_service *service)
{
    return service->content;
}

struct importing *backup_service_importing(struct backup_service *service)
{
    return service->importing;
}

struct salvaging *backup_service_salvaging(const struct backup_service *service)
{
    return service->salvaging;
}

struct copy_marks *backup_service_marks(const struct backup_service *service)
{
    return service->marks;
}

uint64_t backup_service_complete_ms(const struct backup_service *service, const char *home)
{
    uint64_t oldest = UINT64_MAX; /* a module of which nothing is known is as old as can be */
    for (int m = 0; m < MODULES; m++) {
        if (!backup_service_copies(home, (enum module)m))
            continue;
        uint64_t at = copy_marks_of(service->marks, home, (enum module)m);
        oldest = at < oldest ? at : oldest;
    }
    return oldest == UINT64_MAX ? 0 : oldest;
}
