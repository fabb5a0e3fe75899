#include "store/salvage.h"

#include <stdlib.h>
#include <string.h>

#include "store/tail_reader.h"

/* What an item was, kept while the view is asked for more. */
struct kept {
    bool there;
    struct item item;
    struct buffer value;
};

struct salvage {
    struct txn *txn;
    struct salvage_place place;
    void *derived;
    /* Of the packet. */
    const struct batch_head *head;
    uint64_t back_to, base, horizon, cookie;
    uint64_t end;      /* how far its tail goes in its term */
    uint64_t covered;  /* up to where another one of that term is salvaged as a whole */
    bool trusts;       /* what marks say of it has come here */
    uint64_t mark_usn; /* of the item that says how far it came; 0: there is none */
    struct salvage_mark mark;
    /* Of the packet before: what the transaction says by now, the view does not know. */
    struct term last_term;
    enum module last_module;
};

/* --- what is there --- */

static enum failure look_up(const struct salvage *s, struct bytes key, struct kept *kept,
                            struct error *e)
{
    *kept = (struct kept){0};
    enum failure bad =
        view_item(s->place.view, s->head->home, s->head->module, key, &kept->item, e);
    if (bad)
        return bad == FAIL_NOT_FOUND ? OK : bad;
    kept->there = true;
    buffer_raw(&kept->value, kept->item.value.at, kept->item.value.size);
    kept->item.key = key;
    kept->item.value = buffer_view(&kept->value);
    return OK;
}

static uint64_t live_usn(const struct kept *kept)
{
    return kept->there && !kept->item.deleted ? kept->item.version.usn : 0;
}

static bool note_covered(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct salvage *s = context;
    struct salvage_mark mark;
    uint64_t upto =
        salvage_mark_decode(&mark, item->value, NULL) ? 0 : salvage_mark_covers(item->key, &mark);
    s->covered = upto > s->covered ? upto : s->covered;
    return true;
}

static enum failure find_covered(struct salvage *s, struct error *e)
{
    char key[SALVAGE_KEY_SIZE];
    s->covered = 0;
    if (!s->trusts)
        return OK;
    return view_keys(s->place.view, s->head->home, s->head->module,
                     salvage_mark_prefix(s->head->term, key), note_covered, s, e);
}

static enum failure read_mark(struct salvage *s, struct error *e)
{
    char key[SALVAGE_KEY_SIZE];
    struct kept kept;
    enum failure bad = look_up(s, salvage_mark_key(s->head->term, s->end, key), &kept, e);
    s->mark_usn = live_usn(&kept);
    bool goes_on = term_equal(s->last_term, s->head->term) && s->last_module == s->head->module;
    if (!goes_on)
        s->mark = (struct salvage_mark){0};
    if (!bad && s->mark_usn && s->trusts && !goes_on)
        bad = salvage_mark_decode(&s->mark, kept.item.value, e);
    buffer_free(&kept.value);
    return bad;
}

/* --- what becomes of it --- */

static void put(const struct salvage *s, struct bytes key, struct bytes value)
{
    txn_put(s->txn, s->head->module, key, value);
}

/* A deletion of what is not there leaves no trace; here it must: others may still have it. */
static void apply(struct salvage *s, const struct item *entry, const struct kept *here)
{
    if (!entry->deleted || !live_usn(here))
        put(s, entry->key, entry->value);
    if (entry->deleted)
        txn_delete(s->txn, s->head->module, entry->key);
    s->mark.carried += !salvage_is_ours(entry->key);
}

static void keep_beside(struct salvage *s, const struct item *entry)
{
    const struct hold *hold = s->place.hold;
    struct salvage_conflict conflict = {.version = {s->head->term.number, entry->version.usn},
                                        .tag = s->head->term.tag,
                                        .deleted = entry->deleted,
                                        .salvaged_ms = s->place.now_ms,
                                        .key = entry->key};
    OWNED(buffer_free) struct buffer value = {0};
    char key[SALVAGE_KEY_SIZE];
    if (s->head->term.number != TAIL_TERM_UNKNOWN)
        memcpy(conflict.accepted_by, hold->pools[term_side(s->head->term)], FQDN_SIZE);
    salvage_conflict_encode(&conflict, &value);
    put(s, salvage_conflict_key(s->head->term.tag, entry->version.usn, key), buffer_view(&value));
    if (!entry->deleted)
        put(s, salvage_value_key(s->head->term.tag, entry->version.usn, key), entry->value);
    s->mark.conflicts++;
}

