/* What is done in the background rests while a home is handed over: whoever waits for that should
 * not wait for a batch of something that has time. But not for ever: looks at a home, and copying
 * that takes hours, are no reason to leave it all undone. */
#ifndef POLLUX_CORE_REST_H
#define POLLUX_CORE_REST_H

#include <stdbool.h>
#include <stdint.h>

enum {
    REST_MS = 5000,        /* a hand-over takes less, and users who come after it have come */
    REST_EVERY_MS = 15000, /* from one to the next, whoever asks for it meanwhile */
};

struct rest {
    bool ever;
    uint64_t began_ms;
};

/* Somebody takes the home, or is about to. */
void rest_ask(struct rest *rest, uint64_t now_ms);
bool rest_is_on(const struct rest *rest, uint64_t now_ms);

#endif
