/* The data of the core: terms, items, digests, lineages, hold records, modes. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "core/beats.h"
#include "core/digest.h"
#include "core/heard.h"
#include "core/hold.h"

static struct item item(const char *key, const char *value, uint64_t usn)
{
    return (struct item){.module = MODULE_PRESENCE_FOCUS,
                         .key = bytes_of_text(key),
                         .value = bytes_of_text(value),
                         .version = {.term = 2, .usn = usn}};
}

static struct term term(uint64_t number, uint64_t tag)
{
    return (struct term){.number = number, .tag = tag};
}

/* --- terms: protocol, rule 1 --- */

static void a_pool_takes_the_next_number_of_its_own_parity_above_every_number_seen(void **state)
{
    (void)state;
    assert_int_equal(term_number_above(SIDE_HOME, 0), 2);
    assert_int_equal(term_number_above(SIDE_BACKUP, 0), 1);
    for (uint64_t seen = 0; seen < 100; seen++) {
        uint64_t home = term_number_above(SIDE_HOME, seen);
        uint64_t backup = term_number_above(SIDE_BACKUP, seen);
        assert_true(home > seen && home <= seen + 2 && home % 2 == 0);
        assert_true(backup > seen && backup <= seen + 2 && backup % 2 == 1);
        assert_int_equal(term_side(term(home, 1)), SIDE_HOME);
        assert_int_equal(term_side(term(backup, 1)), SIDE_BACKUP);
    }
}

static void equal_numbers_with_different_tags_are_different_terms(void **state)
{
    (void)state;
    assert_true(term_equal(term(4, 7), term(4, 7)));
    assert_false(term_equal(term(4, 7), term(4, 8)));
}

/* --- items --- */

static void modules_are_known_by_both_names_in_any_case(void **state)
{
    (void)state;
    enum module m;
    assert_true(module_from_text("userservices.presencefocus", &m));
    assert_int_equal(m, MODULE_PRESENCE_FOCUS);
    assert_true(module_from_text("DataConf", &m));
    assert_int_equal(m, MODULE_DATA_CONF);
    assert_true(module_from_text("CMSMASTER", &m));
    assert_int_equal(m, MODULE_CMS_MASTER);
    assert_false(module_from_text("DataCon", &m));
    assert_true(module_belongs(MODULE_CMS_MASTER, HOME_CENTRAL));
    assert_false(module_belongs(MODULE_CMS_MASTER, "atl.example.com"));
    assert_false(module_belongs(MODULE_DATA_CONF, HOME_CENTRAL));
}

static void each_part_of_an_item_changes_its_hash(void **state)
{
    (void)state;
    struct item base = item("key", "value", 5);
    struct item others[] = {base, base, base, base, base, base, base};
    others[0].module = MODULE_DATA_CONF;
    others[1].version.term = 4;
    others[2].version.usn = 6;
    others[3].key = bytes_of_text("kez");
    others[4].value = bytes_of_text("valuf");
    others[5].deleted = true;
    others[5].value = BYTES_NONE;
    others[6].key = bytes_of_text("keyv"); /* the same bytes, cut elsewhere */
    others[6].value = bytes_of_text("alue");
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(item_hash_equal(item_hash(&base), item_hash(&others[i])));
}

static void items_beyond_their_limits_are_refused(void **state)
{
    (void)state;
    struct error e;
    struct item it = item("", "value", 1);
    assert_int_equal(item_check(&it, &e), FAIL_INVALID);
    it = item("key", "value", 1);
    it.key.size = ITEM_KEY_MAX + 1;
    assert_int_equal(item_check(&it, &e), FAIL_INVALID);
    it = item("key", "value", 1);
    it.value.size = ITEM_VALUE_MAX + 1;
    assert_int_equal(item_check(&it, &e), FAIL_INVALID);
    it = item("key", "value", 1);
    it.deleted = true;
    assert_int_equal(item_check(&it, &e), FAIL_INVALID);
}

/* --- digests --- */

