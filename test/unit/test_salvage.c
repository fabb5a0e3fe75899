/* The rules of salvage, each as a sentence; and the way of a tail from the copy that made it into
 * what the holder has, and back. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "store/last_tail.h"
#include "store/memory.h"
#include "store/salvage.h"
#include "store/tail_reader.h"
#include "store_check.h"

/* --- the rules --- */

enum { BASE = 10, WHEN_TAKEN = 1, WHEN_GONE = 2 };

struct both {
    struct item entry, here;
    bool there;
};

static struct item item_of(uint64_t usn, const char *value)
{
    return (struct item){.module = MODULE,
                         .deleted = value == NULL,
                         .version = {.term = 3, .usn = usn},
                         .key = bytes_of_text("k"),
                         .value = value ? bytes_of_text(value) : BYTES_NONE};
}

/* The tail says `mine` (NULL: deleted); the holder has `theirs` since change `usn` (0: nothing). */
static struct salvage_question ask(struct both *b, const char *mine, uint64_t usn,
                                   const char *theirs)
{
    *b = (struct both){item_of(15, mine), item_of(usn, theirs), usn > 0};
    return (struct salvage_question){
        .entry = &b->entry, .here = usn ? &b->here : NULL, .base = BASE, .back_to = BASE};
}

static enum salvage_verdict rule(const char *mine, uint64_t usn, const char *theirs)
{
    struct both b;
    const struct salvage_question question = ask(&b, mine, usn, theirs);
    return salvage_rule(&question).verdict;
}

static void what_nobody_touched_since_is_carried_over(void **state)
{
    (void)state;
    assert_int_equal(rule("mine", 10, "old"), SALVAGE_APPLY);
    assert_int_equal(rule(NULL, 10, "old"), SALVAGE_APPLY);
    assert_int_equal(rule("mine", 0, NULL), SALVAGE_APPLY);
    assert_int_equal(rule("mine", 9, NULL), SALVAGE_APPLY); /* deleted before, and put again */
}

static void what_both_changed_the_same_needs_nothing(void **state)
{
    (void)state;
    assert_int_equal(rule("same", 11, "same"), SALVAGE_NOTHING);
    assert_int_equal(rule(NULL, 11, NULL), SALVAGE_NOTHING);
    assert_int_equal(rule(NULL, 0, NULL), SALVAGE_NOTHING);
}

static void what_both_changed_is_kept_beside(void **state)
{
    (void)state;
    assert_int_equal(rule("mine", 11, "theirs"), SALVAGE_CONFLICT);
    assert_int_equal(rule(NULL, 11, "theirs"), SALVAGE_CONFLICT);
    assert_int_equal(rule("mine", 11, NULL), SALVAGE_CONFLICT);
}

/* The holder had come further in that term than it could tell, when it took alone: of another
 * module nothing had come for a while. What it has of that term is no change of its own. */
static void what_was_changed_before_they_parted_is_not_touched(void **state)
{
    (void)state;
    struct both b;
    struct salvage_question question = ask(&b, "mine", 12, "before");
    question.known = (struct version){.term = 2, .usn = 15};
    b.entry.version.term = b.here.version.term = 2;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_APPLY);
    b.here.version.usn = 15; /* the same change */
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_NOTHING);
    b.here.version = (struct version){.term = 3, .usn = 12};
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_CONFLICT);
}

/* The tail's own pool went on without what the holder has of the term that both know. */
static void what_the_tails_pool_did_not_know_is_touched(void **state)
{
    (void)state;
    struct both b;
    struct salvage_question question = ask(&b, "mine", 14, "theirs");
    question.known = (struct version){.term = 2, .usn = 13};
    b.entry.version.term = 4;
    b.here.version.term = 2;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_CONFLICT);
    question.known.usn = 14;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_APPLY);
    /* A copy of that term that came less far: in one history the later change counts. */
    b.entry.version.term = 2;
    question.known.usn = 13;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_APPLY);
    b.here.version.usn = 16;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_NOTHING);
}

static void what_may_have_been_deleted_since_is_not_brought_back(void **state)
{
    (void)state;
    struct both b;
    struct salvage_question question = ask(&b, "mine", 0, NULL);
    question.horizon = BASE + 1;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_CONFLICT);
    question.own = true;
    question.cookie = BASE; /* nothing came since: it is nowhere but in the tail */
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_APPLY);
    question.cookie = BASE + 1;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_CONFLICT);
}

static void what_is_of_the_holders_own_history_is_known_there(void **state)
{
    (void)state;
    struct both b;
    struct salvage_question question = ask(&b, "mine", 12, "later");
    question.base = 15;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_NOTHING);
}

static void what_a_longer_tail_brought_is_only_written_anew_for_whoever_lacks_it(void **state)
{
    (void)state;
    struct both b;
    struct salvage_question question = ask(&b, "mine", 12, "later");
    question.covered = true;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_NOTHING);
    assert_false(salvage_rule(&question).rewrite);
    question.back_to = 12;
    assert_true(salvage_rule(&question).rewrite);
}

