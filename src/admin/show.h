/* What commands that show something have in common. */
#ifndef POLLUX_ADMIN_SHOW_H
#define POLLUX_ADMIN_SHOW_H

#include <jansson.h>

#include "base/error.h"
#include "topology/topology.h"

json_t *show_text(const char *text); /* null, if there is none */

/* FAIL_NOT_FOUND names the nearest one. `pool` may be NULL. */
enum failure show_find_pool(const struct topology *topology, const char *name,
                            const struct pool **pool, struct error *e);

#endif
