/* One comparison (core/compare.h) tied to the store and the link: the exporter's side, from the
 * first word to the last. Everything is called on the loop; the parts are read beside it. */
#ifndef POLLUX_POOL_COMPARING_H
#define POLLUX_POOL_COMPARING_H

#include "base/workers.h"
#include "pool/front_end.h"

struct comparing;

/* Where the copy stands now, by its own word; NULL and why: it came to nothing. Called once. */
typedef void comparing_done(const struct copy_answer *position, const struct error *e,
                            void *context);

/* NULL and why: it did not begin, and `done` is not called. */
struct comparing *comparing_start(struct front_end *fe, struct workers *workers, const char *home,
                                  enum module module, struct term term, const char *target,
                                  comparing_done *done, void *context, struct error *e);
/* After `done`; or after the link and the workers are stopped. NULL does nothing. */
void comparing_free(struct comparing *c);
DEFINE_OWNED(struct comparing *, comparing_free)
/* What the comparison holds for: the exporter's head when it began. */
uint64_t comparing_head(const struct comparing *c);
/* That were looked at so far; any time on the loop. */
uint64_t comparing_items(const struct comparing *c);

#endif
