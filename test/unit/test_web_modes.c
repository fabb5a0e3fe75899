/* What each mode of a home means to its users: the rows of core/mode.c, as they are met. */
#include "unit.h"

#include <string.h>

#include "web/refusal.h"

static const struct row {
    enum mode mode;
    bool new_ones, those_there, limited, changes;
} rows[] = {
    {MODE_SERVING, true, true, false, true},    {MODE_CLOSING, false, true, false, true},
    {MODE_DRAINING, false, true, false, false}, {MODE_RELEASED, false, false, false, false},
    {MODE_STANDBY, false, false, false, false}, {MODE_RESILIENCY, true, true, true, false},
    {MODE_REJOINING, true, true, true, false},
};

struct scene {
    struct standing_home home;
    struct visit visit;
};

static struct visit *visit_of(struct scene *s, enum mode mode, bool hosted, bool signed_on)
{
    *s = (struct scene){.home = {.name = "atl.l.com", .hosted = hosted, .mode = mode, .term = 2}};
    s->visit.home = &s->home;
    s->visit.signed_on = signed_on;
    return &s->visit;
}

static bool comes_in(struct scene *s, enum mode mode, bool hosted, bool signed_on)
{
    struct visit *v = visit_of(s, mode, hosted, signed_on);
    bool in = admit(v);
    assert_int_equal(v->answer.status, in ? 0 : 503); /* nobody is known who could do it */
    if (!in) {
        const char zero = '\0';
        buffer_raw(&v->answer.headers, &zero, 1);
        assert_non_null(strstr((const char *)v->answer.headers.at, "Retry-After: "));
    }
    buffer_free(&v->answer.body);
    buffer_free(&v->answer.headers);
    return in;
}

static void each_mode_lets_in_whom_the_table_says(void **state)
{
    (void)state;
    struct scene s;
    assert_int_equal(COUNT_OF(rows), MODES);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(comes_in(&s, rows[i].mode, true, false), rows[i].new_ones);
        assert_int_equal(comes_in(&s, rows[i].mode, true, true), rows[i].those_there);
        assert_int_equal(is_limited(&s.visit), rows[i].limited);
        assert_false(comes_in(&s, rows[i].mode, false, true)); /* another pool's */
    }
}

static void changes_are_made_only_where_the_table_says(void **state)
{
    (void)state;
    struct scene s;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error e = {0};
        struct visit *v = visit_of(&s, rows[i].mode, true, true);
        if (rows[i].changes) {
            assert_non_null(visit_change(v, &e));
            txn_free(v->txn);
        } else if (mode_rights(rows[i].mode)->sessions == SESSIONS_KEPT) {
            assert_null(visit_change(v, &e));
            assert_int_equal(e.kind, FAIL_REFUSED);
            assert_true(e.what[0] && e.kept[0] && e.next[0]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mode_lets_in_whom_the_table_says),
        cmocka_unit_test(changes_are_made_only_where_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
