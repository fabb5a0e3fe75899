#include "web/standing.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct standing {
    atomic_uint holders;
    char domain[FQDN_SIZE], pool[FQDN_SIZE];
    struct standing_limits limits;
    size_t count;
    struct standing_home homes[]; /* in the order of the topology's pools */
};

static void look_at(struct front_end *fe, const struct pool *pool, struct standing_home *home)
{
    snprintf(home->name, sizeof home->name, "%s", pool->fqdn);
    const struct hosted_home *own = front_end_home(fe, pool->fqdn);
    if (own) {
        home->hosted = true;
        home->mode = home_mode(hosted_home_core(own));
        home->term = home_hold(hosted_home_core(own))->term.number;
    }
    const struct pool *holder = front_end_holder(fe, pool->fqdn);
    if (!holder || strcmp(holder->fqdn, front_end_pool(fe)) == 0)
        return;
    const struct machine *machine = front_end_machine_of(fe, holder->fqdn);
    snprintf(home->holder, sizeof home->holder, "%s", machine->fqdn);
    home->users_port = machine->users_port;
}

struct standing *standing_look(struct front_end *fe)
{
    const struct topology *topology = front_end_config(fe)->topology;
    struct standing *standing =
        xcalloc(1, sizeof *standing + topology->pool_count * sizeof standing->homes[0]);
    atomic_init(&standing->holders, 1);
    snprintf(standing->domain, sizeof standing->domain, "%s", topology->sip_domain);
    snprintf(standing->pool, sizeof standing->pool, "%s", front_end_pool(fe));
    standing->limits = (struct standing_limits){.file_max_mb = topology->file_max_mb,
                                                .conference_max_mb = topology->conference_max_mb};
    standing->count = topology->pool_count;
    for (size_t i = 0; i < standing->count; i++)
        look_at(fe, &topology->pools[i], &standing->homes[i]);
    return standing;
}

struct standing *standing_share(struct standing *standing)
{
    atomic_fetch_add(&standing->holders, 1);
    return standing;
}

void standing_release(struct standing *standing)
{
    if (standing && atomic_fetch_sub(&standing->holders, 1) == 1)
        free(standing);
}

const struct standing_home *standing_of(const struct standing *standing, const char *home)
{
    for (size_t i = 0; i < standing->count; i++) {
        if (strcmp(standing->homes[i].name, home) == 0)
            return &standing->homes[i];
    }
    return NULL;
}

const struct standing_home *standing_at(const struct standing *standing, size_t i)
{
    return i < standing->count ? &standing->homes[i] : NULL;
}

const struct standing_limits *standing_limits(const struct standing *standing)
{
    return &standing->limits;
}

const char *standing_domain(const struct standing *standing)
{
    return standing->domain;
}

const char *standing_pool(const struct standing *standing)
{
    return standing->pool;
}
