/* A new version of a conference's file, as it arrives: written beside the old one, cut into chunks
 * and hashed on the way, durable, and then in its place in one step.
 *
 *     file_writer_new(…), file_writer_add(…) again and again, file_writer_place(…);
 *     then commit the manifest under the file's key (name.h), file_writer_keep(…), and only then
 *     say that it is there; if it could not be committed, nothing but file_writer_free(…).
 *
 * Where the machine went down in between, a version that was replaced is put back at the start, and
 * a new file is a change that the next look at the file store finds. Any thread; one of these
 * belongs to one. */
#ifndef POLLUX_CONTENT_FILE_WRITER_H
#define POLLUX_CONTENT_FILE_WRITER_H

#include "content/file_store.h"
#include "content/manifest.h"

struct file_writer;

enum failure file_writer_new(const struct file_store *fs, struct file_writer **w, struct error *e);
/* What has not taken its place, or was not to be kept there, is gone; what was there before is
 * there again, if nobody has put anything else there meanwhile. */
void file_writer_free(struct file_writer *w);
DEFINE_OWNED(struct file_writer *, file_writer_free)

enum failure file_writer_add(struct file_writer *w, struct bytes more, struct error *e);
/* What was added until now is durable; the place, later, has less to wait for then. */
enum failure file_writer_sync(struct file_writer *w, struct error *e);
uint64_t file_writer_size(const struct file_writer *w);
/* Durable, and in its place. Its time is the present, but newer than that of the version that the
 * file had (0: none), so that nobody takes it for an older one. */
enum failure file_writer_place(struct file_writer *w, const struct file_name *name,
                               int64_t newer_than_ns, struct manifest *manifest, struct error *e);
void file_writer_keep(struct file_writer *w);

#endif
