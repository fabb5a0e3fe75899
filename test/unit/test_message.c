/* What machines say to each other: what goes in comes out, and nonsense is refused. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "link/message.h"

static struct sender sender(void)
{
    return (struct sender){.machine = "atl-cs-001.litwareinc.com",
                           .pool = "atl-cs-001.litwareinc.com",
                           .protocol = LINK_PROTOCOL,
                           .version = POLLUX_VERSION};
}

static struct heartbeat *heartbeat(void)
{
    struct heartbeat *h = xcalloc(1, sizeof *h);
    h->sender = sender();
    h->started = UINT64_MAX;
    h->wall_ms = 1795000000000;
    h->topology = 7;
    strcpy(h->engine, "SQLite");
    h->count = 2;
    h->homes[0] = (struct heartbeat_home){.home = "atl-cs-001.litwareinc.com",
                                          .term = {.number = 4, .tag = 0xfedcba9876543210},
                                          .seen = 5,
                                          .own = true,
                                          .mode = MODE_SERVING};
    h->homes[1] = (struct heartbeat_home){.home = HOME_CENTRAL, .seen = 3};
    return h;
}

static void a_heartbeat_comes_out_as_it_went_in(void **state)
{
    (void)state;
    OWNED(free_memory) struct heartbeat *in = heartbeat();
    OWNED(free_memory) struct heartbeat *out = xcalloc(1, sizeof *out);
    OWNED(free_memory) char *text = heartbeat_encode(in);
    assert_int_equal(heartbeat_decode(bytes_of_text(text), out, NULL), OK);
    assert_memory_equal(in, out, sizeof *in);
}

static void a_heartbeat_about_as_many_homes_as_there_can_be_is_not_too_long(void **state)
{
    (void)state;
    OWNED(free_memory) struct heartbeat *in = heartbeat();
    for (in->count = 0; in->count < HEARD_HOMES_MAX; in->count++) {
        struct heartbeat_home *home = &in->homes[in->count];
        *home = in->homes[0];
        memset(home->home, 'a', 253);
        for (size_t i = 50; i < 253; i += 50)
            home->home[i] = '.';
        home->home[253] = '\0';
        home->mode = MODE_RESILIENCY;
        home->own = true;
        home->term = (struct term){.number = INT64_MAX / 2, .tag = 1};
        home->seen = INT64_MAX / 2;
    }
    memset(in->engine, 'e', sizeof in->engine - 1);
    OWNED(free_memory) struct heartbeat *out = xcalloc(1, sizeof *out);
    OWNED(free_memory) char *text = heartbeat_encode(in);
    assert_true(strlen(text) < MESSAGE_BYTES_MAX);
    assert_int_equal(heartbeat_decode(bytes_of_text(text), out, NULL), OK);
}

static void questions_and_answers_come_out_as_they_went_in(void **state)
{
    (void)state;
    struct sender s = sender(), got;
    char home[HOME_NAME_SIZE];
    struct home_question question = {.nonce = 99, .term = {.number = 4, .tag = 1}, .seen = 8}, q;
    OWNED(free_memory) char *text = question_encode(&s, HOME_CENTRAL, &question);
    memset(&q, 0, sizeof q);
    assert_int_equal(question_decode(bytes_of_text(text), &got, home, &q, NULL), OK);
    assert_string_equal(home, HOME_CENTRAL);
    assert_memory_equal(&q, &question, sizeof q);

    for (int verdict = 0; verdict < VERDICTS; verdict++) {
        struct home_answer answer = {.nonce = 3,
                                     .verdict = (enum home_verdict)verdict,
                                     .number = 6,
                                     .term = {.number = 5, .tag = 2}};
        struct home_answer a;
        OWNED(free_memory) char *reply = answer_encode(&s, &answer);
        memset(&a, 0, sizeof a);
        assert_int_equal(answer_decode(bytes_of_text(reply), &got, &a, NULL), OK);
        assert_int_equal(a.verdict, answer.verdict);
        assert_true(a.nonce == 3 && a.number == 6 && term_equal(a.term, answer.term));
    }
}

static void a_command_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct sender s = sender(), got;
    const char *payload =
        "{\"command\":\"Get-CsPoolFabricState\",\"parameters\":{\"a\":[1,\"ü\"]}}";
    OWNED(free_memory) char *text = command_encode(&s, payload);
    OWNED(free_memory) char *out = NULL;
    assert_int_equal(command_decode(bytes_of_text(text), &got, &out, NULL), OK);
    assert_string_equal(out, payload);
    assert_string_equal(got.machine, s.machine);
}

/* What an administrator may send at most, with our name around it. */
static void the_longest_command_is_not_too_long_to_be_passed_on(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    struct sender s = sender();
    OWNED(free_memory) char *payload = xcalloc(1, SIZE + 1);
    memset(payload, 'x', SIZE);
    memcpy(payload, "{\"a\":\"", 6);
    memcpy(payload + SIZE - 2, "\"}", 2);
    memset(s.machine, 'a', sizeof s.machine - 1);
    memset(s.pool, 'a', sizeof s.pool - 1);
    OWNED(free_memory) char *text = command_encode(&s, payload);
    assert_true(strlen(text) <= MESSAGE_COMMAND_BYTES_MAX);
}

