#include "topology/topology.h"

#include <stdlib.h>
#include <string.h>

#include "base/defaults.h"
#include "base/memory.h"
#include "base/timespan.h"
#include "topology/draft.h"

static const struct conf_rule machine_rules[] = {
    {.name = "address"},
    {.name = "link_port"},
    {.name = "users_port"},
    {.name = NULL},
};
static const struct conf_rule pool_rules[] = {
    {.name = "site"},
    {.name = "backup_pool"},
    {.name = "database"},
    {.name = "mirror"},
    {.name = "machine", .inside = machine_rules},
    {.name = NULL},
};
static const struct conf_rule topology_rules[] = {
    {.name = "sip_domain"},
    {.name = "failure_detection_interval"},
    {.name = "central"},
    {.name = "pool", .inside = pool_rules},
    {.name = "conference_file_max_mb"},
    {.name = "conference_content_max_mb"},
    {.name = NULL},
};

/* --- what concerns the whole deployment --- */

static char *read_sip_domain(struct draft *d)
{
    const struct conf_value *v =
        conf_required(d->root, "sip_domain", "\"litwareinc.com\"", d->file, d->faults);
    char fqdn[FQDN_SIZE];
    if (!v)
        return NULL;
    if (!fqdn_valid(v->text, fqdn))
        faults_add(d->faults, d->file, v->line, "sip_domain: \"%s\" is not a valid domain.",
                   v->text);
    return xstrdup(fqdn);
}

static uint32_t read_failure_detection(struct draft *d)
{
    const struct conf_value *v = conf_value(d->root, "failure_detection_interval");
    uint64_t ms = TOPOLOGY_FAILURE_DETECTION_MS;
    if (!v)
        return (uint32_t)ms;
    if (!time_span_ms(v->text, &ms)) {
        faults_add(d->faults, d->file, v->line,
                   "failure_detection_interval: \"%s\" is not a time span; \"00:00:30\" would be.",
                   v->text);
        return TOPOLOGY_FAILURE_DETECTION_MS;
    }
    if (ms < TOPOLOGY_FAILURE_DETECTION_MS_MIN || ms > TOPOLOGY_FAILURE_DETECTION_MS_MAX) {
        char least[TIME_SPAN_TEXT_MAX], most[TIME_SPAN_TEXT_MAX];
        faults_add(d->faults, d->file, v->line,
                   "failure_detection_interval: %s is outside of %s to %s.", v->text,
                   time_span_text(TOPOLOGY_FAILURE_DETECTION_MS_MIN, least),
                   time_span_text(TOPOLOGY_FAILURE_DETECTION_MS_MAX, most));
        return TOPOLOGY_FAILURE_DETECTION_MS;
    }
    return (uint32_t)ms;
}

static const struct pool *read_central(struct draft *d)
{
    const struct conf_value *v =
        conf_required(d->root, "central", "\"atl-cs-001.litwareinc.com\"", d->file, d->faults);
    if (!v)
        return NULL;
    const struct pool *pool = topology_pool(d->t, v->text);
    if (!pool)
        faults_add(d->faults, d->file, v->line, "central: there is no pool \"%s\" in this file.",
                   v->text);
    return pool;
}

/* --- machines --- */

static char *read_address(struct draft *d, const struct conf_section *s)
{
    const struct conf_value *v = conf_value(s, "address");
    char address[ADDRESS_SIZE];
    if (!v)
        return NULL;
    if (!address_valid(v->text, address))
        faults_add(
            d->faults, d->file, v->line,
            "address: \"%s\" is not an IPv4 or IPv6 address in figures. Leave it out to have "
            "the machine's name resolved.",
            v->text);
    else if (strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0)
        faults_add(d->faults, d->file, v->line,
                   "address: %s stands for all addresses; others can't reach a machine there.",
                   address);
    return xstrdup(address);
}

/* 0 if what is there is no port: then nothing is compared with it. */
static uint16_t read_port(struct draft *d, const struct conf_section *s, const char *name,
                          uint16_t unless_given)
{
    const struct conf_value *v = conf_value(s, name);
    if (!v)
        return unless_given;
    size_t digits = strspn(v->text, "0123456789");
    unsigned long port = digits && digits <= 5 ? strtoul(v->text, NULL, 10) : 0;
    if (v->text[digits] || port < 1 || port > UINT16_MAX) {
        faults_add(d->faults, d->file, v->line, "%s: \"%s\" is not a port (1 to 65535).", name,
                   v->text);
        return 0;
    }
    return (uint16_t)port;
}

