/* Keys that were tied some at a time are read as if they had been put in order all at once. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "store/sheaf.h"

enum { KEYS = 500, SHEAVES = 7, KEY_MAX = 5 };

/* Few different bytes, so that many are equal and many begin alike. */
static const uint8_t bytes_of_keys[] = {0, 'a', 'b', 0x80, 0xff};

/* The same each time. */
static size_t draw(uint64_t *seed, size_t below)
{
    *seed = *seed * 6364136223846793005 + 1442695040888963407;
    return (size_t)(*seed >> 33) % below;
}

struct scene {
    uint8_t memory[KEYS][KEY_MAX];
    struct keyed list[KEYS];
    struct sheaf *sheaf[SHEAVES];
    struct sheaves *sheaves;
};

static int begin(void **state)
{
    struct scene *s = xcalloc(1, sizeof *s);
    s->sheaves = sheaves_new();
    uint64_t seed = 7;
    for (size_t i = 0; i < KEYS; i++) {
        size_t size = draw(&seed, KEY_MAX + 1);
        for (size_t n = 0; n < size; n++)
            s->memory[i][n] = bytes_of_keys[draw(&seed, sizeof bytes_of_keys)];
        s->list[i] = (struct keyed){.module = (enum module)draw(&seed, MODULES),
                                    .key = bytes_of(s->memory[i], size),
                                    .usn = 1000 + i,
                                    .at = i};
    }
    *state = s;
    return 0;
}

static int end(void **state)
{
    struct scene *s = *state;
    sheaves_free(s->sheaves);
    for (size_t i = 0; i < SHEAVES; i++)
        sheaf_free(s->sheaf[i]);
    free(s);
    return 0;
}

static int in_order(const void *left, const void *right)
{
    const struct keyed *a = left, *b = right;
    if (a->module != b->module)
        return a->module < b->module ? -1 : 1;
    int order = bytes_compare(a->key, b->key);
    return order ? order : a->at < b->at ? -1 : 1;
}

/* Ties `list[from]` to `list[to - 1]`, as number `which`. */
static void tie(struct scene *s, size_t which, size_t from, size_t to)
{
    struct keyed part[KEYS];
    for (size_t i = from; i < to; i++) {
        part[i - from] = s->list[i];
        part[i - from].at -= from;
    }
    s->sheaf[which] = sheaf_tie(part, to - from);
    sheaves_add(s->sheaves, s->sheaf[which], from);
}

static void assert_all_in_order(struct scene *s)
{
    struct keyed sorted[KEYS], next;
    memcpy(sorted, s->list, sizeof sorted);
    qsort(sorted, KEYS, sizeof *sorted, in_order);
    sheaves_begin(s->sheaves);
    for (size_t i = 0; i < KEYS; i++) {
        assert_true(sheaves_next(s->sheaves, &next));
        assert_int_equal(next.at, sorted[i].at);
        assert_int_equal(next.usn, sorted[i].usn);
        assert_true(next.module == sorted[i].module && bytes_equal(next.key, sorted[i].key));
        bool again = i + 1 < KEYS && sorted[i + 1].module == next.module &&
                     bytes_equal(sorted[i + 1].key, next.key);
        assert_int_equal(sheaves_repeat(s->sheaves, &next), again);
    }
    assert_false(sheaves_next(s->sheaves, &next));
}

static void one_sheaf_is_in_order(void **state)
{
    struct scene *s = *state;
    tie(s, 0, 0, KEYS);
    assert_all_in_order(s);
}

static void several_are_as_one(void **state)
{
    struct scene *s = *state;
    const size_t ends[SHEAVES] = {1, 2, 100, 101, 250, 499, KEYS};
    for (size_t i = 0; i < SHEAVES; i++)
        tie(s, i, i ? ends[i - 1] : 0, ends[i]);
    assert_all_in_order(s);
}

static void they_can_be_read_again(void **state)
{
    struct scene *s = *state;
    struct keyed next;
    tie(s, 0, 0, 200);
    tie(s, 1, 200, KEYS);
    sheaves_begin(s->sheaves);
    for (size_t i = 0; i < KEYS / 2; i++)
        assert_true(sheaves_next(s->sheaves, &next));
    assert_all_in_order(s);
}

static void what_came_in_order_stays_so(void **state)
{
    struct scene *s = *state;
    qsort(s->list, KEYS, sizeof *s->list, in_order);
    for (size_t i = 0; i < KEYS; i++)
        s->list[i].at = i;
    tie(s, 0, 0, 300);
    tie(s, 1, 300, KEYS);
    assert_all_in_order(s);
}

static void without_any_there_is_nothing_to_read(void **state)
{
    struct scene *s = *state;
    struct keyed next;
    sheaves_begin(s->sheaves);
    assert_false(sheaves_next(s->sheaves, &next));
    tie(s, 0, 0, KEYS);
    sheaves_clear(s->sheaves);
    sheaves_begin(s->sheaves);
    assert_false(sheaves_next(s->sheaves, &next));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(one_sheaf_is_in_order),
        TEST(several_are_as_one),
        TEST(they_can_be_read_again),
        TEST(what_came_in_order_stays_so),
        TEST(without_any_there_is_nothing_to_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
