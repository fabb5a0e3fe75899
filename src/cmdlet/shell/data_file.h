/* A file of the caller's that is too large for memory: read in parts, or written line by line into
 * a temporary one beside its place, which takes that when it is whole. Written compressed by zstd
 * if its name ends in .zst; read so if it begins so. Knows nothing of what is in it. */
#ifndef POLLUX_CMDLET_SHELL_DATA_FILE_H
#define POLLUX_CMDLET_SHELL_DATA_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

enum {
    DATA_FILE_MODE = 0600, /* what people have is nobody else's business */
    DATA_FILE_LEVEL = 3,   /* of zstd: faster than what is sent */
    /* Of what is read back: whoever compressed it by hand may have asked for more than we do. 2^27
     * bytes, as the program zstd takes without being asked. */
    DATA_FILE_WINDOW_LOG_MAX = 27,
};

struct data_file;

/* Where it is on this machine: of a path with a drive letter, the file's name in the current
 * folder. Owned by the caller; `*moved`: it is such a one. */
char *data_file_path(const char *typed, bool *moved);

enum failure data_file_open(const char *path, struct data_file **file, struct error *e);
/* The next bytes, up to `size`; 0: the end. FAIL_DAMAGED: it is not what zstd made. */
enum failure data_file_read(struct data_file *file, void *to, size_t size, size_t *got,
                            struct error *e);
uint64_t data_file_size(const struct data_file *file);     /* as it lies on the disk */
uint64_t data_file_position(const struct data_file *file); /* in that */

enum failure data_file_create(const char *path, struct data_file **file, struct error *e);
enum failure data_file_write(struct data_file *file, struct bytes bytes, struct error *e);
/* Puts it in its place; one that stands there is replaced only with `replaces`. Closes it. */
enum failure data_file_finish(struct data_file *file, bool replaces, struct error *e);

/* What was written and not finished is gone. NULL does nothing. */
void data_file_close(struct data_file *file);

#endif
