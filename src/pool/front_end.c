#include "pool/front_end.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "content/file_store.h"
#include "pool/backup_service.h"
#include "pool/certificates.h"
#include "pool/compared.h"
#include "pool/content.h"
#include "pool/flush.h"
#include "pool/former_copies.h"
#include "pool/heartbeats.h"
#include "pool/lend.h"
#include "pool/operating.h"
#include "pool/publisher.h"
#include "pool/rehearsal.h"
#include "pool/salvaged.h"
#include "pool/salvaging.h"
#include "pool/scrub.h"
#include "pool/service.h"
#include "pool/storage_service.h"
#include "pool/sweep.h"
#include "pool/taking_part.h"

struct front_end {
    struct config *config;
    struct loop *loop;
    struct store *store;
    struct link *link;
    struct heartbeats *heartbeats;
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t home_count;
    struct publisher *publisher;
    struct operating *operating;
    struct former_copies *former_copies;
    struct backup_service *backup;
    struct scrub *scrub;
    struct storage_service *storage;
    struct file_store *files;
    struct certificate_watch certificates;
    bool stopped; /* as it was at the start */
    bool begins_anew;
    struct front_end_commands commands;
    const struct salvage_derived *derived;
    front_end_home_changed *home_changed;
    void *home_changed_context;
};

const struct config *front_end_config(const struct front_end *fe)
{
    return fe->config;
}

struct store *front_end_store(const struct front_end *fe)
{
    return fe->store;
}

const char *front_end_pool(const struct front_end *fe)
{
    return fe->config->self->pool->fqdn;
}

struct loop *front_end_loop(const struct front_end *fe)
{
    return fe->loop;
}

struct link *front_end_link(const struct front_end *fe)
{
    return fe->link;
}

const struct scrub *front_end_scrub(const struct front_end *fe)
{
    return fe->scrub;
}

struct backup_service *front_end_backup_service(const struct front_end *fe)
{
    return fe->backup;
}

const struct file_store *front_end_files(const struct front_end *fe)
{
    return fe->files;
}

struct storage_service *front_end_storage_service(const struct front_end *fe)
{
    return fe->storage;
}

struct operating *front_end_operating(const struct front_end *fe)
{
    return fe->operating;
}

struct publisher *front_end_publisher(const struct front_end *fe)
{
    return fe->publisher;
}

struct peers *front_end_peers(const struct front_end *fe)
{
    return heartbeats_peers(fe->heartbeats);
}

const struct heard *front_end_heard(const struct front_end *fe)
{
    return heartbeats_table(fe->heartbeats);
}

struct hosted_home *front_end_home(const struct front_end *fe, const char *name)
{
    for (size_t i = 0; i < fe->home_count; i++) {
        if (strcmp(home_name(hosted_home_core(fe->homes[i])), name) == 0)
            return fe->homes[i];
    }
    return NULL;
}

size_t front_end_homes(const struct front_end *fe, struct hosted_home *list[HOSTED_HOMES_MAX])
{
    memcpy(list, fe->homes, fe->home_count * sizeof *list);
    return fe->home_count;
}

/* --- homes --- */

static void on_home_changed(struct hosted_home *home, void *context)
{
    struct front_end *fe = context;
    const struct home *core = hosted_home_core(home);
    heartbeats_note(fe->heartbeats, core);
    if (fe->home_changed)
        fe->home_changed(home_name(core), fe->home_changed_context);
    if (!fe->link)
        return; /* this machine is stopping, and nobody can be told */
    front_end_tell(fe);
    backup_service_follow(fe->backup); /* its record may name another partner */
}

void front_end_tell(const struct front_end *fe)
{
    if (fe->link)
        heartbeats_tell(fe->heartbeats);
}

void front_end_on_salvage(struct front_end *fe, const struct salvage_derived *derived)
{
    fe->derived = derived;
}

const struct salvage_derived *front_end_derived(const struct front_end *fe)
{
    return fe->derived;
}

