#include "store/tail_reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/last_tail.h"

/* A run: what one term made of one module, as far as it is in the tail. */
struct run {
    struct term term;
    enum module module;
    uint64_t end; /* the last usn that it can have */
};

/* Of each term in a lineage, and those before it. */
enum { RUNS_MAX = (LINEAGE_MAX + 1) * MODULES };

struct tail_reader {
    char home[HOME_NAME_SIZE];
    struct tail tail; /* id 0: none */
    struct term term; /* whose holder was told */
    bool reads_open;
    bool finds_open; /* and does not read it */
    struct batch_writer *writer;
    struct packer *packer;

    uint64_t begin, end; /* the present term's changes are behind that usn, and up to this */
    int module;          /* whose are told */
    uint64_t told;       /* up to where they are salvaged */
    bool all_told;
    uint64_t whole; /* the last packet had all of it, up to there; 0: it had not */
    bool too_large; /* it does not fit into one */

    struct run runs[RUNS_MAX]; /* that there are, as far as it has come */
    size_t run_count;
    size_t items; /* of the last packet */
};

struct tail_reader *tail_reader_new(const char *home)
{
    struct tail_reader *reader = xcalloc(1, sizeof *reader);
    assert(strlen(home) < sizeof reader->home);
    memcpy(reader->home, home, strlen(home) + 1);
    reader->writer = batch_writer_new();
    reader->packer = packer_new();
    return reader;
}

void tail_reader_free(struct tail_reader *reader)
{
    if (!reader)
        return;
    batch_writer_free(reader->writer);
    packer_free(reader->packer);
    free(reader);
}

void tail_reader_read_open(struct tail_reader *reader)
{
    reader->reads_open = true;
}

/* Terms go from the newest to the oldest: so where one is salvaged, whatever was changed again
 * after it is, too, and its mark makes no tail needless that has less of that (protocol, rule 14).
 */
static void enter_term(struct tail_reader *reader, uint64_t end)
{
    reader->end = end;
    reader->begin = reader->told = tail_begin_of(&reader->tail, end);
    reader->module = 0;
    reader->all_told = end <= reader->tail.base.usn;
}

void tail_reader_again(struct tail_reader *reader)
{
    enter_term(reader, reader->tail.head);
    reader->too_large = false;
    reader->whole = 0;
    reader->run_count = 0;
}

void tail_reader_told(struct tail_reader *reader, uint64_t upto)
{
    reader->told = upto > reader->told ? upto : reader->told;
    reader->all_told = reader->all_told || (reader->whole && upto >= reader->whole);
}

size_t tail_reader_items(const struct tail_reader *reader)
{
    return reader->items;
}

const struct tail *tail_reader_tail(const struct tail_reader *reader)
{
    return reader->tail.id ? &reader->tail : NULL;
}

/* --- which tail --- */

static enum failure choose_tail(struct tail_reader *reader, struct view *view, struct error *e)
{
    OWNED(free_memory) struct tails *tails = xmalloc(sizeof *tails);
    enum failure bad = view_tails(view, reader->home, tails, e);
    reader->finds_open = !bad && tails->count && tails->list[0].open && !reader->reads_open;
    if (bad || (reader->tail.id && tails_find(tails, reader->tail.id)))
        return bad;
    reader->tail.id = 0;
    if (tails->count == 0 || reader->finds_open)
        return OK;
    reader->tail = tails->list[0];
    tail_reader_again(reader);
    return OK;
}

/* Another holder may not have what came of it at the one before, whatever his marks say: he is told
 * all of it, and knows. */
static enum failure note_term(struct tail_reader *reader, struct view *view, struct error *e)
{
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    enum failure bad = view_hold(view, reader->home, hold, e);
    if (!bad && !term_equal(hold->term, reader->term)) {
        reader->term = hold->term;
        tail_reader_again(reader);
    }
    return bad;
}

/* --- what to tell of it --- */

struct looking {
    struct tail_reader *reader;
    uint64_t upto;
    uint32_t items_max;
    struct term term;
    bool full;
};

static bool add_entry(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct looking *l = context;
    struct tail_reader *reader = l->reader;
    if (item->version.usn > reader->end)
        return false;
    if ((int)item->module == reader->module) {
        struct item entry = *item;
        entry.version.term = l->term.number;
        l->full = reader->items == l->items_max || !batch_add(reader->writer, &entry);
        if (l->full)
            return false;
        reader->items++;
    }
    l->upto = item->version.usn;
    return true;
}

