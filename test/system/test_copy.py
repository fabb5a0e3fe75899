"""Copying between the pools of a pair: what is changed at a holder is at its partner, whatever
happens on the way, and what is said of it is true.

The two stores are compared from outside, row by row. Prints TAP; needs root for some of it."""

import contextlib
import random
import sys

from copies import *

CALL_TICK_S = 0.1  # CALL_TICK_MS
BEYOND_A_PART = 110000  # items of a copy, of which at most 100,000 are stored at once
BACKLOG_LASTS_S = 5     # BACKLOG_LASTS_MS
LONG = 300000           # PREFLIGHT_CHANGES_MAX: more changes than that are a long catch-up


# --- the good case -----------------------------------------------------------------------------


@test
def what_is_changed_and_deleted_at_the_holder_is_at_the_partner_within_a_moment(world):
    atl, redmond = pair(world)
    for number in range(20):
        enable(atl, f"user{number}")
    wait_equal(world)
    assert {f"user{n}" for n in range(20)} <= {a.split("@")[0].split("/")[-1].split(":")[-1]
                                             for a in accounts(world, "redmond")}
    for number in range(0, 20, 2):
        done(atl, "Disable-CsUser", Identity=f"user{number}")
    wait_equal(world)
    tombstones = [key for key, row in rows(redmond.store, CENTRAL).items() if row[3]]
    assert len(tombstones) >= 10
    # What is changed many times travels as it is at last.
    for number in range(30):
        done(atl, "Set-CsUser", Identity="user1", DisplayName=f"Name {number}")
    wait_equal(world)
    for home in world.pools:
        wait_equal(world, home, at_least=0)


@test
def it_is_copied_continuously_under_load_and_in_the_other_direction_too(world):
    """Eight clients; the partner is never far behind, and has everything in the end."""
    world.build(["atl", "redmond"], central="redmond").begin()
    done(world["atl"], "Set-CsBackupServiceConfiguration", SyncInterval="00:00:05")
    redmond = world["redmond"]
    with Load(redmond) as load:
        until("changes at the partner", lambda: len(accounts(world, "atl")) > 200)
        behind = []
        for _ in range(20):
            d = detail(redmond)
            assert d["State"] == "SteadyState", d
            behind.append(d["OldestUncopiedSeconds"] or 0)
        assert max(behind) < INTERVAL_S_OF_SYNC, behind
    wait_equal(world)
    world.say(f"{len(load.acknowledged)} changes, oldest without a copy {max(behind):.3f} s")
    assert len(load.acknowledged) > 200
    assert not redmond.events("backup-state") and not world["atl"].events("import-failed")


@test
def a_first_copy_of_many_accounts_to_a_partner_that_was_down(world):
    """With the partner killed and the holder killed in between: it goes on where it was."""
    atl, redmond = pair(world)
    world.kill("redmond")
    remove_store(redmond)
    make_many(atl, MANY)
    began = time.monotonic()
    world.start("redmond")
    wait_equal(world, at_least=MANY)
    world.say(f"{MANY} accounts copied {time.monotonic() - began:.1f} s after the start")
    wait_state(atl, "SteadyState", "FinalState")
    assert detail(atl)["UncopiedChanges"] == detail(atl)["UncopiedBytes"] == 0
    # Once more, and both are killed at random moments.
    dice = random.Random(4711)
    for _ in range(2 * SOAK):
        world.kill("redmond")
        remove_store(redmond)
        world.start("redmond")
        time.sleep(dice.random() * 0.8)  # into the middle of it
        victim = dice.choice(["atl", "redmond"])
        world.kill(victim)
        world.start(victim)
        wait_equal(world, at_least=MANY)
    world.terms_must_be_unique()


