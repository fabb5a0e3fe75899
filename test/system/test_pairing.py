"""Pools that have served are paired, and paired anew: the record of a home names who may take it
(protocol, rule 12), and follows the topology once the former backup pool has given up.

As an administrator does it: the topology file on each machine, polluxd started again. Prints TAP."""

import sys

from copies import *
from failovers import Freezer, Typed
from test_web import Client, enable
from test_web_content import conference, put
from web_client import with_file_store

tests.clear()


def run_by(world, pairs, *pools):
    """These machines run by the topology with these pairs from now on."""
    world.pairs = dict(pairs) | {b: a for a, b in pairs}
    world.write_topology()
    for pool in pools:
        if world[pool].runs:
            world.stop(pool)
    world.start(*pools)
    for pool in pools:
        world.wait_hears(pool, *(other for other in world.pools
                                 if other != pool and world[other].runs))


def backup_of(world, pool, at=None):
    """By its home's own record."""
    return world[at or pool].status_of(name_of(pool))["BackupPool"]


def wait_paired(world, pool, backup):
    until(f"{pool} to name {backup}",
          lambda: backup_of(world, pool) == (name_of(backup) if backup else None))
    if backup:
        world.wait_mode(backup, pool, "Standby")
        world.wait_copied(pool)


def wait_equal(world, home, *pools):
    until(f"copies of {home} to be equal", lambda: rows(world[pools[0]].store, home) and all(
        rows(world[pool].store, home) == rows(world[pools[0]].store, home) for pool in pools[1:]))


def keep(world, name):
    """Ken signs on and has a document kept: a session ends with the machine that it is on."""
    Client(world, "ken").put("<resource-lists/>", name).must(201)


def with_a_user(world, pools, pairs):
    world.deploy(pools, pairs=pairs)
    enable(world, "ken")
    keep(world, "before")


def where_central_is(world, at):
    """As this machine tells it: who holds it, and which of its services is active."""
    services = world[at].ask("Get-CsService", CentralManagement=True).objects
    return (world[at].ask("Get-CsManagementConnection").objects[0]["PoolFqdn"],
            [s["PoolFqdn"] for s in services if s["Active"]])


def fail_over(world, home, to, *words):
    world.command(to, "Invoke-CsPoolFailOver", "-PoolFqdn", name_of(home), "-Confirm:$false",
                  *words).must(0)
    world.wait_mode(to, home, "Serving")


@test
def two_pools_that_served_alone_become_a_pair(world):
    with_a_user(world, ["atl", "redmond"], [])
    enable(world, "alice", "redmond")
    done(world["atl"], "Invoke-CsManagementStoreReplication")  # Redmond knows of Alice
    Client(world, "alice", "redmond").put("<resource-lists/>", "before").must(201)
    assert backup_of(world, "atl") is None
    for words in ([], ["-BackupSqlServerFqdn", name_of("redmond"), "-Force"]):
        world.command("redmond", "Invoke-CsManagementServerFailover", *words).must(
            1, "has no backup pool that could take it", "Pairs are made in the topology")
    run_by(world, [("atl", "redmond")], "atl", "redmond")
    world.wait_mode("atl", CENTRAL, "Serving")
    world.publish("atl").must(0)
    for home, backup in (("atl", "redmond"), ("redmond", "atl")):
        wait_paired(world, home, backup)
        wait_equal(world, home, "atl", "redmond")
    world.wait_mode("redmond", CENTRAL, "Standby")
    keep(world, "between")
    fail_over(world, "atl", "redmond")
    wait_equal(world, "atl", "atl", "redmond")
    world.command("redmond", "Invoke-CsPoolFailBack", "-PoolFqdn", name_of("atl"),
                  "-Confirm:$false").must(0)
    world.command("redmond", "Invoke-CsManagementServerFailover", "-Confirm:$false").must(0)
    world.wait_mode("redmond", CENTRAL, "Serving")
    world.terms_must_be_unique()


