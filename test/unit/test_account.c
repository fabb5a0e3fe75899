/* Accounts: which addresses there can be, what an account keeps, and a damaged one. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "pool/account.h"
#include "pool/central.h"
#include "store_check.h"

DEFINE_OWNED(json_t *, json_decref)

static const char domain[] = "litwareinc.com";

static void three_spellings_mean_one_address(void **state)
{
    (void)state;
    static const char *const spellings[] = {"sip:alice@litwareinc.com",
                                            "alice@litwareinc.com",
                                            "alice",
                                            "SIP:Alice@LitwareInc.COM",
                                            "ALICE",
                                            "sip:alice"};
    for (size_t i = 0; i < COUNT_OF(spellings); i++) {
        char address[SIP_ADDRESS_SIZE];
        assert_int_equal(sip_address_read(spellings[i], domain, address, NULL), OK);
        assert_string_equal(address, "alice@litwareinc.com");
    }
    assert_true(sip_address_meant("alice@x") && sip_address_meant("Sip:alice"));
    assert_false(sip_address_meant("alice") || sip_address_meant("Alice Ciccu"));
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "sip:",
                                        "@",
                                        "sip:@litwareinc.com",
                                        "Alice Ciccu",
                                        "a/b",
                                        "a*",
                                        "a?",
                                        "a\"b",
                                        "a@litwareinc.com@x",
                                        "a;x=y",
                                        "a,b",
                                        "müller",
                                        "sips:a@litwareinc.com",
                                        "a@",
                                        "a b@litwareinc.com",
                                        "a%20b"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char address[SIP_ADDRESS_SIZE];
        struct error e;
        if (sip_address_read(wrong[i], domain, address, &e) != FAIL_INVALID)
            fail_msg("\"%s\" is taken for an address", wrong[i]);
        assert_true(e.kept[0] && e.next[0]);
    }
}

static void another_domain_is_told_apart(void **state)
{
    (void)state;
    char address[SIP_ADDRESS_SIZE];
    struct error e;
    assert_int_equal(sip_address_read("alice@contoso.com", domain, address, &e), FAIL_INVALID);
    assert_non_null(strstr(e.what, "its SIP domain is litwareinc.com"));
    assert_int_equal(sip_address_read("alice@litwareinc.com.x", domain, address, &e), FAIL_INVALID);
}

static void addresses_have_limits(void **state)
{
    (void)state;
    char user[SIP_ADDRESS_SIZE + 8], address[SIP_ADDRESS_SIZE], long_domain[FQDN_SIZE];
    struct error e;
    memset(user, 'a', sizeof user);
    user[SIP_USER_MAX] = '\0';
    assert_int_equal(sip_address_read(user, domain, address, NULL), OK);
    user[SIP_USER_MAX] = 'a';
    user[SIP_USER_MAX + 1] = '\0';
    assert_int_equal(sip_address_read(user, domain, address, &e), FAIL_INVALID);
    memset(user, 'a', sizeof user);
    user[sizeof user - 1] = '\0';
    assert_int_equal(sip_address_read(user, domain, address, &e), FAIL_INVALID);
    /* A domain so long that only one letter is left. */
    memset(long_domain, 'd', sizeof long_domain);
    long_domain[SIP_ADDRESS_MAX - 2] = '\0';
    assert_int_equal(sip_address_read("a", long_domain, address, NULL), OK);
    assert_int_equal(strlen(address), SIP_ADDRESS_MAX);
    assert_int_equal(sip_address_read("ab", long_domain, address, &e), FAIL_INVALID);
}

/* --- in a store --- */

static struct store *store;

static int open_store(void **state)
{
    (void)state;
    assert_int_equal(store_open(memory_engine_open(), &store, NULL), OK);
    serve_central(store);
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    store_close(store);
    return 0;
}

static struct txn *change(void)
{
    struct txn *txn = txn_new(HOME_CENTRAL);
    txn_as_holder(txn, 2);
    return txn;
}

static struct account an_account(const char *address, const char *display_name)
{
    struct account account;
    account_begin(&account, address);
    snprintf(account.display_name, sizeof account.display_name, "%s", display_name);
    snprintf(account.pool, sizeof account.pool, "%s", HOME);
    return account;
}

static void put(const struct account *account, uint64_t usn, enum failure expected)
{
    struct txn *txn = change();
    account_put(txn, account, usn);
    commit_as(store, txn, expected);
}

static enum failure read_one(const char *address, struct account *account, uint64_t *usn,
                             struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    assert_int_equal(store_view(store, &view, NULL), OK);
    return account_read(view, address, account, usn, e);
}

