#include "store/sqlite_beside.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *beside_path(const struct sqlite_engine *engine, const char *end)
{
    return xasprintf("%s%s", engine->path, end);
}

enum failure beside_failed(const char *doing, const char *path, struct error *e)
{
    int why = errno;
    fail(e, why == ENOSPC || why == EDQUOT ? FAIL_FULL : FAIL_IO, "%s can't be %s: %s.", path,
         doing, strerror(why));
    if (e) {
        error_kept(e, "Nothing that is stored was changed.");
        error_next(e, "Look after the disk and the folder's owner and mode.");
    }
    return why == ENOSPC || why == EDQUOT ? FAIL_FULL : FAIL_IO;
}

bool beside_is_there(const struct sqlite_engine *engine, const char *end, struct stat *st)
{
    OWNED(free_memory) char *path = beside_path(engine, end);
    return stat(path, st) == 0;
}

enum failure beside_drop(const struct sqlite_engine *engine, const char *end, struct error *e)
{
    OWNED(free_memory) char *path = beside_path(engine, end);
    return unlink(path) == 0 || errno == ENOENT ? OK : beside_failed("removed", path, e);
}

enum failure beside_move(const struct sqlite_engine *engine, const char *from, const char *to,
                         struct error *e)
{
    OWNED(free_memory) char *old = beside_path(engine, from);
    OWNED(free_memory) char *new = beside_path(engine, to);
    return rename(old, new) == 0 || errno == ENOENT ? OK : beside_failed("renamed", old, e);
}

enum failure beside_sync_path(const char *path, struct error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    enum failure bad = synced ? OK : beside_failed("written to the disk", path, e);
    if (fd >= 0)
        close(fd);
    return bad;
}

enum failure beside_sync_folder(const struct sqlite_engine *engine, struct error *e)
{
    OWNED(free_memory) char *path = xstrdup(engine->path);
    return beside_sync_path(dirname(path), e);
}

enum failure beside_create(const struct sqlite_engine *engine, const char *end, struct error *e)
{
    OWNED(free_memory) char *path = beside_path(engine, end);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return beside_failed("created", path, e);
    close(fd);
    return OK;
}
