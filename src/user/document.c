#include "user/document.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

/* Contact lists (RFC 4826, both), and who may see whose presence (RFC 5025). */
static const struct document_application applications[] = {
    {"resource-lists", "application/resource-lists+xml"},
    {"rls-services", "application/rls-services+xml"},
    {"pres-rules", "application/auth-policy+xml"},
};

const struct document_application *document_application(const char *auid)
{
    for (size_t i = 0; i < COUNT_OF(applications); i++) {
        if (strcmp(applications[i].auid, auid) == 0)
            return &applications[i];
    }
    return NULL;
}

bool document_name_valid(const char *name)
{
    size_t size = strlen(name);
    for (const char *c = name; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '\\' || *c == '/')
            return false;
    }
    return size >= 1 && size <= DOCUMENT_NAME_MAX && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0 && strcmp(name, "~~") != 0 && utf8_valid(name, size);
}
