/* The file store: a plain tree of folders that people can read and other programs may change.
 *
 *     <file store>/<home>/<conference>/<file>
 *     <file store>/.pollux-file-store          its marker: one line, the pool it belongs to
 *     <file store>/.pollux/incoming/           files that are not whole yet, and those whose next
 *                                              version is not durable
 *     <file store>/.pollux/removed/            files whose deletion is not durable yet
 *     <file store>/.pollux/aside/<home>/…      what was found and nobody serves
 *
 * Without its marker nothing is read and nothing is written: a file store that is not mounted looks
 * like one in which everything was deleted. No symbolic link is followed, and no way leads out of
 * the tree. Any thread; it knows nothing of items, homes and modes. */
#ifndef POLLUX_CONTENT_FILE_STORE_H
#define POLLUX_CONTENT_FILE_STORE_H

#include "content/name.h"
#include "core/content.h"

#define FILE_STORE_MARKER ".pollux-file-store"

struct file_store;

/* Touches nothing yet. */
struct file_store *file_store_new(const char *path, const char *pool);
void file_store_free(struct file_store *fs);
DEFINE_OWNED(struct file_store *, file_store_free)
const char *file_store_path(const struct file_store *fs);
const char *file_store_pool(const struct file_store *fs);

/* Is it there, with its marker? Else what to do. */
enum failure file_store_check(const struct file_store *fs, struct error *e);
/* The explicit act: makes the folder that is there this pool's file store. Again does nothing. */
enum failure file_store_mark(const struct file_store *fs, struct error *e);
/* Another number when another folder lies at its path: it was mounted, unmounted or replaced. 0:
 * there is none. */
uint64_t file_store_identity(const struct file_store *fs);

/* What lies there; not whether it is what it should be. */
enum failure file_store_look(const struct file_store *fs, const struct file_name *name,
                             enum file_found *found, struct file_stamp *stamp, struct error *e);
/* For reading; the caller closes it. FAIL_NOT_FOUND: there is no such file. */
enum failure file_store_open(const struct file_store *fs, const struct file_name *name, int *fd,
                             struct file_stamp *stamp, struct error *e);

/* A deletion is to be durable as a change of its home before the file is gone for good:
 *
 *     file_removal_begin(…);  delete its manifest;  file_removal_end(removal, was that durable?);
 *
 * Until the end the file is nobody's; not durable puts it back, if nothing else lies there by then.
 * That there is no such file is no failure. Where the home is served, file_removal_settle() goes
 * before the change: what came back by a power failure after it would be a new file. */
struct file_removal;
/* Is one under way, or a file being put there that its users replace or add? (Now and then yes,
 * though it is of another name: it is to be asked again.) What is missing then is not lost, and
 * must not be brought back; and what lies there may go again. */
bool file_store_changes(const struct file_store *fs, const struct file_name *name);
/* While this is held, none begins: whoever puts a missing file back asks, puts, and releases. */
void file_store_hold(const struct file_store *fs);
void file_store_release(const struct file_store *fs);
enum failure file_removal_begin(const struct file_store *fs, const struct file_name *name,
                                struct file_removal **removal, struct error *e);
/* The same where another version is to come: what lies there is set aside, from the beginning, so
 * that whenever the power goes it is in nobody's way. If the change does not become durable, it is
 * put back, or brought back from there. */
enum failure file_removal_begin_aside(const struct file_store *fs, const struct file_name *name,
                                      const char *why, struct file_removal **removal,
                                      struct error *e);
/* That it is out of its place is durable; and so is it of all of its conference that began before
 * and are to be gone. */
enum failure file_removal_settle(const struct file_removal *removal, struct error *e);
void file_removal_end(struct file_removal *removal, bool durable);

/* Out of the way of whatever belongs there, whatever it is; it is told where to. A conference's
 * folder that is none is meant if `name->file` is empty. */
enum failure file_store_set_aside(const struct file_store *fs, const struct file_name *name,
                                  const char *why, struct error *e);
/* One that was set aside, by its stamp; for reading, the caller closes it. False: there is none. */
bool file_store_open_aside(const struct file_store *fs, const struct file_name *name,
                           struct file_stamp stamp, int *fd);
enum failure file_store_set_time(const struct file_store *fs, const struct file_name *name,
                                 int64_t time_ns, struct error *e);
/* Everything that was written is durable, in one round for however many files. */
enum failure file_store_sync(const struct file_store *fs, struct error *e);
/* What other processes left: what was not whole is gone; what was to be removed and is still meant,
 * by its manifest, is back unless something else lies there; and so is what was to be replaced,
 * which goes before what lies there. What was removed or replaced for good is gone; whatever else
 * it is, it is set aside. Of what nobody can tell nothing is touched. */
enum file_meant {
    MEANT,
    MEANT_GONE,    /* it was deleted or replaced, durably */
    MEANT_NOT,     /* there is no manifest of it */
    MEANT_UNKNOWN, /* its home is not in the store, or can't be read */
};
typedef enum file_meant file_store_keeps(const struct file_name *name, struct file_stamp *stamp,
                                         void *context);
enum failure file_store_tidy(const struct file_store *fs, file_store_keeps *keeps, void *context,
                             struct error *e);

/* Walking. Names that no content can have are left out of the walks; of the others each call tells
 * one, and what stops it is false. The order is the file system's. What lies among the folders of
 * conferences and is none is told as well; there are no files in it. */
typedef bool file_store_visit(const char *name, void *context);
enum failure file_store_conferences(const struct file_store *fs, const char *home,
                                    file_store_visit *visit, void *context, struct error *e);
enum failure file_store_files(const struct file_store *fs, const char *home, const char *conference,
                              file_store_visit *visit, void *context, struct error *e);
bool file_store_no_folder(const struct file_store *fs, const char *home, const char *conference);

#endif
