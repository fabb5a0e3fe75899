/* sim: lives through worlds. The same seed is the same world.
 *
 *     sim [--seed N | --seeds A..B] [--pools 2|3] [-v] [--put-back-holders] [--disasters]
 *
 * Without seeds: a fixed set, and some that nobody has seen yet; with POLLUX_SOAK that many times
 * as many. Prints TAP; says how to replay what failed. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "world.h"

/* Of each kind of world. Some 50 worlds take a second. */
enum { FIXED_SEEDS = 200, FRESH_SEEDS = 25 };

struct plan {
    uint64_t from, to;
    size_t pools; /* 0: two or three, by the seed */
    bool verbose, put_back_holders, disasters;
};

static void add(struct counts *all, const struct counts *one)
{
    all->steps += one->steps;
    all->changes += one->changes;
    all->acked += one->acked;
    all->batches += one->batches;
    all->comparisons += one->comparisons;
    all->crashes += one->crashes;
    all->put_backs += one->put_backs;
    all->forks += one->forks;
    all->refills += one->refills;
    all->finals += one->finals;
    all->operations += one->operations;
    all->taken += one->taken;
    all->alone += one->alone;
    all->called_off += one->called_off;
    all->kept += one->kept;
}

static bool live(const struct plan *plan, uint64_t seed, struct counts *all)
{
    struct options options = {.seed = seed,
                              .pools = plan->pools ? plan->pools : 2 + seed % 3 / 2,
                              .verbose = plan->verbose,
                              .put_back_holders = plan->put_back_holders,
                              .disasters = plan->disasters};
    options.homes = seed % 4 == 3 ? 1 : options.pools;
    struct world *w = world_new(&options);
    bool good = world_run(w);
    if (!good)
        printf("# seed %" PRIu64 ": %s\n#   replay: sim --seed %" PRIu64 " --pools %zu%s%s -v\n",
               seed, w->broken, seed, options.pools,
               plan->put_back_holders ? " --put-back-holders" : "",
               plan->disasters ? " --disasters" : "");
    add(all, &w->counts);
    world_free(w);
    return good;
}

/* One line of TAP for a range of seeds. */
static bool run(unsigned number, const char *what, const struct plan *plan)
{
    struct counts all = {0};
    uint64_t bad = 0;
    for (uint64_t seed = plan->from; seed <= plan->to; seed++) {
        bad += !live(plan, seed, &all);
        fflush(stdout);
    }
    printf("# seeds %" PRIu64 "..%" PRIu64 ": %" PRIu64 " steps, %" PRIu64 " of %" PRIu64
           " changes acknowledged, %" PRIu64 " batches, %" PRIu64 " comparisons, %" PRIu64
           " crashes, %" PRIu64 " stores put back, %" PRIu64 " given up, %" PRIu64
           " refills, %" PRIu64 " times FinalState, %" PRIu64 " operations: %" PRIu64
           " homes taken, %" PRIu64 " of them alone, %" PRIu64 " called off, %" PRIu64
           " changes kept aside\n",
           plan->from, plan->to, all.steps, all.acked, all.changes, all.batches, all.comparisons,
           all.crashes, all.put_backs, all.forks, all.refills, all.finals, all.operations,
           all.taken, all.alone, all.called_off, all.kept);
    printf("%s %u - %s\n", bad ? "not ok" : "ok", number, what);
    return !bad;
}

static int usage(void)
{
    fputs("usage: sim [--seed N | --seeds A..B] [--pools 2|3] [-v] [--put-back-holders] "
          "[--disasters]\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {{"seed", required_argument, NULL, 's'},
                                                 {"seeds", required_argument, NULL, 'r'},
                                                 {"pools", required_argument, NULL, 'p'},
                                                 {"put-back-holders", no_argument, NULL, 'n'},
                                                 {"disasters", no_argument, NULL, 'd'},
                                                 {"verbose", no_argument, NULL, 'v'},
                                                 {NULL, 0, NULL, 0}};
    struct plan plan = {.from = 1};
    bool chosen = false;
    for (int c; (c = getopt_long(argc, argv, "v", long_options, NULL)) != -1;) {
        const char *dots = c == 'r' ? strstr(optarg, "..") : NULL;
        if (c == 's' || dots) {
            chosen = true;
            plan.from = strtoull(optarg, NULL, 10);
            plan.to = dots ? strtoull(dots + 2, NULL, 10) : plan.from;
        } else if (c == 'p' && (strcmp(optarg, "2") == 0 || strcmp(optarg, "3") == 0)) {
            plan.pools = (size_t)(optarg[0] - '0');
        } else if (c == 'v') {
            plan.verbose = true;
        } else if (c == 'n') {
            plan.put_back_holders = true;
        } else if (c == 'd') {
            plan.disasters = true;
        } else {
            return usage();
        }
    }
    if (chosen) {
        puts("1..1");
        return !run(1, "the_seeds_that_were_asked_for", &plan);
    }
    const char *soak = getenv("POLLUX_SOAK");
    uint64_t rounds = soak ? strtoull(soak, NULL, 10) : 1;
    uint64_t fresh = 1000000 + random_u64() % (UINT64_C(1) << 40);
    const struct plan plans[] = {
        {.from = 1, .to = FIXED_SEEDS * rounds},
        {.from = 1, .to = FIXED_SEEDS * rounds, .put_back_holders = true},
        {.from = 1, .to = FIXED_SEEDS * rounds, .disasters = true},
        {.from = fresh, .to = fresh + FRESH_SEEDS * rounds - 1},
        {.from = fresh, .to = fresh + FRESH_SEEDS * rounds - 1, .put_back_holders = true},
        {.from = fresh, .to = fresh + FRESH_SEEDS * rounds - 1, .disasters = true},
    };
    static const char *const what[] = {
        "whatever_happens_homes_move_copies_become_equal_and_nothing_is_lost",
        "the_same_where_stores_are_put_back_that_a_home_is_served_from",
        "where_homes_are_taken_without_their_holder_what_only_that_had_is_kept",
        "homes_move_with_seeds_that_nobody_has_seen_yet",
        "and_with_stores_put_back",
        "and_without_their_holders",
    };
    bool good = true;
    printf("1..%zu\n", COUNT_OF(plans));
    for (size_t i = 0; i < COUNT_OF(plans); i++)
        good &= run((unsigned)i + 1, what[i], &plans[i]);
    return !good;
}