static void a_digest_depends_on_what_is_there_and_not_on_the_order(void **state)
{
    (void)state;
    struct item a = item("a", "1", 1), b = item("b", "22", 2), c = item("c", "333", 3);
    struct digest x = {0}, y = {0};
    digest_add(&x, &a, item_hash(&a));
    digest_add(&x, &b, item_hash(&b));
    digest_add(&y, &c, item_hash(&c));
    digest_add(&y, &b, item_hash(&b));
    digest_add(&y, &a, item_hash(&a));
    assert_false(digest_equal(&x, &y));
    digest_remove(&y, &c, item_hash(&c));
    assert_true(digest_equal(&x, &y));
    assert_int_equal(x.items, 2);
    assert_int_equal(x.bytes, 5);
}

static void tombstones_count_for_nothing(void **state)
{
    (void)state;
    struct item dead = item("a", "", 1);
    dead.deleted = true;
    struct digest d = {0}, empty = {0};
    digest_add(&d, &dead, item_hash(&dead));
    assert_true(digest_equal(&d, &empty));
    digest_remove(&d, &dead, item_hash(&dead));
    assert_true(digest_equal(&d, &empty));
}

/* --- lineages: protocol, rule 3 --- */

static void a_change_belongs_to_the_term_that_began_before_it(void **state)
{
    (void)state;
    static struct lineage l;
    memset(&l, 0, sizeof l);
    lineage_open(&l, term(2, 1), 0);
    lineage_open(&l, term(3, 1), 10);
    lineage_open(&l, term(6, 1), 10); /* nothing was changed in 3 */
    assert_int_equal(lineage_term_of(&l, 0), 0);
    assert_int_equal(lineage_term_of(&l, 1), 2);
    assert_int_equal(lineage_term_of(&l, 10), 2);
    assert_int_equal(lineage_term_of(&l, 11), 6);
}

static void copies_compare_at_their_last_common_point(void **state)
{
    (void)state;
    static struct lineage a, b;
    struct version at;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    assert_false(lineage_common(&a, 0, &b, 0, &at));

    lineage_open(&a, term(2, 11), 0);
    b = a;
    assert_true(lineage_common(&a, 100, &b, 70, &at)); /* b is behind */
    assert_true(at.term == 2 && at.usn == 70);

    lineage_open(&b, term(3, 22), 70); /* b took alone; a went on to 100 */
    assert_true(lineage_common(&a, 100, &b, 90, &at));
    assert_true(at.term == 2 && at.usn == 70);

    lineage_open(&a, term(4, 33), 100); /* and a opened another term */
    assert_true(lineage_common(&a, 120, &b, 90, &at));
    assert_true(at.term == 2 && at.usn == 70);
    assert_true(lineage_common(&b, 90, &a, 120, &at)); /* the same from the other side */
    assert_true(at.term == 2 && at.usn == 70);
}

/* A store put back to an older copy re-used usns 801 to 900; the partner, ahead by cookie, saw
 * nothing to salvage. */
static void a_number_opened_twice_is_no_common_term(void **state)
{
    (void)state;
    static struct lineage a, b;
    struct version at;
    memset(&a, 0, sizeof a);
    lineage_open(&a, term(2, 11), 0);
    b = a;
    lineage_open(&a, term(4, 22), 800);
    lineage_open(&b, term(4, 33), 800);
    assert_true(lineage_common(&a, 900, &b, 900, &at));
    assert_true(at.term == 2 && at.usn == 800);
}

static void a_term_that_a_copy_only_heard_of_is_no_common_point(void **state)
{
    (void)state;
    static struct lineage a, b;
    struct version at;
    lineage_open(&a, term(2, 11), 0);
    b = a;
    lineage_open(&a, term(4, 22), 80);
    assert_true(lineage_has(&a, term(4, 22)));
    assert_false(lineage_has(&a, term(4, 23)));
    assert_true(lineage_common(&a, 50, &b, 60, &at)); /* it follows 4 already, and is at 50 */
    assert_true(at.term == 2 && at.usn == 50);
    lineage_open(&b, term(4, 22), 80);
    assert_true(lineage_common(&a, 50, &b, 90, &at));
    assert_true(at.term == 2 && at.usn == 50);
}

