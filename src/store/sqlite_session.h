/* A connection of the SQLite engine, and the few things that everybody does with its statements. */
#ifndef POLLUX_STORE_SQLITE_SESSION_H
#define POLLUX_STORE_SQLITE_SESSION_H

#include "store/sqlite.h"

enum {
    SQLITE_BUSY_MS = 5000, /* an administrator's sqlite3 may look at the file for a moment */
};

/* Rows that were replaced, and still lie about. */
enum { REPLACED_MAX = 500000, REPLACED_BYTES_MAX = 256 << 20 };

struct replaced {
    int64_t rows, bytes;
};

struct checkpointer;

struct sqlite_engine {
    struct engine base;
    struct checkpointer *checkpointer; /* NULL: while the file is prepared */
    char *path, *pool;
    const char *vfs;
    bool leaves_log; /* to whoever opens the file next: it is only looked at */
    char *synchronous;
    int64_t replaced_max;
    int lock; /* held while the store is open: one process for each file */
};

enum item_statement {
    ITEM_REPLACED,
    ITEM_REPLACE,
    ITEM_ROWS_REPLACED,
    ITEM_TAKE_REPLACED,
    ITEM_FORGET_REPLACED,
    ITEM_MAKE_ROOM,
    ITEM_HAS_ROOM,
    ITEM_INSERT,
    ITEM_ROW,
    ITEM_DROP,
    ITEM_FORGET,
    ITEM_TOMBSTONES,
    ITEM_SWEEP,
    ITEM_GET,
    ITEM_WALKED,
    ITEM_WALK_USN,
    ITEM_REPLACED_AFTER,
    ITEM_NEWEST,
    ITEM_LED,
    ITEM_STRAY_ROWS,
    ITEM_LEAF,
    ITEM_LEAF_BEFORE,
    ITEM_LEAF_CHANGE,
    ITEM_LEAF_NEW,
    ITEM_LEAF_DROP,
    ITEM_LEAVES,
    ITEM_LEAVES_ORDER,
    ITEM_LEAVES_SWEEP,
    ITEM_STATEMENTS
};

struct item_statements {
    int64_t home;
    sqlite3_stmt *list[ITEM_STATEMENTS];
};

/* What the statements of sqlite_writing.c are fed with, and which of it is yielded. */
struct feed {
    const struct writes *writes;
    size_t at;
};

struct keys_room;

struct sqlite_session {
    struct session base;
    bool writing;
    sqlite3 *db;
    const char *path;
    sqlite3_stmt *begin, *commit, *rollback, *pin;
    sqlite3_stmt *home_load, *home_save, *home_insert, *homes;
    sqlite3_stmt *record_get, *record_before, *record_behind, *record_put, *record_remove, *records;
    struct item_statements *items;
    size_t items_count;
    sqlite3_stmt *lent; /* whose row the caller still looks at */
    struct feed feed;
    struct keys_room *keys;
    sqlite3_stmt *replaced_count, *replaced_next, *replaced_between;
    bool replaced_known; /* how many, that is */
    struct replaced replaced;
    int64_t tidied_home; /* where tidying goes on */
    uint64_t tidied_upto;
};

static inline struct sqlite_session *session_of(struct session *s)
{
    return (struct sqlite_session *)s;
}

/* The sessions' part of the engine's operations. */
enum failure sqlite_session_open(struct engine *base, bool writing, struct session **result,
                                 struct error *e);
void sqlite_session_close(struct session *base);
enum failure sqlite_begin(struct session *base, struct error *e);
enum failure sqlite_commit(struct session *base, struct error *e);
void sqlite_rollback(struct session *base);

/* The items' part (sqlite_items.c). A row's columns, as sqlite_read_row() expects them: */
#define ITEM_COLUMNS "usn, module, deleted, term, key, value, hash"
enum failure sqlite_create_items(struct sqlite_session *s, int64_t home, struct error *e);
enum failure sqlite_ready_item(struct sqlite_session *s, int64_t home, enum item_statement which,
                               sqlite3_stmt **stmt, struct error *e);
/* One of those that delete by a number: what has it, or so much. */
enum failure sqlite_drop_by(struct sqlite_session *s, int64_t home, enum item_statement which,
                            uint64_t number, struct error *e);
/* They would keep the home's tables from being dropped. */
void sqlite_forget_statements(struct sqlite_session *s, int64_t home);
/* The first two values of a statement. */
void sqlite_bind_key(sqlite3_stmt *stmt, enum module module, struct bytes key);
enum failure sqlite_read_row(struct sqlite_session *s, sqlite3_stmt *stmt, struct item *item,
                             struct item_hash *hash, struct error *e);
