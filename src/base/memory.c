#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *sure(void *p)
{
    if (!p) {
        fputs("pollux: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *xmalloc(size_t size)
{
    return sure(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return sure(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
    return sure(realloc(p, size ? size : 1));
}

char *xstrdup(const char *s)
{
    return sure(strdup(s));
}

void *xmemdup(const void *p, size_t size)
{
    void *copy = xmalloc(size);
    if (size)
        memcpy(copy, p, size);
    return copy;
}

char *xasprintf(const char *format, ...)
{
    char *s = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&s, format, args);
    va_end(args);
    return sure(n < 0 ? NULL : s);
}

void free_memory(void *p)
{
    free(p);
}
