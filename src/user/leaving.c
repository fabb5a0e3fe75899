#include "user/leaving.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/count.h"
#include "base/log.h"
#include "pool/departed.h"
#include "user/conference.h"
#include "user/ended.h"
#include "user/items.h"

DEFINE_OWNED(json_t *, json_decref)

#define MS_OF_DAY ((uint64_t)24 * 60 * 60 * 1000)

struct pass {
    const struct leaving *how;
    uint64_t after;             /* where the next look goes on: behind this change … */
    char last[ACCOUNT_ID_SIZE]; /* … or behind this Id, if it is at all of them */
    struct departed list[LEAVERS_AT_ONCE];
    size_t count;
    bool more;
};

static uint64_t term_of(const struct served *served, const char *home)
{
    for (size_t i = 0; i < served->count; i++) {
        if (strcmp(served->list[i].home, home) == 0)
            return served->list[i].term;
    }
    return 0;
}

/* --- one who has left --- */

struct removal {
    const struct departed *who;
    struct txn *txn;
    size_t changes, items;
};

/* Those who take part in a conference of his are told in the same transaction that it is over. */
static void end_conference(struct removal *r, const struct item *item, const char *id)
{
    OWNED(json_decref)
    json_t *value = json_loadb((const char *)item->value.at, item->value.size, 0, NULL);
    const json_t *ids = json_object_get(value, CONFERENCE_IDS);
    conference_invite(r->txn, r->who->id, id, ids, NULL);
    ended_put(r->txn, r->who->id, id);
    r->changes += json_array_size(ids);
}

static bool remove_item(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct removal *r = context;
    char prefix[USER_KEY_SIZE];
    struct bytes conference = bytes_of_text(user_key(r->who->id, USER_CONFERENCE, "", prefix));
    if (bytes_start_with(item->key, conference)) {
        OWNED(free_memory)
        char *id = xasprintf("%.*s", (int)(item->key.size - conference.size),
                             (const char *)item->key.at + conference.size);
        end_conference(r, item, id);
    }
    txn_delete(r->txn, item->module, item->key);
    r->items++;
    return ++r->changes < LEAVER_CHANGES;
}

static enum failure collect(struct pass *p, struct removal *r, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    char prefix[USER_KEY_SIZE];
    enum failure bad = store_view(p->how->store, &view, e);
    return bad ? bad
               : view_keys(view, r->who->pool, MODULE_PRESENCE_FOCUS,
                           bytes_of_text(user_key(r->who->id, "", NULL, prefix)), remove_item, r,
                           e);
}

static enum failure remove_some(struct pass *p, const struct departed *who, size_t *items,
                                struct error *e)
{
    OWNED(txn_free) struct txn *txn = txn_new(who->pool);
    struct removal r = {.who = who, .txn = txn};
    struct store_outcome outcome;
    txn_as_holder(txn, term_of(&p->how->served, who->pool));
    enum failure bad = collect(p, &r, e);
    *items = r.items;
    if (bad || !r.items)
        return bad;
    bad = store_commit_wait(p->how->store, TAKE(txn), &outcome);
    if (bad)
        *e = outcome.error;
    return bad;
}

static enum failure remove_all(struct pass *p, const struct departed *who, struct error *e)
{
    size_t items, sum = 0;
    enum failure bad;
    do {
        bad = remove_some(p, who, &items, e);
        sum += bad ? 0 : items;
    } while (!bad && items && !atomic_load(p->how->stopping));
    if (sum)
        log_event(LOG_EVENT_NOTICE, "user-data-removed",
                  "%s has left: %s of the home %s %s removed.", who->address, COUNTED(sum, "item"),
                  who->pool, count_word(sum, "was", "were"));
    return bad;
}

/* --- those who have left --- */

/* Did somebody bring the account back that was taken away? Then it counts, wherever it is now: what
 * two pools changed without each other may meet like that. */
