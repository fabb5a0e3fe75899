#include "http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAITING_MAX = 1024 }; /* connections that the kernel keeps for us until we accept them */

static enum failure tcp_failed(const char *address, uint16_t port, struct error *e)
{
    int why = errno;
    fail(e, why == EACCES ? FAIL_DENIED : FAIL_IO, "Can't listen on %s port %u: %s.", address, port,
         strerror(why));
    if (why == EADDRINUSE)
        return error_next(e, "Another program has this port; `ss -ltnp` shows which.");
    if (why == EADDRNOTAVAIL)
        return error_next(e, "This machine has no such address; `ip address` shows those it has.");
    return e->kind;
}

static struct addrinfo *numeric(const char *address, uint16_t port, struct error *e)
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(address, service, &hints, &found) != 0) {
        fail(e, FAIL_INVALID, "\"%s\" is not an IP address to listen on.", address);
        return NULL;
    }
    return found;
}

int listener_tcp(const char *address, uint16_t port, struct error *e)
{
    struct addrinfo *where = numeric(address, port, e);
    if (!where)
        return -1;
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int yes = 1;
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
    if (fd < 0 || bind(fd, where->ai_addr, where->ai_addrlen) != 0 || listen(fd, WAITING_MAX)) {
        tcp_failed(address, port, e);
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(where);
    return fd;
}

uint16_t listener_tcp_port(int fd)
{
    struct sockaddr_storage at = {0};
    socklen_t size = sizeof at;
    if (getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        return 0;
    if (at.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&at)->sin6_port);
    return ntohs(((struct sockaddr_in *)&at)->sin_port);
}

static bool somebody_listens(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return true; /* can't tell: then touch nothing */
    bool alive = connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 || errno != ECONNREFUSED;
    close(fd);
    return alive;
}

/* Makes the name free, or says why it can't be had. */
static enum failure clear_path(const char *path, const struct sockaddr_un *at, struct error *e)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        if (errno == ENOENT)
            return OK;
        return fail(e, FAIL_IO, "Can't look at the socket %s: %s.", path, strerror(errno));
    }
    if (!S_ISSOCK(st.st_mode)) {
        fail(e, FAIL_FOREIGN, "%s exists and is not a socket.", path);
        error_kept(e, "It was left as it is.");
        return error_next(e, "Move it away, or configure another path for the socket.");
    }
    if (somebody_listens(at)) {
        fail(e, FAIL_REFUSED, "Another process already listens on %s.", path);
        error_kept(e, "Its socket was left as it is.");
        return error_next(e, "Stop that process first; `ss -lxp` shows which it is.");
    }
    if (unlink(path) != 0 && errno != ENOENT)
        return fail(e, FAIL_IO, "Can't remove the stale socket %s: %s.", path, strerror(errno));
    return OK;
}

/* Nobody can connect before the owner and the mode are right: the socket does not listen yet. */
static enum failure open_path(int fd, const struct sockaddr_un *at, mode_t mode, gid_t group,
                              struct error *e)
{
    if (bind(fd, (const struct sockaddr *)at, sizeof *at) != 0)
        return fail(e, errno == EACCES ? FAIL_DENIED : FAIL_IO, "Can't create the socket %s: %s.",
                    at->sun_path, strerror(errno));
    if (group != (gid_t)-1 && chown(at->sun_path, (uid_t)-1, group) != 0)
        fail(e, FAIL_DENIED, "Can't give the socket %s to group %u: %s.", at->sun_path,
             (unsigned)group, strerror(errno));
    else if (chmod(at->sun_path, mode) != 0 || listen(fd, WAITING_MAX) != 0)
        fail(e, FAIL_IO, "Can't listen on the socket %s: %s.", at->sun_path, strerror(errno));
    else
        return OK;
    unlink(at->sun_path);
    return e->kind;
}

int listener_unix(const char *path, mode_t mode, gid_t group, struct error *e)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path) {
        fail(e, FAIL_INVALID, "The path of the socket, %s, is longer than %zu bytes.", path,
             sizeof at.sun_path - 1);
        return -1;
    }
    strcpy(at.sun_path, path);
    if (clear_path(path, &at, e) != OK)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        fail(e, FAIL_IO, "Can't make a socket: %s.", strerror(errno));
        return -1;
    }
    if (open_path(fd, &at, mode, group, e) != OK) {
        close(fd);
        return -1;
    }
    return fd;
}
