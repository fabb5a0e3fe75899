"""Backup-CsPool: what a pool has is at its partner when the command returns, or it says why not; and
the report that it writes.

Each parameter has a test of two runs that differ by it alone. Prints TAP."""

import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

from pollux_world import *
from people import people, typed_by, READ
from test_copy import (configure, detail, differences, look, make, pair, state, wait_equal, wait_state,
                       INTERVAL_S_OF_SYNC, MANY, MODULE, STATUS_S_MAX)
from test_users import done, enable, make_many, refused, said

tests.clear()

ATL, REDMOND = name_of("atl"), name_of("redmond")


def backup(machine, pool="atl", **parameters):
    return done(machine, "Backup-CsPool", PoolFqdn=name_of(pool), **parameters)


def typed(world, *words, pool="atl", **environment):
    return world.command(pool, "Backup-CsPool", "-PoolFqdn", ATL, *words, **environment)


def uncopied(machine):
    return detail(machine)["UncopiedChanges"]


def quiet_pair(world):
    """Nothing is copied by itself, but at the end of an interval, which is far away."""
    atl, redmond = pair(world)
    done(atl, "Set-CsBackupServiceConfiguration", SyncMode="Interval", SyncInterval="01:00:00")
    done(atl, "Invoke-CsBackupServiceSync", PoolFqdn=ATL)
    return atl, redmond


# --- what it copies ----------------------------------------------------------------------------


@test
def what_was_there_at_the_beginning_is_copied_at_the_end(world):
    atl, redmond = quiet_pair(world)
    make(atl, 30)
    assert uncopied(atl) == 30
    answer = backup(atl, Verbose=True)
    assert not differences(world)
    assert any("CentralMgmt.CMSMaster of the home central: 30 items" in s
               for s in said(answer, "verbose")), answer.text
    # Asked at the other pool, through a pipe, and again when there is nothing.
    make(atl, 5, "more")
    world.command("redmond", "-c", f"Get-CsPool {ATL} | Backup-CsPool").must(0)
    assert not differences(world)
    backup(redmond)
    refused(atl, "Backup-CsPool", "oslo", PoolFqdn="oslo.litwareinc.com")


@test
def what_if_and_confirm_tell_how_much_it_is_and_copy_nothing(world):
    atl, _ = quiet_pair(world)
    make(atl, 7)
    rehearsed = backup(atl, WhatIf=True)
    assert any("of the home central would be copied" in s and "7 changes" in s
               for s in said(rehearsed, "whatif")), rehearsed.text
    assert uncopied(atl) == 7
    # Without a terminal nobody can say yes.
    outcome = typed(world, "-Confirm")
    assert outcome.status != 0 and "would be copied" in str(outcome), outcome
    assert uncopied(atl) == 7
    typed(world, "-Confirm:$false").must(0)
    assert uncopied(atl) == 0


@test
def what_a_pool_does_not_hold_is_not_left_out_in_silence(world):
    atl, redmond = pair(world)
    done(atl, "Invoke-CsPoolFailOver", PoolFqdn=ATL)
    sentence = f"users of {ATL} are served by {REDMOND}"
    for command, words in (("Backup-CsPool", {}), ("Backup-CsPool", {"WhatIf": True}),
                           ("Backup-CsPool", {"Category": "UserData"}),
                           ("Invoke-CsBackupServiceSync", {}),
                           ("Invoke-CsBackupServiceSync", {"BackupModule": "DataConf"})):
        answer = done(atl, command, PoolFqdn=ATL, **words)
        [warning] = [s for s in said(answer, "warning") if sentence in s]
        again = warning.split("For that: " + command)[1]
        for name, value in {"PoolFqdn": REDMOND, **words}.items():  # all that was given
            assert f" -{name}" + ("" if value is True else f" {value}") in again, warning
        assert not any(sentence in s for s in said(done(atl, command, PoolFqdn=REDMOND, **words),
                                                   "warning"))
    assert not said(done(atl, "Backup-CsPool", PoolFqdn=ATL, Category="CMS"), "warning")
    done(atl, "Invoke-CsPoolFailBack", PoolFqdn=ATL)
    assert not said(backup(atl), "warning")


@test
def what_if_fails_with_what_the_command_would_fail_with(world):
    atl, _ = quiet_pair(world)
    make(atl, 3)
    world.kill("redmond")
    for words in ("-WhatIf",), ("-WaitTime", "00:00:02", "-RetryCount", "0"):
        outcome = typed(world, *words).must(1)
        assert REDMOND.split(".")[0] in outcome.err and "Nothing listens" in outcome.err, outcome