@test
def the_files_of_conferences_come_along(world):
    world.build(["atl", "redmond"], pairs=[])
    folders = {pool: with_file_store(world, pool) for pool in world.pools}
    world.begin()
    enable(world, "ken")
    ken = Client(world, "ken")
    which = conference(ken)
    put(ken, which, "Budget.txt", b"many figures").must(201)
    run_by(world, [("atl", "redmond")], "atl", "redmond")
    there = folders["redmond"] / name_of("atl") / which / "Budget.txt"
    until("the file to be there", there.exists)
    assert there.read_bytes() == b"many figures"


@test
def a_file_that_is_missing_comes_from_the_backup_pool_that_was_named_meanwhile(world):
    """Atlanta has run since Redmond was it."""
    world.build(["atl", "redmond", "tokyo"], pairs=[("atl", "redmond")], central="tokyo")
    folders = {pool: with_file_store(world, pool) for pool in world.pools}
    world.begin()
    enable(world, "ken")
    done(world["tokyo"], "Invoke-CsManagementStoreReplication")  # Atlanta knows of Ken
    run_by(world, [("atl", "tokyo")], "tokyo", "atl", "redmond")
    wait_paired(world, "atl", "tokyo")
    ken = Client(world, "ken")
    which = conference(ken)
    put(ken, which, "Budget.txt", b"many figures").must(201)
    here, there = (folders[pool] / name_of("atl") / which / "Budget.txt" for pool in ("atl", "tokyo"))
    until("the file to be there", there.exists)
    here.unlink()
    until("the file to be back", here.exists)
    assert here.read_bytes() == b"many figures"


@test
def a_pair_can_be_made_while_the_new_backup_pool_is_not_there_yet(world):
    with_a_user(world, ["atl", "redmond"], [])
    world.stop("redmond")
    for _ in range(2):  # restarted once more, it still waits for nobody
        run_by(world, [("atl", "redmond")], "atl")
        world.wait_mode("atl", "atl", "Serving")
        assert backup_of(world, "atl") == name_of("redmond")
    # Nor if that runs by the file of before.
    run_by(world, [], "redmond")
    run_by(world, [("atl", "redmond")], "atl")
    world.wait_mode("atl", "atl", "Serving")
    assert backup_of(world, "atl") == name_of("redmond")
    keep(world, "alone")
    run_by(world, [("atl", "redmond")], "redmond")
    wait_paired(world, "atl", "redmond")
    wait_equal(world, "atl", "atl", "redmond")
    # Once it was met, it may have taken: its word is needed again.
    world.stop("redmond")
    world.stop("atl")
    world.start("atl")
    world.wait_silent("atl", "redmond")
    assert world.mode("atl", "atl") == "Rejoining"


@test
def a_pool_gets_another_backup_pool_and_the_former_one_gives_up(world):
    with_a_user(world, ["atl", "redmond", "tokyo"], [("atl", "redmond")])
    wait_equal(world, "atl", "atl", "redmond")
    new = [("atl", "tokyo")]
    run_by(world, new, "atl", "tokyo")
    # Redmond still runs by the old file, and could take: it stays the backup pool.
    world.wait_mode("atl", "atl", "Serving")
    keep(world, "meanwhile")
    wait_equal(world, "atl", "atl", "redmond")
    assert backup_of(world, "atl") == name_of("redmond")
    assert world.mode("tokyo", "atl") == "Rejoining"
    world.publish("atl").must(0, f"{name_of('redmond')} is the backup pool of the home", "until it gives up",
                              "same topology file")
    world.command("atl", "Start-CsPool", "-PoolFqdn", name_of("atl"), "-Force", "-Confirm:$false").must(
        1, "until it gives up")
    run_by(world, new, "redmond")
    assert world["redmond"].events("part-given-up")
    wait_paired(world, "atl", "tokyo")
    wait_equal(world, "atl", "atl", "tokyo")
    world.wait_mode("tokyo", CENTRAL, "Standby")
    # From now on Redmond can't take it, and its copy can go; Tokyo can.
    world.command("redmond", "Invoke-CsPoolFailOver", "-PoolFqdn", name_of("atl"), "-DisasterMode",
                  "-Confirm:$false", "-WhatIf")
    world.command("redmond", "Remove-CsUserStoreBackupData", "-PoolFqdn", name_of("redmond"),
                  "-Force").must(0, name_of("atl"))
    world.kill("atl")
    world.wait_silent("tokyo", "atl")
    fail_over(world, "atl", "tokyo", "-DisasterMode")
    world.start("atl")
    world.wait_mode("atl", "atl", "Standby")
    world.terms_must_be_unique()


