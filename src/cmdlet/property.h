/* A property of an object by its name, in any case, as people and PowerShell write it. */
#ifndef POLLUX_CMDLET_PROPERTY_H
#define POLLUX_CMDLET_PROPERTY_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "cmdlet/any_case.h"

/* Lent; NULL: it has none of this name. */
static inline const json_t *property_of(const json_t *object, const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (any_case_compare(key, name) == 0)
            return value;
    }
    return NULL;
}

#endif
