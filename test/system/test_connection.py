#!/usr/bin/env python3
"""Where a machine finds the Central Management Store: by what it hears; first where it was told to
look by Set-CsManagementConnection, until Remove-CsManagementConnection takes that away."""

from failovers import *

tests.clear()

ATL_DB, REDMOND_DB = f"{ATL}\\RTC", f"{REDMOND}\\RTC"
NOT_THERE = "where this machine was told to look first"


def sets(world, database, *words, at="lonely", provider="Sql"):
    return world.command(at, "Set-CsManagementConnection", "-StoreProvider", provider,
                         "-Connection", database, *words)


def connection(world, at="lonely"):
    return world[at].ask("Get-CsManagementConnection").objects[0]


def by_whom(world, *words, at="lonely"):
    """Which machine carried a command out last, and all that was said."""
    said = world.command(at, *words, "-Verbose").must(0)
    return re.findall(r"is carried out by (\S+?)\.?$", str(said), re.M), str(said)


@test
def names_that_the_topology_has_not_are_refused_and_nothing_is_changed(world):
    world.deploy(["atl", "redmond", "lonely"])
    kept = "Nothing was changed."
    sets(world, "tokyo-cs-001.litwareinc.com\\RTC").must(
        1, "The topology has no database tokyo", kept, ATL_DB, REDMOND_DB,
        f"Where it is now: Set-CsManagementConnection -StoreProvider Sql -Connection '{ATL_DB}'\n")
    sets(world, f"{ATL}\\OTHER").must(1, "has no database", kept)
    sets(world, name_of("lonely") + "\\RTC").must(1, "can't hold the Central Management Store", kept)
    sets(world, ATL_DB, provider="PostgreSQL").must(
        1, "is SQLite, and not PostgreSQL", kept,
        f"For whatever it is: Set-CsManagementConnection -StoreProvider Sql -Connection '{ATL_DB}'\n")
    sets(world, REDMOND_DB, "-WhatIf").must(0, "would look for the Central Management Store at")
    world.command("lonely", "Remove-CsManagementConnection").must(0, "has no connection of its own")
    assert connection(world)["LooksFirstAt"] is None
    sets(world, REDMOND_DB.upper(), provider="sqlite").must(0)  # in any case
    assert connection(world)["LooksFirstAt"] == REDMOND_DB


@test
def it_looks_there_first_and_goes_on_where_it_is_until_it_is_removed(world):
    world.deploy(["atl", "redmond", "lonely"])
    assert by_whom(world, "Get-CsTopology")[0] == [ATL]
    sets(world, REDMOND_DB).must(0)
    assert connection(world)["PoolFqdn"] == ATL  # what it hears is told as everywhere
    for words in (["Get-CsTopology"], ["Enable-CsUser", "-Identity", "kim@litwareinc.com",
                                       "-RegistrarPool", ATL]):
        whom, said = by_whom(world, *words)
        assert whom == [REDMOND, ATL] and REDMOND_DB in said and NOT_THERE in said, said
    assert connection(world, "atl")["LooksFirstAt"] is None  # it is one machine's
    world.stop("lonely")
    world.start("lonely")
    world.wait_hears("lonely", "atl", "redmond")
    assert connection(world)["LooksFirstAt"] == REDMOND_DB
    world.kill("redmond")  # whoever does not answer is no obstacle
    whom, said = by_whom(world, "Set-CsUser", "-Identity", "kim@litwareinc.com", "-DisplayName", "K")
    assert whom == [REDMOND, ATL] and NOT_THERE in said, said
    world.command("lonely", "Remove-CsManagementConnection", "-WhatIf").must(0, REDMOND_DB)
    assert connection(world)["LooksFirstAt"] == REDMOND_DB
    world.command("lonely", "Remove-CsManagementConnection").must(0)
    assert connection(world)["LooksFirstAt"] is None
    assert by_whom(world, "Get-CsTopology")[0] == [ATL]


@test
def after_a_failover_it_is_found_there_at_once(world):
    world.deploy(["atl", "redmond", "lonely"])
    sets(world, REDMOND_DB).must(0)
    world.command("redmond", "Invoke-CsManagementServerFailover").must(0)
    whom, said = by_whom(world, "Get-CsTopology")
    assert whom == [REDMOND] and NOT_THERE not in said, said
    sets(world, ATL_DB, at="redmond").must(0)  # it knows that it holds it itself
    assert by_whom(world, "Get-CsTopology", at="redmond")[0] == []


@test
def with_caching_the_replica_answers_what_only_reads(world):
    """Nobody is asked; without it, only where nobody reaches the store."""
    world.deploy(["atl", "redmond", "lonely"])
    until("the replica to have something", lambda: world.command(
        "lonely", "Get-CsBackupServiceConfiguration", "-LocalStore").status == 0)
    copy = f"the copy at {name_of('lonely')}"
    sets(world, ATL_DB, "-EnableCaching", "$true", "-WhatIf").must(0, "answer what only reads from its own")
    for database in (ATL_DB, REDMOND_DB):
        sets(world, database, "-EnableCaching", "$true").must(0)
        assert connection(world)["EnableCaching"]
        whom, said = by_whom(world, "Get-CsTopology")
        assert whom == [] and "WARNING" not in said and "from its copy" in said, said
        by_whom(world, "Set-CsBackupServiceConfiguration", "-SyncInterval", "00:00:05")
        sets(world, database).must(0)
        assert by_whom(world, "Get-CsTopology")[0][-1] == ATL
    world.kill("atl", "redmond")
    world.wait_silent("lonely", "atl")
    world.wait_silent("lonely", "redmond")
    for words in ([], ["-EnableCaching", "$true"]):
        sets(world, ATL_DB, *words).must(0)
        world.command("lonely", "Get-CsTopology").must(0, copy, "does not answer")
        world.command("lonely", "Get-CsBackupServiceConfiguration").must(0, "Continuous", copy)
        world.command("lonely", "Set-CsBackupServiceConfiguration", "-SyncMode", "Interval").must(1)
    world.command("lonely", "Remove-CsManagementConnection").must(0)
    world.command("lonely", "Get-CsTopology").must(0, copy)


if __name__ == "__main__":
    sys.exit(main())
