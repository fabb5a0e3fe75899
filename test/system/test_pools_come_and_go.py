"""The topology changes while everything runs: a pool that joins gets its copy of `central`, one that
leaves is sent nothing any more and holds nobody up.

Prints TAP."""

import sys

from copies import *

TOKYO = name_of("tokyo")


def two_of_three(world):
    """tokyo is there, and the topology does not know it yet."""
    world.build(["atl", "redmond", "tokyo"])
    world.with_tokyo = world.topology_text()
    tokyo = world.machines.pop("tokyo")
    world.without_tokyo = world.topology_text()
    world.machines["tokyo"] = tokyo
    world.topology.write_text(world.without_tokyo)
    world.start("atl", "redmond")
    world.wait_hears("atl", "redmond")
    world.publish("atl").must(0)
    for pool in ("atl", "redmond"):
        world.wait_mode(pool, pool, "Serving")
    enable(world["atl"], "kenmyer")
    return world["atl"], world["redmond"], tokyo


def run_by(world, text, *pools):
    world.topology.write_text(text)
    for pool in pools:
        world.reload(pool)
        assert not world[pool].events("reload-refused"), world[pool].events("reload-refused")
    world.publish("atl").must(0)


def replicas(machine):
    return {r["ReplicaFqdn"]: r["UpToDate"]
            for r in done(machine, "Get-CsManagementStoreReplicationStatus").objects}


def wait_same(world):
    until("tokyo to have all of central", lambda: rows(world["tokyo"].store, CENTRAL) and
          rows(world["tokyo"].store, CENTRAL) == rows(world["atl"].store, CENTRAL))


@test
def a_pool_that_joins_gets_its_copy_without_a_restart(world):
    atl, redmond, tokyo = two_of_three(world)
    assert TOKYO not in replicas(atl)
    world.topology.write_text(world.with_tokyo)
    world.start("tokyo")
    run_by(world, world.with_tokyo, "atl", "redmond")
    world.wait_mode("tokyo", "tokyo", "Serving")
    wait_same(world)
    until("tokyo to be up to date", lambda: replicas(atl).get(TOKYO))
    assert [u["Identity"] for u in done(tokyo, "Get-CsUser").objects] == ["kenmyer@litwareinc.com"]
    world.command("atl", "Invoke-CsManagementStoreReplication", "-ReplicaFqdn", TOKYO, "-Verbose").must(
        0, f"{TOKYO} has everything")
    world.command("atl", "Invoke-CsManagementStoreReplication", "-ReplicaFqdn", name_of("atl")).must(
        0, "WARNING", f"{name_of('atl')} holds the Central Management Store itself")
    enable(atl, "alice")
    wait_same(world)
    assert not atl.events("has no home central")  # that it has none yet is no error


@test
def a_pool_that_leaves_is_sent_nothing_any_more_and_can_come_back(world):
    """Also while it is asked for at that moment."""
    atl, redmond, tokyo = two_of_three(world)
    world.topology.write_text(world.with_tokyo)
    world.start("tokyo")
    run_by(world, world.with_tokyo, "atl", "redmond")
    wait_same(world)
    world.pause("tokyo")
    world.wait_silent("atl", "tokyo")
    enable(atl, "alice")
    asking = subprocess.Popen(
        [str(POLLUX), "Invoke-CsManagementStoreReplication", "-ReplicaFqdn", TOKYO, "-Debug"],
        text=True, env={**os.environ, "POLLUX_SERVER": str(atl.socket)}, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert "is asked" in asking.stderr.readline()
    run_by(world, world.without_tokyo, "atl", "redmond")
    said = asking.communicate(timeout=PATIENCE_S)[1]
    # On a loaded machine it may arrive only now.
    assert "is not up to date" in said or "has no machine" in said, said
    assert TOKYO not in replicas(atl), replicas(atl)
    world.resume("tokyo")
    enable(atl, "bob")
    # Back again, some times: the copy catches up each time.
    for number in range(3):
        run_by(world, world.with_tokyo, "atl", "redmond")
        wait_same(world)
        until("tokyo to be up to date", lambda: replicas(atl).get(TOKYO))
        run_by(world, world.without_tokyo, "atl", "redmond")
        assert TOKYO not in replicas(atl)
        enable(atl, f"user{number}")
    run_by(world, world.with_tokyo, "atl", "redmond")
    wait_same(world)
    assert not atl.events(" error "), atl.events(" error ")


if __name__ == "__main__":
    sys.exit(main())
