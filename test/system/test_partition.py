"""Cables that are pulled: pools in network namespaces, cut apart and joined again.

Prints TAP; needs root. A pool that can't be heard is not served from elsewhere by itself, one that
can't hear anybody does not begin to serve, and what one machine knows reaches all."""

import sys
import time

from pollux_world import *


def deploy(world, pools, **options):
    return world.deploy(pools, network=True, **options)


def force(world, pool):
    world.command(pool, "Start-CsPool", "-PoolFqdn", name_of(pool), "-Force").must(0)


@test
def two_pools_that_are_cut_apart_go_on_with_their_own_homes(world):
    """Both serve their users; for the other's there is limited service until they meet again."""
    deploy(world, ["atl", "redmond"])
    terms = {pool: world.term(pool, pool) for pool in world.pools}
    world.network.cut("atl", "redmond")
    for pool, other in (("atl", "redmond"), ("redmond", "atl")):
        world.wait_mode(pool, other, "Resiliency")
        world.wait_silent(pool, other)
        assert world.mode(pool, pool) == "Serving" and world.term(pool, pool) == terms[pool]
    world.wait_mode("redmond", CENTRAL, "Resiliency")
    world.network.join("atl", "redmond")
    world.all_serve()
    for pool in world.pools:
        assert world.term(pool, pool) == terms[pool], "a cut is no reason for a new term"
        assert world[pool].events("from Resiliency to Standby", "(heard)")
        world.wait_event(pool, "machine-reachable", "answers again")
    world.terms_must_be_unique()


@test
def a_network_that_says_there_is_no_way_is_no_different(world):
    deploy(world, ["atl", "redmond"])
    world.network.refuse("atl", "redmond")
    for pool, other in (("atl", "redmond"), ("redmond", "atl")):
        world.wait_mode(pool, other, "Resiliency")
        assert world.mode(pool, pool) == "Serving"
    world.network.join("atl", "redmond")
    world.all_serve()
    world.terms_must_be_unique()


@test
def one_direction_that_fails_is_a_cut(world):
    """An answer can't come back either, so neither counts the other as there for ever."""
    deploy(world, ["atl", "redmond"])
    world.network.cut_one_way("atl", "redmond")
    world.wait_silent("atl", "redmond")
    world.wait_mode("redmond", "atl", "Resiliency")
    world.network.join("atl", "redmond")
    world.all_serve()
    world.terms_must_be_unique()


@test
def a_holder_that_restarts_while_cut_off_does_not_serve(world):
    """It can't know whether the other side has failed over meanwhile."""
    deploy(world, ["atl", "redmond"])
    world.network.cut("atl", "redmond")
    world.wait_mode("redmond", "atl", "Resiliency")
    world.kill("atl")
    world.start("atl")
    world.wait_mode("atl", "redmond", "Resiliency")  # longer than the interval
    for home in ("atl", CENTRAL):
        status = world["atl"].status_of(home)
        assert status["Mode"] == "Rejoining" and name_of("redmond") in status["Waiting"], status
    world.network.join("atl", "redmond")
    world.all_serve()
    assert world["atl"].events("(granted)")
    world.terms_must_be_unique()


@test
def both_restart_while_cut_apart_and_both_wait(world):
    deploy(world, ["atl", "redmond"])
    world.network.cut("atl", "redmond")
    world.kill("atl", "redmond")
    world.start("atl", "redmond")
    world.wait_mode("atl", "redmond", "Resiliency")
    world.wait_mode("redmond", "atl", "Resiliency")
    for pool in world.pools:
        assert world.mode(pool, pool) == "Rejoining"
    force(world, "atl")
    assert world.mode("redmond", "redmond") == "Rejoining"
    world.network.join("atl", "redmond")
    world.all_serve()
    world.terms_must_be_unique()


@test
def cuts_that_come_and_go_leave_everybody_where_they_were(world):
    """A loose contact: shorter and longer than the interval, with restarts in between."""
    deploy(world, ["atl", "redmond"], interval_s=1)
    for round_number in range(4 * SOAK):
        world.network.cut("atl", "redmond")
        if round_number % 2:
            world.wait_mode("redmond", "atl", "Resiliency")
        if round_number % 3 == 2:
            world.kill("redmond")
            world.start("redmond")
        world.network.join("atl", "redmond")
    world.all_serve()
    world.terms_must_be_unique()


@test
def a_third_machine_passes_on_the_higher_term(world):
    """Two that can't talk to each other still learn of each other's terms through anybody."""
    deploy(world, ["atl", "redmond", "tokyo"])
    world.network.cut("atl", "redmond")
    world.network.cut("atl", "tokyo")
    world.kill("atl")
    world.start("atl")
    world.wait_mode("atl", "redmond", "Resiliency")
    assert world.mode("atl", "atl") == "Rejoining"
    force(world, "atl")
    higher = world.term("atl", "atl")
    assert world.term("redmond", "atl") < higher
    world.network.join("atl", "tokyo")
    until("tokyo to know the term", lambda: world["tokyo"].status_of("atl").get("Term") == higher)
    until("redmond to know it too", lambda: world.term("redmond", "atl") == higher)
    world.wait_silent("redmond", "atl")
    world.network.join("atl", "redmond")
    world.all_serve()
    assert world.term("redmond", "atl") == world.term("atl", "atl")
    world.terms_must_be_unique()


@test
def a_holder_that_hears_only_a_third_machine_does_not_serve_on_its_word(world):
    """Only the partner can grant a term; a third one knows too little."""
    deploy(world, ["atl", "redmond", "tokyo"])
    world.network.cut("atl", "redmond")
    world.kill("atl")
    world.start("atl")
    world.wait_hears("atl", "tokyo")
    world.wait_mode("atl", "redmond", "Resiliency")
    assert world.mode("atl", "atl") == "Rejoining"
    world.network.join("atl", "redmond")
    world.all_serve()
    world.terms_must_be_unique()


@test
def a_pool_cut_off_while_homes_are_created_gets_its_home_later_and_once(world):
    world.build(["atl", "redmond", "tokyo"], network=True)
    world.network.cut("atl", "tokyo")
    world.network.cut("redmond", "tokyo")
    world.start()
    world.wait_hears("atl", "redmond")
    world.publish("atl").must(0)
    world.wait_mode("atl", "atl", "Serving")
    assert world.mode("tokyo", "tokyo") == "Rejoining"
    world.network.join("atl", "tokyo")
    world.network.join("redmond", "tokyo")
    world.all_serve()
    assert world.term("tokyo", "tokyo") == 2
    world.terms_must_be_unique()


if __name__ == "__main__":
    sys.exit(main())
