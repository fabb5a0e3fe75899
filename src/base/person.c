#include "base/person.h"

#include <stddef.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

bool person_name_valid(const char *name)
{
    size_t size = strspn(name, LETTERS "0123456789.-");
    return size > 0 && size < PERSON_NAME_SIZE && !name[size] && strchr(LETTERS, name[0]);
}

const char *person_of_uri(const char *uri)
{
    const size_t start = strlen(PERSON_URI_START);
    if (strncmp(uri, PERSON_URI_START, start) != 0)
        return NULL;
    return person_name_valid(uri + start) ? uri + start : NULL;
}