static void a_pool_keeps_of_its_own_tail_that_something_was_deleted(void **state)
{
    (void)state;
    struct both b;
    struct salvage_question question = ask(&b, NULL, 0, NULL);
    question.own = true;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_APPLY);
}

/* The copy moved its own version aside, and goes on behind `back_to`. */
static void what_stays_gets_a_new_number_where_the_copy_would_miss_it(void **state)
{
    (void)state;
    struct both b;
    struct salvage_question question = ask(&b, "mine", 10, "old");
    assert_false(salvage_rule(&question).rewrite); /* it is written anyway */
    question.stays = true;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_CONFLICT);
    assert_true(salvage_rule(&question).rewrite);
    question = ask(&b, "mine", 11, "theirs");
    assert_false(salvage_rule(&question).rewrite); /* batches bring it */
    question.back_to = 11;
    assert_true(salvage_rule(&question).rewrite);
}

static void accounts_and_the_topology_are_not_put_together_from_two_histories(void **state)
{
    (void)state;
    struct both b;
    struct salvage_question question = ask(&b, "mine", 0, NULL);
    question.stays = true;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_CONFLICT);
    question.own = true;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_APPLY);
}

static void what_follows_from_other_items_is_not_taken_by_itself(void **state)
{
    (void)state;
    struct both b;
    struct salvage_question question = ask(&b, "mine", 11, "theirs");
    question.derived = true;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_NOTHING);
    question = ask(&b, "mine", 10, "old");
    question.derived = true;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_NOTHING);
    assert_true(salvage_rule(&question).rewrite);
}

static void there_are_no_conflicts_of_conflicts(void **state)
{
    (void)state;
    struct both b;
    struct salvage_question question = ask(&b, "mine", 11, "theirs");
    b.entry.key = b.here.key = bytes_of_text("conflict/00c0ffee00c0ffee/7");
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_NOTHING);
    question = ask(&b, "mine", 0, NULL);
    b.entry.key = bytes_of_text("conflict/00c0ffee00c0ffee/7");
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_APPLY);
    question.horizon = BASE + 1; /* dismissed since, perhaps */
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_APPLY);
}

/* What it speaks of may be told later, or be nowhere. */
static void how_far_a_salvage_came_is_true_in_its_own_history_alone(void **state)
{
    (void)state;
    struct both b;
    struct salvage_question question = ask(&b, "mine", 0, NULL);
    b.entry.key = bytes_of_text("salvaged/00c0ffee00c0ffee/7");
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_NOTHING);
    question.own = true;
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_NOTHING);
    question = ask(&b, "mine", 9, "earlier");
    b.entry.key = b.here.key = bytes_of_text("salvaged/00c0ffee00c0ffee/7");
    assert_int_equal(salvage_rule(&question).verdict, SALVAGE_NOTHING);
    assert_true(salvage_rule(&question).rewrite); /* whoever moved its own aside gets this one */
}

/* --- what is written --- */

static void a_conflict_reads_as_it_was_written_and_nonsense_does_not(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer value = {0};
    const struct salvage_conflict written = {.version = {6, 812},
                                             .tag = 0xc0ffee,
                                             .deleted = true,
                                             .salvaged_ms = 1234567,
                                             .accepted_by = HOME,
                                             .key = bytes_of_text("user/1/presence")};
    struct salvage_conflict read;
    salvage_conflict_encode(&written, &value);
    assert_int_equal(salvage_conflict_decode(&read, buffer_view(&value), NULL), OK);
    assert_true(read.version.usn == 812 && read.tag == 0xc0ffee && read.deleted &&
                read.salvaged_ms == 1234567 && bytes_equal(read.key, written.key));
    assert_string_equal(read.accepted_by, HOME);
    for (size_t size = 0; size < value.size; size++)
        assert_int_equal(salvage_conflict_decode(&read, bytes_of(value.at, size), NULL),
                         FAIL_DAMAGED);
    value.at[0] = 9;
    assert_int_equal(salvage_conflict_decode(&read, buffer_view(&value), NULL), FAIL_NEWER);
}

