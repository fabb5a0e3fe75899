/* Comparing (core/compare.h) between the pools of a world, by messages that are lost and late like
 * all others. */
#ifndef POLLUX_SIM_COMPARING_H
#define POLLUX_SIM_COMPARING_H

#include "copying.h"

/* The exporter's side. */
void comparing_begin(struct hosted *h, size_t module);
/* An answer to a call of the comparison: true if the next one is under way. Else it is the answer
 * to all of it. */
bool comparing_goes_on(struct hosted *h, const struct call *call,
                       const struct copy_answer *position);
void comparing_stop(struct hosted *h);

/* The copy's. */
void comparing_called(struct hosted *h, struct call *call);
/* What becomes durable with the record, where a comparison begins or ends with this call. */
void comparing_write(const struct hosted *h, const struct call *call, struct version at,
                     struct txn *txn);
/* Where the copy stands when it has come to its end. */
struct version comparing_end_of(const struct hosted *h, const struct hold *hold,
                                const struct call *call);

#endif
