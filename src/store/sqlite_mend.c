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

/* Else it is of another one, or of another time. */
static bool is_of_this_file(const struct page_set *differ)
{
    return differ->count <= MENDED_MAX && !(differ->of[SCHEMA_PAGE] && differ->of[HOMES_PAGE]);
}

/* Also a foreign one, which is not SQLite's any more or has another owner; and what SQLite does not
 * understand of the schema. What fails otherwise may pass; and one of a newer version is right. */
static bool tells_of_damage(enum failure kind, const struct page_set *differ)
{
    return kind == FAIL_DAMAGED || kind == FAIL_FOREIGN ||
           (kind == FAIL_IO && differ->of[SCHEMA_PAGE]);
}

/* What is wrong on the first page does not always show in what can be read: how much of the file is
 * free, say. With a first page of another time, the next change would write on what is not. */
static enum failure look(const struct sqlite_engine *engine, const struct page_set *differ)
{
    return sqlite_look(engine, differ->of[SCHEMA_PAGE] ? LOOK_CLOSELY : LOOK_AT_SUMS, NULL);
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
 */
static struct page_set pick(const struct page_set *differ, int nth)
{
    struct page_set some = {0};
    for (int number = 1, bit = 1; number <= SPARE_PAGES; number++) {
        if (!differ->of[number])
            continue;
        some.of[number] = (nth & bit) != 0;
        some.count += some.of[number];
        bit <<= 1;
    }
    return some;
}

/* As few as will do: what else differs may be newer than the spare. `*mended`: with these it is
 * right; else it is as it was. */
static enum failure mend(struct sqlite_engine *engine, const struct first_pages *file,
                         const struct first_pages *spare, const struct page_set *differ,
                         bool *mended, struct error *e)
{
    OWNED(free_memory) char *kept = beside_path(engine, SPARE_REPLACED);
    enum failure bad = write_pages(kept, file, NULL, e);
    for (int nth = 1; !bad && nth < 1 << differ->count; nth++) {
        const struct page_set some = pick(differ, nth);
        bad = write_pages(engine->path, spare, &some, e);
        *mended = !bad && look(engine, differ) == OK;
        if (*mended) {
            tell(engine, &some);
            atomic_store(&engine->base.damaged, true); /* there may be more */
            return OK;
        }
        enum failure worse = write_pages(engine->path, file, &some, bad ? NULL : e);
        bad = bad ? bad : worse;
    }
    return bad ? bad : beside_drop(engine, SPARE_REPLACED, e);
}

/* Beside the file itself, not beside a link to it. SQLite undoes what it is about when it opens the
 * file, by which that is not any more what was read here. */
static bool has_journal(const struct sqlite_engine *engine)
{
    OWNED(free_memory) char *file = realpath(engine->path, NULL);
    OWNED(free_memory) char *journal = xasprintf("%s" JOURNAL, file ? file : engine->path);
    return access(journal, F_OK) == 0;
}

enum failure sqlite_mend(struct sqlite_engine *engine, struct error *e)
{
    OWNED(first_pages_free) struct first_pages spare = {0}, file = {0};
    bool mended = false;
    if (!spare_read(engine->path, &spare) || !read_pages(engine->path, spare.size, &file))
        return OK;
    struct page_set differ = compare(&file, &spare);
    if (!differ.count)
        return OK;
    enum failure bad = OK;
    if (!has_journal(engine) && is_of_this_file(&differ) &&
        tells_of_damage(look(engine, &differ), &differ))
        bad = mend(engine, &file, &spare, &differ, &mended, e);
    if (!mended) /* what is written next would make one of two times of it */
        spare_drop(engine->path);
    return bad;
}

/* --- the spare --- */

enum {
    HEADER_PAGE_SIZE = 16, /* of the file, as SQLite has it; 1: 65536 */
    HEADER_PAGE_SIZE_LARGEST = 1,
};

static size_t page_size_of(const uint8_t header[HEADER_PAGE_SIZE + 2])
{
    size_t size = (size_t)header[HEADER_PAGE_SIZE] << 8 | header[HEADER_PAGE_SIZE + 1];
    return size == HEADER_PAGE_SIZE_LARGEST ? PAGE_SIZE_MAX : size;
}

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
