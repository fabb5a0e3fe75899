#!/usr/bin/env python3
"""The replicas of the Central Management Store when it is failed over: a planned one waits for those
that answer, and before it is taken alone, what one of them has more is brought (protocol, rule 19)."""

from copies import configure, names_at, remove_store
from failovers import *
from test_users import make_many

tests.clear()

FORCE = ["-BackupSqlServerFqdn", REDMOND, "-BackupSqlInstanceName", "RTC", "-Force"]
LONELY = name_of("lonely")


def move(world, *words, at="redmond"):
    return world.command(at, "Invoke-CsManagementServerFailover", *words)


def all_equal(world):
    """Each machine that runs has the same of `central`, and something."""
    running = [name for name, machine in world.machines.items() if machine.runs]

    def equal():
        have = [rows(world[name].store, CENTRAL) for name in running]
        return len(have[0]) > 1 and all(there == have[0] for there in have)
    until(f"{running} to have the same", equal)


def one_term(world, holder):
    world.wait_mode(holder, CENTRAL, "Serving")
    for name, machine in world.machines.items():
        if machine.runs:
            until(f"{name} to know that {holder} holds it", lambda: name_of(holder) in [
                o["PoolFqdn"] for o in machine.ask("Get-CsManagementConnection").objects])
    world.terms_must_be_unique()


def has(world, pool, *names):
    until(f"{pool} to have {names}", lambda: set(names) <= {
        name.split("@")[0] for name in names_at(world, pool)})


def cut_off_standby(world, *pools):
    """Redmond hears nothing of Atlanta any more; the others do, and have what it has not."""
    world.deploy(["atl", "redmond", *pools], network=True)
    enable(world, "user-before")
    all_equal(world)
    world.network.refuse("atl", "redmond")
    world.wait_silent("redmond", "atl")
    for name in ("user-one", "user-two", "user-three"):
        enable(world, name)
    until("the replica to have all of it", lambda: head(world, "lonely") == head(world, "atl"))
    assert head(world, "redmond") < head(world, "lonely")


def comes_back(world, *pools):
    world.network.join("atl", "redmond")
    if not world["atl"].runs:
        world.start("atl")
    one_term(world, "redmond")
    all_equal(world)


@test
def planned_machines_that_are_away_are_named_and_catch_up(world):
    world.deploy(["atl", "redmond", "lonely", "remote"])
    world.stop("remote")
    world.wait_silent("redmond", "remote")
    enable(world, "user-meanwhile")
    move(world, "-WhatIf").must(0, "don't answer: " + name_of("remote"),
                                "wait until each replica that answers is up to date")
    done = move(world, "-Report", world.folder / "report.html")
    done.must(0, "don't answer: " + name_of("remote"), "are not waited for")
    assert LONELY not in str(done) and str(done).count(name_of("remote")) == 1, "it is said once"
    assert "Replicas that did not answer" in (world.folder / "report.html").read_text()
    has(world, "lonely", "user-meanwhile")
    world.start("remote")
    one_term(world, "redmond")
    all_equal(world)


@test
def planned_it_waits_for_a_replica_that_answers_and_shows_for_whom(world):
    world.deploy(["atl", "redmond", "lonely"], network=True)
    enable(world, "user-before")
    all_equal(world)
    world.network.refuse("atl", "lonely")  # Redmond still hears it
    world.wait_silent("atl", "lonely")
    enable(world, "user-meanwhile")
    world.wait_copied("redmond")
    connection = LocalConnection(world["redmond"].socket)
    connection.request("POST", "/admin/v1/commands/Invoke-CsManagementServerFailover", b"{}")
    answer = connection.getresponse()
    shown = ""
    while not ("Waiting for the replicas" in shown and LONELY in shown):
        shown = answer.readline().decode()
        assert shown, "it ended without a word of whom it waits for"
    assert world.mode("atl", CENTRAL) == "Serving"
    status = world["redmond"].status_of(CENTRAL)
    assert (status["OperationStep"], status["OperationWaitsFor"]) == \
        ("Waiting for the replicas", LONELY), status
    move(world, "-Restore", at="atl").must(0, "It is in service", f"A failover of it to {REDMOND} is under way",
                                           "Stop-CsPoolFailOver -PoolFqdn central")
    enable(world, "user-late")
    world.network.join("atl", "lonely")
    assert b'"done"' in answer.read()
    connection.close()
    has(world, "lonely", "user-meanwhile", "user-late")
    one_term(world, "redmond")
    all_equal(world)


