#include "store/sqlite_mend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/count.h"
#include "base/log.h"
#include "store/sqlite_beside.h"
#include "store/sqlite_look.h"
#include "store/sqlite_spare.h"

struct page_set {
    bool of[SPARE_PAGES + 1]; /* by the page's number */
    int count;
};

/* --- the file --- */

/* A sector that the disk can't read any more is damaged like another. */
static bool read_page(int fd, const struct first_pages *pages, int number)
{
    off_t at = (off_t)((size_t)(number - 1) * pages->size);
    ssize_t n = pread(fd, first_page(pages, number), pages->size, at);
    if (n < 0 && errno == EIO)
        memset(first_page(pages, number), 0, pages->size);
    return n == (ssize_t)pages->size || (n < 0 && errno == EIO);
}

static bool read_pages(const char *path, size_t size, struct first_pages *pages)
{
    *pages = (struct first_pages){size, xmalloc(SPARE_PAGES * size)};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool got = fd >= 0;
    for (int number = 1; got && number <= SPARE_PAGES; number++)
        got = read_page(fd, pages, number);
    if (fd >= 0)
        close(fd);
    return got;
}

/* Only some of them, or (NULL) all. */
static enum failure write_pages(const char *path, const struct first_pages *pages,
                                const struct page_set *some, struct error *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool done = fd >= 0;
    for (int number = 1; done && number <= SPARE_PAGES; number++) {
        off_t at = (off_t)((size_t)(number - 1) * pages->size);
        if (!some || some->of[number])
            done = pwrite(fd, first_page(pages, number), pages->size, at) == (ssize_t)pages->size;
    }
    done = done && fsync(fd) == 0;
    enum failure bad = done ? OK : beside_failed("written", path, e);
    if (fd >= 0)
        close(fd);
    return bad;
}

/* --- the header, as SQLite has it on the first page --- */

enum {
    HEADER_PAGE_SIZE = 16, /* 1: 65536 */
    HEADER_COUNTER = 24,   /* another one whenever SQLite writes the page, … */
    HEADER_VALID_FOR = 92, /* … and then this is the same */
    HEADER_PAGE_SIZE_LARGEST = 1,
};

static size_t page_size_of(const uint8_t header[HEADER_PAGE_SIZE + 2])
{
    size_t size = (size_t)header[HEADER_PAGE_SIZE] << 8 | header[HEADER_PAGE_SIZE + 1];
    return size == HEADER_PAGE_SIZE_LARGEST ? PAGE_SIZE_MAX : size;
}

static bool equal_fields(const uint8_t *a, size_t at, const uint8_t *b, size_t there)
{
    return memcmp(a + at, b + there, sizeof(uint32_t)) == 0;
}

/* Since or before it was the spare's, and as a whole: a flipped bit leaves the counter alone, or
 * tears both fields apart. */
static bool was_written_by_sqlite(const uint8_t *page, const uint8_t *spare)
{
    static const char magic[] = "SQLite format 3";
    return memcmp(page, magic, sizeof magic) == 0 &&
           equal_fields(page, HEADER_COUNTER, page, HEADER_VALID_FOR) &&
           !equal_fields(page, HEADER_COUNTER, spare, HEADER_COUNTER);
}

/* --- the log, as SQLite writes it --- */

enum {
    LOG_PAGE_SIZE = 8, /* in its header; all numbers have their high byte first */
    LOG_SALT = 16,     /* another one whenever it begins anew */
    LOG_HEADER = 32,
    FRAME_SALT = 8, /* the header's, in front of each page, behind the page's number */
    FRAME_HEADER = 24,
    SALT_SIZE = 8,
};

static uint32_t number_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool find_in_log(int fd, uint32_t number)
{
    uint8_t header[LOG_HEADER], frame[FRAME_HEADER];
    if (pread(fd, header, sizeof header, 0) != (ssize_t)sizeof header)
        return false;
    off_t each = (off_t)number_at(header + LOG_PAGE_SIZE) + FRAME_HEADER;
    for (off_t at = LOG_HEADER; pread(fd, frame, sizeof frame, at) == (ssize_t)sizeof frame;
         at += each) {
        if (memcmp(frame + FRAME_SALT, header + LOG_SALT, SALT_SIZE) != 0)
            return false; /* of another time */
        if (number_at(frame) == number)
            return true;
    }
    return false;
}

static bool log_has(const struct sqlite_engine *engine, uint32_t number)
{
    OWNED(free_memory) char *path = beside_path(engine, LOG);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool found = fd >= 0 && find_in_log(fd, number);
    if (fd >= 0)
        close(fd);
    return found;
}

/* --- which of both is right --- */

static struct page_set compare(const struct first_pages *a, const struct first_pages *b)
{
    struct page_set found = {0};
    for (int number = 1; number <= SPARE_PAGES; number++) {
        found.of[number] = memcmp(first_page(a, number), first_page(b, number), a->size) != 0;
        found.count += found.of[number];
    }
    return found;
}

enum { SCHEMA_PAGE = 1, HOMES_PAGE = 3 };

/* Else it is of another one, or of another time: then both of these pages are others, or the
 * schema's is another one that SQLite wrote. */