@test
def what_was_released_to_a_pool_that_parts_instead_of_taking_is_served_where_it_was(world):
    """The pool that is to take is lost at the last moment, and started again by a file that does not pair it
    any more. Nobody else could take, and no command helps while it is heard."""
    world.build(["atl", "redmond", "tokyo"])
    freezers = {pool: Freezer(world, pool) for pool in ("redmond", "tokyo")}
    world.begin()
    enable(world, "ken")
    keep(world, "before")
    for taker, new, backup in (("redmond", [("atl", "tokyo")], "tokyo"), ("tokyo", [], None)):
        freezers[taker].arm("before", f"Failover of the home {name_of('atl')} from {name_of('atl')}: Taking")
        Typed(world, taker, "Invoke-CsPoolFailOver", "-PoolFqdn", name_of("atl"))
        freezers[taker].wait()
        world.kill(taker)
        world.wait_mode("atl", "atl", "Released")
        run_by(world, new, *world.pools)
        assert world[taker].events("part-given-up", name_of("atl"))
        world.wait_mode("atl", "atl", "Serving")
        wait_paired(world, "atl", backup)
        keep(world, f"after-{taker}")
        if backup:
            wait_equal(world, "atl", "atl", backup)
        assert world.mode(taker, "atl") is None, world[taker].status_of("atl")
    again = world["atl"].events(f"{name_of('atl')} went from Released to Serving here (paired)")
    assert len(again) == 2, again
    world.terms_must_be_unique()


@test
def a_former_backup_pool_that_is_lost_needs_an_administrators_word(world):
    with_a_user(world, ["atl", "redmond", "tokyo"], [("atl", "redmond")])
    world.kill("redmond")
    run_by(world, [("atl", "tokyo")], "atl", "tokyo")
    world.wait_silent("atl", "redmond")
    assert world.mode("atl", "atl") == "Rejoining"
    world.command("atl", "Start-CsPool", "-PoolFqdn", name_of("atl"), "-Force",
                  "-Confirm:$false").must(0)
    world.wait_mode("atl", "atl", "Serving")
    wait_paired(world, "atl", "tokyo")
    wait_equal(world, "atl", "atl", "tokyo")
    # It comes back by the new file, follows nobody, and has given up.
    run_by(world, [("atl", "tokyo")], "redmond")
    assert world["redmond"].events("part-given-up")
    world.terms_must_be_unique()


@test
def a_pair_that_is_dissolved_waits_for_nobody_and_can_be_made_again(world):
    with_a_user(world, ["atl", "redmond"], [("atl", "redmond")])
    run_by(world, [], "atl", "redmond")
    for pool in ("atl", "redmond"):
        wait_paired(world, pool, None)
    world.stop("redmond")
    world.stop("atl")
    world.start("atl")
    world.wait_mode("atl", "atl", "Serving")
    keep(world, "single")
    run_by(world, [("atl", "redmond")], "atl", "redmond")
    wait_paired(world, "atl", "redmond")
    wait_equal(world, "atl", "atl", "redmond")
    fail_over(world, "atl", "redmond")
    world.terms_must_be_unique()


