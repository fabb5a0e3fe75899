/* Around the commit of a batch: files whose manifests it deletes go, once that is durable. Another
 * version that lies there is set aside. */
#ifndef POLLUX_POOL_CONTENT_GATE_H
#define POLLUX_POOL_CONTENT_GATE_H

#include "pool/content.h"

struct content_gate;

/* Any thread. Of other modules, nothing is done. NULL: what is deleted can't be taken away. */
struct content_gate *content_gate_open(const struct content *content, struct store *store,
                                       struct bytes batch, const struct batch_head *head,
                                       struct error *e);
void content_gate_close(struct content_gate *gate, bool durable);

#endif