/* The tables themselves, once they are empty. */
enum failure sqlite_drop_items(struct sqlite_session *s, int64_t home, struct error *e);
enum failure sqlite_sweep(struct session *base, int64_t home, uint32_t max, uint32_t *swept,
                          struct error *e);
enum failure sqlite_find(struct session *base, int64_t home, enum module module, struct bytes key,
                         struct found *found, struct error *e);
enum failure sqlite_drop(struct session *base, int64_t home, uint64_t usn, struct error *e);
enum failure sqlite_discard(struct session *base, int64_t home, const uint64_t *usns, size_t count,
                            struct error *e);
enum failure sqlite_forget(struct session *base, int64_t home, uint64_t upto, struct error *e);
enum failure sqlite_get(struct session *base, int64_t home, enum module module, struct bytes key,
                        struct item *item, struct error *e);
enum failure sqlite_walk_usn(struct session *base, int64_t home, uint64_t after, view_visit *visit,
                             void *context, struct error *e);
enum failure sqlite_newest(struct session *base, int64_t home, uint32_t rows, uint64_t *usn,
                           struct error *e);
enum failure sqlite_scan(struct session *base, int64_t home, view_scan_visit *visit, void *context,
                         struct error *e);
/* Each that was not replaced, what can be read of it; sound if that is what was written. */
typedef bool row_visit(const struct item *item, bool sound, void *context);
enum failure sqlite_each_row(struct sqlite_session *s, int64_t home, row_visit *visit,
                             void *context, struct error *e);
enum failure sqlite_structure(struct session *base, view_goes_on *goes_on, void *context,
                              struct error *e);
enum failure sqlite_walk_keys(struct session *base, int64_t home, enum module module,
                              struct bytes prefix, struct bytes from, view_visit *visit,
                              void *context, struct error *e);

/* Many items at once (sqlite_writing.c). */
enum failure sqlite_writing_open(struct sqlite_session *s, struct error *e);
enum failure sqlite_lead(struct session *base, int64_t home, struct leads *leads, struct error *e);
enum failure sqlite_take(struct session *base, int64_t home, const struct writes *writes,
                         take_visit *visit, void *context, struct error *e);
enum failure sqlite_insert(struct session *base, int64_t home, const struct writes *writes,
                           struct error *e);

/* Rows that were replaced (sqlite_replaced.c). */
bool sqlite_is_untidy(struct session *base);
enum failure sqlite_tidy(struct session *base, uint32_t max, struct error *e);
void sqlite_note_replaced(struct sqlite_session *s, const struct replaced *more);
/* Whoever writes while too many lie about takes some more than he wrote away: once each key leads
 * to its row again. */
enum failure sqlite_tidy_over(struct sqlite_session *s, size_t rows, struct error *e);
/* Of a home that is dropped, whatever it is. */
enum failure sqlite_sweep_replaced(struct sqlite_session *s, int64_t home, uint32_t max,
                                   uint32_t *swept, struct error *e);
/* Does any lie between these usns? */
enum failure sqlite_replaced_between(struct sqlite_session *s, int64_t home, uint64_t from,
                                     uint64_t to, bool *any, struct error *e);
enum failure sqlite_not_replaced(struct sqlite_session *s, int64_t home, uint64_t usn,
                                 struct error *e);

/* Statements. A session prepares each at its first use and keeps it. */
enum failure sqlite_prepare(struct sqlite_session *s, const char *sql, sqlite3_stmt **stmt,
                            struct error *e);
enum failure sqlite_ready(struct sqlite_session *s, sqlite3_stmt **stmt, const char *sql,
                          struct error *e);
/* Ends a statement that returned `code`; with what it did, if that failed. */
enum failure sqlite_done(struct sqlite_session *s, sqlite3_stmt *stmt, int code, const char *doing,
                         struct error *e);
/* One that needs no values and yields none. */
enum failure sqlite_step_once(struct sqlite_session *s, sqlite3_stmt **stmt, const char *sql,
                              const char *doing, struct error *e);
void sqlite_bind_bytes(sqlite3_stmt *stmt, int at, struct bytes v);
void sqlite_bind_u64(sqlite3_stmt *stmt, int at, uint64_t v);
struct bytes sqlite_column_bytes_of(sqlite3_stmt *stmt, int at);
/* The row that was lent out last is no longer looked at. */
void sqlite_give_back(struct sqlite_session *s);

#endif
