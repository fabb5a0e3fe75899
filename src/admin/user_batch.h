/* Users' data on its way into a home: whole users are gathered, compared with what is there, and
 * written in one transaction for many of them, as the holder's own changes are. Knows nothing of
 * files. For a command's thread. */
#ifndef POLLUX_ADMIN_USER_BATCH_H
#define POLLUX_ADMIN_USER_BATCH_H

#include "admin/call.h"
#include "admin/user_file.h"
#include "cmdlet/filter.h"

enum {
    /* A flush is shared by so many users; what is gathered is bounded by both. */
    BATCH_USERS_MAX = 256,
    BATCH_USERS_BYTES_MAX = 2 << 20,
    /* The documents, the conferences, settings and presence of one; more of it is refused. */
    BATCH_ENTRIES_MAX = USER_DOCUMENTS_MAX + USER_CONFERENCES_MAX + 2,
    BATCH_USER_BYTES_MAX = USER_DOCUMENT_BYTES_MAX + (USER_CONFERENCES_MAX + 2) * USER_JSON_MAX,
    /* Each time, one of those who change the same thing succeeds. */
    BATCH_TRIES_MAX = 64,
    /* Of each: errors, and things that were kept. The rest is counted. */
    BATCH_TOLD_MAX = 20,
};

struct user_batch;

struct user_batch_options {
    struct call *call;
    struct store *store;
    const char *home, *sip_domain;
    uint64_t term;
    const struct filter *filter; /* NULL: all */
    bool replaces, rehearses;
};

struct user_tally {
    uint64_t users, added, replaced, unchanged, kept; /* users who were gone through; items */
    uint64_t refused, passed_over;                    /* users */
    uint64_t strangers; /* participants who are no users, and were left out */
};

struct user_batch *user_batch_new(const struct user_batch_options *options);
void user_batch_free(struct user_batch *batch);

/* Takes what is in the entry over. Whoever is not named any more is complete when he is flushed. */
void user_batch_add(struct user_batch *batch, const char *address, struct user_entry *entry);
/* Something of his is wrong, and was told: he is left out. */
void user_batch_spoil(struct user_batch *batch, const char *address);
/* An error that is told, or only counted. */
void user_batch_tell(struct user_batch *batch, const struct error *e);

/* Then it must be flushed before anything is added. */
bool user_batch_is_full(const struct user_batch *batch);
/* All but the user who was named last, or all. A failure: nothing more can be written. */
enum failure user_batch_flush(struct user_batch *batch, bool all, struct error *e);

const struct user_tally *user_batch_tally(const struct user_batch *batch);
/* What was counted and not told. */
void user_batch_tell_rest(struct user_batch *batch);

#endif
