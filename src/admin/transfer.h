/* A file of the caller's that is sent in parts: the command's call asks for one part after the
 * other, and each comes as a call of its own, of the same command by the same caller. So a request
 * stays small, whatever the file's size, and the command stays one: one answer, one entry in the
 * audit log, and an end if its caller goes away.
 *
 * On the loop, but for what the command's thread calls. */
#ifndef POLLUX_ADMIN_TRANSFER_H
#define POLLUX_ADMIN_TRANSFER_H

#include "admin/call.h"

enum {
    TRANSFERS_MAX = 4,            /* at once; each has some MiB in memory */
    TRANSFER_WAIT_MS_MAX = 60000, /* for a part that was asked for */
    TRANSFER_ID_SIZE = 33,
};

struct transfer;

/* Is this call a part of another? Then it was handed over, or refused, and has ended. */
bool transfer_take(struct call *call);

/* NULL: there are too many. */
struct transfer *transfer_begin(struct call *call, struct error *e);
void transfer_end(struct transfer *transfer);

/* On the thread. The next part, lent until the next question; empty: the file has ended. FAIL_IO:
 * the caller could not read it to its end. FAIL_STOPPING: the caller has gone. */
enum failure transfer_next(struct transfer *transfer, struct bytes *part, struct error *e);
/* How far it is in the file, and how long that is. */
void transfer_position(const struct transfer *transfer, uint64_t *done, uint64_t *total);

#endif
