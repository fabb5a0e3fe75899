/* Ways inside of a file store: descriptors of its folders, found without following any symbolic
 * link and without leaving it. For the files of this room. */
#ifndef POLLUX_CONTENT_FOLDERS_H
#define POLLUX_CONTENT_FOLDERS_H

#include "content/file_store.h"

#define FOLDER_OWN      ".pollux"
#define FOLDER_INCOMING FOLDER_OWN "/incoming"
#define FOLDER_REMOVED  FOLDER_OWN "/removed"
#define FOLDER_ASIDE    FOLDER_OWN "/aside"

void close_fd(int fd);
DEFINE_OWNED(int, close_fd)

/* What the kernel said, with its meaning for us: full, read-only, not there, a link in the way. */
enum failure folder_failure(const char *what, const char *path, int number, struct error *e);

/* The file store's root, after its marker was seen there. */
enum failure folder_root(const struct file_store *fs, int *root, struct error *e);
/* As openat2(): below `folder`, through no link. -1 and errno. */
int below_open(int folder, const char *path, int flags, unsigned mode);
/* The same for a folder that is made if it is not there, and those above it. */
int below_make(int folder, const char *path);
/* "<home>/<conference>". Without `make` FAIL_NOT_FOUND if it is not there. */
enum failure folder_of(const struct file_store *fs, const struct file_name *name, bool make,
                       int *folder, struct error *e);
/* A name in one of our own folders that nothing else has; and whether this process gave it. */
void folder_random_name(char name[32]);
bool folder_name_is_ours(const char *name);

#endif
