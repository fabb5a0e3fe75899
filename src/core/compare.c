/* A part is a packet (core/packet.h). In its body the runs, one after the other:
 *
 *     u8 what   bytes after   u8 open   bytes upto
 *     a sum:    u64 low   u64 high   varint items   varint bytes
 *     items:    varint count, and for each: varint term   varint usn   bytes key   bytes value
 */
#include "core/compare.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/packet.h"

enum {
    RAW_MAX = COMPARE_BYTES_MAX + COMPARE_RUNS_MAX * (2 * ITEM_KEY_MAX + 128) + ITEM_VALUE_MAX +
              ITEM_KEY_MAX + 64,
};

static const char what[] = "A part of a comparison";

/* How fine the runs are: what differs in one is told in runs of the next. */
enum grain { GRAIN_COARSE, GRAIN_FINE, GRAIN_ITEMS };
static const struct {
    size_t items; /* of one run */
    enum grain next;
} grains[] = {
    [GRAIN_COARSE] = {1024, GRAIN_FINE},
    [GRAIN_FINE] = {32, GRAIN_ITEMS},
    [GRAIN_ITEMS] = {32, GRAIN_ITEMS},
};
enum run_kind { RUN_SUM, RUN_ITEMS };

bool key_range_reaches(const struct key_range *range, struct bytes key)
{
    return range->open || bytes_compare(key, range->upto) <= 0;
}

/* --- the exporter's side --- */

/* A range that is still to be looked at, with keys of its own. */
struct task {
    struct task *next;
    struct buffer after, upto;
    bool open;
    enum grain grain;
    unsigned repeats;
};

struct comparison {
    struct compare_head head;
    enum comparison_step step;
    struct task *tasks; /* the finest first: so there are never many */
    uint64_t items;
    struct packer *packer;
    struct {
        struct buffer raw;
        size_t count;
        struct task *runs[COMPARE_RUNS_MAX]; /* what each run speaks of */
        bool full;
        uint64_t read; /* bytes that it speaks of */
    } part;
    struct {
        bool open;
        size_t count;
        struct digest digest;
        struct buffer items;
    } run;
    struct buffer at; /* the last key that a run of this part speaks of */
};

static struct task *task_new(struct bytes after, struct bytes upto, bool open, enum grain grain)
{
    struct task *task = xcalloc(1, sizeof *task);
    buffer_raw(&task->after, after.at, after.size);
    buffer_raw(&task->upto, upto.at, upto.size);
    task->open = open;
    task->grain = grain;
    return task;
}

static void task_free(struct task *task)
{
    if (!task)
        return;
    buffer_free(&task->after);
    buffer_free(&task->upto);
    free(task);
}

struct comparison *comparison_new(const struct compare_head *head)
{
    assert(head->id != 0 && module_belongs(head->module, head->home));
    struct comparison *c = xcalloc(1, sizeof *c);
    c->head = *head;
    c->packer = packer_new();
    c->tasks = task_new(BYTES_NONE, BYTES_NONE, true, GRAIN_COARSE);
    return c;
}

static void forget_runs(struct comparison *c)
{
    for (size_t i = 0; i < c->part.count; i++)
        task_free(TAKE(c->part.runs[i]));
    c->part.count = 0;
}

void comparison_free(struct comparison *c)
{
    if (!c)
        return;
    while (c->tasks) {
        struct task *task = c->tasks;
        c->tasks = task->next;
        task_free(task);
    }
    forget_runs(c);
    buffer_free(&c->part.raw);
    buffer_free(&c->run.items);
    buffer_free(&c->at);
    packer_free(c->packer);
    free(c);
}

enum comparison_step comparison_step(const struct comparison *c)
{
    return c->step;
}

uint64_t comparison_items(const struct comparison *c)
{
    return c->items;
}

void comparison_begun(struct comparison *c)
{
    assert(c->step == COMPARISON_BEGIN);
    c->step = COMPARISON_PART;
}