static char *read_title(struct draft *d, const struct conf_section *s)
{
    char fqdn[FQDN_SIZE];
    if (!fqdn_valid(s->title, fqdn))
        faults_add(d->faults, d->file, s->line, "The %s's name \"%s\" is not a valid FQDN.",
                   s->name, s->title);
    return xstrdup(fqdn);
}

static void read_machines(struct draft *d, const struct conf_section *s, struct pool *pool)
{
    pool->machines = xcalloc(s->section_count ? s->section_count : 1, sizeof *pool->machines);
    pool->machine_count = s->section_count;
    for (size_t i = 0; i < s->section_count; i++) {
        const struct conf_section *one = s->sections[i];
        pool->machines[i] =
            (struct machine){.fqdn = read_title(d, one),
                             .address = read_address(d, one),
                             .link_port = read_port(d, one, "link_port", DEFAULT_LINK_PORT),
                             .users_port = read_port(d, one, "users_port", DEFAULT_USERS_PORT),
                             .pool = pool};
    }
    if (s->section_count == 0)
        faults_add(d->faults, d->file, s->line,
                   "The pool %s has no machine, for example: machine \"%s\" { }", s->title,
                   s->title);
    if (s->section_count > TOPOLOGY_MACHINES_PER_POOL_MAX)
        faults_add(d->faults, d->file, s->sections[TOPOLOGY_MACHINES_PER_POOL_MAX]->line,
                   "The pool %s has %zu machines; a pool can have %d.", s->title, s->section_count,
                   TOPOLOGY_MACHINES_PER_POOL_MAX);
}

/* --- pools --- */

static char *read_site(struct draft *d, const struct conf_section *s)
{
    const struct conf_value *v = conf_value(s, "site");
    if (!v)
        return NULL;
    if (!v->text[0] || strlen(v->text) > TOPOLOGY_SITE_MAX)
        faults_add(d->faults, d->file, v->line, "site: a name of 1 to %d bytes is expected.",
                   TOPOLOGY_SITE_MAX);
    return xstrdup(v->text);
}

static char *read_database(struct draft *d, const struct conf_value *v)
{
    char name[DATABASE_NAME_SIZE];
    if (!v)
        return NULL;
    if (!database_name_valid(v->text, name))
        faults_add(d->faults, d->file, v->line,
                   "%s: \"%s\" is not the name of a database. It is the server's FQDN, a backslash "
                   "and the instance, in single quotes: "
                   "'redmond-cs-001.litwareinc.com\\RTC'.",
                   v->name, v->text);
    return xstrdup(name);
}

static void read_pool(struct draft *d, const struct conf_section *s, struct pool *pool)
{
    pool->fqdn = read_title(d, s);
    pool->site = read_site(d, s);
    pool->database =
        read_database(d, conf_required(s, "database", "'redmond-cs-001.litwareinc.com\\RTC'",
                                       d->file, d->faults));
    pool->mirror = read_database(d, conf_value(s, "mirror"));
    read_machines(d, s, pool);
}

