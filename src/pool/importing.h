/* The other end of exporting.h: what this pool makes of offers and batches for the copies that it
 * keeps. Batches are applied with the module's cookie in one transaction (applying.h), beside the
 * loop. */
#ifndef POLLUX_POOL_IMPORTING_H
#define POLLUX_POOL_IMPORTING_H

#include "base/workers.h"
#include "pool/front_end.h"

struct importing;

struct importing *importing_new(struct front_end *fe, struct workers *workers);
void importing_free(struct importing *importing);

/* Now and then. */
void importing_tick(struct importing *importing);

/* How many calls it answers at once; one more is told to come again. */
void importing_configure(struct importing *importing, size_t calls_max);

void importing_offered(struct importing *importing, const struct machine *from,
                       const struct sync_offer *offer, struct link_reply *reply);
void importing_sent(struct importing *importing, const struct machine *from, struct bytes batch,
                    struct link_reply *reply);

/* A batch that was not sent but fetched, from another copy (pool/lend.h); copied. It is taken as if
 * the other pool of the pair had sent it; `done` is told where the copy stands, or what was wrong.
 */
typedef void importing_brought_done(const struct copy_answer *answer, const struct error *e,
                                    void *context);
void importing_brought(struct importing *importing, struct bytes batch,
                       importing_brought_done *done, void *context);

/* What came of a module of a home could not be kept, or `e` NULL: it was. Told once for each kind
 * of trouble, and once when it is over. */
void importing_note(struct importing *importing, const char *home, enum module module,
                    const struct error *e);

/* The copy of this home lost something (pool/scrub.h), and waits for its exporter to ask. */
void importing_note_loss(struct importing *importing, const char *home);
bool importing_lacks(const struct importing *importing, const char *home);

/* Of a module of a home, since the start of this process; moments of the monotonic clock, 0: never.
 */
struct import_status {
    uint64_t imported_ms; /* something was imported */
    struct error trouble; /* what went wrong last; `kind` OK: nothing since it went right */
};
const struct import_status *importing_status(const struct importing *importing, const char *home,
                                             enum module module);
/* What keeps the copy of this home from going on, if it is known: of the first module that has
 * trouble; lent. NULL: nothing known. */
const struct error *importing_trouble(const struct importing *importing, const char *home);

#endif
