/* Whatever arrives as a message between machines is refused or understood; what was understood can
 * be said again and means the same; and whatever a partner says about a hand-over, in whatever
 * order, brings neither a holder nor a copy to an impossible state: core/home.c and
 * core/operation.c stop the process there. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/operation.h"
#include "help_along.h"
#include "link/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const pools[SIDES] = {"atl.example.com", "redmond.example.com"};
enum { HEAD = 70, MESSAGES_MAX = 16, BEGINS_MS = 1000 };

/* One home at the pool that holds it, and at the other one, which is about to take it. */
struct place {
    struct home *home;
    struct home_question asked;
};

struct scene {
    struct place places[SIDES];
    struct operation *taking;
    uint64_t now_ms;
    bool store_fails;
};

static struct home *home_at(enum side side, const struct hold *hold)
{
    const struct home_options options = {.name = "atl.example.com",
                                         .pools = {pools[0], pools[1]},
                                         .side = side,
                                         .failure_detection_ms = 30000};
    return home_new(&options, hold, BEGINS_MS, 7);
}

/* --- a home --- */

static void step(struct scene *s, struct place *p, struct home_event event)
{
    struct home_actions actions;
    struct error e = {0};
    event.now_ms = s->now_ms;
    event.dice = s->now_ms | 1;
    enum failure bad = home_step(p->home, &event, &actions, &e);
    assert(!bad || (e.kind == bad && e.what[0]));
    bool persists = false;
    for (size_t i = 0; i < actions.count; i++) {
        assert(!bad || actions.list[i].kind == ACTION_ANSWER);
        persists = persists || actions.list[i].kind == ACTION_PERSIST;
        if (actions.list[i].kind == ACTION_ASK)
            p->asked = actions.list[i].question;
    }
    assert(persists == (persists && home_deciding(p->home)));
    if (!persists)
        return;
    bool fails = s->store_fails;
    s->store_fails = false;
    step(s, p, (struct home_event){.kind = fails ? HOME_NOT_STORED : HOME_STORED, .began = HEAD});
}

static void both(struct scene *s, const struct home_event *event)
{
    for (int side = 0; side < SIDES; side++)
        step(s, &s->places[side], *event);
}

/* What was asked is answered, be it never so strangely. */
static void answered(struct scene *s, const struct home_answer *answer)
{
    for (int side = 0; side < SIDES; side++) {
        struct home_event event = {.kind = HOME_ANSWERED, .answered = *answer};
        event.answered.nonce = s->places[side].asked.nonce;
        step(s, &s->places[side], event);
    }
}

static void heard(struct scene *s, const struct heartbeat *h)
{
    for (size_t i = 0; i < h->count; i++) {
        const struct heartbeat_home *home = &h->homes[i];
        bool serves = home->own && mode_rights(home->mode)->holder;
        const struct home_event event = {
            .kind = HOME_HEARD,
            .heard = {
                .pool = h->sender.pool, .term = home->term, .seen = home->seen, .serves = serves}};
        both(s, &event);
    }
}

/* The one serves it, since it was created; the other one follows. */
static void begin(struct scene *s)
{
    struct place *holder = &s->places[SIDE_HOME], *copy = &s->places[SIDE_BACKUP];
    holder->home = home_at(SIDE_HOME, NULL);
    step(s, holder, (struct home_event){.kind = HOME_CREATE});
    struct hold hold = *home_hold(holder->home);
    hold.mode = MODE_STANDBY;
    copy->home = home_at(SIDE_BACKUP, &hold);
}

/* --- an operation --- */

static void go_on(struct scene *s, struct operation_event event)
{
    struct place *here = &s->places[SIDE_BACKUP];
    struct operation_actions actions;
    struct error e;
    event.now_ms = s->now_ms;
    event.next = home_next_term(here->home, s->now_ms | 1);
    event.own.usn = HEAD;
    event.whole = true;
    event.serves = home_mode(here->home) == MODE_SERVING;
    event.silent = home_mode(here->home) == MODE_RESILIENCY;
    operation_step(s->taking, &event, &actions, &e);
    for (size_t i = 0; i < actions.count; i++) {
        if (actions.list[i].kind != OPERATION_OPEN)
            continue;
        step(s, here,
             (struct home_event){.kind = HOME_TAKE,
                                 .take = {actions.list[i].to, actions.list[i].alone}});
        go_on(s, (struct operation_event){.kind = OPERATION_TICK});
    }
}

/* --- messages --- */

static void assert_same(char *a, char *b)
{
    assert(strcmp(a, b) == 0);
    free(a);
    free(b);
}

/* Of each kind: is it understood, and what comes of it. */
static enum failure try_heartbeat(struct scene *s, struct bytes text, struct error *e)
{
    static struct heartbeat h, again;
    enum failure bad = heartbeat_decode(text, &h, e);
    if (bad)
        return bad;
    OWNED(free_memory) char *said = heartbeat_encode(&h);
    bad = heartbeat_decode(bytes_of_text(said), &again, NULL);
    assert(!bad);
    assert_same(heartbeat_encode(&h), heartbeat_encode(&again));
    heard(s, &h);
    return OK;
}

/* DECODE fills the variables that ENCODE writes: twice, and the texts are the same. */
#define SAID_AGAIN(DECODE, ENCODE)                                                                 \
    do {                                                                                           \
        enum failure refused = (DECODE);                                                           \
        if (refused)                                                                               \
            return refused;                                                                        \
        char *said_once = (ENCODE);                                                                \
        text = bytes_of_text(said_once);                                                           \
        refused = (DECODE);                                                                        \
        assert(!refused);                                                                          \
        assert_same(said_once, (ENCODE));                                                          \
    } while (0)

