/* The other end of exporting.h: what this pool makes of offers and batches for the copies that it
 * keeps. A batch is applied with the module's cookie in one transaction, beside the loop; the
 * answer goes out when that is durable. */
#ifndef POLLUX_POOL_IMPORTING_H
#define POLLUX_POOL_IMPORTING_H

#include "base/workers.h"
#include "pool/front_end.h"

struct importing;

struct importing *importing_new(struct front_end *fe, struct workers *workers);
void importing_free(struct importing *importing);

void importing_offered(struct importing *importing, const struct machine *from,
                       const struct sync_offer *offer, struct link_reply *reply);
void importing_sent(struct importing *importing, const struct machine *from, struct bytes batch,
                    struct link_reply *reply);

/* Of a module of a home: when something was imported last (monotonic; 0: never since the start),
 * and what went wrong last. */
struct import_status {
    uint64_t imported_ms;
    struct error trouble;
};
const struct import_status *importing_status(const struct importing *importing, const char *home,
                                             enum module module);

#endif
