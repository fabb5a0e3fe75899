#!/usr/bin/env python3
"""Failing over and back, planned and after a disaster, with users at work: nothing that was
acknowledged is lost, never two serve in one term, and what is said of it is true."""

import pty

from between import Between
from expired import expire
from failovers import *
from web_client import with_file_store


def deploy(world, writers=0, **options):
    world.deploy(["atl", "redmond"], central="redmond", **options)
    return Writers(world, writers)


# --- planned -----------------------------------------------------------------------------------


@test
def users_are_failed_over_and_back_with_one_command_each(world):
    deploy(world)
    enable(world, "kenmyer")
    told = fail_over(world, "-Verbose").must(0, "Verified       : True")
    assert "Disaster" not in told.err, told
    holds(world, "redmond")
    status = world["redmond"].status_of("atl")
    assert status["Holder"] == REDMOND and status["HomePool"] == ATL, status
    # Nobody is homed anew; each pool says where the user is served.
    for pool in world.pools:
        info = world[pool].ask("Get-CsUserPoolInfo", Identity="kenmyer").objects[0]
        assert info["PrimaryPoolFqdn"] == ATL and info["ServingPoolFqdn"] == REDMOND, info
    fail_back(world).must(0, "Verified       : True")
    holds(world, "atl")
    world.terms_must_be_unique()


@test
def back_and_forth_under_load_nothing_that_was_acknowledged_is_lost(world):
    with deploy(world, writers=4) as writers:
        writers.go_on()
        for _ in range(5 * SOAK):
            fail_over(world).must(0)
            writers.go_on()
            fail_back(world).must(0)
            writers.go_on()
    holds(world, "atl")
    writers.must_be_kept("atl")
    writers.must_be_kept("redmond")
    world.terms_must_be_unique()
    world.say(f"longest without a change: {max(w.longest_s for w in writers.list):.3f} s")


@test
def what_waits_for_its_interval_is_copied_when_a_failover_begins(world):
    world.deploy(["atl", "redmond"], central="atl")
    with Writers(world, 2) as writers:
        world.wait_copied("atl")
        done(world["atl"], "Set-CsBackupServiceConfiguration", SyncMode="Interval", SyncInterval="00:10:00")
        writers.go_on()
        with writers.at_rest():  # a rehearsal has nothing copied, however often
            missing = lambda: head(world, "atl", ATL) - head(world, "redmond", ATL)
            left = missing()
            for _ in range(3):
                fail_over(world, "-WhatIf").must(0, f"{left} changes of {ATL} would be copied")
            assert missing() == left > 0
        fail_over(world, "-WaitTime", "5").must(0, "Verified       : True")
        writers.go_on()
    writers.must_be_kept("redmond")


