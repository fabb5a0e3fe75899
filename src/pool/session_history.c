#include "pool/session_history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/departed.h"

enum { KEY_SIZE = 5 + ACCOUNT_ID_SIZE + 9 + SESSION_RECORD_ID_SIZE };

/* user/items.h has all that a user has under "user/<Id>/". */
static const char *key_of(const char *user, const char *id, char key[KEY_SIZE])
{
    snprintf(key, KEY_SIZE, "user/%s/history/%s", user, id);
    return key;
}

/* --- what is there --- */

struct ids {
    char (*list)[SESSION_RECORD_ID_SIZE]; /* the oldest first */
    size_t count, prefix;
};

static void ids_free(struct ids *ids)
{
    free(ids->list);
}
static inline void owned_ids_free(struct ids *ids)
{
    ids_free(ids);
}

static bool note_id(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct ids *ids = context;
    if (item->key.size - ids->prefix != SESSION_RECORD_ID_SIZE - 1)
        return true; /* a newer version's, perhaps; not ours to end */
    ids->list = xrealloc(ids->list, (ids->count + 1) * sizeof *ids->list);
    memcpy(ids->list[ids->count], item->key.at + ids->prefix, SESSION_RECORD_ID_SIZE - 1);
    ids->list[ids->count++][SESSION_RECORD_ID_SIZE - 1] = '\0';
    return true;
}

static enum failure read_ids(struct view *view, const char *home, const char *user, struct ids *ids,
                             struct error *e)
{
    char prefix[KEY_SIZE];
    ids->prefix = strlen(key_of(user, "", prefix));
    return view_keys(view, home, MODULE_PRESENCE_FOCUS, bytes_of_text(prefix), note_id, ids, e);
}

/* --- adding --- */

static int by_user_and_id(const void *a, const void *b)
{
    const struct session_record *x = a, *y = b;
    int users = strcmp(x->user, y->user);
    return users ? users : strcmp(x->id, y->id);
}

static bool has(const struct ids *ids, const char *id)
{
    for (size_t i = ids->count; i-- > 0;) { /* most are newer than what is there */
        int order = strcmp(ids->list[i], id);
        if (order <= 0)
            return order == 0;
    }
    return false;
}

static void put(struct txn *txn, const struct session_record *record)
{
    char key[KEY_SIZE];
    txn_put(txn, MODULE_PRESENCE_FOCUS, bytes_of_text(key_of(record->user, record->id, key)),
            bytes_of_text(record->value));
}

static void drop(struct txn *txn, const char *user, const char *id)
{
    char key[KEY_SIZE];
    txn_delete(txn, MODULE_PRESENCE_FOCUS, bytes_of_text(key_of(user, id, key)));
}

/* All records are of one user. From the newest down, both lists together, until there are enough:
 * what is older goes, or does not come. */
static bool add_of_user(struct txn *txn, const struct ids *there,
                        const struct session_record *records, size_t count)
{
    size_t kept = 0, i = there->count, j = count;
    bool changes = false;
    while (i || j) {
        bool take_new = j && (!i || strcmp(records[j - 1].id, there->list[i - 1]) > 0);
        if (!take_new) {
            i--;
            if (kept++ >= SESSION_HISTORY_MAX) {
                drop(txn, records->user, there->list[i]);
                changes = true;
            }
            continue;
        }
        j--;
        bool again =
            has(there, records[j].id) || (j && strcmp(records[j - 1].id, records[j].id) == 0);
        if (again || kept >= SESSION_HISTORY_MAX)
            continue;
        put(txn, &records[j]);
        kept++;
        changes = true;
    }
    return changes;
}

enum failure session_history_add(struct view *view, const char *home, struct txn *txn,
                                 struct session_record *records, size_t count, bool *changes,
                                 struct error *e)
{
    *changes = false;
    qsort(records, count, sizeof *records, by_user_and_id);
    for (size_t from = 0, to; from < count; from = to) {
        OWNED(ids_free) struct ids there = {0};
        for (to = from + 1; to < count && strcmp(records[to].user, records[from].user) == 0;)
            to++;
        bool left;
        enum failure bad = departed_known(view, records[from].user, &left, e);
        if (!bad)
            bad = read_ids(view, home, records[from].user, &there, e);
        if (bad)
            return bad;
        if (!left && add_of_user(txn, &there, records + from, to - from))
            *changes = true;
    }
    return OK;
}

/* --- reading --- */

static bool note_value(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    json_t *value = json_loadb((const char *)item->value.at, item->value.size, 0, NULL);
    if (value)
        json_array_insert_new(context, 0, value);
    return true;
}

json_t *session_history_read(struct view *view, const char *home, const char *user, struct error *e)
{
    char prefix[KEY_SIZE];
    json_t *list = json_array();
    if (!view_keys(view, home, MODULE_PRESENCE_FOCUS, bytes_of_text(key_of(user, "", prefix)),
                   note_value, list, e))
        return list;
    json_decref(list);
    return NULL;
}
