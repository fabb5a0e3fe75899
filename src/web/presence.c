#include "web/presence.h"

#include <string.h>

#include "base/clock.h"
#include "web/refusal.h"
#include "web/user_items.h"

DEFINE_OWNED(json_t *, json_decref)

static const char availability[] = "availability", activity[] = "activity", note[] = "note",
                  since[] = "time";
static const char *const availabilities[] = {"Available",   "Busy", "DoNotDisturb",
                                             "BeRightBack", "Away", "Offline"};

static const char *key_of(const struct account *account, char key[USER_KEY_SIZE])
{
    return user_key(account->id, "presence", NULL, key);
}

/* --- reading --- */

static void answer_unknown(struct visit *v)
{
    visit_answer_json(v, 200, json_pack("{s:s}", availability, "Unknown"));
}

static enum failure show(struct visit *v, const struct account *of, struct error *e)
{
    char key[USER_KEY_SIZE], tag[ETAG_SIZE];
    struct item item;
    enum failure bad = visit_item(v, key_of(of, key), &item, e);
    if (bad == FAIL_NOT_FOUND) {
        answer_unknown(v);
        return OK;
    }
    if (bad || !visit_condition(v, &item.version))
        return bad;
    visit_answer(v, 200, "application/json", item.value);
    visit_header(v, "ETag: %s", etag_text(item.version, tag));
    return OK;
}

enum failure presence_show(struct visit *v, struct error *e)
{
    return show(v, &v->account, e);
}

static enum failure nobody(const char *who, struct error *e)
{
    fail(e, FAIL_NOT_FOUND, "Your pool has no user %.100s.", who);
    error_kept(e, "Nothing was done.");
    return error_next(e, "The presence of users of your own pool can be seen.");
}

enum failure presence_show_other(struct visit *v, struct error *e)
{
    struct account other;
    uint64_t usn;
    char address[SIP_ADDRESS_SIZE];
    if (sip_address_read(v->rest, standing_domain(v->standing), address, e))
        return nobody(v->rest, e);
    enum failure bad = account_read(v->view, address, &other, &usn, e);
    if (bad && bad != FAIL_NOT_FOUND)
        return bad;
    if (bad || !other.enabled || strcmp(other.pool, v->account.pool) != 0)
        return nobody(v->rest, e);
    if (!is_limited(v))
        return show(v, &other, e);
    answer_unknown(v); /* what was last known may be long over */
    return OK;
}

/* --- changing --- */

static bool take_text(const json_t *given, const char *name, size_t max, json_t *kept)
{
    json_t *text = json_object_get(given, name);
    if (!text || json_is_null(text))
        return true;
    if (!json_is_string(text) || json_string_length(text) > max)
        return false;
    json_object_set(kept, name, text);
    return true;
}

static bool take_availability(const json_t *given, json_t *kept)
{
    json_t *word = json_object_get(given, availability);
    for (size_t i = 0; json_is_string(word) && i < COUNT_OF(availabilities); i++) {
        if (strcmp(json_string_value(word), availabilities[i]) == 0)
            return json_object_set(kept, availability, word) == 0;
    }
    return false;
}

static enum failure refuse(struct error *e)
{
    fail(e, FAIL_INVALID, "This is no presence.");
    error_kept(e, "Nothing was changed.");
    return error_next(
        e,
        "availability is Available, Busy, DoNotDisturb, BeRightBack, Away or Offline; "
        "activity is a text of up to %d bytes, note one of up to %d.",
        PRESENCE_ACTIVITY_MAX, PRESENCE_NOTE_MAX);
}

enum failure presence_set(struct visit *v, struct error *e)
{
    OWNED(json_decref) json_t *given = visit_object(v, e), *kept = json_object();
    char key[USER_KEY_SIZE], now[CLOCK_TEXT_MAX];
    if (!given)
        return e->kind;
    if (!take_availability(given, kept) ||
        !take_text(given, activity, PRESENCE_ACTIVITY_MAX, kept) ||
        !take_text(given, note, PRESENCE_NOTE_MAX, kept))
        return refuse(e);
    json_object_set_new(kept, since, json_string(clock_wall_text(clock_wall_ms(), now)));
    if (!visit_change(v, e))
        return e->kind;
    OWNED(free_memory) char *text = json_dumps(kept, JSON_COMPACT);
    txn_put(v->txn, MODULE_PRESENCE_FOCUS, bytes_of_text(key_of(&v->account, key)),
            bytes_of_text(text));
    v->answer.tag_of_change = true;
    visit_answer(v, 200, "application/json", bytes_of_text(text));
    return OK;
}

enum failure presence_clear(struct visit *v, struct error *e)
{
    char key[USER_KEY_SIZE];
    if (!visit_change(v, e))
        return e->kind;
    txn_delete(v->txn, MODULE_PRESENCE_FOCUS, bytes_of_text(key_of(&v->account, key)));
    visit_answer(v, 204, NULL, BYTES_NONE);
    return OK;
}