@test
def a_failover_leaves_a_report_where_none_is_named(world):
    deploy(world)
    folder = world.folder / "state/pollux/reports"
    here = {"XDG_STATE_HOME": str(world.folder / "state")}
    command = ["Invoke-CsPoolFailOver", "-PoolFqdn", ATL, "-Confirm:$false"]
    world.command("redmond", *command, "-WhatIf", **here).must(0)
    assert not folder.exists() or not list(folder.iterdir())
    typed = world.command("redmond", *command, "-Verbose", **here).must(0)
    report = next(folder.glob("Invoke-CsPoolFailOver-20*.html"))
    assert f"The report is {report}." in typed.err, typed
    assert report.stat().st_mode & 0o077 == 0o044
    # For a person in a hurry: who has it now, and what took how long, as it was measured.
    facts = facts_of(report)
    figures = [(f["Name"], f["Value"]) for f in facts["Figures"]]
    assert figures[:3] == [("Holder", REDMOND), ("Taken from", ATL), ("Term", 3)], figures
    steps = {step["Name"]: step["Seconds"] for step in facts["Steps"]}
    assert {"Copying", "Releasing", "Taking"} < steps.keys() and "Done" not in steps, facts["Steps"]
    assert sum(steps.values()) < facts["Seconds"] + 0.05, facts
    named = world.folder / "named.html"
    world.command("atl", "Invoke-CsPoolFailBack", "-PoolFqdn", ATL, "-Confirm:$false", "-Report", named,
                  **here).must(0)
    assert named.exists() and len(list(folder.iterdir())) == 1
    # What is refused before it begins leaves none; that is told to whoever asked for one.
    nowhere = ["Invoke-CsPoolFailOver", "-PoolFqdn", "nowhere.example.com"]
    refused = world.command("redmond", *nowhere, **here).must(1, "no pool nowhere.example.com")
    assert "report" not in refused.err and len(list(folder.iterdir())) == 1, refused
    world.command("redmond", *nowhere, "-Report", "asked.html", **here).must(1, "asked.html was not written")
    # Where there is no place for it, the work is done all the same.
    world.command("redmond", *command, XDG_STATE_HOME="", HOME="/nowhere").must(0)
    # What fails leaves one, too; be it before -Confirm asks.
    world.kill("redmond")
    world.wait_silent("atl", "redmond")
    for confirm in ("-Confirm:$false", "-Confirm"):
        world.command("atl", "Invoke-CsPoolFailBack", "-PoolFqdn", ATL, confirm, **here).must(1)
        failed = next(folder.glob("Invoke-CsPoolFailBack-20*.html"))
        assert "does not answer" in failed.read_text() and "WhatIf" not in facts_of(failed)["Parameters"]
        failed.unlink()
    world.command("atl", "Invoke-CsPoolFailBack", "-PoolFqdn", ATL, "-Confirm", "-Report", named, **here).must(1)
    assert facts_of(named)["Result"] == "failed"
    # What a warning stops before it is sent is nothing to report.
    named.unlink()
    world.command("atl", "Backup-CsPool", "-PoolFqdn", ATL, "-Category", "RGS", "-LocalStore", "-WarningAction", "Stop", "-Report",
                  named, **here).must(1, "Nothing was done, because of this warning.", f"{named} was not written")
    assert not named.exists()


@test
def any_machine_can_be_asked(world):
    deploy(world)
    fail_over(world, at="atl").must(0)
    holds(world, "redmond")
    fail_back(world, at="redmond").must(0)
    holds(world, "atl")


# --- a disaster --------------------------------------------------------------------------------


@test
def a_pool_that_is_lost_is_taken_over_at_once_and_stands_by_when_it_comes_back(world):
    with deploy(world, writers=2) as writers:
        writers.go_on()
        world.wait_copied("atl")
        world.kill("atl")
        told = world["redmond"].ask("Invoke-CsPoolFailOver", PoolFqdn=ATL).must(200)
        # Unless a heartbeat has found out before.
        assert f"Copying (1 of 7), asking {ATL}" in told.text or "does not answer" in told.text, told.text
        assert "left to copy" not in told.text, told.text  # nobody knows how much
        world.wait_silent("redmond", "atl")
        fail_over(world).must(1, "does not answer", f"Invoke-CsPoolFailOver -PoolFqdn {ATL} -DisasterMode")
        done = fail_over(world, "-DisasterMode").must(0, "did not give the home away")
        assert re.search("^ChangesRefused *: *$", done.out, re.M), done  # nobody knows since when
        assert world.mode("redmond", "atl") == "Serving"
        writers.go_on()
        world.start("atl")
        holds(world, "redmond")
        writers.go_on()
        fail_back(world).must(0)
        writers.go_on()
    holds(world, "atl")
    world.terms_must_be_unique()


@test
def disaster_mode_on_a_pool_that_is_alive_loses_nothing_and_says_so(world):
    with deploy(world, writers=4) as writers:
        writers.go_on()
        fail_over(world, "-DisasterMode").must(0, "Disaster mode was not needed")
        writers.go_on()
        fail_back(world, "-DisasterMode").must(0, "Disaster mode was not needed")
        writers.go_on()
    holds(world, "atl")
    writers.must_be_kept("atl")
    world.terms_must_be_unique()


