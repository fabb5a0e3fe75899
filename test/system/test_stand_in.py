"""A pool that does not answer, and is asked how far it is copied: its partner answers.

Prints TAP; needs root for some of it."""

import sys
from datetime import datetime, timedelta, timezone

from pollux_world import *
from people import people, typed_by, audit, keep_audit, READ
from test_rejoin import remove_store
from test_copy import (detail, look, make, pair, wait_equal, INTERVAL_S_OF_SYNC, MODULE,
                       STATUS_S_MAX)
from test_users import done, enable, said

tests.clear()

ATL, REDMOND = name_of("atl"), name_of("redmond")
# From the last heartbeat that was answered: one more, and its deadline; on a loaded machine. A
# command that waited for the pool itself would take ten seconds and more.
FOUND_OUT_S_MAX = 9


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def exported(machine, pool="atl", module=MODULE):
    """What is said of the export of this module at the pool, by whoever answers."""
    details = [d for d in look(machine, pool, Detailed=True)["Details"]
               if d["Direction"] == "Export" and d["Module"] == module]
    assert len(details) == 1, details
    return details[0]


def words(machine, pool="atl", **parameters):
    return {m["Identity"]: (m["ExportStatus"], m["ImportStatus"])
            for m in look(machine, pool, **parameters)["BackupModules"]}


@test
def for_a_dead_pool_its_partner_answers_with_the_age_of_the_copy(world):
    atl, redmond = pair(world)
    make(atl, 20)
    wait_equal(world)
    until("the copy to be confirmed", lambda: detail(redmond, "Import")["ConsistentAsOf"])
    copied = detail(redmond, "Import")["CopiedUpTo"]
    world.kill("atl")
    killed = datetime.now(timezone.utc)
    world.wait_silent("redmond", "atl")
    began = time.monotonic()
    answer = look(redmond, "atl", Detailed=True)
    assert time.monotonic() - began < 2, "it is known that nobody answers there"
    assert answer["PoolFqdn"] == ATL and answer["AnsweredBy"] == REDMOND, answer
    assert answer["ActiveMachineFqdn"] is None, answer
    assert answer["OverallExportStatus"] == answer["OverallImportStatus"] == "ErrorState", answer
    assert f"{ATL} does not answer" in answer["LastError"], answer
    assert "is not known" in answer["LastError"], answer
    assert words(redmond) == {
        "UserServices.PresenceFocus": ("ErrorState", "ErrorState"),
        "ConfServices.DataConf": ("ErrorState", "NotInitialized"),
        MODULE: ("ErrorState", "NotInitialized")}, words(redmond)
    of_central = exported(redmond)
    assert of_central["CopiedUpTo"] == copied > 0 and of_central["Head"] is None, of_central
    assert of_central["UncopiedChanges"] is None and of_central["Partner"] == REDMOND, of_central
    for said_there in (of_central, answer):
        as_of = moment(said_there["ConsistentAsOf"])
        assert killed - timedelta(seconds=2 * INTERVAL_S_OF_SYNC) < as_of <= killed, said_there
        age = (datetime.now(timezone.utc) - as_of).total_seconds()
        assert 0 < said_there["ConsistentAsOfSecondsAgo"] <= age + 0.1, (age, said_there)
    # What it kept of its partner: how far that was, by its last word.
    kept = [d for d in answer["Details"] if d["Direction"] == "Import"]
    assert [d["Home"] for d in kept] == [REDMOND], kept
    assert kept[0]["State"] == "ErrorState" and kept[0]["ConfirmedSecondsAgo"] > 0, kept
    # People are told who answers, unless they do not want to hear it.
    typed = ("Get-CsBackupServiceStatus", "-PoolFqdn", ATL)
    world.command("redmond", *typed).must(0, "redmond-cs-001", "its partner, answers for it")
    assert "answers for it" not in world.command("redmond", *typed, "-Force").must(0).err
    assert list(words(redmond, Category="CMS")) == [MODULE]
    # It is back, and speaks for itself.
    world.start("atl")
    world.all_serve()
    until("the pool itself to answer", lambda: "AnsweredBy" not in look(redmond, "atl"))


