/* Asking another pool for chunks, from a thread that may wait. */
#ifndef POLLUX_POOL_CONTENT_CALLS_H
#define POLLUX_POOL_CONTENT_CALLS_H

#include "pool/front_end.h"

struct content_calls;
struct content_call;

struct content_calls *content_calls_new(struct front_end *fe);
/* Whoever waits is told that this machine stops; so is everybody from here on. */
void content_calls_stop(struct content_calls *calls);
/* After the link and those who waited. */
void content_calls_free(struct content_calls *calls);

/* Any thread but the loop's. `request` is copied; `bytes`: it asks for so many more than the link
 * takes in a moment. */
struct content_call *content_call_begin(struct content_calls *calls, const char *pool,
                                        struct bytes request, uint64_t bytes);
/* Waits for the answer, which is moved to `answer`; the call is over with it. `took_ms`: from the
 * question to the answer. Whoever is busy is asked again for a while: FAIL_BUSY only after that. */
enum failure content_call_end(struct content_call *call, struct buffer *answer, uint64_t *took_ms,
                              struct error *e);
/* The same for nobody: what comes is thrown away. */
void content_call_forget(struct content_call *call);

#endif
