/* Who serves which home, and where: as it stood when the loop last looked, for threads that may not
 * ask the loop. One never changes; a newer one takes its place. What is decided by an old one does
 * no harm: the store checks each change against the hold record itself. */
#ifndef POLLUX_WEB_STANDING_H
#define POLLUX_WEB_STANDING_H

#include "pool/front_end.h"

struct standing;

struct standing_home {
    char name[FQDN_SIZE];
    bool hosted; /* this pool is one of the two: then mode and term are its own */
    enum mode mode;
    uint64_t term;          /* what changes must name */
    char holder[FQDN_SIZE]; /* a machine of the pool that holds it; "": nobody is known to, or we do
                             */
    uint16_t users_port;    /* of that machine */
};

/* How much conferences may have, by the topology. */
struct standing_limits {
    uint64_t file_max_mb, conference_max_mb;
};

/* On the loop. */
struct standing *standing_look(struct front_end *fe);
struct standing *standing_share(struct standing *standing);
void standing_release(struct standing *standing); /* NULL does nothing */

/* Lent. NULL: the topology has no such pool. */
const struct standing_home *standing_of(const struct standing *standing, const char *home);
const struct standing_home *standing_at(const struct standing *standing, size_t i); /* or NULL */
const struct standing_limits *standing_limits(const struct standing *standing);
const char *standing_domain(const struct standing *standing); /* the realm of all secrets */
const char *standing_pool(const struct standing *standing);   /* this one */

#endif
