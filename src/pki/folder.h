/* Files that must be there whole after a power cut, or not at all.
 *
 * A folder is locked for as long as it is open, so that two people who type commands at the same
 * time take turns. Each file is staged (written beside as NAME.new, flushed) and then committed
 * (renamed, folder flushed). It knows nothing about what is in the files. */
#ifndef POLLUX_PKI_FOLDER_H
#define POLLUX_PKI_FOLDER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/error.h"

struct folder;

/* Waits until nobody else of us has it open. With `create` a missing folder is made, for its owner
 * only; its parent must exist. */
struct folder *folder_open(const char *path, bool create, struct error *e);
void folder_close(struct folder *f);
DEFINE_OWNED(struct folder *, folder_close)

bool folder_has(const struct folder *f, const char *name); /* whatever it is, even a broken link */
/* `mode` holds from the first instant of the file on (and the umask may take from it). */
enum failure folder_stage(struct folder *f, const char *name, struct bytes content, mode_t mode,
                          struct error *e);
/* Puts what was staged in the place of what was there. Durable when it returns. */
enum failure folder_commit(struct folder *f, const char *name, struct error *e);
bool folder_has_staged(const struct folder *f, const char *name);
void folder_discard(struct folder *f, const char *name); /* what was staged, if anything was */
void folder_remove(struct folder *f, const char *name);

/* The whole file. What is read may be secret: release it with OWNED(secret_free). */
enum failure file_read(const char *path, struct buffer *content, struct error *e);
void secret_free(struct buffer *b); /* wipes, then releases */
static inline void owned_secret_free(struct buffer *b)
{
    secret_free(b);
}

#endif
