/* Preloaded into a program, stops it (SIGSTOP) at a moment that its own log names: while the file
 * FREEZE_AT holds one line, "before WORDS" or "behind WORDS", the next line of the log with these
 * words stops the process in front of it, or when the flush that follows it has come back. The file
 * is removed first, so that it happens once. A test then does what it likes: kills it, cuts the
 * network, lets it go on. It knows nothing about the program but that it logs with fprintf. */
#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 8192 };

static atomic_bool at_next_flush;

static bool read_wish(char *wish, size_t size)
{
    const char *path = getenv("FREEZE_AT");
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file)
        return false;
    bool any = fgets(wish, (int)size, file) != NULL;
    fclose(file);
    wish[strcspn(wish, "\n")] = 0;
    return any;
}

static void look(const char *line)
{
    char wish[256] = "";
    if (!read_wish(wish, sizeof wish) || strlen(wish) < sizeof "before" || !strstr(line, wish + 7))
        return;
    bool before = strncmp(wish, "before ", 7) == 0;
    if (unlink(getenv("FREEZE_AT")) != 0)
        return;
    if (before)
        raise(SIGSTOP);
    else
        at_next_flush = true;
}

static int print(FILE *file, const char *format, va_list values)
{
    char line[LINE_MAX_BYTES];
    int length = vsnprintf(line, sizeof line, format, values);
    if (file == stderr)
        look(line);
    return fputs(line, file) < 0 ? -1 : length;
}

int fprintf(FILE *file, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int length = print(file, format, values);
    va_end(values);
    return length;
}

/* What the compiler makes of it where it is told to check. */
int __fprintf_chk(FILE *file, int flag, const char *format, ...);
int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int length = flag < 0 ? -1 : print(file, format, values);
    va_end(values);
    return length;
}

/* POSIX promises this conversion, ISO C does not. */
#define REAL(name) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))

int fdatasync(int fd)
{
    int result = REAL(fdatasync)(fd);
    if (atomic_exchange(&at_next_flush, false))
        raise(SIGSTOP);
    return result;
}