static void an_identity_is_what_was_shown_and_nothing_else(void **state)
{
    (void)state;
    char text[SALVAGE_IDENTITY_SIZE];
    uint64_t tag, usn;
    assert_string_equal(salvage_identity(0xc0ffee, 812, text), "0000000000c0ffee-812");
    assert_true(salvage_identity_read(text, &tag, &usn));
    assert_true(tag == 0xc0ffee && usn == 812);
    const char *const wrong[] = {"",
                                 "812",
                                 "c0ffee-812",
                                 "0000000000C0FFEE-812",
                                 "-",
                                 "0000000000c0ffee-0812",
                                 "0000000000c0ffee-812x"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(salvage_identity_read(wrong[i], &tag, &usn));
}

static void a_tail_knows_whose_each_of_its_changes_was(void **state)
{
    (void)state;
    struct tail tail = {.id = 77, .base = {2, 5}, .head = 30};
    assert_int_equal(tail_term_of(&tail, 9).tag, 77); /* nobody knows any more */
    assert_int_equal(tail_end_of(&tail, 9), 30);
    lineage_open(&tail.lineage, (struct term){2, 22}, 8);
    lineage_open(&tail.lineage, (struct term){4, 44}, 20);
    assert_int_equal(tail_term_of(&tail, 8).tag, 77);
    assert_int_equal(tail_end_of(&tail, 8), 8);
    assert_int_equal(tail_term_of(&tail, 9).tag, 22);
    assert_int_equal(tail_end_of(&tail, 9), 20);
    assert_int_equal(tail_term_of(&tail, 21).tag, 44);
    assert_int_equal(tail_end_of(&tail, 21), 30);
    assert_int_equal(tail_begin_of(&tail, 8), 5);
    assert_int_equal(tail_begin_of(&tail, 20), 8);
    assert_int_equal(tail_begin_of(&tail, 30), 20);
}

static void a_record_of_tails_reads_as_it_was_written_and_nonsense_does_not(void **state)
{
    (void)state;
    OWNED(free_memory) struct tails *written = xcalloc(1, sizeof *written);
    OWNED(free_memory) struct tails *read = xcalloc(1, sizeof *read);
    OWNED(buffer_free) struct buffer encoded = {0};
    written->count = 2;
    for (uint64_t i = 0; i < 2; i++) {
        written->list[i] = (struct tail){.id = i + 7,
                                         .base = {2, 5},
                                         .head = 30 + i,
                                         .items = 3,
                                         .open = i == 1,
                                         .part = i == 0};
        lineage_open(&written->list[i].lineage, (struct term){2, 22}, 0);
    }
    tails_encode(written, &encoded);
    assert_int_equal(tails_decode(read, buffer_view(&encoded), NULL), OK);
    assert_true(read->count == 2 && read->list[1].head == 31 && tails_find(read, 8) &&
                !tails_find(read, 9));
    assert_ptr_equal(tails_open(read), &read->list[1]);
    assert_true(read->list[0].part && !read->list[1].part);
    for (size_t size = 0; size < encoded.size; size++)
        assert_int_equal(tails_decode(read, bytes_of(encoded.at, size), NULL), FAIL_DAMAGED);
}

/* --- from one store into another --- */

static struct store *holder, *copy;

static void put_all(struct store *store, uint64_t term, const char *keys, const char *value)
{
    struct txn *txn = as_holder(term);
    for (const char *key = keys; *key; key++) {
        const char text[] = {*key, '\0'};
        if (value)
            put_text(txn, text, value);
        else
            txn_delete(txn, MODULE, bytes_of_text(text));
    }
    commit_as(store, txn, OK);
}

/* Both served "abcdef" up to change 6; then each went on without the other, in a term of its own.
 */
static int set_up(void **state)
{
    (void)state;
    struct store **const both[] = {&holder, &copy};
    for (size_t i = 0; i < COUNT_OF(both); i++) {
        assert_int_equal(store_open(memory_engine_open(), both[i], NULL), OK);
        open_term(*both[i], HOME, 2);
        put_all(*both[i], 2, "abcdef", "old");
    }
    open_term(holder, HOME, 4);
    open_term(copy, HOME, 3);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    store_close(holder);
    store_close(copy);
    return 0;
}

static void go_back(void)
{
    struct hold ours, theirs;
    struct home_state state = state_of(copy, HOME, &ours);
    state_of(holder, HOME, &theirs);
    const struct tail tail = {
        .id = 77, .base = {2, 6}, .head = state.head, .lineage = ours.lineage};
    ours.mode = MODE_STANDBY;
    ours.term = theirs.term;
    ours.seen = theirs.term.number;
    ours.lineage = theirs.lineage;
    ours.revision++;
    struct txn *txn = txn_new(HOME);
    txn_hold(txn, &ours);
    txn_as_copy(txn, theirs.term.number);
    txn_rewind(txn, &tail);
    commit_as(copy, txn, OK);
}

static enum tail_step next_step(struct tail_reader *reader, uint32_t items,
                                struct tail_packet **packet)
{
    OWNED(view_close) struct view *view = NULL;
    enum tail_step step;
    struct bytes bytes;
    assert_int_equal(store_view(copy, &view, NULL), OK);
    assert_int_equal(tail_reader_step(reader, view, items, &step, &bytes, NULL), OK);
    if (step == TAIL_TELL)
        assert_int_equal(tail_packet_open(bytes, packet, NULL), OK);
    return step;
}

static uint64_t salvage(struct tail_packet *packet, enum failure expected)
{
    OWNED(view_close) struct view *view = NULL;
    struct hold hold;
    state_of(holder, HOME, &hold);
    assert_int_equal(store_view(holder, &view, NULL), OK);
    const struct salvage_place place = {.view = view, .hold = &hold, .now_ms = WHEN_TAKEN};
    struct txn *txn = as_holder(hold.term.number);
    OWNED(salvage_free) struct salvage *s = salvage_begin(txn, &place);
    uint64_t upto = 0;
    assert_int_equal(salvage_packet(s, packet, &upto, NULL), OK);
    assert_int_equal(salvage_end(s, NULL), OK);
    view_close(TAKE(view));
    commit_as(holder, txn, expected);
    return upto;
}

/* All of it, by `items`; each packet so often. */
static void salvage_all(struct tail_reader *reader, uint32_t items, unsigned times)
{
    for (;;) {
        OWNED(tail_packet_free) struct tail_packet *packet = NULL;
        if (next_step(reader, items, &packet) != TAIL_TELL)
            return;
        for (unsigned i = 0; i < times; i++) {
            struct tail_packet *again = packet;
            tail_reader_told(reader, salvage(again, OK));
            if (i + 1 < times) { /* a batch is read once: open it anew */
                tail_packet_free(TAKE(packet));
                tail_reader_again(reader);
                assert_int_equal(next_step(reader, items, &packet), TAIL_TELL);
            }
        }
    }
}

struct taking_on {
    struct txn *txn;
    uint64_t upto;
};

static bool apply_one(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    const struct taking_on *t = context;
    if (item->version.usn <= t->upto)
        txn_apply(t->txn, item);
    return true;
}

static void copy_as_far_as(uint64_t upto)
{
    OWNED(view_close) struct view *view = NULL;
    struct hold ours, theirs;
    struct home_state from = state_of(copy, HOME, &ours), to = state_of(holder, HOME, &theirs);
    struct version cookie = from.modules[MODULE].cookie;
    struct taking_on t = {.txn = txn_new(HOME), .upto = upto};
    txn_as_copy(t.txn, theirs.term.number);
    assert_int_equal(store_view(holder, &view, NULL), OK);
    assert_int_equal(view_changes(view, HOME, cookie.usn, apply_one, &t, NULL), OK);
    txn_cookie(t.txn, MODULE, cookie,
               (struct version){lineage_term_of(&theirs.lineage, upto), upto});
    if (upto < to.head)
        txn_whole_at(t.txn, MODULE,
                     (struct version){lineage_term_of(&theirs.lineage, to.head), to.head});
    view_close(TAKE(view));
    commit_as(copy, t.txn, OK);
}

static void copy_rest(void)
{
    struct hold hold;
    copy_as_far_as(state_of(holder, HOME, &hold).head);
}

static bool place_one(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    if (!item->deleted)
        txn_place(context, item);
    return true;
}

/* By a comparison, which tells what is there, and not what was deleted. */
static void compare_rest(void)
{
    OWNED(view_close) struct view *view = NULL;
    struct hold ours, theirs;
    struct home_state from = state_of(copy, HOME, &ours), to = state_of(holder, HOME, &theirs);
    struct txn *txn = txn_new(HOME);
    txn_as_copy(txn, theirs.term.number);
    assert_int_equal(store_view(holder, &view, NULL), OK);
    assert_int_equal(view_keys(view, HOME, MODULE, BYTES_NONE, place_one, txn, NULL), OK);
    txn_cookie(txn, MODULE, from.modules[MODULE].cookie,
               (struct version){lineage_term_of(&theirs.lineage, to.head), to.head});
    txn_horizon(txn, to.head);
    view_close(TAKE(view));
    commit_as(copy, txn, OK);
}

static void assert_equal_now(void)
{
    struct hold hold;
    struct home_state a = state_of(holder, HOME, &hold), b = state_of(copy, HOME, &hold);
    assert_true(digest_equal(&a.modules[MODULE].digest, &b.modules[MODULE].digest));
    assert_sound(holder, HOME);
    assert_sound(copy, HOME);
}

static void assert_has(const char *key, const char *value)
{
    OWNED(view_close) struct view *view = NULL;
    struct item item;
    assert_int_equal(store_view(holder, &view, NULL), OK);
    bool there = view_item(view, HOME, MODULE, bytes_of_text(key), &item, NULL) == OK;
    if (!value)
        assert_true(!there || item.deleted);
    else
        assert_true(there && bytes_equal(item.value, bytes_of_text(value)));
}

static struct salvage_mark forget(struct tail_reader *reader)
{
    OWNED(view_close) struct view *view = NULL;
    struct salvage_mark sum;
    struct txn *txn = txn_new(HOME);
    assert_int_equal(store_view(copy, &view, NULL), OK);
    assert_int_equal(tail_reader_forget(reader, view, txn, WHEN_GONE, &sum, NULL), OK);
    view_close(TAKE(view));
    commit_as(copy, txn, OK);
    return sum;
}

/* Both pools remember what became of it. */
static void assert_remembered(struct store *store, uint64_t when)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(free_memory) struct last_tail *last = xmalloc(sizeof *last);
    assert_int_equal(store_view(store, &view, NULL), OK);
    assert_int_equal(last_tail_read(view, HOME, last, NULL), OK);
    const struct salvage_mark *sum = &last->sum, *module = &last->modules[MODULE];
    assert_int_equal(last->salvaged_ms, when);
    assert_int_equal(last->tail.items, 5);
    assert_true(sum->carried == 3 && sum->conflicts == 1 && sum->same == 1);
    assert_true(module->carried == 3 && module->conflicts == 1 && module->same == 1);
}

