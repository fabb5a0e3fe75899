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
};

struct machine {
    char *fqdn;         /* lower case; the certificate carries it */
    char *address;      /* an IPv4 or IPv6 address, or NULL: the name is resolved */
    uint16_t link_port; /* where the other machines of the deployment reach it */
    const struct pool *pool;
};

struct pool {
    char *fqdn;                /* lower case; also the name of its home */
    char *site;                /* for people; may be NULL */
    const struct pool *backup; /* NULL: a lone pool */
    char *database;            /* as the seeds name it: "server.fqdn\INSTANCE" */
    char *mirror;              /* the database's mirror, the same way, or NULL */
    struct machine *machines;
    size_t machine_count; /* at least 1 */
};

struct topology {
    char *sip_domain;
    uint32_t failure_detection_ms; /* a holder not heard for so long counts as gone */
    struct pool *pools;            /* sorted by FQDN */
    size_t pool_count;
    const struct pool *central; /* the pool whose database is the Central Management Store at
                                   first publication; later the hold record says who has it */
    char *text;                 /* the text that it was read from */
};

/* Returns the topology, owned by the caller, or NULL with at least one fault. `name` is what the
 * text is called in messages (a file name). Faults come in the order of their lines. */
struct topology *topology_read(const char *text, const char *name, struct faults *faults);
void topology_free(struct topology *t);
static inline void owned_topology_free(struct topology **t)
{
    topology_free(*t);
}

/* By name, in any case; NULL if there is none. */
const struct pool *topology_pool(const struct topology *t, const char *fqdn);
const struct machine *topology_machine(const struct topology *t, const char *fqdn);
size_t topology_machine_count(const struct topology *t);

/* A FQDN that we accept: letters, digits and hyphens in labels of 1 to 63, at least two labels, at
 * most 253 characters in all. Writes the lower-case form to `lower`. */
bool fqdn_valid(const char *text, char lower[FQDN_SIZE]);

/* "hh:mm:ss", "d.hh:mm:ss" or a bare number of seconds. */
bool time_span_ms(const char *text, uint64_t *ms);

#endif