@test
def a_pool_failed_over_in_a_disaster_is_given_back_even_if_its_backup_is_down(world):
    deploy(world)
    enable(world, "kenmyer")
    fail_over(world).must(0)
    holds(world, "redmond")
    start = ["Start-CsPool", "-PoolFqdn", ATL, "-Force"]
    back = f"Invoke-CsPoolFailBack -PoolFqdn {ATL}"
    world.command("atl", *start).must(0, "is not waiting for anything", f"{REDMOND} holds the home {ATL}. ", back + "\n")
    world.kill("redmond")
    world.wait_mode("atl", "atl", "Resiliency")
    world.command("atl", *start).must(0, "nothing was changed", "is not heard. If it is lost: " + back + " -DisasterMode")
    fail_back(world).must(1, "does not answer", f"Invoke-CsPoolFailBack -PoolFqdn {ATL} -DisasterMode")
    fail_back(world, "-DisasterMode").must(0, "did not give the home away")
    world.start("redmond")
    holds(world, "atl")
    world.terms_must_be_unique()


# --- what should not be done -------------------------------------------------------------------


@test
def what_can_not_be_done_is_refused_with_the_way_out_and_changes_nothing(world):
    world.deploy(["atl", "redmond", "lonely"], central="redmond")
    nothing = "Nothing was changed."
    fail_over(world, pool=name_of("lonely"), at="lonely").must(1, "no backup pool", nothing)
    fail_back(world).must(1, "not failed over", nothing, "Get-CsPoolFailOverStatus")
    world.command("atl", "Invoke-CsPoolFailOver", "-PoolFqdn", "nowhere.litwareinc.com").must(
        1, "nowhere.litwareinc.com")
    world.command("redmond", "Stop-CsPoolFailOver", "-PoolFqdn", ATL).must(
        1, "No operation", nothing, f"Get-CsPoolFailOverStatus -PoolFqdn {ATL}")
    # What is under way is told alike everywhere, and that it is not any more.
    process = begin(world, "-ServicesStopDelayMins", "30")
    told = lambda pool: [world[pool].status_of("atl").get(name) for name in ("Operation", "OperationStep",
                                                                              "OperationAt", "LeftToCopy")]
    for pool in ("redmond", "atl", "lonely"):
        until(f"{pool} to tell of it", lambda: told(pool) == ["Failover", "Letting sessions end", REDMOND, 0])
    assert len({world[pool].status_of("atl")["OperationBegan"] for pool in world.pools}) == 1
    world.command("lonely", "Stop-CsPoolFailOver", "-PoolFqdn", ATL).must(0)
    process.ends().must(1, "called off")
    for pool in ("redmond", "atl", "lonely"):
        until(f"{pool} to hear of its end", lambda: told(pool) == [None] * 4)
    world.wait_mode("atl", "atl", "Serving")
    fail_over(world).must(0)
    holds(world, "redmond")
    # The last one is the home's, whichever pool carried it out.
    last = lambda pool: [world[pool].status_of("atl").get("LastOperation" + of) for of in ("", "At", "Ended")]
    for pool in ("atl", "lonely"):
        until(f"{pool} to hear of it", lambda: last(pool)[1:] == last("redmond")[1:])
        assert last(pool)[:2] == ["Failover", REDMOND], last(pool)
        assert world[pool].status_of("atl")["LastOperationResult"].startswith(f"Done: Get-CsPoolFailOverStatus"), pool
    before = world.items_in("redmond")
    fail_over(world).must(1, "failed over already", nothing, f"Invoke-CsPoolFailBack -PoolFqdn {ATL}")
    fail_back(world, pool=REDMOND).must(1, "not failed over",
                                        f"Invoke-CsPoolFailBack -PoolFqdn {ATL}")
    world.command("atl", "Stop-CsPool", "-PoolFqdn", ATL).must(0)
    fail_back(world).must(1, "stopped by an administrator",
                          f"Start-CsPool -PoolFqdn {ATL} starts it. Then again: Invoke-CsPoolFailBack -PoolFqdn {ATL}\n")
    assert world.items_in("redmond") == before
    world.command("atl", "Start-CsPool", "-PoolFqdn", ATL).must(0)
    fail_back(world).must(0)
    until("redmond to hear of it", lambda: last("redmond")[:2] == ["Failback", ATL])
    # Whoever would take it is not there: said wherever it is typed.
    holds(world, "atl")
    world.kill("redmond")
    for pool in ("atl", "lonely"):
        for words in ("", " -WaitTime 00:01:00 -WhatIf"):
            fail_over(world, *words.split(), at=pool).must(
                1, f"{REDMOND}, which would take it over, does not answer", "Nothing was sent.", "polluxd runs there",
                f"Then again, here or on a machine that reaches it: Invoke-CsPoolFailOver -PoolFqdn {ATL}{words}\n")
        fail_over(world, "-DisasterMode", at=pool).must(  # it was the other one that is lost
            1, f"{ATL} serves its users itself; {REDMOND}, which would take them over, does not answer",
            "Nothing was sent.", f"Invoke-CsPoolFailOver -PoolFqdn {REDMOND} -DisasterMode\n")
    fail_back(world, at="lonely", pool=name_of("lonely")).must(1, "it is never failed over")
    # Nobody is there to tell of the last one, but that there was one is known.
    world.kill("atl")
    world.start("redmond")
    shown = world["redmond"].status_of("atl")
    result, since = shown["LastOperationResult"], f" {ATL} has it since, in term {shown['Term']}."
    assert result.startswith("Done, up to") and result.endswith(since), result


