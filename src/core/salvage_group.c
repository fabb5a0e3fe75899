#include "core/salvage_group.h"

void salvage_alone(struct salvage_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++)
        members[i].with = i;
}

static size_t first_of(struct salvage_member *members, size_t i)
{
    while (members[i].with != i) {
        members[i].with = members[members[i].with].with; /* shortens the way for the next one */
        i = members[i].with;
    }
    return i;
}

void salvage_join(struct salvage_member *members, size_t a, size_t b)
{
    a = first_of(members, a);
    b = first_of(members, b);
    members[a > b ? a : b].with = a > b ? b : a;
}

void salvage_settle(struct salvage_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (members[i].stays || members[i].verdict == SALVAGE_CONFLICT)
            members[first_of(members, i)].stays = true;
    }
    for (size_t i = 0; i < count; i++)
        members[i].stays = members[first_of(members, i)].stays;
}
