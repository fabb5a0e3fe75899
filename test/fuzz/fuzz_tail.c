/* Whatever arrives as a part of a tail is refused or understood; what was understood is of that
 * tail alone, and can be sent on and means the same. */
#include <assert.h>
#include <string.h>

#include "core/tail_packet.h"
#include "help_along.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A tail's part has a batch inside, with a checksum of its own. The first byte: 0: nothing of it is
 * helped along inside; else so many bytes say what the tail is, and the rest becomes its batch. */
static void help_inside(struct bytes given, struct buffer *out)
{
    static const char home[] = "atl.example.com";
    struct cursor in = cursor_over(given);
    uint8_t size = cursor_u8(&in);
    if (in.bad || size == 0) {
        help_along(TAIL_MAGIC, bytes_of(in.at, in.left), out);
        return;
    }
    struct bytes tail = cursor_raw(&in, size);
    if (in.bad)
        return;
    OWNED(buffer_free) struct buffer batch = {0}, head = {0}, body = {0};
    OWNED(packer_free) struct packer *packer = packer_new();
    help_along(BATCH_MAGIC, bytes_of(in.at, in.left), &batch);
    buffer_text(&head, home);
    buffer_raw(&body, tail.at, tail.size);
    buffer_bytes(&body, buffer_view(&batch));
    struct bytes packet = packet_seal(packer, TAIL_MAGIC, buffer_view(&head), buffer_view(&body));
    buffer_raw(out, packet.at, packet.size);
}

/* The same once more, as it is sent. */
static struct bytes assert_of_the_tail(const struct tail *tail, struct batch *batch,
                                       struct batch_writer *again)
{
    const struct batch_head *head = batch_head(batch);
    struct item item;
    assert(tail->id && tail->base.usn < tail->head && head->after >= tail->base.usn);
    assert(head->upto <= tail->head && head->after < head->upto);
    batch_begin(again, head);
    batch_others_upto(again, head->others_upto);
    while (batch_next(batch, &item)) {
        assert(item.version.usn > head->after && item.version.usn <= head->upto);
        assert(term_equal(tail_term_of(tail, item.version.usn), head->term));
        bool room = batch_add(again, &item);
        assert(room);
    }
    return batch_finish(again, head->upto, head->more);
}

static void assert_same(const struct tail *a, const struct tail *b)
{
    OWNED(buffer_free) struct buffer x = {0}, y = {0};
    lineage_encode(&a->lineage, &x);
    lineage_encode(&b->lineage, &y);
    assert(bytes_equal(buffer_view(&x), buffer_view(&y)) && a->id == b->id && a->part == b->part);
    assert(a->base.term == b->base.term && a->base.usn == b->base.usn && a->head == b->head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWNED(buffer_free) struct buffer encoded = {0};
    OWNED(tail_packet_free) struct tail_packet *packet = NULL, *sent_on = NULL;
    struct error e = {0};
    char home[HOME_NAME_SIZE];
    help_inside(bytes_of(data, size), &encoded);
    bool sensible = tail_packet_peek(buffer_view(&encoded), home, NULL) == OK;
    if (tail_packet_open(buffer_view(&encoded), &packet, &e)) {
        assert(!packet);
        may_refuse(&e);
        return 0;
    }
    assert(sensible && strcmp(home, tail_packet_home(packet)) == 0);
    struct batch_writer *writers[TAIL_PACKET_BATCHES_MAX];
    struct bytes batches[TAIL_PACKET_BATCHES_MAX];
    OWNED(packer_free) struct packer *packer = packer_new();
    for (size_t i = 0; i < packet->count; i++) {
        writers[i] = batch_writer_new();
        batches[i] = assert_of_the_tail(&packet->tail, packet->batches[i], writers[i]);
    }
    enum failure bad = tail_packet_open(
        tail_packet_seal(packer, &packet->tail, batches, packet->count), &sent_on, NULL);
    for (size_t i = 0; i < packet->count; i++)
        batch_writer_free(writers[i]);
    assert(!bad);
    assert(sent_on->count == packet->count);
    assert_same(&packet->tail, &sent_on->tail);
    return 0;
}