@test
def how_much_is_left_to_copy_is_not_said_while_nobody_knows(world):
    deploy(world)
    world.pause("atl")
    process = begin(world)
    until("it to be told", lambda: world["redmond"].status_of("atl").get("Operation"))
    assert world["redmond"].status_of("atl")["LeftToCopy"] is None
    world.resume("atl")
    process.ends()


@test
def whoever_takes_the_one_command_for_the_other_is_told_which_is_meant(world):
    """The pool that is to act is lost, so nobody there can say it."""
    world.build(["atl", "redmond", "lonely"]).begin()
    world.kill("atl")
    for at in ("redmond", "lonely"):  # it was not failed over yet
        said = fail_back(world, at=at).must(1, f"{ATL} is not failed over, and does not answer", "Nothing was sent.")
        assert said.err.endswith(f"If it is lost: Invoke-CsPoolFailOver -PoolFqdn {ATL} -DisasterMode\n"), said
    world.wait_mode("redmond", "atl", "Resiliency")
    meant = f"Invoke-CsPoolFailOver -PoolFqdn {ATL} -DisasterMode"
    for at in ("redmond", "lonely"):  # whoever serves was named, instead of who is lost
        for words in ([], ["-WhatIf"]):
            said = fail_over(world, "-DisasterMode", *words, at=at, pool=REDMOND).must(
                1, f"{REDMOND} serves its users itself; {ATL}, which would take them over, does not answer")
            assert said.err.endswith(f"and its users are meant: {meant}\n"), said
    run(POLLUX, *meant.split(), env={**os.environ, "POLLUX_SERVER": str(world["redmond"].socket)}).must(0)
    until("lonely to know it", lambda: world["lonely"].status_of("atl").get("Holder") == REDMOND)
    for at in ("redmond", "lonely"):
        fail_over(world, "-DisasterMode", at=at, pool=REDMOND).must(
            1, f"{ATL} is failed over to it already: Get-CsPoolFailOverStatus -PoolFqdn {ATL}\n")
    world.command("redmond", "Invoke-CsManagementServerFailover", "-BackupSqlServerFqdn", REDMOND, "-Force").must(0)
    # Whoever would have begun something can't be asked: who is asked says what is known.
    for at in ("redmond", "lonely"):
        for home in (ATL, REDMOND, CENTRAL):
            world.command(at, "Stop-CsPoolFailOver", "-PoolFqdn", home).must(
                1, f"No operation with the home {home} is under way at {name_of(at)}, and {ATL}",
                "Nothing was changed.", f"Get-CsPoolFailOverStatus -PoolFqdn {home} shows who holds it")
    # Nor can it be given back now: the users stay.
    fail_over(world).must(1, "failed over already", f"once {ATL} answers: Invoke-CsPoolFailBack -PoolFqdn {ATL}\n")
    for at in ("redmond", "lonely"):
        for words in ([], ["-WhatIf"]):
            said = fail_back(world, *words, at=at).must(1, f"{ATL}, which is to do that, does not answer",
                                                        f"The users of {ATL} go on being served by {REDMOND}.")
            assert "DisasterMode" not in said.err, said
    # In a disaster nobody knows since when changes were refused.
    assert "refused" not in world["redmond"].status_of("atl")["LastOperationResult"]
    assert not world["redmond"].events("operation-done", "refused")
    world.start("atl")
    world.wait_mode("atl", "atl", "Standby")
    world.kill("redmond")
    until("lonely to know who has it", lambda: world["lonely"].status_of("atl").get("Holder") == REDMOND)
    for at in ("atl", "lonely"):  # it is failed over, to a pool that is lost by now
        said = fail_over(world, at=at).must(
            1, f"{ATL} is failed over already, and {REDMOND}, which holds its home, does not answer")
        assert said.err.endswith(f"If it is lost: Invoke-CsPoolFailBack -PoolFqdn {ATL} -DisasterMode\n"), said
    world.wait_mode("atl", "atl", "Resiliency")
    fail_back(world, "-DisasterMode").must(0)


