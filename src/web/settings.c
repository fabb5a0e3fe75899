#include "web/settings.h"

#include "http/server.h"

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

enum failure settings_set(struct visit *v, struct error *e)
{
    char key[USER_KEY_SIZE];
    struct item item;
    bool exists = false;
    OWNED(json_decref) json_t *given = visit_object(v, e);
    enum failure bad = given ? find(v, key, &item, &exists, e) : e->kind;
    if (bad || !visit_condition(v, exists ? &item.version : NULL))
        return bad;
    if (!visit_change(v, e))
        return e->kind;
    struct bytes text = http_request_body(v->request); /* as it is: it comes back like that */
    txn_expect(v->txn, MODULE_PRESENCE_FOCUS, bytes_of_text(key), exists ? item.version.usn : 0);
    txn_put(v->txn, MODULE_PRESENCE_FOCUS, bytes_of_text(key), text);
    v->answer.tag_of_change = true;
    visit_answer(v, 200, "application/json", text);
    return OK;
}
