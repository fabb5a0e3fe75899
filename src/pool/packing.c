#include "pool/packing.h"

#include <assert.h>
#include <stdlib.h>

#include "content/manifest.h"
#include "pool/offer.h"

/* One batch; the thread's while that works. */
struct pack {
    struct packing *packing;
    struct store *store;
    struct batch_writer *writer;
    struct packing_order order;
    uint64_t others_upto; /* the last change of another module that was met */
    struct packed result;
    bool works;            /* the thread does; the rest is so once it has ended */
    bool here;             /* where it was ordered, and … */
    bool much;             /* … there is too much of it for that */
    size_t changes, bytes; /* that were looked at there, of whichever module */
};

/* The two change places. */
struct packing {
    struct workers *workers;
    packing_done *done;
    void *context;
    struct pack packs[2];
    struct pack *now, *ahead;
    struct packing_order last; /* what was ordered last; `now` may have been begun with before */
    bool awaited;              /* `now` is told when it is there */
    bool follows;              /* `ahead` is what follows on `now` */
};

struct packing *packing_new(struct workers *workers, packing_done *done, void *context)
{
    struct packing *p = xcalloc(1, sizeof *p);
    *p = (struct packing){.workers = workers, .done = done, .context = context};
    p->now = &p->packs[0];
    p->ahead = &p->packs[1];
    p->now->packing = p->ahead->packing = p;
    return p;
}

void packing_free(struct packing *p)
{
    if (!p)
        return;
    assert(packing_is_idle(p));
    batch_writer_free(p->now->writer);
    batch_writer_free(p->ahead->writer);
    free(p);
}

bool packing_is_idle(const struct packing *p)
{
    return !p->now->works && !p->ahead->works;
}

/* --- on a thread --- */

/* Files that don't fit into this cycle any more wait for the next one; the first goes in any case.
 */
static bool fits_as_content(struct pack *pack, const struct item *item)
{
    struct file_stamp stamp;
    uint64_t *content = &pack->result.content;
    if (item->module != MODULE_DATA_CONF || item->deleted ||
        manifest_stamp(item->value, &stamp, NULL))
        return true;
    if (*content && *content + stamp.size > pack->order.content_max)
        return false;
    *content += stamp.size;
    return true;
}

static bool has_room(const struct pack *pack)
{
    return batch_filled(pack->writer) < pack->order.bytes_max;
}

static bool is_too_much_here(struct pack *pack, const struct item *item)
{
    pack->changes++;
    pack->bytes += item->key.size + item->value.size;
    pack->much = pack->here &&
                 (pack->changes > PACKING_HERE_CHANGES_MAX || pack->bytes > PACKING_HERE_BYTES);
    return pack->much;
}

static bool pack_item(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct pack *pack = context;
    struct packed *result = &pack->result;
    if (is_too_much_here(pack, item))
        return false;
    if (item->module == result->head.module) {
        result->full =
            !has_room(pack) || !fits_as_content(pack, item) || !batch_add(pack->writer, item);
        if (result->full)
            return false;
        result->items++;
    } else {
        pack->others_upto = item->version.usn;
    }
    result->head.upto = item->version.usn;
    return true;
}

/* Most homes have no files, and many other changes would be read in vain. Where that can't be told,
 * because of damage that may be of no concern here, they are. */
static bool has_any(struct view *view, const struct batch_head *head)
{
    bool any;
    return head->module != MODULE_DATA_CONF ||
           view_has_any(view, head->home, head->module, &any, NULL) || any;
}

static enum failure open_view(const struct pack *pack, struct view **view, struct error *e)
{
    return pack->here ? store_view_at_once(pack->store, view, e) : store_view(pack->store, view, e);
}

static enum failure read_and_pack(struct pack *pack, struct hold *hold, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    struct packed *result = &pack->result;
    struct batch_head *head = &result->head;
    struct home_state state;
    if (open_view(pack, &view, e) || view_home(view, head->home, &state, e) ||
        view_hold(view, head->home, hold, e))
        return e->kind;
    const struct copy_state copy = offer_copy(hold, &state, head->module);
    result->read_at = copy.head;
    head->head = copy_head(&copy); /* all that there is by now: core/export.h says why */
    head->horizon = copy_horizon(&copy, state.horizon);
    batch_begin(pack->writer, head);
    bool any = has_any(view, head);
    if (any && view_changes(view, head->home, head->after, pack_item, pack, e))
        return e->kind;
    if (!result->full)
        head->upto = copy.head;
    if (pack->order.tells_others && any)
        batch_others_upto(pack->writer, pack->others_upto);
    return OK;
}