def is_refused(world, *why):
    """Neither way, nor as a rehearsal: it is there, and not lost."""
    until("it to be known", lambda: "is there" in str(fail_over(world, "-WhatIf")))
    for words in ([], ["-WhatIf"], ["-DisasterMode"], ["-DisasterMode", "-WhatIf"]):
        fail_over(world, *words).must(1, f"{ATL}, which holds the home, is there", *why, "Nothing was changed.")
    assert not world["redmond"].events("operation-began")


@test
def a_holder_of_another_version_is_named_with_both_versions_and_not_taken_for_lost(world):
    world.build(["atl", "redmond"], central="redmond")
    between = Between(world, "redmond", "atl")
    world.begin()
    between.spoil = lambda path, body: re.sub(rb'"protocol": ?1\b', b'"protocol":2',
                                              re.sub(rb'"version": ?"[^"]*"', b'"version":"9.9"', body))
    is_refused(world, "runs version 9.9, which speaks protocol 2", "Bring both machines to the same version")
    between.spoil = lambda path, body: body
    world.wait_hears("redmond", "atl")
    fail_over(world).must(0)
    holds(world, "redmond")


@test
def an_expired_certificate_of_either_pool_is_named_and_the_holder_not_taken_for_lost(world):
    world.deploy(["atl", "redmond"], central="redmond")
    for pool in ("redmond", "atl"):
        good = world.folder / f"pki/{name_of(pool)}.pem"
        text = good.read_bytes()
        expire(world, pool)
        world.stop(pool)
        world.start(pool)
        if pool == "redmond":  # its own: nobody is sent to stop the other one for it
            until("it to be known", lambda: not world.hears("redmond", "atl"))
            for words in ("", " -DisasterMode"):
                told = fail_over(world, *words.split()).must(1, "It expired on", f"pollux pki renew {REDMOND} ",
                                                             f"Then: Invoke-CsPoolFailOver -PoolFqdn {ATL}{words}\n")
                assert told.err.count("Nothing was changed.") == 1 and "is there" not in told.err, told
            fail_over(world, at="atl").must(1, f"{REDMOND}, which would take it over, can't be asked: ", "has expired",
                                            "Nothing was sent.", f"pollux pki renew {REDMOND} ",
                                            f"Then again: Invoke-CsPoolFailOver -PoolFqdn {ATL}\n")
        else:
            is_refused(world, "expired", f"pollux pki renew {ATL} ")
            told = fail_over(world, at="atl").must(
                1, f"{REDMOND}, which would take it over, can't be asked: ", "It expired on",
                "Nothing was changed.", f"pollux pki renew {ATL} ", f"Then again: Invoke-CsPoolFailOver -PoolFqdn {ATL}\n")
            assert "MACHINE" not in told.err, told
            world.command("atl", "Disable-CsUser", "ken@litwareinc.com").must(
                1, f"{REDMOND}, which holds the Central Management Store, can't be asked: ", "It expired on",
                "Nothing was changed.", f"pollux pki renew {ATL} ")
        good.write_bytes(text)
        world.reload(pool)
        world.wait_hears("redmond", "atl")
        world.wait_hears("atl", "redmond")
    world.wait_mode("atl", "atl", "Serving")
    fail_over(world).must(0)
    holds(world, "redmond")


