/* One way to own memory.
 *
 * Running out of memory is not an error that anybody handles here: every queue and message has a
 * limit, so it can only mean a bug, and the process stops with a message (the store keeps what it
 * acknowledged). Who owns what: a function that returns a plain pointer hands it over; one that
 * returns `const` lends it. `OWNED(thing)` before a local releases it when the scope ends. */
#ifndef POLLUX_BASE_MEMORY_H
#define POLLUX_BASE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
void *xmemdup(const void *p, size_t size);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `OWNED(release) struct thing *t = …;` calls release(t) at the end of the scope. */
#define OWNED(release) __attribute__((cleanup(owned_##release)))
#define DEFINE_OWNED(type, release)                                                                \
    static inline void owned_##release(type *p)                                                    \
    {                                                                                              \
        release(*p);                                                                               \
    }

void free_memory(void *p);
static inline void owned_free_memory(void *p)
{
    free_memory(*(void **)p);
}

/* `*p` for the caller, NULL left behind: hands an OWNED local over. */
#define TAKE(p)                                                                                    \
    __extension__({                                                                                \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
