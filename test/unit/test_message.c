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
    h->rest = 0xabcdef;
    h->whole = true;
    h->knows = 9;
    strcpy(h->engine, "SQLite");
    h->count = 2;
    h->homes[0] = (struct heartbeat_home){.home = "atl-cs-001.litwareinc.com",
                                          .term = {.number = 4, .tag = 0xfedcba9876543210},
                                          .seen = 5,
                                          .own = true,
                                          .mode = MODE_SERVING};
    h->homes[0].operation.began_wall_ms = 1795870000000;
    h->homes[0].operation.counted = true;
    h->homes[0].operation.left = 12;
    h->homes[0].operation.kind = OPERATION_FAIL_BACK;
    h->homes[0].operation.step = OPERATION_CLOSE;
    h->homes[0].last = (struct heartbeat_operation){.began_wall_ms = 1795860000000,
                                                    .ended_wall_ms = 1795860000044,
                                                    .kind = OPERATION_FAIL_OVER,
                                                    .step = OPERATION_DONE};
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

static void a_standing_comes_out_as_it_went_in_and_what_is_newer_may_be_left_out(void **state)
{
    (void)state;
    struct sender s = sender(), from;
    const struct home_standing in = {.mode = MODE_SERVING,
                                     .term = {.number = 4, .tag = 9},
                                     .seen = 4,
                                     .durable = true,
                                     .stopped = true,
                                     .point = {.usn = 12},
                                     .outlook = {.uncopied_bytes = 70, .bytes_each_s = 9000}};
    struct home_standing out = {0};
    OWNED(free_memory) char *text = standing_encode(&s, &in);
    assert_int_equal(standing_decode(bytes_of_text(text), &from, &out, NULL), OK);
    assert_memory_equal(&in, &out, sizeof in);
    memcpy(strstr(text, "outlook"), "unknown", strlen("unknown"));
    memcpy(strstr(text, "stopped"), "nothing", strlen("nothing"));
    assert_int_equal(standing_decode(bytes_of_text(text), &from, &out, NULL), OK);
    assert_int_equal(out.outlook.uncopied_bytes + out.outlook.bytes_each_s, 0);
    assert_false(out.stopped);
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
        home->operation = home->last = (struct heartbeat_operation){.began_wall_ms = INT64_MAX,
                                                                    .ended_wall_ms = INT64_MAX,
                                                                    .counted = true,
                                                                    .left = INT64_MAX,
                                                                    .kind = OPERATION_MOVE_CENTRAL,
                                                                    .step = OPERATION_REPLICAS};
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
    question.head = 70;
    lineage_open(&question.lineage, (struct term){.number = 2, .tag = 22}, 0);
    lineage_open(&question.lineage, question.term, 60);
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
        {"\"rest\":\"0000000000abcdef\"", "\"rest\":7"},
        {"\"knows\":\"0000000000000009\"", "\"knows\":null"},
        {"\"whole\":true", "\"whole\":1"},
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

/* It is only for people, and may be of a later version: nobody is taken for silent for that. */
static void an_operation_that_is_not_understood_is_none(void **state)
{
    (void)state;
    const struct {
        const char *value, *instead;
    } odd[] = {
        {"\"Failback\"", "\"Dance\""},
        {"\"Letting sessions end\"", "7"},
        {"\"began\":1795870000000", "\"began\":-1"},
        {"\"left\":12", "\"left\":\"much\""},
    };
    OWNED(free_memory) struct heartbeat *in = heartbeat();
    OWNED(free_memory) struct heartbeat *out = xcalloc(1, sizeof *out);
    OWNED(free_memory) char *text = heartbeat_encode(in);
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        const char *at = strstr(text, odd[i].value);
        assert_non_null(at);
        OWNED(free_memory)
        char *other = xasprintf("%.*s%s%s", (int)(at - text), text, odd[i].instead,
                                at + strlen(odd[i].value));
        assert_int_equal(heartbeat_decode(bytes_of_text(other), out, NULL), OK);
        assert_int_equal(out->homes[0].operation.began_wall_ms, 0);
        assert_int_equal(out->homes[0].mode, MODE_SERVING);
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

/* --- copying --- */

static struct sync_offer *an_offer(void)
{
    struct sync_offer *o = xcalloc(1, sizeof *o);
    strcpy(o->home, HOME_CENTRAL);
    o->module = MODULE_CMS_MASTER;
    o->term = (struct term){.number = 6, .tag = 0xfedcba9876543210};
    o->head = 4711;
    o->horizon = 12;
    o->whole = true;
    o->read_ms = 1700000000000;
    o->purpose = OFFER_COMPARE;
    o->comparison = 0xfeedfacecafebeef;
    o->digest =
        (struct digest){.low = UINT64_MAX, .high = 7, .items = 300, .bytes = (uint64_t)1 << 40};
    lineage_open(&o->lineage, (struct term){.number = 2, .tag = 22}, 0);
    lineage_open(&o->lineage, o->term, 4000);
    return o;
}

static bool same_offer(const struct sync_offer *a, const struct sync_offer *b)
{
    OWNED(buffer_free) struct buffer x = {0};
    OWNED(buffer_free) struct buffer y = {0};
    lineage_encode(&a->lineage, &x);
    lineage_encode(&b->lineage, &y);
    return strcmp(a->home, b->home) == 0 && a->module == b->module && a->purpose == b->purpose &&
           a->whole == b->whole && a->read_ms == b->read_ms && a->comparison == b->comparison &&
           digest_equal(&a->digest, &b->digest) && term_equal(a->term, b->term) &&
           a->head == b->head && a->horizon == b->horizon &&
           bytes_equal(buffer_view(&x), buffer_view(&y));
}

static void an_offer_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct sender s = sender(), got;
    OWNED(free_memory) struct sync_offer *in = an_offer();
    OWNED(free_memory) struct sync_offer *out = xcalloc(1, sizeof *out);
    OWNED(free_memory) char *text = offer_encode(&s, in);
    assert_int_equal(offer_decode(bytes_of_text(text), &got, out, NULL), OK);
    assert_string_equal(got.machine, s.machine);
    assert_true(same_offer(in, out));
    /* The longest lineage fits, and a home in which nothing happened yet has none. */
    for (uint64_t i = 4; i < 2 * LINEAGE_MAX + 20; i++)
        lineage_open(&in->lineage, (struct term){.number = 2 * i, .tag = UINT64_MAX - i},
                     4000 + i * 1000000000);
    assert_true(in->lineage.trimmed);
    in->term = lineage_last(&in->lineage);
    OWNED(free_memory) char *longest = offer_encode(&s, in);
    assert_true(strlen(longest) < MESSAGE_BYTES_MAX);
    assert_int_equal(offer_decode(bytes_of_text(longest), &got, out, NULL), OK);
    assert_true(same_offer(in, out));
    in->lineage = (struct lineage){0};
    in->head = in->horizon = 0;
    OWNED(free_memory) char *empty = offer_encode(&s, in);
    assert_int_equal(offer_decode(bytes_of_text(empty), &got, out, NULL), OK);
    assert_true(same_offer(in, out));
}

static void a_position_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct sender s = sender(), got;
    for (int verdict = 0; verdict < COPY_VERDICTS; verdict++) {
        struct copy_answer in = {.verdict = (enum copy_verdict)verdict,
                                 .at = {.term = 4, .usn = 99},
                                 .taken = 120,
                                 .carried = verdict % 2,
                                 .term = {.number = 6, .tag = 7},
                                 .why = "The disk is full."};
        struct copy_answer out = {0};
        OWNED(free_memory) char *text = position_encode(&s, &in);
        assert_int_equal(position_decode(bytes_of_text(text), &got, &out, NULL), OK);
        assert_int_equal(out.verdict, in.verdict);
        assert_int_equal(out.taken, 120);
        assert_int_equal(out.carried, in.carried);
        assert_string_equal(out.why, in.why);
        assert_true(out.at.term == 4 && out.at.usn == 99 && term_equal(out.term, in.term));
    }
}

