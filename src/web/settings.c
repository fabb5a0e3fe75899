#include "web/settings.h"

#include <string.h>

DEFINE_OWNED(json_t *, json_decref)

static enum failure find(struct visit *v, char key[USER_KEY_SIZE], struct item *item, bool *exists,
                         struct error *e)
{
    enum failure bad = visit_item(v, user_key(v->account.id, USER_SETTINGS, NULL, key), item, e);
    *exists = !bad;
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

enum failure settings_show(struct visit *v, struct error *e)
{
    char key[USER_KEY_SIZE], tag[ETAG_SIZE];
    struct item item;
    bool exists = false;
    enum failure bad = find(v, key, &item, &exists, e);
    if (bad || !visit_condition(v, exists ? &item.version : NULL))
        return bad;
    visit_answer(v, 200, "application/json", exists ? item.value : bytes_of_text("{}"));
    if (exists)
        visit_header(v, "ETag: %s", etag_text(item.version, tag));
    return OK;
}

/* What was read must be what can be written again: a number may be longer than it was. */
static enum failure check_size(const char *text, struct error *e)
{
    if (strlen(text) <= USER_JSON_MAX)
        return OK;
    fail(e, FAIL_INVALID, "The settings have %zu bytes as they are kept, and can have %d.",
         strlen(text), USER_JSON_MAX);
    error_kept(e, "Nothing was changed.");
    return error_next(e, "Leave something out.");
}

enum failure settings_set(struct visit *v, struct error *e)
{
    char key[USER_KEY_SIZE];
    struct item item;
    bool exists = false;
    OWNED(json_decref) json_t *given = visit_object(v, e);
    OWNED(free_memory) char *text = given ? json_dumps(given, JSON_COMPACT) : NULL;
    enum failure bad = given ? check_size(text, e) : e->kind;
    if (!bad)
        bad = find(v, key, &item, &exists, e);
    if (bad || !visit_condition(v, exists ? &item.version : NULL))
        return bad;
    if (!visit_change(v, e))
        return e->kind;
    txn_expect(v->txn, MODULE_PRESENCE_FOCUS, bytes_of_text(key), exists ? item.version.usn : 0);
    txn_put(v->txn, MODULE_PRESENCE_FOCUS, bytes_of_text(key), bytes_of_text(text));
    v->answer.tag_of_change = true;
    visit_answer(v, 200, "application/json", bytes_of_text(text));
    return OK;
}
