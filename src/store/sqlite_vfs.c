#include "store/sqlite_vfs.h"

#include <pthread.h>

#include "base/memory.h"

struct vfs {
    sqlite3_vfs base; /* what is below, but for its name and for xOpen */
    sqlite3_vfs *below;
    struct vfs *next;
};

static struct vfs *vfs_new(sqlite3_vfs *below, const char *end, size_t room, sqlite_vfs_open *open)
{
    struct vfs *vfs = xcalloc(1, sizeof *vfs);
    vfs->base = *below;
    vfs->base.pNext = NULL;
    vfs->base.zName = xasprintf("%s%s", below->zName, end);
    vfs->base.szOsFile += (int)room;
    vfs->base.xOpen = open;
    vfs->below = below;
    return vfs;
}

const char *sqlite_vfs_over(const char *name, const char *end, size_t room, sqlite_vfs_open *open)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct vfs *all;
    sqlite3_vfs *below = sqlite3_vfs_find(name);
    if (!below)
        return name; /* SQLite says so */
    pthread_mutex_lock(&lock);
    struct vfs *vfs = all;
    while (vfs && (vfs->below != below || vfs->base.xOpen != open))
        vfs = vfs->next;
    if (!vfs) {
        vfs = vfs_new(below, end, room, open);
        vfs->next = all;
        all = vfs;
        sqlite3_vfs_register(&vfs->base, 0);
    }
    pthread_mutex_unlock(&lock);
    return vfs->base.zName;
}

sqlite3_vfs *sqlite_vfs_below(sqlite3_vfs *vfs)
{
    return ((struct vfs *)vfs)->below;
}