void comparison_start_part(struct comparison *c, uint64_t upto)
{
    c->head.upto = upto;
    assert(c->step == COMPARISON_PART);
    forget_runs(c);
    buffer_clear(&c->part.raw);
    c->part.full = false;
    c->part.read = 0;
}

static void set(struct buffer *b, struct bytes v)
{
    buffer_clear(b);
    buffer_raw(b, v.at, v.size);
}

bool comparison_wants(struct comparison *c, struct bytes *after)
{
    if (!c->tasks || c->part.full)
        return false;
    set(&c->at, buffer_view(&c->tasks->after));
    *after = buffer_view(&c->at);
    return true;
}

static void open_run(struct comparison *c)
{
    if (c->run.open)
        return;
    c->run.open = true;
    c->run.count = 0;
    c->run.digest = (struct digest){0};
    buffer_clear(&c->run.items);
}

static void write_run(struct comparison *c, const struct task *run)
{
    struct buffer *raw = &c->part.raw;
    bool items = run->grain == GRAIN_ITEMS;
    buffer_u8(raw, items ? RUN_ITEMS : RUN_SUM);
    buffer_bytes(raw, buffer_view(&run->after));
    buffer_u8(raw, run->open);
    buffer_bytes(raw, buffer_view(&run->upto));
    if (items) {
        buffer_varint(raw, c->run.count);
        buffer_raw(raw, c->run.items.at, c->run.items.size);
    } else {
        digest_encode(&c->run.digest, raw);
    }
}

/* The run speaks of what lies between the one before and `upto`, whatever is in it. */
static void close_run(struct comparison *c, struct bytes upto, bool open)
{
    open_run(c);
    struct task *run = task_new(buffer_view(&c->at), upto, open, c->tasks->grain);
    run->repeats = c->tasks->repeats;
    write_run(c, run);
    c->part.runs[c->part.count++] = run;
    c->part.full = c->part.count == COMPARE_RUNS_MAX || c->part.raw.size >= COMPARE_BYTES_MAX ||
                   c->part.read >= COMPARE_READ_MAX;
    c->run.open = false;
    if (!open)
        set(&c->at, upto);
}

bool comparison_add(struct comparison *c, const struct item *item, struct item_hash hash)
{
    const struct task *task = c->tasks;
    const struct key_range range = {.upto = buffer_view(&task->upto), .open = task->open};
    if (c->part.full || !key_range_reaches(&range, item->key))
        return false;
    assert(!item->deleted && item->module == c->head.module && item->version.usn <= c->head.upto);
    open_run(c);
    digest_add(&c->run.digest, item, hash);
    if (task->grain == GRAIN_ITEMS) {
        buffer_varint(&c->run.items, item->version.term);
        buffer_varint(&c->run.items, item->version.usn);
        buffer_bytes(&c->run.items, item->key);
        buffer_bytes(&c->run.items, item->value);
    }
    c->run.count++;
    c->part.read += item->key.size + item->value.size;
    c->items += task->grain == GRAIN_COARSE;
    if (c->run.count == grains[task->grain].items ||
        c->part.raw.size + c->run.items.size >= COMPARE_BYTES_MAX ||
        c->part.read >= COMPARE_READ_MAX)
        close_run(c, item->key, false);
    return true;
}

/* Where the part was full before the range was at its end, the rest of it is for the next one. */
void comparison_was_read(struct comparison *c)
{
    struct task *task = c->tasks;
    bool told = !task->open && bytes_equal(buffer_view(&c->at), buffer_view(&task->upto));
    if (!told && c->part.full) {
        set(&task->after, buffer_view(&c->at));
        task->repeats = 0;
        return;
    }
    if (!told)
        close_run(c, buffer_view(&task->upto), task->open);
    c->tasks = task->next;
    task_free(task);
}

struct bytes comparison_finish_part(struct comparison *c)
{
    OWNED(buffer_free) struct buffer head = {0};
    buffer_text(&head, c->head.home);
    buffer_u8(&head, (uint8_t)c->head.module);
    buffer_varint(&head, c->head.term.number);
    buffer_u64(&head, c->head.term.tag);
    buffer_u64(&head, c->head.id);
    buffer_varint(&head, c->head.upto);
    buffer_varint(&head, c->part.count);
    return packet_seal(c->packer, COMPARE_MAGIC, buffer_view(&head), buffer_view(&c->part.raw));
}

