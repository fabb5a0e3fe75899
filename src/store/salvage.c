#include "store/salvage.h"

#include <stdlib.h>
#include <string.h>

#include "store/last_tail.h"
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
    struct home_state state; /* the holder's */
    const struct tail *tail;
    uint64_t back_to, base;
    struct version known;
    /* Of the batch. */
    const struct batch_head *head;
    uint64_t horizon, cookie;
    uint64_t end;      /* how far its tail goes in its term */
    uint64_t covered;  /* up to where another one of that term is salvaged as a whole */
    bool trusts;       /* what marks say of it has come here */
    uint64_t mark_usn; /* of the item that says how far it came; 0: there is none */
    struct salvage_mark mark;
    /* Of the batch before: what the transaction says by now, the view does not know. */
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
    bool counts = salvage_mark_counts(item->version.usn, s->horizon) &&
                  !salvage_mark_decode(&mark, item->value, NULL);
    uint64_t upto = counts ? salvage_mark_covers(item->key, &mark) : 0;
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
    enum failure bad = look_up(s, salvage_mark_key(s->tail, s->end, key), &kept, e);
    s->mark_usn = live_usn(&kept);
    bool goes_on = term_equal(s->last_term, s->head->term) && s->last_module == s->head->module;
    if (!goes_on)
        s->mark = (struct salvage_mark){0};
    bool counts = s->trusts && salvage_mark_counts(s->mark_usn, s->horizon);
    if (!bad && counts && !goes_on)
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
                                     .known = s->known,
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

/* --- a batch --- */

/* What a mark speaks of may have been changed once more, and not have come here in a long catch-up.
 * That is of interest to whoever took then: a holder has all there is of its own history. */
static void note_state(struct salvage *s)
{
    enum module m = s->head->module;
    s->horizon = s->state.horizon;
    s->cookie = s->state.modules[m].cookie.usn;
    bool whole = s->state.modules[m].whole_at.usn <= s->cookie && !s->state.modules[m].comparing;
    s->trusts = whole || !s->place.own;
}

static enum failure enter(struct salvage *s, const struct tail_packet *packet, size_t i,
                          struct error *e)
{
    s->head = batch_head(packet->batches[i]);
    s->end = tail_end_of(&packet->tail, s->head->upto);
    note_state(s);
    enum failure bad = read_mark(s, e);
    return bad ? bad : find_covered(s, e);
}

static void write_mark(struct salvage *s)
{
    char text[SALVAGE_KEY_SIZE];
    struct bytes key = salvage_mark_key(s->tail, s->end, text);
    OWNED(buffer_free) struct buffer value = {0};
    s->mark.upto = s->head->upto;
    salvage_mark_encode(&s->mark, &value);
    txn_expect(s->txn, s->head->module, key, s->mark_usn);
    put(s, key, buffer_view(&value));
    last_tail_keep(s->txn, s->head->home, s->tail, s->place.now_ms);
}

static void leave(struct salvage *s)
{
    s->last_term = s->head->term;
    s->last_module = s->head->module;
}

static enum failure take_each(struct salvage *s, const struct tail_packet *packet, bool stays,
                              struct error *e)
{
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < packet->count; i++) {
        bad = enter(s, packet, i, e);
        bool news = s->mark.upto < s->head->upto;
        if (!bad && news)
            bad = take_entries(s, packet->batches[i], stays, e);
        if (!bad && news)
            write_mark(s);
        leave(s);
    }
    return bad;
}

/* --- what is valid only together --- */

enum {
    /* Of a transaction, for each change: its key is looked at, and what it is valid with; it is
     * kept beside, with its value; and what stays is written once more. */
    STEPS_EACH_MAX = 5,
    STEPS_BESIDES_MAX = 10000, /* marks, and the homes of a topology */
};
_Static_assert(TAIL_TOGETHER_MAX *STEPS_EACH_MAX + STEPS_BESIDES_MAX <= TXN_ITEMS_MAX,
               "a tail that is judged together must fit into a transaction");

