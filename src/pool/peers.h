/* The other machines of the deployment: who was heard when, and what is wrong with whom. Says what
 * changes, once, as events. */
#ifndef POLLUX_POOL_PEERS_H
#define POLLUX_POOL_PEERS_H

#include "link/link.h"

struct peers;

enum {
    /* Clocks only matter to people who read logs; a difference that they would notice. */
    CLOCK_DIFFERENCE_WARNS_MS = 5000,
    /* So many words in a row must say so: one that was held up on its way looks like it. */
    CLOCK_DIFFERENCE_WORDS = 5,
    /* A clock that is being put right runs slower than another by less than one part in so many. */
    CLOCK_DRIFT_PARTS = 10,
    /* A pool has a part in its own home, its partner's, and central. */
    PEER_HOMES_MAX = 3,
};

/* What a home is at the pool of a machine, as that said last. */
struct peer_home {
    char home[HOME_NAME_SIZE];
    struct term term;
    enum mode mode;
    struct heartbeat_operation operation, last; /* by which that pool takes it over, or did */
};

struct peer {
    char machine[FQDN_SIZE];
    char pool[FQDN_SIZE];
    bool reachable;     /* the last call of ours was answered */
    bool tried;         /* … or failed at least once */
    bool calling;       /* a heartbeat is under way */
    bool again;         /* … and another one is due behind it */
    uint64_t called_ms; /* when it was called last */
    uint64_t heard_ms;  /* monotonic, from either direction; 0: never */
    uint64_t clock_ms;  /* its wall clock, as it said then */
    uint64_t started;   /* its random number of its start */
    uint64_t topology;  /* the hash of its topology */
    unsigned hears;     /* of our homes, by their place: whose holder does it hear? */
    uint64_t rest;     /* the sum over all that it has heard of others, as it told us; 0: not yet */
    uint64_t knows;    /* the same of ours, as it says itself */
    uint64_t whole_ms; /* when it was told all of ours */
    char engine[MESSAGE_ENGINE_SIZE];
    size_t home_count;
    struct peer_home homes[PEER_HOMES_MAX];
    unsigned clock_words; /* in a row, by which its clock is another; up to the last that counts */
    bool topology_warned;
    struct error trouble; /* why it is not reachable */
};

struct peers *peers_new(const struct topology *topology, const struct machine *self);
void peers_free(struct peers *peers);
DEFINE_OWNED(struct peers *, peers_free)
/* Follows a new topology; what is known of machines that stay is kept. */
void peers_follow(struct peers *peers, const struct topology *topology, const struct machine *self);

size_t peers_count(const struct peers *peers);
struct peer *peers_at(struct peers *peers, size_t i);
struct peer *peers_find(struct peers *peers, const char *machine);
void peers_heard(struct peers *peers, const struct heartbeat *theirs, uint64_t now_ms,
                 uint64_t our_wall_ms, uint64_t our_topology);
bool peer_clock_differs(const struct peer *peer);
/* Its wall clock now, or some time before: never beyond it, unless somebody set it back since it
 * was heard. 0: not heard yet. */
uint64_t peer_clock(const struct peer *peer, uint64_t now_ms);
void peers_answered(struct peer *peer);
void peers_failed(struct peer *peer, const struct error *e);

#endif