@test
def a_pool_that_holds_its_former_partners_home_keeps_it_until_it_is_handed_back(world):
    world.build(["atl", "redmond", "tokyo", "oslo"], pairs=[("atl", "redmond")])
    for pool in world.pools:
        with_file_store(world, pool)
    world.begin()
    enable(world, "ken")
    keep(world, "before")
    fail_over(world, "atl", "redmond")
    world.command("redmond", "Invoke-CsManagementServerFailover").must(0)
    new = [("atl", "tokyo")]
    run_by(world, new, *world.pools)
    world.publish("atl").must(1, "failed over", "Invoke-CsPoolFailBack")
    for home in ("atl", CENTRAL):
        world.wait_mode("redmond", home, "Serving")
        assert world["redmond"].events("part-kept", name_of(home))
    # By the new file it would be Tokyo; whoever has no part in it goes by who says that he serves it.
    enable(world, "bob")
    wait_equal(world, CENTRAL, "redmond", "oslo")
    until("oslo to name redmond", lambda: where_central_is(world, "oslo") == (
        name_of("redmond"), [name_of("redmond")]))
    assert world["oslo"].ask("Get-CsUserPoolInfo", Identity="ken").objects[0]["ServingPoolFqdn"] == \
        name_of("redmond")
    world.command("atl", "Invoke-CsPoolFailBack", "-PoolFqdn", name_of("atl"),
                  "-Confirm:$false").must(0)
    world.wait_mode("atl", "atl", "Serving")
    wait_paired(world, "atl", "tokyo")
    # It has no more part in it from then on, and what it has of it can go.
    world.wait_event("redmond", "part-given-up", name_of("atl"))
    assert world["redmond"].status_of("atl")["Mode"] is None
    # Of the Central Management Store it has a replica then, like every other pool.
    world.command("atl", "Invoke-CsManagementServerFailover").must(0)
    world.wait_event("redmond", "part-given-up", "central")
    wait_paired(world, "atl", "tokyo")
    enable(world, "alice")
    wait_equal(world, CENTRAL, "atl", "tokyo", "redmond", "oslo")
    # They follow the new backup pool, too, when that has it.
    world.command("tokyo", "Invoke-CsManagementServerFailover").must(0)
    enable(world, "carol")
    wait_equal(world, CENTRAL, "tokyo", "atl", "redmond", "oslo")
    wait_equal(world, "atl", "atl", "tokyo")
    keep(world, "after")
    world.command("redmond", "Remove-CsUserStoreBackupData", "-PoolFqdn", name_of("redmond"),
                  "-Force").must(0, name_of("atl"))
    world.terms_must_be_unique()


def put_back_and_lost(world):
    """Redmond knows of a document that Atlanta's store does not, which was put back; neither runs."""
    world.deploy(["atl", "redmond", "tokyo"], pairs=[("atl", "redmond")], central="tokyo")
    enable(world, "ken")
    done(world["tokyo"], "Invoke-CsManagementStoreReplication")  # Atlanta knows of Ken
    keep(world, "before")
    wait_equal(world, "atl", "atl", "redmond")
    yesterday = keep_aside(world["atl"], "yesterday.db")
    keep(world, "lost")
    wait_equal(world, "atl", "atl", "redmond")
    world.kill("atl", "redmond")
    put_back(world["atl"], yesterday)


def remove_copy(world):
    return world.command("redmond", "Remove-CsUserStoreBackupData", "-PoolFqdn", name_of("redmond"), "-Force")


def is_kept(world, name):
    return Client(world, "ken").get(name).status == 200