/* Of two marks the one that came further is right: both are of the same term and end. */
static bool is_later_mark(const struct item *entry, const struct kept *here)
{
    struct salvage_mark a, b;
    return salvage_is_mark(entry->key) && !entry->deleted && live_usn(here) &&
           !salvage_mark_decode(&a, entry->value, NULL) &&
           !salvage_mark_decode(&b, here->item.value, NULL) && a.upto > b.upto;
}

static bool follows(const struct salvage *s, const struct item *entry)
{
    const struct salvage_derived *derived = s->place.derived;
    return derived && derived->follows(entry->module, entry->key);
}

static struct salvage_question ask(const struct salvage *s, const struct item *entry,
                                   const struct kept *here, bool stays)
{
    return (struct salvage_question){.entry = entry,
                                     .here = here->there ? &here->item : NULL,
                                     .base = s->base,
                                     .back_to = s->back_to,
                                     .horizon = s->horizon,
                                     .covered = entry->version.usn <= s->covered,
                                     .own = s->place.own,
                                     .cookie = s->cookie,
                                     .stays = stays,
                                     .derived = follows(s, entry)};
}

static enum failure carry_out(struct salvage *s, const struct item *entry, const struct kept *here,
                              bool stays, struct error *e)
{
    const struct salvage_derived *derived = s->place.derived;
    const struct salvage_question question = ask(s, entry, here, stays);
    struct salvage_ruling ruling = salvage_rule(&question);
    if (ruling.verdict != SALVAGE_APPLY && is_later_mark(entry, here))
        ruling.verdict = SALVAGE_APPLY;
    txn_expect(s->txn, s->head->module, entry->key, live_usn(here));
    enum failure bad = OK;
    if (ruling.verdict == SALVAGE_APPLY && derived)
        bad = derived->changes(s->derived, entry, live_usn(here) ? &here->item : NULL, e);
    if (ruling.verdict == SALVAGE_APPLY)
        apply(s, entry, here);
    else if (ruling.rewrite)
        put(s, entry->key, here->item.value);
    if (ruling.verdict == SALVAGE_CONFLICT)
        keep_beside(s, entry);
    s->mark.same += ruling.verdict == SALVAGE_NOTHING && !salvage_is_ours(entry->key);
    return bad;
}

static enum failure take_entries(struct salvage *s, struct batch *batch, bool stays,
                                 struct error *e)
{
    struct item entry;
    enum failure bad = OK;
    while (!bad && batch_next(batch, &entry)) {
        struct kept here;
        if (entry.version.usn <= s->mark.upto)
            continue;
        bad = look_up(s, entry.key, &here, e);
        if (!bad)
            bad = carry_out(s, &entry, &here, stays, e);
        buffer_free(&here.value);
    }
    return bad;
}

/* --- what is valid only together --- */

/* All changes of a packet, side by side. */
struct together {
    size_t count;
    struct item *entries;
    struct kept *here;
    struct salvage_member *members;
};

static void together_clear(struct together *t)
{
    for (size_t i = 0; i < t->count; i++)
        buffer_free(&t->here[i].value);
    free(t->entries);
    free(t->here);
    free(t->members);
}

static enum failure together_read(const struct salvage *s, struct batch *batch, struct together *t,
                                  struct error *e)
{
    size_t count = batch_count(batch);
    enum failure bad = OK;
    t->entries = xcalloc(count, sizeof *t->entries);
    t->here = xcalloc(count, sizeof *t->here);
    t->members = xcalloc(count, sizeof *t->members);
    while (!bad && t->count < count && batch_next(batch, &t->entries[t->count])) {
        const struct item *entry = &t->entries[t->count];
        struct kept *here = &t->here[t->count];
        struct salvage_member *member = &t->members[t->count++];
        bad = look_up(s, entry->key, here, e);
        const struct salvage_question question = ask(s, entry, here, false);
        *member = (struct salvage_member){
            .entry = entry, .here = question.here, .verdict = salvage_rule(&question).verdict};
    }
    salvage_alone(t->members, t->count);
    return bad;
}

static enum failure take_together(struct salvage *s, struct batch *batch, struct error *e)
{
    const struct salvage_ground ground = {
        .view = s->place.view, .txn = s->txn, .hold = s->place.hold, .base = s->base};
    struct together t = {0};
    enum failure bad = together_read(s, batch, &t, e);
    if (!bad)
        bad = s->place.judge(&ground, t.members, t.count, e);
    if (!bad)
        salvage_settle(t.members, t.count);
    for (size_t i = 0; !bad && i < t.count; i++)
        bad = carry_out(s, &t.entries[i], &t.here[i], t.members[i].stays, e);
    together_clear(&t);
    return bad;
}