@test
def a_catch_up_that_is_stored_in_parts_goes_on_after_kills_from_what_was_stored(world):
    """One of users' data, and larger than what goes into a store at once. Users are not handed to a
    copy in the middle of it unless somebody says that he knows."""
    atl, redmond = pair(world)
    home = name_of("atl")
    world.stop("redmond")
    world.stop("atl")
    fill = Path(POLLUXD).parent.parent / "bench/bench-fill"
    run(fill, atl.store, home, BEYOND_A_PART).must(0)
    run(fill, "--one", atl.store, home, LONG).must(0)  # many changes behind these, and little to copy
    world.start("atl")
    world.wait_mode("atl", "atl", "Rejoining")
    done(atl, "Start-CsPool", PoolFqdn=home, Force=True)
    world.wait_mode("atl", "atl", "Serving")
    def stored():
        with contextlib.closing(sqlite3.connect(f"file:{redmond.store}?mode=ro", uri=True)) as db:
            table = "item_%d" % db.execute("SELECT id FROM home WHERE name = ?", [home]).fetchone()
            return db.execute(f"SELECT ifnull(max(usn), 0) FROM {table}").fetchone()[0]

    again = f"Invoke-CsPoolFailOver -PoolFqdn {home}"
    fail_over = lambda *words: world.command("redmond", *again.split(), *words)
    seen = [0]
    for victim in ("redmond", "atl"):
        world.start("redmond")
        if victim == "redmond":
            fail_over().must(1, "is in a long catch-up", "Nothing was changed.", f"{again} -WaitTime 00:00:15")
        until("a part to be stored, or all of it", lambda: stored() > seen[-1]
              or seen[-1] >= BEYOND_A_PART)
        seen.append(stored())
        world.kill(victim)
    world.wait_silent("redmond", "atl")
    if "not be taken" in fail_over("-DisasterMode", "-WhatIf").must(0).out:  # else it had all of it already
        fail_over("-DisasterMode").must(1, f"The copy at {name_of('redmond')} is in the middle of catching up",
                                        "Nothing was taken over.", f"{again} -DisasterMode -SkipDataVerification")
        for pool in (name_of("redmond"), home):  # as the copy, and for the pool that is gone
            status = redmond.ask("Get-CsBackupServiceStatus", PoolFqdn=pool, Detailed=True).objects
            assert max(d.get("CatchingUpTo") or 0 for d in status) > seen[-1], status
    world.start("atl")
    wait_equal(world, home, at_least=BEYOND_A_PART)
    world.say(f"seen at {seen}")
    world.terms_must_be_unique()


@test
def an_idle_pair_sends_nothing(world):
    """The partner is asked now and then where it stands, and no batch is sent."""
    atl, redmond = pair(world)
    wait_state(atl, "FinalState")
    imported = lambda: detail(redmond, "Import")["ImportedSecondsAgo"]
    before, began = imported(), time.monotonic()
    files = [world[p].store.parent / f"rtc.db{end}" for p in world.pools for end in ("", "-wal")]
    stamps = lambda: [f.stat().st_mtime_ns for f in files if f.exists()]
    stamp = stamps()
    time.sleep(INTERVAL_S_OF_SYNC * 1.5)  # in which nothing must happen
    assert imported() >= before + (time.monotonic() - began) - 1, "a batch came"
    assert stamps() == stamp, "something was written"
    assert state(atl) == "FinalState"


# --- what is said ------------------------------------------------------------------------------


@test
def final_is_said_after_an_interval_of_quiet_and_not_before(world):
    atl, redmond = pair(world)
    for round_number in range(2):
        enable(atl, f"user{round_number}")
        changed = time.monotonic()
        while state(atl) != "FinalState":
            assert time.monotonic() - changed < INTERVAL_S_OF_SYNC + STATUS_S_MAX
        assert time.monotonic() - changed > INTERVAL_S_OF_SYNC - 0.5, "too early"
        assert not differences(world)
    assert state(atl) == "FinalState"
    assert not atl.events("backup-state")
    imports = look(redmond)
    assert imports["OverallImportStatus"] == "NormalState", imports
    # Of a pool that keeps no copies of this and sends none:
    assert detail(redmond, "Import")["LastError"] in (None, "")


