#include "cmdlet/path.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

const char *path_from_elsewhere(const char *path)
{
    bool drive = isalpha((unsigned char)path[0]) && path[1] == ':';
    bool share = path[0] == '\\' && path[1] == '\\';
    if (!drive && !share)
        return NULL;
    const char *name = drive ? path + 2 : path;
    for (const char *at = name; *at; at++) {
        if (*at == '\\' || *at == '/')
            name = at + 1;
    }
    return name;
}