@test
def a_rehearsal_really_looks_says_each_step_and_changes_nothing(world):
    deploy(world)
    told = fail_over(world, "-WhatIf", "-FlushStorageService", "-ServicesStopDelayMins", "2").must(
        0, "0 changes of", "2 minutes to end", "storage queues", "would serve the home")
    fail_over(world, "-WhatIf", "-DisasterMode").must(0, f"Disaster mode would not be needed: {ATL} answers.")
    assert world.mode("atl", "atl") == "Serving" and not world["redmond"].events("operation-")
    # A holder that answers and serves nothing is not drained.
    world.command("atl", "Stop-CsPool", "-PoolFqdn", ATL).must(0)
    why = f"an administrator stopped {ATL}"
    assert "would be copied" not in fail_over(world, "-WhatIf").must(1, why, "Nothing was changed.").out
    fail_over(world, "-WhatIf", "-DisasterMode").must(0, f"{ATL} answers, but", "would be taken as the copy at")
    world.kill("atl")
    world.wait_silent("redmond", "atl")
    fail_over(world, "-WhatIf").must(1, "does not answer")
    told = fail_over(world, "-WhatIf", "-DisasterMode").must(
        0, "would be taken as the copy at", "Age of that copy: ", f"No other machine answers {REDMOND}, which may be",
        "That would take about 0.1 s.\n")
    assert "would be refused" not in told.out, told
    assert world.mode("redmond", "atl") in ("Standby", "Resiliency")


@test
def a_taker_whose_file_store_is_not_there_is_not_failed_over_to_unless_it_is_a_disaster(world):
    world.build(["atl", "redmond"], central="redmond")
    for pool in world.pools:
        with_file_store(world, pool)
    world.begin()
    marker, healthy = (world[pool].store.parent / "files/.pollux-file-store" for pool in ("redmond", "atl"))
    mended = f"type there: mkdir -p {marker.parent} && (set -C; echo {REDMOND} > {marker})\n"
    marker.unlink()
    for words in ([], ["-WhatIf"]):  # typed at the other one, whose file store lies under the same path, perhaps
        fail_over(world, *words, at="atl").must(
            1, f"The file store {marker.parent} of {REDMOND} has no marker", "Nothing was changed.",
            f"Mount it at {REDMOND}.", mended)
    assert world.mode("atl", "atl") == "Serving" and not world["redmond"].events("operation-")
    fail_over(world, "-DisasterMode", "-Force", at="atl").must(
        0, "files of conferences are not served", f"of {REDMOND} has no marker", mended)
    # What it says does nothing to the marker of another pool, and mends what it is for.
    typed = mended.split("type there: ")[1]
    text = healthy.read_text()
    assert run("sh", "-c", typed.replace(str(marker.parent), str(healthy.parent))).status
    assert healthy.read_text() == text
    run("sh", "-c", typed).must(0)
    fail_back(world).must(0)
    holds(world, "atl")
    marker.write_text(text)
    foreign = f'By its marker the file store {marker.parent} of {REDMOND} belongs to "{ATL}".'
    mended = f"echo {REDMOND} > {marker}\n"
    fail_over(world, at="atl").must(1, foreign, f"Check at {REDMOND} which", mended)
    run("sh", "-c", mended).must(0)
    fail_over(world, at="atl").must(0)
    fail_back(world).must(0)
    holds(world, "atl")


# --- calling it off, and crashes in the middle ---------------------------------------------------


