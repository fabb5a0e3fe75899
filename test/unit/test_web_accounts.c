/* Accounts that were read before: whoever asks gets what stands in the store. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "store/memory.h"
#include "store_check.h"
#include "web/account_cache.h"

static struct store *store;
static struct account_cache *cache;

static int open_all(void **state)
{
    (void)state;
    assert_int_equal(store_open(memory_engine_open(), &store, NULL), OK);
    serve_central(store);
    cache = account_cache_new();
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    account_cache_free(cache);
    store_close(store);
    return 0;
}

static struct txn *change(void)
{
    struct txn *txn = txn_new(HOME_CENTRAL);
    txn_as_holder(txn, 2);
    return txn;
}

/* Over the one with this usn. */
static uint64_t put(const char *address, const char *display_name, uint64_t usn)
{
    struct account account;
    account_begin(&account, address);
    snprintf(account.display_name, sizeof account.display_name, "%s", display_name);
    snprintf(account.pool, sizeof account.pool, "%s", HOME);
    struct txn *txn = change();
    account_put(txn, &account, usn);
    return commit_as(store, txn, OK).first_usn;
}

static struct view *look(void)
{
    struct view *view;
    struct home_state state;
    assert_int_equal(store_view(store, &view, NULL), OK);
    assert_int_equal(view_home(view, HOME_CENTRAL, &state, NULL), OK); /* as each visit does */
    return view;
}

static void assert_reads(struct view *view, const char *address, const char *display_name)
{
    struct known_account known;
    enum failure bad = account_cache_read(cache, view, address, &known, NULL);
    assert_int_equal(bad, display_name ? OK : FAIL_NOT_FOUND);
    if (!display_name)
        return;
    assert_string_equal(known.account.address, address);
    assert_string_equal(known.account.display_name, display_name);
}

static void a_change_is_seen_by_whoever_looks_behind_it(void **state)
{
    (void)state;
    const char *const ken = "ken@litwareinc.com";
    uint64_t usn = put(ken, "Ken", 0);
    OWNED(view_close) struct view *first = look();
    assert_reads(first, ken, "Ken");
    assert_reads(first, ken, "Ken"); /* this time from the cache */
    usn = put(ken, "Ken Myer", usn);
    OWNED(view_close) struct view *second = look();
    assert_reads(second, ken, "Ken Myer");
    assert_reads(first, ken, "Ken"); /* whose point in time is another one */
    assert_reads(second, ken, "Ken Myer");
    struct txn *txn = change();
    account_remove(txn, ken, usn);
    commit_as(store, txn, OK);
    OWNED(view_close) struct view *third = look();
    assert_reads(third, ken, NULL);
    assert_reads(second, ken, "Ken Myer");
    put(ken, "Another Ken", 0);
    OWNED(view_close) struct view *fourth = look();
    assert_reads(fourth, ken, "Another Ken");
}

static void more_accounts_than_there_are_places_are_all_found(void **state)
{
    (void)state;
    enum { MANY = ACCOUNTS_CACHED + 1000 };
    char address[64], name[16];
    for (int i = 0; i < MANY; i++) {
        snprintf(address, sizeof address, "user%d@litwareinc.com", i);
        snprintf(name, sizeof name, "%d", i);
        put(address, name, 0);
    }
    for (int round = 0; round < 2; round++) {
        OWNED(view_close) struct view *view = look();
        for (int i = 0; i < MANY; i++) {
            snprintf(address, sizeof address, "user%d@litwareinc.com", i);
            snprintf(name, sizeof name, "%d", i);
            assert_reads(view, address, name);
        }
        assert_reads(view, "nobody@litwareinc.com", NULL);
    }
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_change_is_seen_by_whoever_looks_behind_it),
        STORY(more_accounts_than_there_are_places_are_all_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