static void work(void *context)
{
    struct pack *pack = context;
    const struct packing_order *order = &pack->order;
    struct packed *result = &pack->result;
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    *result = (struct packed){.head = order->head, .tells_others = order->tells_others};
    result->head.upto = pack->others_upto = order->head.after;
    if (!pack->writer)
        pack->writer = batch_writer_new();
    if (read_and_pack(pack, hold, &result->error))
        return;
    result->filled = batch_filled(pack->writer);
    result->bytes = batch_finish(pack->writer, result->head.upto, result->full && !order->last);
}

/* --- on the loop --- */

static void free_ahead(struct packing *p)
{
    if (!p->ahead->works)
        batch_writer_free(TAKE(p->ahead->writer));
}

static void tell(struct packing *p)
{
    p->awaited = false;
    p->done(&p->now->result, p->context);
}

static void on_worked(void *context)
{
    struct pack *pack = context;
    struct packing *p = pack->packing;
    pack->works = false;
    if (pack == p->now && p->awaited)
        tell(p);
    else if (pack == p->ahead && !p->follows)
        free_ahead(p);
}

static bool begin(struct pack *pack, struct store *store, const struct packing_order *order)
{
    pack->order = *order;
    pack->store = store;
    pack->here = false;
    pack->works = workers_run(pack->packing->workers, work, on_worked, pack);
    return pack->works;
}

/* Of files others than who packs take the time. */
static bool pack_here(struct pack *pack, struct store *store, const struct packing_order *order)
{
    if (order->goal - order->head.after > PACKING_HERE_CHANGES ||
        order->head.module == MODULE_DATA_CONF)
        return false;
    pack->order = *order;
    pack->store = store;
    pack->here = true;
    pack->much = false;
    pack->changes = pack->bytes = 0;
    work(pack);
    return !pack->much && pack->result.error.kind != FAIL_BUSY;
}

/* Is what was begun with what is ordered now? */
static bool serves(const struct packing *p, const struct packing_order *order)
{
    const struct packing_order *has = &p->ahead->order;
    return p->follows && (p->ahead->works || !p->ahead->result.error.kind) &&
           has->head.after == order->head.after && term_equal(has->head.term, order->head.term) &&
           has->bytes_max / PACKING_EXCESS_TIMES <= order->bytes_max &&
           (order->tells_others || !has->tells_others) && has->last == order->last;
}

static void take_ahead(struct packing *p)
{
    struct pack *ahead = p->ahead;
    p->ahead = p->now;
    p->now = ahead;
    p->follows = false;
}

bool packing_order(struct packing *p, struct store *store, const struct packing_order *order)
{
    assert(!p->awaited && !p->now->works);
    p->last = *order;
    bool ahead = serves(p, order);
    if (ahead)
        take_ahead(p);
    if (ahead ? !p->now->works : pack_here(p->now, store, order)) {
        tell(p);
        return true;
    }
    p->awaited = ahead || begin(p->now, store, order);
    return p->awaited;
}

/* Of files each batch waits for its own, and the rest of a cycle has room for fewer. */
static bool goes_on(const struct packing *p)
{
    return p->now->result.full && !p->now->order.last &&
           p->now->order.head.module != MODULE_DATA_CONF;
}

void packing_go_ahead(struct packing *p, struct store *store, uint64_t read_ms)
{
    struct packing_order next = p->last;
    next.head.after = p->now->result.head.upto;
    next.head.read_ms = read_ms;
    p->follows = false;
    if (!goes_on(p))
        free_ahead(p);
    else if (!p->ahead->works) /* else on what was rejected, and this one is packed when ordered */
        p->follows = begin(p->ahead, store, &next);
}

/* It needs some megabytes, and most exporters are hardly ever behind. */
void packing_forget_ahead(struct packing *p)
{
    p->follows = false;
    free_ahead(p);
}