static void assert_nothing_remembered(struct store *store)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(free_memory) struct last_tail *last = xmalloc(sizeof *last);
    assert_int_equal(store_view(store, &view, NULL), OK);
    assert_int_equal(last_tail_read(view, HOME, last, NULL), FAIL_NOT_FOUND);
}

static void live_through(uint32_t items, unsigned times)
{
    OWNED(tail_reader_free) struct tail_reader *reader = tail_reader_new(HOME);
    OWNED(tail_packet_free) struct tail_packet *none = NULL;
    char conflict[SALVAGE_KEY_SIZE];
    put_all(copy, 3, "ab", "mine"); /* a: only here; b: there, too */
    put_all(copy, 3, "c", NULL);
    put_all(copy, 3, "d", "same");
    put_all(copy, 3, "x", "new");
    put_all(holder, 4, "b", "theirs");
    put_all(holder, 4, "d", "same");
    go_back();
    assert_nothing_remembered(copy);
    assert_nothing_remembered(holder);
    salvage_all(reader, items, times);
    assert_remembered(holder, WHEN_TAKEN);
    assert_nothing_remembered(copy);
    assert_int_equal(next_step(reader, items, &none), TAIL_WAIT); /* it has not come back yet */
    assert_has("a", "mine");
    assert_has("b", "theirs");
    assert_has("c", NULL);
    assert_has("d", "same");
    assert_has("x", "new");
    salvage_conflict_key(33, 8, conflict);
    OWNED(view_close) struct view *view = NULL;
    struct item item;
    assert_int_equal(store_view(holder, &view, NULL), OK);
    assert_int_equal(view_item(view, HOME, MODULE, bytes_of_text(conflict), &item, NULL), OK);
    view_close(TAKE(view));
    salvage_value_key(33, 8, conflict);
    assert_has(conflict, "mine");
    copy_rest();
    assert_equal_now();
    assert_int_equal(next_step(reader, items, &none), TAIL_SAFE);
    struct salvage_mark sum = forget(reader);
    assert_true(sum.carried == 3 && sum.conflicts == 1 && sum.same == 1);
    assert_remembered(copy, WHEN_GONE);
    assert_int_equal(next_step(reader, items, &none), TAIL_NONE);
}

