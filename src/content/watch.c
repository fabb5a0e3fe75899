#include "content/watch.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "content/folders.h"

enum {
    IN_FILES = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO |
               IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
    IN_FINISHED = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE,
    READ_BYTES = 64 << 10,
    /* At once; whoever reads has other things to do as well. */
    READS_MAX = 16,
};

struct watch {
    pthread_mutex_t lock;
    int fd;
    char **folders; /* by the kernel's numbers, which grow; NULL: none of ours */
    size_t room;
};

struct watch *watch_new(void)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct watch *watch = xcalloc(1, sizeof *watch);
    watch->fd = fd;
    pthread_mutex_init(&watch->lock, NULL);
    return watch;
}

void watch_free(struct watch *watch)
{
    if (!watch)
        return;
    close_fd(watch->fd);
    for (size_t i = 0; i < watch->room; i++)
        free(watch->folders[i]);
    free(watch->folders);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}

/* With the lock held. */
static void note_folder(struct watch *watch, size_t number, const char *conference)
{
    if (number >= watch->room) {
        size_t room = watch->room ? watch->room : 64;
        while (room <= number)
            room *= 2;
        watch->folders = xrealloc(watch->folders, room * sizeof *watch->folders);
        memset(watch->folders + watch->room, 0, (room - watch->room) * sizeof *watch->folders);
        watch->room = room;
    }
    free(watch->folders[number]);
    watch->folders[number] = conference ? xstrdup(conference) : NULL;
}

/* By its descriptor: a path could lead through a link by now. */
bool watch_folder(struct watch *watch, const struct file_store *fs, const char *home,
                  const char *conference)
{
    char path[HOME_NAME_SIZE + CONTENT_NAME_SIZE], by_fd[64];
    OWNED(close_fd) int root = -1;
    if (folder_root(fs, &root, NULL))
        return true; /* there is nothing to watch; that is told elsewhere */
    snprintf(path, sizeof path, "%s%s%s", home, conference[0] ? "/" : "", conference);
    OWNED(close_fd)
    int folder =
        conference[0] ? below_open(root, path, O_PATH | O_DIRECTORY, 0) : below_make(root, path);
    if (folder < 0)
        return true;
    snprintf(by_fd, sizeof by_fd, "/proc/self/fd/%d", folder);
    pthread_mutex_lock(&watch->lock);
    int number = inotify_add_watch(watch->fd, by_fd, IN_FILES);
    bool done = number >= 0 && number < WATCH_FOLDERS_MAX;
    if (done)
        note_folder(watch, (size_t)number, conference);
    pthread_mutex_unlock(&watch->lock);
    return done;
}

struct telling {
    struct watch *watch;
    watch_visit *visit;
    void *context;
    bool whole; /* nothing was lost */
};

static void tell(struct telling *t, const struct inotify_event *event)
{
    struct watch *watch = t->watch;
    if (event->mask & (IN_Q_OVERFLOW | IN_UNMOUNT)) {
        t->whole = false;
        return;
    }
    bool known = event->wd >= 0 && (size_t)event->wd < watch->room && watch->folders[event->wd];
    if (!known)
        return;
    const char *conference = watch->folders[event->wd];
    bool home = !conference[0];
    bool valid = event->len && content_name_valid(bytes_of_text(event->name));
    if (event->mask & IN_IGNORED)
        note_folder(watch, (size_t)event->wd, NULL);
    else if (home && event->mask & (IN_DELETE_SELF | IN_MOVE_SELF))
        t->whole = false;
    else if (home && valid)
        t->visit(event->name, "", WATCH_FOLDER, t->context);
    else if (!home && event->mask & (IN_DELETE_SELF | IN_MOVE_SELF))
        t->visit(conference, "", WATCH_FOLDER, t->context);
    else if (!home && valid)
        t->visit(conference, event->name,
                 event->mask & IN_FINISHED ? WATCH_FINISHED : WATCH_WRITTEN, t->context);
}

bool watch_read(struct watch *watch, watch_visit *visit, void *context)
{
    _Alignas(struct inotify_event) char bytes[READ_BYTES];
    struct telling t = {watch, visit, context, true};
    pthread_mutex_lock(&watch->lock);
    ssize_t got = 1;
    for (int i = 0; i < READS_MAX && got > 0; i++) {
        got = read(watch->fd, bytes, sizeof bytes);
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *event = (const void *)(bytes + at);
            tell(&t, event);
            at += (ssize_t)(sizeof *event + event->len);
        }
    }
    pthread_mutex_unlock(&watch->lock);
    return t.whole;
}