@test
def a_category_is_all_that_is_copied(world):
    atl, _ = quiet_pair(world)
    make(atl, 3)
    for category, left in (("UserData", 3), ("RGS", 3), ("CMS", 0)):
        backup(atl, Category=category)
        assert uncopied(atl) == left, category
    make(atl, 3, "more")
    backup(atl, Category="All")
    assert uncopied(atl) == 0
    assert "no response groups" in typed(world, "-Category", "RGS").must(0).err
    assert not typed(world, "-Category", "RGS", "-Force").must(0).err  # the same, hidden
    typed(world, "-Category", "Everything").must(2)


@test
def only_a_home_that_was_failed_over_is_copied_if_that_is_wanted(world):
    """Here none was: nothing is copied, and that is said."""
    atl, _ = pair(world)
    configure(world, SyncMode="Interval")
    wait_state(atl, "FinalState")
    make(atl, 3)
    answer = backup(atl, FullBackup=True, FailedOverPoolOnly=True)
    assert uncopied(atl) == 3
    assert "no home that was failed over" in "".join(said(answer, "warning")), answer.text
    backup(atl, FullBackup=True)
    assert uncopied(atl) == 0


@test
def what_makes_no_sense_together_is_refused(world):
    atl, _ = quiet_pair(world)
    make(atl, 3)
    refused(atl, "Backup-CsPool", "one of them", PoolFqdn=ATL, FullBackup=True, SteadyState=True)
    refused(atl, "Backup-CsPool", "-FullBackup alone", PoolFqdn=ATL, FailedOverPoolOnly=True)
    refused(atl, "Backup-CsPool", "-FullBackup alone", PoolFqdn=ATL, FailedOverPoolOnly=True,
            SteadyState=True)
    typed(world, "-FullBackup", "-SteadyState").must(2, "one of them", "Nothing was done.")
    typed(world, "-RetryCount", "-1").must(2)
    typed(world, "-WaitTime", "0").must(2)
    assert uncopied(atl) == 3


@test
def a_pool_without_a_backup_has_nowhere_to_copy_to(world):
    world.deploy(["tokyo"])
    refused(world["tokyo"], "Backup-CsPool", "has no backup pool", PoolFqdn=name_of("tokyo"))


@test
def who_may_sync_may_back_up(world):
    world.build(["atl", "redmond"])
    people(world, {"ann": ["Copiers"], "bob": [READ]}, "atl").begin()
    words = ("Backup-CsPool", "-PoolFqdn", ATL)
    for user in ("ann", "bob"):
        typed_by(world, user, "atl", *words).must(3, f"{user} may not run")
    done(world["atl"], "Set-CsBackupServiceConfiguration", AuthorizedUniversalGroups=["Copiers"])
    typed_by(world, "ann", "atl", *words).must(0)
    typed_by(world, "bob", "atl", *words).must(3, "bob may not run")


# --- how long it waits -------------------------------------------------------------------------


@test
def a_full_backup_waits_until_nothing_changes_any_more(world):
    atl, _ = pair(world)
    enable(atl, "user1")
    changed = time.monotonic()
    backup(atl)
    assert state(atl) == "SteadyState" and time.monotonic() - changed < INTERVAL_S_OF_SYNC
    backup(atl, FullBackup=True)
    assert state(atl) == "FinalState" and time.monotonic() - changed > INTERVAL_S_OF_SYNC - 0.5


def begun(world, *words):
    """Typed, and under way: it has told that it copies."""
    process = subprocess.Popen([str(POLLUX), "Backup-CsPool", "-PoolFqdn", ATL, "-Debug", *words],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env={**os.environ, "POLLUX_SERVER": str(world["atl"].socket)})
    world.others.append(process)
    until("it to copy", lambda: "Copying" in process.stdout.readline())
    return process


def ended(process):
    out = process.communicate(timeout=PATIENCE_S)[0]
    return process.returncode, out


@test
def steady_state_waits_for_what_came_meanwhile_too(world):
    """A backlog that came behind the beginning, more than one cycle may send: whoever waits only
    for what was there at the beginning leaves it, whoever waits for the state does not. While the
    backlog is made nothing can be copied, however long that takes: both are told to wait for it."""
    atl, _ = pair(world)
    configure(world, MaxBatchesPerCmsSync=1, SyncInterval="00:10:00")
    made = 0
    for words, left in (((), True), (("-SteadyState",), False)):
        world.pause("redmond")
        process = begun(world, "-RetryCount", "1000", "-WaitTime", "02:00:00", *words)
        make_more(atl, made, MANY)
        made += MANY
        world.resume("redmond")
        status, out = ended(process)
        assert status == 0, out
        at_the_end = detail(atl)
        assert (at_the_end["State"] == "NonSteadyState") == left, (words, at_the_end)
        assert (at_the_end["UncopiedChanges"] > 0) == left, (words, at_the_end)
        backup(atl, SteadyState=True)
    assert not differences(world)


