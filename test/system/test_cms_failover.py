#!/usr/bin/env python3
"""The Central Management Store is moved to the other pool of its pair, planned and after a disaster:
every machine knows where it is, and never two accept changes of it in one term."""

from failovers import *

SEED_1 = "Invoke-CsManagementServerFailover"
# As the document prints it, with its blank after the dash.
SEED_2 = ('Invoke-CsManagementServerFailover -BackupSqlServerFqdn "redmond-cs-001.litwareinc.com" '
          '- BackupSqlInstanceName "RTC" -Force')


def move(world, *words, at="redmond"):
    return world.command(at, "Invoke-CsManagementServerFailover", *words)


def shell(world, at, text):
    return world.command(at, "-c", text)


def everybody_says(world, pool):
    """Each machine that runs, whichever is asked."""
    for name, machine in world.machines.items():
        if machine.runs:
            until(f"{name} to know that {pool} holds it", lambda: machine.ask(
                "Get-CsManagementConnection").objects[0]["PoolFqdn"] == name_of(pool))


@test
def it_moves_and_comes_back_and_every_machine_knows_where_it_is(world):
    world.deploy(["atl", "redmond", "lonely"])
    enable(world, "before")
    shell(world, "redmond", SEED_1).must(0, "Verified       : True")
    holds(world, "redmond", CENTRAL)
    everybody_says(world, "redmond")
    world.central = "redmond"
    enable(world, "after")  # changes are accepted there …
    for pool in world.pools:  # … and from any machine
        world[pool].ask("Set-CsUser", Identity="after", DisplayName=pool).must(200, '"done"')
        assert len(world[pool].ask("Get-CsUser", Identity="before").objects) == 1
    move(world, at="lonely").must(0)  # passed on to the pool that takes
    holds(world, "atl", CENTRAL)
    everybody_says(world, "atl")
    until("the lone pool's replica to be up to date", lambda: all(
        o["UpToDate"] for o in
        world["lonely"].ask("Get-CsManagementStoreReplicationStatus").objects))


@test
def typed_once_more_where_it_is_it_stays_and_that_is_said(world):
    """Nobody knows any more whether the first window had it."""
    world.deploy(["atl", "redmond"])
    move(world, "-WhatIf", at="atl").must(
        1, f"{ATL} holds the Central Management Store already, since term 2.", "Nothing was changed.",
        f"To move it to {REDMOND}, on a machine of {REDMOND}: Invoke-CsManagementServerFailover")
    move(world).must(0)
    move(world).must(1, f"{REDMOND} holds the Central Management Store already, since term 3.",
                     f"To move it to {ATL}, on a machine of {ATL}")
    assert world.mode("redmond", CENTRAL) == "Serving"
    move(world, at="atl").must(0)
    holds(world, "atl", CENTRAL)


