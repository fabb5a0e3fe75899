/* A transaction as collected, before it meets a store. Only the store's own files look inside. */
#ifndef POLLUX_STORE_TXN_H
#define POLLUX_STORE_TXN_H

#include "base/blocks.h"
#include "store/sheaf.h"
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
    STEP_REWIND,
    STEP_FORGET_TAIL,
    STEP_RECORD,
    STEP_DROP_HOME,
    STEP_SWEEP,
};

/* A key, which is also a record's name, and its value lie in the transaction's memory. A long
 * catch-up has very many steps: so they are kept small. */
struct step {
    enum step_kind kind;
    enum module module;
    uint32_t key_size, value_size;
    const uint8_t *key, *value;
    struct version version; /* of an applied item; what is expected; a point to reach; as usn, the
                               revision of what is dropped, how much is swept, or a tail's id */
    union {
        struct { /* of an item with a version */
            struct item_hash hash;
            bool deleted;
        };
        struct {
            struct version from; /* a cookie to leave; a comparison, by `usn`, as in `version` */
            uint64_t goal;       /* of a comparison that begins */
        };
    };
};

/* Items to apply that follow each other, SHEAF_ITEMS of them. */
struct tied {
    size_t from; /* the first step */
    struct sheaf *sheaf;
};

enum txn_role { ROLE_NONE, ROLE_HOLDER, ROLE_COPY };

struct txn {
    char home[HOME_NAME_SIZE];
    enum txn_role role;
    uint64_t term_number;
    struct hold *hold;
    bool ends_comparison;
    bool discards;       /* what is not what was written */
    struct tail *rewind; /* of the one STEP_REWIND that there may be */
    uint32_t tails_forgotten;
    bool says_complete;
    uint64_t complete_upto; /* if it says so */
    struct step *steps;
    size_t count, room;
    struct blocks memory;
    struct tied *tied;
    size_t tied_count, tied_size;
    size_t loose_from; /* the items to apply from that step on are not in a sheaf yet */

    /* While it waits and is carried out. */
    struct txn *next;
    store_done *done;
    void *context;
    struct store_outcome outcome;
};

struct bytes step_key(const struct step *step);
struct bytes step_value(const struct step *step);
size_t txn_size(const struct txn *txn);

#endif