@test
def planned_it_is_called_off_where_a_replica_that_answers_gets_nothing(world):
    world.deploy(["atl", "redmond", "lonely"], network=True)
    world.network.refuse("atl", "lonely")
    world.wait_silent("atl", "lonely")
    enable(world, "user-meanwhile")
    world.wait_copied("redmond")
    move(world).must(1, "The replicas made no progress for 15 s", f"not there yet: {LONELY}",
                     "The home is served where it was.", "Get-CsManagementStoreReplicationStatus")
    assert world.mode("atl", CENTRAL) == "Serving"
    world.pause("lonely")  # whoever says nothing is not waited for
    world.wait_silent("redmond", "lonely")
    move(world).must(0, "don't answer: " + LONELY)
    world.resume("lonely")
    one_term(world, "redmond")
    all_equal(world)


@test
def forced_on_a_store_that_is_alive_nobody_is_waited_for_and_who_is_away_is_named(world):
    world.deploy(["atl", "redmond", "lonely", "remote"])
    world.stop("remote")
    world.wait_silent("redmond", "remote")
    done = move(world, *FORCE).must(0, "Disaster mode was not needed",
                                    "These replicas did not answer", name_of("remote"))
    assert LONELY not in str(done)
    one_term(world, "redmond")
    all_equal(world)


@test
def alone_what_a_replica_has_more_is_brought_before_it_is_taken(world):
    cut_off_standby(world, "lonely")
    world.kill("atl")
    done = move(world, *FORCE, "-Report", world.folder / "report.html")
    done.must(0, f"{LONELY} had", f"changes more than the copy at {REDMOND}",
              "they were brought before it was taken")
    assert "More than was taken" not in str(done)
    report = (world.folder / "report.html").read_text()
    assert f"Changes brought from {LONELY}" in report and "warnings stand below" in report
    assert "not compared: the other was not there" in report, report
    world.wait_event("redmond", "replica-brought", LONELY)
    has(world, "redmond", "user-before", "user-one", "user-two", "user-three")
    comes_back(world, "lonely")
    assert not world["redmond"].ask("Get-CsBackupServiceConflict", PoolFqdn=CENTRAL).objects


@test
def alone_it_is_brought_of_a_term_that_the_standby_never_met(world):
    cut_off_standby(world, "lonely")
    term = world.term("atl", CENTRAL)
    world.kill("atl")
    world.start("atl")
    world.command("atl", "Start-CsPool", "-PoolFqdn", ATL, "-Force").must(0)
    world.wait_mode("atl", CENTRAL, "Serving")
    assert world.term("atl", CENTRAL) > term
    enable(world, "user-four")
    until("the replica to have all of it", lambda: head(world, "lonely") == head(world, "atl"))
    world.kill("atl")
    move(world, *FORCE).must(0, f"{LONELY} had", "they were brought before it was taken")
    has(world, "redmond", "user-before", "user-one", "user-two", "user-three", "user-four")
    comes_back(world, "lonely")


def refilled(world, pool, holder):
    """Its store is lost. Of what it gets again the first batch comes, and for ten minutes no more."""
    world.kill(pool)
    remove_store(world[pool])
    world.start(pool)
    until(f"{pool} to stand in the middle of a catch-up", lambda:
          0 < len(rows(world[pool].store, CENTRAL)) < len(rows(world[holder].store, CENTRAL)))


