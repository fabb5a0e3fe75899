/* Writes what the fuzzers begin with: a few good batches, hold records, parts of comparisons and
 * parts of tails, in a folder for each. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/batch.h"
#include "core/compare.h"
#include "core/hold.h"
#include "core/tail_packet.h"

static void write_seed(const char *folder, const char *name, struct bytes content)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "wb");
    assert(out);
    size_t n = content.size ? fwrite(content.at, 1, content.size, out) : 0;
    assert(n == content.size);
    fclose(out);
}

/* Behind the magic and the checksum, with the byte that tells the fuzzer to seal it. */
static void write_sealed(const char *folder, const char *name, struct bytes packet)
{
    OWNED(buffer_free) struct buffer b = {0};
    buffer_u8(&b, 1);
    buffer_raw(&b, packet.at + 20, packet.size - 20);
    write_seed(folder, name, buffer_view(&b));
    buffer_clear(&b);
    buffer_u8(&b, 0);
    buffer_raw(&b, packet.at, packet.size);
    char raw[64];
    snprintf(raw, sizeof raw, "%s-raw", name);
    write_seed(folder, raw, buffer_view(&b));
}

/* Head and items, for the fuzzer to compress. */
static void write_loose(const char *folder)
{
    OWNED(buffer_free) struct buffer head = {0}, out = {0};
    buffer_text(&head, "atl.example.com");
    buffer_u8(&head, MODULE_PRESENCE_FOCUS);
    buffer_varint(&head, 4);
    buffer_u64(&head, 99);
    /* after, upto, head, horizon, others, read, more, count */
    const uint64_t numbers[] = {10, 30, 40, 3, 20, 7, 0, 2};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        buffer_varint(&head, numbers[i]);
    buffer_u8(&out, 2);
    buffer_u8(&out, (uint8_t)head.size);
    buffer_raw(&out, head.at, head.size);
    for (int i = 0; i < 2; i++) {
        buffer_varint(&out, 3);
        buffer_varint(&out, 2);
        buffer_u8(&out, 0);
        buffer_text(&out, i ? "b" : "a");
        buffer_text(&out, "value");
    }
    write_seed(folder, "loose", buffer_view(&out));
}

static void write_batches(const char *folder)
{
    OWNED(batch_writer_free) struct batch_writer *w = batch_writer_new();
    struct batch_head head = {.home = "atl.example.com",
                              .term = {.number = 4, .tag = 99},
                              .after = 10,
                              .head = 40,
                              .horizon = 3,
                              .read_ms = 1700000000000};
    batch_begin(w, &head);
    write_sealed(folder, "empty", batch_finish(w, 40, true));
    batch_begin(w, &head);
    batch_others_upto(w, 25);
    for (uint64_t usn = 11; usn < 20; usn++) {
        struct item item = {.deleted = usn % 4 == 0,
                            .version = {2, usn},
                            .key = bytes_of("key\0\xff\1234", usn % 5 + 1)};
        item.value = item.deleted ? BYTES_NONE : bytes_of_text("some value, some value");
        batch_add(w, &item);
    }
    write_sealed(folder, "nine", batch_finish(w, 30, false));
    write_loose(folder);
}

/* A comparison to whose end everything differs. */
static void write_parts(const char *folder)
{
    const struct compare_head head = {.home = "atl.example.com", .term = {4, 99}, .id = 7};
    OWNED(comparison_free) struct comparison *c = comparison_new(&head);
    comparison_begun(c);
    for (int n = 0; n < 3; n++) {
        struct bytes after;
        char name[16];
        const uint8_t all[COMPARE_ANSWER_MAX] = {1};
        comparison_start_part(c, 1000);
        while (comparison_wants(c, &after)) {
            for (char letter = 'a'; letter <= 'k'; letter += 2) {
                struct item item = {.version = {2, (uint64_t)letter - 90},
                                    .key = bytes_of(&letter, 1),
                                    .value = bytes_of_text("some value, some value")};
                comparison_add(c, &item, item_hash(&item));
            }
            comparison_was_read(c);
        }
        snprintf(name, sizeof name, "part-%d", n);
        write_sealed(folder, name, comparison_finish_part(c));
        comparison_answered(c, bytes_of(all, 1));
    }
}