static bool spare(const struct account *account, void *context)
{
    struct pass *p = context;
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->list[i].id, account->id) != 0)
            continue;
        log_event(LOG_EVENT_WARNING, "user-data-kept",
                  "%s was removed, and is there again as %s: what he has is kept.",
                  p->list[i].address, account->address);
        p->list[i] = p->list[--p->count];
    }
    return p->count > 0;
}

static bool note_any(const struct item *item, struct item_hash hash, void *context)
{
    (void)item;
    (void)hash;
    *(bool *)context = true;
    return false;
}

/* Most had nothing, or it is gone already: nobody looks for those among the accounts. */
static enum failure drop_empty(struct pass *p, struct view *view, struct error *e)
{
    char prefix[USER_KEY_SIZE];
    enum failure bad = OK;
    size_t kept = 0;
    for (size_t i = 0; !bad && i < p->count; i++) {
        bool any = false;
        const struct departed *who = &p->list[i];
        bad = view_keys(view, who->pool, MODULE_PRESENCE_FOCUS,
                        bytes_of_text(user_key(who->id, "", NULL, prefix)), note_any, &any, e);
        if (any)
            p->list[kept++] = *who;
    }
    p->count = kept;
    return bad;
}

static bool note_departed(const struct departed *who, uint64_t usn, void *context)
{
    struct pass *p = context;
    if (p->count == LEAVERS_AT_ONCE) {
        p->more = true;
        return false;
    }
    p->after = usn;
    memcpy(p->last, who->id, sizeof p->last);
    if (term_of(&p->how->served, who->pool))
        p->list[p->count++] = *who;
    return true;
}

static enum failure find_some(struct pass *p, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    p->count = 0;
    p->more = false;
    enum failure bad = store_view(p->how->store, &view, e);
    if (!bad)
        bad = p->how->all ? departed_walk(view, p->last, note_departed, p, e)
                          : departed_since(view, p->after, note_departed, p, e);
    if (!bad)
        bad = drop_empty(p, view, e);
    if (!bad && p->count)
        bad = account_walk(view, "", spare, p, e);
    return bad;
}

/* --- those who left long ago --- */

struct expiry {
    struct txn *txn;
    char before[CLOCK_TEXT_MAX];
    size_t count;
};

static bool note_expired(const struct departed *who, uint64_t usn, void *context)
{
    (void)usn;
    struct expiry *x = context;
    if (strcmp(who->when, x->before) < 0) {
        departed_remove(x->txn, who->id);
        x->count++;
    }
    return x->count < LEAVER_CHANGES;
}

/* The rest of them another day. */
static enum failure forget_old(struct pass *p, uint64_t term, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(txn_free) struct txn *txn = txn_new(HOME_CENTRAL);
    struct expiry x = {.txn = txn};
    struct store_outcome outcome;
    clock_wall_text(clock_wall_ms() - LEAVERS_KEPT_DAYS * MS_OF_DAY, x.before);
    txn_as_holder(txn, term);
    enum failure bad = store_view(p->how->store, &view, e);
    if (!bad)
        bad = departed_walk(view, "", note_expired, &x, e);
    view_close(TAKE(view));
    if (bad || !x.count)
        return bad;
    bad = store_commit_wait(p->how->store, TAKE(txn), &outcome);
    if (bad)
        *e = outcome.error;
    return bad;
}

/* --- a pass --- */

enum failure leaving_carry_out(const struct leaving *how, struct error *e)
{
    OWNED(free_memory) struct pass *p = xcalloc(1, sizeof *p);
    uint64_t central = term_of(&how->served, HOME_CENTRAL);
    enum failure bad;
    p->how = how;
    p->after = how->after;
    do {
        bad = find_some(p, e);
        for (size_t i = 0; !bad && i < p->count && !atomic_load(how->stopping); i++)
            bad = remove_all(p, &p->list[i], e);
    } while (!bad && p->more && !atomic_load(how->stopping));
    if (!bad)
        bad = ended_carry_out(how, e);
    return bad || !how->all || !central ? bad : forget_old(p, central, e);
}
