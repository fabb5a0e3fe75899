/* Comparing two copies: whatever both were before, the copy is made equal, and little else travels.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/compare.h"

#define MODULE MODULE_PRESENCE_FOCUS
#define UPTO   ((uint64_t)1 << 40)

/* A copy is a sorted list of items: what a store would keep. */
enum { ITEMS_MAX = 60000 };
struct copy {
    size_t count;
    struct entry {
        char key[24];
        uint64_t usn;
        char *value;
        size_t size;
    } list[ITEMS_MAX];
};
static struct copy *theirs, *ours, *before;
static size_t parts, bytes_sent, placed, dropped;

static const struct compare_head the_head = {
    .home = "atl.example.com", .module = MODULE, .term = {4, 44}, .id = 77, .upto = UPTO};

static struct item item_of(const struct entry *entry)
{
    return (struct item){.module = MODULE,
                         .version = {.term = 4, .usn = entry->usn},
                         .key = bytes_of_text(entry->key),
                         .value = bytes_of(entry->value, entry->size)};
}

/* The first one whose key is at least this. */
static size_t place_of(const struct copy *side, struct bytes key)
{
    size_t low = 0, high = side->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (bytes_compare(bytes_of_text(side->list[middle].key), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void take_away(struct copy *side, struct bytes key)
{
    size_t at = place_of(side, key);
    if (at == side->count || !bytes_equal(bytes_of_text(side->list[at].key), key))
        return;
    free(side->list[at].value);
    memmove(&side->list[at], &side->list[at + 1], (--side->count - at) * sizeof *side->list);
}

static void put(struct copy *side, const struct item *item)
{
    take_away(side, item->key);
    size_t at = place_of(side, item->key);
    assert_true(side->count < ITEMS_MAX);
    memmove(&side->list[at + 1], &side->list[at], (side->count++ - at) * sizeof *side->list);
    struct entry *entry = &side->list[at];
    snprintf(entry->key, sizeof entry->key, "%.*s", (int)item->key.size, item->key.at);
    entry->usn = item->version.usn;
    entry->size = item->value.size;
    entry->value = xmalloc(entry->size + 1);
    if (entry->size)
        memcpy(entry->value, item->value.at, entry->size);
}

/* Items number `from` to `to`, each with its number as usn. */
static void fill(struct copy *side, unsigned from, unsigned to, unsigned step)
{
    for (unsigned n = from; n <= to; n += step) {
        char key[24];
        snprintf(key, sizeof key, "key-%06u", n);
        struct item item = {.module = MODULE,
                            .version = {4, n},
                            .key = bytes_of_text(key),
                            .value = bytes_of_text("a value of some size, as they have")};
        put(side, &item);
    }
}

static void change(struct copy *side, unsigned n, const char *value)
{
    char key[24];
    snprintf(key, sizeof key, "key-%06u", n);
    struct item item = {.module = MODULE,
                        .version = {4, 100000 + n},
                        .key = bytes_of_text(key),
                        .value = bytes_of_text(value)};
    put(side, &item);
}

static int empty_sides(void **state)
{
    (void)state;
    theirs = xcalloc(1, sizeof *theirs);
    ours = xcalloc(1, sizeof *ours);
    before = xcalloc(1, sizeof *before);
    parts = bytes_sent = placed = dropped = 0;
    return 0;
}

static void forget(struct copy *side)
{
    for (size_t i = 0; i < side->count; i++)
        free(side->list[i].value);
    side->count = 0;
}

static int free_sides(void **state)
{
    (void)state;
    struct copy *sides[] = {theirs, ours, before};
    for (size_t i = 0; i < COUNT_OF(sides); i++) {
        forget(sides[i]);
        free(sides[i]);
    }
    return 0;
}

/* --- both ends, with nothing between them --- */

static void place(const struct item *item, void *context)
{
    (void)context;
    put(ours, item);
    placed++;
}

static void drop(struct bytes key, void *context)
{
    (void)context;
    OWNED(buffer_free) struct buffer copy = {0};
    buffer_raw(&copy, key.at, key.size); /* it lies in what goes */
    take_away(ours, buffer_view(&copy));
    dropped++;
}

static void remember(void)
{
    before->count = ours->count;
    for (size_t i = 0; i < ours->count; i++) {
        before->list[i] = ours->list[i];
        before->list[i].value = xmemdup(ours->list[i].value, ours->list[i].size);
    }
}

static void take_run(struct compare_part *part, const struct key_range *range)
{
    const struct compare_sink sink = {place, drop, NULL};
    for (size_t i = place_of(before, range->after); i < before->count; i++) {
        struct item item = item_of(&before->list[i]);
        if (bytes_equal(item.key, range->after))
            continue;
        if (!compare_own(part, &item, item_hash(&item), &sink))
            break;
    }
    compare_run_end(part, &sink);
}

/* The copy is read as it was before, as a view would be: no two runs of a part have a key in
 * common.
 */
static struct bytes take_part(struct bytes encoded, struct compare_part **part)
{
    struct key_range range;
    assert_int_equal(compare_part_open(encoded, part, NULL), OK);
    assert_memory_equal(compare_part_head(*part), &the_head, sizeof the_head);
    remember();
    while (compare_next(*part, &range))
        take_run(*part, &range);
    forget(before);
    return compare_differs(*part);
}

static struct bytes make_part(struct comparison *c)
{
    struct bytes after;
    comparison_start_part(c, UPTO);
    while (comparison_wants(c, &after)) {
        for (size_t i = place_of(theirs, after); i < theirs->count; i++) {
            struct item item = item_of(&theirs->list[i]);
            if (bytes_equal(item.key, after))
                continue;
            if (!comparison_add(c, &item, item_hash(&item)))
                break;
        }
        comparison_was_read(c);
    }
    return comparison_finish_part(c);
}

static void compare(void)
{
    OWNED(comparison_free) struct comparison *c = comparison_new(&the_head);
    assert_int_equal(comparison_step(c), COMPARISON_BEGIN);
    comparison_begun(c);
    while (comparison_step(c) == COMPARISON_PART) {
        OWNED(compare_part_close) struct compare_part *part = NULL;
        struct bytes encoded = make_part(c);
        bytes_sent += encoded.size;
        parts++;
        assert_true(parts < 10000);
        assert_true(comparison_answered(c, take_part(encoded, &part)));
    }
    assert_int_equal(comparison_items(c), theirs->count);
    assert_int_equal(ours->count, theirs->count);
    for (size_t i = 0; i < ours->count; i++) {
        struct item a = item_of(&ours->list[i]), b = item_of(&theirs->list[i]);
        assert_true(item_hash_equal(item_hash(&a), item_hash(&b)));
    }
}

/* --- stories --- */

static void two_that_are_equal_are_told_a_sum_for_each_thousand_items(void **state)
{
    (void)state;
    fill(theirs, 1, 20000, 1);
    fill(ours, 1, 20000, 1);
    compare();
    assert_true(parts == 1 && placed == 0 && dropped == 0);
    assert_true(bytes_sent < 20 * 64 + 200);
}

static void two_that_are_empty_are_equal_after_one_part(void **state)
{
    (void)state;
    compare();
    assert_true(parts == 1 && placed == 0 && dropped == 0);
}

static void one_item_that_differs_costs_no_more_than_its_neighbours(void **state)
{
    (void)state;
    fill(theirs, 1, 20000, 1);
    fill(ours, 1, 20000, 1);
    change(theirs, 12345, "another");
    compare();
    assert_true(parts == 3 && placed == 1 && dropped == 0);
    assert_true(bytes_sent < 20 * 64 + 33 * 64 + 32 * 80);
}

static void what_only_the_copy_has_goes(void **state)
{
    (void)state;
    fill(theirs, 1, 5000, 2);
    fill(ours, 1, 5000, 1);
    compare();
    assert_true(dropped == 2500 && placed == 0);
}

static void what_only_the_exporter_has_comes(void **state)
{
    (void)state;
    fill(theirs, 1, 5000, 1);
    fill(ours, 1, 5000, 3);
    compare();
    assert_true(dropped == 0 && placed == 5000 - 1667);
}

static void an_empty_copy_gets_everything(void **state)
{
    (void)state;
    fill(theirs, 1, 5000, 1);
    compare();
    assert_true(placed == 5000);
}

static void of_an_empty_exporter_nothing_stays_however_much_there_was(void **state)
{
    (void)state;
    fill(ours, 1, COMPARE_DROPS_MAX + 500, 1);
    compare();
    assert_true(dropped == COMPARE_DROPS_MAX + 500 && parts == 4);
}

static void what_lies_before_behind_and_between_the_runs_is_seen(void **state)
{
    (void)state;
    fill(theirs, 1000, 9000, 1);
    fill(ours, 1000, 9000, 1);
    fill(ours, 1, 999, 7);
    fill(ours, 9001, 9999, 7);
    change(ours, 1000 + 1023, "the last of its run");
    change(ours, 1000 + 1024, "the first of its run");
    compare();
    assert_true(placed == 2 && dropped == 143 + 143);
}

static void items_as_large_as_any_travel_a_few_at_a_time(void **state)
{
    (void)state;
    char *large = xcalloc(1, ITEM_VALUE_MAX);
    for (unsigned n = 1; n <= 12; n++) {
        char key[24];
        snprintf(key, sizeof key, "large-%02u", n);
        for (size_t i = 0; i < ITEM_VALUE_MAX; i++)
            large[i] = (char)(i * 2654435761u * n >> 13);
        struct item item = {.module = MODULE,
                            .version = {4, n},
                            .key = bytes_of_text(key),
                            .value = bytes_of(large, ITEM_VALUE_MAX)};
        put(theirs, &item);
    }
    free(large);
    compare();
    assert_true(placed == 12 && parts >= 2 + 12 / (COMPARE_BYTES_MAX / ITEM_VALUE_MAX));
}

static uint64_t dice = 1;
static unsigned roll(unsigned n)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(dice >> 33) % n;
}

static void any_two_are_equal_afterwards(void **state)
{
    for (unsigned round = 0; round < 300; round++) {
        fill(theirs, 1 + roll(400), 400 + roll(3000), 1 + roll(40));
        fill(ours, 1 + roll(400), 400 + roll(3000), 1 + roll(40));
        for (unsigned n = roll(30); n > 0; n--)
            change(roll(2) ? theirs : ours, 1 + roll(3400), "other");
        compare();
        free_sides(state);
        empty_sides(state);
    }
}

static void what_arrives_damaged_is_refused(void **state)
{
    (void)state;
    fill(theirs, 1, 3000, 1);
    OWNED(comparison_free) struct comparison *c = comparison_new(&the_head);
    comparison_begun(c);
    struct bytes good = make_part(c);
    uint8_t *copy = xmemdup(good.at, good.size);
    for (size_t i = 0; i < good.size; i++) {
        struct compare_part *part = NULL;
        struct error e;
        copy[i] ^= (uint8_t)(1 << i % 8);
        enum failure bad = compare_part_open(bytes_of(copy, good.size), &part, &e);
        assert_true(bad == FAIL_DAMAGED || (bad == FAIL_NEWER && i == 3)); /* its format's digit */
        assert_null(part);
        copy[i] = good.at[i];
        assert_int_equal(compare_part_open(bytes_of(copy, i), &part, &e), FAIL_DAMAGED);
    }
    free(copy);
}

static void an_answer_to_another_part_is_none(void **state)
{
    (void)state;
    fill(theirs, 1, 3000, 1);
    OWNED(comparison_free) struct comparison *c = comparison_new(&the_head);
    comparison_begun(c);
    make_part(c);
    const uint8_t none[2] = {0};
    assert_false(comparison_answered(c, bytes_of(none, 0)));
    assert_false(comparison_answered(c, bytes_of(none, 2)));
    assert_int_equal(comparison_step(c), COMPARISON_PART);
    assert_true(comparison_answered(c, bytes_of(none, 1)));
    assert_int_equal(comparison_step(c), COMPARISON_END);
    assert_false(comparison_answered(c, bytes_of(none, 1)));
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, empty_sides, free_sides)

int main(void)
{
    const struct CMUnitTest stories[] = {
        STORY(two_that_are_equal_are_told_a_sum_for_each_thousand_items),
        STORY(two_that_are_empty_are_equal_after_one_part),
        STORY(one_item_that_differs_costs_no_more_than_its_neighbours),
        STORY(what_only_the_copy_has_goes),
        STORY(what_only_the_exporter_has_comes),
        STORY(an_empty_copy_gets_everything),
        STORY(of_an_empty_exporter_nothing_stays_however_much_there_was),
        STORY(what_lies_before_behind_and_between_the_runs_is_seen),
        STORY(items_as_large_as_any_travel_a_few_at_a_time),
        STORY(any_two_are_equal_afterwards),
        STORY(what_arrives_damaged_is_refused),
        STORY(an_answer_to_another_part_is_none),
    };
    return cmocka_run_group_tests(stories, NULL, NULL);
}
