/* Publishing the topology, and what follows from it: every pool creates its home, once.
 *
 * The holder of `central` remembers which homes are still to be created, and orders each pool to do
 * it until the pool confirms. A home that anybody has ever heard of is not ordered again. */
#ifndef POLLUX_POOL_PUBLISHER_H
#define POLLUX_POOL_PUBLISHER_H

#include "pool/front_end.h"

struct publisher;

/* How often creations that were not confirmed are tried again. */
enum { CREATE_RETRY_MS = 1000 };

struct publisher *publisher_new(struct front_end *fe);
void publisher_free(struct publisher *publisher);
/* Once everything around it is there. */
void publisher_start(struct publisher *publisher);

/* Publishes what publication.h found nothing wrong with: creates `central` here if it was never
 * created, and has every pool create its home. Takes the topology over. `done` is called once, with
 * NULL when it is durable here. */
void publisher_publish(struct publisher *publisher, struct topology *topology,
                       hosted_home_done *done, void *context);

/* Has the pool created its home, as far as this machine has heard? */
bool publisher_has_home(const struct front_end *fe, const char *pool);

/* The holder of `central` orders this pool to create its home. */
void publisher_ordered(struct publisher *publisher, const struct machine *from, const char *home,
                       struct link_reply *reply);

#endif
