/* What Get-Help explains besides commands: about_Language and the like, from topics.def. */
#ifndef POLLUX_CMDLET_SHELL_TOPICS_H
#define POLLUX_CMDLET_SHELL_TOPICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct topic {
    const char *name, *synopsis, *text;
};

/* NULL behind the last. */
const struct topic *topic_at(size_t i);
/* In any case; NULL: there is none. */
const struct topic *topic_find(const char *name);
/* "about_Lnguage": the nearest name, or NULL. */
const char *topic_nearest(const char *name);
/* Is it about what every command takes? Then the table of commands says the rest. */
bool topic_lists_common(const struct topic *topic);

#endif
