/* A disk whose flushes take as long as it is told, for whoever is started with this library in
 * front of others (LD_PRELOAD): what two programs make of a disk can be compared only on the same
 * one, and a virtual disk takes 0.1 ms in one hour and 0.5 in the next. Nothing is durable. */
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static int flush(void)
{
    const char *given = getenv("POLLUX_BENCH_FLUSH_US");
    long us = given ? atol(given) : 0;
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    if (us > 0) {
        prctl(PR_SET_TIMERSLACK, 1000UL); /* of this thread, in ns: else it sleeps 50 us longer */
        nanosleep(&t, NULL);
    }
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return flush();
}

int fsync(int fd)
{
    (void)fd;
    return flush();
}
