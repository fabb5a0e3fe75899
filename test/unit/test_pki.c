/* Certificates: what is issued is accepted, what is wrong is said, and nothing is overwritten. */
#include "unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "pki/pki.h"

#define MACHINE "atl-cs-001.litwareinc.com"
#define POOL    "atl.litwareinc.com"

enum { DAY = 24 * 60 * 60 };

static const time_t now = 1800000000; /* the room reads no clock, so the story may choose */

/* A folder of its own for each test, with an authority in it. */
struct place {
    char root[32];
    char *folder;
    char *authority;
    char *certificate;
    char *key;
};

static struct pki_validity days(int from, int until)
{
    return (struct pki_validity){now + (time_t)from * DAY, now + (time_t)until * DAY};
}

static int set_up(void **state)
{
    struct place *p = xcalloc(1, sizeof *p);
    struct error e;
    strcpy(p->root, "/tmp/pollux-pki-XXXXXX");
    assert_non_null(mkdtemp(p->root));
    p->folder = xasprintf("%s/pki", p->root);
    p->authority = pki_authority_file(p->folder);
    p->certificate = pki_file(p->folder, MACHINE);
    p->key = xasprintf("%s/%s.key", p->folder, MACHINE);
    assert_int_equal(pki_init(p->folder, "Litware deployment", days(-1, 3650), &e), OK);
    *state = p;
    return 0;
}

static int remove_one(const char *path, const struct stat *s, int what, struct FTW *at)
{
    (void)s, (void)what, (void)at;
    return remove(path);
}

