/* Digest authentication: what clients say, and whether it is true. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "web/digest.h"
#include "web/nonce.h"

/* RFC 7616, 3.9.1. The hashes of the secret "Circle of Life" were computed with
 *     printf '%s' 'Mufasa:http-auth@example.org:Circle of Life' | md5sum
 * and sha256sum; the responses stand in the RFC. */
#define RFC_START                                                                                  \
    "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "
#define RFC_END                                                                                    \
    ", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "                      \
    "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, "                          \
    "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
static const struct {
    const char *header, *ha1;
} rfc[DIGEST_ALGORITHMS] = {
    [DIGEST_MD5] = {RFC_START
                    "algorithm=MD5, response=\"8ca523f5e9506fed4657c9700eebdbec\"" RFC_END,
                    "3d78807defe7de2157e2b0b6573a855f"},
    [DIGEST_SHA256] = {RFC_START "algorithm=SHA-256, response=\"753927fa0e85d155564e2e272a28d1802ca"
                                 "10daf4496794697cf8db5856cb6c1\"" RFC_END,
                       "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"},
};

static void the_examples_of_the_standard_fit(void **state)
{
    (void)state;
    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        struct authorization a;
        struct error e;
        assert_int_equal(authorization_read(rfc[i].header, &a, &e), OK);
        assert_int_equal(a.scheme, AUTHORIZATION_DIGEST);
        assert_string_equal(a.user, "Mufasa");
        assert_string_equal(a.digest.realm, "http-auth@example.org");
        assert_int_equal(a.digest.algorithm, i);
        assert_int_equal(a.digest.count, 1);
        assert_true(digest_fits(&a.digest, rfc[i].ha1, "GET"));
        assert_false(digest_fits(&a.digest, rfc[i].ha1, "PUT"));
        assert_false(digest_fits(&a.digest, rfc[1 - i].ha1, "GET"));
    }
}

static void what_was_changed_on_its_way_fits_no_longer(void **state)
{
    (void)state;
    struct authorization good, a;
    struct error e;
    assert_int_equal(authorization_read(rfc[DIGEST_SHA256].header, &good, &e), OK);
    char *const parts[] = {a.digest.nonce, a.digest.cnonce, a.digest.count_text, a.digest.uri,
                           a.digest.response};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        a = good;
        parts[i][strlen(parts[i]) - 1] ^= 1;
        assert_false(digest_fits(&a.digest, rfc[DIGEST_SHA256].ha1, "GET"));
    }
}

static void the_path_is_the_one_asked_for(void **state)
{
    (void)state;
    struct digest_answer d = {.uri = "/v1/a%20b?c"};
    assert_true(digest_is_about(&d, "/v1/a%20b?c"));
    assert_false(digest_is_about(&d, "/v1/a%20b"));
    assert_false(digest_is_about(&d, "/v1/a b?c"));
    snprintf(d.uri, sizeof d.uri, "https://atl.l.com:8443/v1/x");
    assert_true(digest_is_about(&d, "/v1/x"));
    assert_false(digest_is_about(&d, "/v1/y"));
}

static void the_other_schemes_are_read(void **state)
{
    (void)state;
    struct authorization a;
    struct error e;
    assert_int_equal(authorization_read("basic  a2VubXllcjpTZXNhbTrDtmZmbmU=", &a, &e), OK);
    assert_int_equal(a.scheme, AUTHORIZATION_BASIC);
    assert_string_equal(a.user, "kenmyer");
    assert_string_equal(a.secret, "Sesam:öffne");
    assert_int_equal(authorization_read("BEARER 0123abc", &a, &e), OK);
    assert_int_equal(a.scheme, AUTHORIZATION_BEARER);
    assert_string_equal(a.token, "0123abc");
    assert_int_equal(authorization_read("Negotiate abc", &a, &e), OK);
    assert_int_equal(a.scheme, AUTHORIZATION_OTHER);
    assert_int_equal(authorization_read("", &a, &e), OK);
    assert_int_equal(a.scheme, AUTHORIZATION_OTHER);
}

static void blanks_quotes_and_empty_members_are_as_the_standard_allows(void **state)
{
    (void)state;
    struct authorization a;
    struct error e;
    assert_int_equal(
        authorization_read("Digest ,, USERNAME = \"a\\\"b\\\\c\" ,realm=x,nonce=n,uri=\"/, \",qop="
                           "\"auth\",cnonce=\"c\",nc=0000000A,other=\"x,y\","
                           "response=00000000000000000000000000000000,",
                           &a, &e),
        OK);
    assert_string_equal(a.user, "a\"b\\c");
    assert_string_equal(a.digest.uri, "/, ");
    assert_int_equal(a.digest.algorithm, DIGEST_MD5);
    assert_int_equal(a.digest.count, 10);
    assert_string_equal(a.digest.count_text, "0000000A");
}

static void what_is_no_authorization_is_refused(void **state)
{
    (void)state;
#define START "Digest username=a,realm=x,nonce=n,uri=\"/\",cnonce=c,"
#define NONE  "00000000000000000000000000000000"
    static const char *const wrong[] = {
        "Basic",
        "Basic =",
        "Basic !!!!",
        "Basic YQ==" /* no colon */,
        "Basic OmE=" /* no user */,
        "Basic YQBiOmM=" /* a NUL */,
        "Basic YTpi====",
        "Bearer",
        "Bearer a b",
        "Digest",
        "Digest username",
        "Digest username=",
        "Digest username=\"a",
        "Digest username=\"a\\",
        "Digest =a",
        "Digest username=a realm=b",
        START "qop=auth,nc=00000001,response=00",
        START "qop=auth,nc=1,response=" NONE,
        START "qop=auth,nc=00000000,response=" NONE,
        START "qop=auth-int,nc=00000001,response=" NONE,
        START "nc=00000001,response=" NONE,
        START "qop=auth,nc=00000001,algorithm=MD5-sess,response=" NONE,
        START "qop=auth,nc=00000001,algorithm=SHA-256,response=" NONE,
        START "qop=auth,nc=00000001,response=" NONE ",username=b" /* twice */,
        START "qop=auth,nc=00000001,response=0000000000000000000000000000000G"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct authorization a;
        struct error e = {0};
        if (authorization_read(wrong[i], &a, &e) != FAIL_INVALID)
            fail_msg("this was taken: %s", wrong[i]);
        assert_true(e.what[0] && e.kept[0] && e.next[0]);
    }
}

