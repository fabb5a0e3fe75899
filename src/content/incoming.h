/* A file on its way into the file store: it is assembled beside what is there, and takes its place
 * in one step when it is whole. Until then nobody sees it, and what was there before stays. */
#ifndef POLLUX_CONTENT_INCOMING_H
#define POLLUX_CONTENT_INCOMING_H

#include "content/file_store.h"

struct incoming;

enum failure incoming_begin(const struct file_store *fs, struct incoming **in, struct error *e);
/* If it did not take its place, or was exchanged and is not kept, it is gone. */
void incoming_free(struct incoming *in);
DEFINE_OWNED(struct incoming *, incoming_free)

/* At the end of what was written before. Runs of zeros stay holes, which take no room. */
enum failure incoming_write(struct incoming *in, struct bytes bytes, struct error *e);
/* Reads again what was written. */
bool incoming_read(struct incoming *in, uint64_t offset, uint32_t size, struct buffer *bytes);
/* The last of it; its time from here on, or the present one if `time_ns` is 0. Not durable yet. */
enum failure incoming_seal(struct incoming *in, int64_t time_ns, struct file_stamp *stamp,
                           struct error *e);
/* Whole and waiting among many: holds no descriptors until it is placed. */
void incoming_rest(struct incoming *in);
/* Durable, by itself; file_store_sync() is the same for many. */
enum failure incoming_sync(struct incoming *in, struct error *e);
/* Its place, durable or not as it is; `over` what lies there, or else FAIL_CONFLICT. */
enum failure incoming_place(struct incoming *in, const struct file_name *name, bool over,
                            struct error *e);
/* That it is there now is durable as well. */
enum failure incoming_settle(struct incoming *in, struct error *e);

/* Its place, as incoming_place(), but what was there before comes back at the end, unless it is
 * said to be kept by then, or somebody has put something else there meanwhile; or at the next start
 * (replaced.h). Where the file system can't do that in one step, it is gone at once. */
enum failure incoming_exchange(struct incoming *in, const struct file_name *name, struct error *e);
void incoming_keep(struct incoming *in);

#endif