/* All changes of a tail, side by side. */
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

static enum failure together_read(struct salvage *s, struct batch *batch, struct together *t,
                                  struct error *e)
{
    struct item item;
    enum failure bad = OK;
    while (!bad && batch_next(batch, &item)) {
        struct item *entry = &t->entries[t->count];
        *entry = item;
        struct kept *here = &t->here[t->count];
        struct salvage_member *member = &t->members[t->count++];
        bad = look_up(s, entry->key, here, e);
        const struct salvage_question question = ask(s, entry, here, false);
        *member = (struct salvage_member){
            .entry = entry, .here = question.here, .verdict = salvage_rule(&question).verdict};
    }
    return bad;
}

static enum failure together_judge(struct salvage *s, const struct tail_packet *packet,
                                   struct together *t, struct error *e)
{
    const struct salvage_ground ground = {
        .view = s->place.view, .txn = s->txn, .hold = s->place.hold, .base = s->base};
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < packet->count; i++) {
        bad = enter(s, packet, i, e);
        if (!bad)
            bad = together_read(s, packet->batches[i], t, e);
    }
    salvage_alone(t->members, t->count);
    if (!bad)
        bad = s->place.judge(&ground, t->members, t->count, e);
    if (!bad)
        salvage_settle(t->members, t->count);
    return bad;
}

static enum failure take_together(struct salvage *s, const struct tail_packet *packet,
                                  struct error *e)
{
    size_t size = packet->tail.items, at = 0;
    struct together t = {.entries = xcalloc(size, sizeof *t.entries),
                         .here = xcalloc(size, sizeof *t.here),
                         .members = xcalloc(size, sizeof *t.members)};
    enum failure bad = together_judge(s, packet, &t, e);
    for (size_t i = 0; !bad && i < packet->count; i++) {
        size_t end = at + batch_count(packet->batches[i]);
        bad = enter(s, packet, i, e);
        for (; !bad && at < end; at++)
            bad = carry_out(s, &t.entries[at], &t.here[at], t.members[at].stays, e);
        if (!bad)
            write_mark(s);
        leave(s);
    }
    together_clear(&t);
    return bad;
}

/* All of the tail, and nothing of it is done. */
static enum failure is_all(struct salvage *s, const struct tail_packet *packet, bool *all,
                           struct error *e)
{
    uint64_t items = 0;
    enum failure bad = OK;
    for (size_t i = 0; i < packet->count; i++)
        items += batch_count(packet->batches[i]);
    *all = items == packet->tail.items && items <= TAIL_TOGETHER_MAX;
    for (size_t i = 0; !bad && *all && i < packet->count; i++) {
        bad = enter(s, packet, i, e);
        *all = s->mark.upto == 0;
    }
    return bad;
}

/* --- a packet --- */

/* Where the tail's history and the holder's parted; both may have gone on since it was made. */
static void find_base(struct salvage *s, const struct tail *tail)
{
    struct version common = {0};
    lineage_common(&tail->lineage, tail->head, &s->place.hold->lineage, home_reach(&s->state),
                   &common);
    s->base = common.usn;
    s->known = (struct version){common.term, lineage_end(&tail->lineage, common.term, tail->head)};
}

enum failure salvage_packet(struct salvage *s, struct tail_packet *packet, uint64_t *upto,
                            struct error *e)
{
    bool central = strcmp(tail_packet_home(packet), HOME_CENTRAL) == 0, all = false;
    enum failure bad = view_home(s->place.view, tail_packet_home(packet), &s->state, e);
    if (bad)
        return bad;
    s->tail = &packet->tail;
    s->back_to = packet->tail.base.usn;
    find_base(s, &packet->tail);
    if (central && s->place.judge)
        bad = is_all(s, packet, &all, e);
    if (!bad)
        bad = all ? take_together(s, packet, e) : take_each(s, packet, central, e);
    *upto = s->mark.upto;
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