def check_error(world, atl, begin, end, *reasons):
    """It is said, with the reason, as long as it lasts; and once in the log. It ends by itself."""
    before = len(backup_events(atl, "ErrorState"))
    begin()
    began = time.monotonic()
    enable(atl, f"during{before}")
    d = wait_state(atl, "ErrorState", patience_s=STATUS_S_MAX)
    world.say(f"ErrorState after {time.monotonic() - began:.1f} s: {d['LastError']}")
    for reason in reasons:
        assert reason in d["LastError"], d
    assert d["UncopiedChanges"] > 0 and d["OldestUncopiedSeconds"] > 0, d
    assert d["UncopiedBytes"] > 50 * d["UncopiedChanges"], d
    for _ in range(4):
        enable(atl, f"during{before}-{_}")
        assert state(atl) == "ErrorState"
    assert look(atl)["OverallExportStatus"] == "ErrorState"
    assert len(backup_events(atl, "ErrorState")) == before + 1, backup_events(atl, "")
    end()
    wait_state(atl, "SteadyState", "FinalState")
    wait_equal(world)
    assert len(backup_events(atl, "ErrorState")) == before + 1, backup_events(atl, "")
    assert len(atl.events("backup-state", MODULE, "after ErrorState")) == before + 1
    assert detail(atl)["LastError"] in (None, "")


@test
def a_partner_that_is_killed_or_stands_still_is_an_error_until_it_is_back(world):
    atl, _ = pair(world)
    check_error(world, atl, lambda: world.kill("redmond"), lambda: world.start("redmond"),
                name_of("redmond"))
    check_error(world, atl, lambda: world.pause("redmond"), lambda: world.resume("redmond"),
                name_of("redmond"))
    # And the same without any change: who asks gets a live answer.
    world.pause("redmond")
    wait_state(atl, "ErrorState", patience_s=STATUS_S_MAX)
    world.resume("redmond")
    wait_state(atl, "SteadyState", "FinalState")


@test
def a_partner_that_is_cut_off_is_an_error_until_it_is_joined(world):
    atl, _ = pair(world, network=True)
    cut = lambda: world.network.cut("atl", "redmond")
    join = lambda: world.network.join("atl", "redmond")
    check_error(world, atl, cut, join, name_of("redmond"))
    check_error(world, atl, lambda: world.network.refuse("atl", "redmond"), join,
                name_of("redmond"))
    # In the middle of much to do: what is on its way then is lost, or comes twice.
    dice = random.Random(815)
    with Load(atl) as load:
        for _ in range(3 * SOAK):
            time.sleep(dice.random())
            cut()
            wait_state(atl, "ErrorState", patience_s=STATUS_S_MAX)
            join()
            wait_state(atl, "SteadyState", "NonSteadyState")
    wait_equal(world)
    assert set(load.acknowledged) <= {a.split("@")[0] for a in names_at(world, "redmond")}


@test
def a_partner_that_stands_still_while_a_batch_is_under_way_is_an_error_within_moments(world):
    atl, redmond = pair(world)
    with Load(atl):
        until("changes at the partner", lambda: len(accounts(world, "redmond")) > 100)
        world.pause("redmond")
        wait_state(atl, "ErrorState", patience_s=STATUS_S_MAX)
        world.resume("redmond")
        wait_state(atl, "SteadyState")
    wait_equal(world)
    assert len(backup_events(atl, "ErrorState")) == 1, backup_events(atl, "")


