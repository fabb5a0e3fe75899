#include "web/conference.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "web/user_items.h"

DEFINE_OWNED(json_t *, json_decref)

enum { CONFERENCE_ID_SIZE = 33 };

/* What the keys and members are called. */
static const char own_kind[] = "conference", invited_kind[] = "invited";
static const char participants_name[] = "participants", ids_name[] = "ids";

/* --- keys --- */

static const char *own_key(const char *organiser, const char *id, char key[USER_KEY_SIZE])
{
    return user_key(organiser, own_kind, id, key);
}

static const char *invited_key(const char *participant, const char *id, char key[USER_KEY_SIZE])
{
    return user_key(participant, invited_kind, id, key);
}

static bool id_is_possible(const char *id)
{
    return strlen(id) == CONFERENCE_ID_SIZE - 1 &&
           strspn(id, "0123456789abcdef") == CONFERENCE_ID_SIZE - 1;
}

/* --- what is given --- */

static enum failure refuse(const char *why, struct error *e)
{
    fail(e, FAIL_INVALID, "This is no conference: %s.", why);
    error_kept(e, "Nothing was changed.");
    return error_next(e, "docs/users.md shows what is expected here.");
}

static enum failure take_subject(const json_t *given, json_t *kept, struct error *e)
{
    json_t *subject = json_object_get(given, "subject");
    if (!json_is_string(subject) || json_string_length(subject) > CONFERENCE_SUBJECT_MAX)
        return refuse("its subject is no text of up to 512 bytes", e);
    json_object_set(kept, "subject", subject);
    return OK;
}

static bool read_time(const json_t *value, time_t *at)
{
    struct tm tm = {0};
    const char *text = json_string_value(value);
    const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
    if (!end || *end)
        return false;
    *at = timegm(&tm);
    return true;
}

static enum failure take_times(const json_t *given, json_t *kept, struct error *e)
{
    json_t *start = json_object_get(given, "start"), *end = json_object_get(given, "end");
    time_t from, until;
    if (!read_time(start, &from) || !read_time(end, &until) || until < from)
        return refuse("start and end are times like 2026-11-21T09:00:00Z, the one before the other",
                      e);
    json_object_set(kept, "start", start);
    json_object_set(kept, "end", end);
    return OK;
}

static bool has_text(const json_t *list, const char *text)
{
    size_t i;
    const json_t *one;
    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        if (strcmp(json_string_value(one), text) == 0)
            return true;
    }
    return false;
}

/* A user of this deployment, by address, becomes one by Id as well. */
static enum failure take_participant(struct visit *v, const char *text, json_t *addresses,
                                     json_t *ids, struct error *e)
{
    struct account account;
    uint64_t usn;
    char address[SIP_ADDRESS_SIZE];
    enum failure bad = sip_address_read(text, standing_domain(v->standing), address, e);
    if (!bad)
        bad = account_read(v->view, address, &account, &usn, e);
    if (bad == FAIL_NOT_FOUND) {
        fail(e, FAIL_INVALID, "There is no user %s.", address);
        error_kept(e, "Nothing was changed.");
        return error_next(e, "Participants are users of this deployment, by their addresses.");
    }
    if (bad || has_text(ids, account.id) || strcmp(account.id, v->account.id) == 0)
        return bad;
    json_array_append_new(addresses, json_sprintf("sip:%s", address));
    json_array_append_new(ids, json_string(account.id));
    return OK;
}

static enum failure take_participants(struct visit *v, const json_t *given, json_t *kept,
                                      struct error *e)
{
    const json_t *list = json_object_get(given, participants_name);
    size_t i;
    const json_t *one;
    if (list && (!json_is_array(list) || json_array_size(list) > CONFERENCE_PARTICIPANTS_MAX))
        return refuse("its participants are no list of up to 250 addresses", e);
    json_t *addresses = json_array(), *ids = json_array();
    json_object_set_new(kept, participants_name, addresses);
    json_object_set_new(kept, ids_name, ids);
    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        if (!json_is_string(one))
            return refuse("a participant is not named by an address", e);
        enum failure bad = take_participant(v, json_string_value(one), addresses, ids, e);
        if (bad)
            return bad;
    }
    return OK;
}

