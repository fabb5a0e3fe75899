"""Remove-CsUserStoreBackupData: what a pool no longer backs up goes, and nothing else.

Prints TAP; needs root for some of it."""

import sys

from pollux_world import *
from test_copy import rows
from test_users import done, refused
from test_web import Client, enable

tests.clear()

ATL, REDMOND, TOKYO = (name_of(pool) for pool in ("atl", "redmond", "tokyo"))
REMOVE = "Remove-CsUserStoreBackupData"
DOCUMENTS = 4


def with_copies(world):
    """Redmond has a copy of what Atlanta's user keeps; a fourth pool has the central store."""
    world.deploy(["atl", "redmond", "tokyo", "oslo"], central="oslo")
    enable(world, "ken")
    done(world["oslo"], "Invoke-CsManagementStoreReplication")  # Atlanta knows of Ken
    ken = Client(world, "ken")
    for number in range(DOCUMENTS):
        ken.put("<resource-lists/>", f"list{number}").must(201)
    until("the copy to be there", lambda: DOCUMENTS <= len(rows(world["redmond"].store, "atl")) ==
          len(rows(world["atl"].store, "atl")))


def documents(store):
    """What Atlanta's users have there, but for the records of their sessions: those come when they come."""
    return {key: row for key, row in rows(store, "atl").items() if b"/history/" not in key[1]}


def pair_anew(world, *gone):
    """Redmond and Tokyo are a pair now; whoever is gone is not in the topology any more."""
    world.stop(*[p for p in world.pools if world[p].runs])
    world.pairs = {"redmond": "tokyo", "tokyo": "redmond"}
    machines = dict(world.machines)
    for pool in gone:
        del world.machines[pool]
    world.write_topology()
    world.machines = machines
    left = [pool for pool in world.pools if pool not in gone]
    world.start(*left)
    for pool in left:
        world.wait_hears(pool, *(other for other in left if other != pool))


def remove(world, *words, pool="redmond"):
    return world.command(pool, REMOVE, "-PoolFqdn", REDMOND, *words)


@test
def a_copy_that_nobody_needs_goes_when_somebody_says_so(world):
    with_copies(world)
    copied = documents(world["redmond"].store)
    assert len(copied) >= DOCUMENTS
    remove(world, "-WhatIf").must(0, "no copy but those that it needs")
    assert not remove(world, "-Force").must(0).err  # the same, hidden
    nothing = remove(world).must(0, "no copy but those that it needs")  # so there is nothing to ask
    assert str(nothing).count("no copy but") == 1, nothing
    pair_anew(world, "atl")
    typed = remove(world, "-WhatIf").must(0, f"The copy of the home {ATL} would be removed")
    assert re.search(r"[1-9]\d* items, [1-9]\d* bytes, complete as of 20.*Z, \d+ s ago", str(typed)), typed
    # It destroys: without a terminal nobody can agree, unless it is said that nobody is asked.
    remove(world).must(2, "would be removed", "no terminal", "-Confirm:$false")
    remove(world, "-Force", "-Confirm").must(2, "no terminal")
    assert documents(world["redmond"].store) == copied
    own = rows(world["redmond"].store, "redmond"), rows(world["redmond"].store, CENTRAL)
    removed = world.command("tokyo", REMOVE, "-PoolFqdn", REDMOND, "-Confirm:$false", "-Output",
                            "Json").must(0)
    shown = json.loads(removed.out)
    assert shown["Identity"] == ATL and shown["Items"] > 0 and shown["Bytes"] > 0, shown
    assert rows(world["redmond"].store, "atl") == {}
    assert own == (rows(world["redmond"].store, "redmond"), rows(world["redmond"].store, CENTRAL))
    remove(world, "-Force", "-WhatIf").must(0)
    assert "would be removed" not in remove(world, "-WhatIf").out
    until("what it left to be swept away", lambda: ATL not in homes(world) and not [
        name for name in homes(world) if name.startswith("dropped")])
    world.stop("redmond")
    world.start("redmond")
    remove(world, "-WhatIf").must(0, "no copy but those that it needs")


def homes(world):
    """Those that Redmond's store knows of, by the file."""
    db = sqlite3.connect(f"file:{world['redmond'].store}?mode=ro", uri=True)
    try:
        return {name for name, in db.execute("SELECT name FROM home")}
    finally:
        db.close()


@test
def a_copy_that_its_pool_still_relies_on_stays(world):
    """Redmond runs by a topology that makes them a pair no more; Atlanta by the one before."""
    with_copies(world)
    world.stop("redmond")
    pairs, world.pairs = world.pairs, {"redmond": "tokyo", "tokyo": "redmond"}
    world.write_topology()
    world.start("redmond")
    world.wait_hears("redmond", "atl", "tokyo", "oslo")
    world.pairs = pairs
    world.write_topology()
    copied = documents(world["redmond"].store)
    refused(world["redmond"], REMOVE, "still relies on this copy", "Nothing of it was removed",
            PoolFqdn=REDMOND)
    refused(world["redmond"], REMOVE, "still relies on this copy", PoolFqdn=REDMOND, WhatIf=True)
    # Asked by way of a third machine, it is the same.
    refused(world["tokyo"], REMOVE, "still relies on this copy", PoolFqdn=REDMOND, Force=True)
    # Who can't be asked, may rely on it.
    world.kill("atl")
    refused(world["redmond"], REMOVE, ATL, "Nothing of it was removed", PoolFqdn=REDMOND, Force=True)
    # Who has lost its store, does.
    for file in world["atl"].folder.glob("rtc.db*"):
        file.unlink()
    world.start("atl")
    world.wait_hears("redmond", "atl")
    refused(world["redmond"], REMOVE, "may be the only one", PoolFqdn=REDMOND, Force=True)
    assert documents(world["redmond"].store) == copied


if __name__ == "__main__":
    sys.exit(main())
