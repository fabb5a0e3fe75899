#include "core/tail_packet.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* A batch that does not get smaller by compressing, and a lineage. */
    BODY_MAX = BATCH_BYTES_MAX + (2 << 20),
};

static const char what[] = "A part of a tail";

struct bytes tail_packet_seal(struct packer *packer, const struct tail *tail, struct bytes batch)
{
    OWNED(buffer_free) struct buffer head = {0};
    OWNED(buffer_free) struct buffer body = {0};
    struct batch_head about;
    batch_peek(batch, &about, NULL);
    buffer_text(&head, about.home);
    buffer_u64(&body, tail->id);
    buffer_varint(&body, tail->base.term);
    buffer_varint(&body, tail->base.usn);
    buffer_varint(&body, tail->head);
    buffer_varint(&body, tail->items);
    lineage_encode(&tail->lineage, &body);
    buffer_bytes(&body, batch);
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

enum failure tail_packet_open(struct bytes encoded, struct tail_packet **result, struct error *e)
{
    char home[HOME_NAME_SIZE];
    OWNED(tail_packet_free) struct tail_packet *packet = xcalloc(1, sizeof *packet);
    *result = NULL;
    enum failure bad = packet_open(encoded, TAIL_MAGIC, BODY_MAX, what, &packet->packet, e);
    if (bad)
        return bad;
    struct cursor in = cursor_over(buffer_view(&packet->packet.body));
    bool sound = read_tail(&in, &packet->tail);
    struct bytes batch = cursor_bytes(&in, BODY_MAX);
    if (!sound || !cursor_done(&in))
        return packet_damaged(what, "what it says of the tail makes no sense", e);
    bad = batch_open(batch, &packet->batch, e);
    if (!bad)
        bad = tail_packet_peek(encoded, home, e);
    if (bad)
        return bad;
    const struct batch_head *head = batch_head(packet->batch);
    if (!belongs(&packet->tail, head) || strcmp(home, head->home) != 0)
        return packet_damaged(what, "its changes are none of that tail", e);
    *result = TAKE(packet);
    return OK;
}

void tail_packet_free(struct tail_packet *packet)
{
    if (!packet)
        return;
    batch_close(packet->batch);
    packet_close(&packet->packet);
    free(packet);
}
