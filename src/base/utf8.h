/* Is it text at all? */
#ifndef POLLUX_USER_UTF8_H
#define POLLUX_USER_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, no NUL. */
bool utf8_valid(const char *text, size_t size);

#endif
