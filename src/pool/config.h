/* The configuration of one machine: which machine of the topology it is, where its databases,
 * certificate and sockets are. What concerns the whole deployment stands in the topology.
 *
 * Everything that is wrong is said at once, with file and line. */
#ifndef POLLUX_POOL_CONFIG_H
#define POLLUX_POOL_CONFIG_H

#include <stdio.h>

#include "base/faults.h"
#include "base/log.h"
#include "topology/topology.h"

enum {
    CONFIG_TEXT_MAX = 64 << 10, /* a dozen options and a few databases */
    CONFIG_SCRUB_S = 24 * 3600, /* unless something else is said */
    CONFIG_SCRUB_S_MAX = 90 * 24 * 3600,
};

struct config_database {
    char *name; /* "server.fqdn\INSTANCE", as database_name_valid spells it */
    char *path; /* the SQLite file */
};

struct config {
    char *file;    /* this configuration's own path */
    char *machine; /* FQDN, lower case */
    char *topology_file;
    char *admin_socket;
    char *file_store;     /* the folder of the conferences' files; NULL: this pool has none */
    char *audit_log;      /* the file that commands are noted in; or NULL */
    char *certificate;    /* PEM: this machine's certificate and those that issued it */
    char *private_key;    /* PEM */
    char *authority;      /* PEM: the deployment's own CA */
    char *listen_address; /* where the link listens; NULL: the machine's address */
    struct config_database *databases;
    size_t database_count;
    enum log_level log_level;
    uint32_t scrub_interval_s; /* how often all that is stored is read */
    struct topology *topology; /* as read from topology_file; with it everything is checked */
    const struct machine *self;
    const char *database_path; /* of the database that belongs to this machine's pool */
};

/* Relative paths in the file are relative to its folder. NULL with at least one fault. */
struct config *config_load(const char *path, struct faults *faults);
void config_free(struct config *c);
static inline void owned_config_free(struct config **c)
{
    config_free(*c);
}

/* What this machine's database is. */
#define ENGINE_SQLITE "SQLite"
const char *config_engine(const struct config *c);

/* What can't change while running, by name; NULL if nothing of that changed. */
const char *config_fixed_change(const struct config *a, const struct config *b);

/* A short summary for people, one thing on each line. */
void config_describe(const struct config *c, FILE *out);

#endif
