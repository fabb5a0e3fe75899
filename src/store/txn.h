/* A transaction as collected, before it meets a store. Only the store's own files look inside. */
#ifndef POLLUX_STORE_TXN_H
#define POLLUX_STORE_TXN_H

#include "store/store.h"

enum step_kind {
    STEP_PUT,
    STEP_DELETE,
    STEP_EXPECT,
    STEP_EXPECT_HEAD,
    STEP_EXPECT_DIGEST,
    STEP_APPLY,
    STEP_PLACE,
    STEP_DROP,
    STEP_COMPARE,
    STEP_RECOUNT,
    STEP_DISCARD,
    STEP_REPAIR,
    STEP_COOKIE,
    STEP_WHOLE_AT,
    STEP_HORIZON,
    STEP_RECORD,
    STEP_DROP_HOME,
    STEP_SWEEP,
};

/* Keys and values lie in the transaction's own memory, by offset, because it grows. */
struct step {
    enum step_kind kind;
    enum module module;
    bool deleted;
    struct version version;  /* of an applied item; what is expected; a point to reach; as usn, the
                                revision of what is dropped, or how much is swept */
    struct version from;     /* a cookie to leave; a comparison, by `usn`, as in `version` */
    uint64_t goal;           /* of a comparison that begins */
    size_t key_at, key_size; /* also a record's name */
    size_t value_at, value_size;
};

enum txn_role { ROLE_NONE, ROLE_HOLDER, ROLE_COPY };

struct txn {
    char home[HOME_NAME_SIZE];
    enum txn_role role;
    uint64_t term_number;
    struct hold *hold;
    bool ends_comparison;
    bool repairs;
    bool says_complete;
    uint64_t complete_upto; /* if it says so */
    struct step *steps;
    size_t count, room;
    struct buffer memory;

    /* While it waits and is carried out. */
    struct txn *next;
    store_done *done;
    void *context;
    struct store_outcome outcome;
};

struct bytes step_key(const struct txn *txn, const struct step *step);
struct bytes step_value(const struct txn *txn, const struct step *step);
size_t txn_size(const struct txn *txn);

#endif
