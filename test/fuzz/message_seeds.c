/* Writes what the fuzzer of messages begins with: a hand-over as both pools hear it, one that is
 * called off, a pool that comes back, and what copies say. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "link/message.h"

static const struct sender atl = {.machine = "atl.example.com",
                                  .pool = "atl.example.com",
                                  .protocol = LINK_PROTOCOL,
                                  .version = "1"};
static const struct sender redmond = {.machine = "redmond.example.com",
                                      .pool = "redmond.example.com",
                                      .protocol = LINK_PROTOCOL,
                                      .version = "1"};
static const char home[] = "atl.example.com";
/* As in fuzz_message.c: the first term, by the dice of its moment, and the next one. */
static const struct term held = {2, 1001}, taken = {3, 55};

/* Takes the text over. */
static void add(struct buffer *story, char letter, char *text)
{
    buffer_u8(story, (uint8_t)letter);
    buffer_raw(story, text, strlen(text) + 1);
    free(text);
}

static void write_story(const char *folder, const char *name, struct buffer *story)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "wb");
    assert(out);
    size_t n = fwrite(story->at, 1, story->size, out);
    assert(n == story->size);
    fclose(out);
    buffer_clear(story);
}

static void demand(struct buffer *story, enum home_demand what)
{
    const struct home_demanded demanded = {.demand = what,
                                           .to = what == DEMAND_LOOK ? TERM_NONE : taken,
                                           .whole = true,
                                           .point.usn = 70};
    add(story, 'd', demand_encode(&redmond, home, &demanded));
}

static void stand(struct buffer *story, enum mode mode)
{
    const struct home_standing standing = {.mode = mode,
                                           .term = held,
                                           .to = mode == MODE_SERVING ? TERM_NONE : taken,
                                           .seen = 3,
                                           .durable = true,
                                           .point.usn = 70};
    add(story, 's', standing_encode(&atl, &standing));
}

static void beat(struct buffer *story, const struct sender *sender, struct term term,
                 enum mode mode)
{
    OWNED(free_memory) struct heartbeat *h = xcalloc(1, sizeof *h);
    *h = (struct heartbeat){.sender = *sender, .started = 1, .topology = 7, .count = 1};
    strcpy(h->engine, "SQLite");
    h->homes[0] =
        (struct heartbeat_home){.term = term, .seen = term.number, .own = true, .mode = mode};
    strcpy(h->homes[0].home, home);
    add(story, 'h', heartbeat_encode(h));
}

static void ask(struct buffer *story, const struct sender *sender, struct term term, struct term to)
{
    struct home_question question = {.nonce = 9, .term = term, .seen = 3, .head = 70, .to = to};
    lineage_open(&question.lineage, held, 70);
    if (term.number > held.number)
        lineage_open(&question.lineage, term, 70);
    add(story, 'q', question_encode(sender, home, &question));
}

static void answer(struct buffer *story, enum home_verdict verdict, uint64_t number)
{
    const struct home_answer said = {
        .nonce = 9, .verdict = verdict, .number = number, .term = taken};
    add(story, 'a', answer_encode(&redmond, &said));
}

static void write_hand_overs(const char *folder, struct buffer *story)
{
    stand(story, MODE_SERVING);
    demand(story, DEMAND_LOOK);
    demand(story, DEMAND_CLOSE);
    demand(story, DEMAND_DRAIN);
    stand(story, MODE_DRAINING);
    demand(story, DEMAND_RELEASE);
    stand(story, MODE_RELEASED);
    ask(story, &atl, held, taken);
    beat(story, &redmond, taken, MODE_SERVING);
    stand(story, MODE_STANDBY);
    write_story(folder, "hand-over", story);
    stand(story, MODE_SERVING);
    demand(story, DEMAND_DRAIN);
    demand(story, DEMAND_CANCEL);
    beat(story, &atl, held, MODE_SERVING);
    write_story(folder, "called-off", story);
    ask(story, &atl, held, TERM_NONE);
    answer(story, VERDICT_SUPERSEDED, 0);
    beat(story, &redmond, taken, MODE_SERVING);
    ask(story, &redmond, taken, TERM_NONE);
    answer(story, VERDICT_GRANTED, 4);
    write_story(folder, "coming-back", story);
}

static void write_copies(const char *folder, struct buffer *story)
{
    OWNED(free_memory) struct sync_offer *offer = xcalloc(1, sizeof *offer);
    strcpy(offer->home, home);
    offer->term = held;
    offer->head = 70;
    lineage_open(&offer->lineage, held, 70);
    add(story, 'o', offer_encode(&atl, offer));
    const struct compared compared = {.position = {.at = {2, 70}, .taken = 70, .term = held},
                                      .size = 1};
    add(story, 'p', position_encode(&redmond, &compared.position));
    add(story, 'c', compared_encode(&redmond, &compared));
    struct items_wanted wanted = {.count = 1, .usns = {8}};
    strcpy(wanted.home, home);
    add(story, 'w', wanted_encode(&atl, &wanted));
    write_story(folder, "copies", story);
    OWNED(buffer_free) struct buffer records = {0};
    records_wrap(home, bytes_of_text("records"), &records);
    buffer_u8(story, 'r');
    packet_wrap(&redmond, buffer_view(&records), story);
    write_story(folder, "records", story);
}

int main(int argc, char **argv)
{
    OWNED(buffer_free) struct buffer story = {0};
    if (argc != 2)
        return 2;
    mkdir(argv[1], 0755);
    write_hand_overs(argv[1], &story);
    write_copies(argv[1], &story);
    return 0;
}
