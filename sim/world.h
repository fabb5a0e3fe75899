/* A whole deployment in one process: pools, their stores, the wires between them, people who change
 * things, and everything that goes wrong, on a clock that only moves when nothing else is to do.
 * One seed makes one world, and the same seed the same world.
 *
 * The rules are those of the product (src/core, and the store's contract on the memory engine);
 * what carries them out there (src/pool) is done here in its place, by the same steps. */
#ifndef POLLUX_SIM_WORLD_H
#define POLLUX_SIM_WORLD_H

#include <stdarg.h>

#include "core/compare.h"
#include "core/export.h"
#include "core/gathering.h"
#include "core/home.h"
#include "store/memory.h"
#include "store/store.h"

enum {
    POOLS_MAX = 3,
    HOMES_MAX = POOLS_MAX + 1, /* one of each pool, and `central` */
    HOSTED_MAX = 3,  /* homes at one pool: its own, the one that it is the backup of, `central` */
    SIM_MODULES = 2, /* of a pool's home */
    KEYS = 12,       /* of a module: few, so that they are changed again and again */
    FAILURE_DETECTION_MS = 8000,
    INTERVAL_MS = 3000,
    HEAD_HELD_MS = 1000, /* of content, as in the product */
    CALL_DEADLINE_MS = 2000,
    BATCH_DEADLINE_MS = 6000,
    BATCH_ITEMS = 6,   /* so that a catch-up takes several batches */
    CENTRAL_ITEMS = 2, /* of `central`: what is stored of one is less than there is */
    BATCHES_MAX = 3,
    HISTORY_MAX = 1 << 14, /* changes of one home in one world */
    BACKUPS_MAX = 8,
};

struct world;
struct pool;

/* One exporter at a pool, and what it has under way. A pool's home has one for each of its modules;
 * `central` has one module, and one for its backup and one for its replica. */
struct exporting {
    struct exporter *core;
    bool open;
    struct term term;
    bool in_flight;
    uint64_t batch_head; /* the head that the batch under way was read at */
    struct comparison *comparing;
    struct call *begun; /* with what the comparison began */
};

/* Batches of a catch-up that were taken, and are not stored yet. */
struct gathered {
    struct txn *txn; /* or NULL */
    struct batch_head all;
    struct version from;
    size_t batches;
};

struct backup {
    struct tree *tree;
    uint64_t taken_ms;
};

/* One home at one pool: the volatile part, as the process has it. */
struct hosted {
    struct pool *pool;
    size_t home; /* its number, which is that of its own pool */
    enum side side;
    struct home *core;           /* NULL: the process is down, or it is a replica */
    struct call *waiting;        /* the partner's question */
    struct call *demanded;       /* … and its demand */
    struct operation *operation; /* here, to take it; NULL: none is under way */
    uint64_t began_ms;
    bool taking; /* the record under way opens its term */
    struct {
        bool calling, bringing;
        struct replica_standing standing;
        uint64_t taken, round;
        struct lineage *lineage;
    } gathering;
    struct call *follower; /* whose answer waits for the lineage to be kept */
    struct copy_answer follow_answer;
    bool forced;     /* by an administrator */
    size_t applying; /* batches that were taken, on their way to the store */
    struct exporting exporting[SIM_MODULES];
    struct {
        struct tail_reader *reader;
        struct tail tail; /* id 0: the copy does not go back */
        bool busy;
        unsigned waits, later;
    } salvage;
    struct gathered gathered[SIM_MODULES];
};

struct pool {
    struct world *world;
    size_t number;
    char name[32];
    struct engine *engine; /* the store and what is in it outlive the process */
    struct store *store;
    struct backup backups[BACKUPS_MAX];
    size_t backup_count;
    uint64_t put_back_ms;
    bool may_fork; /* its store is of a time that was given up: it has changes of its own */
    bool up;
    uint64_t life; /* grows with each start: what belongs to an earlier one is gone */
    uint64_t paused_until;
    uint64_t commit_at; /* when the last commit that waits will be done */
    struct hosted hosted[HOSTED_MAX];
    size_t hosts;          /* so many */
    struct hosted replica; /* of `central`, if there is one and it may not be held here */
};

/* What is known of one key from outside: what was tried, and what was acknowledged. */
struct known_key {
    uint64_t acked;      /* the number of the last attempt that was acknowledged; 0: none */
    uint64_t *deletions; /* attempts that delete, in order */
    size_t deletion_count;
    uint64_t aside[POOLS_MAX]; /* the last that was acknowledged and only this pool has */
};

/* What a home was after each of its changes. */
struct point {
    bool known;
    struct term term;
    struct digest digests[SIM_MODULES];
};

struct known_home {
    struct known_key keys[SIM_MODULES][KEYS];
    struct point history[HISTORY_MAX];
    uint64_t served_ms; /* when it was served last */
    struct term opened[256];
    struct lineage lineages[256]; /* with each of them */
    size_t opened_count;
    uint64_t top;                /* the highest number that was opened */
    struct term gave[POOLS_MAX]; /* the last one that this pool released */
    bool put_back;               /* a store with it was: then only the tag keeps terms apart */
    uint64_t put_back_ms;
};

struct options {
    uint64_t seed;
    size_t pools;
    size_t homes; /* of so many pools, beginning with the first; the others only keep copies */
    bool central; /* there is one more, that the first two may hold, and the third has a replica */
    bool verbose;
    bool put_back_holders; /* also stores that a home is served from */
    bool forces;    /* and administrators who have them served from before they are refilled */
    bool disasters; /* homes are taken without their holder, and no store is put back */
};

struct counts {
    uint64_t steps, changes, acked, batches, carried, comparisons, crashes, put_backs, forks,
        steps_back, salvages, own_tails, conflicts, given_up, refills, finals, operations, taken,
        alone, called_off, brought;
};

/* When changes of this term were set aside first, so many had been tried. */
struct made_tail {
    uint64_t tag, attempts;
};

/* Of a key: what an administrator gave up, and the partner still has. */
struct given_up {
    size_t home, module;
    unsigned key;
    uint64_t attempt;
};

struct world {
    struct options options;
    uint64_t now, dice, attempts;
    uint64_t made_in[HISTORY_MAX]; /* each of them: the tag of the term */
    bool quiet;                    /* nothing goes wrong any more */
    bool clients_done;
    struct pool pools[POOLS_MAX];
    bool cut[POOLS_MAX][POOLS_MAX];
    struct known_home *homes; /* HOMES_MAX */
    struct scheduler *scheduler;
    struct call *calls; /* all that were made, freed with the world */
    struct waiting_commit *commits;
    struct batch_writer *writer;
    struct made_tail tails[256];
    size_t tail_count;
    struct given_up given_up[4096];
    size_t given_up_count;
    struct counts counts;
    char broken[512]; /* the first thing that was not as it must be */
};

/* Are homes served without all that was acknowledged? Then it comes back as a tail. */
bool gives_up(const struct world *w);

struct world *world_new(const struct options *options);
void world_free(struct world *w);
/* Lives through it. False: something was not as it must be, and `broken` says what. */
bool world_run(struct world *w);

uint64_t roll(struct world *w);
/* One of `n`. */
uint64_t pick(struct world *w, uint64_t n);
/* True in so many of a thousand. */
bool chance(struct world *w, unsigned in_thousand);
void say(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void broken(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The homes by number: those of the pools first. */
enum { CENTRAL = POOLS_MAX, REPLICA = POOLS_MAX - 1 };
/* Is it served and changed in this world? */
bool is_used(const struct world *w, size_t home);
/* What the exporter of this number sends. */
enum module module_of(size_t home, size_t number);

#endif
