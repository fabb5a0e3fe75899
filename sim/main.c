/* sim: lives through worlds. The same seed is the same world.
 *
 *     sim [--seed N | --seeds A..B] [--pools 2|3 | --central] [-v] [--put-back-holders | --forces |
 * --disasters]
 *
 * Without seeds: a fixed set, and some that nobody has seen yet; with POLLUX_SOAK that many times
 * as many, and with POLLUX_SAMPLE=3 a third of the fixed ones. Prints TAP; says how to replay what
 * failed. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "world.h"

/* Of each kind of world. Some 50 worlds take a second. */
enum { FIXED_SEEDS = 200, CENTRAL_SEEDS = 100, FRESH_SEEDS = 25 };

struct plan {
    uint64_t from, to;
    size_t pools; /* 0: two or three, by the seed */
    bool central; /* three, and the third has a replica */
    bool verbose, put_back_holders, forces, disasters;
};

static void add(struct counts *all, const struct counts *one)
{
    all->steps += one->steps;
    all->changes += one->changes;
    all->acked += one->acked;
    all->batches += one->batches;
    all->carried += one->carried;
    all->comparisons += one->comparisons;
    all->crashes += one->crashes;
    all->put_backs += one->put_backs;
    all->forks += one->forks;
    all->steps_back += one->steps_back;
    all->salvages += one->salvages;
    all->own_tails += one->own_tails;
    all->conflicts += one->conflicts;
    all->given_up += one->given_up;
    all->refills += one->refills;
    all->finals += one->finals;
    all->operations += one->operations;
    all->taken += one->taken;
    all->alone += one->alone;
    all->brought += one->brought;
    all->called_off += one->called_off;
}

static bool live(const struct plan *plan, uint64_t seed, struct counts *all)
{
    struct options options = {.seed = seed,
                              .pools = plan->central ? 3
                                       : plan->pools ? plan->pools
                                                     : 2 + seed % 3 / 2,
                              .central = plan->central,
                              .verbose = plan->verbose,
                              .put_back_holders = plan->put_back_holders || plan->forces,
                              .forces = plan->forces,
                              .disasters = plan->disasters};
    options.homes = seed % 4 == 3 ? 1 : options.pools;
    struct world *w = world_new(&options);
    bool good = world_run(w);
    if (!good)
        printf("# seed %" PRIu64 ": %s\n#   replay: sim --seed %" PRIu64 "%s%s -v\n", seed,
               w->broken, seed,
               plan->central        ? " --central"
               : options.pools == 2 ? " --pools 2"
                                    : " --pools 3",
               plan->forces             ? " --forces"
               : plan->disasters        ? " --disasters"
               : plan->put_back_holders ? " --put-back-holders"
                                        : "");
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
           " changes acknowledged, %" PRIu64 " batches, of which %" PRIu64
           " took another module along, %" PRIu64 " comparisons, %" PRIu64 " crashes, %" PRIu64
           " stores put back, %" PRIu64 " changes given up, %" PRIu64 " tails, of which %" PRIu64
           " parts went before, %" PRIu64 " salvaged and %" PRIu64
           " taken by who had them, with %" PRIu64 " conflicts, %" PRIu64 " refills, %" PRIu64
           " times FinalState, %" PRIu64 " operations: %" PRIu64 " homes taken, %" PRIu64
           " of them alone, %" PRIu64 " called off, %" PRIu64 " changes brought from a replica\n",
           plan->from, plan->to, all.steps, all.acked, all.changes, all.batches, all.carried,
           all.comparisons, all.crashes, all.put_backs, all.given_up, all.forks, all.steps_back,
           all.salvages, all.own_tails, all.conflicts, all.refills, all.finals, all.operations,
           all.taken, all.alone, all.called_off, all.brought);
    printf("%s %u - %s\n", bad ? "not ok" : "ok", number, what);
    return !bad;
}

static int usage(void)
{
    fputs("usage: sim [--seed N | --seeds A..B] [--pools 2|3 | --central] [-v] "
          "[--put-back-holders | --forces | --disasters]\n",
          stderr);
    return 2;
}

/* Of the environment; 1: it says nothing. */
static uint64_t number_of(const char *name)
{
    const char *text = getenv(name);
    uint64_t number = text ? strtoull(text, NULL, 10) : 0;
    return number ? number : 1;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {{"seed", required_argument, NULL, 's'},
                                                 {"seeds", required_argument, NULL, 'r'},
                                                 {"pools", required_argument, NULL, 'p'},
                                                 {"put-back-holders", no_argument, NULL, 'n'},
                                                 {"verbose", no_argument, NULL, 'v'},
                                                 {"forces", no_argument, NULL, 'f'},
                                                 {"disasters", no_argument, NULL, 'd'},
                                                 {"central", no_argument, NULL, 'c'},
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
        } else if (c == 'c') {
            plan.central = true;
        } else if (c == 'v') {
            plan.verbose = true;
        } else if (c == 'n') {
            plan.put_back_holders = true;
        } else if (c == 'f') {
            plan.forces = true;
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
    uint64_t rounds = number_of("POLLUX_SOAK"), part = number_of("POLLUX_SAMPLE");
    uint64_t fixed = FIXED_SEEDS * rounds / part, central = CENTRAL_SEEDS * rounds / part;
    uint64_t fresh = 1000000 + random_u64() % (UINT64_C(1) << 40);
    const struct plan plans[] = {
        {.from = 1, .to = fixed},
        {.from = 1, .to = fixed, .put_back_holders = true},
        {.from = 1, .to = fixed, .forces = true},
        {.from = 1, .to = fixed, .disasters = true},
        {.from = 1, .to = central, .central = true},
        {.from = 1, .to = central, .central = true, .put_back_holders = true},
        {.from = 1, .to = central, .central = true, .forces = true},
        {.from = 1, .to = central, .central = true, .disasters = true},
        {.from = fresh, .to = fresh + FRESH_SEEDS * rounds - 1},
        {.from = fresh, .to = fresh + FRESH_SEEDS * rounds - 1, .put_back_holders = true},
        {.from = fresh, .to = fresh + FRESH_SEEDS * rounds - 1, .forces = true},
        {.from = fresh, .to = fresh + FRESH_SEEDS * rounds - 1, .disasters = true},
        {.from = fresh, .to = fresh + FRESH_SEEDS * rounds - 1, .central = true},
        {.from = fresh, .to = fresh + FRESH_SEEDS * rounds - 1, .central = true, .disasters = true},
    };
    static const char *const what[] = {
        "whatever_happens_homes_move_copies_become_equal_and_nothing_is_lost",
        "the_same_where_stores_are_put_back_that_a_home_is_served_from",
        "and_where_administrators_insist_what_they_gave_up_comes_back_or_is_kept_beside",
        "and_where_homes_are_taken_without_their_holder",
        "all_that_beside_central_which_moves_and_has_a_replica_that_becomes_equal_too",
        "with_central_and_put_back_holders",
        "with_central_and_administrators",
        "with_central_and_disasters",
        "the_same_with_seeds_that_nobody_has_seen_yet",
        "with_put_back_holders_as_well",
        "with_administrators",
        "and_with_disasters",
        "with_central",
        "with_central_and_disasters_as_well",
    };
    bool good = true;
    printf("1..%zu\n", COUNT_OF(plans));
    for (size_t i = 0; i < COUNT_OF(plans); i++)
        good &= run((unsigned)i + 1, what[i], &plans[i]);
    return !good;
}