def kept_moment(machine, of="central/2"):
    """As its store has it, beginning with milliseconds."""
    db = sqlite3.connect(f"file:{machine.store}?mode=ro", uri=True)
    try:
        found = db.execute("SELECT value FROM record WHERE name = ?", [f"consistent/{of}"]).fetchone()
    finally:
        db.close()
    ms = int.from_bytes(found[0][:8], "little") if found else 0
    return f"{datetime.fromtimestamp(ms // 1000, timezone.utc):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"


@test
def what_is_known_of_a_copy_is_known_after_a_restart(world):
    """Even of a pair in which nothing had changed for long."""
    atl, redmond = pair(world)
    enable(atl, "user1")
    wait_equal(world)
    changed = datetime.now(timezone.utc)
    until("an offer without anything new", lambda: moment(
        detail(redmond, "Import")["ConsistentAsOf"]) > changed + timedelta(seconds=1))
    for end in (world.kill, world.stop):
        world.kill("atl")
        world.wait_mode("redmond", CENTRAL, "Resiliency")
        before = exported(redmond)["ConsistentAsOf"]
        assert moment(before) > changed, (before, changed)
        until("that to be kept", lambda: kept_moment(redmond) == before)
        end("redmond")
        world.start("redmond")
        world.wait_silent("redmond", "atl")
        after = exported(redmond)
        assert after["ConsistentAsOf"] == before, (after, before)
        ago = (datetime.now(timezone.utc) - moment(before)).total_seconds()
        assert abs(after["ConsistentAsOfSecondsAgo"] - ago) < 2, (after, ago)
        world.start("atl")
        world.all_serve()
        until("newer word", lambda: moment(
            detail(redmond, "Import")["ConsistentAsOf"]) > moment(before))
    # A partner that stops while all is well keeps its last word, too.
    before = detail(redmond, "Import")["ConsistentAsOf"]
    world.stop("redmond")
    world.kill("atl")
    world.start("redmond")
    world.wait_silent("redmond", "atl")
    assert moment(exported(redmond)["ConsistentAsOf"]) >= moment(before)


@test
def a_pair_that_was_idle_when_the_power_failed_knows_how_old_its_copies_are(world):
    """Else they would seem as old as the last change, which may have been yesterday."""
    atl, redmond = pair(world)
    enable(atl, "user1")
    wait_equal(world)
    idle = datetime.now(timezone.utc) + timedelta(seconds=1)
    homes = ("central/2", f"{ATL}/0")  # the second one never had a change
    for home in homes:
        until("that to be kept", lambda: moment(kept_moment(redmond, home)) > idle)
    for pool in ("atl", "redmond"):
        world.kill(pool)
    kept = [kept_moment(redmond, home) for home in homes]
    world.start("redmond")
    world.wait_silent("redmond", "atl")
    modules = (MODULE, "UserServices.PresenceFocus")
    assert [exported(redmond, module=m)["ConsistentAsOf"] for m in modules] == kept
    # What a pool holds is no copy, and is as old as nothing.
    world.command("redmond", "Invoke-CsPoolFailOver", "-PoolFqdn", ATL, "-DisasterMode",
                  "-Confirm:$false").must(0)
    until("it to be forgotten", lambda: kept_moment(redmond, homes[1]).startswith("1970"))
    assert not kept_moment(redmond, homes[0]).startswith("1970"), "central was not taken"


@test
def a_pool_that_stands_still_is_waited_for_only_until_that_is_known(world):
    """Whoever asks in the very moment that it stops answering, has an answer all the same."""
    atl, redmond = pair(world)
    for silence, life in ((world.pause, world.resume), (world.kill, world.start)):
        silence("atl")
        began = time.monotonic()
        assert look(redmond, "atl")["AnsweredBy"] == REDMOND
        took = time.monotonic() - began
        assert took < FOUND_OUT_S_MAX, took
        world.say(f"{silence.__name__}: answered within {took:.1f} s")
        life("atl")
        world.all_serve()
        until("the pool itself to answer", lambda: "AnsweredBy" not in look(redmond, "atl"))