static void note_run(struct tail_reader *reader, const struct looking *l)
{
    struct run *last = reader->run_count ? &reader->runs[reader->run_count - 1] : NULL;
    if (last && term_equal(last->term, l->term) && (int)last->module == reader->module)
        return;
    assert(reader->run_count < RUNS_MAX);
    reader->runs[reader->run_count++] =
        (struct run){.term = l->term, .module = (enum module)reader->module, .end = reader->end};
}

/* What is not told yet of the present term and module; none, if there is nothing. */
static enum failure read_batch(struct tail_reader *reader, struct view *view, uint32_t items_max,
                               struct bytes *batch, struct error *e)
{
    struct looking l = {.reader = reader,
                        .upto = reader->told,
                        .items_max = items_max,
                        .term = tail_term_of(&reader->tail, reader->end)};
    struct batch_head head = {
        .module = reader->module, .term = l.term, .after = reader->told, .head = reader->tail.head};
    memcpy(head.home, reader->home, sizeof head.home);
    batch_begin(reader->writer, &head);
    reader->items = 0;
    enum failure bad = view_tail(view, reader->tail.id, reader->told, add_entry, &l, e);
    if (bad || reader->items == 0)
        return bad;
    *batch = batch_finish(reader->writer, l.full ? l.upto : reader->end, false);
    note_run(reader, &l);
    return OK;
}

/* Behind the last module comes the term before. */
static void next_module(struct tail_reader *reader)
{
    reader->told = reader->begin;
    if (++reader->module == MODULES)
        enter_term(reader, reader->begin);
}

static enum failure next_batch(struct tail_reader *reader, struct view *view, uint32_t items_max,
                               struct bytes *batch, struct error *e)
{
    *batch = BYTES_NONE;
    while (!reader->all_told) {
        bool left =
            reader->told < reader->end && module_belongs((enum module)reader->module, reader->home);
        enum failure bad = left ? read_batch(reader, view, items_max, batch, e) : OK;
        if (bad || batch->size)
            return bad;
        next_module(reader);
    }
    return OK;
}

/* --- what is valid only together --- */

struct whole {
    struct buffer kept[TAIL_PACKET_BATCHES_MAX];
    struct bytes batches[TAIL_PACKET_BATCHES_MAX];
    size_t count, bytes, items;
    uint64_t upto; /* of the last one */
    bool fits;
};

static void whole_clear(struct whole *w)
{
    for (size_t i = 0; i < w->count; i++)
        buffer_free(&w->kept[i]);
}

static void whole_add(struct whole *w, struct bytes batch, size_t items)
{
    w->bytes += batch.size;
    w->items += items;
    w->fits = w->count < TAIL_PACKET_BATCHES_MAX && w->bytes <= BATCH_BYTES_MAX;
    if (!w->fits)
        return;
    buffer_raw(&w->kept[w->count], batch.at, batch.size);
    w->batches[w->count] = buffer_view(&w->kept[w->count]);
    w->count++;
}

static enum failure read_whole(struct tail_reader *reader, struct view *view, struct whole *w,
                               struct error *e)
{
    struct bytes batch;
    enum failure bad = OK;
    w->fits = true;
    while (!bad && w->fits && !reader->all_told) {
        struct batch_head head;
        bad = next_batch(reader, view, UINT32_MAX, &batch, e);
        if (bad || !batch.size)
            continue;
        batch_peek(batch, &head, NULL);
        reader->told = w->upto = head.upto;
        whole_add(w, batch, reader->items);
    }
    return bad;
}

/* Of the Central Management Store some is valid only together, and must be judged at once (rule
 * 19): all of the tail in one packet, if it fits. */
static enum failure tell_whole(struct tail_reader *reader, struct view *view, struct bytes *packet,
                               struct error *e)
{
    struct whole w = {0};
    enum failure bad = read_whole(reader, view, &w, e);
    size_t runs = reader->run_count;
    tail_reader_again(reader); /* nothing of it is answered yet */
    reader->too_large = !w.fits;
    if (!bad && w.fits && w.count) {
        *packet = tail_packet_seal(reader->packer, &reader->tail, w.batches, w.count);
        reader->whole = w.upto;
        reader->run_count = runs;
        reader->items = w.items;
    }
    whole_clear(&w);
    return bad;
}

static bool may_be_whole(const struct tail_reader *reader, uint32_t items_max)
{
    bool begins = reader->end == reader->tail.head && reader->told == reader->begin;
    return begins && !reader->too_large && reader->tail.items <= items_max &&
           strcmp(reader->home, HOME_CENTRAL) == 0;
}

