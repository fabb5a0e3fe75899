#include "pool/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/count.h"
#include "base/memory.h"
#include "base/timespan.h"
#include "conf/conf.h"
#include "pool/config_check.h"

static const struct conf_rule database_rules[] = {
    {.name = "path"},
    {.name = NULL},
};
static const struct conf_rule config_rules[] = {
    {.name = "machine"},
    {.name = "topology"},
    {.name = "admin_socket"},
    {.name = "audit_log"},
    {.name = "file_store"},
    {.name = "certificate"},
    {.name = "private_key"},
    {.name = "authority"},
    {.name = "listen_address"},
    {.name = "log_level"},
    {.name = "scrub_interval"},
    {.name = "database", .inside = database_rules},
    {.name = NULL},
};

/* A configuration while it is being read. */
struct reading {
    struct config *c;
    const struct conf_section *root;
    struct faults *faults;
};

/* `path` as seen from the folder that `file` is in. */
static char *beside(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    if (path[0] == '/' || !slash)
        return xstrdup(path);
    return xasprintf("%.*s/%s", (int)(slash - file), file, path);
}

static char *read_path(struct reading *r, const struct conf_section *s, const char *name,
                       const char *example)
{
    const struct conf_value *v = conf_required(s, name, example, r->c->file, r->faults);
    if (v && v->text[0])
        return beside(r->c->file, v->text);
    if (v)
        faults_add(r->faults, r->c->file, v->line, "%s is empty, for example: %s = %s", name, name,
                   example);
    return NULL;
}

static char *read_machine(struct reading *r)
{
    const struct conf_value *v =
        conf_required(r->root, "machine", "\"atl-cs-001.litwareinc.com\"", r->c->file, r->faults);
    char fqdn[FQDN_SIZE];
    if (!v)
        return NULL;
    if (fqdn_valid(v->text, fqdn))
        return xstrdup(fqdn);
    faults_add(r->faults, r->c->file, v->line, "machine: \"%s\" is not a valid FQDN.", v->text);
    return NULL;
}

static char *read_listen_address(struct reading *r)
{
    const struct conf_value *v = conf_value(r->root, "listen_address");
    char address[ADDRESS_SIZE];
    if (!v)
        return NULL;
    if (!address_valid(v->text, address))
        faults_add(r->faults, r->c->file, v->line,
                   "listen_address: \"%s\" is not an IPv4 or IPv6 address in figures.", v->text);
    return xstrdup(address);
}

static enum log_level read_log_level(struct reading *r)
{
    const struct conf_value *v = conf_value(r->root, "log_level");
    enum log_level level = LOG_EVENT_INFO;
    if (v && !log_level_from_text(v->text, &level))
        faults_add(r->faults, r->c->file, v->line,
                   "log_level: \"%s\" is none of debug, info, notice, warning, error.", v->text);
    return level;
}

static uint32_t read_scrub_interval(struct reading *r)
{
    const struct conf_value *v = conf_value(r->root, "scrub_interval");
    uint64_t ms;
    if (!v)
        return CONFIG_SCRUB_S;
    if (time_span_ms(v->text, &ms) && ms >= 1000 && ms <= (uint64_t)CONFIG_SCRUB_S_MAX * 1000)
        return (uint32_t)(ms / 1000);
    faults_add(r->faults, r->c->file, v->line,
               "scrub_interval: \"%s\" is not a time span from 00:00:01 to 90.00:00:00; "
               "\"1.00:00:00\", a day, would be.",
               v->text);
    return CONFIG_SCRUB_S;
}

static void read_databases(struct reading *r)
{
    struct config *c = r->c;
    c->database_count = r->root->section_count;
    c->databases = xcalloc(c->database_count ? c->database_count : 1, sizeof *c->databases);
    for (size_t i = 0; i < c->database_count; i++) {
        const struct conf_section *s = r->root->sections[i];
        char name[DATABASE_NAME_SIZE];
        if (!database_name_valid(s->title, name))
            faults_add(r->faults, c->file, s->line,
                       "\"%s\" is not the name of a database. It is the server's FQDN, a "
                       "backslash and the instance, in single quotes: "
                       "'redmond-cs-001.litwareinc.com\\RTC'.",
                       s->title);
        c->databases[i] = (struct config_database){
            .name = xstrdup(name), .path = read_path(r, s, "path", "\"atl/rtc.db\"")};
    }
}

static void read_own(struct reading *r)
{
    struct config *c = r->c;
    c->machine = read_machine(r);
    c->topology_file = read_path(r, r->root, "topology", "\"topology.conf\"");
    c->admin_socket = read_path(r, r->root, "admin_socket", "\"atl/admin.sock\"");
    if (conf_value(r->root, "audit_log"))
        c->audit_log = read_path(r, r->root, "audit_log", "\"atl/audit.log\"");
    if (conf_value(r->root, "file_store"))
        c->file_store = read_path(r, r->root, "file_store", "\"atl/files\"");
    c->certificate = read_path(r, r->root, "certificate", "\"pki/certificate.pem\"");
    c->private_key = read_path(r, r->root, "private_key", "\"pki/certificate.key\"");
    c->authority = read_path(r, r->root, "authority", "\"pki/authority.pem\"");
    c->listen_address = read_listen_address(r);
    c->log_level = read_log_level(r);
    c->scrub_interval_s = read_scrub_interval(r);
    read_databases(r);
}

