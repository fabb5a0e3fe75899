/* What an engine must bring: rows, transactions and snapshots. It knows no rules: what may be
 * changed, and what changes with it, apply.c decides once for all engines. */
#ifndef POLLUX_STORE_ENGINE_H
#define POLLUX_STORE_ENGINE_H

#include <stdatomic.h>

#include "store/sheaf.h"
#include "store/store.h"

struct engine;
struct known;
struct session;

/* A home as the engine stores it. */
struct home_row {
    int64_t id; /* 0: there is no such home yet */
    struct home_state state;
};

/* What the writer must know of a row that it replaces. */
struct found {
    uint64_t usn; /* 0: nothing found */
    bool deleted;
    struct item_hash hash;
    size_t value_size;
};

/* One of the items that are written together. */
struct write {
    struct item item;
    struct item_hash hash;
    uint32_t before_size; /* for the engine: of the row that it replaces */
    bool outdated;        /* by another one behind it, with the same key: it is not written */
};

/* A write's place in an order, by a number: most comparisons need not look at the write itself. */
struct place {
    uint64_t number;
    size_t at;
};

/* Some of them, in one order. */
struct writes {
    struct write *all;
    const struct place *order;
    size_t count;
};

static inline struct write *write_at(const struct writes *writes, size_t i)
{
    return &writes->all[writes->order[i].at];
}

/* Their keys, in the order of keys, and each once; and where those led that were there already. */
struct leads {
    struct sheaves *sheaves;
    struct write *all;
    struct place *before; /* room for each; by the usns of the rows */
    size_t count;
};

void leads_begin(struct leads *leads);
/* `at` is its place in `all`. */
bool leads_next(struct leads *leads, struct keyed *next);
/* It led there before. */
void leads_note(struct leads *leads, const struct keyed *key, uint64_t usn);

typedef void take_visit(const struct write *w, const struct found *found, void *context);

struct engine_ops {
    void (*close)(struct engine *engine);

    /* A writing session is opened once; reading ones as needed. Between begin and end a reading
     * session sees one point in time. */
    enum failure (*session)(struct engine *engine, bool writing, struct session **s,
                            struct error *e);
    void (*session_close)(struct session *s);
    enum failure (*begin)(struct session *s, struct error *e);
    enum failure (*commit)(struct session *s, struct error *e); /* durable when it returns */
    void (*rollback)(struct session *s);                        /* or the end of a view */

    enum failure (*home_load)(struct session *s, const char *home, struct home_row *row,
                              struct error *e);
    /* Creates it when id is 0, and fills in the id. Else its row must be there: the caller may know
     * it without having read it. */
    enum failure (*home_save)(struct session *s, const char *home, struct home_row *row,
                              struct error *e);
    enum failure (*homes)(struct session *s, view_visit_name *visit, void *context,
                          struct error *e);

    /* The same home under another name, with this row; and one without items is removed. */
    enum failure (*home_rename)(struct session *s, const char *home, const char *name,
                                const struct home_row *row, struct error *e);
    enum failure (*home_remove)(struct session *s, const char *home, int64_t id, struct error *e);
    /* Removes items, `max` at most, whatever they are; says how many. */
    enum failure (*sweep)(struct session *s, int64_t home, uint32_t max, uint32_t *swept,
                          struct error *e);

