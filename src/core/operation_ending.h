/* Why an operation (core/operation.h) ended without what was wanted, in words: what happened, what
 * was left as it was, what to type next. `central`: it is moved by a command of its own, with other
 * parameters. */
#ifndef POLLUX_CORE_OPERATION_ENDING_H
#define POLLUX_CORE_OPERATION_ENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "core/mode.h"

/* While the holder serves on, … */
void ending_refused(struct error *e, const struct error *why);
void ending_not_served(struct error *e, bool central, enum mode mode);
/* `why`: the copy's trouble; NULL: none is known. */
void ending_stuck(struct error *e, bool central, uint32_t patience_ms, uint64_t left,
                  const struct error *why);
void ending_full(struct error *e, uint64_t left, const struct error *why);
void ending_replicas_behind(struct error *e, const char *names, uint32_t patience_ms,
                            uint64_t left);
void ending_not_flushed(struct error *e, uint32_t waited_ms);
void ending_called_off(struct error *e);
/* To be called off; `e` NULL: nobody reads it. */
enum failure ending_too_late(struct error *e, const char *step);
void ending_silent(struct error *e, bool central, const struct error *trouble);

/* … while it refuses changes, … */
void ending_not_stopped(struct error *e, bool central, uint32_t waited_ms);
void ending_store_full(struct error *e, bool central);
void ending_unequal(struct error *e, bool central);
void ending_not_released(struct error *e, uint32_t waited_ms);
void ending_in_doubt(struct error *e, bool central); /* it may have released, or not */

/* … and when this pool takes. */
void ending_not_whole(struct error *e, bool central);
/* `ready`: it is the store that takes so long, and not a comparison. */
void ending_late(struct error *e, bool ready, uint32_t waited_ms);
void ending_not_taken(struct error *e, bool alone); /* the error says why already */

#endif
