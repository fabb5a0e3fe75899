#include "store/group_homes.h"

#include <stdlib.h>
#include <string.h>

#include "store/known.h"

void group_homes_forget(struct group_homes *homes)
{
    free(homes->list);
    homes->list = NULL;
    homes->count = 0;
}

/* What is not there yet is no error of whoever is about to create it. */
static enum failure unless_missing(enum failure bad, struct error *e)
{
    if (bad == FAIL_NOT_FOUND && e)
        e->kind = OK;
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

static enum failure load(struct session *s, struct group_home *home, struct error *e)
{
    struct known *known = s->engine->known;
    enum failure bad = OK;
    if (!known_row(known, KNOWN_LAST, home->name, &home->row))
        bad = unless_missing(s->engine->ops->home_load(s, home->name, &home->row, e), e);
    home->has_hold = !bad && known_hold(known, KNOWN_LAST, home->name, &home->hold);
    if (bad || home->has_hold)
        return bad;
    bad = hold_load(s, home->name, &home->hold, e);
    home->has_hold = !bad;
    return unless_missing(bad, e);
}

enum failure group_homes_find(struct group_homes *homes, const char *name,
                              struct group_home **result, struct error *e)
{
    for (size_t i = 0; i < homes->count; i++) {
        if (strcmp(homes->list[i].name, name) == 0) {
            *result = &homes->list[i];
            return OK;
        }
    }
    homes->list = xrealloc(homes->list, (homes->count + 1) * sizeof *homes->list);
    struct group_home *home = &homes->list[homes->count];
    memset(home, 0, sizeof *home);
    memcpy(home->name, name, strlen(name) + 1);
    enum failure bad = load(homes->s, home, e);
    if (bad)
        return bad;
    homes->count++;
    *result = home;
    return OK;
}

static bool is_other(const struct group_home *home)
{
    return home->changed || home->remade;
}

enum failure group_homes_save(struct group_homes *homes, struct error *e)
{
    struct session *s = homes->s;
    for (size_t i = 0; i < homes->count; i++) {
        struct group_home *home = &homes->list[i];
        if (!home->changed)
            continue;
        enum failure bad = s->engine->ops->home_save(s, home->name, &home->row, e);
        if (bad)
            return bad;
    }
    for (size_t i = 0; i < homes->count; i++) {
        if (is_other(&homes->list[i]))
            known_change(s->engine->known, homes->list[i].name, homes->list[i].remade);
    }
    return OK;
}

void group_homes_settle(const struct group_homes *homes, bool committed)
{
    struct known *known = homes->s->engine->known;
    for (size_t i = 0; i < homes->count; i++) {
        const struct group_home *home = &homes->list[i];
        if (is_other(home) && committed)
            known_settle(known, home->name, &home->row, home->has_hold ? &home->hold : NULL);
        else if (is_other(home))
            known_settle_as_before(known, home->name);
    }
}
