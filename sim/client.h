/* People who change and delete things where their home is served, and remember what they were told
 * was done. Each attempt has a number, which is also what it writes. */
#ifndef POLLUX_SIM_CLIENT_H
#define POLLUX_SIM_CLIENT_H

#include "world.h"

void clients_start(struct world *w);

struct bytes client_key(unsigned key, char text[16]);
uint64_t client_attempt(struct bytes value);
/* An attempt to delete that may have come after what was acknowledged last; 0: there is none. */
uint64_t client_deletion_after(const struct known_key *key);

#endif
