/* Whatever arrives as a batch is refused or understood, and what was understood can be written
 * again and means the same.
 */
#include <assert.h>
#include <string.h>

#include "core/batch.h"
#include "core/packet.h"
#include "help_along.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(struct bytes encoded, struct batch_writer *w)
{
    OWNED(batch_close) struct batch *batch = NULL;
    enum failure bad = batch_open(encoded, &batch, NULL);
    assert(!bad);
    struct item item;
    batch_begin(w, batch_head(batch));
    batch_others_upto(w, batch_head(batch)->others_upto);
    while (batch_next(batch, &item)) {
        bool room = batch_add(w, &item);
        assert(room);
    }
}

static void assert_same(struct bytes a, struct bytes b)
{
    OWNED(batch_close) struct batch *x = NULL, *y = NULL;
    enum failure bad_x = batch_open(a, &x, NULL), bad_y = batch_open(b, &y, NULL);
    assert(!bad_x && !bad_y);
    const struct batch_head *p = batch_head(x), *q = batch_head(y);
    assert(strcmp(p->home, q->home) == 0 && p->module == q->module &&
           term_equal(p->term, q->term) && p->after == q->after && p->upto == q->upto &&
           p->head == q->head && p->horizon == q->horizon && p->others_upto == q->others_upto &&
           p->read_ms == q->read_ms);
    assert(batch_count(x) == batch_count(y));
    struct item i, j;
    while (batch_next(x, &i)) {
        bool more = batch_next(y, &j);
        assert(more && item_hash_equal(item_hash(&i), item_hash(&j)));
        assert(bytes_equal(i.key, j.key) && bytes_equal(i.value, j.value));
    }
    assert(!batch_next(y, &j));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWNED(buffer_free) struct buffer encoded = {0};
    help_along(BATCH_MAGIC, bytes_of(data, size), &encoded);
    OWNED(batch_close) struct batch *batch = NULL;
    struct error e = {0};
    struct batch_head said;
    bool sensible = batch_peek(buffer_view(&encoded), &said, NULL) == OK;
    if (batch_open(buffer_view(&encoded), &batch, &e)) {
        assert(!batch);
        may_refuse(&e);
        return 0;
    }
    assert(sensible && said.upto == batch_head(batch)->upto);
    OWNED(batch_writer_free) struct batch_writer *w = batch_writer_new();
    write_again(buffer_view(&encoded), w);
    assert_same(buffer_view(&encoded),
                batch_finish(w, batch_head(batch)->upto, batch_head(batch)->more));
    return 0;
}
