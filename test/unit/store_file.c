#include "unit.h"

#include "store_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "store/sqlite.h"
#include "store_check.h"

enum failure open_store_at(const char *path, struct store **store, struct error *e)
{
    struct engine *engine;
    *store = NULL;
    enum failure bad = sqlite_engine_open(path, HOME, &engine, e);
    return bad ? bad : store_open(engine, store, e);
}

struct store *must_open_at(const char *path)
{
    struct store *store;
    struct error e;
    char text[2400];
    if (open_store_at(path, &store, &e))
        fail_msg("%s", error_line(&e, text, sizeof text));
    return store;
}

struct buffer content_at(const char *path)
{
    struct buffer b = {0};
    uint8_t part[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return b;
    for (ssize_t n; (n = read(fd, part, sizeof part)) > 0;)
        buffer_raw(&b, part, (size_t)n);
    close(fd);
    return b;
}

void put_content_at(const char *path, struct bytes content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.at, content.size), content.size);
    close(fd);
}