/* What is kept of it, owned by the caller; NULL: it is none. */
static json_t *take_conference(struct visit *v, const char *id, struct error *e)
{
    OWNED(json_decref) json_t *given = visit_object(v, e), *kept = NULL;
    if (!given)
        return NULL;
    kept =
        json_pack("{s:s, s:o}", "id", id, "organiser", json_sprintf("sip:%s", v->account.address));
    if (take_subject(given, kept, e) || take_times(given, kept, e) ||
        take_participants(v, given, kept, e))
        return NULL;
    return TAKE(kept);
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
    if (!id_is_possible(id))
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

/* --- showing --- */

/* Ids of accounts are nobody's business. */
static json_t *shown(const json_t *value)
{
    json_t *object = json_copy((json_t *)(uintptr_t)value);
    json_object_del(object, ids_name);
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

enum failure conference_list(struct visit *v, struct error *e)
{
    struct ids ids = {.list = xcalloc(CONFERENCE_LISTED_MAX, CONFERENCE_ID_SIZE)};
    json_t *list = json_array();
    enum failure bad = note_kind(v, own_kind, &ids, e);
    if (!bad)
        bad = note_kind(v, invited_kind, &ids, e);
    if (!bad)
        bad = list_found(v, &ids, list, e);
    free(ids.list);
    visit_answer_json(v, 200, json_pack("{s:o, s:b}", "conferences", list, "more", ids.more));
    return bad;
}

/* --- changing --- */

static void put_conference(struct visit *v, const char *id, const json_t *value)
{
    char key[USER_KEY_SIZE];
    OWNED(free_memory) char *text = json_dumps(value, JSON_COMPACT);
    txn_put(v->txn, MODULE_PRESENCE_FOCUS, bytes_of_text(own_key(v->account.id, id, key)),
            bytes_of_text(text));
}

/* Those who take part now learn of it, those who no longer do forget it. */
static void put_invitations(struct visit *v, const char *id, const json_t *before,
                            const json_t *after)
{
    char key[USER_KEY_SIZE];
    size_t i;
    const json_t *one;
    json_array_foreach((json_t *)(uintptr_t)after, i, one)
    {
        if (!has_text(before, json_string_value(one)))
            txn_put(v->txn, MODULE_PRESENCE_FOCUS,
                    bytes_of_text(invited_key(json_string_value(one), id, key)),
                    bytes_of_text(v->account.id));
    }
    json_array_foreach((json_t *)(uintptr_t)before, i, one)
    {
        if (!has_text(after, json_string_value(one)))
            txn_delete(v->txn, MODULE_PRESENCE_FOCUS,
                       bytes_of_text(invited_key(json_string_value(one), id, key)));
    }
}

static enum failure count_one(struct visit *v, int change, struct error *e)
{
    struct usage before;
    enum failure bad = usage_read(v, &before, e);
    struct usage after = before;
    after.conferences += change;
    if (!bad)
        bad = usage_check(&before, &after, e);
    if (!bad)
        usage_put(v, v->txn, &before, &after);
    return bad;
}

enum failure conference_create(struct visit *v, struct error *e)
{
    char id[CONFERENCE_ID_SIZE];
    snprintf(id, sizeof id, "%016" PRIx64 "%016" PRIx64, random_u64(), random_u64());
    OWNED(json_decref) json_t *value = take_conference(v, id, e);
    if (!value || !visit_change(v, e))
        return e->kind;
    put_conference(v, id, value); /* the first of the changes: its number is the ETag */
    put_invitations(v, id, NULL, json_object_get(value, ids_name));
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
    OWNED(json_decref) json_t *value = take_conference(v, v->rest, e);
    if (!value)
        return e->kind;
    put_conference(v, v->rest, value);
    put_invitations(v, v->rest, json_object_get(f.value, ids_name),
                    json_object_get(value, ids_name));
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
    put_invitations(v, v->rest, json_object_get(f.value, ids_name), NULL);
    bad = count_one(v, -1, e);
    if (!bad)
        visit_answer(v, 204, NULL, BYTES_NONE);
    return bad;
}
