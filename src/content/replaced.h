/* What a file takes the place of is kept until that is durable as a change of its home: a second
 * name of it, by which it is put back at the start if the process, or the power, went before. For
 * the files of this room. */
#ifndef POLLUX_CONTENT_REPLACED_H
#define POLLUX_CONTENT_REPLACED_H

#include "content/folders.h"

struct replaced {
    int folder;    /* -1: nothing is kept */
    char name[32]; /* there; with REPLACED_OF behind it, a link whose text says of which file */
};
#define REPLACED_NOTHING ((struct replaced){.folder = -1})

/* Before another file is put there, into `folder`. If nothing is there, nothing is kept. */
enum failure replaced_keep(const struct file_store *fs, int folder, const struct file_name *name,
                           struct replaced *replaced, struct error *e);
void replaced_drop(struct replaced *replaced);

/* At the start: what its manifest still means is back in its place, and what lies there aside. */
enum failure replaced_tidy(const struct file_store *fs, file_store_keeps *keeps, void *context,
                           struct error *e);

#endif