/* What the tail is, and a batch of it that is helped along by itself. */
static void write_inside(const char *folder, const struct tail *tail, struct bytes batch)
{
    OWNED(buffer_free) struct buffer about = {0}, out = {0};
    buffer_u64(&about, tail->id);
    const uint64_t numbers[] = {tail->base.term, tail->base.usn, tail->head, tail->items};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        buffer_varint(&about, numbers[i]);
    buffer_u8(&about, tail->part);
    lineage_encode(&tail->lineage, &about);
    assert(about.size <= UINT8_MAX);
    buffer_u8(&out, (uint8_t)about.size);
    buffer_raw(&out, about.at, about.size);
    buffer_u8(&out, 1);
    buffer_raw(&out, batch.at + 20, batch.size - 20);
    write_seed(folder, "inside", buffer_view(&out));
}

/* What the next term made, and then this. */
static void write_two_terms(const char *folder, const struct tail *tail, struct bytes before)
{
    OWNED(batch_writer_free) struct batch_writer *w = batch_writer_new();
    OWNED(packer_free) struct packer *packer = packer_new();
    OWNED(buffer_free) struct buffer whole = {0};
    const struct batch_head head = {
        .home = "atl.example.com", .term = {4, 44}, .after = 20, .head = 30};
    const struct item item = {
        .version = {4, 21}, .key = bytes_of_text("c"), .value = bytes_of_text("mine, too")};
    batch_begin(w, &head);
    batch_add(w, &item);
    const struct bytes batches[] = {batch_finish(w, 30, false), before};
    struct bytes packet = tail_packet_seal(packer, tail, batches, COUNT_OF(batches));
    buffer_u8(&whole, 0);
    buffer_u8(&whole, 0);
    buffer_raw(&whole, packet.at, packet.size);
    write_seed(folder, "two-terms", buffer_view(&whole));
}

static void write_tails(const char *folder)
{
    struct tail tail = {.id = 77, .base = {2, 5}, .head = 30, .items = 2};
    lineage_open(&tail.lineage, (struct term){2, 22}, 8);
    lineage_open(&tail.lineage, (struct term){4, 44}, 20);
    OWNED(batch_writer_free) struct batch_writer *w = batch_writer_new();
    OWNED(packer_free) struct packer *packer = packer_new();
    OWNED(buffer_free) struct buffer whole = {0};
    const struct batch_head head = {
        .home = "atl.example.com", .term = {2, 22}, .after = 8, .head = 30};
    batch_begin(w, &head);
    for (uint64_t usn = 9; usn < 11; usn++) {
        const struct item item = {.version = {2, usn},
                                  .deleted = usn == 10,
                                  .key = bytes_of("ab" + usn % 2, 1),
                                  .value = usn == 10 ? BYTES_NONE : bytes_of_text("mine")};
        batch_add(w, &item);
    }
    struct bytes batch = batch_finish(w, 20, false);
    write_inside(folder, &tail, batch);
    buffer_u8(&whole, 0); /* nothing inside is helped along, … */
    buffer_u8(&whole, 0); /* … nor outside */
    struct bytes packet = tail_packet_seal(packer, &tail, &batch, 1);
    buffer_raw(&whole, packet.at, packet.size);
    write_seed(folder, "whole", buffer_view(&whole));
    write_two_terms(folder, &tail, batch);
}

static void write_holds(const char *folder)
{
    struct hold hold = {.home = "atl.example.com",
                        .pools = {"atl.example.com", "por.example.com"},
                        .mode = MODE_REJOINING,
                        .revision = 1};
    OWNED(buffer_free) struct buffer b = {0};
    hold_encode(&hold, &b);
    write_seed(folder, "fresh", buffer_view(&b));
    for (uint64_t n = 2; n < 12; n += 3) {
        hold.term = (struct term){n, n * 77};
        lineage_open(&hold.lineage, hold.term, n * 100);
    }
    hold.mode = MODE_SERVING;
    hold.seen = 12;
    hold.alone = true;
    buffer_clear(&b);
    hold_encode(&hold, &b);
    write_seed(folder, "serving", buffer_view(&b));
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    mkdir(argv[1], 0755);
    mkdir(argv[2], 0755);
    mkdir(argv[3], 0755);
    mkdir(argv[4], 0755);
    write_batches(argv[1]);
    write_holds(argv[2]);
    write_parts(argv[3]);
    write_tails(argv[4]);
    return 0;
}
