#include "web/conference.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "user/conference.h"
#include "user/ended.h"

DEFINE_OWNED(json_t *, json_decref)

/* --- keys --- */

static const char *own_key(const char *organiser, const char *id, char key[USER_KEY_SIZE])
{
    return user_key(organiser, USER_CONFERENCE, id, key);
}

static const char *invited_key(const char *participant, const char *id, char key[USER_KEY_SIZE])
{
    return user_key(participant, USER_INVITED, id, key);
}

/* --- finding --- */

struct found {
    bool organises; /* the caller does */
    char key[USER_KEY_SIZE];
    struct version version;
    json_t *value;
};

static void found_free(struct found *f)
{
    json_decref(f->value);
}
static inline void owned_found_free(struct found *f)
{
    found_free(f);
}

static enum failure no_conference(struct error *e)
{
    fail(e, FAIL_NOT_FOUND, "You take part in no such conference.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "GET /v1/conferences lists those that you do take part in.");
}

static enum failure read_found(struct visit *v, struct found *f, struct error *e)
{
    struct item item;
    enum failure bad = visit_item(v, f->key, &item, e);
    if (bad)
        return bad == FAIL_NOT_FOUND ? no_conference(e) : bad;
    f->version = item.version;
    f->value = json_loadb((const char *)item.value.at, item.value.size, 0, NULL);
    if (json_is_object(f->value))
        return OK;
    fail(e, FAIL_DAMAGED, "What is kept of this conference can't be read.");
    return error_next(e, "A newer version may have written it.");
}

/* Whoever organises it reads his own; whoever takes part has an item that says whose it is. */
static enum failure find(struct visit *v, const char *id, struct found *f, struct error *e)
{
    struct item item;
    char organiser[ACCOUNT_ID_SIZE] = "";
    *f = (struct found){.organises = true};
    if (!conference_id_valid(id))
        return no_conference(e);
    enum failure bad = visit_item(v, own_key(v->account.id, id, f->key), &item, e);
    if (bad == FAIL_NOT_FOUND) {
        f->organises = false;
        bad = visit_item(v, invited_key(v->account.id, id, f->key), &item, e);
        if (!bad && item.value.size < sizeof organiser)
            memcpy(organiser, item.value.at, item.value.size);
        own_key(organiser, id, f->key);
    }
    if (bad)
        return bad == FAIL_NOT_FOUND ? no_conference(e) : bad;
    return read_found(v, f, e);
}

const char *conference_id_of(const char *rest, char id[CONFERENCE_ID_SIZE])
{
    size_t length = strcspn(rest, "/");
    snprintf(id, CONFERENCE_ID_SIZE, "%.*s", length < CONFERENCE_ID_SIZE ? (int)length : 0, rest);
    return id;
}

enum failure conference_check_part(struct visit *v, const char *id, struct error *e)
{
    OWNED(found_free) struct found f = {0};
    return find(v, id, &f, e);
}

/* --- showing --- */

/* Ids of accounts are nobody's business. */
static json_t *shown(const json_t *value)
{
    json_t *object = json_copy((json_t *)(uintptr_t)value);
    json_object_del(object, CONFERENCE_IDS);
    return object;
}

enum failure conference_show(struct visit *v, struct error *e)
{
    OWNED(found_free) struct found f = {0};
    char tag[ETAG_SIZE];
    enum failure bad = find(v, v->rest, &f, e);
    if (bad || !visit_condition(v, &f.version))
        return bad;
    visit_answer_json(v, 200, shown(f.value));
    visit_header(v, "ETag: %s", etag_text(f.version, tag));
    return OK;
}

/* --- listing --- */

struct ids {
    char (*list)[CONFERENCE_ID_SIZE];
    size_t count;
    bool more;
};

static bool note_id(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct ids *ids = context;
    const char *end = (const char *)item->key.at + item->key.size;
    ids->more = ids->count == CONFERENCE_LISTED_MAX;
    if (ids->more || item->key.size < CONFERENCE_ID_SIZE)
        return false;
    memcpy(ids->list[ids->count], end - (CONFERENCE_ID_SIZE - 1), CONFERENCE_ID_SIZE - 1);
    ids->list[ids->count++][CONFERENCE_ID_SIZE - 1] = '\0';
    return true;
}

static enum failure note_kind(struct visit *v, const char *kind, struct ids *ids, struct error *e)
{
    char key[USER_KEY_SIZE];
    return ids->more
               ? OK
               : view_keys(v->view, v->home->name, MODULE_PRESENCE_FOCUS,
                           bytes_of_text(user_key(v->account.id, kind, "", key)), note_id, ids, e);
}

static enum failure list_found(struct visit *v, const struct ids *ids, json_t *list,
                               struct error *e)
{
    for (size_t i = 0; i < ids->count; i++) {
        OWNED(found_free) struct found f = {0};
        enum failure bad = find(v, ids->list[i], &f, e);
        if (bad && bad != FAIL_NOT_FOUND)
            return bad;
        if (!bad) /* an invitation may outlive what it was to */
            json_array_append_new(list, shown(f.value));
    }
    return OK;
}

/* Where else there may be some that the caller takes part in: of what is kept at other pools this
 * one need not have a copy. */
static json_t *elsewhere(const struct visit *v)
{
    json_t *paths = json_array();
    const struct standing_home *home;
    for (size_t i = 0; (home = standing_at(v->standing, i)); i++) {
        if (home != v->home)
            json_array_append_new(paths, json_sprintf("/v1/pools/%s/conferences", home->name));
    }
    return paths;
}

static enum failure list_here(struct visit *v, json_t *answer, struct error *e)
{
    struct ids ids = {.list = xcalloc(CONFERENCE_LISTED_MAX, CONFERENCE_ID_SIZE)};
    json_t *list = json_array();
    enum failure bad = note_kind(v, USER_CONFERENCE, &ids, e);
    if (!bad)
        bad = note_kind(v, USER_INVITED, &ids, e);
    if (!bad)
        bad = list_found(v, &ids, list, e);
    free(ids.list);
    json_object_set_new(answer, "conferences", list);
    json_object_set_new(answer, "more", json_boolean(ids.more));
    visit_answer_json(v, 200, answer);
    return bad;
}

enum failure conference_list(struct visit *v, struct error *e)
{
    return list_here(v, json_pack("{s:o}", "elsewhere", elsewhere(v)), e);
}

enum failure conference_show_elsewhere(struct visit *v, struct error *e)
{
    static const char all[] = "/conferences";
    v->rest += strcspn(v->rest, "/"); /* behind the pool */
    if (strcmp(v->rest, all) == 0)
        return list_here(v, json_object(), e);
    if (strncmp(v->rest, "/conferences/", sizeof all) == 0) {
        v->rest += sizeof all;
        return conference_show(v, e);
    }
    fail(e, FAIL_NOT_FOUND, "Of another pool, the conferences can be seen.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "Ask for /v1/pools/%s/conferences.", v->home->name);
}

/* --- changing --- */

static void put_conference(struct visit *v, const char *id, const json_t *value)
{
    char key[USER_KEY_SIZE];
    OWNED(free_memory) char *text = json_dumps(value, JSON_COMPACT);
    txn_put(v->txn, MODULE_PRESENCE_FOCUS, bytes_of_text(own_key(v->account.id, id, key)),
            bytes_of_text(text));
}

/* The request's body, made into what is kept of it; owned by the caller. NULL: it is none. */
static json_t *take(struct visit *v, const char *id, struct error *e)
{
    OWNED(json_decref) json_t *given = visit_object(v, e);
    const struct conference_reader reader = {
        .view = v->view, .sip_domain = standing_domain(v->standing), .organiser = &v->account};
    return given ? conference_read(&reader, id, given, e) : NULL;
}

static enum failure count_one(struct visit *v, int change, struct error *e)
{
    struct usage before;
    enum failure bad = usage_read(v->view, v->home->name, v->account.id, &before, e);
    struct usage after = before;
    after.conferences += change;
    if (!bad)
        bad = usage_check(&before, &after, e);
    if (!bad)
        usage_put(v->txn, v->account.id, &before, &after);
    return bad;
}

enum failure conference_create(struct visit *v, struct error *e)
{
    char id[CONFERENCE_ID_SIZE];
    snprintf(id, sizeof id, "%016" PRIx64 "%016" PRIx64, random_u64(), random_u64());
    OWNED(json_decref) json_t *value = take(v, id, e);
    if (!value || !visit_change(v, e))
        return e->kind;
    put_conference(v, id, value); /* the first of the changes: its number is the ETag */
    conference_invite(v->txn, v->account.id, id, NULL, json_object_get(value, CONFERENCE_IDS));
    enum failure bad = count_one(v, +1, e);
    if (bad)
        return bad;
    v->answer.tag_of_change = true;
    visit_answer_json(v, 201, shown(value));
    visit_header(v, "Location: /v1/conferences/%s", id);
    return OK;
}

static enum failure not_organiser(struct error *e)
{
    fail(e, FAIL_DENIED, "Only who organises a conference changes or ends it.");
    error_kept(e, "Nothing was changed.");
    return error_next(e, "Ask its organiser.");
}

/* What a change and an end have in common; OK without a transaction: the answer says why. */
static enum failure begin_change(struct visit *v, struct found *f, struct error *e)
{
    enum failure bad = find(v, v->rest, f, e);
    if (bad)
        return bad;
    if (!f->organises)
        return not_organiser(e);
    if (!visit_condition(v, &f->version))
        return OK;
    if (!visit_change(v, e))
        return e->kind;
    txn_expect(v->txn, MODULE_PRESENCE_FOCUS, bytes_of_text(f->key), f->version.usn);
    return OK;
}

enum failure conference_change(struct visit *v, struct error *e)
{
    OWNED(found_free) struct found f = {0};
    enum failure bad = begin_change(v, &f, e);
    if (bad || !v->txn)
        return bad;
    OWNED(json_decref) json_t *value = take(v, v->rest, e);
    if (!value)
        return e->kind;
    put_conference(v, v->rest, value);
    conference_invite(v->txn, v->account.id, v->rest, json_object_get(f.value, CONFERENCE_IDS),
                      json_object_get(value, CONFERENCE_IDS));
    v->answer.tag_of_change = true;
    visit_answer_json(v, 200, shown(value));
    return OK;
}

enum failure conference_end(struct visit *v, struct error *e)
{
    OWNED(found_free) struct found f = {0};
    enum failure bad = begin_change(v, &f, e);
    if (bad || !v->txn)
        return bad;
    txn_delete(v->txn, MODULE_PRESENCE_FOCUS, bytes_of_text(f.key));
    conference_invite(v->txn, v->account.id, v->rest, json_object_get(f.value, CONFERENCE_IDS),
                      NULL);
    ended_put(v->txn, v->account.id, v->rest);
    bad = count_one(v, -1, e);
    if (!bad)
        visit_answer(v, 204, NULL, BYTES_NONE);
    return bad;
}