static void a_tail_goes_into_what_the_holder_has_and_both_are_equal(void **state)
{
    (void)state;
    live_through(100, 1);
}

static void it_may_go_in_small_pieces(void **state)
{
    (void)state;
    live_through(1, 1);
}

static void what_is_told_again_is_not_done_again(void **state)
{
    (void)state;
    live_through(100, 3);
}

static void what_was_changed_meanwhile_is_looked_at_again(void **state)
{
    (void)state;
    OWNED(tail_reader_free) struct tail_reader *reader = tail_reader_new(HOME);
    OWNED(tail_packet_free) struct tail_packet *packet = NULL;
    OWNED(view_close) struct view *view = NULL;
    struct hold hold;
    put_all(copy, 3, "a", "mine");
    go_back();
    assert_int_equal(next_step(reader, 100, &packet), TAIL_TELL);
    state_of(holder, HOME, &hold);
    assert_int_equal(store_view(holder, &view, NULL), OK);
    const struct salvage_place place = {.view = view, .hold = &hold};
    struct txn *txn = as_holder(4);
    OWNED(salvage_free) struct salvage *s = salvage_begin(txn, &place);
    uint64_t upto;
    assert_int_equal(salvage_packet(s, packet, &upto, NULL), OK);
    put_all(holder, 4, "a", "theirs"); /* in between */
    view_close(TAKE(view));
    commit_as(holder, txn, FAIL_CONFLICT);
    assert_has("a", "theirs");
}

/* Without its holder: in one transaction with its own tail. The story goes on there. */
static void copy_takes(void)
{
    OWNED(view_close) struct view *view = NULL;
    struct hold taken;
    state_of(copy, HOME, &taken);
    taken.mode = MODE_SERVING;
    taken.term = (struct term){6, 66};
    taken.seen = 6;
    taken.revision++;
    assert_int_equal(store_view(copy, &view, NULL), OK);
    const struct salvage_place place = {.view = view, .hold = &taken, .own = true};
    struct txn *txn = as_holder(6);
    txn_hold(txn, &taken);
    assert_int_equal(salvage_own(txn, &place, NULL), OK);
    view_close(TAKE(view));
    commit_as(copy, txn, OK);
    struct store *other = holder;
    holder = copy;
    copy = other;
    assert_int_equal(state_of(holder, HOME, &taken).tails, 0);
    assert_sound(holder, HOME);
}

