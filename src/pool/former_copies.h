/* Copies of homes for which the topology gives this pool no part any more: has whoever holds such a
 * home all that is in the copy? Its store may have been put back to an older one, and an
 * administrator may have had it served so before it met this pool, which has given its part up
 * (protocol, rule 12). The copy is the last to have the rest then, and nobody else would say so. */
#ifndef POLLUX_POOL_FORMER_COPIES_H
#define POLLUX_POOL_FORMER_COPIES_H

#include "pool/front_end.h"

enum { FORMER_COPIES_LOOK_MS = 5000 };

struct former_copies;
struct former_copies *former_copies_new(struct front_end *fe);
void former_copies_free(struct former_copies *copies);
/* Asks each holder once for each of its terms and of its starts, and has the event log say what it
 * lacks. */
void former_copies_look(void *copies);

/* Fails if the copy here has more than whoever holds the home, as that said (link_standing()); and
 * says what brings the rest there. Where that can't be told, it does not. */
enum failure former_copy_check(const struct front_end *fe, const struct sync_offer *offer,
                               struct error *e);

#endif
