/* Whatever arrives as a part of a comparison is refused or understood; and what is understood asks
 * for nothing outside of its runs, whatever the copy has. */
#include <assert.h>
#include <string.h>

#include "core/compare.h"
#include "core/packet.h"
#include "help_along.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct key_range range;
    struct bytes last;
};

static void assert_inside(const struct run *run, struct bytes key)
{
    assert(bytes_compare(run->range.after, key) < 0 && key_range_reaches(&run->range, key));
}

static void place(const struct item *item, void *context)
{
    struct run *run = context;
    enum failure bad = item_check(item, NULL);
    assert(!bad && !item->deleted && item->version.usn && item->version.term);
    assert_inside(run, item->key);
    assert(bytes_compare(run->last, item->key) < 0); /* each once, in their order */
    run->last = item->key;
}

static void drop(struct bytes key, void *context)
{
    assert_inside(context, key);
}

/* The copy has one item for each letter, and one more for each that begins like the last key. */
static void take_run(struct compare_part *part, struct run *run)
{
    const struct compare_sink sink = {place, drop, run};
    bool more = true;
    for (char letter = 'a'; more && letter <= 'z'; letter++) {
        struct item own = {.module = compare_part_head(part)->module,
                           .version = {2, (uint64_t)letter},
                           .key = bytes_of(&letter, 1),
                           .value = bytes_of_text("value")};
        if (bytes_compare(run->range.after, own.key) < 0)
            more = compare_own(part, &own, item_hash(&own), &sink);
    }
    compare_run_end(part, &sink);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWNED(buffer_free) struct buffer encoded = {0};
    OWNED(compare_part_close) struct compare_part *part = NULL;
    struct error e = {0};
    help_along(COMPARE_MAGIC, bytes_of(data, size), &encoded);
    if (compare_part_open(buffer_view(&encoded), &part, &e)) {
        assert(!part);
        may_refuse(&e);
        return 0;
    }
    size_t runs = 0;
    struct run run = {0};
    while (compare_next(part, &run.range)) {
        run.last = run.range.after;
        take_run(part, &run);
        runs++;
    }
    assert(runs <= COMPARE_RUNS_MAX && compare_differs(part).size == (runs + 7) / 8);
    return 0;
}
