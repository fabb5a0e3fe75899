/* The spare: a second copy of the first pages of the store's file, in a file of its own beside it.
 *
 * Damage to other pages is mended from their rows, or from the partner; but of what is on these
 * (the schema, whose store it is, the homes' states, the records) there is nothing else on this
 * machine. Each page has a slot, with a sum at its end; one that was not written whole is none, and
 * a spare that lacks one is as if there were none. Nobody waits for a spare, and nothing fails
 * because of it. It knows nothing about what is on the pages. */
#ifndef POLLUX_STORE_SQLITE_SPARE_H
#define POLLUX_STORE_SQLITE_SPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SPARE_PAGES = 6, /* meta, home and its index, record, replaced, behind the schema */
    PAGE_SIZE_MIN = 512,
    PAGE_SIZE_MAX = 65536,
};

#define SPARE          ".spare"          /* the spare */
#define SPARE_REPLACED ".spare-replaced" /* what the pages were that it has taken the place of */

/* The first pages, one behind the other. */
struct first_pages {
    size_t size; /* of each */
    uint8_t *at;
};

void first_pages_free(struct first_pages pages);
static inline void owned_first_pages_free(struct first_pages *pages)
{
    first_pages_free(*pages);
}

static inline uint8_t *first_page(const struct first_pages *pages, int number)
{
    return pages->at + (size_t)(number - 1) * pages->size;
}

/* False: there is none, or it is not whole. */
bool spare_read(const char *store, struct first_pages *pages);
/* False, and errno: it can't be written, and then there is none. */
bool spare_make(const char *store, const struct first_pages *pages);

/* Behind it nothing is left of one. */
void spare_drop(const char *store);

/* That it can't be written, to people. */
void spare_tell(const char *store, int why);

/* For whoever writes the store's file: what goes there goes into the spare, too. */
struct spare;

/* The store's path stays while it is followed. */
struct spare *spare_follow(const char *store);
void spare_leave(struct spare *spare);
/* Before the same is written there. */
void spare_write(struct spare *spare, const void *bytes, int size, int64_t at);
/* Before that is synced; reads the pages there if the spare has to be made anew. */
typedef bool spare_read_page(void *context, void *bytes, int size, int64_t at);
void spare_sync(struct spare *spare, spare_read_page *read, void *context);

#endif
