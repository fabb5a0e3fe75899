/* The Backup Service of a home at a pool: its exporters, and the copy's part. Comparing is a
 * function over two stores here; it stands where the messages will be. */
#ifndef POLLUX_SIM_COPYING_H
#define POLLUX_SIM_COPYING_H

#include "network.h"
#include "world.h"

void copying_start(struct hosted *h);
void copying_stop(struct hosted *h);
void copying_tick(struct hosted *h);
void copying_changed(struct hosted *h, uint64_t head);
/* Somebody waits for everything to be copied. */
void copying_wanted(struct hosted *h);

void copying_called(struct hosted *h, struct call *call);
void copying_answered(struct hosted *h, const struct call *call,
                      const struct copy_answer *position);
/* The record under way is about to be stored, and is (or not). */
void copying_enrich(struct hosted *h, struct txn *txn);
void copying_followed(struct hosted *h, bool good);

#endif