static enum failure take_packet(struct salvage *s, struct tail_packet *packet, struct error *e)
{
    bool central = s->head->module == MODULE_CMS_MASTER;
    bool whole = batch_count(packet->batch) == packet->tail.items && s->mark.upto == 0;
    if (central && whole && s->place.judge)
        return take_together(s, packet->batch, e);
    return take_entries(s, packet->batch, central, e);
}

static void write_mark(struct salvage *s)
{
    char text[SALVAGE_KEY_SIZE];
    struct bytes key = salvage_mark_key(s->head->term, s->end, text);
    OWNED(buffer_free) struct buffer value = {0};
    s->mark.upto = s->head->upto;
    salvage_mark_encode(&s->mark, &value);
    txn_expect(s->txn, s->head->module, key, s->mark_usn);
    put(s, key, buffer_view(&value));
}

/* --- a packet --- */

/* Where the tail's history and the holder's parted; both may have gone on since it was made. */
static uint64_t base_of(const struct tail *tail, const struct hold *hold, uint64_t head)
{
    struct version common = {0};
    lineage_common(&tail->lineage, tail->head, &hold->lineage, head, &common);
    return common.usn;
}

/* What a mark speaks of may have been changed once more, and not have come here in a long catch-up.
 * That is of interest to whoever took then: a holder has all there is of its own history. */
static void note_state(struct salvage *s, const struct home_state *state)
{
    enum module m = s->head->module;
    s->horizon = state->horizon;
    s->cookie = state->modules[m].cookie.usn;
    bool whole = state->modules[m].whole_at.usn <= s->cookie && !state->modules[m].comparing;
    s->trusts = whole || !s->place.own;
}

enum failure salvage_packet(struct salvage *s, struct tail_packet *packet, uint64_t *upto,
                            struct error *e)
{
    struct home_state state;
    s->head = batch_head(packet->batch);
    s->back_to = packet->tail.base.usn;
    s->end = tail_end_of(&packet->tail, s->head->upto);
    enum failure bad = view_home(s->place.view, s->head->home, &state, e);
    if (bad)
        return bad;
    s->base = base_of(&packet->tail, s->place.hold, home_reach(&state));
    note_state(s, &state);
    bad = read_mark(s, e);
    if (!bad)
        bad = find_covered(s, e);
    bool news = s->mark.upto < s->head->upto;
    if (!bad && news)
        bad = take_packet(s, packet, e);
    if (!bad && news)
        write_mark(s);
    *upto = s->mark.upto;
    s->last_term = s->head->term;
    s->last_module = s->head->module;
    return bad;
}

struct salvage *salvage_begin(struct txn *txn, const struct salvage_place *place)
{
    const struct salvage_derived *derived = place->derived;
    struct salvage *s = xcalloc(1, sizeof *s);
    s->txn = txn;
    s->place = *place;
    if (derived)
        s->derived = derived->begin(txn, place->view, place->hold->home, place->own);
    return s;
}

enum failure salvage_end(struct salvage *s, struct error *e)
{
    const struct salvage_derived *derived = s->place.derived;
    return derived ? derived->end(s->derived, e) : OK;
}

void salvage_free(struct salvage *s)
{
    if (!s)
        return;
    if (s->place.derived)
        s->place.derived->release(s->derived);
    free(s);
}

/* --- a pool's own --- */

static enum failure take_own(struct salvage *s, struct tail_reader *reader, struct bytes bytes,
                             struct error *e)
{
    OWNED(tail_packet_free) struct tail_packet *packet = NULL;
    uint64_t upto = 0;
    enum failure bad = tail_packet_open(bytes, &packet, e);
    if (!bad)
        bad = salvage_packet(s, packet, &upto, e);
    if (!bad)
        tail_reader_told(reader, upto);
    return bad;
}

enum failure salvage_own(struct txn *txn, const struct salvage_place *place, struct error *e)
{
    OWNED(tail_reader_free) struct tail_reader *reader = tail_reader_new(place->hold->home);
    OWNED(salvage_free) struct salvage *s = salvage_begin(txn, place);
    tail_reader_read_open(reader);
    uint32_t left = SALVAGE_OWN_MAX;
    enum tail_step step = TAIL_TELL;
    enum failure bad = OK;
    while (!bad && step == TAIL_TELL && left) {
        struct bytes packet;
        bad = tail_reader_step(reader, place->view, left, &step, &packet, e);
        left -= (uint32_t)tail_reader_items(reader);
        if (!bad && step == TAIL_TELL)
            bad = take_own(s, reader, packet, e);
    }
    if (!bad)
        bad = salvage_end(s, e);
    if (!bad && (step == TAIL_WAIT || step == TAIL_SAFE))
        txn_forget_tail(txn, tail_reader_tail(reader)->id);
    return bad;
}