static bool is_set(struct bytes bits, size_t i)
{
    return bits.at[i / 8] >> i % 8 & 1;
}

bool comparison_answered(struct comparison *c, struct bytes differs)
{
    if (c->step != COMPARISON_PART || differs.size != (c->part.count + 7) / 8)
        return false;
    for (size_t i = c->part.count; i > 0; i--) {
        struct task *run = c->part.runs[i - 1];
        if (!is_set(differs, i - 1))
            continue;
        run->repeats += run->grain == GRAIN_ITEMS;
        if (run->repeats > COMPARE_REPEATS_MAX)
            return false;
        run->grain = grains[run->grain].next;
        run->next = c->tasks;
        c->tasks = TAKE(c->part.runs[i - 1]);
    }
    if (!c->tasks)
        c->step = COMPARISON_END;
    return true;
}

/* --- the copy's side --- */

struct compare_part {
    struct compare_head head;
    struct packet packet;
    struct cursor in;
    size_t count, read; /* runs */
    uint8_t differs[COMPARE_ANSWER_MAX];
    struct {
        enum run_kind kind;
        struct key_range range;
        struct digest theirs, ours;
        size_t left; /* items that were not read yet */
        bool has;    /* `item` is the next of theirs */
        struct item item;
        bool cut;
    } run;
    size_t drops;
};

void compare_part_close(struct compare_part *part)
{
    if (!part)
        return;
    packet_close(&part->packet);
    free(part);
}

const struct compare_head *compare_part_head(const struct compare_part *part)
{
    return &part->head;
}

static bool read_head(struct compare_part *part)
{
    struct cursor in = cursor_over(part->packet.head);
    struct compare_head *head = &part->head;
    cursor_text(&in, head->home, sizeof head->home);
    uint8_t module = cursor_u8(&in);
    head->term.number = cursor_varint(&in);
    head->term.tag = cursor_u64(&in);
    head->id = cursor_u64(&in);
    head->upto = cursor_varint(&in);
    uint64_t count = cursor_varint(&in);
    if (!cursor_done(&in) || module >= MODULES || count > COMPARE_RUNS_MAX)
        return false;
    head->module = (enum module)module;
    part->count = (size_t)count;
    return head->home[0] && module_belongs(head->module, head->home) && head->term.number &&
           head->term.tag && head->id;
}

enum failure compare_part_peek(struct bytes encoded, struct compare_head *head, struct error *e)
{
    struct compare_part part = {0};
    enum failure bad = packet_peek(encoded, COMPARE_MAGIC, what, &part.packet.head, e);
    if (bad)
        return bad;
    if (!read_head(&part))
        return packet_damaged(what, "its head makes no sense", e);
    *head = part.head;
    return OK;
}

static bool read_run(struct compare_part *part)
{
    struct cursor *in = &part->in;
    uint8_t kind = cursor_u8(in);
    struct key_range *range = &part->run.range;
    range->after = cursor_bytes(in, ITEM_KEY_MAX);
    uint8_t open = cursor_u8(in);
    range->upto = cursor_bytes(in, ITEM_KEY_MAX);
    range->open = open == 1;
    part->run.kind = (enum run_kind)kind;
    part->run.theirs = part->run.ours = (struct digest){0};
    part->run.left = 0;
    part->run.has = false;
    part->run.cut = false;
    if (kind == RUN_SUM)
        digest_decode(&part->run.theirs, in);
    else
        part->run.left = (size_t)cursor_varint(in);
    return !in->bad && kind <= RUN_ITEMS && open <= 1 && (!open || range->upto.size == 0) &&
           (open || bytes_compare(range->after, range->upto) < 0);
}