void front_end_on_home_changed(struct front_end *fe, front_end_home_changed *changed, void *context)
{
    fe->home_changed = changed;
    fe->home_changed_context = context;
}

static void on_answer(const char *to, const char *name, const struct home_question *question,
                      const struct home_answer *answer, const struct error *e, void *context)
{
    (void)to;
    (void)e; /* that a machine can't be reached, its heartbeats tell */
    struct hosted_home *home = front_end_home(context, name);
    if (home)
        hosted_home_answered(home, question, answer);
}

static void ask_partner(struct hosted_home *home, const struct home_question *question,
                        void *context)
{
    struct front_end *fe = context;
    const struct home *core = hosted_home_core(home);
    const struct machine *to = front_end_machine_of(fe, home_partner(core));
    if (to)
        link_question(fe->link, to, home_name(core), question, on_answer, fe);
    else
        hosted_home_answered(home, question, NULL);
}

static enum failure refuse_partner(const struct front_end *fe, const struct machine *from,
                                   const char *name, struct error *e)
{
    fail(e, FAIL_REFUSED, "%s is not the partner of %s for the home %s.", front_end_pool(fe),
         from->pool->fqdn, name);
    return error_next(e, "Use the same topology file on both.");
}

/* Whoever asks a pool that has no part in the home is told so, if it never comes back to it. */
static void on_question(const struct machine *from, const char *name,
                        const struct home_question *question, struct link_reply *reply,
                        void *context)
{
    struct front_end *fe = context;
    struct hosted_home *home = front_end_home(fe, name);
    bool partner = home && strcmp(home_partner(hosted_home_core(home)), from->pool->fqdn) == 0;
    struct home_answer answer = {.nonce = question->nonce, .verdict = VERDICT_WAIT};
    enum failure bad = OK;
    struct error e;
    bool parted = home && !taking_part_is_assigned(fe->config, name) &&
                  !home_is_named(hosted_home_core(home));
    if (partner && !parted && !question->parts) {
        hosted_home_asked(home, question, reply);
        return;
    }
    if (home && !partner)
        bad = refuse_partner(fe, from, name, &e);
    else if (!home || parted)
        bad = taking_part_answer(fe, name, question, &answer, &e);
    if (bad)
        link_reply_error(reply, &e);
    else
        link_reply_answer(reply, &answer);
}

static void on_demand(const struct machine *from, const char *name,
                      const struct home_demanded *demanded, struct link_reply *reply, void *context)
{
    struct front_end *fe = context;
    struct hosted_home *home = front_end_home(fe, name);
    bool partner = home && strcmp(home_partner(hosted_home_core(home)), from->pool->fqdn) == 0;
    if (partner && demanded->demand == DEMAND_REHEARSE) {
        rehearsal_asked(fe, name, reply);
        return;
    }
    if (partner) {
        hosted_home_demanded(home, demanded, reply);
        storage_service_rest(fe->storage, name);
        if (mode_rights(home_mode(hosted_home_core(home)))->holder)
            backup_service_hurry(fe->backup, name);
        return;
    }
    struct error e;
    refuse_partner(fe, from, name, &e);
    link_reply_error(reply, &e);
}

static const char *name_or_none(const char *pool)
{
    return pool && *pool ? pool : "none";
}

static void on_home_opens(struct txn *txn, const struct hold *hold, void *context)
{
    salvaging_own_first(context, txn, hold);
}