@test
def a_third_pool_is_answered_by_the_partner(world):
    world.build(["atl", "redmond", "tokyo"])
    keep_audit(world).begin()
    tokyo = world["tokyo"]
    assert "AnsweredBy" not in look(tokyo, "atl")
    world.kill("atl")
    for known in (False, True):
        if known:
            world.wait_silent("tokyo", "atl")
        seen = len(audit(world, "redmond"))
        assert look(tokyo, "atl")["AnsweredBy"] == REDMOND
        entries = audit(world, "redmond")[seen:]
        assert [(e["command"], e["result"]) for e in entries] == \
            [("Get-CsBackupServiceStatus", "done")], entries
    # Both are gone: that is an error, which names who does not answer.
    world.kill("redmond")
    world.wait_silent("tokyo", "redmond")
    world.command("tokyo", "Get-CsBackupServiceStatus", "-PoolFqdn", ATL).must(1, REDMOND)


STATUS = "Get-CsPoolFailOverStatus"


@test
def what_a_third_pool_is_asked_about_a_home_a_pool_that_has_it_answers(world):
    world.build(["atl", "redmond", "tokyo"]).begin()
    tokyo = world["tokyo"]
    shown = tokyo.ask(STATUS, PoolFqdn=ATL).must(200).objects
    assert [(o["AskedPool"], o["Mode"]) for o in shown] == [(ATL, "Serving")], shown
    # Silent or not yet known to be: the other one tells how old its copy is, and what was done.
    world.kill("atl")
    world.command("tokyo", "Invoke-CsPoolFailOver", "-PoolFqdn", ATL, "-DisasterMode").must(0)
    assert tokyo.ask(STATUS, PoolFqdn=ATL).objects[0]["LastOperationResult"].startswith("Done")
    shown = tokyo.ask(STATUS, PoolFqdn="central").must(200).objects
    assert [(o["AskedPool"], o["Holder"]) for o in shown] == [(REDMOND, ATL)], shown
    assert shown[0]["ConsistentAsOfSecondsAgo"] is not None, shown
    page = world.folder / "rejoin.html"
    world.command("tokyo", STATUS, "-PoolFqdn", ATL, "-Report", page).must(0)
    assert "LastOperationResult" in page.read_text(), page.read_text()


@test
def a_home_that_no_pool_tells_of_is_shown_as_it_was_heard_of_and_that_is_said(world):
    world.build(["atl", "redmond", "tokyo"]).begin()
    until("tokyo to hear of it", lambda: world["tokyo"].status_of("atl"))
    world.kill("atl")
    world.kill("redmond")
    again = f"Get-CsPoolFailOverStatus -PoolFqdn {ATL}"
    for known in (False, True):
        if known:
            world.wait_silent("tokyo", "atl")
            world.wait_silent("tokyo", "redmond")
        heard = world.command("tokyo", STATUS, "-PoolFqdn", ATL)
        heard.must(0, "Holder", f"Neither {ATL} nor {REDMOND} could be asked", again)
    # What it heard outlasts its restart, and not its disk: to know nothing is no empty answer.
    world.stop("tokyo")
    world.start("tokyo")
    world.command("tokyo", STATUS, "-PoolFqdn", ATL).must(0, "Holder", again)
    world.stop("tokyo")
    remove_store(world["tokyo"])
    world.start("tokyo")
    world.command("tokyo", STATUS, "-PoolFqdn", ATL).must(
        1, f"Nothing is known of the home {ATL}", f"Neither {ATL} nor {REDMOND} could be asked", again)
    world.command("tokyo", STATUS).must(0, "Nothing was heard yet of the homes", ATL, REDMOND)


