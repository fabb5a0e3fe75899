/* Some changes of a tail, on their way to the pool that holds the home: a batch of one module and
 * one term, with what the holder must know of the tail to judge them. Whatever arrives is hostile
 * until it is opened. */
#ifndef POLLUX_CORE_TAIL_PACKET_H
#define POLLUX_CORE_TAIL_PACKET_H

#include "core/batch.h"
#include "core/packet.h"
#include "core/tail.h"

/* The batch's head says which home and module, by which term the changes were made, and between
 * which usns these are all that there are. The view is valid until the packer is used again. */
struct bytes tail_packet_seal(struct packer *packer, const struct tail *tail, struct bytes batch);

struct tail_packet {
    struct tail tail;
    struct batch *batch;
    struct packet packet;
};
/* Owned by the caller. */
enum failure tail_packet_open(struct bytes encoded, struct tail_packet **packet, struct error *e);
void tail_packet_free(struct tail_packet *packet);
DEFINE_OWNED(struct tail_packet *, tail_packet_free)

/* Which home it is about, by what it says itself: it may lie. */
enum failure tail_packet_peek(struct bytes encoded, char home[HOME_NAME_SIZE], struct error *e);

#endif
