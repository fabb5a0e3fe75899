#include "user/derived.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/conference.h"

DEFINE_OWNED(json_t *, json_decref)

static const char users[] = "user/";

/* "user/<Id>/<kind>/<name>" */
struct user_item {
    char id[ACCOUNT_ID_SIZE];
    char kind[16];
    char name[USER_KEY_SIZE];
};

static bool read_key(enum module module, struct bytes key, struct user_item *u)
{
    char text[USER_KEY_SIZE];
    if (module != MODULE_PRESENCE_FOCUS || key.size >= sizeof text ||
        !bytes_start_with(key, bytes_of_text(users)))
        return false;
    memcpy(text, key.at, key.size);
    text[key.size] = '\0';
    u->name[0] = '\0';
    return sscanf(text + strlen(users), "%32[^/]/%15[^/]/%511[^\n]", u->id, u->kind, u->name) >= 2;
}

static bool follows(enum module module, struct bytes key)
{
    struct user_item u;
    return read_key(module, key, &u) &&
           (strcmp(u.kind, USER_USAGE) == 0 || strcmp(u.kind, USER_INVITED) == 0);
}

/* --- the changes of one transaction --- */

struct deriving {
    struct txn *txn;
    struct view *view;
    char home[HOME_NAME_SIZE];
    json_t *changes; /* by Id: how many documents, bytes of them and conferences more */
};

static void *begin(struct txn *txn, struct view *view, const char *home, bool own)
{
    (void)own;
    struct deriving *d = xcalloc(1, sizeof *d);
    d->txn = txn;
    d->view = view;
    snprintf(d->home, sizeof d->home, "%s", home);
    d->changes = json_object();
    return d;
}

static void release(void *context)
{
    struct deriving *d = context;
    json_decref(d->changes);
    free(d);
}

static void count(const struct deriving *d, const char *id, int64_t documents, int64_t bytes,
                  int64_t conferences)
{
    const json_t *old = json_object_get(d->changes, id);
    const int64_t more[] = {documents, bytes, conferences};
    json_t *sum = json_array();
    for (size_t i = 0; i < COUNT_OF(more); i++)
        json_array_append_new(sum,
                              json_integer(json_integer_value(json_array_get(old, i)) + more[i]));
    json_object_set_new(d->changes, id, sum);
}

/* Who takes part by this; owned by the caller. */
static json_t *participants(const struct item *item)
{
    if (!item || item->deleted)
        return NULL;
    OWNED(json_decref)
    json_t *value = json_loadb((const char *)item->value.at, item->value.size, 0, NULL);
    return json_incref(json_object_get(value, CONFERENCE_IDS));
}

static enum failure changes(void *context, const struct item *entry, const struct item *here,
                            struct error *e)
{
    (void)e;
    const struct deriving *d = context;
    struct user_item u;
    if (!read_key(entry->module, entry->key, &u))
        return OK;
    int more = !entry->deleted - (here != NULL);
    if (strcmp(u.kind, USER_DOCUMENT) == 0) {
        int64_t had = here ? (int64_t)here->value.size : 0;
        count(d, u.id, more, (int64_t)entry->value.size - had, 0);
    } else if (strcmp(u.kind, USER_CONFERENCE) == 0) {
        OWNED(json_decref) json_t *before = participants(here);
        OWNED(json_decref) json_t *after = participants(entry);
        conference_invite(d->txn, u.id, u.name, before, after);
        count(d, u.id, 0, 0, more);
    }
    return OK;
}

/* --- how much there is --- */

static bool add_document(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct usage *usage = context;
    usage->documents++;
    usage->document_bytes += (int64_t)item->value.size;
    return true;
}

static bool add_conference(const struct item *item, struct item_hash hash, void *context)
{
    (void)item;
    (void)hash;
    struct usage *usage = context;
    usage->conferences++;
    return true;
}

/* Counted, and not only moved on: what stands there may be the count of another history. */
static enum failure recount(const struct deriving *d, const char *id, const json_t *more,
                            struct error *e)
{
    char key[USER_KEY_SIZE];
    struct usage before, after = {0};
    enum failure bad = usage_read(d->view, d->home, id, &before, e);
    if (!bad)
        bad =
            view_keys(d->view, d->home, MODULE_PRESENCE_FOCUS,
                      bytes_of_text(user_key(id, USER_DOCUMENT, "", key)), add_document, &after, e);
    if (!bad)
        bad = view_keys(d->view, d->home, MODULE_PRESENCE_FOCUS,
                        bytes_of_text(user_key(id, USER_CONFERENCE, "", key)), add_conference,
                        &after, e);
    if (bad)
        return bad;
    after.documents += json_integer_value(json_array_get(more, 0));
    after.document_bytes += json_integer_value(json_array_get(more, 1));
    after.conferences += json_integer_value(json_array_get(more, 2));
    usage_put(d->txn, id, &before, &after);
    return OK;
}

static enum failure end(void *context, struct error *e)
{
    const struct deriving *d = context;
    const char *id;
    json_t *more;
    json_object_foreach(d->changes, id, more)
    {
        enum failure bad = recount(d, id, more, e);
        if (bad)
            return bad;
    }
    return OK;
}

const struct salvage_derived user_derived = {
    .follows = follows, .changes = changes, .begin = begin, .end = end, .release = release};