static void what_another_copy_knows_ends_where_both_parted_or_cant_be_told(void **state)
{
    (void)state;
    static struct lineage home, copy;
    uint64_t upto = 99;
    lineage_open(&home, term(2, 11), 0);
    assert_true(lineage_known_upto(&home, 100, &copy, 0, &upto)); /* there is nothing */
    assert_int_equal(upto, 0);
    copy = home;
    assert_true(lineage_known_upto(&home, 100, &copy, 70, &upto)); /* which is behind */
    assert_int_equal(upto, 70);
    lineage_open(&home, term(4, 22), 50); /* it was put back to 50, and serves since */
    assert_true(lineage_known_upto(&home, 100, &copy, 70, &upto));
    assert_int_equal(upto, 50);
    static struct lineage empty; /* or its store was lost */
    lineage_open(&empty, term(4, 22), 0);
    assert_true(lineage_known_upto(&empty, 100, &copy, 70, &upto));
    assert_int_equal(upto, 0);
    empty.trimmed = true; /* or it has forgotten so long ago */
    assert_false(lineage_known_upto(&empty, 100, &copy, 70, &upto));
}

/* It follows its exporter's whole lineage, and serves before it has all that belongs to it. */
static void a_copy_that_opens_a_term_drops_those_that_it_did_not_reach(void **state)
{
    (void)state;
    static struct lineage l;
    memset(&l, 0, sizeof l);
    lineage_open(&l, term(2, 1), 0);
    lineage_open(&l, term(4, 1), 50);
    lineage_open(&l, term(6, 1), 80);
    lineage_open(&l, term(7, 1), 50);
    assert_int_equal(l.count,
                     3); /* nothing of 4 was reached, but nothing is wrong with it either */
    assert_int_equal(l.entries[1].term.number, 4);
    assert_int_equal(lineage_last(&l).number, 7);
    assert_int_equal(lineage_term_of(&l, 50), 2);
    assert_int_equal(lineage_term_of(&l, 51), 7);
}

static void a_lineage_forgets_its_oldest_terms_and_says_so(void **state)
{
    (void)state;
    static struct lineage l;
    memset(&l, 0, sizeof l);
    for (uint64_t i = 1; i <= LINEAGE_MAX + 3; i++)
        lineage_open(&l, term(2 * i, i), i);
    assert_int_equal(l.count, LINEAGE_MAX);
    assert_true(l.trimmed);
    assert_int_equal(l.entries[0].term.number, 8);
    assert_int_equal(lineage_last(&l).number, 2 * (LINEAGE_MAX + 3));
    assert_int_equal(lineage_term_of(&l, 3), 0);
}

/* A home in which nothing changes any more, at a pool that is started daily. */
static void a_lineage_does_not_forget_by_whom_the_last_change_was_made(void **state)
{
    (void)state;
    static struct lineage l;
    memset(&l, 0, sizeof l);
    lineage_open(&l, term(2, 1), 0);
    lineage_open(&l, term(4, 1), 5);
    for (uint64_t i = 3; i <= 3 * LINEAGE_MAX; i++)
        lineage_open(&l, term(2 * i, i), 7);
    assert_int_equal(l.count, LINEAGE_MAX);
    assert_int_equal(lineage_term_of(&l, 7), 4);
    assert_int_equal(lineage_term_of(&l, 5), 2);
    /* Of the later half of the terms none is forgotten: a partner may have followed any of them. */
    for (uint64_t i = 3 * LINEAGE_MAX; i > 3 * LINEAGE_MAX - LINEAGE_MAX / 2; i--)
        assert_true(lineage_has(&l, term(2 * i, i)));
}

/* --- hold records --- */

static struct hold *a_hold(void)
{
    static struct hold hold;
    memset(&hold, 0, sizeof hold);
    strcpy(hold.home, "atl.example.com");
    strcpy(hold.pools[SIDE_HOME], "atl.example.com");
    strcpy(hold.pools[SIDE_BACKUP], "redmond.example.com");
    hold.mode = MODE_SERVING;
    hold.term = term(6, 77);
    hold.seen = 7;
    hold.alone = true;
    hold.revision = 12;
    lineage_open(&hold.lineage, term(2, 5), 0);
    lineage_open(&hold.lineage, term(6, 77), 40);
    return &hold;
}

