/* Reads the tails of a home, oldest first, as packets for whoever salvages them; and knows by what
 * the home itself says when a tail is safe and can go.
 *
 * Where it is, it keeps in memory: after a restart it begins anew, and the answer to the first
 * packet of each term says how far that is done. */
#ifndef POLLUX_STORE_TAIL_READER_H
#define POLLUX_STORE_TAIL_READER_H

#include "core/salvage.h"
#include "core/tail_packet.h"
#include "store/store.h"

enum tail_step {
    TAIL_NONE, /* there is no tail */
    TAIL_TELL, /* a packet is to be salvaged; then tail_reader_told() */
    TAIL_WAIT, /* all of it was told: what became of it is on its way here; or it is open still */
    TAIL_SAFE, /* tail_reader_forget() */
};

struct tail_reader;
struct tail_reader *tail_reader_new(const char *home);
void tail_reader_free(struct tail_reader *reader);
DEFINE_OWNED(struct tail_reader *, tail_reader_free)

/* Open ones, too: for a pool that takes its home, and what is in it still. */
void tail_reader_read_open(struct tail_reader *reader);

/* At most `items_max` changes at once. The packet is valid until the next call. */
enum failure tail_reader_step(struct tail_reader *reader, struct view *view, uint32_t items_max,
                              enum tail_step *step, struct bytes *packet, struct error *e);
/* The last packet was answered: its term is salvaged up to there. */
void tail_reader_told(struct tail_reader *reader, uint64_t upto);
/* Begins anew: nothing came of what was told. */
void tail_reader_again(struct tail_reader *reader);
/* After TAIL_SAFE, with the same view: the tail goes with this transaction, if what showed that it
 * is safe is still so, and is remembered (store/last_tail.h). `sum`: what became of it. */
enum failure tail_reader_forget(struct tail_reader *reader, struct view *view, struct txn *txn,
                                uint64_t now_ms, struct salvage_mark *sum, struct error *e);
/* How many changes the last step's packet had. */
size_t tail_reader_items(const struct tail_reader *reader);
/* Which one it reads; NULL: none yet, or none any more. */
const struct tail *tail_reader_tail(const struct tail_reader *reader);

#endif
