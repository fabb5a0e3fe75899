/* What is said of other machines: of their clocks. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/peers.h"

static const char text[] = "sip_domain = litwareinc.com central = atl.litwareinc.com\n"
                           "pool atl.litwareinc.com { database = 'atl.litwareinc.com\\RTC' machine "
                           "atl.litwareinc.com { } }\n"
                           "pool red.litwareinc.com { database = 'red.litwareinc.com\\RTC' machine "
                           "red.litwareinc.com { } }\n";
static const char other[] = "red.litwareinc.com";

enum { NOW = 1000000, LATE = 3 * CLOCK_DIFFERENCE_WARNS_MS };

static struct faults faults;
static struct topology *topology;
static struct peers *peers;
static FILE *log_was;
static char *told;
static size_t told_size;

static int begin(void **state)
{
    (void)state;
    topology = topology_read(text, "topology.conf", &faults);
    assert_non_null(topology);
    peers = peers_new(topology, &topology->pools[0].machines[0]);
    assert_non_null(peers_find(peers, other));
    log_was = stderr;
    stderr = open_memstream(&told, &told_size);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fclose(stderr);
    stderr = log_was;
    free(told);
    peers_free(peers);
    topology_free(topology);
    return 0;
}

/* A word of the other one, which was written at `wall_ms`, is heard now. */
static void hear(uint64_t wall_ms)
{
    struct heartbeat *said = xcalloc(1, sizeof *said);
    snprintf(said->sender.machine, sizeof said->sender.machine, "%s", other);
    said->wall_ms = wall_ms;
    peers_heard(peers, said, 1, NOW, 0);
    free(said);
}

static size_t times_told(const char *what)
{
    size_t times = 0;
    fflush(stderr);
    for (const char *at = told; (at = strstr(at, what)); at++)
        times++;
    return times;
}

static void a_clock_that_is_another_is_told_once(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        hear(NOW - LATE);
    assert_int_equal(times_told("15 s behind ours"), 1);
    hear(NOW);
    for (int i = 0; i < 10; i++)
        hear(NOW + LATE);
    assert_int_equal(times_told("15 s ahead of ours"), 1);
}

/* What a cut held up comes when that is over, and looks as if its clock were behind. */
static void what_was_held_up_on_its_way_is_no_other_clock(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        hear(NOW - LATE);
        hear(NOW - LATE / 2);
        hear(NOW);
    }
    assert_int_equal(times_told("clocks-differ"), 0);
}

/* A word that came late says less, and nothing that is not so. */
static void what_its_clock_is_now_is_never_beyond_it(void **state)
{
    (void)state;
    struct peer *peer = peers_find(peers, other);
    assert_int_equal(peer_clock(peer, 1), 0); /* nothing was heard yet */
    hear(NOW);
    assert_int_equal(peer_clock(peer, 1), NOW);
    assert_int_equal(peer_clock(peer, 1 + 5000), NOW + 5000 - 5000 / CLOCK_DRIFT_PARTS);
    hear(NOW - LATE); /* what is said last counts: its clock may have been set back */
    assert_int_equal(peer_clock(peer, 1), NOW - LATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_clock_that_is_another_is_told_once, begin, end),
        cmocka_unit_test_setup_teardown(what_was_held_up_on_its_way_is_no_other_clock, begin, end),
        cmocka_unit_test_setup_teardown(what_its_clock_is_now_is_never_beyond_it, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
