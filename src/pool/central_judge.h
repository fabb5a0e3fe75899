/* What of the Central Management Store is valid only together (protocol, rule 19), when what a pool
 * had accepted and nobody copied is carried over: the topology and the homes that it names; an
 * account, what its user signs on with, and that he left. Configurations stand alone. */
#ifndef POLLUX_POOL_CENTRAL_JUDGE_H
#define POLLUX_POOL_CENTRAL_JUDGE_H

#include "store/salvage.h"

/* A salvage_judge. What it lets pass is a topology that can be read, whose pools all have their
 * entries and which leaves the store to the pair that has it, and accounts of pools that it names,
 * each Id with one address, none of somebody who left. */
enum failure central_judge(const struct salvage_ground *ground, struct salvage_member *members,
                           size_t count, struct error *e);

#endif