/* In a long catch-up the copy has heard what became of its tail, and not come as far as what was
 * changed once more: that was left out of what it got. */
static void a_pool_that_takes_in_a_catch_up_does_not_trust_that_its_tail_is_salvaged(void **state)
{
    (void)state;
    OWNED(tail_reader_free) struct tail_reader *reader = tail_reader_new(HOME);
    put_all(copy, 3, "a", "mine");
    go_back();
    salvage_all(reader, 100, 1);
    struct hold hold;
    uint64_t marked = state_of(holder, HOME, &hold).head;
    put_all(holder, 4, "a", "later");
    copy_as_far_as(marked);
    copy_takes();
    assert_has("a", "mine");
}

static uint64_t horizon_now(void)
{
    struct hold hold;
    return state_of(holder, HOME, &hold).horizon;
}

static void a_pool_that_takes_its_home_takes_its_own_tail_first(void **state)
{
    (void)state;
    put_all(copy, 3, "ab", "mine");
    put_all(copy, 3, "c", NULL);
    put_all(holder, 4, "b", "theirs");
    go_back();
    copy_rest(); /* b comes; a and c are nowhere but in the tail */
    copy_takes();
    assert_int_equal(horizon_now(), 0);
    assert_has("a", "mine");
    assert_has("b", "theirs");
    assert_has("c", NULL);
}

static uint64_t first_step_back(void)
{
    struct hold ours, theirs;
    uint64_t head = state_of(copy, HOME, &ours).head;
    state_of(holder, HOME, &theirs);
    struct tail tail = {.id = 77, .base = {2, 6}, .head = head, .lineage = ours.lineage};
    tail_shorten(&tail, head - 1);
    assert_true(tail.open && tail.base.term == 3);
    ours.mode = MODE_STANDBY;
    ours.term = theirs.term; /* it follows that; its history is still its own */
    ours.seen = theirs.term.number;
    ours.revision++;
    struct txn *txn = txn_new(HOME);
    txn_hold(txn, &ours);
    txn_as_copy(txn, theirs.term.number);
    txn_rewind(txn, &tail);
    commit_as(copy, txn, OK);
    return head - 1;
}

static void a_tail_that_is_open_is_told_to_nobody(void **state)
{
    (void)state;
    OWNED(tail_reader_free) struct tail_reader *reader = tail_reader_new(HOME);
    OWNED(tail_packet_free) struct tail_packet *none = NULL;
    put_all(copy, 3, "ab", "mine");
    first_step_back();
    assert_int_equal(next_step(reader, 100, &none), TAIL_WAIT);
    go_back(); /* the rest of it */
    salvage_all(reader, 100, 1);
    assert_has("a", "mine");
    assert_has("b", "mine");
    copy_rest();
    assert_equal_now();
}

static void a_pool_that_takes_its_home_while_a_tail_is_open_has_all_of_it(void **state)
{
    (void)state;
    struct hold hold;
    put_all(copy, 3, "ab", "mine");
    first_step_back();
    copy_takes();
    assert_has("a", "mine");
    assert_has("b", "mine");
    assert_false(state_of(holder, HOME, &hold).going_back);
}

static void a_pool_that_was_compared_brings_nothing_back_that_was_deleted_since(void **state)
{
    (void)state;
    char beside[SALVAGE_KEY_SIZE];
    put_all(copy, 3, "ab", "mine");
    put_all(holder, 4, "a", NULL);
    go_back();
    compare_rest(); /* b comes; a does not, and nothing tells that it was deleted */
    copy_takes();
    assert_has("a", NULL);
    assert_has("b", "mine");
    salvage_value_key(33, 7, beside);
    assert_has(beside, "mine");
}

static void a_packet_of_another_tail_is_refused(void **state)
{
    (void)state;
    OWNED(batch_writer_free) struct batch_writer *writer = batch_writer_new();
    OWNED(packer_free) struct packer *packer = packer_new();
    OWNED(tail_packet_free) struct tail_packet *packet = NULL;
    struct tail tail = {.id = 77, .base = {2, 6}, .head = 9, .items = 1};
    lineage_open(&tail.lineage, (struct term){3, 33}, 6);
    struct batch_head head = {
        .home = HOME, .module = MODULE, .term = {3, 33}, .after = 6, .head = 9};
    const struct item item = item_of(7, "v");
    batch_begin(writer, &head);
    batch_add(writer, &item);
    struct bytes batch = batch_finish(writer, 9, false);
    struct bytes good = tail_packet_seal(packer, &tail, &batch, 1);
    assert_int_equal(tail_packet_open(good, &packet, NULL), OK);
    tail_packet_free(TAKE(packet));
    const struct bytes twice[] = {batch, batch};
    assert_int_equal(tail_packet_open(tail_packet_seal(packer, &tail, twice, 2), &packet, NULL),
                     FAIL_DAMAGED);
    tail.lineage.entries[0].term.tag = 34; /* another's */
    assert_int_equal(tail_packet_open(tail_packet_seal(packer, &tail, &batch, 1), &packet, NULL),
                     FAIL_DAMAGED);
    tail.lineage.entries[0].term.tag = 33;
    tail.head = 8; /* it never came so far */
    assert_int_equal(tail_packet_open(tail_packet_seal(packer, &tail, &batch, 1), &packet, NULL),
                     FAIL_DAMAGED);
    assert_int_equal(tail_packet_open(bytes_of_text("nonsense"), &packet, NULL), FAIL_DAMAGED);
}

