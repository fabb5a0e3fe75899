#include "store/sqlite_spare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/memory.h"

/* --- slots --- */

enum {
    SLOT_MAGIC = 0x52415053, /* "SPAR" */
    SLOT_END = 16,           /* behind the page: the magic, the page's number, their sum */
};

static uint64_t sum_of(const uint8_t *page, size_t size, int number)
{
    return XXH3_64bits_withSeed(page, size, (uint64_t)number);
}

static off_t slot_at(int number, size_t size)
{
    return (off_t)((size_t)(number - 1) * (size + SLOT_END));
}

static off_t spare_size(size_t page_size)
{
    return slot_at(SPARE_PAGES + 1, page_size);
}

static bool is_page_size(size_t size)
{
    return size >= PAGE_SIZE_MIN && size <= PAGE_SIZE_MAX && (size & (size - 1)) == 0;
}

static bool write_all(int fd, const uint8_t *bytes, size_t size, off_t at)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(fd, bytes + done, size - done, at + (off_t)done);
        if (n <= 0 && errno != EINTR)
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool write_slot(int fd, const uint8_t *page, size_t size, int number)
{
    OWNED(buffer_free) struct buffer slot = {0};
    buffer_raw(&slot, page, size);
    buffer_u32(&slot, SLOT_MAGIC);
    buffer_u32(&slot, (uint32_t)number);
    buffer_u64(&slot, sum_of(page, size, number));
    return write_all(fd, slot.at, slot.size, slot_at(number, size));
}

static bool read_slot(int fd, struct first_pages *pages, int number)
{
    uint8_t end[SLOT_END], *page = first_page(pages, number);
    off_t at = slot_at(number, pages->size);
    if (pread(fd, page, pages->size, at) != (ssize_t)pages->size ||
        pread(fd, end, SLOT_END, at + (off_t)pages->size) != SLOT_END)
        return false;
    struct cursor in = cursor_over(bytes_of(end, sizeof end));
    return cursor_u32(&in) == SLOT_MAGIC && cursor_u32(&in) == (uint32_t)number &&
           cursor_u64(&in) == sum_of(page, pages->size, number);
}

/* --- the whole of it --- */

void first_pages_free(struct first_pages pages)
{
    free(pages.at);
}

static bool read_slots(int fd, struct first_pages *pages)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size > spare_size(PAGE_SIZE_MAX))
        return false;
    size_t size = (size_t)st.st_size / SPARE_PAGES;
    if (size < SLOT_END || !is_page_size(size - SLOT_END) ||
        spare_size(size - SLOT_END) != st.st_size)
        return false;
    *pages = (struct first_pages){size - SLOT_END, xmalloc((size_t)st.st_size)};
    for (int number = 1; number <= SPARE_PAGES; number++) {
        if (!read_slot(fd, pages, number))
            return false;
    }
    return true;
}

/* Beside the file itself, not beside a link to it: SQLite calls it by that name. */
static char *path_of(const char *store)
{
    OWNED(free_memory) char *file = realpath(store, NULL);
    return xasprintf("%s" SPARE, file ? file : store);
}

