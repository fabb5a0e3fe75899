/* Batches: items of one module on their way from the holder to a copy.
 *
 * A batch carries what follows `after`, in usn order, up to `upto`; whoever has everything up to
 * `after` has everything up to `upto` once it is applied. Compressed, with a checksum over all of
 * it. Whatever arrives is hostile until batch_open() has accepted it. */
#ifndef POLLUX_CORE_BATCH_H
#define POLLUX_CORE_BATCH_H

#include "core/item.h"
#include "core/limits.h"
#include "core/term.h"

struct batch_head {
    char home[HOME_NAME_SIZE];
    enum module module;
    struct term term; /* of the holder that sends it */
    uint64_t after;   /* the cookie that it follows on */
    uint64_t upto;    /* the cookie afterwards */
    uint64_t head;    /* the holder's head when the cycle began: at `upto == head` it is complete */
    uint64_t horizon; /* tombstones up to this usn are gone at the holder */
    /* Beyond this, up to `upto`, the holder has nothing of another module: to those that stand
     * there it says what an empty batch of their own would. At `upto`: it says nothing of them. */
    uint64_t others_upto;
    /* The copy's own clock when this was read, or some time before: what was acknowledged until
     * then is in it. 0: not known. */
    uint64_t read_ms;
    /* The next one follows as soon as this one is answered: it need not be durable for that, and
     * may be stored with those behind it. */
    bool more;
};

/* Batches that follow on each other are as good as one: its head, with that of a further one. */
void batch_join(struct batch_head *all, const struct batch_head *next);

/* Writing. A writer is used again and again. */
struct batch_writer;
struct batch_writer *batch_writer_new(void);
void batch_writer_free(struct batch_writer *w);
DEFINE_OWNED(struct batch_writer *, batch_writer_free)

void batch_begin(struct batch_writer *w, const struct batch_head *head);
/* False if the batch is full: the item belongs into the next one. Usns must grow. */
bool batch_add(struct batch_writer *w, const struct item *item);
/* How much it has by now, uncompressed. */
size_t batch_filled(const struct batch_writer *w);
/* Says so; else nothing is said of other modules. */
void batch_others_upto(struct batch_writer *w, uint64_t usn);
/* `more` is told; `upto` is at least the last item's usn: items of other modules may lie between.
 * The view is valid until the next batch_begin(). */
struct bytes batch_finish(struct batch_writer *w, uint64_t upto, bool more);

/* Reading. */

/* What a batch says of itself, before anything of it is checked: it may lie. */
enum failure batch_peek(struct bytes encoded, struct batch_head *head, struct error *e);

struct batch;
/* Checks everything that can be checked without a store: checksum, sizes, order, limits. */
enum failure batch_open(struct bytes encoded, struct batch **batch, struct error *e);
void batch_close(struct batch *batch);
DEFINE_OWNED(struct batch *, batch_close)

const struct batch_head *batch_head(const struct batch *batch);
size_t batch_count(const struct batch *batch);
/* What its items are views into goes to the caller: it stays where it is, for as long as he likes.
 */
void batch_hand_over(struct batch *batch, struct buffer *memory);
/* The items in usn order; views into the batch. False behind the last one. */
bool batch_next(struct batch *batch, struct item *item);

#endif
