/* Credentials: the hashes that clients compute as well, and nothing that betrays the secret. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "pool/central.h"
#include "pool/credential.h"
#include "store_check.h"

static const char address[] = "kenmyer@litwareinc.com", secret[] = "Sesam öffne dich";

/* Each of them was computed with
 *     printf '%s' 'kenmyer:litwareinc.com:Sesam öffne dich' | md5sum
 * and the like: the address in place of the user, and sha256sum. */
static const struct credential expected = {
    .ha1 = {
        [CREDENTIAL_MD5] = {"8d774b591f787605d3508e8d8b89207c", "98cc4131c9729b6824988605142815ae"},
        [CREDENTIAL_SHA256] = {
            "6798c25687e563e69db6bbc83809df86d24f6918952f3224507460340da237f8",
            "25ba8d95451a7cb4ea739ad24c5072809b8e39419f1add21f472967ca99b048b"}}};

static void hashes_are_those_that_clients_compute(void **state)
{
    (void)state;
    struct credential credential = {0};
    assert_int_equal(credential_make(address, secret, &credential, NULL), OK);
    assert_memory_equal(&credential, &expected, sizeof expected);
}

static void a_wiped_credential_has_nothing_left(void **state)
{
    (void)state;
    struct credential credential = expected;
    static const struct credential nothing;
    credential_wipe(&credential);
    assert_memory_equal(&credential, &nothing, sizeof nothing);
}

static struct store *open_central(void)
{
    struct store *store;
    assert_int_equal(store_open(memory_engine_open(), &store, NULL), OK);
    serve_central(store);
    return store;
}

static struct txn *change(void)
{
    struct txn *txn = txn_new(HOME_CENTRAL);
    txn_as_holder(txn, 2);
    return txn;
}

static enum failure read_it(struct store *store, struct credential *credential, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    assert_int_equal(store_view(store, &view, NULL), OK);
    return credential_read(view, address, credential, e);
}

static void a_credential_is_read_as_it_was_put_until_it_is_removed(void **state)
{
    (void)state;
    OWNED(store_close) struct store *store = open_central();
    struct credential credential = {0};
    assert_int_equal(read_it(store, &credential, NULL), FAIL_NOT_FOUND);
    struct txn *txn = change();
    credential_put(txn, address, &expected);
    commit_as(store, txn, OK);
    assert_int_equal(read_it(store, &credential, NULL), OK);
    assert_memory_equal(&credential, &expected, sizeof expected);
    for (size_t i = 0; i < 2; i++) {
        txn = change();
        credential_remove(txn, address);
        commit_as(store, txn, OK);
        assert_int_equal(read_it(store, &credential, NULL), FAIL_NOT_FOUND);
    }
}

static void what_is_no_credential_is_told_with_the_way_out(void **state)
{
    (void)state;
    OWNED(store_close) struct store *store = open_central();
    static const char *const values[] = {"", "{}", "{\"MD5\":{\"User\":\"x\",\"Address\":\"x\"}}"};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct credential credential;
        struct error e;
        struct txn *txn = change();
        txn_put(txn, MODULE_CMS_MASTER, bytes_of_text(CENTRAL_CREDENTIALS "kenmyer@litwareinc.com"),
                bytes_of_text(values[i]));
        commit_as(store, txn, OK);
        assert_int_equal(read_it(store, &credential, &e), FAIL_DAMAGED);
        assert_non_null(strstr(e.what, "credential/kenmyer@litwareinc.com"));
        assert_non_null(strstr(e.next, "Set-CsClientPin -Identity kenmyer@litwareinc.com"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_those_that_clients_compute),
        cmocka_unit_test(a_wiped_credential_has_nothing_left),
        cmocka_unit_test(a_credential_is_read_as_it_was_put_until_it_is_removed),
        cmocka_unit_test(what_is_no_credential_is_told_with_the_way_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