static void what_differs_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct sender s = sender(), got;
    struct compared in = {.position = {.verdict = COPY_COMPARE, .term = {.number = 6, .tag = 7}},
                          .size = COMPARE_ANSWER_MAX};
    struct compared out;
    for (size_t i = 0; i < sizeof in.differs; i++)
        in.differs[i] = (uint8_t)(i * 37);
    OWNED(free_memory) char *text = compared_encode(&s, &in);
    assert_int_equal(compared_decode(bytes_of_text(text), &got, &out, NULL), OK);
    assert_int_equal(out.position.verdict, COPY_COMPARE);
    assert_int_equal(out.size, in.size);
    assert_memory_equal(out.differs, in.differs, in.size);
    OWNED(free_memory) char *longer = xasprintf("%.*s00\"}", (int)strlen(text) - 2, text);
    assert_int_equal(compared_decode(bytes_of_text(longer), &got, &out, NULL), FAIL_INVALID);
    in.size = 0;
    OWNED(free_memory) char *none = compared_encode(&s, &in);
    assert_int_equal(compared_decode(bytes_of_text(none), &got, &out, NULL), OK);
    assert_int_equal(out.size, 0);
}

static void what_is_wanted_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct sender s = sender(), got;
    struct items_wanted in = {.home = HOME_CENTRAL, .module = MODULE_CMS_MASTER, .after = 7}, out;
    for (; in.count < ITEMS_WANTED_MAX; in.count++)
        in.usns[in.count] = 3 + in.count * in.count;
    OWNED(free_memory) char *text = wanted_encode(&s, &in);
    assert_int_equal(wanted_decode(bytes_of_text(text), &got, &out, NULL), OK);
    assert_true(out.module == in.module && out.count == in.count && out.after == in.after);
    assert_memory_equal(out.usns, in.usns, sizeof in.usns);
    static const char *const wrong[] = {
        "[3,3]", "[4,3]", "[0]", "[-1]", "[\"3\"]", "{}", "null", "[9223372036854775807]", "[3.5]"};
    const char *list = strstr(text, "[3,4");
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        OWNED(free_memory)
        char *bad = xasprintf("%.*s%s}", (int)(list - text), text, wrong[i]);
        assert_int_equal(wanted_decode(bytes_of_text(bad), &got, &out, NULL), FAIL_INVALID);
    }
}