static int tear_down(void **state)
{
    struct place *p = *state;
    nftw(p->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(p->folder);
    free(p->authority);
    free(p->certificate);
    free(p->key);
    free(p);
    return 0;
}

static void issue(const struct place *p, struct pki_validity valid)
{
    struct error e;
    if (pki_issue(p->folder, p->folder, MACHINE, POOL, valid, &e) != OK)
        fail_msg("%s", e.what);
}

static char *content_of(const char *path)
{
    OWNED(buffer_free) struct buffer b = {0};
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    for (int c; (c = getc(f)) != EOF;)
        buffer_u8(&b, (uint8_t)c);
    fclose(f);
    return buffer_take_text(&b);
}

static void put_content(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* What the check finds at `when`, one sentence a line; owned by the caller. */
static char *findings(const struct place *p, const char *authority, time_t when)
{
    OWNED(faults_free) struct faults faults = {0};
    OWNED(buffer_free) struct buffer b = {0};
    pki_check(p->certificate, p->key, authority, when, &faults);
    for (size_t i = 0; i < faults.count; i++)
        buffer_printf(&b, "%s\n", faults.list[i].sentence);
    return buffer_take_text(&b);
}

static void assert_good(const struct place *p)
{
    OWNED(free_memory) char *said = findings(p, p->authority, now);
    assert_string_equal(said, "");
}

static void assert_finds(const struct place *p, time_t when, const char *sentence)
{
    OWNED(free_memory) char *said = findings(p, p->authority, when);
    if (!strstr(said, sentence))
        fail_msg("\"%s\" was not said, but: %s", sentence, said);
}

static void an_issued_pair_is_accepted_and_names_machine_and_pool(void **state)
{
    const struct place *p = *state;
    struct error e;
    struct pki_certificate c;
    issue(p, days(0, 397));
    assert_good(p);
    assert_int_equal(pki_read_certificate(p->certificate, &c, &e), OK);
    assert_int_equal(c.name_count, 2);
    assert_string_equal(c.names[0], MACHINE);
    assert_string_equal(c.names[1], POOL);
    assert_string_equal(c.subject, "CN=" MACHINE);
    assert_string_equal(c.issuer, "CN=Litware deployment");
    assert_false(c.authority);
    assert_true(c.not_before == now && c.not_after == now + (time_t)397 * DAY);
    assert_int_equal(strlen(c.fingerprint), PKI_FINGERPRINT_SIZE - 1);
}

static void a_pool_of_one_with_the_name_of_its_machine_is_named_once(void **state)
{
    const struct place *p = *state;
    struct error e;
    struct pki_certificate c;
    assert_int_equal(
        pki_issue(p->folder, p->folder, "ATL-CS-001.LitwareInc.com", MACHINE, days(0, 1), &e), OK);
    assert_int_equal(pki_read_certificate(p->certificate, &c, &e), OK);
    assert_int_equal(c.name_count, 1);
    assert_string_equal(c.names[0], MACHINE);
    assert_good(p);
}

static void a_name_too_long_for_the_subject_is_only_among_the_names(void **state)
{
    struct place *p = *state;
    struct error e;
    struct pki_certificate c;
    const char *machine = "a-machine-whose-name-is-longer-than-a-common-name.may-be.example.org";
    assert_int_equal(pki_issue(p->folder, p->folder, machine, POOL, days(0, 1), &e), OK);
    free(p->certificate);
    free(p->key);
    p->certificate = pki_file(p->folder, machine);
    p->key = xasprintf("%s/%s.key", p->folder, machine);
    assert_int_equal(pki_read_certificate(p->certificate, &c, &e), OK);
    assert_string_equal(c.subject, "");
    assert_string_equal(c.names[0], machine);
    assert_good(p);
}

static void dates_outside_are_said_with_the_date(void **state)
{
    const struct place *p = *state;
    struct error e;
    time_t end;
    char text[PKI_TIME_TEXT_SIZE], sentence[80];
    issue(p, days(1, 30));
    assert_int_equal(pki_certificate_expiry(p->certificate, &end, &e), OK);
    assert_true(end == now + (time_t)30 * DAY);

    snprintf(sentence, sizeof sentence, "It expired on %s.", pki_time_text(end, text));
    assert_finds(p, end + 1, sentence);
    snprintf(sentence, sizeof sentence, "It is valid only from %s", pki_time_text(now + DAY, text));
    assert_finds(p, now, sentence);
    assert_finds(p, now + (time_t)4000 * DAY, "The authority expired on");
    OWNED(free_memory) char *said = findings(p, p->authority, now + 2 * DAY);
    assert_string_equal(said, "");
}

static void an_authority_of_the_same_name_is_another_one(void **state)
{
    const struct place *p = *state;
    struct error e;
    OWNED(free_memory) char *folder = xasprintf("%s/other", p->root);
    OWNED(free_memory) char *authority = pki_authority_file(folder);
    assert_int_equal(pki_init(folder, "Litware deployment", days(-1, 3650), &e), OK);
    issue(p, days(0, 397));
    OWNED(free_memory) char *said = findings(p, authority, now);
    assert_non_null(strstr(said, "It was not issued by the authority in"));
    assert_null(strstr(strstr(said, "not issued") + 1, "not issued")); /* once is enough */

    bool kept;
    assert_int_equal(pki_renew(folder, p->folder, MACHINE, days(0, 1), &kept, &e), FAIL_FOREIGN);
    assert_non_null(strstr(e.kept, "left as it was"));
    assert_good(p);
}

static void two_authorities_in_one_file_are_both_trusted(void **state)
{
    const struct place *p = *state;
    struct error e;
    OWNED(free_memory) char *folder = xasprintf("%s/next", p->root);
    OWNED(free_memory) char *next = pki_authority_file(folder);
    OWNED(free_memory) char *both = xasprintf("%s/both.pem", p->root);
    assert_int_equal(pki_init(folder, "Litware deployment", days(-1, 3650), &e), OK);
    OWNED(free_memory) char *first_text = content_of(next);
    OWNED(free_memory) char *second_text = content_of(p->authority);
    OWNED(free_memory) char *text = xasprintf("%s%s", first_text, second_text);
    put_content(both, text);
    issue(p, days(0, 1));
    OWNED(free_memory) char *said = findings(p, both, now);
    assert_string_equal(said, "");
}

static void all_that_is_wrong_is_said_at_once(void **state)
{
    const struct place *p = *state;
    issue(p, days(-10, -5));
    OWNED(free_memory) char *authority_key = xasprintf("%s/authority.key", p->folder);
    OWNED(free_memory) char *wrong = content_of(authority_key);
    put_content(p->key, wrong);
    assert_int_equal(chmod(p->key, 0644), 0);
    assert_finds(p, now, "It expired on");
    assert_finds(p, now, "It is not the key of");
    assert_finds(p, now, "Others than its owner have rights on the key.");
}

static void a_machine_with_the_longest_name_can_be_renewed(void **state)
{
    const struct place *p = *state;
    struct error e;
    bool kept;
    char machine[244];
    for (size_t i = 0; i < sizeof machine - 1; i++)
        machine[i] = i % 10 == 9 ? '.' : 'm';
    machine[sizeof machine - 1] = '\0';
    assert_int_equal(pki_issue(p->folder, p->folder, machine, POOL, days(0, 1), &e), OK);
    assert_int_equal(pki_renew(p->folder, p->folder, machine, days(0, 1), &kept, &e), OK);
    assert_true(kept);
}

static void an_authority_is_no_machine(void **state)
{
    struct place *p = *state;
    free(p->certificate);
    free(p->key);
    p->certificate = xstrdup(p->authority);
    p->key = xasprintf("%s/authority.key", p->folder);
    assert_finds(p, now, "It belongs to an authority");
    assert_finds(p, now, "It names no machine");
}

/* The pair of a person instead of the machine's. */
static void take_person(struct place *p, const char *name, struct pki_validity valid)
{
    struct error e;
    OWNED(free_memory) char *owner = xasprintf(PKI_ADMINISTRATOR_START "%s", name);
    assert_int_equal(pki_administrator(p->folder, p->folder, name, valid, &e), OK);
    free(p->certificate);
    free(p->key);
    p->certificate = pki_file(p->folder, owner);
    p->key = xasprintf("%s/%s.key", p->folder, owner);
}

static void a_person_is_named_and_no_machine(void **state)
{
    struct place *p = *state;
    struct error e;
    struct pki_certificate c;
    take_person(p, "Ann.B-1", days(0, 397));
    assert_good(p);
    assert_int_equal(pki_read_certificate(p->certificate, &c, &e), OK);
    assert_string_equal(c.administrator, "Ann.B-1");
    assert_string_equal(c.subject, "CN=Ann.B-1");
    assert_int_equal(c.name_count, 0);
    assert_false(c.authority);

    issue(p, days(0, 397));
    OWNED(free_memory) char *machine = pki_file(p->folder, MACHINE);
    assert_int_equal(pki_read_certificate(machine, &c, &e), OK);
    assert_string_equal(c.administrator, "");
}

static void a_person_is_renewed_as_the_same_person(void **state)
{
    struct place *p = *state;
    struct error e;
    struct pki_certificate c;
    bool kept;
    take_person(p, "Ann.B-1", days(0, 10));
    OWNED(free_memory) char *key = content_of(p->key);
    assert_int_equal(
        pki_renew(p->folder, p->folder, "administrator-Ann.B-1", days(0, 400), &kept, &e), OK);
    assert_true(kept);
    assert_good(p);
    OWNED(free_memory) char *key_now = content_of(p->key);
    assert_string_not_equal(key, key_now);
    assert_int_equal(pki_read_certificate(p->certificate, &c, &e), OK);
    assert_string_equal(c.administrator, "Ann.B-1");
    assert_int_equal(c.name_count, 0);
    assert_true(c.not_after == now + (time_t)400 * DAY);

    /* Under another's name it is not. */
    OWNED(free_memory) char *bob = pki_file(p->folder, "administrator-bob");
    OWNED(free_memory) char *text = content_of(p->certificate);
    put_content(bob, text);
    assert_int_equal(pki_renew(p->folder, p->folder, "administrator-bob", days(0, 1), &kept, &e),
                     FAIL_FOREIGN);
    assert_non_null(strstr(e.what, "does not name bob"));
}

static void a_person_exists_once_and_has_a_name_that_accounts_have(void **state)
{
    struct place *p = *state;
    struct error e;
    const char *const names[] = {"",          "-ann",
                                 ".ann",      "7ann",
                                 "a b",       "a/b",
                                 "a,b",       "ann@x.y",
                                 "ann\n",     "m\xc3\xbcller",
                                 "ann$",      "a:b",
                                 "../../etc", "a234567890123456789012345678901234"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_int_equal(pki_administrator(p->folder, p->folder, names[i], days(0, 1), &e),
                         FAIL_INVALID);
    take_person(p, "_a2345678901234567890123456789-1", days(0, 1)); /* 32 */
    assert_int_equal(
        pki_administrator(p->folder, p->folder, "_a2345678901234567890123456789-1", days(0, 1), &e),
        FAIL_REFUSED);
    assert_non_null(strstr(e.next, "pollux pki renew administrator-_a2"));
}

static void what_exists_is_not_overwritten(void **state)
{
    const struct place *p = *state;
    struct error e;
    issue(p, days(0, 397));
    OWNED(free_memory) char *certificate = content_of(p->certificate);
    OWNED(free_memory) char *authority = content_of(p->authority);
    assert_int_equal(pki_issue(p->folder, p->folder, MACHINE, POOL, days(0, 1), &e), FAIL_REFUSED);
    assert_non_null(strstr(e.next, "pollux pki renew"));
    assert_int_equal(pki_init(p->folder, "Another", days(0, 1), &e), FAIL_REFUSED);
    assert_non_null(strstr(e.kept, "left as it was"));
    OWNED(free_memory) char *certificate_after = content_of(p->certificate);
    OWNED(free_memory) char *authority_after = content_of(p->authority);
    assert_string_equal(certificate, certificate_after);
    assert_string_equal(authority, authority_after);
}

static void half_a_pair_is_not_overwritten_either(void **state)
{
    const struct place *p = *state;
    struct error e;
    issue(p, days(0, 397));
    assert_int_equal(unlink(p->certificate), 0);
    assert_int_equal(pki_issue(p->folder, p->folder, MACHINE, POOL, days(0, 1), &e), FAIL_REFUSED);
    assert_non_null(strstr(e.what, "without the other half"));
    assert_int_equal(unlink(p->authority), 0);
    assert_int_equal(pki_init(p->folder, "Another", days(0, 1), &e), FAIL_REFUSED);
}

static void renewing_makes_a_new_key_for_the_same_names_and_keeps_the_old_pair(void **state)
{
    struct place *p = *state;
    struct error e;
    struct pki_certificate c;
    bool kept = false;
    issue(p, days(0, 10));
    OWNED(free_memory) char *certificate = content_of(p->certificate);
    OWNED(free_memory) char *key = content_of(p->key);
    assert_int_equal(pki_renew(p->folder, p->folder, MACHINE, days(0, 400), &kept, &e), OK);
    assert_true(kept);
    assert_good(p);
    assert_int_equal(pki_read_certificate(p->certificate, &c, &e), OK);
    assert_string_equal(c.names[1], POOL);
    assert_true(c.not_after == now + (time_t)400 * DAY);

    OWNED(free_memory) char *old_certificate = xasprintf("%s.old", p->certificate);
    OWNED(free_memory) char *old_key = xasprintf("%s.old", p->key);
    OWNED(free_memory) char *certificate_after = content_of(old_certificate);
    OWNED(free_memory) char *key_after = content_of(old_key);
    OWNED(free_memory) char *key_now = content_of(p->key);
    assert_string_equal(certificate, certificate_after);
    assert_string_equal(key, key_after);
    assert_string_not_equal(key, key_now);
    struct stat s;
    assert_int_equal(stat(old_key, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
}

/* The power went after the key was renamed and before the certificate was. */
static void an_interrupted_renewal_is_recognised_and_mended_by_renewing_again(void **state)
{
    const struct place *p = *state;
    struct error e;
    bool kept;
    issue(p, days(0, 10));
    OWNED(free_memory) char *first = content_of(p->certificate);
    OWNED(free_memory) char *staged = xasprintf("%s.new", p->certificate);
    OWNED(free_memory) char *old = xasprintf("%s.old", p->certificate);
    assert_int_equal(pki_renew(p->folder, p->folder, MACHINE, days(0, 400), &kept, &e), OK);
    assert_int_equal(rename(p->certificate, staged), 0);
    put_content(p->certificate, first);

    assert_finds(p, now, "a renewal was interrupted. Renew again.");
    assert_int_equal(pki_renew(p->folder, p->folder, MACHINE, days(0, 400), &kept, &e), OK);
    assert_good(p);
    assert_false(exists(staged));
    assert_false(kept); /* the torn pair did not take the place of the good one */
    OWNED(free_memory) char *kept_text = content_of(old);
    assert_string_equal(kept_text, first);
}

static void nothing_is_valid_for_longer_than_its_authority(void **state)
{
    const struct place *p = *state;
    struct error e;
    time_t end, authority_end;
    issue(p, days(0, 9999));
    assert_int_equal(pki_certificate_expiry(p->certificate, &end, &e), OK);
    assert_int_equal(pki_certificate_expiry(p->authority, &authority_end, &e), OK);
    assert_true(end == authority_end);
    assert_int_equal(
        pki_issue(p->folder, p->folder, "b.litwareinc.com", POOL, days(4000, 4001), &e),
        FAIL_REFUSED);
    assert_string_equal(e.what, "The authority has expired.");
}

static void what_makes_no_sense_is_refused_before_anything_is_done(void **state)
{
    const struct place *p = *state;
    struct error e;
    OWNED(free_memory) char *folder = xasprintf("%s/none", p->root);
    char long_name[PKI_AUTHORITY_NAME_MAX + 2];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    const char *const names[] = {"", "a\nb", "a\x1b[2J", "\xff", "\xc3", "\xc2\x9b", long_name};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_int_equal(pki_init(folder, names[i], days(0, 1), &e), FAIL_INVALID);
    assert_int_equal(pki_init(folder, "A", days(1, 1), &e), FAIL_INVALID);
    assert_int_equal(pki_issue(p->folder, folder, "../../etc/x.y", POOL, days(0, 1), &e),
                     FAIL_INVALID);
    assert_int_equal(pki_issue(p->folder, folder, MACHINE, "a.b,DNS:c.d", days(0, 1), &e),
                     FAIL_INVALID);
    assert_int_equal(pki_issue(p->folder, folder, MACHINE, POOL, days(1, 0), &e), FAIL_INVALID);
    char machine[245];
    for (size_t i = 0; i < sizeof machine - 1; i++)
        machine[i] = i % 10 == 9 ? '.' : 'm';
    machine[sizeof machine - 1] = '\0';
    assert_int_equal(pki_issue(p->folder, folder, machine, POOL, days(0, 1), &e), FAIL_INVALID);
    assert_false(exists(folder));
}

static void an_authority_may_have_a_name_in_any_script(void **state)
{
    const struct place *p = *state;
    struct error e;
    struct pki_certificate c;
    OWNED(free_memory) char *folder = xasprintf("%s/utf8", p->root);
    OWNED(free_memory) char *authority = pki_authority_file(folder);
    assert_int_equal(pki_init(folder, "Müller & Söhne, 東京", days(0, 1), &e), OK);
    assert_int_equal(pki_read_certificate(authority, &c, &e), OK);
    assert_string_equal(c.subject, "CN=Müller & Söhne\\, 東京");
    assert_true(c.authority);
}

static void without_an_authority_the_way_out_is_said(void **state)
{
    const struct place *p = *state;
    struct error e;
    OWNED(free_memory) char *folder = xasprintf("%s/none", p->root);
    assert_int_equal(pki_issue(folder, folder, MACHINE, POOL, days(0, 1), &e), FAIL_NOT_FOUND);
    assert_non_null(strstr(e.next, "pollux pki init"));
    assert_false(exists(folder));
    assert_int_equal(pki_issue(p->folder, "/proc/none/x", MACHINE, POOL, days(0, 1), &e),
                     FAIL_NOT_FOUND);
}

static void no_damage_to_a_file_is_worse_than_an_error(void **state)
{
    const struct place *p = *state;
    issue(p, days(0, 397));
    const char *const files[] = {p->certificate, p->key, p->authority};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        OWNED(free_memory) char *text = content_of(files[i]);
        const size_t size = strlen(text);
        for (size_t at = 0; at < size; at += 3) {
            char whole = text[at];
            text[at] = whole == 'A' ? 'B' : 'A';
            put_content(files[i], text);
            OWNED(free_memory) char *said = findings(p, p->authority, now);
            assert_non_null(said);
            text[at] = whole;
        }
        for (size_t left = 0; left < size - 1; left += 7) { /* the last newline is no loss */
            OWNED(free_memory) char *cut = strndup(text, left);
            put_content(files[i], cut);
            OWNED(free_memory) char *said = findings(p, p->authority, now);
            assert_string_not_equal(said, "");
        }
        put_content(files[i], text);
    }
    assert_good(p);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(an_issued_pair_is_accepted_and_names_machine_and_pool),
        STORY(a_pool_of_one_with_the_name_of_its_machine_is_named_once),
        STORY(a_name_too_long_for_the_subject_is_only_among_the_names),
        STORY(dates_outside_are_said_with_the_date),
        STORY(an_authority_of_the_same_name_is_another_one),
        STORY(two_authorities_in_one_file_are_both_trusted),
        STORY(all_that_is_wrong_is_said_at_once),
        STORY(a_machine_with_the_longest_name_can_be_renewed),
        STORY(an_authority_is_no_machine),
        STORY(a_person_is_named_and_no_machine),
        STORY(a_person_is_renewed_as_the_same_person),
        STORY(a_person_exists_once_and_has_a_name_that_accounts_have),
        STORY(what_exists_is_not_overwritten),
        STORY(half_a_pair_is_not_overwritten_either),
        STORY(renewing_makes_a_new_key_for_the_same_names_and_keeps_the_old_pair),
        STORY(an_interrupted_renewal_is_recognised_and_mended_by_renewing_again),
        STORY(nothing_is_valid_for_longer_than_its_authority),
        STORY(what_makes_no_sense_is_refused_before_anything_is_done),
        STORY(an_authority_may_have_a_name_in_any_script),
        STORY(without_an_authority_the_way_out_is_said),
        STORY(no_damage_to_a_file_is_worse_than_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