static void salvage_of(struct tail tail, uint64_t after, uint64_t upto, struct item item)
{
    OWNED(batch_writer_free) struct batch_writer *writer = batch_writer_new();
    OWNED(packer_free) struct packer *packer = packer_new();
    OWNED(tail_packet_free) struct tail_packet *packet = NULL;
    lineage_open(&tail.lineage, (struct term){2, 22}, 0);
    lineage_open(&tail.lineage, (struct term){3, 33}, 6);
    const struct batch_head batch = {
        .home = HOME, .module = MODULE, .term = {3, 33}, .after = after, .head = tail.head};
    batch_begin(writer, &batch);
    batch_add(writer, &item);
    struct bytes made = batch_finish(writer, upto, false);
    struct bytes bytes = tail_packet_seal(packer, &tail, &made, 1);
    assert_int_equal(tail_packet_open(bytes, &packet, NULL), OK);
    assert_int_equal(salvage(packet, OK), upto);
}

/* Term 3 from change 6 on, as another copy came to know it: up to `head`, with one change. */
static void salvage_change(uint64_t head, uint64_t after, uint64_t upto, struct item item)
{
    salvage_of((struct tail){.id = 70 + head, .base = {2, 6}, .head = head, .items = 1}, after,
               upto, item);
}

/* The long one has "k" changed once more, in its second half. */
static void half_of_a_long_tail_makes_no_shorter_one_safe(void **state)
{
    (void)state;
    struct item other = item_of(9, "other");
    other.key = bytes_of_text("o");
    salvage_change(12, 6, 9, other);
    salvage_change(8, 6, 8, item_of(7, "early"));
    assert_has("k", "early");
    salvage_change(12, 9, 12, item_of(12, "late"));
    char value[SALVAGE_KEY_SIZE];
    salvage_value_key(33, 12, value);
    assert_has(value, "late");
}

static void all_of_a_long_tail_makes_a_shorter_one_needless(void **state)
{
    (void)state;
    char value[SALVAGE_KEY_SIZE];
    salvage_change(12, 6, 12, item_of(12, "late"));
    salvage_change(8, 6, 8, item_of(7, "early"));
    assert_has("k", "late");
    salvage_value_key(33, 7, value);
    assert_has(value, NULL);
    salvage_change(14, 6, 14, item_of(14, "later")); /* one that goes on is another matter */
    salvage_value_key(33, 14, value);
    assert_has(value, "later");
}

/* One part of a tail that goes through two terms: "k", which was changed in both, and "o". The
 * other copy has the first change of "k", and no more. */
static void a_part_of_a_tail_of_several_terms_makes_no_other_one_safe(void **state)
{
    (void)state;
    OWNED(tail_reader_free) struct tail_reader *reader = tail_reader_new(HOME);
    OWNED(tail_packet_free) struct tail_packet *packet = NULL;
    char value[SALVAGE_KEY_SIZE];
    put_all(copy, 3, "ko", "early");
    open_term(copy, HOME, 5);
    put_all(copy, 5, "k", "late");
    go_back();
    assert_int_equal(next_step(reader, 1, &packet), TAIL_TELL);
    tail_reader_told(reader, salvage(packet, OK));
    salvage_change(7, 6, 7, item_of(7, "early"));
    assert_has("k", "late");
    salvage_value_key(33, 7, value);
    assert_has(value, "early");
    salvage_all(reader, 1, 1);
    assert_has("o", "early");
    copy_rest();
    assert_equal_now();
}

/* Somebody's tail was salvaged, and that is known here; what came of it was changed once more, and
 * is not here. Whoever took the home then has to look at that tail again. */
static void
a_pool_that_took_in_a_catch_up_does_not_trust_what_it_heard_of_others_tails(void **state)
{
    (void)state;
    OWNED(tail_reader_free) struct tail_reader *reader = tail_reader_new(HOME);
    struct hold hold;
    char value[SALVAGE_KEY_SIZE];
    put_all(copy, 3, "a", "mine");
    go_back();
    salvage_all(reader, 100, 1);
    salvage_change(12, 6, 12, item_of(12, "late"));
    salvage_change(14, 6, 14, item_of(14, "later"));
    uint64_t marked = state_of(holder, HOME, &hold).head;
    put_all(holder, 4, "k", "latest");
    copy_as_far_as(marked);
    copy_takes();
    assert_has("k", NULL);
    salvage_change(12, 6, 12, item_of(12, "late"));
    salvage_value_key(33, 12, value);
    assert_has(value, "late");
}

