/* How a certificate says that whoever shows it is a person, and which: in one name of the kind URI.
 * Whoever issues such certificates and whoever reads them mean the same by it. */
#ifndef POLLUX_BASE_PERSON_H
#define POLLUX_BASE_PERSON_H

#include <stdbool.h>

#define PERSON_URI_START "pollux:administrator:"

/* An account's name has at most 32 characters on Linux; one more for the NUL. */
enum { PERSON_NAME_SIZE = 33 };

/* A letter or '_', then letters, digits, '_', '.' and '-': what the sources of accounts agree on,
 * and what stays one word in a shell, a file's name and a log. */
bool person_name_valid(const char *name);

/* The name in such a URI, lent; NULL: it is none. */
const char *person_of_uri(const char *uri);

#endif