static void a_hold_record_is_read_as_it_was_written(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer encoded = {0};
    static struct hold got;
    hold_encode(a_hold(), &encoded);
    assert_int_equal(hold_decode(&got, buffer_view(&encoded), NULL), OK);
    assert_memory_equal(&got, a_hold(), sizeof got);
    assert_string_equal(hold_holder(&got), "atl.example.com");
    got.term.number = 7;
    assert_string_equal(hold_holder(&got), "redmond.example.com");
}

static void a_hold_record_of_the_first_format_is_read_too(void **state)
{
    (void)state;
    const struct hold *hold = a_hold();
    OWNED(buffer_free) struct buffer old = {0};
    static struct hold got;
    buffer_u8(&old, 1);
    buffer_text(&old, hold->home);
    buffer_text(&old, hold->pools[SIDE_HOME]);
    buffer_text(&old, hold->pools[SIDE_BACKUP]);
    buffer_u8(&old, (uint8_t)hold->mode);
    buffer_varint(&old, hold->term.number);
    buffer_u64(&old, hold->term.tag);
    buffer_varint(&old, hold->seen);
    buffer_u8(&old, hold->alone);
    buffer_varint(&old, hold->revision);
    lineage_encode(&hold->lineage, &old);
    assert_int_equal(hold_decode(&got, buffer_view(&old), NULL), OK);
    assert_memory_equal(&got, hold, sizeof got);
}

static void a_record_of_a_hand_over_says_to_which_term(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer encoded = {0};
    static struct hold got;
    struct hold *hold = a_hold();
    hold->mode = MODE_RELEASED;
    hold->to = term(7, 70);
    hold->released = 55;
    hold_encode(hold, &encoded);
    assert_int_equal(hold_decode(&got, buffer_view(&encoded), NULL), OK);
    assert_memory_equal(&got, hold, sizeof got);
}

static void a_cut_or_longer_hold_record_is_damaged_and_a_newer_one_newer(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer encoded = {0};
    static struct hold got;
    hold_encode(a_hold(), &encoded);
    for (size_t n = 0; n < encoded.size; n++)
        assert_int_equal(hold_decode(&got, bytes_of(encoded.at, n), NULL), FAIL_DAMAGED);
    buffer_u8(&encoded, 0);
    assert_int_equal(hold_decode(&got, buffer_view(&encoded), NULL), FAIL_DAMAGED);
    encoded.at[0] = 200;
    assert_int_equal(hold_decode(&got, buffer_view(&encoded), NULL), FAIL_NEWER);
}

static void only_the_holder_accepts_changes_and_only_of_its_term(void **state)
{
    (void)state;
    struct hold *hold = a_hold();
    struct error e;
    assert_int_equal(hold_check_change(hold, 6, NULL), OK);
    assert_int_equal(hold_check_change(hold, 4, &e), FAIL_REFUSED);
    assert_int_equal(hold_check_change(hold, 8, &e), FAIL_REFUSED);
    for (int mode = 0; mode < MODES; mode++) {
        hold->mode = (enum mode)mode;
        bool accepts = mode == MODE_SERVING || mode == MODE_CLOSING;
        assert_int_equal(hold_check_change(hold, 6, &e), accepts ? OK : FAIL_REFUSED);
    }
}

/* --- modes --- */

static void the_table_of_modes_names_each_cause_of_a_mode_once(void **state)
{
    (void)state;
    size_t count;
    const struct mode_transition *t = mode_transitions(&count);
    for (size_t i = 0; i < count; i++) {
        assert_true(t[i].why[0]);
        for (size_t j = 0; j < i; j++)
            assert_false(t[i].from == t[j].from && t[i].cause == t[j].cause);
    }
}

static void whatever_a_pool_is_it_steps_down_for_a_higher_term(void **state)
{
    (void)state;
    for (int from = 0; from < MODES; from++) {
        enum mode to;
        assert_true(mode_after((enum mode)from, CAUSE_SUPERSEDED, &to));
        assert_int_equal(to, MODE_STANDBY);
    }
}

static void no_restart_ends_in_serving(void **state)
{
    (void)state;
    for (int from = 0; from < MODES; from++) {
        enum mode to;
        assert_true(mode_after((enum mode)from, CAUSE_RESTARTED, &to));
        assert_false(mode_rights(to)->changes);
        assert_true(to == MODE_REJOINING || !mode_rights((enum mode)from)->holder);
    }
}

