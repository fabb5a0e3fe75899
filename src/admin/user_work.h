/* What commands about users have in common.
 *
 * What they need of the topology is copied on the loop, because it may be reloaded meanwhile. They
 * read and commit on a thread of their own: a step that finds that somebody else was faster is done
 * again from its beginning. What only the loop knows is added at the end. */
#ifndef POLLUX_ADMIN_USER_WORK_H
#define POLLUX_ADMIN_USER_WORK_H

#include "admin/admin.h"
#include "admin/call.h"
#include "pool/account.h"

enum {
    /* Each time, one of those who change the same user succeeds, and there are no more at once than
     * have threads; twice, because others may come meanwhile. */
    USER_TRIES_MAX = 2 * ADMIN_THREADS_MAX,
    USER_TEXT_SHOWN_MAX = 100, /* bytes of what somebody typed, in a sentence */
    USER_TEXT_SHOWN_SIZE = USER_TEXT_SHOWN_MAX + 8,
};

struct user_work;
/* On the thread. FAIL_CONFLICT: again. What it says before it commits, it would say again. */
typedef enum failure user_step(struct user_work *work, struct error *e);
/* On the loop, after a step that went well. */
typedef void user_finish(struct user_work *work);

struct user_work {
    struct call *call;
    user_step *step;
    user_finish *finish; /* or NULL */
    struct store *store;
    char sip_domain[FQDN_SIZE];
    uint64_t term; /* in which `central` is served here; 0: the command changes nothing */
    void *state;   /* of the one command that needs more; it frees it in `release` */
    void (*release)(void *state);
    struct account account; /* what the step left for the end */
    struct error error;
};

/* Ends the call, at once or later. A command that changes something in `central` is refused here
 * if this pool does not serve that. */
void user_work_begin(struct call *call, user_step *step, user_finish *finish);
/* The same; `state` is taken over. */
void user_work_begin_with(struct call *call, user_step *step, user_finish *finish, void *state,
                          void (*release)(void *state));

/* For steps. */
enum failure user_view(struct user_work *work, struct view **view, struct error *e);
struct txn *user_txn(const struct user_work *work);
/* Takes the transaction over, and waits until it is durable. */
enum failure user_commit(struct user_work *work, struct txn *txn, struct error *e);
/* As much of the text as a sentence bears, without half a character; returns `out`. */
const char *user_text_shown(const char *text, char out[USER_TEXT_SHOWN_SIZE]);

/* A finish: with -PassThru, and without -WhatIf, the account. */
void user_pass_through(struct user_work *work);

#endif