@test
def a_backlog_beyond_the_limit_is_not_steady_and_looking_at_it_hurries_nothing(world):
    atl, redmond = pair(world)
    world.kill("redmond")
    make_many(atl, MANY)
    configure(world, MaxBatchesPerCmsSync=1)
    world.start("redmond")
    d = wait_state(atl, "NonSteadyState")
    assert d["UncopiedChanges"] > 0, d
    look(atl), look(atl)
    assert state(atl) == "NonSteadyState"
    assert differences(world)
    assert len(atl.events("backup-state", ": NonSteadyState")) == 1, atl.events("backup-state")
    # Whoever waits does not wait for intervals.
    began = time.monotonic()
    sync(atl)
    assert not differences(world)
    world.say(f"synced in {time.monotonic() - began:.1f} s")
    wait_state(atl, "SteadyState", "FinalState")
    assert len(atl.events("backup-state", "after NonSteadyState")) == 1, atl.events("backup-state")


@test
def in_interval_mode_it_is_copied_once_in_an_interval(world):
    atl, redmond = pair(world, SyncMode="Interval")
    enable(atl, "first")
    wait_equal(world)
    copied = head(world, "redmond")
    moved = []
    with Load(atl, clients=2, pause_s=0.05):
        end = time.monotonic() + 2.5 * INTERVAL_S_OF_SYNC
        while time.monotonic() < end:
            d = detail(atl)
            assert d["State"] in ("SteadyState", "FinalState"), d
            now = head(world, "redmond")
            if now != copied:
                moved.append(time.monotonic())
                copied = now
            time.sleep(0.02)
    assert 1 <= len(moved) <= 3, f"copied {len(moved)} times"
    for one, other in zip(moved, moved[1:]):
        assert INTERVAL_S_OF_SYNC - 1 < other - one, (one, other)
    sync(atl)
    assert not differences(world)


# --- Invoke-CsBackupServiceSync ----------------------------------------------------------------


@test
def a_sync_returns_when_everything_that_was_there_is_copied(world):
    atl, redmond = pair(world, SyncMode="Interval")
    with Load(atl) as load:
        for name in NAMES:
            before = list(load.acknowledged)
            sync(atl, BackupModule=name)
            if name in ("All", "CMSMaster", MODULE):
                missing = set(before) - {a.split("@")[0] for a in names_at(world, "redmond")}
                assert not missing, (name, len(missing))
    sync(redmond, "atl")  # asked at the other pool
    assert not differences(world)
    typed = world.command("redmond", "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of("atl"),
                          "-Verbose").must(0)
    assert re.search(r"CentralMgmt.CMSMaster of the home central: \d+ items, \d+ bytes, \d", typed.err
                     + typed.out), typed
    world.command("atl", "-c",
                  f"Get-CsPool {name_of('atl')} | Invoke-CsBackupServiceSync").must(0)
    world.command("atl", "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of("atl"),
                  "-BackupModule", "Everything").must(2)


@test
def who_waits_for_a_copy_is_answered_when_it_answers(world):
    """Not when commands that wait are looked at by themselves. Commands that follow each other begin
    right behind such a look, so that each would wait for the whole of a tick."""
    atl, _ = pair(world)
    asked = {"a sync": lambda: sync(atl), "a status": lambda: look(atl)}
    for what, ask in asked.items():
        took = []
        for _ in range(20):
            began = time.monotonic()
            ask()
            took.append(time.monotonic() - began)
        assert min(took[1:]) < CALL_TICK_S / 2, (what, took)