static bool is_of_this_file(const struct first_pages *file, const struct first_pages *spare,
                            const struct page_set *differ)
{
    if (differ->count > MENDED_MAX)
        return false;
    return !differ->of[SCHEMA_PAGE] ||
           (!differ->of[HOMES_PAGE] && !was_written_by_sqlite(file->at, spare->at));
}

/* Also a foreign one, which is not SQLite's any more or has another owner; a newer one, as its
 * version stands on the first page; and what SQLite does not understand of the schema. */
static bool tells_of_damage(enum failure kind)
{
    return kind == FAIL_DAMAGED || kind == FAIL_FOREIGN || kind == FAIL_NEWER || kind == FAIL_IO;
}

/* And how closely to look then, to see whether that is what was wrong. What is wrong on the first
 * page does not always show: how much of the file is free, say. But where the power went while it
 * was written, it is in the log, too, and is read there. */
static bool is_damaged(const struct sqlite_engine *engine, const struct page_set *differ,
                       enum look *how)
{
    *how = LOOK_AT_SUMS;
    if ((differ->of[SCHEMA_PAGE] && !log_has(engine, SCHEMA_PAGE)) ||
        tells_of_damage(sqlite_look(engine, *how, NULL)))
        return true;
    *how = LOOK_CLOSELY;
    return tells_of_damage(sqlite_look(engine, *how, NULL));
}

/* --- mending --- */

static void tell(const struct sqlite_engine *engine, const struct page_set *differ)
{
    char pages[64] = "";
    for (int number = 1, told = 0; number <= SPARE_PAGES; number++) {
        size_t at = strlen(pages);
        if (differ->of[number])
            snprintf(pages + at, sizeof pages - at, "%s%d", told++ ? " and " : "", number);
    }
    log_event(LOG_EVENT_WARNING, "store-mended",
              "%s was damaged: %s %s of it %s put back from %s" SPARE ". What was there is kept in "
              "%s" SPARE_REPLACED ".",
              engine->path, differ->count == 1 ? "page" : "pages", pages,
              count_word((uint64_t)differ->count, "was", "were"), engine->path, engine->path);
}

/* The nth of the sets that are some of these, each behind those that it contains; the first is 1.
 * False: it lacks the schema's page, which is damaged if it differs. */
static bool pick(const struct page_set *differ, int nth, struct page_set *some)
{
    *some = (struct page_set){0};
    for (int number = 1, bit = 1; number <= SPARE_PAGES; number++) {
        if (!differ->of[number])
            continue;
        some->of[number] = (nth & bit) != 0;
        some->count += some->of[number];
        bit <<= 1;
    }
    return some->of[SCHEMA_PAGE] == differ->of[SCHEMA_PAGE];
}

/* As few as will do: what else differs may be newer than the spare. */
static enum failure mend(struct sqlite_engine *engine, const struct first_pages *file,
                         const struct first_pages *spare, enum look how, struct error *e)
{
    OWNED(free_memory) char *kept = beside_path(engine, SPARE_REPLACED);
    struct page_set differ = compare(file, spare), some;
    enum failure bad = write_pages(kept, file, NULL, e);
    for (int nth = 1; !bad && nth < 1 << differ.count; nth++) {
        if (!pick(&differ, nth, &some))
            continue;
        bad = write_pages(engine->path, spare, &some, e);
        if (!bad && sqlite_look(engine, how, NULL) == OK) {
            tell(engine, &some);
            atomic_store(&engine->base.damaged, true); /* there may be more */
            return OK;
        }
        enum failure worse = write_pages(engine->path, file, &some, bad ? NULL : e);
        bad = bad ? bad : worse;
    }
    return bad ? bad : beside_drop(engine, SPARE_REPLACED, e);
}

enum failure sqlite_mend(struct sqlite_engine *engine, struct error *e)
{
    OWNED(first_pages_free) struct first_pages spare = {0}, file = {0};
    struct stat journal;
    enum look how;
    if (!spare_read(engine->path, &spare) || !read_pages(engine->path, spare.size, &file) ||
        beside_is_there(engine, JOURNAL, &journal))
        return OK;
    struct page_set differ = compare(&file, &spare);
    if (!differ.count || !is_of_this_file(&file, &spare, &differ) ||
        !is_damaged(engine, &differ, &how))
        return OK;
    return mend(engine, &file, &spare, how, e);
}

/* --- the spare --- */

static size_t read_page_size(const char *path)
{
    uint8_t header[HEADER_PAGE_SIZE + 2];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool got = fd >= 0 && pread(fd, header, sizeof header, 0) == (ssize_t)sizeof header;
    if (fd >= 0)
        close(fd);
    return got ? page_size_of(header) : 0;
}

void sqlite_spare_bring_up(const struct sqlite_engine *engine)
{
    OWNED(first_pages_free) struct first_pages spare = {0}, file = {0};
    size_t size = read_page_size(engine->path);
    if (!size || !read_pages(engine->path, size, &file))
        return;
    if (spare_read(engine->path, &spare) && spare.size == size && !compare(&file, &spare).count)
        return;
    if (!spare_make(engine->path, &file))
        spare_tell(engine->path, errno);
}