struct replaced {
    const char *value, *instead;
};

/* The text with one of its values replaced. */
static char *replaced(const char *text, const struct replaced *what)
{
    const char *at = strstr(text, what->value);
    assert_non_null(at);
    return xasprintf("%.*s%s%s", (int)(at - text), text, what->instead, at + strlen(what->value));
}

static void an_offer_with_one_senseless_value_is_refused(void **state)
{
    (void)state;
    static const struct replaced wrong[] = {
        {"\"home\":\"central\"", "\"home\":\"../etc\""},
        {"\"home\":\"central\"", "\"home\":\"atl-cs-001.litwareinc.com\""}, /* not its module */
        {"\"module\":\"CentralMgmt.CMSMaster\"", "\"module\":\"Everything\""},
        {"\"module\":\"CentralMgmt.CMSMaster\"", "\"module\":2"},
        {"\"module\":\"CentralMgmt.CMSMaster\"", "\"module\":\"ConfServices.DataConf\""},
        {"\"number\":6", "\"number\":-6"},
        {"\"number\":6", "\"number\":0"},
        {"\"head\":4711", "\"head\":-1"},
        {"\"head\":4711", "\"head\":9223372036854775807"},
        {"\"head\":4711", "\"head\":\"4711\""},
        {"\"horizon\":12", "\"horizon\":-12"},
        {"\"number\":6", "\"number\":4"}, /* of a lineage that has gone on to 6 */
        {"\"purpose\":\"compare\"", "\"purpose\":\"comparing\""},
        {"\"purpose\":\"compare\"", "\"purpose\":\"ask\""}, /* which needs no number */
        {"\"comparison\":\"feedfacecafebeef\"", "\"comparison\":\"0000000000000000\""},
        {"\"digest\":\"ff", "\"digest\":\"f"},
        {"\"whole\":true", "\"whole\":1"},
        {"\"lineage\":\"", "\"lineage\":\"0"},
        {"\"lineage\":\"", "\"lineage\":\"zz"},
        {"\"lineage\":\"00", "\"lineage\":\"02"}, /* neither trimmed nor not */
        {"\"lineage\":\"0002", "\"lineage\":\"0003"},
        {"\"lineage\":\"0002", "\"lineage\":\"0001"},
        {"\"lineage\":\"0002", "\"lineage\":\"00ffffffff"},
    };
    struct sender s = sender(), got;
    OWNED(free_memory) struct sync_offer *in = an_offer();
    OWNED(free_memory) struct sync_offer *out = xcalloc(1, sizeof *out);
    OWNED(free_memory) char *text = offer_encode(&s, in);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        OWNED(free_memory) char *bad = replaced(text, &wrong[i]);
        struct error e = {0};
        if (offer_decode(bytes_of_text(bad), &got, out, &e) == OK)
            fail_msg("accepted: %s", wrong[i].instead);
        assert_true(e.what[0]);
    }
    for (size_t n = 0; n < strlen(text); n++)
        assert_int_not_equal(offer_decode(bytes_of(text, n), &got, out, NULL), OK);
}

static void a_position_with_one_senseless_value_is_refused(void **state)
{
    (void)state;
    static const struct replaced wrong[] = {
        {"\"verdict\":\"go-on\"", "\"verdict\":\"go\""},
        {"\"verdict\":\"go-on\"", "\"verdict\":0"},
        {"\"at\":99", "\"at\":-99"},
        {"\"at\":99", "\"at\":9223372036854775807"},
        {"\"taken\":0", "\"taken\":-1"},
        {"\"in\":4", "\"in\":4.5"},
        {"\"number\":6", "\"number\":0"},
        {"\"term\":{", "\"terms\":{"},
    };
    struct sender s = sender(), got;
    struct copy_answer in = {.at = {.term = 4, .usn = 99}, .term = {.number = 6, .tag = 7}}, out;
    OWNED(free_memory) char *text = position_encode(&s, &in);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        OWNED(free_memory) char *bad = replaced(text, &wrong[i]);
        if (position_decode(bytes_of_text(bad), &got, &out, NULL) == OK)
            fail_msg("accepted: %s", wrong[i].instead);
    }
}

