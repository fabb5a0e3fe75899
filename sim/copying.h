/* The Backup Service of a home at a pool: its exporters, and the copy's part; but for comparing
 * (comparing.h). */
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
/* What people are told of it. */
enum export_word copying_word(const struct hosted *h, size_t module);

void copying_called(struct hosted *h, struct call *call);
void copying_answered(struct hosted *h, const struct call *call,
                      const struct copy_answer *position);
/* The record under way is stored, or not. */
void copying_followed(struct hosted *h, bool good);

/* For comparing.h. */
struct copy_state copying_copy_of(const struct hosted *h, const struct hold *hold, size_t module,
                                  const struct home_state *state);
/* May what is exported in this term be taken at all? */
bool copying_takes(const struct hosted *h, struct term term);
void copying_note_fork(const struct hosted *h, const struct call *call,
                       const struct copy_answer *answer);
/* What follows on `head->after`, or as much of it as a batch takes. */
void copying_pack(struct hosted *h, const struct batch_head *head, struct buffer *batch);
void copying_offer(struct hosted *h, struct call *call);
struct copy_answer copying_judge(const struct hosted *h, const struct call *call);
/* The lineage goes into the record; the call gets the answer when it is there. */
void copying_follow(struct hosted *h, struct call *call, struct copy_answer answer);

#endif
