#include "pool/departed.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "pool/central.h"

DEFINE_OWNED(json_t *, json_decref)

static struct bytes key_of(const char *id, struct buffer *key)
{
    buffer_clear(key);
    buffer_printf(key, CENTRAL_DEPARTED "%s", id);
    return buffer_view(key);
}

void departed_put(struct txn *txn, const struct account *account)
{
    char when[CLOCK_TEXT_MAX];
    OWNED(buffer_free) struct buffer key = {0};
    OWNED(json_decref)
    json_t *value = json_pack("{s:s, s:s, s:s}", "Address", account->address, "RegistrarPool",
                              account->pool, "When", clock_wall_text(clock_wall_ms(), when));
    assert(value); /* all of it was UTF-8 when it came in */
    OWNED(free_memory) char *text = json_dumps(value, JSON_COMPACT);
    txn_put(txn, MODULE_CMS_MASTER, key_of(account->id, &key), bytes_of_text(text));
}

void departed_remove(struct txn *txn, const char *id)
{
    OWNED(buffer_free) struct buffer key = {0};
    txn_delete(txn, MODULE_CMS_MASTER, key_of(id, &key));
}

/* --- reading --- */

static bool take_text(const json_t *object, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (!text || !*text || strlen(text) >= size)
        return false;
    snprintf(out, size, "%s", text);
    return true;
}

static bool take_id(struct bytes key, char id[ACCOUNT_ID_SIZE])
{
    size_t prefix = strlen(CENTRAL_DEPARTED);
    if (!bytes_start_with(key, bytes_of_text(CENTRAL_DEPARTED)) ||
        key.size - prefix != ACCOUNT_ID_SIZE - 1)
        return false;
    memcpy(id, key.at + prefix, ACCOUNT_ID_SIZE - 1);
    id[ACCOUNT_ID_SIZE - 1] = '\0';
    return strspn(id, "0123456789abcdef") == ACCOUNT_ID_SIZE - 1;
}

bool departed_decode(const struct item *item, struct departed *d)
{
    *d = (struct departed){0};
    if (item->deleted || item->module != MODULE_CMS_MASTER || !take_id(item->key, d->id))
        return false;
    OWNED(json_decref)
    json_t *value = json_loadb((const char *)item->value.at, item->value.size, 0, NULL);
    return take_text(value, "Address", d->address, sizeof d->address) &&
           take_text(value, "RegistrarPool", d->pool, sizeof d->pool) &&
           take_text(value, "When", d->when, sizeof d->when);
}

enum failure departed_known(struct view *view, const char *id, bool *known, struct error *e)
{
    OWNED(buffer_free) struct buffer key = {0};
    struct item item;
    enum failure bad = view_item(view, HOME_CENTRAL, MODULE_CMS_MASTER, key_of(id, &key), &item, e);
    *known = !bad && !item.deleted;
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

struct walk {
    departed_visit *visit;
    void *context;
};

static bool visit_item(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    const struct walk *w = context;
    struct departed d;
    return !departed_decode(item, &d) || w->visit(&d, item->version.usn, w->context);
}

enum failure departed_since(struct view *view, uint64_t usn, departed_visit *visit, void *context,
                            struct error *e)
{
    struct walk w = {visit, context};
    return view_changes(view, HOME_CENTRAL, usn, visit_item, &w, e);
}

enum failure departed_walk(struct view *view, const char *after, departed_visit *visit,
                           void *context, struct error *e)
{
    OWNED(buffer_free) struct buffer key = {0};
    struct walk w = {visit, context};
    return view_keys_after(view, HOME_CENTRAL, MODULE_CMS_MASTER, bytes_of_text(CENTRAL_DEPARTED),
                           key_of(after, &key), visit_item, &w, e);
}
