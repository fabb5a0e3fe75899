/* Reading a small text file whole, whatever somebody put in its place. */
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/memory.h"

/* Reads until the end or until there is more than `max`. */
static enum failure read_all(int fd, size_t max, struct buffer *b, struct error *e)
{
    while (b->size <= max) {
        char part[16384];
        ssize_t n = read(fd, part, sizeof part);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(e, FAIL_IO, "%s", strerrordesc_np(errno));
        if (n == 0)
            break;
        buffer_raw(b, part, (size_t)n);
    }
    if (b->size > max)
        return fail(e, FAIL_INVALID, "it has more than the %zu bytes that are read", max);
    if (b->size && memchr(b->at, '\0', b->size))
        return fail(e, FAIL_INVALID, "it is not a text: there is a NUL byte in it");
    return OK;
}

enum failure conf_file_text(const char *path, size_t max, char **text, struct error *e)
{
    *text = NULL;
    /* Without O_NONBLOCK opening a pipe would wait for somebody to write. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return fail(e, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_IO, "%s", strerrordesc_np(errno));
    struct stat st;
    OWNED(buffer_free) struct buffer b = {0};
    enum failure f = OK;
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
        f = fail(e, FAIL_INVALID, "it is not a regular file");
    else
        f = read_all(fd, max, &b, e);
    close(fd);
    if (!f)
        *text = buffer_take_text(&b);
    return f;
}