static enum failure open_home(const struct taking_part *part, void *context, struct error *e)
{
    (void)e;
    struct front_end *fe = context;
    struct home_options options = part->options;
    options.failure_detection_ms = fe->config->topology->failure_detection_ms;
    options.stopped = fe->stopped;
    struct hosted_home_around around = {.loop = fe->loop,
                                        .store = fe->store,
                                        .ask = ask_partner,
                                        .changed = on_home_changed,
                                        .opens = on_home_opens,
                                        .context = fe};
    assert(fe->home_count < HOSTED_HOMES_MAX);
    struct hosted_home *home = hosted_home_open(&around, &options, part->hold);
    fe->homes[fe->home_count++] = home;
    const struct home *core = hosted_home_core(home);
    heartbeats_note(fe->heartbeats, core);
    log_event(LOG_EVENT_NOTICE, "home-opened", "The home %s is %s here.", home_name(core),
              mode_name(home_mode(core)));
    if (home_pairs_anew(core))
        log_event(LOG_EVENT_NOTICE, "pairs-anew",
                  "The record of the home %s names the backup pool %s, and the topology %s. That "
                  "counts as soon as the former one has given up, if there was any.",
                  home_name(core), name_or_none(home_partner(core)),
                  name_or_none(part->options.pools[SIDE_BACKUP]));
    return OK;
}

bool front_end_close_home(struct front_end *fe, struct hosted_home *home)
{
    const char *name = home_name(hosted_home_core(home));
    const struct operation_report *r = operating_of(fe->operating, name);
    size_t at = 0;
    if (!hosted_home_rests(home) || (r && operating_is_under_way(r)) ||
        !content_retire(front_end_content(fe), name))
        return false;
    while (fe->homes[at] != home)
        at++;
    fe->home_count--;
    memmove(&fe->homes[at], &fe->homes[at + 1], (fe->home_count - at) * sizeof *fe->homes);
    heartbeats_keep(fe->heartbeats, name);
    hosted_home_close(home);
    heartbeats_forget_witnesses(fe->heartbeats, at);
    backup_service_follow(fe->backup);
    front_end_tell(fe);
    return true;
}

static enum failure open_homes(struct front_end *fe, struct error *e)
{
    enum failure bad = service_stopped(fe->store, &fe->stopped, e);
    if (!bad)
        bad = taking_part_settle(fe->config, fe->store, e);
    return bad ? bad : taking_part_each(fe->config, fe->store, open_home, fe, e);
}

static void on_create(const struct machine *from, const char *name, struct link_reply *reply,
                      void *context)
{
    const struct front_end *fe = context;
    publisher_ordered(fe->publisher, from, name, reply);
}

static void on_flush(const struct machine *from, const char *name, struct link_reply *reply,
                     void *context)
{
    struct front_end *fe = context;
    const struct hosted_home *home = front_end_home(fe, name);
    struct error e;
    if (home && strcmp(home_partner(hosted_home_core(home)), from->pool->fqdn) == 0) {
        flush_asked(fe, name, reply);
        return;
    }
    refuse_partner(fe, from, name, &e);
    link_reply_error(reply, &e);
}

static void on_heartbeat(const struct machine *from, const struct heartbeat *theirs,
                         struct link_reply *reply, void *context)
{
    (void)from;
    const struct front_end *fe = context;
    heartbeats_heard(fe->heartbeats, theirs, reply);
}

static void on_offer(const struct machine *from, const struct sync_offer *offer,
                     struct link_reply *reply, void *context)
{
    const struct front_end *fe = context;
    importing_offered(backup_service_importing(fe->backup), from, offer, reply);
}

static void on_batch(const struct machine *from, struct bytes batch, struct link_reply *reply,
                     void *context)
{
    const struct front_end *fe = context;
    importing_sent(backup_service_importing(fe->backup), from, batch, reply);
}

static void on_part(const struct machine *from, struct bytes part, struct link_reply *reply,
                    void *context)
{
    struct front_end *fe = context;
    compared_told(fe, backup_service_workers(fe->backup), from, part, reply);
}

static void on_records(const struct machine *from, const char *home, struct bytes records,
                       struct link_reply *reply, void *context)
{
    const struct front_end *fe = context;
    storage_service_sent(fe->storage, from, home, records, reply);
}

static void on_wanted(const struct machine *from, const struct items_wanted *wanted,
                      struct link_reply *reply, void *context)
{
    struct front_end *fe = context;
    lend_wanted(fe, backup_service_workers(fe->backup), from, wanted, reply);
}

