#include "core/tail_packet.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* Batches that don't get smaller by compressing, and a lineage. */
    BODY_MAX = BATCH_BYTES_MAX + (2 << 20),
};

static const char what[] = "A part of a tail";

struct bytes tail_packet_seal(struct packer *packer, const struct tail *tail,
                              const struct bytes *batches, size_t count)
{
    OWNED(buffer_free) struct buffer head = {0};
    OWNED(buffer_free) struct buffer body = {0};
    struct batch_head about;
    batch_peek(batches[0], &about, NULL);
    buffer_text(&head, about.home);
    buffer_u64(&body, tail->id);
    buffer_varint(&body, tail->base.term);
    buffer_varint(&body, tail->base.usn);
    buffer_varint(&body, tail->head);
    buffer_varint(&body, tail->items);
    buffer_u8(&body, tail->part);
    lineage_encode(&tail->lineage, &body);
    for (size_t i = 0; i < count; i++)
        buffer_bytes(&body, batches[i]);
    return packet_seal(packer, TAIL_MAGIC, buffer_view(&head), buffer_view(&body));
}

enum failure tail_packet_peek(struct bytes encoded, char home[HOME_NAME_SIZE], struct error *e)
{
    struct bytes head;
    enum failure bad = packet_peek(encoded, TAIL_MAGIC, what, &head, e);
    if (bad)
        return bad;
    struct cursor in = cursor_over(head);
    cursor_text(&in, home, HOME_NAME_SIZE);
    return cursor_done(&in) ? OK : packet_damaged(what, "its head makes no sense", e);
}

static bool read_tail(struct cursor *in, struct tail *tail)
{
    tail->id = cursor_u64(in);
    tail->base.term = cursor_varint(in);
    tail->base.usn = cursor_varint(in);
    tail->head = cursor_varint(in);
    tail->items = cursor_varint(in);
    tail->part = cursor_u8(in);
    lineage_decode(&tail->lineage, in);
    return !in->bad && tail->id && tail->base.usn < tail->head;
}

/* What a batch says of itself must be what the tail can have. */
static bool belongs(const struct tail *tail, const struct batch_head *head)
{
    struct term term = tail_term_of(tail, head->after + 1);
    return head->head == tail->head && head->upto > head->after && head->after >= tail->base.usn &&
           term_equal(term, head->term) && head->upto <= tail_end_of(tail, head->after + 1);
}

const char *tail_packet_home(const struct tail_packet *packet)
{
    return batch_head(packet->batches[0])->home;
}

/* Terms from the newest to the oldest, and of each what follows on each other. */
static bool goes_on(const struct batch_head *head, const struct batch_head *last)
{
    return term_equal(head->term, last->term) ? head->after >= last->upto
                                              : head->upto <= last->after;
}

/* They are what batch_open() accepts, and of that tail. */
static enum failure open_batches(struct tail_packet *packet, struct cursor *in, const char *home,
                                 struct error *e)
{
    const struct batch_head *last = NULL;
    do {
        struct batch **batch = &packet->batches[packet->count];
        enum failure bad = batch_open(cursor_bytes(in, BODY_MAX), batch, e);
        if (bad)
            return bad;
        packet->count++;
        const struct batch_head *head = batch_head(*batch);
        if (!belongs(&packet->tail, head) || strcmp(home, head->home) != 0 ||
            (last && !goes_on(head, last)))
            return packet_damaged(what, "its changes are none of that tail", e);
        last = head;
    } while (!in->bad && in->left && packet->count < TAIL_PACKET_BATCHES_MAX);
    return cursor_done(in) ? OK : packet_damaged(what, "it does not end where it should", e);
}

enum failure tail_packet_open(struct bytes encoded, struct tail_packet **result, struct error *e)
{
    char home[HOME_NAME_SIZE];
    OWNED(tail_packet_free) struct tail_packet *packet = xcalloc(1, sizeof *packet);
    *result = NULL;
    enum failure bad = packet_open(encoded, TAIL_MAGIC, BODY_MAX, what, &packet->packet, e);
    if (bad)
        return bad;
    struct cursor in = cursor_over(buffer_view(&packet->packet.body));
    if (!read_tail(&in, &packet->tail))
        return packet_damaged(what, "what it says of the tail makes no sense", e);
    bad = tail_packet_peek(encoded, home, e);
    if (!bad)
        bad = open_batches(packet, &in, home, e);
    if (bad)
        return bad;
    *result = TAKE(packet);
    return OK;
}

void tail_packet_free(struct tail_packet *packet)
{
    if (!packet)
        return;
    for (size_t i = 0; i < packet->count; i++)
        batch_close(packet->batches[i]);
    packet_close(&packet->packet);
    free(packet);
}
