#include "core/heard.h"

#include <stdio.h>
#include <string.h>

/* Where it stands, or `count` if it is new. */
static size_t find(const struct heard *heard, const char *home)
{
    size_t i = 0;
    while (i < heard->count && strcmp(heard->list[i].home, home) != 0)
        i++;
    return i;
}

const struct heard_home *heard_of(const struct heard *heard, const char *home)
{
    size_t i = find(heard, home);
    return i < heard->count ? &heard->list[i] : NULL;
}

bool heard_note(struct heard *heard, const char *home, struct term term, uint64_t seen)
{
    size_t i = find(heard, home);
    if (i == HEARD_HOMES_MAX)
        return false;
    struct heard_home *known = &heard->list[i];
    if (i == heard->count) {
        heard->count++;
        *known = (struct heard_home){0};
        snprintf(known->home, sizeof known->home, "%s", home);
    }
    uint64_t highest = seen > term.number ? seen : term.number;
    if (highest > known->seen && highest - known->seen > HOME_LEAP_MAX)
        return false; /* nonsense, which nobody must pass on */
    bool news = false;
    if (term.number > known->term.number) {
        known->term = term;
        news = true;
    }
    if (seen > known->seen) {
        known->seen = seen;
        news = true;
    }
    return news;
}