@test
def a_sync_with_a_partner_that_is_gone_says_so(world):
    atl, redmond = pair(world)
    for gone, back in ((world.kill, world.start), (world.pause, world.resume)):
        gone("redmond")
        enable(atl, f"user-{gone.__name__}")
        began = time.monotonic()
        world.command("atl", "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of("atl")).must(
            1, "of the home central is not copied", name_of("redmond"))
        assert time.monotonic() - began < STATUS_S_MAX
        back("redmond")
        until("a sync", lambda: world.command(
            "atl", "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of("atl")).status == 0)
        assert not differences(world)


@test
def each_replica_has_the_moment_of_the_last_change_whichever_is_asked_for(world):
    """The machine that holds the store lost it when it was asked for alone."""
    atl, _ = pair(world)
    ask = lambda **only: {r["ReplicaFqdn"]: r["LastUpdateCreation"] for r in
                          done(atl, "Get-CsManagementStoreReplicationStatus", **only).objects}
    of_all = ask()
    assert len(of_all) == 2 and all(of_all.values()), of_all
    for name in of_all:
        assert list(ask(ReplicaFqdn=name)) == [name] and ask(ReplicaFqdn=name)[name], name


@test
def a_copy_is_as_old_for_its_holder_as_the_oldest_change_that_it_lacks(world):
    atl, _ = pair(world)
    said = detail(atl)
    assert 0 <= said["ConsistentAsOfSecondsAgo"] < 5 and said["UncopiedChanges"] == 0, said
    world.stop("redmond")
    wait_state(atl, "ErrorState")
    for user in ("user-one", "user-two"):
        enable(atl, user)
    said = until("the changes to be older than a copy needs", lambda: (
        lambda d: d if d["OldestUncopiedSeconds"] >= 2 else None)(detail(atl)))
    assert said["UncopiedChanges"] > 1 and said["ConsistentAsOf"], said
    assert said["ConsistentAsOfSecondsAgo"] >= said["OldestUncopiedSeconds"] - 0.1, said
    world.start("redmond")
    until("the copy to have everything again",
          lambda: (detail(atl)["ConsistentAsOfSecondsAgo"] or 1000) < said["OldestUncopiedSeconds"])


@test
def what_waits_for_a_copy_does_not_get_young_by_a_restart(world):
    atl, _ = pair(world)
    world.stop("redmond")
    wait_state(atl, "ErrorState")
    enable(atl, "user-one")
    until("it to be written down", lambda: detail(atl)["OldestUncopiedSeconds"] > BACKLOG_LASTS_S + 1)
    said = detail(atl)
    world.stop("atl")
    world.start("atl")
    world.command("atl", "Start-CsPool", "-PoolFqdn", name_of("atl"), "-Force").must(0)
    world.wait_mode("atl", CENTRAL, "Serving")
    until("it to be exported", lambda: detail(atl)["OldestUncopiedSeconds"])
    now = detail(atl)
    assert now["OldestUncopiedSeconds"] > said["OldestUncopiedSeconds"], (said, now)
    assert now["CopiedUpTo"] == said["CopiedUpTo"] and now["UncopiedChanges"] == said["UncopiedChanges"], (said, now)
    world.start("redmond")
    until("the copy to have everything", lambda: detail(atl)["OldestUncopiedSeconds"] is None)


@test
def a_copy_that_nothing_changes_in_knows_that_it_is_whole(world):
    """It was told so once in an interval: an administrator who looked whether to take it over read that
    it was two minutes old."""
    atl, redmond = pair(world)
    configure(world, SyncInterval="03:00:00")
    enable(atl, "someone")
    wait_equal(world)
    first = until("the copy to be whole", lambda: detail(redmond, "Import")["ConsistentAsOf"])
    until("that to be told again", lambda: detail(redmond, "Import")["ConsistentAsOf"] > first)
    assert detail(redmond, "Import")["ConsistentAsOfSecondsAgo"] < PATIENCE_S


@test
def a_pool_without_a_backup_has_nothing_to_copy(world):
    world.deploy(["tokyo"])
    invoked = world.command("tokyo", "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of("tokyo"))
    invoked.must(1, "has no backup pool")
    status = look(world["tokyo"])
    assert status["OverallExportStatus"] == "NotInitialized", status


@test
def who_may_sync_is_whoever_may_see_the_state(world):
    world.build(["atl", "redmond"])
    people(world, {"ann": ["Copiers"], "bob": [READ]}, "atl", "redmond").begin()
    words = ("-PoolFqdn", name_of("atl"))
    for command in ("Get-CsBackupServiceStatus", "Invoke-CsBackupServiceSync"):
        for user in ("ann", "bob"):
            typed_by(world, user, "atl", command, *words).must(3, f"{user} may not run")
    done(world["atl"], "Set-CsBackupServiceConfiguration", AuthorizedUniversalGroups=["Copiers"])
    for command in ("Get-CsBackupServiceStatus", "Invoke-CsBackupServiceSync"):
        typed_by(world, "ann", "atl", command, *words).must(0)
        typed_by(world, "bob", "atl", command, *words).must(3, "bob may not run")


# --- what goes wrong ---------------------------------------------------------------------------


class Truth:
    """Asks all the time what the state is. FinalState and a confirmed head must be so."""

    def __init__(self, world, machine):
        self.world, self.machine, self.seen, self.lies = world, machine, set(), []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        while not self.stopped.is_set():
            try:
                d = detail(self.machine)
            except (OSError, http.client.HTTPException, ValueError, IndexError):
                self.stopped.wait(0.05)
                continue
            except AssertionError as e:
                # It may be stopping, or end in the middle of its answer.
                if "it took" in str(e):
                    self.lies.append(str(e))
                continue
            self.seen.add(d["State"])
            if d["State"] not in WORDS:
                self.lies.append(d)
            if d["State"] == "FinalState" and differences(self.world):
                self.lies.append(("FinalState while the stores differ", d))
            self.stopped.wait(0.1)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join(PATIENCE_S)
        if not _[0]:
            assert not self.lies, self.lies


@test
def whoever_is_killed_at_whatever_moment_both_have_the_same_in_the_end(world):
    """What was acknowledged is at both."""
    atl, redmond = pair(world)
    seed = random.randrange(1 << 32)
    world.say(f"seed {seed}")
    dice = random.Random(seed)
    with Truth(world, atl), Load(atl) as load:
        for _ in range(4 * SOAK):
            time.sleep(dice.random())
            victim = dice.choice(["atl", "redmond"])
            world.kill(victim)
            time.sleep(dice.choice([0, dice.random()]))
            world.start(victim)
            if dice.random() < 0.5:
                world.wait_mode("atl", CENTRAL, "Serving")
    world.all_serve()
    wait_equal(world)
    wait_state(atl, "SteadyState", "FinalState")
    missing = set(load.acknowledged) - {a.split("@")[0] for a in names_at(world, "redmond")}
    assert not missing, missing
    world.terms_must_be_unique()


@test
def a_copy_on_a_full_disk_is_an_error_told_once_and_goes_on_when_there_is_room(world):
    disk = world.deploy_on_small_disk("redmond")
    atl, redmond = world["atl"], world["redmond"]
    outside, redmond.store = redmond.store, disk.inside / "rtc.db"
    configure(world, SyncInterval="00:00:05")
    with Truth(world, atl) as truth:
        disk.fill()
        number = iter(range(100000))
        def until_full():
            make(atl, 20, name=f"user-{next(number)}-")
            return state(atl) == "ErrorState"
        until("the disk to be full", until_full)
        assert "is full" in detail(atl)["LastError"], detail(atl)
        for _ in range(20):
            assert state(atl) == "ErrorState"
            time.sleep(0.25)  # several tries
        assert len(backup_events(atl, "ErrorState")) == 1, atl.events("backup-state")
        assert len(redmond.events("import-failed")) == 1, redmond.events("import-failed")
        assert look(redmond)["OverallImportStatus"] == "ErrorState"
        disk.free()
        wait_state(atl, "SteadyState", "FinalState")
    wait_equal(world)
    assert look(redmond)["OverallImportStatus"] == "NormalState"
    assert len(redmond.events("import-works")) == 1
    redmond.store = outside


@test
def a_partner_that_is_put_back_gets_what_it_lost(world):
    """In the same term, and while nothing changes: nobody had to look."""
    atl, redmond = pair(world)
    make(atl, 50, "before")
    wait_equal(world)
    copy = keep_aside(redmond, "copy.db")
    make(atl, 50, "after")
    done(atl, "Disable-CsUser", Identity="before00007")
    wait_equal(world)
    term = world.term("atl", CENTRAL)
    world.kill("redmond")
    put_back(redmond, copy)
    with Truth(world, atl):
        world.start("redmond")
        wait_equal(world)
    assert world.term("atl", CENTRAL) == term
    # Lost altogether.
    world.kill("redmond")
    remove_store(redmond)
    world.start("redmond")
    wait_equal(world)
    wait_equal(world, "redmond", at_least=0)
    world.wait_mode("redmond", "redmond", "Serving")
    world.terms_must_be_unique()


@test
def a_holder_that_is_put_back_or_lost_is_refilled_before_it_serves_in_a_new_term(world):
    atl, redmond = pair(world)
    make(atl, 50, "before")
    wait_equal(world)
    copy = keep_aside(atl, "copy.db")
    make(atl, 50, "after")
    done(atl, "Disable-CsUser", Identity="before00007")
    done(atl, "Set-CsUser", Identity="before00008", DisplayName="Changed")
    wait_equal(world)
    everything, term = rows(redmond.store, CENTRAL), world.term("redmond", CENTRAL)
    for lose in (lambda: put_back(atl, copy), lambda: remove_store(atl)):
        world.kill("atl")
        lose()
        world.start("atl")
        world.all_serve()
        assert rows(atl.store, CENTRAL) == everything == rows(redmond.store, CENTRAL)
        assert world.term("atl", CENTRAL) > term
        term = world.term("atl", CENTRAL)
    # It goes on from there.
    make(atl, 10, "later")
    wait_equal(world)
    wait_state(atl, "SteadyState", "FinalState")
    world.terms_must_be_unique()


@test
def a_holder_that_is_killed_while_it_is_refilled_is_refilled_all_the_same(world):
    atl, redmond = pair(world)
    make_many(atl, MANY // 2)
    wait_equal(world)
    everything = rows(redmond.store, CENTRAL)
    dice = random.Random(99)
    for _ in range(SOAK):
        world.kill("atl")
        remove_store(atl)
        world.start("atl")
        for victim in ("atl", "redmond", "atl"):
            time.sleep(dice.random() * 0.4)
            world.kill(victim)
            world.start(victim)
        world.all_serve()
        assert rows(atl.store, CENTRAL) == everything == rows(redmond.store, CENTRAL)
    world.terms_must_be_unique()


@test
def whoever_stops_while_batches_are_under_way_stops_cleanly(world):
    """Whatever is under way then is left, without a word too much."""
    atl, redmond = pair(world)
    dice = random.Random(1)
    with Load(atl):
        for _ in range(4 * SOAK):
            time.sleep(0.2 + dice.random() * 0.3)
            victim = dice.choice(["atl", "redmond"])
            world.stop(victim)
            world.start(victim)
            world.wait_mode("atl", CENTRAL, "Serving")
    world.stop("redmond", "atl")
    world.start()
    world.all_serve()
    wait_equal(world)


# --- secrets -----------------------------------------------------------------------------------


@test
def a_secret_is_nowhere_in_clear_and_travels_with_the_account(world):
    world.build(["atl", "redmond"])
    for machine in world.machines.values():
        machine.extra = 'log_level = "debug"\n'
        machine.write_config()
    world.begin()
    atl, redmond = world["atl"], world["redmond"]
    enable(atl, "user1")
    done(atl, "Set-CsClientPin", Identity="user1", Pin=SECRET)
    sync(atl)
    wait_equal(world)
    # The same verifier, so the same secret signs on wherever the account is asked for.
    of_user = [r for k, r in rows(redmond.store, CENTRAL).items() if b"user1@" in k[1]]
    assert any(b"credential" in r[0] or len(r[0]) > 60 for r in of_user), of_user
    world.stop()
    needles = [SECRET.encode(), SECRET.encode("utf-16-le"), SECRET.encode().hex().encode()]
    for file in world.folder.rglob("*"):
        if file.is_file() and not file.is_socket():
            content = file.read_bytes()
            assert not any(n in content for n in needles), file


if __name__ == "__main__":
    sys.exit(main())
