/* What users had who have left: what is removed, what stays, and who is spared. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "content/file_store.h"
#include "pool/departed.h"
#include "pool/session_history.h"
#include "store_check.h"
#include "user/ended.h"
#include "user/items.h"
#include "user/leaving.h"

static struct store *store;
static atomic_bool stopping;

static int open_store(void **state)
{
    (void)state;
    assert_int_equal(store_open(memory_engine_open(), &store, NULL), OK);
    serve_central(store);
    serve_home(store, 2);
    atomic_store(&stopping, false);
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    store_close(store);
    return 0;
}

static struct txn *change_of_central(void)
{
    struct txn *txn = txn_new(HOME_CENTRAL);
    txn_as_holder(txn, 2);
    return txn;
}

static struct account an_account(const char *address)
{
    struct account account;
    account_begin(&account, address);
    snprintf(account.display_name, sizeof account.display_name, "%s", address);
    snprintf(account.pool, sizeof account.pool, "%s", HOME);
    return account;
}

static struct account enabled(const char *address)
{
    struct account account = an_account(address);
    struct txn *txn = change_of_central();
    account_put(txn, &account, 0);
    commit_as(store, txn, OK);
    return account;
}

/* Returns which change of `central` it was. */
static uint64_t disable(const struct account *account)
{
    OWNED(view_close) struct view *view = NULL;
    struct account found;
    uint64_t usn;
    assert_int_equal(store_view(store, &view, NULL), OK);
    assert_int_equal(account_read(view, account->address, &found, &usn, NULL), OK);
    struct txn *txn = change_of_central();
    account_remove(txn, account->address, usn);
    departed_put(txn, account);
    return commit_as(store, txn, OK).head;
}

static void give(const struct account *account, const char *kind, const char *name,
                 const char *value)
{
    char key[USER_KEY_SIZE];
    put_one(store, 2, user_key(account->id, kind, name, key), value);
}

static bool count_one(const struct item *item, struct item_hash hash, void *context)
{
    (void)item;
    (void)hash;
    ++*(size_t *)context;
    return true;
}

static size_t count_keys(const char *home, enum module module, const char *prefix)
{
    OWNED(view_close) struct view *view = NULL;
    size_t count = 0;
    assert_int_equal(store_view(store, &view, NULL), OK);
    assert_int_equal(view_keys(view, home, module, bytes_of_text(prefix), count_one, &count, NULL),
                     OK);
    return count;
}

static size_t items_of(const struct account *account)
{
    char key[USER_KEY_SIZE];
    return count_keys(HOME, MODULE_PRESENCE_FOCUS, user_key(account->id, "", NULL, key));
}

static struct leaving a_pass(bool all, uint64_t after)
{
    struct leaving how = {.store = store, .all = all, .after = after, .stopping = &stopping};
    how.served.count = 2;
    snprintf(how.served.list[0].home, HOME_NAME_SIZE, HOME);
    snprintf(how.served.list[1].home, HOME_NAME_SIZE, HOME_CENTRAL);
    how.served.list[0].term = how.served.list[1].term = 2;
    return how;
}

static void carry_out(struct leaving how)
{
    struct error e;
    assert_int_equal(leaving_carry_out(&how, &e), OK);
    assert_sound(store, HOME);
    assert_sound(store, HOME_CENTRAL);
}

