/* May this topology be published? What the text alone can't tell (topology/topology.h): whether its
 * names resolve, whether it fits what is served now, and what the machines keep their data in. All
 * that is wrong is said at once. */
#ifndef POLLUX_POOL_PUBLICATION_H
#define POLLUX_POOL_PUBLICATION_H

#include "pool/front_end.h"

/* Do the names of machines without an address resolve? Asks the system's resolver, which may take
 * long: on a thread of its own. `go_on` is asked before each; if it says no, that is a fault. */
void publication_check_names(const struct topology *topology, struct faults *faults,
                             bool (*go_on)(void *context), void *context);

/* On the loop: is there a mirror for a database that can't have one? */
void publication_check_databases(const struct front_end *fe, const struct topology *topology,
                                 struct faults *faults);
/* On the loop, of a topology whose text is right: that, and the rest. */
void publication_check(const struct front_end *fe, const struct topology *topology,
                       struct faults *faults);
/* What could not be checked, and what will have to wait; `tell` is called for each. */
void publication_doubts(const struct front_end *fe, const struct topology *topology,
                        void (*tell)(const char *sentence, void *context), void *context);

/* The topology as published, owned by the caller. FAIL_NOT_FOUND: none was, as far as this store
 * knows. */
enum failure publication_read(struct view *view, struct topology **topology, struct error *e);

#endif