/* Faults inside the topology file carry its name; that it can't be read at all is a fault of the
 * line that names it. */
static void read_topology(struct reading *r)
{
    struct config *c = r->c;
    OWNED(free_memory) char *text = NULL;
    struct error e;
    if (!c->topology_file)
        return;
    if (conf_file_text(c->topology_file, TOPOLOGY_TEXT_MAX, &text, &e))
        faults_add(r->faults, c->file, conf_value(r->root, "topology")->line,
                   "The topology %s can't be read: %s.", c->topology_file, e.what);
    else
        c->topology = topology_read(text, c->topology_file, r->faults);
}

static void read_all(struct reading *r)
{
    read_own(r);
    read_topology(r);
    config_check_topology(r->c, r->root, r->faults);
    config_check_files(r->c, r->root, r->faults);
}

struct config *config_load(const char *path, struct faults *faults)
{
    size_t before = faults_total(faults);
    OWNED(free_memory) char *text = NULL;
    struct error e;
    if (conf_file_text(path, CONFIG_TEXT_MAX, &text, &e)) {
        faults_add(faults, path, 0, "The configuration can't be read: %s.", e.what);
        return NULL;
    }
    OWNED(conf_free) struct conf_section *root = conf_read(text, path, config_rules, faults);
    if (!root)
        return NULL;
    OWNED(config_free) struct config *c = xcalloc(1, sizeof *c);
    c->file = xstrdup(path);
    struct reading r = {.c = c, .root = root, .faults = faults};
    read_all(&r);
    faults_sort(faults);
    return faults_total(faults) == before ? TAKE(c) : NULL;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->database_count; i++) {
        free(c->databases[i].name);
        free(c->databases[i].path);
    }
    free(c->databases);
    free(c->file);
    free(c->machine);
    free(c->topology_file);
    free(c->admin_socket);
    free(c->audit_log);
    free(c->file_store);
    free(c->certificate);
    free(c->private_key);
    free(c->authority);
    free(c->listen_address);
    topology_free(c->topology);
    free(c);
}

const char *config_engine(const struct config *c)
{
    (void)c; /* a path is all that a database can have so far */
    return ENGINE_SQLITE;
}

void config_describe(const struct config *c, FILE *out)
{
    const struct pool *pool = c->self->pool, *central = c->topology->central;
    const char *listens = c->listen_address  ? c->listen_address
                          : c->self->address ? c->self->address
                                             : c->self->fqdn;
    fprintf(out, "Machine   %s\n", c->self->fqdn);
    fprintf(out, "Pool      %s%s%s\n", pool->fqdn, pool->site ? ", " : "",
            pool->site ? pool->site : "");
    fprintf(out, "Backup    %s\n", pool->backup ? pool->backup->fqdn : "none");
    fprintf(out, "Central   %s%s\n", central->fqdn, central == pool ? " (this pool)" : "");
    fprintf(out, "Database  %s in %s\n", pool->database, c->database_path);
    if (c->file_store)
        fprintf(out, "Files     %s\n", c->file_store);
    fprintf(out, "Link      %s, port %u\n", listens, c->self->link_port);
    fprintf(out, "Users     %s, port %u\n", listens, c->self->users_port);
    fprintf(out, "Admin     %s\n", c->admin_socket);
    if (c->audit_log)
        fprintf(out, "Audit     %s\n", c->audit_log);
    fprintf(out, "Topology  %s: %s, %s\n", c->topology_file,
            COUNTED(c->topology->pool_count, "pool"),
            COUNTED(topology_machine_count(c->topology), "machine"));
}

static const char *listens_on(const struct config *c)
{
    const char *address = c->listen_address ? c->listen_address : c->self->address;
    return address ? address : "";
}

const char *config_fixed_change(const struct config *a, const struct config *b)
{
    const struct pool *x = a->self->pool, *y = b->self->pool;
    const char *x_backup = x->backup ? x->backup->fqdn : "",
               *y_backup = y->backup ? y->backup->fqdn : "";
    if (strcmp(a->machine, b->machine) != 0 || strcmp(x->fqdn, y->fqdn) != 0)
        return "which machine this is";
    if (strcmp(a->database_path, b->database_path) != 0)
        return "where its database is";
    const char *x_files = a->file_store ? a->file_store : "",
               *y_files = b->file_store ? b->file_store : "";
    if (strcmp(x_files, y_files) != 0)
        return "where its file store is";
    if (strcmp(a->admin_socket, b->admin_socket) != 0)
        return "where its socket is";
    if (strcmp(listens_on(a), listens_on(b)) != 0 || a->self->link_port != b->self->link_port ||
        a->self->users_port != b->self->users_port)
        return "where it listens";
    if (strcmp(a->certificate, b->certificate) != 0 ||
        strcmp(a->private_key, b->private_key) != 0 || strcmp(a->authority, b->authority) != 0)
        return "where its certificates are";
    if (strcmp(x_backup, y_backup) != 0 ||
        strcmp(a->topology->central->fqdn, b->topology->central->fqdn) != 0)
        return "which homes it takes part in";
    if (a->topology->failure_detection_ms != b->topology->failure_detection_ms)
        return "the failure-detection interval";
    return NULL;
}
