/* Why an operation (core/operation.h) ended without what was wanted, in words: what happened, what
 * was left as it was, what to type next, with the names in it, so that it can be pasted. */
#ifndef POLLUX_CORE_OPERATION_ENDING_H
#define POLLUX_CORE_OPERATION_ENDING_H

#include "core/operation.h"

/* While the holder serves on, … */
void ending_refused(struct error *e, const struct operation_words *w, const struct error *why);
void ending_not_served(struct error *e, const struct operation_words *w, enum mode mode);
/* … and will not, until somebody starts it. */
void ending_holder_stopped(struct error *e, const struct operation_words *w);
/* `why`: the copy's trouble; NULL: none is known. */
void ending_stuck(struct error *e, const struct operation_words *w, uint32_t patience_ms,
                  uint64_t left, const struct error *why);
void ending_full(struct error *e, const struct operation_words *w, uint64_t left,
                 const struct error *why);
void ending_replicas_behind(struct error *e, const struct operation_words *w, const char *names,
                            uint32_t patience_ms, uint64_t left);
void ending_not_flushed(struct error *e, const struct operation_words *w, const struct error *why);
void ending_flush_late(struct error *e, const struct operation_words *w, uint32_t waited_ms);
void ending_called_off(struct error *e, const struct operation_words *w);
void ending_taker_stopped(struct error *e, const struct operation_words *w);
/* To be called off; `e` NULL: nobody reads it. */
enum failure ending_too_late(struct error *e, const struct operation_words *w, const char *step);
void ending_silent(struct error *e, const struct operation_words *w, const struct error *trouble);
/* This pool's own store did not keep how far it is: in time, or at all. */
void ending_late_here(struct error *e, const struct operation_words *w, uint32_t waited_ms);
void ending_not_kept_here(struct error *e, const struct operation_words *w,
                          const struct error *why);

/* … while it refuses changes, … */
void ending_not_stopped(struct error *e, const struct operation_words *w, uint32_t waited_ms);
void ending_store_full(struct error *e, const struct operation_words *w);
void ending_unequal(struct error *e, const struct operation_words *w);
void ending_not_released(struct error *e, const struct operation_words *w, uint32_t waited_ms);
/* It may have released, or not. */
void ending_in_doubt(struct error *e, const struct operation_words *w);

/* … and when this pool takes. */
void ending_not_whole(struct error *e, const struct operation_words *w);
/* `ready`: it is the store that takes so long, and not a comparison. */
void ending_late(struct error *e, bool ready, uint32_t waited_ms);
/* The error says why already. */
void ending_not_taken(struct error *e, const struct operation_words *w, bool alone);

#endif