def at_terminal(world, *words):
    """Typed there: the process, and the other end of its terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["POLLUX_SERVER"] = str(world["redmond"].socket)
        os.execv(POLLUX, [str(POLLUX), *words])
    return pid, terminal


def read_until(terminal, words):
    seen = ""
    while words not in seen:
        try:
            seen += os.read(terminal, 4096).decode(errors="replace")
        except OSError:  # nobody has the other end any more
            raise AssertionError(f"it ended without {words!r}: {seen!r}") from None
    return seen


@test
def what_is_under_way_can_be_called_off_and_joined(world):
    with deploy(world, writers=2) as writers:
        writers.go_on()
        process = begin(world, "-ServicesStopDelayMins", "30")
        world.wait_mode("atl", "atl", "Closing")
        writers.go_on()  # those who are signed on go on
        fail_back(world).must(1, "is handing the home", "right now", "Nothing was changed.",
                          f"Get-CsPoolFailOverStatus -PoolFqdn {ATL} shows", f"Stop-CsPoolFailOver -PoolFqdn {ATL}\n")
        needs = f"joined as it is, and needs {ATL}. To take over without that, call it off first: " \
            f"Stop-CsPoolFailOver -PoolFqdn {ATL}\n"
        other_way = ["-WaitTime", "60", "-FlushStorageService", "-ServicesStopDelayMins", "30"]
        for words, joined in (([], "joined as it is.\n"), (["-DisasterMode"], needs),
                              (other_way, "joined as it is, without this -FlushStorageService, -WaitTime.\n")):
            told = fail_over(world, "-WhatIf", *words).must(0, "is under way already", "Letting sessions end", joined)
            assert "would be copied" not in told.out, told
        other = begin(world)
        pid, terminal = at_terminal(world, "Invoke-CsPoolFailOver", "-PoolFqdn", ATL)
        read_until(terminal, "minutes left")
        joined = world["redmond"].begin_to_ask("Invoke-CsPoolFailOver", "is joined", PoolFqdn=ATL)
        world.command("redmond", "Stop-CsPoolFailOver", "-PoolFqdn", ATL, "-WhatIf").must(0)
        assert world.mode("atl", "atl") == "Closing"
        with Locked(world, "redmond"):  # what is not durable yet is told to nobody, be it as progress
            world.command("atl", "Stop-CsPoolFailOver", "-PoolFqdn", ATL).must(0)
            world.wait_event("redmond", "operation-failed", "called off")
            world.wait_mode("atl", "atl", "Serving")
            read_until(terminal, "Writing down what it came to")
        until("its end to be kept", lambda: not world["redmond"].status_of("atl").get("Operation"))
        world.command("redmond", "Stop-CsPoolFailOver", "-PoolFqdn", ATL, "-WhatIf").must(1, "No operation")
        for one in (process, other):
            one.ends().must(1, "called off", f"To begin anew: Invoke-CsPoolFailOver -PoolFqdn {ATL} -ServicesStopDelayMins 30")
        read_until(terminal, "called off")
        os.close(terminal)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
        told = joined().must(200, " minutes left", "called off")
        assert "Failed, " not in told.text, told.text  # that is no progress
        writers.go_on()
        fail_over(world).must(0)
        writers.go_on()
    writers.must_be_kept("redmond")


@test
def whoever_leaves_by_ctrl_c_or_closes_the_terminal_gets_the_report_all_the_same(world):
    with deploy(world, writers=2) as writers:
        for way in ("types Ctrl-C", "closes it"):
            report = world.folder / f"{way}.html"
            writers.go_on()
            pid, terminal = at_terminal(world, "Invoke-CsPoolFailOver", "-PoolFqdn", ATL, "-ServicesStopDelayMins",
                                        "30", "-Report", str(report))
            read_until(terminal, "Letting sessions end")
            if way == "types Ctrl-C":
                os.write(terminal, b"\x03")
                told = read_until(terminal, "To end it")
                assert "goes on with it without you" in told, told
                assert f"The report is going to be {report}." in " ".join(told.split()), told
            os.close(terminal)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
            assert world.mode("atl", "atl") == "Closing" and not report.exists()
            world.command("redmond", "Stop-CsPoolFailOver", "-PoolFqdn", ATL).must(0)
            until("the report", report.exists)
            assert "called off" in report.read_text()
            steps = {name: result for name, (result, _) in steps_of(report).items()}
            assert steps["Letting sessions end"] == "failed" and steps["Calling it off"] == "done", steps
            world.wait_mode("atl", "atl", "Serving")
        assert len(world["redmond"].events("operation-began")) == 2
        writers.go_on()
        # While it is still looked whether it can be done; and by whoever ends it.
        report = world.folder / "early.html"
        with Locked(world, "atl"):
            pid, terminal = at_terminal(world, "Invoke-CsPoolFailOver", "-PoolFqdn", ATL, "-Verbose", "-Report",
                                        str(report))
            read_until(terminal, "Looking whether it can be done.")
            os.kill(pid, signal.SIGTERM)
            told = read_until(terminal, "before you give it again")
            assert "The report is going to be" in told, told
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
        until("the report", report.exists)
        world.wait_mode("redmond", "atl", "Serving")
        writers.go_on()
    writers.must_be_kept("redmond")


@test
def the_report_of_what_broke_off_says_that(world):
    with deploy(world, writers=2) as writers:
        for leaves in (True, False):
            report = world.folder / f"broke-{leaves}.html"
            writers.go_on()
            pid, terminal = at_terminal(world, "Invoke-CsPoolFailOver", "-PoolFqdn", ATL, "-ServicesStopDelayMins",
                                        "30", "-Report", str(report))
            read_until(terminal, "Letting sessions end")
            if leaves:
                os.write(terminal, b"\x03")
                read_until(terminal, "To end it")
            world.kill("redmond")
            until("the report", report.exists)
            page = report.read_text()
            assert "broke" in page and "Get-CsPoolFailOverStatus" in page and "failed" in page, page
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == (130 if leaves else 1)
            os.close(terminal)
            world.start("redmond")
            world.wait_mode("atl", "atl", "Serving")
            world.wait_mode("redmond", "atl", "Standby")
            world.all_serve()
        writers.go_on()
    writers.must_be_kept("atl")


@test
def a_taker_that_dies_leaves_the_holder_serving(world):
    with deploy(world, writers=2) as writers:
        writers.go_on()
        process = begin(world, "-ServicesStopDelayMins", "30")
        world.wait_mode("atl", "atl", "Closing")
        world.kill("redmond")
        process.ends()
        world.wait_mode("atl", "atl", "Serving")
        writers.go_on()
        world.start("redmond")
        world.wait_event("redmond", "operation-interrupted")
        shown = world["redmond"].status_of("atl")
        assert shown["LastOperationBegan"] and shown["LastOperationEnded"] is None, shown
        assert shown["LastOperationResult"].startswith('Interrupted at "Letting sessions end"'), shown
        assert shown["LastOperationResult"].endswith(f": Invoke-CsPoolFailOver -PoolFqdn {ATL} -ServicesStopDelayMins 30"), shown
        until("atl to hear of it", lambda: "Interrupted" in world["atl"].status_of("atl").get("LastOperationResult", ""))
        fail_over(world).must(0)
        writers.go_on()
    writers.must_be_kept("redmond")
    world.terms_must_be_unique()


@test
def a_holder_that_dies_while_it_closes_serves_on_after_its_start(world):
    deploy(world)
    process = begin(world, "-ServicesStopDelayMins", "30")
    world.wait_mode("atl", "atl", "Closing")
    world.kill("atl")
    process.ends().must(1, f"{ATL}, which holds the home, does not answer", "Nothing was taken over.",
                        f"Invoke-CsPoolFailOver -PoolFqdn {ATL} -DisasterMode")
    world.start("atl")
    world.wait_mode("atl", "atl", "Serving")
    fail_over(world).must(0)
    holds(world, "redmond")


if __name__ == "__main__":
    sys.exit(main())