def make_more(machine, first, count):
    """Like make_many, with names that are not taken."""
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        list(pool.map(lambda n: enable(machine, f"many{n:06}"), range(first, first + count)))


@test
def what_failed_is_tried_again_as_often_as_is_said(world):
    atl, _ = quiet_pair(world)
    make(atl, 3)
    world.kill("redmond")
    for retries in (0, 3):
        answer = atl.ask("Backup-CsPool", PoolFqdn=ATL, RetryCount=retries, Category="CMS",
                         Verbose=True)
        assert answer.lines[-1] == {"status": "failed"}, answer.text
        tried = [s for s in said(answer, "verbose") if "is tried again" in s]
        assert len(tried) == retries, answer.text
        assert "is not copied" in answer.text and REDMOND in answer.text, answer.text
    # Often enough, and the partner is back before that.
    process = begun(world, "-RetryCount", "1000", "-Verbose")
    until("a further try", lambda: "is tried again" in process.stdout.readline())
    world.start("redmond")
    status, out = ended(process)
    assert status == 0, out
    assert uncopied(atl) == 0 and not differences(world)


@test
def it_gives_up_without_progress_after_the_time_that_is_said(world):
    atl, _ = quiet_pair(world)
    make(atl, 3)
    world.kill("redmond")
    took = {}
    for span in ("00:00:01", "00:00:04"):
        began = time.monotonic()
        typed(world, "-RetryCount", "1000", "-WaitTime", span).must(1, "is not copied", REDMOND)
        took[span] = time.monotonic() - began
    world.say(f"{took}")
    assert 1 <= took["00:00:01"] < took["00:00:04"] and took["00:00:04"] >= 4, took
    world.start("redmond")
    wait_state(atl, "SteadyState", "NonSteadyState", "FinalState")
    # All is copied, and the state that is waited for can't come so soon.
    typed(world, "-FullBackup", "-WaitTime", "1").must(
        1, "is copied, but it did not get to FinalState within 1 s", "-WaitTime 00:00:01 ends before that")
    assert uncopied(atl) == 0


@test
def whoever_leaves_does_not_stop_the_copying(world):
    atl, _ = quiet_pair(world)
    make(atl, 3)
    process = begun(world, "-FullBackup")
    process.send_signal(signal.SIGINT)
    status, out = ended(process)
    assert status == 130 and "goes on with it without you" in out, out
    assert "Get-CsBackupServiceStatus" in out, out
    until("it to be copied", lambda: uncopied(atl) == 0)


@test
def the_published_pair_counts_unless_the_local_store_is_asked(world):
    """The pool that holds the Central Management Store is a third one: it is lost, or says
    otherwise."""
    world.deploy(["atl", "redmond", "tokyo"], central="tokyo")
    atl = world["atl"]
    until("the publication to be at hand",
          lambda: atl.ask("Backup-CsPool", PoolFqdn=ATL).lines[-1] == {"status": "done"})
    world.kill("tokyo")
    world.wait_silent("atl", "tokyo")
    refused(atl, "Backup-CsPool", "Central Management Store", name_of("tokyo"), "-LocalStore",
            PoolFqdn=ATL)
    backup(atl, LocalStore=True)


# --- the report --------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser makes of it: the texts, and what it would fetch."""

    def __init__(self, file):
        super().__init__()
        self.tags, self.fetched, self.texts, self.script = [], [], [], ""
        self.open = []
        text = file.read_text(encoding="utf-8")
        self.feed(text)
        self.close()
        ElementTree.fromstring(text)  # it is XML, too
        self.facts = json.loads(self.script)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)
        self.fetched += [v for name, v in attributes if name in ("src", "href", "action")]
        assert not any(name.startswith("on") for name, _ in attributes), attributes

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.script += data
        elif self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(self.texts)