/* --- nonces --- */

static struct nonces *nonces;
static char nonce[NONCE_SIZE];
enum { NOW = 1000000 };

static int begin(void **state)
{
    (void)state;
    nonces = nonces_new();
    nonces_issue(nonces, NOW, nonce);
    return 0;
}

static int end(void **state)
{
    (void)state;
    nonces_free(nonces);
    return 0;
}

static void each_count_of_a_nonce_is_good_once(void **state)
{
    (void)state;
    assert_int_equal(nonces_use(nonces, nonce, 1, NOW), NONCE_GOOD);
    assert_int_equal(nonces_use(nonces, nonce, 1, NOW), NONCE_REPEATED);
    assert_int_equal(nonces_use(nonces, nonce, 2, NOW + 1), NONCE_GOOD);
    /* Requests may overtake each other. */
    assert_int_equal(nonces_use(nonces, nonce, 5, NOW + 1), NONCE_GOOD);
    assert_int_equal(nonces_use(nonces, nonce, 3, NOW + 1), NONCE_GOOD);
    assert_int_equal(nonces_use(nonces, nonce, 3, NOW + 1), NONCE_REPEATED);
    assert_int_equal(nonces_use(nonces, nonce, 4, NOW + 1), NONCE_GOOD);
    /* But not for ever. */
    assert_int_equal(nonces_use(nonces, nonce, 1000, NOW + 1), NONCE_GOOD);
    assert_int_equal(nonces_use(nonces, nonce, 1000 - NONCE_COUNTS_KEPT, NOW + 1), NONCE_REPEATED);
    assert_int_equal(nonces_use(nonces, nonce, 1001 - NONCE_COUNTS_KEPT, NOW + 1), NONCE_GOOD);
    assert_int_equal(nonces_use(nonces, nonce, UINT32_MAX, NOW + 1), NONCE_GOOD);
    assert_int_equal(nonces_use(nonces, nonce, 1, NOW + 1), NONCE_REPEATED);
}

static void old_and_foreign_nonces_are_stale(void **state)
{
    (void)state;
    assert_int_equal(nonces_use(nonces, nonce, 1, NOW + NONCE_LIFETIME_MS), NONCE_GOOD);
    assert_int_equal(nonces_use(nonces, nonce, 2, NOW + NONCE_LIFETIME_MS + 1), NONCE_STALE);
    assert_int_equal(nonces_use(nonces, nonce, 2, NOW - 1), NONCE_STALE); /* from the future */
    assert_int_equal(nonces_use(nonces, "", 1, NOW), NONCE_STALE);
    for (size_t i = 0; i < NONCE_SIZE - 1; i++) {
        char other[NONCE_SIZE];
        memcpy(other, nonce, sizeof other);
        other[i] = other[i] == '0' ? '1' : '0';
        assert_int_equal(nonces_use(nonces, other, 9, NOW), NONCE_STALE);
    }
    struct nonces *restarted = nonces_new();
    assert_int_equal(nonces_use(restarted, nonce, 1, NOW), NONCE_STALE);
    nonces_free(restarted);
}

/* However many are in use: what was accepted once is never accepted again. */
static void a_nonce_that_was_given_up_is_not_taken_for_a_new_one(void **state)
{
    (void)state;
    enum { MANY = NONCES_KEPT * 2, SAMPLE = 1000 };
    static char early[SAMPLE][NONCE_SIZE];
    for (int i = 0; i < SAMPLE; i++) {
        nonces_issue(nonces, NOW, early[i]);
        assert_int_equal(nonces_use(nonces, early[i], 1, NOW), NONCE_GOOD);
    }
    for (int i = 0; i < MANY; i++) {
        char one[NONCE_SIZE];
        nonces_issue(nonces, NOW + 1, one);
        nonces_use(nonces, one, 1, NOW + 1);
    }
    for (int i = 0; i < SAMPLE; i++)
        assert_int_not_equal(nonces_use(nonces, early[i], 1, NOW + 2), NONCE_GOOD);
    /* And who comes now is served. */
    char late[NONCE_SIZE];
    nonces_issue(nonces, NOW + 2, late);
    assert_int_equal(nonces_use(nonces, late, 1, NOW + 2), NONCE_GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_standard_fit),
        cmocka_unit_test(what_was_changed_on_its_way_fits_no_longer),
        cmocka_unit_test(the_path_is_the_one_asked_for),
        cmocka_unit_test(the_other_schemes_are_read),
        cmocka_unit_test(blanks_quotes_and_empty_members_are_as_the_standard_allows),
        cmocka_unit_test(what_is_no_authorization_is_refused),
        cmocka_unit_test_setup_teardown(each_count_of_a_nonce_is_good_once, begin, end),
        cmocka_unit_test_setup_teardown(old_and_foreign_nonces_are_stale, begin, end),
        cmocka_unit_test_setup_teardown(a_nonce_that_was_given_up_is_not_taken_for_a_new_one, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
