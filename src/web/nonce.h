/* The nonces of digest authentication: made without being kept, checked without having been kept,
 * and each counted from its first use on, so that nobody can say again what somebody else said.
 *
 * A nonce is a time, a random number and a keyed hash over both; the key is drawn at the start, so
 * a restart makes all of them stale. What is kept of those in use is bounded: where one is given up
 * for another, everything that was issued before it is stale from then on. Any thread. */
#ifndef POLLUX_WEB_NONCE_H
#define POLLUX_WEB_NONCE_H

#include <stdint.h>

enum {
    NONCE_SIZE = 65,                /* 64 hexadecimal figures */
    NONCE_LIFETIME_MS = 300 * 1000, /* then the client asks again, without asking its user */
    NONCES_KEPT = 65536,            /* in use at once: one for each client that has a session */
    NONCES_TOGETHER = 8,            /* that compete for a place */
    NONCE_COUNTS_KEPT = 64,         /* requests of one client may overtake each other by so many */
};

struct nonces;
struct nonces *nonces_new(void);
void nonces_free(struct nonces *nonces);

void nonces_issue(struct nonces *nonces, uint64_t now_ms, char text[NONCE_SIZE]);

enum nonce_verdict {
    NONCE_GOOD,
    NONCE_STALE,    /* too old, given up, of another start, or none of ours: take a new one */
    NONCE_REPEATED, /* this count was used already */
};
/* Only for an answer that fits: whoever guesses must not fill the table. */
enum nonce_verdict nonces_use(struct nonces *nonces, const char *text, uint32_t count,
                              uint64_t now_ms);

#endif
