/* Some changes of a tail, on their way to the pool that holds the home: batches, each of one module
 * and one term, with what the holder must know of the tail to judge them. Whatever arrives is
 * hostile until it is opened. */
#ifndef POLLUX_CORE_TAIL_PACKET_H
#define POLLUX_CORE_TAIL_PACKET_H

#include "core/batch.h"
#include "core/packet.h"
#include "core/tail.h"

enum {
    /* What is valid only together is judged together (rule 19), and so comes together: as much as
     * one transaction holds (store/salvage.c), in half a second or so, if it fits into the bytes of
     * one batch. */
    TAIL_TOGETHER_MAX = 18000,
    /* One for each start of serving in it, and for each that is full. Opened, they are 64 MB at
     * most, and that only if somebody means harm. */
    TAIL_PACKET_BATCHES_MAX = 8,
};

/* Of one home: its terms from the newest to the oldest, each in usn order. A batch's head says
 * which home and module, by which term the changes were made, and between which usns these are all
 * that there are. The view is valid until the packer is used again. */
struct bytes tail_packet_seal(struct packer *packer, const struct tail *tail,
                              const struct bytes *batches, size_t count);

struct tail_packet {
    struct tail tail;
    struct batch *batches[TAIL_PACKET_BATCHES_MAX]; /* at least one */
    size_t count;
    struct packet packet;
};
/* What all of them are about. */
const char *tail_packet_home(const struct tail_packet *packet);
/* Owned by the caller. */
enum failure tail_packet_open(struct bytes encoded, struct tail_packet **packet, struct error *e);
void tail_packet_free(struct tail_packet *packet);
DEFINE_OWNED(struct tail_packet *, tail_packet_free)

/* Which home it is about, by what it says itself: it may lie. */
enum failure tail_packet_peek(struct bytes encoded, char home[HOME_NAME_SIZE], struct error *e);

#endif
