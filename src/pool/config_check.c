#include "pool/config_check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"

static unsigned line_of(const struct conf_section *s, const char *option)
{
    const struct conf_value *v = conf_value(s, option);
    return v ? v->line : s->line;
}

/* --- the topology --- */

static void find_self(struct config *c, const struct conf_section *root, struct faults *faults)
{
    if (!c->machine)
        return;
    c->self = topology_machine(c->topology, c->machine);
    if (!c->self)
        faults_add(faults, c->file, line_of(root, "machine"),
                   "machine: there is no machine \"%s\" in %s.", c->machine, c->topology_file);
}

static void find_own_database(struct config *c, struct faults *faults)
{
    if (!c->self)
        return;
    const struct pool *pool = c->self->pool;
    for (size_t i = 0; i < c->database_count; i++) {
        if (strcmp(c->databases[i].name, pool->database) == 0) {
            c->database_path = c->databases[i].path;
            return;
        }
    }
    faults_add(faults, c->file, 0,
               "It doesn't say where the database of the pool %s is, for example: "
               "database '%s' { path = \"rtc.db\" }",
               pool->fqdn, pool->database);
}

/* A database that only this machine can open: another one of the pool would make its own, and both
 * would speak for the pool. */
static void check_alone(const struct config *c, struct faults *faults)
{
    const struct pool *pool = c->self ? c->self->pool : NULL;
    if (pool && pool->machine_count > 1 && strcmp(config_engine(c), ENGINE_SQLITE) == 0)
        faults_add(faults, c->file, 0,
                   "The pool %s has %zu machines in %s, and its database is a " ENGINE_SQLITE
                   " file, which one machine has. Leave one machine in it.",
                   pool->fqdn, pool->machine_count, c->topology_file);
}

static void check_databases_known(const struct config *c, const struct conf_section *root,
                                  struct faults *faults)
{
    for (size_t i = 0; i < c->database_count; i++) {
        const char *name = c->databases[i].name;
        if (name[0] && !topology_pool_of_database(c->topology, name))
            faults_add(faults, c->file, root->sections[i]->line,
                       "The database %s belongs to no pool in %s.", name, c->topology_file);
    }
}

void config_check_topology(struct config *c, const struct conf_section *root, struct faults *faults)
{
    if (!c->topology)
        return;
    find_self(c, root, faults);
    find_own_database(c, faults);
    check_alone(c, faults);
    check_databases_known(c, root, faults);
}

/* --- files and folders --- */

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return xstrdup(".");
    if (slash == path)
        return xstrdup("/");
    return xasprintf("%.*s", (int)(slash - path), path);
}

/* Opening says what stat and access can't: whether *this* account may read it. */
static bool open_file(const struct config *c, const char *option, const char *path, unsigned line,
                      struct stat *st, struct faults *faults)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        faults_add(faults, c->file, line, "%s: %s can't be read: %s.", option, path,
                   strerrordesc_np(errno));
        return false;
    }
    bool regular = fstat(fd, st) == 0 && S_ISREG(st->st_mode);
    close(fd);
    if (!regular)
        faults_add(faults, c->file, line, "%s: %s is not a regular file.", option, path);
    return regular;
}

static void check_key(const struct config *c, unsigned line, struct faults *faults)
{
    struct stat st;
    if (open_file(c, "private_key", c->private_key, line, &st, faults) && (st.st_mode & 077))
        faults_add(faults, c->file, line,
                   "private_key: others than its owner have rights on %s. Type: chmod 600 %s",
                   c->private_key, c->private_key);
}

/* The folder of a file that is made later. */
static void check_folder(const struct config *c, const char *option, const char *path,
                         unsigned line, struct faults *faults)
{
    OWNED(free_memory) char *folder = folder_of(path);
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        faults_add(faults, c->file, line, "%s: %s is a folder.", option, path);
    } else if (stat(folder, &st) == 0) {
        if (!S_ISDIR(st.st_mode))
            faults_add(faults, c->file, line, "%s: %s is not a folder.", option, folder);
    } else if (errno == ENOENT) {
        faults_add(faults, c->file, line, "%s: the folder %s does not exist.", option, folder);
    } else {
        faults_add(faults, c->file, line, "%s: %s can't be entered: %s.", option, folder,
                   strerrordesc_np(errno));
    }
}

static void check_socket(const struct config *c, unsigned line, struct faults *faults)
{
    struct sockaddr_un address;
    size_t most = sizeof address.sun_path - 1;
    if (strlen(c->admin_socket) > most)
        faults_add(faults, c->file, line,
                   "admin_socket: the path has %zu bytes; the kernel takes %zu: %s",
                   strlen(c->admin_socket), most, c->admin_socket);
    else
        check_folder(c, "admin_socket", c->admin_socket, line, faults);
}

/* Said at the second of two sections that share a name or a file. */
static void check_shared(const struct config *c, const struct conf_section *root, size_t second,
                         struct faults *faults)
{
    const struct config_database *b = &c->databases[second];
    for (size_t i = 0; i < second; i++) {
        const struct config_database *a = &c->databases[i];
        if (b->name[0] && strcmp(a->name, b->name) == 0) {
            faults_add(faults, c->file, root->sections[second]->line,
                       "The database %s is given a second time; line %u has it already.", b->name,
                       root->sections[i]->line);
            return;
        }
        if (a->path && b->path && strcmp(a->path, b->path) == 0) {
            faults_add(faults, c->file, line_of(root->sections[second], "path"),
                       "path: %s is the file of the database in line %u already.", b->path,
                       root->sections[i]->line);
            return;
        }
    }
}

void config_check_files(const struct config *c, const struct conf_section *root,
                        struct faults *faults)
{
    struct stat st;
    if (c->certificate)
        open_file(c, "certificate", c->certificate, line_of(root, "certificate"), &st, faults);
    if (c->private_key)
        check_key(c, line_of(root, "private_key"), faults);
    if (c->authority)
        open_file(c, "authority", c->authority, line_of(root, "authority"), &st, faults);
    if (c->audit_log)
        check_folder(c, "audit_log", c->audit_log, line_of(root, "audit_log"), faults);
    if (c->admin_socket)
        check_socket(c, line_of(root, "admin_socket"), faults);
    for (size_t i = 0; i < c->database_count; i++) {
        if (c->databases[i].path)
            check_folder(c, "path", c->databases[i].path, line_of(root->sections[i], "path"),
                         faults);
        check_shared(c, root, i, faults);
    }
}
