/* What a file takes the place of lies among the files that are not whole, until the new one is
 * durable as a change of its home. A link beside it says of which file it is, so that it is put
 * back at the start if the process, or the power, went before. For the files of this room. */
#ifndef POLLUX_CONTENT_REPLACED_H
#define POLLUX_CONTENT_REPLACED_H

#include "content/folders.h"

/* Durable, before it is exchanged: what is going to lie in `folder` under `as` is that file's. */
enum failure replaced_note(int folder, const char *as, const struct file_name *name,
                           struct error *e);
/* With what lies there. */
void replaced_forget(int folder, const char *as);
/* What another process left there: whole and still meant by its manifest, it is in its place again,
 * and what lies there aside. What was replaced for good, or never whole, is gone; of the rest what
 * is known to be somebody's goes aside, and what nobody can tell stays. */
enum failure replaced_tidy(const struct file_store *fs, int folder, file_store_keeps *keeps,
                           void *context, struct error *e);

#endif
