/* A run: items that are written together, each in place of what has its key. However they come, the
 * keys are written in the order of keys and the rows in that of usns, because that is what storing
 * costs least: neighbours share pages, and a page is changed once. */
#ifndef POLLUX_STORE_RUN_H
#define POLLUX_STORE_RUN_H

#include "store/engine.h"

struct run;

struct run *run_new(void);
void run_free(struct run *run);

/* For so many more, at once. */
void run_make_room(struct run *run, size_t count);
/* In the order of usns. Of two items with one key the later one counts. Its bytes are lent until
 * the run is written or cleared. */
void run_add(struct run *run, const struct item *item, struct item_hash hash);
/* The keys of so many that are added next; lent as they are. What comes without is tied here, so
 * nothing of that may have been added before. */
void run_expect(struct run *run, const struct sheaf *sheaf, size_t count);
/* Writes them all, keeps the home's digests in step, and is empty then. */
enum failure run_write(struct run *run, struct session *s, struct home_row *home, struct error *e);
/* Nothing but this item, in place of what is damaged: the digests counted it all the time. */
enum failure run_repair(struct run *run, struct session *s, int64_t home, const struct item *item,
                        struct item_hash hash, struct error *e);
void run_clear(struct run *run);

/* What was found goes, and so leaves the digest. */
void count_out(struct digest *digest, size_t key_size, const struct found *found);

#endif
