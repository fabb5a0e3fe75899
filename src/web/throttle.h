/* How often somebody may be wrong about who he is. Each failure takes one from what is left to the
 * account, to the address that it came from, and to the two together; time gives it back. Whoever
 * has nothing left must wait, also with the right secret: otherwise he would learn that it is.
 *
 * Others' guesses can't keep a user out for long: what is left to the account alone is much more
 * than what one address can take from it. Any thread. */
#ifndef POLLUX_WEB_THROTTLE_H
#define POLLUX_WEB_THROTTLE_H

#include <stdint.h>

enum {
    /* At one account from one address: a person with a bad memory, not a program with a list. */
    THROTTLE_PAIR_FAILURES = 10,
    THROTTLE_PAIR_MS = 10 * 1000,
    /* From one address: an office behind one router on the morning after a change of secrets. */
    THROTTLE_ADDRESS_FAILURES = 200,
    THROTTLE_ADDRESS_MS = 500,
    /* At one account from everywhere: a hundred machines that share a list. */
    THROTTLE_ACCOUNT_FAILURES = 100,
    THROTTLE_ACCOUNT_MS = 2000,

    THROTTLE_KEPT = 32768, /* that failed lately; who fails next takes the place of the best off */
    THROTTLE_TOGETHER = 8, /* that compete for a place */
};

struct throttle;
struct throttle *throttle_new(void);
void throttle_free(struct throttle *throttle);

/* How long this account has to wait at this address ("192.0.2.7:4711", "[2001:db8::1]:4711"); 0:
 * it may try. */
uint64_t throttle_wait_ms(struct throttle *throttle, const char *account, const char *address,
                          uint64_t now_ms);
void throttle_failed(struct throttle *throttle, const char *account, const char *address,
                     uint64_t now_ms);

#endif
