/* What a file on the disk is, beside its manifest: protocol rule 16, by sentence. */
#include "unit.h"

#include "core/content.h"

enum { SIZE = 100, TIME = 1000 };

static enum file_verdict judged(bool changes, uint64_t size, int64_t time, enum file_bytes bytes)
{
    struct file_sight sight = {.changes = changes,
                               .manifest = true,
                               .kept = {SIZE, TIME},
                               .found = FOUND_FILE,
                               .here = {size, time},
                               .bytes = bytes};
    return file_judge(&sight);
}

static enum file_verdict without_file(bool changes, bool manifest, enum file_found found)
{
    struct file_sight sight = {.changes = changes, .manifest = manifest, .found = found};
    return file_judge(&sight);
}

static void at_the_holder_new_resized_and_newer_are_changes(void **state)
{
    (void)state;
    assert_int_equal(without_file(true, false, FOUND_FILE), FILE_CHANGED);
    assert_int_equal(judged(true, SIZE + 1, TIME, BYTES_UNREAD), FILE_CHANGED);
    assert_int_equal(judged(true, SIZE, TIME + 1, BYTES_UNREAD), FILE_CHANGED);
    assert_int_equal(judged(true, SIZE + 1, TIME + 1, BYTES_UNREAD), FILE_CHANGED);
}

static void missing_is_damage_and_never_a_deletion(void **state)
{
    (void)state;
    assert_int_equal(without_file(true, true, FOUND_NOTHING), FILE_LOST);
    assert_int_equal(without_file(false, true, FOUND_NOTHING), FILE_LOST);
}

static void other_bytes_under_the_same_size_and_time_are_damage(void **state)
{
    (void)state;
    assert_int_equal(judged(true, SIZE, TIME, BYTES_DIFFER), FILE_LOST);
    assert_int_equal(judged(false, SIZE, TIME, BYTES_DIFFER), FILE_LOST);
    assert_int_equal(judged(true, SIZE, TIME, BYTES_UNREAD), FILE_SOUND);
}

static void an_older_file_is_no_edit_even_at_the_holder(void **state)
{
    (void)state;
    assert_int_equal(judged(true, SIZE, TIME - 1, BYTES_UNREAD), FILE_READ);
    assert_int_equal(judged(true, SIZE + 1, TIME - 1, BYTES_DIFFER), FILE_REPLACED);
    assert_int_equal(judged(true, SIZE, TIME - 1, BYTES_EQUAL), FILE_TIME);
}

static void a_standby_believes_no_change(void **state)
{
    (void)state;
    assert_int_equal(without_file(false, false, FOUND_FILE), FILE_FOREIGN);
    assert_int_equal(judged(false, SIZE + 1, TIME, BYTES_UNREAD), FILE_REPLACED);
    assert_int_equal(judged(false, SIZE, TIME + 1, BYTES_UNREAD), FILE_READ);
    assert_int_equal(judged(false, SIZE, TIME + 1, BYTES_DIFFER), FILE_REPLACED);
    assert_int_equal(judged(false, SIZE, TIME + 1, BYTES_EQUAL), FILE_TIME);
}

static void what_is_no_file_is_left_alone_unless_one_belongs_there(void **state)
{
    (void)state;
    assert_int_equal(without_file(true, false, FOUND_OTHER), FILE_IGNORED);
    assert_int_equal(without_file(false, false, FOUND_OTHER), FILE_IGNORED);
    assert_int_equal(without_file(true, true, FOUND_OTHER), FILE_REPLACED);
    assert_int_equal(without_file(false, true, FOUND_OTHER), FILE_REPLACED);
    assert_int_equal(without_file(true, false, FOUND_NOTHING), FILE_NONE);
}

static void every_sight_has_a_verdict_and_reading_settles_it(void **state)
{
    (void)state;
    for (int changes = 0; changes < 2; changes++) {
        for (int size = -1; size <= 1; size++) {
            for (int time = -1; time <= 1; time++) {
                for (int bytes = BYTES_EQUAL; bytes <= BYTES_DIFFER; bytes++)
                    assert_int_not_equal(
                        judged(changes, SIZE + (uint64_t)size, TIME + time, (enum file_bytes)bytes),
                        FILE_READ);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_the_holder_new_resized_and_newer_are_changes),
        cmocka_unit_test(missing_is_damage_and_never_a_deletion),
        cmocka_unit_test(other_bytes_under_the_same_size_and_time_are_damage),
        cmocka_unit_test(an_older_file_is_no_edit_even_at_the_holder),
        cmocka_unit_test(a_standby_believes_no_change),
        cmocka_unit_test(what_is_no_file_is_left_alone_unless_one_belongs_there),
        cmocka_unit_test(every_sight_has_a_verdict_and_reading_settles_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
