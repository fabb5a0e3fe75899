/* Who backs up whom: one to one, and both say so. Knows nothing about machines and databases. */
#include "topology/draft.h"

#include <string.h>

static struct pool *wanted_backup(const struct draft *d, const struct pool *pool,
                                  const struct conf_value *v)
{
    char fqdn[FQDN_SIZE];
    if (!fqdn_valid(v->text, fqdn)) {
        faults_add(d->faults, d->file, v->line, "backup_pool: \"%s\" is not a valid FQDN.",
                   v->text);
        return NULL;
    }
    for (size_t i = 0; i < d->t->pool_count; i++) {
        struct pool *other = &d->t->pools[i];
        if (!strcmp(other->fqdn, fqdn) && strcmp(pool->fqdn, fqdn))
            return other;
    }
    if (!strcmp(pool->fqdn, fqdn))
        faults_add(d->faults, d->file, v->line, "The pool %s can't be its own backup.", fqdn);
    else
        faults_add(d->faults, d->file, v->line,
                   "backup_pool: there is no pool \"%s\" in this file.", fqdn);
    return NULL;
}

/* Pool `a` names `b` as its backup; what does `b` say? The line to change is where it is said. */
static void check_answer(const struct draft *d, const struct pool *a, const struct pool *b)
{
    const struct conf_section *at_a = d->source[a - d->t->pools],
                              *at_b = d->source[b - d->t->pools];
    const struct conf_value *said = conf_value(at_a, "backup_pool");
    const struct conf_value *answer = conf_value(at_b, "backup_pool");
    if (!answer)
        faults_add(d->faults, d->file, at_b->line,
                   "The pool %s lacks backup_pool = \"%s\": that pool names it as its backup in "
                   "line %u, and both must say so.",
                   b->fqdn, a->fqdn, said->line);
    else if (b->backup && b->backup != a)
        faults_add(d->faults, d->file, said->line,
                   "The pool %s can't be the backup of %s: it is paired with %s in line %u.",
                   b->fqdn, a->fqdn, b->backup->fqdn, answer->line);
}

void draft_pair_pools(struct draft *d)
{
    struct topology *t = d->t;
    for (size_t i = 0; i < t->pool_count; i++) {
        const struct conf_value *v = conf_value(d->source[i], "backup_pool");
        if (v)
            t->pools[i].backup = wanted_backup(d, &t->pools[i], v);
    }
    for (size_t i = 0; i < t->pool_count; i++) {
        if (t->pools[i].backup)
            check_answer(d, &t->pools[i], t->pools[i].backup);
    }
}
