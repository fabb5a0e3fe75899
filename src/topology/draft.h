/* A topology while it is being read: beside each thing the place in the text where it came from,
 * which only the checks need. Private to this room. */
#ifndef POLLUX_TOPOLOGY_DRAFT_H
#define POLLUX_TOPOLOGY_DRAFT_H

#include "conf/conf.h"
#include "topology/topology.h"

struct draft {
    struct topology *t;
    const char *file; /* what the text is called */
    const struct conf_section *root;
    struct faults *faults;
    const struct conf_section **source; /* of each pool of `t` */
};

/* Sets each pool's `backup`, and says where two pools don't name each other. */
void draft_pair_pools(struct draft *d);

/* Says which names, databases and places are taken twice. */
void draft_check_names(struct draft *d);

#endif
