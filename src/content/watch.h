/* What other programs do in a home's part of the file store, as the kernel tells it (inotify). It
 * tells which names to look at, and not what happened to them. Any thread. */
#ifndef POLLUX_CONTENT_WATCH_H
#define POLLUX_CONTENT_WATCH_H

#include "content/file_store.h"

enum { WATCH_FOLDERS_MAX = 1 << 20 };

struct watch;

/* NULL: the kernel gives no more of them; then everything must be scanned now and then. */
struct watch *watch_new(void);
void watch_free(struct watch *watch);
DEFINE_OWNED(struct watch *, watch_free)

/* From here on, whatever happens in this folder; with "" in the home's own, where conferences come
 * and go. False: the kernel watches no more folders. */
bool watch_folder(struct watch *watch, const struct file_store *fs, const char *home,
                  const char *conference);

enum watch_news {
    WATCH_WRITTEN,  /* by somebody who may not be done yet */
    WATCH_FINISHED, /* closed after writing, moved there, gone */
    WATCH_FOLDER,   /* the whole of a conference's folder; `file` is "" */
};
typedef void watch_visit(const char *conference, const char *file, enum watch_news news,
                         void *context);
/* Tells what there is, without waiting. False: something was lost on the way, or the file store was
 * unmounted: everything must be looked at. */
bool watch_read(struct watch *watch, watch_visit *visit, void *context);

#endif