@test
def after_a_disaster_the_seeds_example_takes_it_as_printed(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    world.wait_copied("atl")
    world.kill("atl")
    world.wait_silent("redmond", "atl")
    move(world).must(1, "does not answer", "-BackupSqlServerFqdn", "-Force")
    world.wait_mode("redmond", CENTRAL, "Resiliency")
    assert "read from the copies" in world["redmond"].status_of(CENTRAL)["Waiting"]  # it has no users
    rehearsed = shell(world, "redmond", f"{SEED_2} -WhatIf").must(
        0, f"would be taken as the copy at {REDMOND} has it")
    assert "catch-up" not in str(rehearsed), rehearsed
    shell(world, "redmond", SEED_2).must(0, "did not give the home away")
    world.central = "redmond"
    world.wait_mode("redmond", CENTRAL, "Serving")
    enable(world, "after")
    world.command("redmond", "Invoke-CsPoolFailOver", "-PoolFqdn", ATL, "-DisasterMode").must(0)
    world.start("atl")
    holds(world, "redmond", CENTRAL)
    holds(world, "redmond")
    everybody_says(world, "redmond")
    move(world, at="atl").must(0)
    fail_back(world).must(0)
    holds(world, "atl", CENTRAL)
    assert len(world["atl"].ask("Get-CsUser", Identity="after").objects) == 1


@test
def on_a_store_that_is_alive_a_disaster_loses_nothing_and_says_so(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    shell(world, "redmond", SEED_2).must(0, "Disaster mode was not needed")
    holds(world, "redmond", CENTRAL)


@test
def the_two_sets_of_parameters_are_kept_apart_and_nothing_is_done(world):
    world.deploy(["atl", "redmond"])
    sets = ("Nothing was done.", "Planned: ", "After a disaster: ")
    target = ["-BackupSqlServerFqdn", REDMOND]
    move(world, "-Force").must(2, "-Force is for a disaster", *sets)
    move(world, *target).must(2, "-Force is missing", *sets)
    move(world, "-SkipDataVerification").must(2, "is for a disaster", *sets)
    move(world, "-BackupSqlInstanceName", "RTC").must(2, "without -BackupSqlServerFqdn", *sets)
    move(world, *target, "-Force", "-Restore").must(2, "-Restore is about the existing", *sets)
    move(world, "-BackupSqlServerFqdn", "oslo.example.com", "-Force").must(
        1, "is not the database that would take over", f"{REDMOND}\\RTC")
    whole = f"Invoke-CsManagementServerFailover -BackupSqlServerFqdn {REDMOND} -BackupSqlInstanceName RTC -Force\n"
    for wrong in (["oslo.example.com"], [REDMOND, "-BackupSqlInstanceName", "RTC2"]):
        told = move(world, "-BackupSqlServerFqdn", *wrong, "-Force")
        assert told.status == 1 and told.err.endswith(f"To name that one: {whole}"), told
    move(world, "-BackupSqlServerFqdn", ATL, "-Force").must(
        1, f"{ATL} holds the Central Management Store already")
    move(world, *target, "-BackupSqlInstanceName", "OTHER", "-Force").must(1, "OTHER")
    told = move(world, *target, "-BackupMirrorSqlServerFqdn", ATL, "-Force").must(1, "has no mirror")
    assert told.err.endswith(f"need not be named: {whole}".replace(" -BackupSqlInstanceName RTC", "")), told
    assert world.mode("atl", CENTRAL) == "Serving"
    move(world, "-WhatIf").must(0, "would hold the Central Management Store")
    move(world, *target, "-Force", "-SkipDataVerification", "-WhatIf").must(
        0, "both copies compared", "would hold the Central Management Store")
    move(world, *target, "-Force", "-WhatIf").must(0, "would hold the Central Management Store")
    assert world.mode("atl", CENTRAL) == "Serving"
    move(world, *target, "-BackupSqlInstanceName", "rtc", "-Force").must(0)
    holds(world, "redmond", CENTRAL)


@test
def an_existing_store_that_waits_is_put_back_into_service(world):
    world.deploy(["atl", "redmond"])
    move(world, "-Restore").must(0, f"is Serving at {ATL}", "It is in service", "nothing to restore")
    world.stop("redmond", "atl")
    world.start("atl")
    world.wait_mode("atl", CENTRAL, "Rejoining")
    # Whatever is typed names the one way out, and that works.
    taking = ["-BackupSqlServerFqdn", ATL, "-Force"]
    for words in ([], ["-WhatIf"], taking, [*taking, "-WhatIf"]):
        refused = move(world, *words, at="atl").must(
            1, f"The home central waits for {REDMOND} to confirm", "Nothing was changed.",
            f"on a machine of {ATL}: Invoke-CsManagementServerFailover -Restore")
        assert "which holds" not in refused.err and "-BackupSql" not in refused.err, refused
    move(world, "-Restore", "-WhatIf", at="atl").must(
        0, f"waits for {REDMOND} to confirm", "It would be served there again")
    assert world.mode("atl", CENTRAL) == "Rejoining"
    report = world.folder / "restored.html"
    said = move(world, "-Restore", "-Report", report, at="atl").must(0, "is Rejoining")
    for fact in (f"waits for {REDMOND} to confirm", ">Serving<", ">4<"):
        assert fact in report.read_text(), report.read_text()
    assert said.out.split() == ["Identity", "Holder", "Mode", "Term", *["-" * n for n in (8, 6, 4, 4)],
                                "central", ATL, "Serving", "4"], said
    world.wait_mode("atl", CENTRAL, "Serving")


@test
def a_store_that_was_given_away_and_never_taken_is_put_back_into_service(world):
    """The pool that was to take it is lost at the last moment."""
    world.build(["atl", "redmond"])
    freezer = Freezer(world, "redmond")
    world.begin()
    enable(world, "kenmyer")
    # Half-way there changes are refused already; whoever is gone is not waited for long.
    def refused_half_way():
        """False: a machine with much to do was asked when that had been called off already."""
        freezer.arm("before", "Central Management Store failover of the home central from "
                    f"{ATL}: Releasing")
        half_way = Typed(world, "redmond", "Invoke-CsManagementServerFailover")
        freezer.wait()
        before, said = world.mode("atl", CENTRAL), move(world, "-Restore", at="atl")
        in_time = before == world.mode("atl", CENTRAL) == "Draining"
        if in_time:
            said.must(1, f"is being handed over to {REDMOND}", "silent for 5 s, that is called off",
                      "Stop-CsPoolFailOver -PoolFqdn central")
        freezer.go_on()
        half_way.ends()
        if world.mode("redmond", CENTRAL) == "Serving":
            move(world, at="atl").must(0)
        holds(world, "atl", CENTRAL)
        return in_time
    until("it to be asked half-way", refused_half_way)
    freezer.arm("before", "central went from Standby to Serving")
    Typed(world, "redmond", "Invoke-CsManagementServerFailover")
    freezer.wait()
    world.kill("redmond")
    world.wait_mode("atl", CENTRAL, "Released")
    for words in ([], ["-WhatIf"]):
        move(world, *words, at="atl").must(
            1, f"was given to {REDMOND}, which has not taken it yet", "Nothing was changed.",
            f"on a machine of {ATL}: Invoke-CsManagementServerFailover -Restore")
    # As soon as it is silent for so long that it can't be taking any more, and -WhatIf knows when.
    def is_put_back(promised, command):
        """As it was promised; what is not silent long enough now may be a moment later."""
        would, did = command("-WhatIf"), command()
        assert did.status <= would.status, (would, did)
        assert would.status or promised in would.out, would
        assert did.status == 0 or "once it was silent for" in would.err + did.err, (would, did)
        return did.status == 0
    until("it to be put back", lambda: is_put_back(
        "It would be served there again", lambda *words: move(world, "-Restore", *words, at="atl")))
    enable(world, "ann")
    world.start("redmond")
    holds(world, "atl", CENTRAL)
    # A pool's own home, too.
    freezer.arm("before", f"{ATL} went from Standby to Serving")
    begin(world)
    freezer.wait()
    world.kill("redmond")
    world.wait_mode("atl", "atl", "Released")
    assert f"Start-CsPool -PoolFqdn {ATL} -Force" in world["atl"].status_of("atl")["Waiting"]
    until("it to be served again", lambda: is_put_back(
        f"The home {ATL} would be served in a new term", lambda *words: world.command(
            "atl", "Start-CsPool", "-PoolFqdn", ATL, "-Force", *words)))
    world.start("redmond")
    holds(world, "atl")
    world.terms_must_be_unique()


if __name__ == "__main__":
    sys.exit(main())
