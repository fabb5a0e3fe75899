/* Names and places that may be taken only once in a deployment. The fault is said where something
 * is taken for the second time, and tells the line of the first. */
#include "topology/draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { TAKEN_NAME_MAX = DATABASE_NAME_SIZE + 16 };

struct taken {
    char name[TAKEN_NAME_MAX];
    unsigned line;
};

struct list {
    struct taken *at;
    size_t count;
};

/* Empty names were said to be wrong already. Whoever makes the list knows how long it gets. */
static void take(struct list *l, const char *name, unsigned line)
{
    if (!name || !name[0])
        return;
    struct taken *one = &l->at[l->count++];
    snprintf(one->name, sizeof one->name, "%s", name);
    one->line = line;
}

static int by_name_and_line(const void *a, const void *b)
{
    const struct taken *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* Sorted, whatever is taken twice stands side by side, and the first in the text comes first. */
static void check_taken_once(const struct draft *d, struct list *l, const char *what)
{
    qsort(l->at, l->count, sizeof *l->at, by_name_and_line);
    size_t first = 0;
    for (size_t i = 1; i < l->count; i++) {
        if (strcmp(l->at[i].name, l->at[first].name) != 0)
            first = i;
        else
            faults_add(d->faults, d->file, l->at[i].line, "The %s %s is already taken in line %u.",
                       what, l->at[i].name, l->at[first].line);
    }
}

static unsigned line_of(const struct conf_section *s, const char *option)
{
    const struct conf_value *v = conf_value(s, option);
    return v ? v->line : s->line;
}

static void check_pools(const struct draft *d, struct list *l)
{
    l->count = 0;
    for (size_t i = 0; i < d->t->pool_count; i++)
        take(l, d->t->pools[i].fqdn, d->source[i]->line);
    check_taken_once(d, l, "pool name");
}

static void check_databases(const struct draft *d, struct list *l)
{
    l->count = 0;
    for (size_t i = 0; i < d->t->pool_count; i++) {
        take(l, d->t->pools[i].database, line_of(d->source[i], "database"));
        take(l, d->t->pools[i].mirror, line_of(d->source[i], "mirror"));
    }
    check_taken_once(d, l, "database");
}

static void check_machines(const struct draft *d, struct list *l)
{
    l->count = 0;
    for (size_t i = 0; i < d->t->pool_count; i++) {
        const struct pool *pool = &d->t->pools[i];
        for (size_t j = 0; j < pool->machine_count; j++)
            take(l, pool->machines[j].fqdn, d->source[i]->sections[j]->line);
    }
    check_taken_once(d, l, "machine name");
}

static void take_place(struct list *l, const struct machine *m, uint16_t port, unsigned line)
{
    char place[ADDRESS_SIZE + 16];
    if (!m->address || !m->address[0] || !port)
        return;
    snprintf(place, sizeof place, "%s port %u", m->address, port);
    take(l, place, line);
}

static void check_places(const struct draft *d, struct list *l)
{
    l->count = 0;
    for (size_t i = 0; i < d->t->pool_count; i++) {
        const struct pool *pool = &d->t->pools[i];
        for (size_t j = 0; j < pool->machine_count; j++) {
            const struct machine *m = &pool->machines[j];
            const struct conf_section *s = d->source[i]->sections[j];
            take_place(l, m, m->link_port, line_of(s, "link_port"));
            take_place(l, m, m->users_port, line_of(s, "users_port"));
        }
    }
    check_taken_once(d, l, "place");
}

/* Certificates carry these names, and a pool may speak only for itself. */
static void check_foreign_names(const struct draft *d)
{
    for (size_t i = 0; i < d->t->pool_count; i++) {
        const struct pool *pool = &d->t->pools[i];
        for (size_t j = 0; j < pool->machine_count; j++) {
            const struct pool *other = topology_pool(d->t, pool->machines[j].fqdn);
            if (!other || !other->fqdn[0] || strcmp(other->fqdn, pool->fqdn) == 0)
                continue;
            faults_add(d->faults, d->file, d->source[i]->sections[j]->line,
                       "The machine %s of the pool %s has the name of another pool (line %u).",
                       other->fqdn, pool->fqdn, d->source[other - d->t->pools]->line);
        }
    }
}

void draft_check_names(struct draft *d)
{
    size_t places = 2 * topology_machine_count(d->t), databases = 2 * d->t->pool_count;
    size_t room = places > databases ? places : databases;
    struct list l = {.at = xcalloc(room ? room : 1, sizeof *l.at)};
    check_pools(d, &l);
    check_databases(d, &l);
    check_machines(d, &l);
    check_places(d, &l);
    check_foreign_names(d);
    free(l.at);
}