static void on_tick(void *context)
{
    struct front_end *fe = context;
    for (size_t i = 0; i < fe->home_count; i++)
        hosted_home_tick(fe->homes[i]);
}

/* --- commands, for the room above --- */

void front_end_on_commands(struct front_end *fe, const struct front_end_commands *commands)
{
    fe->commands = commands ? *commands : (struct front_end_commands){0};
}

static void refuse_command(struct http_request *request)
{
    struct error e;
    fail(&e, FAIL_STOPPING, "This polluxd takes no commands now: it is starting, or stopping.");
    error_kept(&e, "Nothing was done.");
    error_next(&e, "Try again shortly.");
    http_answer_error(request, &e);
}

static void on_command(const struct machine *from, const char *payload,
                       struct http_request *request, void *context)
{
    const struct front_end *fe = context;
    if (fe->commands.command)
        fe->commands.command(from, payload, request, fe->commands.context);
    else
        refuse_command(request);
}

static void on_person(struct http_request *request, void *context)
{
    const struct front_end *fe = context;
    if (fe->commands.person)
        fe->commands.person(request, fe->commands.context);
    else
        refuse_command(request);
}

/* --- start, reload, stop --- */

void front_end_begin_anew(struct front_end *fe)
{
    fe->begins_anew = true;
    loop_quit(fe->loop);
}

bool front_end_can_begin_anew(const struct front_end *fe, struct error *e)
{
    OWNED(faults_free) struct faults faults = {0};
    struct config *config = config_load(fe->config->file, &faults);
    const char *fixed = config ? config_fixed_change(fe->config, config) : NULL;
    bool can = config && !fixed;
    if (!config)
        fail(e, FAIL_INVALID, "%s to be without faults", fe->config->file);
    else if (fixed)
        fail(e, FAIL_REFUSED, "somebody to restart it, because the configuration changes %s",
             fixed);
    config_free(config);
    return can;
}

bool front_end_begins_anew(const struct front_end *fe)
{
    return fe->begins_anew;
}

static void on_certificate_timer(void *context)
{
    struct front_end *fe = context;
    certificates_check(fe->config, &fe->certificates);
}

/* The other machines would say it too, one after the other. */
static void tell_certificate_faults(const struct config *config)
{
    OWNED(faults_free) struct faults faults = {0};
    certificates_faults(config, &faults);
    for (size_t i = 0; i < faults.count; i++)
        log_event(LOG_EVENT_ERROR, "certificate-wrong", "%s: %s", faults.list[i].file,
                  faults.list[i].sentence);
}

static enum failure open_store(struct front_end *fe, struct error *e)
{
    struct engine *engine;
    enum failure bad =
        sqlite_engine_open(fe->config->database_path, front_end_pool(fe), &engine, e);
    if (!bad)
        bad = store_open(engine, &fe->store, e);
    if (bad)
        return bad;
    if (fe->config->file_store)
        fe->files = file_store_new(fe->config->file_store, front_end_pool(fe));
    fe->backup = backup_service_new(fe);
    fe->scrub = scrub_new(fe);
    fe->storage = storage_service_new(fe);
    return OK;
}

static enum failure open_link(struct front_end *fe, struct error *e)
{
    const struct config *config = fe->config;
    const struct link_handlers handlers = {.heartbeat = on_heartbeat,
                                           .question = on_question,
                                           .demand = on_demand,
                                           .create = on_create,
                                           .flush = on_flush,
                                           .offer = on_offer,
                                           .batch = on_batch,
                                           .part = on_part,
                                           .wanted = on_wanted,
                                           .standing = lend_standing,
                                           .salvage = salvaged_on_packet,
                                           .chunks = content_on_chunks,
                                           .records = on_records,
                                           .command = on_command,
                                           .person = on_person,
                                           .context = fe};
    const struct link_options options = {.loop = fe->loop,
                                         .topology = config->topology,
                                         .self = config->self,
                                         .listen_address = config->listen_address,
                                         .certificate_file = config->certificate,
                                         .private_key_file = config->private_key,
                                         .authority_file = config->authority,
                                         .handlers = &handlers};
    fe->link = link_start(&options, e);
    return fe->link ? OK : e->kind;
}