static void whoever_left_leaves_nothing_and_others_keep_everything(void **state)
{
    (void)state;
    struct account ken = enabled("ken@l.com"), kim = enabled("kim@l.com");
    OWNED(free_memory)
    char *conference =
        xasprintf("{\"id\":\"0123456789abcdef0123456789abcdef\",\"ids\":[\"%s\"]}", kim.id);
    give(&ken, USER_PRESENCE, NULL, "{}");
    give(&ken, USER_DOCUMENT, "resource-lists/index", "<x/>");
    give(&ken, USER_CONFERENCE, "0123456789abcdef0123456789abcdef", conference);
    give(&kim, USER_INVITED, "0123456789abcdef0123456789abcdef", ken.id);
    give(&kim, USER_SETTINGS, NULL, "{}");
    carry_out(a_pass(true, 0));
    assert_int_equal(items_of(&ken), 3); /* he is there */
    disable(&ken);
    carry_out(a_pass(true, 0));
    assert_int_equal(items_of(&ken), 0);
    assert_int_equal(items_of(&kim), 1); /* the conference that she was invited to is over */
    /* What came behind, from a request that was under way, the next look at all of them finds. */
    give(&ken, USER_SETTINGS, NULL, "{}");
    carry_out(a_pass(true, 0));
    assert_int_equal(items_of(&ken), 0);
}

static void lay_file(const char *root, const char *conference, const char *file)
{
    OWNED(free_memory) char *folders = xasprintf("%s/" HOME "/%s", root, conference);
    OWNED(free_memory) char *path = xasprintf("%s/%s", folders, file);
    OWNED(free_memory) char *make = xasprintf("mkdir -p -- '%s'", folders);
    assert_int_equal(system(make), 0);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs("x", out);
    fclose(out);
    struct txn *txn = as_holder(2);
    OWNED(free_memory) char *key = xasprintf("%s/%s", conference, file);
    txn_put(txn, MODULE_DATA_CONF, bytes_of_text(key), bytes_of_text("a manifest"));
    commit_as(store, txn, OK);
}

static bool lies_there(const char *root, const char *conference, const char *file)
{
    OWNED(free_memory) char *path = xasprintf("%s/" HOME "/%s/%s", root, conference, file);
    return access(path, F_OK) == 0;
}

static void the_files_of_his_conferences_go_along(void **state)
{
    (void)state;
    static const char his[] = "0123456789abcdef0123456789abcdef",
                      other[] = "0123456789abcdef0123456789abcde0";
    char root[] = "/tmp/pollux-leaving-XXXXXX";
    struct account ken = enabled("ken@l.com");
    assert_non_null(mkdtemp(root));
    OWNED(file_store_free) struct file_store *files = file_store_new(root, HOME);
    assert_int_equal(file_store_mark(files, NULL), OK);
    give(&ken, USER_CONFERENCE, his, "{\"ids\":[]}");
    lay_file(root, his, "slides.pdf");
    lay_file(root, his, "notes.txt");
    lay_file(root, other, "theirs.pdf");
    disable(&ken);
    /* Without its file store no file is removed, it is said why, and it is not forgotten. */
    struct error e;
    struct leaving how = a_pass(true, 0);
    assert_int_equal(leaving_carry_out(&how, &e), FAIL_REFUSED);
    assert_non_null(strstr(e.what, "no file store"));
    assert_int_equal(items_of(&ken), 0);
    assert_true(ended_any(store, &how.served));
    /* What is not durable puts the files back. */
    how.files = files;
    how.served.list[0].term = 4;
    assert_int_not_equal(leaving_carry_out(&how, &e), OK);
    assert_true(lies_there(root, his, "slides.pdf") && lies_there(root, his, "notes.txt"));
    how.served.list[0].term = 2;
    carry_out(how);
    assert_false(ended_any(store, &how.served));
    assert_int_equal(count_keys(HOME, MODULE_DATA_CONF, his), 0);
    assert_int_equal(count_keys(HOME, MODULE_DATA_CONF, other), 1);
    assert_false(lies_there(root, his, "slides.pdf") || lies_there(root, his, "notes.txt"));
    assert_true(lies_there(root, other, "theirs.pdf"));
    OWNED(free_memory) char *command = xasprintf("rm -rf -- %s", root);
    assert_int_equal(system(command), 0);
}