@test
def a_partner_that_is_asked_because_of_a_cut_cable_says_that_the_pool_lives(world):
    world.build(["atl", "redmond", "tokyo"], network=True).begin()
    world.network.refuse("tokyo", "atl")
    world.wait_silent("tokyo", "atl")
    answer = look(world["tokyo"], "atl")
    assert answer["AnsweredBy"] == REDMOND, answer
    assert "does not answer the machine that was asked" in answer["LastError"], answer
    assert "redmond" in answer["LastError"] and "hears it" in answer["LastError"], answer


@test
def who_may_not_ask_the_pool_may_not_ask_its_partner(world):
    world.build(["atl", "redmond"])
    keep_audit(people(world, {"bob": [READ]}, "redmond")).begin()
    words = ("Get-CsBackupServiceStatus", "-PoolFqdn", ATL)
    world.pause("atl")
    for _ in range(2):  # found out on the way, then known
        before = len(audit(world, "redmond"))
        typed_by(world, "bob", "redmond", *words).must(3, "bob may not run")
        entries = audit(world, "redmond")[before:]
        assert [e["result"] for e in entries] == ["denied"], entries
        world.wait_silent("redmond", "atl")
    typed_by(world, "root", "redmond", *words).must(0)
    assert audit(world, "redmond")[-1]["result"] == "done"
    world.resume("atl")


# --- the Central Management Store ----------------------------------------------------------------


@test
def a_store_that_stands_still_is_waited_for_only_until_that_is_known(world):
    """Then the copy answers, and what it answers is what it had; when the store is back, it does."""
    atl, redmond = pair(world)
    enable(atl, "kenmyer")
    wait_equal(world)
    for silence, life in ((world.pause, world.resume), (world.kill, world.start)):
        silence("atl")
        began = time.monotonic()
        answer = done(redmond, "Get-CsUser", Identity="kenmyer")
        took = time.monotonic() - began
        assert took < FOUND_OUT_S_MAX, took
        world.say(f"{silence.__name__}: answered within {took:.1f} s")
        assert "the copy at" in answer.text and len(answer.objects) == 1, answer.text
        life("atl")
        world.all_serve()
        until("the store itself to answer", lambda: "the copy at" not in
              done(redmond, "Get-CsUser", Identity="kenmyer").text)


@test
def who_may_not_read_the_store_may_not_read_a_copy_of_it(world):
    world.build(["atl", "redmond"])
    keep_audit(people(world, {"bob": [READ], "eve": []}, "redmond")).begin()
    until("redmond to have a copy", lambda: world.command(
        "redmond", "Get-CsTopology", "-LocalStore").status == 0)
    world.pause("atl")
    for _ in range(2):  # found out on the way, then known
        before = len(audit(world, "redmond"))
        typed_by(world, "eve", "redmond", "Get-CsTopology").must(3, "eve may not run")
        typed_by(world, "bob", "redmond", "Get-CsTopology").must(0, "the copy at", ATL)
        entries = audit(world, "redmond")[before:]
        assert [e["result"] for e in entries] == ["denied", "done"], entries
        world.wait_silent("redmond", "atl")
    world.resume("atl")


@test
def a_machine_that_has_no_copy_yet_says_so(world):
    """It joins while the store is silent."""
    world.build(["atl", "redmond", "tokyo"])
    world.start("atl", "redmond")
    world.wait_hears("atl", "redmond")
    world.publish("atl").must(0)
    world.wait_mode("redmond", CENTRAL, "Standby")
    world.kill("atl")
    world.start("tokyo")
    world.wait_hears("tokyo", "redmond")
    for command in ("Get-CsUser", "Get-CsTopology", "Get-CsBackupServiceConfiguration"):
        said = world.command("tokyo", command).must(
            1, "does not answer", f"{name_of('tokyo')} has no copy of the Central Management Store yet")
        assert said.out == "", said


if __name__ == "__main__":
    sys.exit(main())