    /* Items of a home: rows by their usns, and keys that lead to them. Both are written apart, so
     * that each of many changes has its place in either order; at the end each key leads to one
     * row, and each row has one. What is read is verified by its hash. */
    enum failure (*find)(struct session *s, int64_t home, enum module module, struct bytes key,
                         struct found *found, struct error *e);
    /* Lets each key lead to its row from now on, and notes where it led before, if anywhere. */
    enum failure (*lead)(struct session *s, int64_t home, struct leads *leads, struct error *e);
    /* By the rows that they replace, whose usns are the numbers of their places: takes those away,
     * and says what each was. */
    enum failure (*take)(struct session *s, int64_t home, const struct writes *writes,
                         take_visit *visit, void *context, struct error *e);
    /* What is left of what was taken away or replaced, and nobody sees any more: whether it is
     * worth a transaction of its own, and one that removes so much of it. */
    bool (*is_untidy)(struct session *s);
    enum failure (*tidy)(struct session *s, uint32_t max, struct error *e);
    /* By their usns: their rows; an error if there is one with such a usn. */
    enum failure (*insert)(struct session *s, int64_t home, const struct writes *writes,
                           struct error *e);
    /* Takes away what has this usn, if anything: a row, sound or not, and the key that leads there.
     */
    enum failure (*drop)(struct session *s, int64_t home, uint64_t usn, struct error *e);
    /* The same where something is damaged: with each key that leads to one of these usns; and what
     * is damaged of the keys is made anew from the rows. */
    enum failure (*discard)(struct session *s, int64_t home, const uint64_t *usns, size_t count,
                            struct error *e);
    enum failure (*forget)(struct session *s, int64_t home, uint64_t tombstones_upto,
                           struct error *e);
    enum failure (*get)(struct session *s, int64_t home, enum module module, struct bytes key,
                        struct item *item, struct error *e);
    enum failure (*walk_usn)(struct session *s, int64_t home, uint64_t after, view_visit *visit,
                             void *context, struct error *e);
    /* The usn of the row that is followed by `rows` others; 0: there is none. */
    enum failure (*newest)(struct session *s, int64_t home, uint32_t rows, uint64_t *usn,
                           struct error *e);
    /* Each row by its usn, also those that are not what was written: of those only the usn can be
     * believed. */
    enum failure (*scan)(struct session *s, int64_t home, view_scan_visit *visit, void *context,
                         struct error *e);
    /* What the engine itself can tell about damage in the structure of its file. */
    enum failure (*structure)(struct session *s, view_goes_on *goes_on, void *context,
                              struct error *e);
    /* Has a new file made of what can be read of a damaged one, when the engine is opened next.
     * NULL: it has no files. */
    enum failure (*renew)(struct session *s, struct error *e);
    /* Of the keys with the prefix, those from `from` on, which has it, too; tombstones' as well. */
    enum failure (*walk_keys)(struct session *s, int64_t home, enum module module,
                              struct bytes prefix, struct bytes from, view_visit *visit,
                              void *context, struct error *e);

    /* Named records, hold records among them: bytes already sealed. An empty value removes. */
    enum failure (*record_get)(struct session *s, const char *name, struct buffer *value,
                               struct error *e);
    enum failure (*record_put)(struct session *s, const char *name, struct bytes value,
                               struct error *e);
    enum failure (*records)(struct session *s, const char *prefix, view_visit_name *visit,
                            void *context, struct error *e);
};

/* Every engine's struct begins with this, and every session's with a pointer to its engine. */
struct engine {
    const struct engine_ops *ops;
    struct known *known; /* of the store that has opened it (known.h) */
    atomic_bool damaged; /* somebody met what is not what was written */
};

struct session {
    struct engine *engine;
};

/* How a home's row and its hold record are spelled, the same for all engines. The encoded form ends
 * in a checksum, over the home's name and the row's id as well: set the id before either. */
void home_row_encode(const char *home, const struct home_row *row, struct buffer *out);
enum failure home_row_decode(const char *home, struct home_row *row, struct bytes encoded,
                             struct error *e);

/* What a dropped home is called until its items are swept away: no name that a home can have. */
#define HOME_DROPPED "dropped "

enum failure record_load(struct session *s, const char *name, struct buffer *value,
                         struct error *e);
enum failure record_save(struct session *s, const char *name, struct bytes value,
                         struct error *e); /* an empty value removes it */

/* "hold/<home>" */
enum { HOLD_RECORD_NAME_SIZE = HOME_NAME_SIZE + 8 };
const char *hold_record_name(const char *home, char name[HOLD_RECORD_NAME_SIZE]);
enum failure hold_load(struct session *s, const char *home, struct hold *hold, struct error *e);
enum failure hold_save(struct session *s, const struct hold *hold, struct error *e);

/* Who meets damage has it looked for, and mended where that can be; where polluxd does not even
 * start, nobody does. */
#define STORE_DAMAGED_NEXT                                                                         \
    "While polluxd runs, it looks for damage by itself, and mends what the pool's partner has. "   \
    "Where the event store-damaged says that something could not be mended, start polluxd again: " \
    "some damage is mended only then. Where it does not start, or says so again: keep the "        \
    "store's "                                                                                     \
    "files for inspection and restore an intact copy; or, if the pool is paired, move them away: " \
    "its partner refills it."

/* Is this what record_save() wrote under this name? */
enum failure record_check(const char *name, struct bytes sealed, struct error *e);

/* A walk over everything did not add up to the home's digest. */
enum failure rows_do_not_add_up(const char *home, struct error *e);

/* What engines answer when an item would get the usn of another. */
enum failure usn_is_taken(uint64_t usn, struct error *e);

/* Called by engines for each row that they read. */
enum failure row_check(const struct item *item, struct item_hash stored, struct error *e);

#endif