static void the_files_of_a_conference_that_goes_on_are_kept(void **state)
{
    (void)state;
    static const char id[] = "0123456789abcdef0123456789abcdef";
    struct account ken = enabled("ken@l.com");
    struct txn *txn = as_holder(2);
    give(&ken, USER_CONFERENCE, id, "{\"ids\":[]}");
    /* It came with the tail of a pool that ended it; here it was changed. One more makes no sense.
     */
    ended_put(txn, ken.id, id);
    ended_put(txn, ken.id, "no conference");
    txn_put(txn, MODULE_DATA_CONF, bytes_of_text("0123456789abcdef0123456789abcdef/file"),
            bytes_of_text("a manifest"));
    commit_as(store, txn, OK);
    struct leaving how = a_pass(false, 1000);
    assert_true(ended_any(store, &how.served));
    carry_out(how);
    assert_false(ended_any(store, &how.served));
    assert_int_equal(count_keys(HOME, MODULE_DATA_CONF, id), 1);
    assert_int_equal(items_of(&ken), 1);
}

static bool is_kept(const struct account *account)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(txn_free) struct txn *txn = as_holder(2);
    struct session_record record = {.id = "000001a21cfce520-bd00c52305a19150", .value = "{}"};
    bool changes;
    snprintf(record.user, sizeof record.user, "%s", account->id);
    assert_int_equal(store_view(store, &view, NULL), OK);
    assert_int_equal(session_history_add(view, HOME, txn, &record, 1, &changes, NULL), OK);
    return changes;
}

static void what_is_noted_of_his_sessions_afterwards_is_not_kept(void **state)
{
    (void)state;
    struct account ken = enabled("ken@l.com"), kim = enabled("kim@l.com");
    assert_true(is_kept(&ken));
    disable(&ken);
    assert_false(is_kept(&ken));
    assert_true(is_kept(&kim));
}

static void only_those_are_looked_at_who_left_since_then(void **state)
{
    (void)state;
    struct account ken = enabled("ken@l.com"), kim = enabled("kim@l.com");
    give(&ken, USER_SETTINGS, NULL, "{}");
    give(&kim, USER_SETTINGS, NULL, "{}");
    uint64_t seen = disable(&ken);
    disable(&kim);
    carry_out(a_pass(false, seen));
    assert_int_equal(items_of(&ken), 1);
    assert_int_equal(items_of(&kim), 0);
    carry_out(a_pass(false, 0));
    assert_int_equal(items_of(&ken), 0);
}

static void nobody_leaves_who_has_an_account_wherever_it_is_now(void **state)
{
    (void)state;
    struct account ken = enabled("ken@l.com"), kim = enabled("kim@l.com");
    give(&ken, USER_SETTINGS, NULL, "{}");
    give(&kim, USER_SETTINGS, NULL, "{}");
    disable(&ken);
    disable(&kim);
    /* The same account, with its Id, as another pool had changed it meanwhile. */
    struct account moved = ken;
    snprintf(moved.address, sizeof moved.address, "kenneth@l.com");
    struct txn *txn = change_of_central();
    account_put(txn, &moved, 0);
    commit_as(store, txn, OK);
    enabled("kim@l.com"); /* another one of that address */
    carry_out(a_pass(true, 0));
    assert_int_equal(items_of(&ken), 1);
    assert_int_equal(items_of(&kim), 0);
}

static void nothing_is_removed_that_others_serve(void **state)
{
    (void)state;
    struct account ken = enabled("ken@l.com");
    give(&ken, USER_SETTINGS, NULL, "{}");
    disable(&ken);
    struct leaving how = a_pass(true, 0);
    how.served.count = 0;
    carry_out(how);
    assert_int_equal(items_of(&ken), 1);
    /* Nor in a term that is over. */
    how = a_pass(true, 0);
    how.served.list[0].term = 4;
    struct error e;
    assert_int_not_equal(leaving_carry_out(&how, &e), OK);
    assert_int_equal(items_of(&ken), 1);
}

