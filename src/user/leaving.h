/* Removes what users had who have left (pool/departed.h): one pass over them, in the store; and the
 * files of conferences that ended, theirs and others' (ended.h). What it removes at the holder, it
 * removes from every copy. When it is time for one, leavers.h knows. */
#ifndef POLLUX_USER_LEAVING_H
#define POLLUX_USER_LEAVING_H

#include <stdatomic.h>

#include "store/store.h"

struct file_store;

enum {
    LEAVERS_AT_ONCE = 256, /* that are looked for among the accounts together */
    LEAVER_CHANGES = 1000, /* in one transaction: some milliseconds */
    /* A pool whose store was away for so long has lost more than this. */
    LEAVERS_KEPT_DAYS = 90,
    SERVED_HOMES_MAX = 6, /* all that a front end hosts */
};

/* The homes that are served here, and in which terms; "central" among them if it is. */
struct served {
    size_t count;
    struct {
        char home[HOME_NAME_SIZE];
        uint64_t term;
    } list[SERVED_HOMES_MAX];
};

struct leaving {
    struct store *store;
    const struct file_store *files; /* of conferences; NULL: this pool keeps none */
    struct served served;
    bool all;       /* all that have left; those of long ago are forgotten then */
    uint64_t after; /* otherwise: those behind this change of `central` */
    const atomic_bool *stopping;
};

/* On a thread of its own. OK as well if it was stopped. */
enum failure leaving_carry_out(const struct leaving *how, struct error *e);

#endif
