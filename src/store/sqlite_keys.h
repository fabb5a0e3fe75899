/* The keys of the SQLite engine: what leads from them to the items, in leaves (leaf.h), which lie
 * in a table for each home. */
#ifndef POLLUX_STORE_SQLITE_KEYS_H
#define POLLUX_STORE_SQLITE_KEYS_H

#include "store/leaf.h"
#include "store/sqlite_session.h"

/* The table, with a leaf without keys for each module. */
enum failure sqlite_keys_create(struct sqlite_session *s, int64_t home, struct error *e);
/* Where a key leads; 0: it is not there. */
enum failure sqlite_keys_find(struct sqlite_session *s, int64_t home, enum module module,
                              struct bytes key, uint64_t *usn, struct error *e);
/* The same for each key of the source, which is told. */
enum failure sqlite_keys_look_up(struct sqlite_session *s, int64_t home, struct key_source *source,
                                 struct error *e);
/* Each key of the source leads to its usn from now on. */
enum failure sqlite_keys_put(struct sqlite_session *s, int64_t home, struct key_source *source,
                             struct error *e);
/* What the statement yields: module, key and usn, in the order of keys, each once. */
enum failure sqlite_keys_put_selected(struct sqlite_session *s, int64_t home, sqlite3_stmt *stmt,
                                      struct error *e);
/* Each key of the source goes, if it leads to its usn; it is told then. */
enum failure sqlite_keys_drop(struct sqlite_session *s, int64_t home, struct key_source *source,
                              struct error *e);

/* One of these, for the keys of a list, which is empty then. */
typedef enum failure keys_operation(struct sqlite_session *s, int64_t home,
                                    struct key_source *source, struct error *e);
typedef void keys_told(void *context, const struct keyed *key, uint64_t usn);
enum failure sqlite_keys_listed(struct sqlite_session *s, int64_t home, struct key_list *list,
                                keys_operation *operation, keys_told *told, void *context,
                                struct error *e);

/* In their order, from one key on; as long as it returns true. */
typedef bool keys_visit(const struct led *led, void *context);
enum failure sqlite_keys_walk(struct sqlite_session *s, int64_t home, enum module module,
                              struct bytes from, keys_visit *visit, void *context, struct error *e);

/* Where something is damaged (sqlite_keys_mending.c). */
enum failure sqlite_keys_are_sound(struct sqlite_session *s, int64_t home, bool *sound,
                                   struct error *e);
/* Makes leaves that are damaged, or lack, anew from the rows. Then drops what leads to one of these
 * usns. */
enum failure sqlite_keys_mend(struct sqlite_session *s, int64_t home, const uint64_t *usns,
                              size_t count, struct error *e);

/* Writes a leaf in the place of the one with this number; 0: a new one. */
enum failure sqlite_leaf_write(struct sqlite_session *s, int64_t home, int64_t id,
                               const struct leaf *leaf, struct error *e);

/* Of a store in which they were written otherwise (sqlite_keys_from_older.c). */
enum failure sqlite_keys_from_rows(sqlite3 *db, const char *path, struct error *e);
enum failure sqlite_keys_from_old_leaves(sqlite3 *db, const char *path, struct error *e);

/* For statements there is a function: leads_to(home, module, key, usn). */
enum failure sqlite_keys_open(struct sqlite_session *s, struct error *e);
/* Frees what a session had for all of that. */
void sqlite_keys_close(struct sqlite_session *s);

#endif