/* In the order of their names, so that places in `t->pools` stay what they are from the start. */
static int by_title(const void *a, const void *b)
{
    const struct conf_section *x = *(const struct conf_section *const *)a,
                              *y = *(const struct conf_section *const *)b;
    int order = strcasecmp(x->title, y->title);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static uint64_t read_megabytes(struct draft *d, const char *name, uint64_t unless_given,
                               uint64_t most)
{
    const struct conf_value *v = conf_value(d->root, name);
    if (!v)
        return unless_given;
    size_t digits = strspn(v->text, "0123456789");
    unsigned long long mb = digits && digits <= 12 ? strtoull(v->text, NULL, 10) : 0;
    if (!v->text[digits] && mb >= 1 && mb <= most)
        return mb;
    faults_add(d->faults, d->file, v->line, "%s: \"%s\" is not a number of MB (1 to %llu).", name,
               v->text, (unsigned long long)most);
    return unless_given;
}

static void read_pools(struct draft *d)
{
    size_t count = d->root->section_count;
    d->t->pools = xcalloc(count ? count : 1, sizeof *d->t->pools);
    d->t->pool_count = count;
    if (count == 0)
        faults_add(d->faults, d->file, 0, "There is no pool in this file.");
    if (count > TOPOLOGY_POOLS_MAX)
        faults_add(d->faults, d->file, d->root->sections[TOPOLOGY_POOLS_MAX]->line,
                   "There are %zu pools in this file; a deployment can have %d.", count,
                   TOPOLOGY_POOLS_MAX);
    if (count == 0)
        return;
    d->source = xcalloc(count, sizeof(struct conf_section *));
    for (size_t i = 0; i < count; i++)
        d->source[i] = d->root->sections[i];
    qsort(d->source, count, sizeof *d->source, by_title);
    for (size_t i = 0; i < count; i++)
        read_pool(d, d->source[i], &d->t->pools[i]);
}

/* --- the whole --- */

static void read_all(struct draft *d)
{
    d->t->sip_domain = read_sip_domain(d);
    d->t->failure_detection_ms = read_failure_detection(d);
    d->t->file_max_mb =
        read_megabytes(d, "conference_file_max_mb", TOPOLOGY_FILE_MB, TOPOLOGY_FILE_MB_MAX);
    d->t->conference_max_mb = read_megabytes(d, "conference_content_max_mb", TOPOLOGY_CONFERENCE_MB,
                                             TOPOLOGY_CONFERENCE_MB_MAX);
    read_pools(d);
    d->t->central = read_central(d);
    draft_pair_pools(d);
    draft_check_names(d);
}

struct topology *topology_draft(const char *text, const char *name, struct faults *faults)
{
    if (strlen(text) > TOPOLOGY_TEXT_MAX) {
        faults_add(faults, name, 0, "The text has more than %d bytes.", TOPOLOGY_TEXT_MAX);
        return NULL;
    }
    OWNED(conf_free) struct conf_section *root = conf_read(text, name, topology_rules, faults);
    if (!root)
        return NULL;
    OWNED(topology_free) struct topology *t = xcalloc(1, sizeof *t);
    t->text = xstrdup(text);
    struct draft d = {.t = t, .file = name, .root = root, .faults = faults};
    read_all(&d);
    free(d.source);
    faults_sort(faults);
    return TAKE(t);
}

struct topology *topology_read(const char *text, const char *name, struct faults *faults)
{
    size_t before = faults_total(faults);
    OWNED(topology_free) struct topology *t = topology_draft(text, name, faults);
    return faults_total(faults) == before ? TAKE(t) : NULL;
}

static void free_pool(struct pool *pool)
{
    for (size_t i = 0; i < pool->machine_count; i++) {
        free(pool->machines[i].fqdn);
        free(pool->machines[i].address);
    }
    free(pool->machines);
    free(pool->fqdn);
    free(pool->site);
    free(pool->database);
    free(pool->mirror);
}

void topology_free(struct topology *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->pool_count; i++)
        free_pool(&t->pools[i]);
    free(t->pools);
    free(t->sip_domain);
    free(t->text);
    free(t);
}

const struct pool *topology_pool(const struct topology *t, const char *fqdn)
{
    for (size_t i = 0; i < t->pool_count; i++) {
        if (strcasecmp(t->pools[i].fqdn, fqdn) == 0)
            return &t->pools[i];
    }
    return NULL;
}

const struct machine *topology_machine(const struct topology *t, const char *fqdn)
{
    for (size_t i = 0; i < t->pool_count; i++) {
        const struct pool *pool = &t->pools[i];
        for (size_t j = 0; j < pool->machine_count; j++) {
            if (strcasecmp(pool->machines[j].fqdn, fqdn) == 0)
                return &pool->machines[j];
        }
    }
    return NULL;
}

bool topology_has_replica(const struct topology *t, const struct pool *pool)
{
    return pool && pool != t->central && pool != t->central->backup;
}

size_t topology_machine_count(const struct topology *t)
{
    size_t count = 0;
    for (size_t i = 0; i < t->pool_count; i++)
        count += t->pools[i].machine_count;
    return count;
}

const struct pool *topology_pool_of_database(const struct topology *t, const char *name)
{
    for (size_t i = 0; i < t->pool_count; i++) {
        const struct pool *pool = &t->pools[i];
        if (strcasecmp(pool->database, name) == 0 ||
            (pool->mirror && strcasecmp(pool->mirror, name) == 0))
            return pool;
    }
    return NULL;
}
