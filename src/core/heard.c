#include "core/heard.h"

#include <stdio.h>
#include <string.h>

static struct heard_home *find(struct heard *heard, const char *home)
{
    for (size_t i = 0; i < heard->count; i++) {
        if (strcmp(heard->list[i].home, home) == 0)
            return &heard->list[i];
    }
    return NULL;
}

const struct heard_home *heard_of(const struct heard *heard, const char *home)
{
    return find((struct heard *)(uintptr_t)heard, home);
}

bool heard_note(struct heard *heard, const char *home, struct term term, uint64_t seen)
{
    struct heard_home *known = find(heard, home);
    if (!known) {
        if (heard->count == HEARD_HOMES_MAX)
            return false;
        known = &heard->list[heard->count++];
        *known = (struct heard_home){0};
        snprintf(known->home, sizeof known->home, "%s", home);
    }
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
