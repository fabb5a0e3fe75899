#include "web/etag.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *etag_text(struct version version, char text[ETAG_SIZE])
{
    snprintf(text, ETAG_SIZE, "\"%" PRIu64 "-%" PRIu64 "\"", version.term, version.usn);
    return text;
}

/* The next of a list, of which `*at` is what is left; false: there is none, or nobody can tell what
 * it is. */
static bool next_tag(const char **at, bool *weak, const char **tag, size_t *length)
{
    *weak = strncmp(*at, "W/", 2) == 0;
    *tag = *at + (*weak ? 2 : 0);
    if (**tag != '"')
        return false;
    const char *end = strchr(*tag + 1, '"');
    if (!end)
        return false;
    *length = (size_t)(end + 1 - *tag);
    *at = end + 1;
    *at += strspn(*at, " \t,");
    return true;
}

enum in_list { LACKS, HAS, UNREADABLE };

/* Is it in the list? A weak tag says that something like it is known: enough for not sending it
 * again, not for replacing it. */
static enum in_list look_in(const char *list, const struct version *version, bool weak_will_do)
{
    char own[ETAG_SIZE] = "";
    const char *tag;
    size_t length;
    bool weak, found = false;
    if (strcmp(list, "*") == 0)
        return version ? HAS : LACKS;
    if (version)
        etag_text(*version, own);
    list += strspn(list, " \t,");
    while (next_tag(&list, &weak, &tag, &length))
        found |= (!weak || weak_will_do) && strlen(own) == length && memcmp(own, tag, length) == 0;
    return *list ? UNREADABLE : found ? HAS : LACKS;
}

enum etag_verdict etag_judge(const char *if_match, const char *if_none_match,
                             const struct version *version, bool reads)
{
    enum in_list match = if_match ? look_in(if_match, version, false) : HAS;
    enum in_list none_match = if_none_match ? look_in(if_none_match, version, true) : LACKS;
    if (match == UNREADABLE || (none_match == UNREADABLE && !reads))
        return ETAG_UNREADABLE;
    if (match == LACKS)
        return ETAG_FAILED;
    if (none_match == HAS)
        return reads ? ETAG_NOT_MODIFIED : ETAG_FAILED;
    return ETAG_GO_ON;
}
