/* The body of a request: { bytes key (none: the one before), varint size of the file and u64 its
 * time (only behind a key), varint offset, varint size, bytes sums of the front, bytes sums of the
 * back } each. Of an answer: { u8 there, bytes } each, or { u8 PARTLY, varint front, varint back,
 * bytes }. */
#include "content/chunk_message.h"

#include <stdlib.h>
#include <string.h>

#include "content/likeness.h"
#include "core/packet.h"

enum { ABSENT, WHOLE, PARTLY };

enum {
    VARINT_MAX = 10,
    REQUEST_BODY_MAX =
        CHUNK_CALL_COUNT_MAX * (ITEM_KEY_MAX + 7 * VARINT_MAX + 2 * LIKENESS_SUMS_MAX),
    ANSWER_BODY_MAX = CHUNK_CALL_BYTES_MAX + CHUNK_CALL_COUNT_MAX * (1 + 3 * VARINT_MAX),
};

static const char what_request[] = "A question for chunks", what_answer[] = "An answer of chunks";

struct chunk_request {
    char home[HOME_NAME_SIZE];
    struct buffer body;
    size_t count;
    uint64_t bytes, bytes_max;
    struct bytes last; /* key, a view into the body or what is read */
    size_t last_at, last_size;
    struct file_stamp last_stamp;
    struct packet packet; /* of one that arrived */
    struct cursor in;
};

struct chunk_request *chunk_request_new(const char *home, uint64_t bytes_max)
{
    struct chunk_request *request = xcalloc(1, sizeof *request);
    memcpy(request->home, home, strlen(home) + 1);
    request->bytes_max = bytes_max;
    return request;
}

void chunk_request_free(struct chunk_request *request)
{
    if (!request)
        return;
    buffer_free(&request->body);
    packet_close(&request->packet);
    free(request);
}

static bool is_last_key(const struct chunk_request *r, struct bytes key)
{
    return r->count && bytes_equal(bytes_of(r->body.at + r->last_at, r->last_size), key);
}

bool chunk_request_add(struct chunk_request *request, const struct chunk_place *place)
{
    if (request->count && (request->count == CHUNK_CALL_COUNT_MAX ||
                           request->bytes + place->size > request->bytes_max))
        return false;
    bool same = is_last_key(request, place->key);
    buffer_bytes(&request->body, same ? BYTES_NONE : place->key);
    if (!same) {
        request->last_at = request->body.size - place->key.size;
        request->last_size = place->key.size;
        buffer_varint(&request->body, place->stamp.size);
        buffer_u64(&request->body, (uint64_t)place->stamp.time_ns);
    }
    buffer_varint(&request->body, place->offset);
    buffer_varint(&request->body, place->size);
    buffer_bytes(&request->body, place->front);
    buffer_bytes(&request->body, place->back);
    request->count++;
    request->bytes += place->size;
    return true;
}

size_t chunk_request_count(const struct chunk_request *request)
{
    return request->count;
}

uint64_t chunk_request_bytes(const struct chunk_request *request)
{
    return request->bytes;
}

static void seal(uint32_t magic, struct bytes head, struct bytes body, struct buffer *packet)
{
    OWNED(packer_free) struct packer *packer = packer_new();
    struct bytes sealed = packet_seal(packer, magic, head, body);
    buffer_raw(packet, sealed.at, sealed.size);
}

void chunk_request_end(const struct chunk_request *request, struct buffer *packet)
{
    OWNED(buffer_free) struct buffer head = {0};
    buffer_text(&head, request->home);
    seal(CHUNKS_WANTED_MAGIC, buffer_view(&head), buffer_view(&request->body), packet);
}