static bool read_item(struct compare_part *part, struct bytes behind)
{
    struct cursor *in = &part->in;
    struct item *item = &part->run.item;
    *item = (struct item){.module = part->head.module};
    item->version.term = cursor_varint(in);
    item->version.usn = cursor_varint(in);
    item->key = cursor_bytes(in, ITEM_KEY_MAX);
    item->value = cursor_bytes(in, ITEM_VALUE_MAX);
    part->run.left--;
    part->run.has = true;
    return !in->bad && item->version.term && item->version.usn &&
           item->version.term <= part->head.term.number && item->version.usn <= part->head.upto &&
           item_check(item, NULL) == OK && bytes_compare(behind, item->key) < 0 &&
           key_range_reaches(&part->run.range, item->key);
}

/* Walks everything once, so that nothing can be found wrong half-way. */
static bool is_sound(const struct compare_part *part)
{
    struct compare_part copy = *part;
    for (size_t i = 0; i < copy.count; i++) {
        if (!read_run(&copy))
            return false;
        struct bytes behind = copy.run.range.after;
        while (copy.run.left) {
            if (!read_item(&copy, behind))
                return false;
            behind = copy.run.item.key;
        }
    }
    return cursor_done(&copy.in);
}

enum failure compare_part_open(struct bytes encoded, struct compare_part **result, struct error *e)
{
    *result = NULL;
    OWNED(compare_part_close) struct compare_part *part = xcalloc(1, sizeof *part);
    enum failure bad = packet_open(encoded, COMPARE_MAGIC, RAW_MAX, what, &part->packet, e);
    if (bad)
        return bad;
    part->in = cursor_over(buffer_view(&part->packet.body));
    if (!read_head(part))
        return packet_damaged(what, "its head makes no sense", e);
    if (!is_sound(part))
        return packet_damaged(what, "a run makes no sense", e);
    *result = TAKE(part);
    return OK;
}

static void next_of_theirs(struct compare_part *part)
{
    part->run.has = false;
    if (!part->run.left)
        return;
    bool sound = read_item(part, part->run.range.after);
    assert(sound); /* is_sound() has read the same bytes */
}

bool compare_next(struct compare_part *part, struct key_range *range)
{
    if (part->read == part->count)
        return false;
    bool sound = read_run(part);
    assert(sound);
    if (part->run.kind == RUN_ITEMS)
        next_of_theirs(part);
    *range = part->run.range;
    return true;
}

/* Theirs that come before this key are missing here. */
static void place_before(struct compare_part *part, struct bytes key,
                         const struct compare_sink *sink)
{
    while (part->run.has && bytes_compare(part->run.item.key, key) < 0) {
        sink->place(&part->run.item, sink->context);
        next_of_theirs(part);
    }
}

bool compare_own(struct compare_part *part, const struct item *item, struct item_hash hash,
                 const struct compare_sink *sink)
{
    if (!key_range_reaches(&part->run.range, item->key))
        return false;
    if (part->run.kind == RUN_SUM) {
        digest_add(&part->run.ours, item, hash);
        return part->run.ours.items <= part->run.theirs.items; /* more of them: they differ */
    }
    place_before(part, item->key, sink);
    if (part->run.has && bytes_equal(part->run.item.key, item->key)) {
        if (!item_hash_equal(hash, item_hash(&part->run.item)))
            sink->place(&part->run.item, sink->context);
        next_of_theirs(part);
        return true;
    }
    part->run.cut = part->drops == COMPARE_DROPS_MAX;
    if (part->run.cut)
        return false;
    part->drops++;
    sink->drop(item->key, sink->context);
    return true;
}

void compare_run_end(struct compare_part *part, const struct compare_sink *sink)
{
    bool differs = part->run.cut;
    if (part->run.kind == RUN_SUM)
        differs = !digest_equal(&part->run.ours, &part->run.theirs);
    while (part->run.has) {
        sink->place(&part->run.item, sink->context);
        next_of_theirs(part);
    }
    if (differs)
        part->differs[part->read / 8] |= (uint8_t)(1 << part->read % 8);
    part->read++;
}

struct bytes compare_differs(const struct compare_part *part)
{
    return bytes_of(part->differs, (part->count + 7) / 8);
}
