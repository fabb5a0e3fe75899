/* Preloaded into a program, sends its calls to one port (CALL_VIA=FROM:TO) to another one of the
 * same address: there a test stands between two machines, with the certificates of both. It knows
 * nothing about the program but that it calls with connect(). */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef int call(int fd, const struct sockaddr *to, socklen_t size);

/* The union is how glibc declares it. */
int connect(int fd, __CONST_SOCKADDR_ARG to_whom, socklen_t size)
{
    /* POSIX promises this conversion, ISO C does not. */
    call *real = __extension__(call *) dlsym(RTLD_NEXT, "connect");
    const struct sockaddr *to = to_whom.__sockaddr__;
    const char *via = getenv("CALL_VIA");
    unsigned from, instead;
    struct sockaddr_in other;
    if (!via || to->sa_family != AF_INET || sscanf(via, "%u:%u", &from, &instead) != 2)
        return real(fd, to, size);
    memcpy(&other, to, sizeof other);
    if (ntohs(other.sin_port) == from)
        other.sin_port = htons((uint16_t)instead);
    return real(fd, (const struct sockaddr *)&other, sizeof other);
}