bool chunk_request_next(struct chunk_request *r, struct chunk_place *place)
{
    if (r->in.bad || r->in.left == 0)
        return false;
    struct bytes key = cursor_bytes(&r->in, ITEM_KEY_MAX);
    if (key.size) {
        r->last = key;
        r->last_stamp.size = cursor_varint(&r->in);
        r->last_stamp.time_ns = (int64_t)cursor_u64(&r->in);
    }
    uint64_t offset = cursor_varint(&r->in), size = cursor_varint(&r->in);
    *place = (struct chunk_place){
        .key = r->last, .stamp = r->last_stamp, .offset = offset, .size = (uint32_t)size};
    place->front = cursor_bytes(&r->in, LIKENESS_SUMS_MAX);
    place->back = cursor_bytes(&r->in, LIKENESS_SUMS_MAX);
    r->count++;
    r->bytes += size;
    r->in.bad |= !r->last.size || size == 0 || size > CHUNK_SIZE_MAX || offset > INT64_MAX - size ||
                 place->front.size % LIKENESS_SUM_SIZE || place->back.size % LIKENESS_SUM_SIZE ||
                 r->count > CHUNK_CALL_COUNT_MAX || r->bytes > CHUNK_CALL_BYTES_MAX;
    return !r->in.bad;
}

static void rewind_request(struct chunk_request *r)
{
    r->in = cursor_over(buffer_view(&r->packet.body));
    r->last = BYTES_NONE;
    r->count = 0;
    r->bytes = 0;
}

enum failure chunk_request_open(struct bytes packet, struct chunk_request **request,
                                struct error *e)
{
    OWNED(chunk_request_free) struct chunk_request *r = xcalloc(1, sizeof *r);
    struct chunk_place place;
    *request = NULL;
    enum failure bad =
        packet_open(packet, CHUNKS_WANTED_MAGIC, REQUEST_BODY_MAX, what_request, &r->packet, e);
    if (bad)
        return bad;
    struct cursor head = cursor_over(r->packet.head);
    cursor_text(&head, r->home, sizeof r->home);
    rewind_request(r);
    while (chunk_request_next(r, &place))
        ;
    if (!cursor_done(&head) || r->in.bad)
        return packet_damaged(what_request, "it asks for what can't be", e);
    rewind_request(r);
    *request = TAKE(r);
    return OK;
}

const char *chunk_request_home(const struct chunk_request *request)
{
    return request->home;
}

/* --- answers --- */

struct chunk_answer {
    struct packet packet;
    struct cursor in;
};

void chunk_answer_add(struct buffer *body, const struct bytes *bytes)
{
    buffer_u8(body, bytes ? WHOLE : ABSENT);
    if (bytes)
        buffer_bytes(body, *bytes);
}

void chunk_answer_add_middle(struct buffer *body, uint32_t front, uint32_t back,
                             struct bytes middle)
{
    buffer_u8(body, PARTLY);
    buffer_varint(body, front);
    buffer_varint(body, back);
    buffer_bytes(body, middle);
}

void chunk_answer_end(const struct buffer *body, struct buffer *packet)
{
    seal(CHUNKS_MAGIC, BYTES_NONE, buffer_view(body), packet);
}

enum failure chunk_answer_open(struct bytes packet, struct chunk_answer **answer, struct error *e)
{
    OWNED(chunk_answer_free) struct chunk_answer *a = xcalloc(1, sizeof *a);
    *answer = NULL;
    enum failure bad =
        packet_open(packet, CHUNKS_MAGIC, ANSWER_BODY_MAX, what_answer, &a->packet, e);
    if (bad)
        return bad;
    a->in = cursor_over(buffer_view(&a->packet.body));
    *answer = TAKE(a);
    return OK;
}

void chunk_answer_free(struct chunk_answer *answer)
{
    if (!answer)
        return;
    packet_close(&answer->packet);
    free(answer);
}

bool chunk_answer_next(struct chunk_answer *a, uint32_t size, struct chunk_part *part)
{
    uint8_t there = cursor_u8(&a->in);
    uint64_t front = 0, back = 0;
    if (there != WHOLE && there != PARTLY)
        return false;
    if (there == PARTLY) {
        front = cursor_varint(&a->in);
        back = cursor_varint(&a->in);
    }
    struct bytes middle = cursor_bytes(&a->in, CHUNK_SIZE_MAX);
    *part = (struct chunk_part){(uint32_t)front, (uint32_t)back, middle};
    return !a->in.bad && front <= size && back <= size - front &&
           middle.size == size - front - back;
}