bool spare_read(const char *store, struct first_pages *pages)
{
    OWNED(free_memory) char *path = path_of(store);
    *pages = (struct first_pages){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool whole = fd >= 0 && read_slots(fd, pages);
    if (fd >= 0)
        close(fd);
    if (!whole)
        free(TAKE(pages->at));
    return whole;
}

/* Cut off first: until it is whole again, nobody takes what is left of it for one. */
static bool write_slots(int fd, const struct first_pages *pages)
{
    if (ftruncate(fd, 0) != 0)
        return false;
    for (int number = 1; number <= SPARE_PAGES; number++) {
        if (!write_slot(fd, first_page(pages, number), pages->size, number))
            return false;
    }
    return fdatasync(fd) == 0;
}

/* Also where nothing can be written any more. */
static void make_unusable(const char *path, int fd)
{
    int why = errno;
    if (fd < 0 || ftruncate(fd, 0) != 0)
        unlink(path);
    errno = why;
}

static int open_spare(const char *path, int flags)
{
    return open(path, O_RDWR | O_CLOEXEC | flags, 0600);
}

bool spare_make(const char *store, const struct first_pages *pages)
{
    OWNED(free_memory) char *path = path_of(store);
    int fd = open_spare(path, O_CREAT);
    bool made = fd >= 0 && write_slots(fd, pages);
    if (!made)
        make_unusable(path, fd);
    if (fd >= 0)
        close(fd);
    return made;
}

void spare_drop(const char *store)
{
    OWNED(free_memory) char *path = path_of(store);
    int fd = open_spare(path, 0);
    make_unusable(path, fd);
    if (fd >= 0)
        close(fd);
}

void spare_tell(const char *store, int why)
{
    log_event(LOG_EVENT_WARNING, "store-spare-failed",
              "%s" SPARE " can't be written (%s). Nothing is lost; but until it can be, damage to "
              "the first pages of %s does not heal by itself.",
              store, strerror(why), store);
}

/* --- following --- */

struct spare {
    const char *store;
    char *path;
    int fd;           /* -1: not open; most connections never write a page */
    size_t page_size; /* as they are written */
    bool written, unusable, told;
};

struct spare *spare_follow(const char *store)
{
    struct spare *spare = xcalloc(1, sizeof *spare);
    *spare = (struct spare){.store = store, .path = xasprintf("%s" SPARE, store), .fd = -1};
    return spare;
}

void spare_leave(struct spare *spare)
{
    if (spare->fd >= 0)
        close(spare->fd);
    free(spare->path);
    free(spare);
}

static void give_up(struct spare *spare)
{
    make_unusable(spare->path, spare->fd);
    spare->unusable = true;
}

void spare_write(struct spare *spare, const void *bytes, int size, int64_t at)
{
    if (at >= (int64_t)SPARE_PAGES * size)
        return;
    spare->written = true;
    spare->page_size = (size_t)size;
    if (spare->fd < 0)
        spare->fd = open_spare(spare->path, 0);
    int number = (int)(at / size) + 1;
    if (spare->fd < 0 || at % size != 0 || !is_page_size((size_t)size) ||
        !write_slot(spare->fd, bytes, (size_t)size, number))
        give_up(spare);
}

/* Of a new file the first pages come one by one. */
static bool make_anew(struct spare *spare, spare_read_page *read, void *context)
{
    size_t size = spare->page_size;
    OWNED(first_pages_free) struct first_pages pages = {size, xmalloc(SPARE_PAGES * size)};
    for (int number = 1; number <= SPARE_PAGES; number++) {
        if (!read(context, first_page(&pages, number), (int)size,
                  (int64_t)((size_t)(number - 1) * size)))
            return false;
    }
    spare->unusable = !spare_make(spare->store, &pages);
    if (spare->unusable && !spare->told)
        spare_tell(spare->store, errno);
    spare->told = spare->unusable;
    return !spare->unusable;
}

/* Somebody else may have given it up. */
static bool is_usable(const struct spare *spare)
{
    struct stat st;
    return !spare->unusable && spare->fd >= 0 && fstat(spare->fd, &st) == 0 && st.st_nlink > 0 &&
           st.st_size == spare_size(spare->page_size);
}

void spare_sync(struct spare *spare, spare_read_page *read, void *context)
{
    if (!spare->written)
        return;
    bool usable = is_usable(spare);
    if (usable && fdatasync(spare->fd) != 0) {
        give_up(spare);
        usable = false;
    }
    if (!usable) {
        if (spare->fd >= 0)
            close(spare->fd);
        spare->fd = -1;
        usable = make_anew(spare, read, context);
    }
    spare->written = !usable;
}