@test
def a_report_says_what_was_done_for_people_and_for_programs(world):
    atl, _ = quiet_pair(world)
    make(atl, 12)
    typed(world, "-SteadyState", "-Report", "backup.html", pool="redmond").must(0)
    page = Page(world.folder / "backup.html")
    facts = page.facts
    assert page.fetched == [] and page.open == [], (page.fetched, page.open)
    assert (facts["Command"], facts["Result"], facts["Pool"]) == ("Backup-CsPool", "done", ATL)
    assert facts["GivenBy"] == "root" and facts["GivenFrom"] == REDMOND, facts
    assert facts["CarriedOutBy"] == ATL and facts["Parameters"]["SteadyState"] is True, facts
    assert facts["Errors"] == facts["Warnings"] == [], facts
    assert [s["Result"] for s in facts["Steps"]] == ["done"] * len(facts["Steps"]), facts
    assert [s["Name"] for s in facts["Steps"]][:2] == ["Looking at the pair", "Copying"], facts
    figures = {f["Name"]: f["Value"] for f in facts["Figures"]}
    assert figures[f"Items sent, {MODULE} of the home central"] == 12, figures
    assert figures[f"Bytes sent, {MODULE} of the home central"] > 100, figures
    assert figures[f"State, {MODULE} of the home central"] == "SteadyState", figures
    assert sum(s["Seconds"] for s in facts["Steps"]) <= facts["Seconds"] + 0.01, facts
    for said_there in ("It was done.", ATL, "Copying", "12", "Counted and found", facts["Began"]):
        assert said_there in page.text, (said_there, page.text)
    assert (world.folder / "backup.html").stat().st_mode & 0o777 == 0o644
    # Without it, none; and what was there is left.
    before = sorted(world.folder.iterdir())
    typed(world).must(0)
    assert sorted(world.folder.iterdir()) == before


@test
def a_report_of_what_went_wrong_says_what_and_what_to_do(world):
    atl, _ = quiet_pair(world)
    make(atl, 2)
    world.kill("redmond")
    typed(world, "-RetryCount", "0", "-Report", "failed.html").must(1)
    page = Page(world.folder / "failed.html")
    assert page.facts["Result"] == "failed" and len(page.facts["Errors"]) == 2, page.facts
    assert page.facts["Steps"][-1]["Result"] == "failed", page.facts
    for said_there in ("It failed", "is not copied", REDMOND, "Check that polluxd runs there"):
        assert said_there in page.text, (said_there, page.text)
    # Of what makes no sense there is nothing to report; and a rehearsal is called one.
    typed(world, "-FullBackup", "-SteadyState", "-Report", "wrong.html").must(2, "one of them")
    assert not (world.folder / "wrong.html").exists()
    world.start("redmond")
    until("Redmond to take something again",
          lambda: typed(world, "-WhatIf", "-Report", "rehearsed.html").status == 0)
    page = Page(world.folder / "rehearsed.html")
    assert "Nothing was done" in page.text and "would be copied" in page.text, page.text
    # -Force hides what is not fatal; the report has it.
    hidden = typed(world, "-Category", "RGS", "-Force", "-Report", "hidden.html").must(0)
    assert not hidden.err and "no response groups" in Page(world.folder / "hidden.html").text


@test
def a_report_overwrites_only_a_report(world):
    atl, _ = quiet_pair(world)
    make(atl, 2)
    precious = world.folder / "precious.html"
    precious.write_text("<html>precious</html>")
    typed(world, "-Report", "precious.html").must(1, "is no report", "Nothing was done")
    assert precious.read_text() == "<html>precious</html>" and uncopied(atl) == 2
    for nowhere in ("/nowhere/x.html", "atl", "atl/", "/dev/full"):
        typed(world, "-Report", nowhere).must(1 if nowhere != "atl/" else 2, "Nothing was done")
    assert uncopied(atl) == 2
    (world.folder / "report.html").write_text("")
    typed(world, "-Report", "report.html").must(0)
    first = Page(world.folder / "report.html").facts
    typed(world, "-Report", str(world.folder / "report.html")).must(0)
    assert Page(world.folder / "report.html").facts["Began"] > first["Began"]
    assert [f.name for f in world.folder.glob("report*")] == ["report.html"]
    # Of several through a pipe, none overwrites another.
    world.command("atl", "-c", "Get-CsPool | Backup-CsPool -Report many.html").must(0)
    pools = {Page(world.folder / name).facts["Pool"] for name in ("many.html", "many-2.html")}
    assert pools == {ATL, REDMOND}


@test
def nothing_was_done_is_said_only_where_nothing_was(world):
    pair(world)
    for names, status in (((ATL, "oslo"), 1), (("oslo", ATL), 1), (("oslo", "bergen"), 2)):
        for command in ("Backup-CsPool", "Invoke-CsBackupServiceSync"):
            objects = ", ".join(f'"{name}"' for name in names)
            world.command("atl", "-c", f"{objects} | {command}").must(status, "not \"oslo\"")
        world.command("atl", "-c", f"{objects} | Backup-CsPool -WhatIf").must(2, "not \"oslo\"")


@test
def a_path_with_a_drive_becomes_a_file_in_the_current_folder(world):
    quiet_pair(world)
    typed(world, "-Report", r"C:\Logs\backup.html").must(0, "WARNING", "no drives here",
                                                         "backup.html in the current folder")
    assert Page(world.folder / "backup.html").facts["Result"] == "done"
    typed(world, "-Report", "C:\\").must(2, "lacks the name of a file")


if __name__ == "__main__":
    sys.exit(main())