/* It came to change 12, and of what was changed once more by then it had nothing. */
static void a_tail_of_a_copy_that_was_not_whole_makes_no_other_one_needless(void **state)
{
    (void)state;
    struct item other = item_of(9, "other");
    other.key = bytes_of_text("o");
    const struct tail part = {.id = 7, .base = {2, 6}, .head = 12, .items = 1, .part = true};
    salvage_of(part, 6, 12, other);
    assert_has("o", "other");
    salvage_change(8, 6, 8, item_of(7, "early"));
    assert_has("k", "early");
    salvage_change(12, 6, 12, item_of(11, "late"));
    char value[SALVAGE_KEY_SIZE];
    salvage_value_key(33, 11, value);
    assert_has(value, "late");
}

static bool is_part_of_it(void)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(free_memory) struct tails *tails = xcalloc(1, sizeof *tails);
    assert_int_equal(store_view(copy, &view, NULL), OK);
    assert_int_equal(view_tails(view, HOME, tails, NULL), OK);
    assert_int_equal(tails->count, 1);
    return tails->list[0].part;
}

static void a_copy_that_is_whole_has_all_of_its_tail(void **state)
{
    (void)state;
    put_all(copy, 3, "ab", "mine");
    go_back();
    assert_false(is_part_of_it());
}

static void where_deletions_are_forgotten_the_tail_is_a_part(void **state)
{
    (void)state;
    put_all(copy, 3, "ab", "mine");
    struct txn *txn = as_holder(3);
    txn_horizon(txn, 7);
    commit_as(copy, txn, OK);
    go_back();
    assert_true(is_part_of_it());
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_touched_since_is_carried_over),
        cmocka_unit_test(what_both_changed_the_same_needs_nothing),
        cmocka_unit_test(what_both_changed_is_kept_beside),
        cmocka_unit_test(what_was_changed_before_they_parted_is_not_touched),
        cmocka_unit_test(what_the_tails_pool_did_not_know_is_touched),
        cmocka_unit_test(what_may_have_been_deleted_since_is_not_brought_back),
        cmocka_unit_test(what_is_of_the_holders_own_history_is_known_there),
        cmocka_unit_test(what_a_longer_tail_brought_is_only_written_anew_for_whoever_lacks_it),
        cmocka_unit_test(a_pool_keeps_of_its_own_tail_that_something_was_deleted),
        cmocka_unit_test(what_stays_gets_a_new_number_where_the_copy_would_miss_it),
        cmocka_unit_test(accounts_and_the_topology_are_not_put_together_from_two_histories),
        cmocka_unit_test(what_follows_from_other_items_is_not_taken_by_itself),
        cmocka_unit_test(there_are_no_conflicts_of_conflicts),
        cmocka_unit_test(how_far_a_salvage_came_is_true_in_its_own_history_alone),
        cmocka_unit_test(a_conflict_reads_as_it_was_written_and_nonsense_does_not),
        cmocka_unit_test(an_identity_is_what_was_shown_and_nothing_else),
        cmocka_unit_test(a_tail_knows_whose_each_of_its_changes_was),
        cmocka_unit_test(a_record_of_tails_reads_as_it_was_written_and_nonsense_does_not),
        STORY(a_tail_goes_into_what_the_holder_has_and_both_are_equal),
        STORY(it_may_go_in_small_pieces),
        STORY(what_is_told_again_is_not_done_again),
        STORY(what_was_changed_meanwhile_is_looked_at_again),
        STORY(a_pool_that_takes_its_home_takes_its_own_tail_first),
        STORY(a_pool_that_takes_in_a_catch_up_does_not_trust_that_its_tail_is_salvaged),
        STORY(a_pool_that_took_in_a_catch_up_does_not_trust_what_it_heard_of_others_tails),
        STORY(a_tail_that_is_open_is_told_to_nobody),
        STORY(a_pool_that_takes_its_home_while_a_tail_is_open_has_all_of_it),
        STORY(a_pool_that_was_compared_brings_nothing_back_that_was_deleted_since),
        STORY(half_of_a_long_tail_makes_no_shorter_one_safe),
        STORY(all_of_a_long_tail_makes_a_shorter_one_needless),
        STORY(a_part_of_a_tail_of_several_terms_makes_no_other_one_safe),
        STORY(a_tail_of_a_copy_that_was_not_whole_makes_no_other_one_needless),
        STORY(a_copy_that_is_whole_has_all_of_its_tail),
        STORY(where_deletions_are_forgotten_the_tail_is_a_part),
        cmocka_unit_test(a_packet_of_another_tail_is_refused),
    };
    return cmocka_run_group_tests_name("salvage", tests, NULL, NULL);
}
