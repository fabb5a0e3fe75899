#include "user/items.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

DEFINE_OWNED(json_t *, json_decref)

static const char documents[] = "Documents", document_bytes[] = "DocumentBytes",
                  conferences[] = "Conferences";

const char *user_key(const char *id, const char *kind, const char *name, char key[USER_KEY_SIZE])
{
    snprintf(key, USER_KEY_SIZE, "user/%s/%s%s%s", id, kind, name ? "/" : "", name ? name : "");
    return key;
}

enum failure user_item(struct view *view, const char *home, const char *key, struct item *item,
                       struct error *e)
{
    enum failure bad = view_item(view, home, MODULE_PRESENCE_FOCUS, bytes_of_text(key), item, e);
    return !bad && item->deleted ? FAIL_NOT_FOUND : bad;
}

enum failure usage_read(struct view *view, const char *home, const char *id, struct usage *usage,
                        struct error *e)
{
    char key[USER_KEY_SIZE];
    struct item item;
    *usage = (struct usage){0};
    enum failure bad = user_item(view, home, user_key(id, USER_USAGE, NULL, key), &item, e);
    if (bad)
        return bad == FAIL_NOT_FOUND ? OK : bad;
    OWNED(json_decref)
    json_t *value = json_loadb((const char *)item.value.at, item.value.size, 0, NULL);
    usage->usn = item.version.usn;
    usage->documents = json_integer_value(json_object_get(value, documents));
    usage->document_bytes = json_integer_value(json_object_get(value, document_bytes));
    usage->conferences = json_integer_value(json_object_get(value, conferences));
    return OK;
}

static bool exceeds(int64_t before, int64_t after, int64_t max)
{
    return after > max && after > before;
}

enum failure usage_check(const struct usage *before, const struct usage *after, struct error *e)
{
    if (exceeds(before->documents, after->documents, USER_DOCUMENTS_MAX))
        fail(e, FAIL_FULL, "A user can have %d documents.", USER_DOCUMENTS_MAX);
    else if (exceeds(before->document_bytes, after->document_bytes, USER_DOCUMENT_BYTES_MAX))
        fail(e, FAIL_FULL, "The documents of a user can have %d bytes in all.",
             USER_DOCUMENT_BYTES_MAX);
    else if (exceeds(before->conferences, after->conferences, USER_CONFERENCES_MAX))
        fail(e, FAIL_FULL, "A user can organise %d conferences.", USER_CONFERENCES_MAX);
    else
        return OK;
    error_kept(e, "Nothing was changed.");
    return error_next(e, "Delete what is no longer needed.");
}

void usage_put(struct txn *txn, const char *id, const struct usage *before,
               const struct usage *after)
{
    char key[USER_KEY_SIZE];
    struct bytes name = bytes_of_text(user_key(id, USER_USAGE, NULL, key));
    txn_expect(txn, MODULE_PRESENCE_FOCUS, name, before->usn);
    if (before->documents == after->documents && before->document_bytes == after->document_bytes &&
        before->conferences == after->conferences)
        return;
    OWNED(free_memory)
    char *text = xasprintf("{\"%s\":%" PRId64 ",\"%s\":%" PRId64 ",\"%s\":%" PRId64 "}", documents,
                           after->documents, document_bytes, after->document_bytes, conferences,
                           after->conferences);
    txn_put(txn, MODULE_PRESENCE_FOCUS, name, bytes_of_text(text));
}