struct front_end *front_end_start(struct config *config, struct loop *loop, struct error *e)
{
    struct front_end *fe = xcalloc(1, sizeof *fe);
    fe->config = config;
    fe->loop = loop;
    fe->heartbeats = heartbeats_new(fe);
    fe->publisher = publisher_new(fe);
    fe->operating = operating_new(fe);
    fe->former_copies = former_copies_new(fe);
    if (open_store(fe, e) || open_homes(fe, e) || open_link(fe, e)) {
        front_end_stop(fe);
        return NULL;
    }
    loop_every(loop, HOME_TICK_MS, on_tick, fe);
    loop_every(loop, TAKING_PART_LOOK_MS, taking_part_look, fe);
    loop_every(loop, FORMER_COPIES_LOOK_MS, former_copies_look, fe->former_copies);
    loop_every(loop, CERTIFICATE_CHECK_MS, on_certificate_timer, fe);
    publisher_start(fe->publisher);
    backup_service_start(fe->backup);
    operating_start(fe->operating);
    scrub_start(fe->scrub);
    storage_service_start(fe->storage);
    sweep_resume(fe);
    tell_certificate_faults(config);
    on_certificate_timer(fe);
    heartbeats_start(fe->heartbeats);
    return fe;
}

bool front_end_reload(struct front_end *fe)
{
    OWNED(faults_free) struct faults faults = {0};
    struct config *config = config_load(fe->config->file, &faults);
    struct error e;
    if (!config) {
        for (size_t i = 0; i < faults.count; i++)
            log_event(LOG_EVENT_ERROR, "reload-refused", "%s:%u: %s", faults.list[i].file,
                      faults.list[i].line, faults.list[i].sentence);
        log_event(LOG_EVENT_ERROR, "reload-refused", "Nothing was reloaded; mend the files first.");
        return false;
    }
    const char *fixed = config_fixed_change(fe->config, config);
    if (fixed) {
        log_event(LOG_EVENT_ERROR, "reload-refused",
                  "The new configuration changes %s: that takes a restart. Nothing was reloaded.",
                  fixed);
        config_free(config);
        return false;
    }
    if (link_reload(fe->link, config->topology, config->self, &e)) {
        log_error(LOG_EVENT_ERROR, "reload-refused", &e, "The certificates were not reloaded.");
        config_free(config);
        return false;
    }
    struct config *before = fe->config;
    fe->config = config;
    heartbeats_follow(fe->heartbeats);
    config_free(before);
    backup_service_follow(fe->backup);
    log_set_level(config->log_level);
    log_event(LOG_EVENT_NOTICE, "reloaded",
              "Configuration, topology and certificates were "
              "reloaded.");
    tell_certificate_faults(config);
    fe->certificates = (struct certificate_watch){0};
    certificates_check(config, &fe->certificates);
    heartbeats_tell(fe->heartbeats);
    return true;
}

void front_end_stop(struct front_end *fe)
{
    if (!fe)
        return;
    link_stop(TAKE(fe->link));
    operating_stop(fe->operating);
    scrub_stop(fe->scrub);
    backup_service_stop(fe->backup);
    storage_service_stop(fe->storage);
    for (size_t i = 0; i < fe->home_count; i++)
        hosted_home_close(fe->homes[i]);
    fe->home_count = 0;
    store_close(fe->store);
    /* What the store had still to say lies in the loop: it is told, and finds everything closed. */
    loop_settle(fe->loop);
    scrub_free(fe->scrub);
    storage_service_free(fe->storage);
    backup_service_free(fe->backup);
    file_store_free(fe->files);
    publisher_free(fe->publisher);
    operating_free(fe->operating);
    former_copies_free(fe->former_copies);
    heartbeats_free(fe->heartbeats);
    config_free(fe->config);
    free(fe);
}
