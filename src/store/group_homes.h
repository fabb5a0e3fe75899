/* The homes that a group of transactions touches: each is loaded once, and saved once. */
#ifndef POLLUX_STORE_GROUP_HOMES_H
#define POLLUX_STORE_GROUP_HOMES_H

#include "store/engine.h"

struct group_home {
    char name[HOME_NAME_SIZE];
    struct home_row row;
    bool changed;
    bool remade; /* created or dropped, or under another hold record */
    bool has_hold;
    struct hold hold;
    bool dropped; /* in this transaction: what comes behind it knows no such home */
};

struct group_homes {
    struct session *s;
    struct group_home *list;
    size_t count;
};

void group_homes_forget(struct group_homes *homes);
/* The result is valid until the next one is found. */
enum failure group_homes_find(struct group_homes *homes, const char *name,
                              struct group_home **result, struct error *e);
/* What the group is told in apply.h. */
enum failure group_homes_save(struct group_homes *homes, struct error *e);
void group_homes_settle(const struct group_homes *homes, bool committed);

#endif