static void a_command_without_a_payload_is_refused(void **state)
{
    (void)state;
    static const char *const instead[] = {"\"payload\":[]", "\"payload\":\"{}\"",
                                          "\"payload\":null", "\"load\":{}"};
    struct sender s = sender(), got;
    OWNED(free_memory) char *text = command_encode(&s, "{}");
    const char *at = strstr(text, "\"payload\":{}");
    assert_non_null(at);
    for (size_t i = 0; i < COUNT_OF(instead); i++) {
        char *out = NULL;
        OWNED(free_memory)
        char *bad = xasprintf("%.*s%s}", (int)(at - text), text, instead[i]);
        assert_int_equal(command_decode(bytes_of_text(bad), &got, &out, NULL), FAIL_INVALID);
        assert_null(out);
    }
}

static void another_protocol_says_which_versions_meet(void **state)
{
    (void)state;
    OWNED(free_memory) struct heartbeat *in = heartbeat();
    OWNED(free_memory) struct heartbeat *out = xcalloc(1, sizeof *out);
    in->sender.protocol = LINK_PROTOCOL + 1;
    strcpy(in->sender.version, "9.8.7");
    OWNED(free_memory) char *text = heartbeat_encode(in);
    struct error e;
    assert_int_equal(heartbeat_decode(bytes_of_text(text), out, &e), FAIL_NEWER);
    assert_non_null(strstr(e.what, "9.8.7"));
    assert_non_null(strstr(e.what, POLLUX_VERSION));
}

/* One message, with one of its values replaced by something that can't be. */
static void a_message_with_one_senseless_value_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *value, *instead;
    } wrong[] = {
        {"\"protocol\":1", "\"protocol\":\"1\""},
        {"\"protocol\":1", "\"protocol\":-1"},
        {"\"machine\":\"atl-cs-001.litwareinc.com\"", "\"machine\":\"\""},
        {"\"machine\":\"atl-cs-001.litwareinc.com\"", "\"machine\":7"},
        {"\"pool\":\"atl-cs-001.litwareinc.com\"", "\"pool\":null"},
        {"\"started\":\"ffffffffffffffff\"", "\"started\":\"fffffffffffffff\""},
        {"\"started\":\"ffffffffffffffff\"", "\"started\":\"0xffffffffffffff\""},
        {"\"number\":4", "\"number\":-4"},
        {"\"number\":4", "\"number\":4.0"},
        {"\"number\":4", "\"number\":0"},                   /* but it has a tag */
        {"\"number\":4", "\"number\":9223372036854775807"}, /* no higher one could be opened */
        {"\"seen\":5", "\"seen\":9223372036854775807"},
        {"\"mode\":\"Serving\"", "\"mode\":\"serving\""},
        {"\"mode\":\"Serving\"", "\"mode\":0"},
        {"\"home\":\"central\"", "\"home\":\"Central\""},
        {"\"home\":\"central\"", "\"home\":\"../etc\""},
        {"\"homes\":[", "\"homes\":[[],"},
        {"\"homes\":[", "\"homes\":[null,"},
    };
    OWNED(free_memory) struct heartbeat *in = heartbeat();
    OWNED(free_memory) struct heartbeat *out = xcalloc(1, sizeof *out);
    OWNED(free_memory) char *text = heartbeat_encode(in);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        const char *at = strstr(text, wrong[i].value);
        assert_non_null(at);
        OWNED(free_memory)
        char *bad = xasprintf("%.*s%s%s", (int)(at - text), text, wrong[i].instead,
                              at + strlen(wrong[i].value));
        if (heartbeat_decode(bytes_of_text(bad), out, NULL) == OK)
            fail_msg("accepted: %s", wrong[i].instead);
    }
}

static void whatever_is_cut_or_changed_in_a_message_does_no_harm(void **state)
{
    (void)state;
    OWNED(free_memory) struct heartbeat *in = heartbeat();
    OWNED(free_memory) struct heartbeat *out = xcalloc(1, sizeof *out);
    OWNED(free_memory) char *text = heartbeat_encode(in);
    size_t size = strlen(text);
    for (size_t n = 0; n < size; n++)
        assert_int_not_equal(heartbeat_decode(bytes_of(text, n), out, NULL), OK);
    const char bytes[] = {0, 1, '"', '{', '[', '9', (char)0xff, '\\'};
    for (size_t n = 0; n < size; n++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            char kept = text[n];
            text[n] = bytes[i];
            struct error e = {0};
            enum failure bad = heartbeat_decode(bytes_of(text, size), out, &e);
            assert_true(bad == OK || e.what[0]);
            text[n] = kept;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heartbeat_comes_out_as_it_went_in),
        cmocka_unit_test(a_heartbeat_about_as_many_homes_as_there_can_be_is_not_too_long),
        cmocka_unit_test(questions_and_answers_come_out_as_they_went_in),
        cmocka_unit_test(a_command_comes_out_as_it_went_in),
        cmocka_unit_test(the_longest_command_is_not_too_long_to_be_passed_on),
        cmocka_unit_test(a_command_without_a_payload_is_refused),
        cmocka_unit_test(another_protocol_says_which_versions_meet),
        cmocka_unit_test(a_message_with_one_senseless_value_is_refused),
        cmocka_unit_test(whatever_is_cut_or_changed_in_a_message_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
