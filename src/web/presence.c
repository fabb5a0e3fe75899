#include "web/presence.h"

#include <string.h>

#include "base/clock.h"
#include "user/presence.h"
#include "web/refusal.h"

DEFINE_OWNED(json_t *, json_decref)

static const char *key_of(const struct account *account, char key[USER_KEY_SIZE])
{
    return user_key(account->id, USER_PRESENCE, NULL, key);
}

/* --- reading --- */

static void answer_unknown(struct visit *v)
{
    visit_answer_json(v, 200, json_pack("{s:s}", PRESENCE_AVAILABILITY, "Unknown"));
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

/* What a user says of himself takes the place of what was said before, from wherever that was; only
 * if he says what he knows of it, it must be that. An answer says so if it is not; else `*usn` is
 * that of the item, 0: there is none. */
static enum failure check_known(struct visit *v, const char *key, uint64_t *usn, struct error *e)
{
    struct item item;
    if (!visit_is_conditional(v))
        return OK;
    enum failure bad = visit_item(v, key, &item, e);
    if (bad && bad != FAIL_NOT_FOUND)
        return bad;
    *usn = bad ? 0 : item.version.usn;
    visit_condition(v, bad ? NULL : &item.version);
    return OK;
}

/* NULL: it is not to be changed, as the answer or `e` says. */
static struct txn *begin(struct visit *v, const char *key, struct error *e)
{
    uint64_t usn = 0;
    if (check_known(v, key, &usn, e) || v->answer.status || !visit_change(v, e))
        return NULL;
    if (visit_is_conditional(v))
        txn_expect(v->txn, MODULE_PRESENCE_FOCUS, bytes_of_text(key), usn);
    return v->txn;
}

enum failure presence_set(struct visit *v, struct error *e)
{
    OWNED(json_decref) json_t *given = visit_object(v, e), *kept = NULL;
    char key[USER_KEY_SIZE], now[CLOCK_TEXT_MAX];
    if (given)
        kept = presence_read(given, clock_wall_text(clock_wall_ms(), now), e);
    if (!kept)
        return e->kind;
    struct txn *txn = begin(v, key_of(&v->account, key), e);
    if (!txn)
        return v->answer.status ? OK : e->kind;
    OWNED(free_memory) char *text = json_dumps(kept, JSON_COMPACT);
    txn_put(txn, MODULE_PRESENCE_FOCUS, bytes_of_text(key), bytes_of_text(text));
    v->answer.tag_of_change = true;
    visit_answer(v, 200, "application/json", bytes_of_text(text));
    return OK;
}

enum failure presence_clear(struct visit *v, struct error *e)
{
    char key[USER_KEY_SIZE];
    struct txn *txn = begin(v, key_of(&v->account, key), e);
    if (!txn)
        return v->answer.status ? OK : e->kind;
    txn_delete(txn, MODULE_PRESENCE_FOCUS, bytes_of_text(key));
    visit_answer(v, 204, NULL, BYTES_NONE);
    return OK;
}
