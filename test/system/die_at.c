/* Preloaded into a program, ends it in front of the Nth step that changes a folder or makes a
 * change durable (DIE_AT=N, from 1). So a test can try every moment at which the power could go. It
 * knows nothing about the program. What was not flushed survives here: this shows that the order of
 * the steps is right, not that each is on the disk. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void step(void)
{
    static long steps;
    const char *last = getenv("DIE_AT");
    if (last && ++steps == atol(last))
        _exit(77);
}

/* POSIX promises this conversion, ISO C does not. */
#define REAL(name) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))

int mkdir(const char *path, mode_t mode)
{
    step();
    return REAL(mkdir)(path, mode);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    step();
    return REAL(renameat)(from_folder, from, to_folder, to);
}

int unlinkat(int folder, const char *name, int flags)
{
    step();
    return REAL(unlinkat)(folder, name, flags);
}

int fsync(int fd)
{
    step();
    return REAL(fsync)(fd);
}
