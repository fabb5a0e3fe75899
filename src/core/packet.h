/* A packet: a head, and a body compressed behind it, with a checksum over both. What large messages
 * between pools (batches, comparisons) have in common. Whatever arrives is hostile until
 * packet_open() has accepted it, and its content until its reader has. */
#ifndef POLLUX_CORE_PACKET_H
#define POLLUX_CORE_PACKET_H

#include "base/bytes.h"
#include "base/error.h"

/* Every kind that there is: what a packet begins with. Its digit grows if a reader of before would
 * misunderstand; who meets another one says so. */
enum packet_magic {
    BATCH_MAGIC = 0x33425850,         /* "PXB3": core/batch.h */
    COMPARE_MAGIC = 0x32435850,       /* "PXC2": core/compare.h */
    TAIL_MAGIC = 0x33545850,          /* "PXT3": core/tail_packet.h */
    CHUNKS_WANTED_MAGIC = 0x33515850, /* "PXQ3": content/chunk_message.h … */
    CHUNKS_MAGIC = 0x33415850,        /* "PXA3": … and the answer */
};

/* Writing. A packer is used again and again. */
struct packer;
struct packer *packer_new(void);
void packer_free(struct packer *packer);
DEFINE_OWNED(struct packer *, packer_free)

/* `magic` tells what it is. The view is valid until the packer is used again. */
struct bytes packet_seal(struct packer *packer, uint32_t magic, struct bytes head,
                         struct bytes body);

/* Reading. */
struct packet {
    struct bytes head; /* a view into what was opened */
    struct buffer body;
};

/* `what` names it in errors: "A batch arrived damaged: …" */
enum failure packet_open(struct bytes encoded, uint32_t magic, size_t body_max, const char *what,
                         struct packet *packet, struct error *e);
/* What a packet says in its head, before anything of it is checked: it may lie. */
enum failure packet_peek(struct bytes encoded, uint32_t magic, const char *what, struct bytes *head,
                         struct error *e);
void packet_close(struct packet *packet);
/* For readers that find the content senseless. */
enum failure packet_damaged(const char *what, const char *where, struct error *e);

#endif
