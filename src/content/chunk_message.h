/* "Send me these chunks", and the answer: packets (core/packet.h) between two pools. Chunks are
 * named by where they lie; whether they are the right ones, who asked finds out by their hashes. */
#ifndef POLLUX_CONTENT_CHUNK_MESSAGE_H
#define POLLUX_CONTENT_CHUNK_MESSAGE_H

#include "content/chunker.h"
#include "core/content.h"
#include "core/item.h"
#include "core/limits.h"

enum {
    /* What is asked for at once: enough that a round trip doesn't count, little enough that several
     * are under way in bounded memory. One chunk alone may be larger. */
    CHUNK_CALL_BYTES = 2 << 20,
    CHUNK_CALL_BYTES_MAX = CHUNK_SIZE_MAX,
    CHUNK_CALL_COUNT_MAX = 4096,
};

struct chunk_place {
    struct bytes key;        /* of its file's manifest … */
    struct file_stamp stamp; /* … and which version is meant, if there are several */
    uint64_t offset;
    uint32_t size;
    struct bytes front, back; /* sums of what is there already (likeness.h); lent */
};

struct chunk_request;
/* For at most so many bytes, or one chunk. */
struct chunk_request *chunk_request_new(const char *home, uint64_t bytes_max);
void chunk_request_free(struct chunk_request *request);
DEFINE_OWNED(struct chunk_request *, chunk_request_free)
/* False: it is full, and this one belongs into the next. */
bool chunk_request_add(struct chunk_request *request, const struct chunk_place *place);
size_t chunk_request_count(const struct chunk_request *request);
uint64_t chunk_request_bytes(const struct chunk_request *request);
/* Encoded, behind what `packet` has. */
void chunk_request_end(const struct chunk_request *request, struct buffer *packet);
/* And back: whatever is not one is refused. */
enum failure chunk_request_open(struct bytes packet, struct chunk_request **request,
                                struct error *e);
const char *chunk_request_home(const struct chunk_request *request);
/* One after the other; false behind the last. The key and the sums are views into the request. */
bool chunk_request_next(struct chunk_request *request, struct chunk_place *place);

/* An answer is made in the order of the request. `bytes` NULL: it is not there. */
void chunk_answer_add(struct buffer *body, const struct bytes *bytes);
/* So much of its front and of its back is there already. */
void chunk_answer_add_middle(struct buffer *body, uint32_t front, uint32_t back,
                             struct bytes middle);
void chunk_answer_end(const struct buffer *body, struct buffer *packet);
struct chunk_answer;
enum failure chunk_answer_open(struct bytes packet, struct chunk_answer **answer, struct error *e);
void chunk_answer_free(struct chunk_answer *answer);
DEFINE_OWNED(struct chunk_answer *, chunk_answer_free)
struct chunk_part {
    uint32_t front, back; /* that are there already */
    struct bytes middle;  /* a view into the answer */
};
/* The next chunk, which must have this size altogether. False: it is not there, or was not
 * answered.
 */
bool chunk_answer_next(struct chunk_answer *answer, uint32_t size, struct chunk_part *part);

#endif
