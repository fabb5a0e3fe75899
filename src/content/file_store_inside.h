/* What the files of this part share: a file store from inside. */
#ifndef POLLUX_CONTENT_FILE_STORE_INSIDE_H
#define POLLUX_CONTENT_FILE_STORE_INSIDE_H

#include <sys/stat.h>

#include "content/file_store.h"
#include "content/folders.h"

struct removals;

struct file_store {
    char *path;
    char *pool;
    struct removals *removals; /* that are under way */
};

enum { ASIDE_NAME_SIZE = 80 }; /* a moment, and a little more */

struct file_stamp stamp_of(const struct stat *st);
/* The names in a folder, which is closed. */
enum failure walk_folder(int folder, bool folders_only, file_store_visit *visit, void *context,
                         struct error *e);

/* file_aside.c: <own folder>/<home>/<conference>, made; and setting aside, under which name. */
int own_folder(int root, const char *own, const struct file_name *name);
enum failure move_aside(const struct file_store *fs, const struct file_name *name, const char *why,
                        char as[ASIDE_NAME_SIZE], struct error *e);

/* The same of what a process left in one of our own folders, of that file. */
enum failure move_left_aside(const struct file_store *fs, int folder, const char *entry,
                             const struct file_name *name, const char *why, struct error *e);

/* file_removal.c */
void file_store_change(const struct file_store *fs, const struct file_name *name, bool begins);
struct removals *removals_new(void);
void removals_free(struct removals *removals);

#endif