static void a_batch_is_any_bytes_behind_who_sends_it(void **state)
{
    (void)state;
    static const char contents[] = "PXB1\n\0\n{\"a\":1}\xff\n";
    const struct bytes batches[] = {bytes_of(contents, sizeof contents), BYTES_NONE,
                                    bytes_of("\n", 1)};
    struct sender s = sender(), got;
    struct bytes out;
    for (size_t i = 0; i < COUNT_OF(batches); i++) {
        OWNED(buffer_free) struct buffer body = {0};
        packet_wrap(&s, batches[i], &body);
        assert_int_equal(packet_unwrap(buffer_view(&body), &got, &out, NULL), OK);
        assert_true(bytes_equal(out, batches[i]));
        assert_string_equal(got.machine, s.machine);
        assert_string_equal(got.pool, s.pool);
    }
}

static void a_batch_without_who_sends_it_is_refused(void **state)
{
    (void)state;
    struct sender s = sender(), got;
    struct bytes out;
    OWNED(buffer_free) struct buffer body = {0};
    packet_wrap(&s, BYTES_NONE, &body);
    /* Cut anywhere before the end of its first line. */
    for (size_t n = 0; n + 1 < body.size; n++)
        assert_int_not_equal(packet_unwrap(bytes_of(body.at, n), &got, &out, NULL), OK);
    assert_int_equal(packet_unwrap(bytes_of(body.at, body.size), &got, &out, NULL), OK);
    static const char *const wrong[] = {"\n", "{}\nPXB1", "[]\n", "PXB1\n", "null\n"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct error e = {0};
        assert_int_not_equal(packet_unwrap(bytes_of_text(wrong[i]), &got, &out, &e), OK);
        assert_true(e.what[0]);
    }
    s.protocol = LINK_PROTOCOL + 1;
    OWNED(buffer_free) struct buffer newer = {0};
    packet_wrap(&s, BYTES_NONE, &newer);
    struct error e;
    assert_int_equal(packet_unwrap(buffer_view(&newer), &got, &out, &e), FAIL_NEWER);
}

/* The largest batch that can be packed, as badly as it can be compressed, with the longest name. */
static void the_largest_batch_is_not_too_large_to_be_sent(void **state)
{
    (void)state;
    enum { LARGEST = BATCH_BYTES_MAX + ITEM_VALUE_MAX + ITEM_KEY_MAX + 64 };
    struct sender s = sender();
    memset(s.machine, 'a', sizeof s.machine - 1);
    memset(s.pool, 'a', sizeof s.pool - 1);
    OWNED(buffer_free) struct buffer body = {0};
    packet_wrap(&s, BYTES_NONE, &body);
    /* zstd adds less than 1 in 256 to what it can't compress, and a head of its own. */
    assert_true(body.size + LARGEST + LARGEST / 256 + 1024 <= MESSAGE_BATCH_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heartbeat_comes_out_as_it_went_in),
        cmocka_unit_test(a_standing_comes_out_as_it_went_in_and_what_is_newer_may_be_left_out),
        cmocka_unit_test(a_heartbeat_about_as_many_homes_as_there_can_be_is_not_too_long),
        cmocka_unit_test(questions_and_answers_come_out_as_they_went_in),
        cmocka_unit_test(a_command_comes_out_as_it_went_in),
        cmocka_unit_test(the_longest_command_is_not_too_long_to_be_passed_on),
        cmocka_unit_test(a_command_without_a_payload_is_refused),
        cmocka_unit_test(another_protocol_says_which_versions_meet),
        cmocka_unit_test(a_message_with_one_senseless_value_is_refused),
        cmocka_unit_test(an_operation_that_is_not_understood_is_none),
        cmocka_unit_test(whatever_is_cut_or_changed_in_a_message_does_no_harm),
        cmocka_unit_test(an_offer_comes_out_as_it_went_in),
        cmocka_unit_test(a_position_comes_out_as_it_went_in),
        cmocka_unit_test(what_differs_comes_out_as_it_went_in),
        cmocka_unit_test(what_is_wanted_comes_out_as_it_went_in),
        cmocka_unit_test(an_offer_with_one_senseless_value_is_refused),
        cmocka_unit_test(a_position_with_one_senseless_value_is_refused),
        cmocka_unit_test(a_batch_is_any_bytes_behind_who_sends_it),
        cmocka_unit_test(a_batch_without_who_sends_it_is_refused),
        cmocka_unit_test(the_largest_batch_is_not_too_large_to_be_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