static enum failure try_question(struct scene *s, struct bytes text, struct error *e)
{
    struct sender sender;
    char home[HOME_NAME_SIZE];
    struct home_question q;
    SAID_AGAIN(question_decode(text, &sender, home, &q, e), question_encode(&sender, home, &q));
    const struct home_event event = {.kind = HOME_ASKED,
                                     .asked = {.question = q, .own_head = HEAD, .own_upto = HEAD}};
    both(s, &event);
    return OK;
}

static enum failure try_answer(struct scene *s, struct bytes text, struct error *e)
{
    struct sender sender;
    struct home_answer answer;
    SAID_AGAIN(answer_decode(text, &sender, &answer, e), answer_encode(&sender, &answer));
    answered(s, &answer);
    return OK;
}

static enum failure try_demand(struct scene *s, struct bytes text, struct error *e)
{
    struct sender sender;
    char home[HOME_NAME_SIZE];
    struct home_demanded demanded;
    SAID_AGAIN(demand_decode(text, &sender, home, &demanded, e),
               demand_encode(&sender, home, &demanded));
    const struct home_event event = {.kind = HOME_DEMANDED, .head = HEAD, .demanded = demanded};
    both(s, &event);
    return OK;
}

static enum failure try_standing(struct scene *s, struct bytes text, struct error *e)
{
    struct sender sender;
    struct home_standing standing;
    SAID_AGAIN(standing_decode(text, &sender, &standing, e), standing_encode(&sender, &standing));
    go_on(s, (struct operation_event){.kind = OPERATION_SAID, .holder = standing});
    return OK;
}

static enum failure try_offer(struct scene *s, struct bytes text, struct error *e)
{
    static struct sync_offer offer;
    struct sender sender;
    (void)s;
    SAID_AGAIN(offer_decode(text, &sender, &offer, e), offer_encode(&sender, &offer));
    return OK;
}

static enum failure try_position(struct scene *s, struct bytes text, struct error *e)
{
    struct sender sender;
    struct copy_answer position;
    (void)s;
    SAID_AGAIN(position_decode(text, &sender, &position, e), position_encode(&sender, &position));
    return OK;
}

static enum failure try_compared(struct scene *s, struct bytes text, struct error *e)
{
    struct sender sender;
    struct compared compared;
    (void)s;
    SAID_AGAIN(compared_decode(text, &sender, &compared, e), compared_encode(&sender, &compared));
    return OK;
}

static enum failure try_wanted(struct scene *s, struct bytes text, struct error *e)
{
    struct sender sender;
    struct items_wanted wanted;
    (void)s;
    SAID_AGAIN(wanted_decode(text, &sender, &wanted, e), wanted_encode(&sender, &wanted));
    return OK;
}

static enum failure try_records(struct scene *s, struct bytes text, struct error *e)
{
    struct sender sender;
    char home[HOME_NAME_SIZE];
    struct bytes packet, records;
    (void)s;
    enum failure bad = packet_unwrap(text, &sender, &packet, e);
    if (!bad)
        bad = records_unwrap(packet, home, &records, e);
    assert(bad || records.size < packet.size);
    return bad;
}

static const struct {
    char letter;
    enum failure (*tried)(struct scene *s, struct bytes text, struct error *e);
} kinds[] = {
    {'h', try_heartbeat}, {'q', try_question}, {'a', try_answer},   {'d', try_demand},
    {'s', try_standing},  {'o', try_offer},    {'p', try_position}, {'c', try_compared},
    {'w', try_wanted},    {'r', try_records},
};

/* Most of a message is who sends it: what does not begin like one is sent by Redmond. */
static void send(struct bytes given, struct buffer *text)
{
    static const char redmond[] =
        "{\"protocol\":1,\"version\":\"1\",\"machine\":\"redmond.example.com\","
        "\"pool\":\"redmond.example.com\",";
    if (given.size && given.at[0] != '{')
        buffer_raw(text, redmond, sizeof redmond - 1);
    buffer_raw(text, given.at, given.size);
}

static void happens(struct scene *s, struct bytes given)
{
    OWNED(buffer_free) struct buffer text = {0};
    struct error e = {0};
    char letter = given.size ? (char)given.at[0] : 't';
    s->now_ms += 200;
    s->store_fails = letter == 'n'; /* what is decided next is not kept */
    if (letter == 't') {            /* time goes by; the size says how much */
        s->now_ms += given.size * 1000;
        both(s, &(struct home_event){.kind = HOME_TICK});
        go_on(s, (struct operation_event){.kind = OPERATION_TICK});
    }
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (kinds[i].letter != letter)
            continue;
        send(bytes_of(given.at + 1, given.size - 1), &text);
        if (kinds[i].tried(s, buffer_view(&text), &e))
            may_refuse(&e);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scene s = {.now_ms = BEGINS_MS};
    const struct operation_options options = {
        .disaster = size % 2, .patience_ms = 5000, .store_ms = 8000};
    begin(&s);
    s.taking = operation_new(&options,
                             &(struct operation_words){.home = "atl-cs-001.litwareinc.com",
                                                       .holder = "atl-cs-001.litwareinc.com",
                                                       .taker = "redmond-cs-001.litwareinc.com",
                                                       .again = "the same",
                                                       .alone = "to take it alone"},
                             s.now_ms);
    for (int n = 0; n < MESSAGES_MAX && size; n++) { /* one on each line that ends with a 0 */
        const uint8_t *end = memchr(data, '\0', size);
        size_t length = end ? (size_t)(end - data) : size;
        happens(&s, bytes_of(data, length));
        data += length + (end ? 1 : 0);
        size -= length + (end ? 1 : 0);
    }
    operation_free(s.taking);
    for (int side = 0; side < SIDES; side++)
        home_free(s.places[side].home);
    return 0;
}
