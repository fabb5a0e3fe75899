#include "web/etag.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *etag_text(struct version version, char text[ETAG_SIZE])
{
    snprintf(text, ETAG_SIZE, "\"%" PRIu64 "-%" PRIu64 "\"", version.term, version.usn);
    return text;
}

/* The next of a list; false: there is none, or nobody can tell what it is. */
static bool next_tag(const char **at, bool *weak, const char **tag, size_t *length)
{
    *at += strspn(*at, " \t,");
    *weak = strncmp(*at, "W/", 2) == 0;
    *tag = *at + (*weak ? 2 : 0);
    if (**tag != '"')
        return false;
    const char *end = strchr(*tag + 1, '"');
    if (!end)
        return false;
    *length = (size_t)(end + 1 - *tag);
    *at = end + 1;
    return true;
}

/* Is it in the list? A weak tag says that something like it is known: enough for not sending it
 * again, not for replacing it. */
static bool list_has(const char *list, const struct version *version, bool weak_will_do)
{
    char own[ETAG_SIZE];
    const char *tag;
    size_t length;
    bool weak;
    if (strcmp(list + strspn(list, " \t"), "*") == 0)
        return version;
    if (!version)
        return false;
    etag_text(*version, own);
    while (next_tag(&list, &weak, &tag, &length)) {
        if ((!weak || weak_will_do) && strlen(own) == length && memcmp(own, tag, length) == 0)
            return true;
    }
    return false;
}

enum etag_verdict etag_judge(const char *if_match, const char *if_none_match,
                             const struct version *version, bool reads)
{
    if (if_match && !list_has(if_match, version, false))
        return ETAG_FAILED;
    if (if_none_match && list_has(if_none_match, version, true))
        return reads ? ETAG_NOT_MODIFIED : ETAG_FAILED;
    return ETAG_GO_ON;
}