static void what_is_released_is_never_served_again_without_a_new_term(void **state)
{
    (void)state;
    size_t count;
    const struct mode_transition *t = mode_transitions(&count);
    for (size_t i = 0; i < count; i++) {
        if (t[i].from == MODE_RELEASED && mode_rights(t[i].to)->changes)
            assert_true(t[i].cause == CAUSE_DECLINED || t[i].cause == CAUSE_TAKES ||
                        t[i].cause == CAUSE_PAIRED);
    }
}

static void the_highest_term_of_a_home_is_passed_on(void **state)
{
    (void)state;
    static struct heard heard;
    memset(&heard, 0, sizeof heard);
    assert_true(heard_note(&heard, "central", term(2, 9), 2));
    assert_false(heard_note(&heard, "central", term(2, 9), 2));
    assert_true(heard_note(&heard, "central", term(5, 8), 5));
    assert_false(heard_note(&heard, "central", term(4, 7), 4));
    assert_true(heard_note(&heard, "central", term(4, 7), 9));
    assert_int_equal(heard_of(&heard, "central")->term.number, 5);
    assert_int_equal(heard_of(&heard, "central")->seen, 9);
    assert_null(heard_of(&heard, "atl.example.com"));
}

/* --- who is called when --- */

static void a_machine_calls_a_few_far_ones_at_a_beat_and_each_has_its_turn(void **state)
{
    (void)state;
    for (size_t peers = 1; peers <= HEARD_HOMES_MAX; peers++) {
        uint64_t each = beats_between(peers, false);
        for (uint64_t beat = 0; beat < each; beat++) {
            size_t called = 0;
            for (size_t i = 0; i < peers; i++)
                called += (beat + i) % each == 0;
            assert_true(called <= BEATS_FAR_PEERS_MAX);
            assert_true(called > 0 || peers < each);
        }
        assert_int_equal(beats_between(peers, true), BEATS_FAR);
    }
    assert_int_equal(beats_between(12, false), BEATS_FAR);
    assert_int_equal(beats_between(51, false), 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_takes_the_next_number_of_its_own_parity_above_every_number_seen),
        cmocka_unit_test(equal_numbers_with_different_tags_are_different_terms),
        cmocka_unit_test(modules_are_known_by_both_names_in_any_case),
        cmocka_unit_test(each_part_of_an_item_changes_its_hash),
        cmocka_unit_test(items_beyond_their_limits_are_refused),
        cmocka_unit_test(a_digest_depends_on_what_is_there_and_not_on_the_order),
        cmocka_unit_test(tombstones_count_for_nothing),
        cmocka_unit_test(a_change_belongs_to_the_term_that_began_before_it),
        cmocka_unit_test(copies_compare_at_their_last_common_point),
        cmocka_unit_test(a_number_opened_twice_is_no_common_term),
        cmocka_unit_test(a_term_that_a_copy_only_heard_of_is_no_common_point),
        cmocka_unit_test(what_another_copy_knows_ends_where_both_parted_or_cant_be_told),
        cmocka_unit_test(a_copy_that_opens_a_term_drops_those_that_it_did_not_reach),
        cmocka_unit_test(a_lineage_forgets_its_oldest_terms_and_says_so),
        cmocka_unit_test(a_lineage_does_not_forget_by_whom_the_last_change_was_made),
        cmocka_unit_test(a_hold_record_is_read_as_it_was_written),
        cmocka_unit_test(a_hold_record_of_the_first_format_is_read_too),
        cmocka_unit_test(a_record_of_a_hand_over_says_to_which_term),
        cmocka_unit_test(a_cut_or_longer_hold_record_is_damaged_and_a_newer_one_newer),
        cmocka_unit_test(only_the_holder_accepts_changes_and_only_of_its_term),
        cmocka_unit_test(the_table_of_modes_names_each_cause_of_a_mode_once),
        cmocka_unit_test(whatever_a_pool_is_it_steps_down_for_a_higher_term),
        cmocka_unit_test(no_restart_ends_in_serving),
        cmocka_unit_test(what_is_released_is_never_served_again_without_a_new_term),
        cmocka_unit_test(the_highest_term_of_a_home_is_passed_on),
        cmocka_unit_test(a_machine_calls_a_few_far_ones_at_a_beat_and_each_has_its_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
