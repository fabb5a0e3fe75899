/* What of a home is set aside, or kept as conflicts: shown by every command that shows its state.
 */
#ifndef POLLUX_ADMIN_ASIDE_H
#define POLLUX_ADMIN_ASIDE_H

#include <jansson.h>

#include "store/store.h"

enum {
    /* Looked through on the loop; of more it is only said that there are so many at least. */
    ASIDE_CONFLICTS_COUNTED = 1000,
};

/* Adds Tail (changes that wait here to be salvaged) and Conflicts. */
void aside_show(json_t *object, struct view *view, const char *home);
/* The first alone. */
uint64_t aside_tail(struct view *view, const char *home);

/* What became of the last tail that was salvaged, if there was one: adds LastRejoin (which it was),
 * LastRejoinEnded and LastRejoinResult. */
void aside_show_last(json_t *object, struct view *view, const struct hold *hold);

#endif