@test
def what_only_a_former_backup_pool_has_is_told_there_and_comes_back_when_it_is_paired_again(world):
    """Atlanta had to serve without it, and named another one, before both met."""
    put_back_and_lost(world)
    new = [("atl", "tokyo")]
    run_by(world, new, "atl", "tokyo")
    world.command("atl", "Start-CsPool", "-PoolFqdn", name_of("atl"), "-Force", "-Confirm:$false").must(0)
    world.wait_mode("atl", "atl", "Serving")
    wait_paired(world, "atl", "tokyo")
    assert not is_kept(world, "lost")
    keep(world, "since")
    run_by(world, new, "redmond")
    assert world["redmond"].events("part-given-up")
    world.wait_event("redmond", "copy-has-more", f"home {name_of('atl')}", "once more")
    remove_copy(world).must(1, f"{name_of('atl')}, which has it now", "Nothing of it was removed", "once more")
    # As it is told.
    run_by(world, [("atl", "redmond")], "atl", "tokyo", "redmond")
    world.wait_event("redmond", "tail-salvaged", f"home {name_of('atl')}", "0 are kept as conflicts")
    wait_paired(world, "atl", "redmond")
    for name in ("before", "lost", "since"):
        assert is_kept(world, name), name
    run_by(world, new, "atl", "tokyo", "redmond")
    wait_paired(world, "atl", "tokyo")
    wait_equal(world, "atl", "atl", "tokyo")
    remove_copy(world).must(0, name_of("atl"))
    assert len(world["redmond"].events("copy-has-more")) == 1
    world.terms_must_be_unique()


@test
def what_a_former_backup_pool_accepted_itself_comes_back_in_the_same_way(world):
    """It had taken the home, and was gone when Atlanta had to serve again, and named another one."""
    world.deploy(["atl", "redmond", "tokyo"], pairs=[("atl", "redmond")], central="tokyo")
    enable(world, "ken")
    done(world["tokyo"], "Invoke-CsManagementStoreReplication")
    keep(world, "before")
    wait_equal(world, "atl", "atl", "redmond")
    world.kill("atl")
    fail_over(world, "atl", "redmond", "-DisasterMode")
    Client(world, "ken", "redmond").put("<resource-lists/>", "accepted").must(201)
    world.kill("redmond")
    new = [("atl", "tokyo")]
    run_by(world, new, "atl", "tokyo")
    world.command("atl", "Start-CsPool", "-PoolFqdn", name_of("atl"), "-Force", "-Confirm:$false").must(0)
    wait_paired(world, "atl", "tokyo")
    run_by(world, new, "redmond")
    world.wait_mode("redmond", "atl", "Standby")
    assert world["redmond"].events("part-kept", name_of("atl"))
    world.wait_event("redmond", "copy-has-more", f"home {name_of('atl')}", "once more")
    run_by(world, [("atl", "redmond")], "atl", "tokyo", "redmond")
    world.wait_event("redmond", "tail-salvaged", f"home {name_of('atl')}", "0 are kept as conflicts")
    assert is_kept(world, "accepted")
    run_by(world, new, "atl", "tokyo", "redmond")
    wait_paired(world, "atl", "tokyo")
    world.wait_event("redmond", "part-given-up", name_of("atl"))
    assert len(world["redmond"].events("copy-has-more")) == 1
    world.terms_must_be_unique()


@test
def a_pool_that_waits_for_a_former_backup_pool_which_knows_more_is_refilled_when_both_are_paired_again(world):
    """Nobody had it served as it was: so nothing is carried over."""
    put_back_and_lost(world)
    run_by(world, [("atl", "tokyo")], "redmond", "atl", "tokyo")
    assert world["redmond"].events("part-given-up")
    world.wait_event("redmond", "copy-has-more", f"home {name_of('atl')}", "once more")
    assert world.mode("atl", "atl") == "Rejoining"
    remove_copy(world).must(1, "still relies on this copy")
    run_by(world, [("atl", "redmond")], "atl", "tokyo", "redmond")
    world.wait_mode("atl", "atl", "Serving")
    assert is_kept(world, "lost")
    run_by(world, [("atl", "tokyo")], "atl", "tokyo", "redmond")
    wait_paired(world, "atl", "tokyo")
    assert is_kept(world, "lost")
    world.terms_must_be_unique()


if __name__ == "__main__":
    sys.exit(main())