@test
def alone_more_than_a_batch_is_brought_and_a_long_catch_up_is_no_copy(world):
    world.deploy(["atl", "redmond", "lonely"], network=True)
    world.network.refuse("atl", "redmond")
    world.wait_silent("redmond", "atl")
    make_many(world["atl"], 10500)
    last = head(world, "atl")
    assert last - head(world, "redmond") > 10000
    until("the replica to have all", lambda: head(world, "lonely") == last)
    world.kill("atl")
    move(world, *FORCE).must(0, f"{LONELY} had", "they were brought before it was taken")
    comes_back(world, "lonely")
    configure(world, MaxBatchesPerCmsSync=1, SyncInterval="00:10:00")
    # Without its holder, and without anybody who has the rest.
    refilled(world, "atl", "redmond")
    world.kill("redmond", "lonely")
    world.wait_silent("atl", "redmond")
    force = ["-BackupSqlServerFqdn", ATL, "-BackupSqlInstanceName", "RTC", "-Force"]
    move(world, *force, "-WhatIf", at="atl").must(
        0, "in the middle of catching up", "only if a replica brings the rest")
    move(world, *force, at="atl").must(
        1, "is in the middle of catching up", "Nothing was taken over.", "-SkipDataVerification")
    world.start("lonely")
    world.wait_hears("atl", "lonely")
    move(world, *force, at="atl").must(0, f"{LONELY} had", "they were brought before it was taken")
    # Planned, it is waited for.
    world.start("redmond")
    one_term(world, "atl")
    all_equal(world)
    refilled(world, "redmond", "atl")
    move(world).must(0, "Verified       : True")
    one_term(world, "redmond")
    all_equal(world)


@test
def alone_a_replica_that_could_not_be_asked_is_named_and_goes_back(world):
    cut_off_standby(world, "lonely")
    world.network.refuse("redmond", "lonely")
    world.wait_silent("redmond", "lonely")
    world.kill("atl")
    done = move(world, *FORCE)
    done.must(0, "were not asked whether they have more: " + LONELY)
    assert "were brought" not in str(done)
    enable_at = world["redmond"].ask("Enable-CsUser", Identity="user-other", RegistrarPool=REDMOND)
    enable_at.must(200, '"done"')
    world.network.join("redmond", "lonely")
    has(world, "lonely", "user-other")
    comes_back(world, "lonely")
    kept = {o["Identity"] for o in world["redmond"].ask("Get-CsBackupServiceConflict",
                                                        PoolFqdn=CENTRAL).objects}
    for name in ("one", "two", "three"):  # nothing went without a word
        assert f"user-{name}@litwareinc.com" in names_at(world, "redmond") or kept


@test
def alone_what_can_not_be_brought_is_told_and_not_lost(world):
    """Redmond knows of a term that the replica never followed: what that sends is of an older one."""
    cut_off_standby(world, "lonely", "remote")
    world.network.refuse("atl", "lonely")
    world.wait_silent("lonely", "atl")
    world.kill("atl")
    world.start("atl")
    world.command("atl", "Start-CsPool", "-PoolFqdn", ATL, "-Force").must(0)
    world.wait_mode("atl", CENTRAL, "Serving")
    until("Redmond to hear of the new term", lambda: world.term("redmond", CENTRAL) ==
          world.term("atl", CENTRAL))
    world.kill("atl", "remote")
    more = head(world, "lonely") - head(world, "redmond")
    move(world, *FORCE, "-Report", world.folder / "report.html").must(
        0, f"More than was taken is at {LONELY} ({more} changes): The copy here can't go on",
        "were not asked whether they have more: " + name_of("remote"))
    assert "Replicas with more than was taken" in (world.folder / "report.html").read_text()
    world.start("remote")
    world.network.join("atl", "lonely")
    comes_back(world)
    there = b"".join(key + bytes(value or b"") for (_, key), (value, _, _, deleted) in
                     rows(world["redmond"].store, CENTRAL).items() if not deleted)
    for name in (b"user-one@", b"user-two@", b"user-three@"):
        assert name in there, name


if __name__ == "__main__":
    sys.exit(main())