static void an_account_is_read_as_it_was_put(void **state)
{
    (void)state;
    struct account put_in = an_account("kenmyer@litwareinc.com", "Ken \"Mÿer\""), out;
    uint64_t usn;
    assert_int_equal(read_one(put_in.address, &out, &usn, NULL), FAIL_NOT_FOUND);
    put(&put_in, 0, OK);
    assert_int_equal(read_one(put_in.address, &out, &usn, NULL), OK);
    assert_memory_equal(&put_in, &out, sizeof out);
    assert_int_equal(strlen(out.id), ACCOUNT_ID_SIZE - 1);
    OWNED(json_decref) json_t *object = account_to_object(&out);
    OWNED(free_memory) char *text = json_dumps(object, JSON_COMPACT);
    OWNED(free_memory)
    char *expected = xasprintf("{\"Identity\":\"kenmyer@litwareinc.com\",\"SipAddress\":"
                               "\"sip:kenmyer@litwareinc.com\",\"DisplayName\":\"Ken "
                               "\\\"Mÿer\\\"\",\"RegistrarPool\":\"" HOME
                               "\",\"Enabled\":true,\"PinLocked\":false,\"WhenCreated\":\"%s\"}",
                               out.created);
    assert_string_equal(text, expected);
}

static void a_locked_secret_stays_so(void **state)
{
    (void)state;
    struct account account = an_account("kenmyer@litwareinc.com", "Ken"), out;
    uint64_t usn;
    account.pin_locked = true;
    put(&account, 0, OK);
    assert_int_equal(read_one(account.address, &out, &usn, NULL), OK);
    assert_memory_equal(&account, &out, sizeof out);
}

static void whoever_read_an_older_account_changes_nothing(void **state)
{
    (void)state;
    struct account account = an_account("kenmyer@litwareinc.com", "Ken"), other;
    uint64_t usn;
    put(&account, 0, OK);
    put(&account, 0, FAIL_CONFLICT);
    assert_int_equal(read_one(account.address, &other, &usn, NULL), OK);
    put(&account, usn, OK);
    put(&account, usn, FAIL_CONFLICT);
    struct txn *txn = change();
    account_remove(txn, account.address, usn);
    commit_as(store, txn, FAIL_CONFLICT);
    assert_int_equal(read_one(account.address, &other, &usn, NULL), OK);
    txn = change();
    account_remove(txn, account.address, usn);
    commit_as(store, txn, OK);
    assert_int_equal(read_one(account.address, &other, &usn, NULL), FAIL_NOT_FOUND);
    put(&account, 0, OK); /* the address is free again */
}

static bool add_address(const struct account *account, void *context)
{
    buffer_printf(context, "%.1s", account->address);
    return account->address[0] != 'd';
}

static void accounts_are_walked_in_the_order_of_addresses(void **state)
{
    (void)state;
    static const char *const users[] = {"c", "a", "e", "b", "d"};
    OWNED(buffer_free) struct buffer met = {0};
    for (size_t i = 0; i < COUNT_OF(users); i++) {
        char address[SIP_ADDRESS_SIZE];
        assert_int_equal(sip_address_read(users[i], domain, address, NULL), OK);
        struct account account = an_account(address, users[i]);
        put(&account, 0, OK);
    }
    OWNED(view_close) struct view *view = NULL;
    assert_int_equal(store_view(store, &view, NULL), OK);
    assert_int_equal(account_walk(view, "", add_address, &met, NULL), OK);
    assert_int_equal(account_walk(view, "b@litwareinc.com", add_address, &met, NULL), OK);
    assert_int_equal(account_walk(view, "d@litwareinc.com", add_address, &met, NULL), OK);
    OWNED(free_memory) char *text = buffer_take_text(&met);
    assert_string_equal(text, "abcdcde");
}

static void what_is_no_account_is_told_with_its_key(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"Id\":\"x\",\"DisplayName\":\"x\",\"RegistrarPool\":\"x\",\"Enabled\":true,"
        "\"WhenCreated\":\"x\"}",
        "{\"Id\":\"00112233445566778899aabbccddeeff\",\"DisplayName\":\"\",\"RegistrarPool\":\"x\","
        "\"Enabled\":true,\"WhenCreated\":\"x\"}",
        "{\"Id\":\"00112233445566778899aabbccddeeff\",\"DisplayName\":\"x\",\"RegistrarPool\":"
        "\"x\","
        "\"Enabled\":1,\"WhenCreated\":\"x\"}",
        "{\"Id\":\"00112233445566778899aabbccddeeff\",\"DisplayName\":\"x\",\"RegistrarPool\":"
        "\"x\",\"Enabled\":true,\"WhenCreated\":\"x\",\"PinLocked\":1}"};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct item item = {.module = MODULE_CMS_MASTER,
                            .key = bytes_of_text(CENTRAL_ACCOUNTS "ken@litwareinc.com"),
                            .value = bytes_of_text(values[i])};
        struct account account;
        struct error e;
        assert_int_equal(account_decode(&item, &account, &e), FAIL_DAMAGED);
        assert_non_null(strstr(e.what, "account/ken@litwareinc.com"));
    }
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_spellings_mean_one_address),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(another_domain_is_told_apart),
        cmocka_unit_test(addresses_have_limits),
        IN_STORE(an_account_is_read_as_it_was_put),
        IN_STORE(a_locked_secret_stays_so),
        IN_STORE(whoever_read_an_older_account_changes_nothing),
        IN_STORE(accounts_are_walked_in_the_order_of_addresses),
        cmocka_unit_test(what_is_no_account_is_told_with_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
