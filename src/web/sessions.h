/* Who is signed on at this machine: in memory, because a session is worth one sign-on. What is kept
 * of a token is its hash, so that whoever reads this memory can't go on in somebody's name. Every
 * question costs the same, however many there are. Any thread. */
#ifndef POLLUX_WEB_SESSIONS_H
#define POLLUX_WEB_SESSIONS_H

#include "pool/session_record.h"

enum {
    SESSIONS_MAX = 65536,       /* 40,000 users signed on, half of them twice */
    SESSIONS_PER_USER_MAX = 16, /* devices of a person; another one ends the one unused longest */
    SESSION_IDLE_MS = 3600 * 1000,  /* a client that is alive asks more often */
    SESSION_LIFE_MS = 86400 * 1000, /* then the secret is asked for again */
    SESSION_TOKEN_SIZE = 65,        /* 256 bits in hexadecimal figures */
    SESSION_CONFERENCES_MAX = 16,   /* that somebody is in at once */
};

struct sessions;
struct sessions *sessions_new(void);
void sessions_free(struct sessions *sessions);

struct session_facts {
    char user[ACCOUNT_ID_SIZE];
    char address[SIP_ADDRESS_SIZE]; /* as it was when the session began */
    char home[FQDN_SIZE];
    char label[SESSION_LABEL_SIZE]; /* tells it from others; nobody goes on in its name by it */
    struct version secret; /* that it was opened with: another one is not known to who has it */
    uint64_t opened_ms;
    uint64_t idle_ends_ms, life_ends_ms;
};

/* Why a session ends. */
enum session_end {
    SESSION_END_ASKED,     /* the user signed off */
    SESSION_END_IDLE,      /* it was not used for SESSION_IDLE_MS */
    SESSION_END_LIFE,      /* it began SESSION_LIFE_MS ago */
    SESSION_END_REPLACED,  /* the user has SESSIONS_PER_USER_MAX newer ones */
    SESSION_END_ACCOUNT,   /* the account is another one by now, or its secret is */
    SESSION_END_ELSEWHERE, /* another pool serves the user */
};

/* Who wants to know of each session that ends, but for those that end with the machine. Called with
 * the sessions locked, on any thread: must not block, nor ask for sessions. The conferences are
 * those that the user was still in. */
typedef void sessions_ended(const struct session_facts *facts, enum session_end why,
                            const char *const *conferences, size_t count, void *context);
void sessions_on_ended(struct sessions *sessions, sessions_ended *ended, void *context);

/* FAIL_BUSY if there are too many in all. */
enum failure sessions_open(struct sessions *sessions, const struct account *account,
                           struct version secret, uint64_t now_ms, char token[SESSION_TOKEN_SIZE],
                           struct error *e);
/* Is there one with this token? Then it was used now, and `*facts` says whose it is. */
bool sessions_use(struct sessions *sessions, const char *token, uint64_t now_ms,
                  struct session_facts *facts);
bool sessions_end(struct sessions *sessions, const char *token, enum session_end why);

/* A session is in conferences until it leaves them or ends. `*news`: it was not in this one before.
 * FAIL_BUSY if it is in too many; FAIL_NOT_FOUND, without words, if there is no such session. */
enum failure sessions_join(struct sessions *sessions, const char *token, const char *conference,
                           bool *news, struct error *e);
/* False: it was not in it. */
bool sessions_leave(struct sessions *sessions, const char *token, const char *conference);

/* A home is served elsewhere: the sessions of it that there are now have ended for whoever uses
 * them, and be it that the home comes back; sessions_end_some() clears them away. Returns how many
 * that are which had not. */
size_t sessions_home_left(struct sessions *sessions, const char *home);
/* Up to `max` of those of all homes. False: none is left. */
bool sessions_end_some(struct sessions *sessions, size_t max);
/* Those that were idle for too long. */
void sessions_tidy(struct sessions *sessions, uint64_t now_ms);

size_t sessions_count(struct sessions *sessions, const char *home); /* NULL: all */

#endif
