/* The topology: which pools a deployment has, which machines they consist of, who backs up whom.
 *
 * It is read from the text of a topology file, checked as a whole, and never changed afterwards.
 * Everything that is wrong is said at once, each with its line. It does no I/O: it is given text.
 * Reading files, publishing and comparing are other people's business. */
#ifndef POLLUX_TOPOLOGY_TOPOLOGY_H
#define POLLUX_TOPOLOGY_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/faults.h"
#include "core/limits.h"

enum {
    TOPOLOGY_TEXT_MAX = 512 << 10, /* fits into one item with room to spare */
    TOPOLOGY_POOLS_MAX = 128,
    TOPOLOGY_MACHINES_PER_POOL_MAX = 16,
    TOPOLOGY_FAILURE_DETECTION_MS = 30 * 1000, /* unless the file says another */
    /* Below, a hiccup would count as a disaster; above, nobody would call it detection. */
    TOPOLOGY_FAILURE_DETECTION_MS_MIN = 1000,
    TOPOLOGY_FAILURE_DETECTION_MS_MAX = 60 * 60 * 1000,
    TOPOLOGY_SITE_MAX = 128, /* bytes */
    /* Files of conferences, in MB, unless the file says something else: what people share at a
     * meeting, recordings included. */
    TOPOLOGY_FILE_MB = 2048,
    TOPOLOGY_CONFERENCE_MB = 10240,
    TOPOLOGY_FILE_MB_MAX = 30000, /* larger ones have no manifest (content/manifest.h) */
    TOPOLOGY_CONFERENCE_MB_MAX = 10000000,
    DATABASE_INSTANCE_MAX = 16,
    DATABASE_NAME_SIZE = FQDN_SIZE + 1 + DATABASE_INSTANCE_MAX,
};

struct machine {
    char *fqdn;          /* lower case; the certificate carries it */
    char *address;       /* an IPv4 or IPv6 address in its usual spelling, or NULL: the name is
                            resolved */
    uint16_t link_port;  /* where the other machines of the deployment reach it */
    uint16_t users_port; /* where the users' clients reach it */
    const struct pool *pool;
};

struct pool {
    char *fqdn;                /* lower case; also the name of its home */
    char *site;                /* for people; may be NULL */
    const struct pool *backup; /* NULL: a lone pool */
    char *database;            /* "server.fqdn\INSTANCE", as database_name_valid spells it */
    char *mirror;              /* the database's mirror, the same way, or NULL */
    struct machine *machines;
    size_t machine_count; /* at least 1 */
};

struct topology {
    char *sip_domain;
    uint32_t failure_detection_ms; /* a holder not heard for so long counts as gone */
    /* Of users' conferences: the largest file, and all of one together. */
    uint64_t file_max_mb, conference_max_mb;
    struct pool *pools; /* sorted by FQDN */
    size_t pool_count;
    const struct pool *central; /* the pool whose database is the Central Management Store at
                                   first publication; later the hold record says who has it */
    char *text;                 /* the text that it was read from */
};

/* Returns the topology, owned by the caller, or NULL with at least one fault. `name` is what the
 * text is called in messages (a file name). Faults come in the order of their lines. */
struct topology *topology_read(const char *text, const char *name, struct faults *faults);
/* The same, whatever is wrong with it: for further checks, so that all is said at once, and for
 * nothing else. What could not be read is NULL or empty; NULL if nothing could. */
struct topology *topology_draft(const char *text, const char *name, struct faults *faults);
void topology_free(struct topology *t);
static inline void owned_topology_free(struct topology **t)
{
    topology_free(*t);
}

/* By name, in any case; NULL if there is none. */
const struct pool *topology_pool(const struct topology *t, const char *fqdn);
const struct machine *topology_machine(const struct topology *t, const char *fqdn);
/* Is the pool neither of the two that may hold `central`? Then it keeps a replica of it. */
bool topology_has_replica(const struct topology *t, const struct pool *pool);
size_t topology_machine_count(const struct topology *t);

/* "server.fqdn\INSTANCE": a FQDN and the name of an instance there (a letter, then letters, digits
 * or '_'). Writes the one spelling that names are compared in: server in lower case, instance in
 * upper case. */
bool database_name_valid(const char *text, char name[DATABASE_NAME_SIZE]);
/* Whose database or mirror it is; NULL: nobody's. */
const struct pool *topology_pool_of_database(const struct topology *t, const char *name);

/* An IPv4 or IPv6 address in figures; writes its usual spelling. */
enum { ADDRESS_SIZE = 46 };
bool address_valid(const char *text, char address[ADDRESS_SIZE]);

#endif