static void many_leave_at_once_and_one_has_more_than_a_transaction(void **state)
{
    (void)state;
    enum { MANY = LEAVERS_AT_ONCE + 10 };
    static struct account accounts[MANY];
    for (int i = 0; i < MANY; i++) {
        char address[64];
        snprintf(address, sizeof address, "user%d@l.com", i);
        accounts[i] = enabled(address);
        give(&accounts[i], USER_SETTINGS, NULL, "{}");
        disable(&accounts[i]);
    }
    struct txn *txn = as_holder(2);
    for (int i = 0; i < 2 * LEAVER_CHANGES + 1; i++) {
        char key[USER_KEY_SIZE], name[64];
        snprintf(name, sizeof name, "resource-lists/%d", i);
        put_text(txn, user_key(accounts[7].id, USER_DOCUMENT, name, key), "<x/>");
    }
    commit_as(store, txn, OK);
    for (int all = 0; all < 2; all++) {
        carry_out(a_pass(all, 0));
        assert_int_equal(count_keys(HOME, MODULE_PRESENCE_FOCUS, "user/"), 0);
        for (int i = 0; i < MANY; i++)
            give(&accounts[i], USER_SETTINGS, NULL, "{}");
    }
}

static void it_ends_soon_when_it_must_stop(void **state)
{
    (void)state;
    struct account ken = enabled("ken@l.com");
    give(&ken, USER_SETTINGS, NULL, "{}");
    disable(&ken);
    atomic_store(&stopping, true);
    carry_out(a_pass(true, 0));
    assert_int_equal(items_of(&ken), 1);
}

static void those_of_long_ago_are_forgotten_where_central_is_served(void **state)
{
    (void)state;
    struct account ken = an_account("ken@l.com"), kim = enabled("kim@l.com");
    struct txn *txn = change_of_central();
    OWNED(free_memory) char *key = xasprintf("departed/%s", ken.id);
    txn_put(txn, MODULE_CMS_MASTER, bytes_of_text(key),
            bytes_of_text("{\"Address\":\"ken@l.com\",\"RegistrarPool\":\"" HOME
                          "\",\"When\":\"2020-01-01T00:00:00.000Z\"}"));
    txn_put(txn, MODULE_CMS_MASTER, bytes_of_text("departed/nonsense"), bytes_of_text("x"));
    commit_as(store, txn, OK);
    disable(&kim);
    give(&ken, USER_SETTINGS, NULL, "{}");
    struct leaving copy = a_pass(true, 0);
    copy.served.count = 1; /* the home, and not central */
    carry_out(copy);
    assert_int_equal(count_keys(HOME_CENTRAL, MODULE_CMS_MASTER, "departed/"), 3);
    assert_int_equal(items_of(&ken), 0);
    carry_out(a_pass(false, 0));
    assert_int_equal(count_keys(HOME_CENTRAL, MODULE_CMS_MASTER, "departed/"), 3);
    carry_out(a_pass(true, 0));
    assert_int_equal(count_keys(HOME_CENTRAL, MODULE_CMS_MASTER, "departed/"), 2);
    assert_int_equal(count_keys(HOME_CENTRAL, MODULE_CMS_MASTER, key), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whoever_left_leaves_nothing_and_others_keep_everything),
        TEST(the_files_of_his_conferences_go_along),
        TEST(the_files_of_a_conference_that_goes_on_are_kept),
        TEST(what_is_noted_of_his_sessions_afterwards_is_not_kept),
        TEST(only_those_are_looked_at_who_left_since_then),
        TEST(nobody_leaves_who_has_an_account_wherever_it_is_now),
        TEST(nothing_is_removed_that_others_serve),
        TEST(many_leave_at_once_and_one_has_more_than_a_transaction),
        TEST(it_ends_soon_when_it_must_stop),
        TEST(those_of_long_ago_are_forgotten_where_central_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