static enum failure tell(struct tail_reader *reader, struct view *view, uint32_t items_max,
                         struct bytes *packet, struct error *e)
{
    struct bytes batch = BYTES_NONE;
    *packet = BYTES_NONE;
    enum failure bad = may_be_whole(reader, items_max) ? tell_whole(reader, view, packet, e) : OK;
    if (bad || packet->size)
        return bad;
    bad = next_batch(reader, view, items_max, &batch, e);
    if (!bad && batch.size)
        *packet = tail_packet_seal(reader->packer, &reader->tail, &batch, 1);
    return bad;
}

/* --- is it safe? --- */

static enum failure read_mark(const struct tail_reader *reader, struct view *view,
                              const struct run *run, struct salvage_mark *mark, uint64_t *usn,
                              struct error *e)
{
    char key[SALVAGE_KEY_SIZE];
    struct item item;
    *mark = (struct salvage_mark){0};
    *usn = 0;
    enum failure bad = view_item(view, reader->home, run->module,
                                 salvage_mark_key(&reader->tail, run->end, key), &item, e);
    if (bad || item.deleted)
        return bad == FAIL_NOT_FOUND ? OK : bad;
    *usn = item.version.usn;
    return salvage_mark_decode(mark, item.value, e);
}

/* In a long catch-up what a mark speaks of may have been changed once more, and not be here yet. A
 * holder has all there is. */
static enum failure is_whole(const struct tail_reader *reader, struct view *view,
                             enum module module, bool *whole, struct error *e)
{
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    struct home_state state;
    enum failure bad = view_hold(view, reader->home, hold, e);
    if (!bad)
        bad = view_home(view, reader->home, &state, e);
    if (bad)
        return bad;
    *whole = mode_rights(hold->mode)->holder ||
             (state.modules[module].whole_at.usn <= state.modules[module].cookie.usn &&
              !state.modules[module].comparing);
    return OK;
}

/* What the holder made of it has come here, all of it: the marks were written last. */
static enum failure look_for_marks(const struct tail_reader *reader, struct view *view, bool *safe,
                                   struct error *e)
{
    *safe = true;
    for (size_t i = 0; i < reader->run_count && *safe; i++) {
        const struct run *run = &reader->runs[i];
        struct salvage_mark mark;
        uint64_t usn;
        bool whole = false;
        enum failure bad = read_mark(reader, view, run, &mark, &usn, e);
        if (!bad)
            bad = is_whole(reader, view, run->module, &whole, e);
        if (bad)
            return bad;
        *safe = whole && mark.upto >= run->end;
    }
    return OK;
}

enum failure tail_reader_step(struct tail_reader *reader, struct view *view, uint32_t items_max,
                              enum tail_step *step, struct bytes *packet, struct error *e)
{
    bool safe = false;
    reader->items = 0;
    *step = TAIL_NONE;
    *packet = BYTES_NONE;
    enum failure bad = choose_tail(reader, view, e);
    if (!bad && reader->finds_open)
        *step = TAIL_WAIT;
    if (bad || !reader->tail.id)
        return bad;
    bad = note_term(reader, view, e);
    if (!bad)
        bad = tell(reader, view, items_max, packet, e);
    if (!bad && !packet->size)
        bad = look_for_marks(reader, view, &safe, e);
    *step = packet->size ? TAIL_TELL : safe ? TAIL_SAFE : TAIL_WAIT;
    return bad;
}

enum failure tail_reader_forget(struct tail_reader *reader, struct view *view, struct txn *txn,
                                uint64_t now_ms, struct salvage_mark *sum, struct error *e)
{
    *sum = (struct salvage_mark){0};
    for (size_t i = 0; i < reader->run_count; i++) {
        char key[SALVAGE_KEY_SIZE];
        const struct run *run = &reader->runs[i];
        struct salvage_mark mark;
        uint64_t usn;
        enum failure bad = read_mark(reader, view, run, &mark, &usn, e);
        if (bad)
            return bad;
        txn_expect(txn, run->module, salvage_mark_key(&reader->tail, run->end, key), usn);
        sum->carried += mark.carried;
        sum->conflicts += mark.conflicts;
        sum->same += mark.same;
    }
    txn_forget_tail(txn, reader->tail.id);
    last_tail_keep(txn, reader->home, &reader->tail, now_ms);
    return OK;
}
