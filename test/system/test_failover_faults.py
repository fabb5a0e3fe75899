#!/usr/bin/env python3
"""What goes wrong while a home is handed over: machines that are killed, stand still or are cut off
at each step of it, disks that are full, stores that keep nothing or are put back to older copies.
Afterwards there is one holder, both copies are equal, no term was opened twice, nothing that was
acknowledged is missing, and what was said of it is true."""

from datetime import datetime, timezone

from copies import keep_aside, put_back
from failovers import *
from web_client import Client, curl, url


def deploy(world, writers=2, pools=("atl", "redmond"), **options):
    """Pools that can be stopped at any moment of a hand-over."""
    world.build(list(pools), central="redmond", **options)
    begin_with_freezers(world)
    return Writers(world, writers)


def begin_with_freezers(world):
    world.freezers = {pool: Freezer(world, pool) for pool in ("atl", "redmond")}
    world.begin()


# --- each step, and whatever happens there -----------------------------------------------------

# (who stands still there, when, at which line of its log)
STEPS = [
    ("redmond", "before", "Failover of the home"),
    ("redmond", "behind", "Failover of the home"),
    ("redmond", "before", ": Stopping changes."),
    ("redmond", "behind", ": Stopping changes."),
    ("redmond", "before", ": Releasing."),
    ("redmond", "behind", ": Releasing."),
    ("redmond", "before", ": Taking."),
    ("redmond", "behind", ": Taking."),
    ("redmond", "before", "from Standby to Serving here (takes)"),
    ("redmond", "before", ": Turning the copy round."),
    ("redmond", "behind", ": Turning the copy round."),
    ("redmond", "before", "operation-done"),
    ("atl", "before", "from Serving to Draining"),
    ("atl", "behind", "from Serving to Draining"),
    ("atl", "before", "from Draining to Released"),
    ("atl", "before", "from Released to Standby"),
    ("atl", "behind", "from Released to Standby"),
]
# Longer than a holder waits for its taker (HANDOVER_HOLD_MS) and than the detection of failures.
LONGER_S = 6
CUTS_MAX = 5
OTHER = {"atl": "redmond", "redmond": "atl"}


def there(world, pool):
    return world[pool].status_of("atl")


def one_holds(world):
    """Which pool does, when it has come to rest."""
    def found():
        modes = {pool: there(world, pool).get("Mode") for pool in OTHER}
        return next((pool for pool in OTHER if modes[pool] == "Serving" and
                     modes[OTHER[pool]] == "Standby"), None)
    try:
        return until("one pool to serve, and the other to stand by", found)
    except AssertionError as e:
        raise AssertionError(f"{e}: {[there(world, pool) for pool in OTHER]}") from None


def last_operation(world):
    """The last one of the pool that is to take: when it ended, and what came of it."""
    status = there(world, "redmond")
    assert not status.get("Operation"), status
    return status.get("LastOperationEnded"), status.get("LastOperationResult", "")


def must_be_true(world, told, holder, before):
    """What the command said, and what the pool that was to take says of it afterwards; `before`:
    what it said of the one before."""
    after = last_operation(world)
    result = after[1]
    if after == before and "Interrupted" not in result:  # killed before it could write that down
        assert told.status == 1 and holder == "atl", (str(told), holder, after)
        return
    if told.status == 0:
        assert holder == "redmond" and result.startswith("Done"), (str(told), holder, result)
        return
    assert told.status == 1 and told.err.strip(), told
    if "served where it was" in told.err:
        assert holder == "atl", told
    if result.startswith("Done"):  # it went on when nobody could be told any more
        assert holder == "redmond", result
    else:
        assert result.startswith(("Failed at", "Interrupted at")), result


def must_be_whole(world, writers, told, before):
    """The end of each story. Who holds it now?"""
    holder = one_holds(world)
    writers.go_on(3)
    must_be_true(world, told, holder, before)
    world.terms_must_be_unique()
    return holder


def each_step(fault):
    """Of a hand-over; those of a sample, unless there is time (POLLUX_SOAK)."""
    number = [kill_it, kill_the_other, kill_both, stand_still, cut].index(fault)
    return STEPS if SOAK > 1 else STEPS[number % 3::3]


def kill_it(world, frozen):
    world.kill(frozen)
    world.start(frozen)


def kill_the_other(world, frozen):
    world.kill(OTHER[frozen])
    world.freezers[frozen].go_on()
    world.start(OTHER[frozen])


def kill_both(world, frozen):
    world.kill("atl", "redmond")
    world.start("atl", "redmond")


def stand_still(world, frozen):
    time.sleep(LONGER_S)  # nobody runs who could tell that it is over
    world.freezers[frozen].go_on()


def cut(world, frozen):
    """Each time in another way: without a word, with a word, in one direction alone."""
    ways = [world.network.cut, world.network.refuse, world.network.cut_one_way]
    world.cuts = getattr(world, "cuts", -1) + 1
    ways[world.cuts % len(ways)](frozen, OTHER[frozen])
    world.freezers[frozen].go_on()
    for pool in OTHER:
        world.wait_silent(pool, OTHER[pool])
    world.network.join("atl", "redmond")


def bring_home(world):
    for pool in OTHER:
        world.wait_hears(pool, OTHER[pool])
    fail_back(world).must(0)


def go_through(world, writers, fault):
    with writers:
        for who, when, words in each_step(fault):
            began = time.monotonic()
            writers.go_on(3)
            world.wait_copied("atl")
            before = last_operation(world)
            world.freezers[who].arm(when, words)
            command = begin(world)
            world.freezers[who].wait()
            fault(world, who)
            told = command.ends()
            holder = must_be_whole(world, writers, told, before)
            world.say(f"{who} {when} \"{words}\": {holder} holds, status {told.status}, "
                      f"{time.monotonic() - began:.1f} s")
            if holder == "redmond":
                bring_home(world)
    holds(world, "atl")
    writers.must_be_kept("atl")
    writers.must_be_kept("redmond")
    world.terms_must_be_unique()


LINK_DEADLINE_S = 2  # LINK_DEADLINE_MS: so long a holder is asked whether its store keeps anything

@test
def whoever_is_killed_at_any_step_one_holds_and_nothing_is_lost(world):
    go_through(world, deploy(world), kill_it)


@test
def whose_partner_is_killed_at_any_step_comes_to_an_end(world):
    go_through(world, deploy(world), kill_the_other)


@test
def both_killed_at_any_step_find_together(world):
    go_through(world, deploy(world), kill_both)


@test
def standing_still_for_longer_than_any_deadline_at_any_step_changes_nothing(world):
    go_through(world, deploy(world), stand_still)


@test
def a_network_that_is_cut_at_any_step_ends_in_one_holder(world):
    go_through(world, deploy(world, network=True), cut)


# --- a pool that is lost, and comes back with something of its own ----------------------------------


def must_meet(world, writers, holder):
    """One holder, nothing left aside, equal copies, and in both of them what was acknowledged."""
    assert one_holds(world) == holder
    until("what was aside to be salvaged", lambda: there(world, OTHER[holder])["Tail"] == 0)
    with writers.at_rest():
        until("both copies to be equal", lambda: not differences(world, ATL))
        for pool in OTHER:
            writers.must_be_kept(pool)
    world.terms_must_be_unique()


def wait_for_age(world):
    """Of the copy at Redmond. For a moment after the start of both nobody knows it."""
    until("the age of the copy to be known", lambda: there(world, "redmond").get("ConsistentAsOf"))


def cut_off_at_work(world, writers):
    """Nobody hears Atlanta, which goes on. Where everything stood still for long, it asks first whether
    it may: then it is told, and cut off once more."""
    for _ in range(CUTS_MAX):
        writers.go_on(3)
        world.wait_copied("atl")
        wait_for_age(world)
        world.network.cut("atl", "redmond")
        if writers.go_on(3, unless=lambda: world.mode("atl", "atl") != "Serving"):
            return
        world.network.join("atl", "redmond")
        world.wait_mode("atl", "atl", "Serving")
    raise AssertionError("Atlanta never went on when it was cut off")


def fail_over_without_the_last(world, writers):
    """Atlanta goes on where nobody hears it, is killed, and failed over. Returns what was told."""
    cut_off_at_work(world, writers)
    world.wait_silent("redmond", "atl")
    world.kill("atl")
    told = fail_over(world, "-DisasterMode").must(0, "did not give the home away", "is salvaged")
    assert there(world, "redmond")["Holder"] == REDMOND
    return told


def must_be_salvaged(world, writer):
    """What Atlanta acknowledged last is the user's, or a conflict if Redmond had something by then."""
    lost = max(number for pool, number in writer.where if pool == "atl")
    later = [number for pool, number in writer.where if pool == "redmond" and number > lost]
    values = [json.loads(value) for (_, key), (value, *_) in rows(world["redmond"].store, "atl").items()
              if key.endswith(b"/settings") or re.fullmatch(rb"conflict/.*/value", key)]
    kept = [value["number"] for value in values if value.get("who") == writer.name]
    assert any(lost <= number < min(later, default=number + 1) for number in kept), \
        (writer.name, lost, later[:1], kept)


@test
def what_a_lost_pool_had_not_copied_is_reported_and_salvaged_when_it_comes_back(world):
    with deploy(world, network=True) as writers:
        told = fail_over_without_the_last(world, writers)
        upto = int(re.search(r"up to change (\d+)", told.err)[1])
        assert upto < head(world, "atl", "atl"), "nothing was lost, so nothing is tested"
        age, until_when = re.search(r"Age of that copy: ([0-9.]+) s; it had everything until (\S+Z)", told.err).groups()
        assert float(age) > 0 and re.search(rf"ConsistentAsOf +: {until_when}", told.out), told
        for writer in writers.list:
            writer.stopped.set()
        world.network.join("atl", "redmond")
        world.start("atl")
        must_meet(world, writers, "redmond")
        for writer in writers.list:
            must_be_salvaged(world, writer)


@test
def a_copy_whose_keeper_was_late_does_not_say_that_it_had_what_came_meanwhile(world):
    """One change is on its way to it when it stands still; those behind it are lost with their pool. It
    called itself complete until it stored that one, seconds after them."""
    writers = deploy(world, 1)
    (writer,) = writers.list
    until("a change to be acknowledged", writer.change)
    world.wait_copied("atl")
    wait_for_age(world)
    world.pause("redmond")
    until("a change to be acknowledged", writer.change)
    time.sleep(0.3)  # it is on its way now, and whatever follows stays here
    meanwhile = datetime.now(timezone.utc)
    until("a change to be acknowledged", writer.change)
    time.sleep(1)
    world.kill("atl")
    world.resume("redmond")
    world.wait_silent("redmond", "atl")
    told = fail_over(world, "-DisasterMode").must(0)
    until_when = re.search(r"it had everything until (\S+Z)", told.err)[1]
    everything = f"up to change {head(world, 'atl', 'atl')}." in told.err  # where nothing was sent for so long
    assert everything or datetime.fromisoformat(until_when.replace("Z", "+00:00")) <= meanwhile, (meanwhile, str(told))
    world.start("atl")
    must_meet(world, writers, "redmond")


@test
def a_holder_that_is_cut_off_steps_down_at_the_word_of_a_third_pool(world):
    """Which hears it, while the pool that took does not: that one is told so when it takes."""
    with deploy(world, network=True, pools=("atl", "redmond", "oslo")) as writers:
        writers.go_on(3)
        world.wait_copied("atl")
        world.network.cut("atl", "redmond")
        world.wait_silent("redmond", "atl")
        heard = f"is heard by others than {REDMOND}: {name_of('oslo')}"
        fail_over(world, "-DisasterMode", "-WhatIf").must(0, heard, "would step down")
        world.kill("atl")
        until("nobody to hear it", lambda: f"No other machine that answers {REDMOND} hears {ATL}" in fail_over(
            world, "-DisasterMode", "-WhatIf").must(0).out)
        world.start("atl")
        until("it to be heard", lambda: heard in fail_over(world, "-DisasterMode", "-WhatIf").must(0).out)
        told = fail_over(world, "-DisasterMode").must(0, heard)  # before it is taken, and once
        assert told.err.index(heard) < told.err.index("did not give") and told.err.count(heard) == 1, told
        # Nobody joined the two again: Oslo tells Atlanta. It hears nothing of Redmond, though, and so
        # is in Resiliency soon after.
        world.wait_event("atl", "mode-changed", f"The home {name_of('atl')} ", "to Standby here")
        assert world.mode("redmond", "atl") == "Serving"
        writers.go_on(3)
        world.network.join("atl", "redmond")
        must_meet(world, writers, "redmond")


@test
def a_pool_lost_with_its_disk_put_back_to_an_older_copy_gets_all_of_it_again(world):
    with deploy(world) as writers:
        writers.go_on(3)
        world.wait_copied("atl")
        yesterday = keep_aside(world["atl"], "yesterday.db")
        writers.go_on(3)
        for writer in writers.list:  # what is not copied is another story
            writer.stopped.set()
            writer.join()
        holds(world, "atl")
        world.kill("atl")
        fail_over(world, "-DisasterMode").must(0)
        put_back(world["atl"], yesterday)
        world.start("atl")
        holds(world, "redmond")
        writers.must_be_kept("redmond")
        writers.must_be_kept("atl")
        fail_back(world).must(0)
        holds(world, "atl")
    world.terms_must_be_unique()


@test
def a_taker_put_back_to_an_older_copy_has_everything_before_it_takes(world):
    with deploy(world) as writers:
        writers.go_on(3)
        world.wait_copied("atl")
        yesterday = keep_aside(world["redmond"], "yesterday.db")
        writers.go_on(3)
        world.kill("redmond")
        writers.go_on(3)
        put_back(world["redmond"], yesterday)
        world.start("redmond")
        world.wait_hears("redmond", "atl")
        fail_over(world).must(0, "Verified       : True")
        writers.go_on(3)
    holds(world, "redmond")
    writers.must_be_kept("redmond")
    world.terms_must_be_unique()


@test
def a_taker_killed_at_each_step_of_taking_alone_has_taken_or_not(world):
    """And the lost pool, when it is back, stands by or serves."""
    steps = [("before", "Failover of the home"), ("before", ": Taking."), ("behind", ": Taking."),
             ("before", "to Serving here (takes)"), ("before", "operation-done")]
    with deploy(world) as writers:
        for when, words in steps:
            writers.go_on(3)
            with writers.at_rest():  # what is not copied is another story
                until("both copies to be equal", lambda: not differences(world, ATL))
                world.kill("atl")
            world.freezers["redmond"].arm(when, words)
            command = begin(world, "-DisasterMode")
            world.freezers["redmond"].wait()
            world.kill("redmond")
            assert command.ends().status == 1
            world.start("redmond", "atl")
            holder = one_holds(world)
            world.say(f"{when} \"{words}\": {holder} holds")
            writers.go_on(3)
            if holder == "redmond":
                bring_home(world)
    holds(world, "atl")
    writers.must_be_kept("atl")
    world.terms_must_be_unique()


# --- disks -------------------------------------------------------------------------------------


DISK = "80m"  # with room for what is looked at before a home is taken


def on_small_disk(world, pool):
    world.build(["atl", "redmond"], central=OTHER[pool])
    disk = SmallDisk(world, pool, DISK)
    begin_with_freezers(world)
    world[pool].store = disk.inside / "rtc.db"  # as it is seen from here
    return disk, Writers(world, 2)


@test
def a_taker_whose_disk_is_full_does_not_begin(world):
    disk, writers = on_small_disk(world, "redmond")
    with writers:
        writers.go_on(3)
        disk.fill()
        fail_over(world).must(1, f"The disk of {REDMOND}", "0 MB left", "Nothing was changed.",
                              f"Make room there, and then: Invoke-CsPoolFailOver -PoolFqdn {ATL}")
        # Where the holder serves on, nothing is better than that; a lost one would have warned only.
        fail_over(world, "-DisasterMode", "-Force").must(1, f"The disk of {REDMOND}", "Nothing was changed.")
        assert world.mode("atl", "atl") == "Serving"
        writers.go_on(3)
        disk.free()
        fail_over(world).must(0)
        writers.go_on(3)
    holds(world, "redmond")
    writers.must_be_kept("redmond")


@test
def a_taker_that_is_stopped_says_that_it_did_not_get_to_the_end(world):
    """It was called done."""
    with deploy(world) as writers:
        writers.go_on(3)
        report = world.folder / "stopped.html"
        typed = Typed(world, "atl", "Invoke-CsPoolFailOver", "-PoolFqdn", ATL, "-ServicesStopDelayMins", "1",
                      "-Report", str(report))
        until("sessions to have time to end", lambda: world.mode("atl", "atl") == "Closing")
        time.sleep(0.2)
        world.stop("redmond")
        typed.ends().must(1, f"polluxd stops at {REDMOND}", "interrupted at", f"Get-CsPoolFailOverStatus -PoolFqdn {ATL}")
        assert "It was done" not in report.read_text()
        result, seconds = steps_of(report)["Letting sessions end"]
        assert result == "failed" and seconds > 0.1, facts_of(report)["Steps"]
        world.start("redmond")
        world.wait_mode("atl", "atl", "Serving")
        writers.go_on(3)


@test
def whoever_is_stopped_by_an_administrator_calls_it_off(world):
    """A taker went on: sessions ended and changes stopped for a pool that then declined the home."""
    with deploy(world) as writers:
        for who, sentence, called_off in (
                ("redmond", f"An administrator stopped {REDMOND}", f"{REDMOND} is taking the home {ATL} over: that is called off."),
                ("atl", "is not served", f"The home {ATL} is being handed over to {REDMOND}: that is called off, unless")):
            writers.go_on(3)
            typed = Typed(world, "atl", "Invoke-CsPoolFailOver", "-PoolFqdn", ATL, "-ServicesStopDelayMins", "1")
            until("sessions to have time to end", lambda: world.mode("atl", "atl") == "Closing")
            words = ["Stop-CsPool", "-PoolFqdn", name_of(who)]
            world.command(who, *words, "-WhatIf").must(0, called_off)
            assert world.mode("atl", "atl") == "Closing"
            world.command(who, *words).must(0, called_off)
            typed.ends().must(1, sentence, f"Start-CsPool -PoolFqdn {name_of(who)}")
            world.wait_mode("atl", "atl", "Serving" if who == "redmond" else "Rejoining")
            world.command(who, "Start-CsPool", "-PoolFqdn", name_of(who)).must(0)
            world.wait_mode("atl", "atl", "Serving")
        writers.go_on(3)


def stand_still_unlocked(world, words, *typed):
    """A failover whose taker stands still before it says `words`, with its store locked by somebody
    else. It may stand still in a transaction of its own: then it happens once more."""
    for _ in range(10):
        world.freezers["redmond"].arm("before", words)
        command, lock = begin(world, *typed), Locked(world, "redmond", patience_s=1)
        world.freezers["redmond"].wait()
        try:
            lock.__enter__()
            return command, lock
        except sqlite3.OperationalError:
            world.freezers["redmond"].go_on()
        command.ends().must(0)
        world.wait_mode("atl", "atl", "Standby")
        bring_home(world)
    raise AssertionError("each time it stood still in a transaction of its own")


@test
def a_taker_that_is_stopped_when_it_has_taken_says_that_it_has(world):
    """Only what came of it could not be written down yet: it was called interrupted, and failed."""
    with deploy(world) as writers:
        for words in (": Turning the copy round.", ": Done."):
            writers.go_on(3)
            report = world.folder / "taken.html"
            command, lock = stand_still_unlocked(world, words, "-Report", str(report))
            world.send("redmond", signal.SIGTERM)
            world.freezers["redmond"].go_on()
            command.ends().must(0, "polluxd stops at", "the home is taken")
            lock.__exit__()
            assert facts_of(report)["Result"] == "done" and all(r == "done" for r, _ in steps_of(report).values())
            assert world["redmond"].process.wait(PATIENCE_S) == 0
            world.start("redmond")
            world.wait_mode("redmond", "atl", "Serving")
            result = last_operation(world)[1]
            assert result.startswith("Done") or result.endswith("The home was taken all the same."), result
            world.wait_mode("atl", "atl", "Standby")
            bring_home(world)
    writers.must_be_kept("atl")


@test
def what_became_of_a_home_is_told_where_the_command_was_interrupted(world):
    with deploy(world) as writers:
        for words in (": Releasing.", ": Taking."):
            writers.go_on(3)
            world.freezers["redmond"].arm("behind", words)
            command = begin(world)
            world.freezers["redmond"].wait()
            world.kill("redmond")
            command.ends().must(1)
            world.start("redmond")
            if one_holds(world) == "redmond":
                assert last_operation(world)[1].endswith("The home was taken all the same."), last_operation(world)
                bring_home(world)
            else:
                until("it to be told", lambda: "The home is served where it was" in last_operation(world)[1])
    writers.must_be_kept("atl")


def begin_to_look(world):
    """A failover that waits for the holder's store, before anything is begun."""
    stop = lambda *words: world.command("redmond", "Stop-CsPoolFailOver", "-PoolFqdn", ATL, *words)
    command = begin(world, "-DatabaseCommandTimeoutInSeconds", "60")
    until("it to be there", lambda: "still looks whether it can be done" in str(stop("-WhatIf")))
    return command, stop


@test
def what_still_looks_whether_it_can_be_done_can_be_called_off_and_says_when_polluxd_stops(world):
    with deploy(world) as writers, Locked(world, "atl"):
        command, stop = begin_to_look(world)
        stop().must(0)
        command.ends().must(1, "called off by an administrator while it was still looked", "Nothing was begun.",
                            f"To begin it: Invoke-CsPoolFailOver -PoolFqdn {ATL} -DatabaseCommandTimeoutInSeconds 60")
        stop().must(1, "No operation with the home")
        command, stop = begin_to_look(world)
        world.stop("redmond")
        command.ends().must(1, "polluxd stops while it was still looked", "Nothing was begun.", "To begin it: ")
    assert not world["redmond"].events("operation-began")
    assert world.mode("atl", "atl") == "Serving"


@test
def a_taker_whose_disk_fills_up_behind_the_release_says_so_and_takes_when_there_is_room(world):
    disk, writers = on_small_disk(world, "redmond")
    with writers:
        writers.go_on(3)
        world.freezers["redmond"].arm("behind", ": Releasing.")
        command = begin(world, "-DatabaseCommandTimeoutInSeconds", "2")
        world.freezers["redmond"].wait()
        disk.fill()
        world.freezers["redmond"].go_on()
        told = command.ends()
        if told.status == 1:  # else it had a page left for this
            assert "given the home away" in told.err or "served where it was" in told.err, told
            assert there(world, "redmond")["LastOperationResult"].startswith("Failed at"), told
        disk.free()
        holder = one_holds(world)
        world.say(f"{holder} holds; status {told.status}")
        assert told.status or holder == "redmond"
        writers.go_on(3)
    until("both copies to be equal", lambda: not differences(world, ATL))
    writers.must_be_kept(holder)
    world.terms_must_be_unique()


def wait_full(world, writers, disk):
    """Until Atlanta keeps nothing any more."""
    def stands():
        before = [w.kept for w in writers.list]
        time.sleep(0.2)
        disk.fill()  # what became free meanwhile
        return before == [w.kept for w in writers.list]
    until("changes to be refused", stands)


def nothing_was_begun(world):
    assert world.mode("atl", "atl") == "Serving" and not world["redmond"].events("operation-")
    assert not world["atl"].events("mode-changed", "Draining")


@test
def a_store_that_keeps_nothing_is_met_before_changes_are_refused_and_by_a_rehearsal(world):
    disk, writers = on_small_disk(world, "atl")
    with writers:
        writers.go_on(3)
        fail_over(world, "-WhatIf").must(0, "released at its last change")
        wait_full(world, writers, disk)
        # A last corner of the disk may do for one of them.
        until("a rehearsal to meet it", lambda: fail_over(world, "-WhatIf").status == 1)
        for words in ([], ["-WhatIf"]):
            fail_over(world, *words).must(1, f"The store of {ATL} keeps nothing", "served where it was",
                                          f"Invoke-CsPoolFailOver -PoolFqdn {ATL} -DisasterMode")
        told = fail_over(world, "-DisasterMode", "-WhatIf").must(0, "keeps nothing", "taken without it")
        assert "not be needed" not in told.out, told
        nothing_was_begun(world)
        disk.free()
        writers.go_on(3)


@test
def a_rehearsal_meets_a_store_that_is_late_and_says_how_long_it_is_waited_for(world):
    deploy(world)
    with Locked(world, "atl"):
        fail_over(world, "-WhatIf").must(1, "has kept nothing for 2 s", "Nothing was changed.", "waited for 60 s")
        told = fail_over(world, "-DisasterMode", "-WhatIf", "-DatabaseCommandTimeoutInSeconds", "7").must(
            0, "has kept nothing for 2 s", "waited for 7 s", "would be taken as the copy at")
        assert "not be needed" not in told.out, told
    fail_over(world, "-WhatIf").must(0)
    nothing_was_begun(world)


@test
def a_holder_whose_store_keeps_nothing_is_taken_over_in_disaster_mode_and_loses_nothing(world):
    disk, writers = on_small_disk(world, "atl")
    with writers:
        writers.go_on(3)
        wait_full(world, writers, disk)
        fail_over(world).must(1, f"The store of {ATL} keeps nothing", "served where it was",
                              f"Invoke-CsPoolFailOver -PoolFqdn {ATL} -DisasterMode")
        # That changes stop was never kept, so nobody waits until it is kept that they go on.
        assert world.mode("atl", "atl") == "Serving"
        told = fail_over(world, "-DisasterMode").must(0, "did not give the home away")
        assert "not needed" not in told.err, told
        assert world.mode("redmond", "atl") == "Serving"
        writers.go_on(3)
        disk.free()
        assert one_holds(world) == "redmond"
        writers.go_on(3)
    until("both copies to be equal", lambda: not differences(world, ATL))
    writers.must_be_kept("redmond")
    world.terms_must_be_unique()


# --- what users see ----------------------------------------------------------------------------


@test
def users_are_refused_sent_on_and_signed_out_as_each_step_says(world):
    deploy(world)
    enable(world, "kenmyer")
    enable(world, "pilar")
    ken = Client(world, "kenmyer")
    change = lambda: ken.ask("PUT", "/v1/settings", body={"a": 1})
    sign_on = lambda pool, name="pilar": curl(world, pool, "/v1/session", "-X", "POST", "--basic",
                                              "-u", f"{name}:{SECRET}")
    # Closing: who is signed on goes on; nobody else comes in.
    command = begin(world, "-ServicesStopDelayMins", "30")
    world.wait_mode("atl", "atl", "Closing")
    change().must(200)
    refused = sign_on("atl")
    assert refused.status == 503 and refused.header("Retry-After"), refused
    world.command("redmond", "Stop-CsPoolFailOver", "-PoolFqdn", ATL).must(0)
    command.ends().must(1, "called off")
    sign_on("atl").must(201)
    # Draining: reading goes on, changes are told to come again.
    world.freezers["redmond"].arm("before", ": Releasing.")
    command = begin(world)
    world.freezers["redmond"].wait()
    assert world.mode("atl", "atl") == "Draining"
    refused = change()
    assert refused.status == 503 and refused.header("Retry-After"), refused
    assert "handed to another pool" in refused.text, refused
    ken.ask("GET", "/v1/settings").must(200)
    world.freezers["redmond"].go_on()
    command.ends()
    if one_holds(world) == "atl":  # it stood still for too long
        fail_over(world).must(0)
    holds(world, "redmond")
    # Served elsewhere: the session ends, and who signs on is sent there.
    until("the session to end", lambda: change().status == 401)
    sent = sign_on("atl").must(307)
    assert sent.header("Location") == url(world, "redmond", "/v1/session"), sent
    assert world["atl"].events("sessions-ended")
    sign_on("redmond").must(201)


# --- what parameters do, where it takes a fault to see it ---------------------------------------------


@test
def how_long_a_store_may_take_to_keep_a_step_is_what_was_typed(world):
    """Both runs differ by that alone, and in both the home is served where it was."""
    with deploy(world) as writers:
        writers.go_on(3)
        for seconds in (1, 3):
            began = time.monotonic()
            with Locked(world, "atl"):
                told = fail_over(world, "-DatabaseCommandTimeoutInSeconds", str(seconds))
            told.must(1, f"has not kept in {seconds} s", "served where it was",
                      "-DatabaseCommandTimeoutInSeconds")
            assert time.monotonic() - began >= seconds
            assert one_holds(world) == "atl"
            writers.go_on(3)
        with Locked(world, "atl"):  # which ends while it is waited for
            command = begin(world)
            time.sleep(LINK_DEADLINE_S + 1)
            assert command.process.poll() is None
        command.ends().must(0)
        # Nobody was refused a change to find that out.
        assert len(world["atl"].events("from Serving to Draining")) == 1
    holds(world, "redmond")
    writers.must_be_kept("redmond")


def wait_followed(world):
    """The copy at redmond, of every module, stands where atl is."""
    def stands(pool, direction, what):
        return {d[what] for d in world[pool].ask("Get-CsBackupServiceStatus", PoolFqdn=name_of(pool),
                                                 Detailed=True).objects
                if d.get("Direction") == direction and d["Home"] == ATL}
    until("the copy to have followed", lambda: stands("redmond", "Import", "CopiedUpTo") == stands(
        "atl", "Export", "Head"))


@test
def users_do_not_wait_for_the_store_of_a_taker_that_keeps_nothing(world):
    """All is copied, so that nothing but the operation itself would notice."""
    with deploy(world) as writers:
        for words, seconds, why in (([], "1", "has not kept in 1 s"),
                                    (["-DisasterMode"], "7", "has not kept in 7 s"),
                                    (["-ServicesStopDelayMins", "1"], "1", "has not kept in 1 s")):
            writers.go_on(3)
            with writers.at_rest():
                wait_followed(world)
                with Locked(world, "redmond"):
                    fail_over(world, "-WhatIf", *words).must(1, f"The store of {REDMOND}", "keeps nothing: ",
                                                             "Nothing was changed.")
                    outcome = fail_over(world, "-DatabaseCommandTimeoutInSeconds", seconds, *words).must(
                        1, "served where it was", f"Invoke-CsPoolFailOver -PoolFqdn {ATL}")
                    # Records of sessions may have been written down since, and are missed first.
                    said = f"The store of {REDMOND}" in str(outcome) and why in str(outcome)
                    assert said or "not copied yet" in str(outcome), outcome
            assert not world["atl"].events("from Serving to")
        writers.go_on(3)
        with writers.at_rest():
            wait_followed(world)
            with Locked(world, "redmond"):
                command = begin(world)
                until("it to wait", lambda: there(world, "redmond").get("OperationStep") == "Stopping changes")
                assert world.mode("atl", "atl") == "Serving"
            command.ends().must(0)
        writers.go_on(3)
    holds(world, "redmond")
    writers.must_be_kept("redmond")


@test
def nobody_is_told_of_an_end_that_a_power_failure_could_undo(world):
    """From the turning of the copy on the taker's store keeps nothing: the home is served there, but
    what its journal says of the operation would be an earlier step."""
    with deploy(world) as writers:
        for killed in (False, True):
            writers.go_on(3)
            world.wait_copied("atl")
            done = len(world["redmond"].events("operation-done"))
            with writers.at_rest():
                world.freezers["redmond"].arm("before", ": Turning the copy round.")
                command = begin(world)
                world.freezers["redmond"].wait()
                with Locked(world, "redmond"):
                    world.freezers["redmond"].go_on()
                    until("it to end",
                          lambda: len(world["redmond"].events("operation-done")) > done)
                    assert there(world, "redmond").get("Operation")
                    assert command.process.poll() is None
                    if killed:
                        world.kill("redmond")
                    else:  # whoever types it once more now joins it as well
                        joined = world["redmond"].begin_to_ask("Invoke-CsPoolFailOver", "is joined", PoolFqdn=ATL)
                told = command.ends()
                if killed:
                    world.start("redmond")
                else:
                    joined().must(200, "is joined", '"Verified":true')
            assert told.status == (1 if killed else 0), told
            assert last_operation(world)[1].startswith("Interrupted" if killed else "Done")
            holds(world, "redmond")
            writers.go_on(3)
            bring_home(world)
    writers.must_be_kept("atl")


@test
def copying_that_makes_no_progress_is_waited_for_as_long_as_was_typed(world):
    with deploy(world) as writers:
        for seconds in (1, 3):
            began = time.monotonic()
            with Locked(world, "redmond"):
                writers.go_on(3)
                told = fail_over(world, "-WaitTime", str(seconds))
            told.must(1, f"no progress for {seconds} s", "changes are not copied yet",
                      "served where it was", "-WaitTime")
            assert time.monotonic() - began >= seconds
            assert one_holds(world) == "atl"
            writers.go_on(3)
        # For a copy that gets nothing, nobody's changes were stopped.
        assert not world["atl"].events("from Serving to Draining")
        fail_over(world).must(0)
    holds(world, "redmond")
    writers.must_be_kept("redmond")


@test
def a_copy_that_gets_nothing_keeps_a_failover_from_beginning_unless_waiting_was_typed(world):
    with deploy(world) as writers:
        with Locked(world, "redmond"):
            writers.go_on(3)
            world.wait_event("redmond", "import-failed")
            for words in ([], ["-WhatIf"]):
                fail_over(world, *words).must(1, "does not go on", "are not there yet", "Nothing was changed.",
                                              "Get-CsBackupServiceStatus", f"-PoolFqdn {ATL} -WaitTime")
            assert not world["redmond"].events("operation-began")
            writers.go_on(3)
            fail_over(world, "-WaitTime", "1").must(1, "no progress for 1 s")
        # What went wrong is over by itself.
        until("it to be copied again", lambda: fail_over(world).status == 0)
    holds(world, "redmond")
    writers.must_be_kept("redmond")


@test
def a_copy_that_is_stuck_is_said_with_its_reason_and_changes_go_on(world):
    disk, writers = on_small_disk(world, "redmond")
    with writers:
        writers.go_on(3)
        # Without this its disk is looked at, and it does not begin: it fills up while it copies.
        world.freezers["redmond"].arm("behind", "Failover of the home")
        command = begin(world, "-WaitTime", "4")
        world.freezers["redmond"].wait()
        writers.go_on(3)
        disk.fill()
        world.freezers["redmond"].go_on()
        writers.go_on(3)
        told = command.ends()
        if told.status == 1:  # else it had a page left for this
            # Or for what there was when it began, and not for what came then: that it says at once.
            # Or for that, and not for its own journal.
            stopped = world["atl"].events("from Serving to Draining")
            assert "does not go on" in told.err if stopped else re.search(
                "no progress for 4 s|does not keep that it is going to take", told.err), told
            assert "full" in told.err and "served where it was" in told.err, told
        disk.free()
        holder = one_holds(world)
        world.say(f"{holder} holds; status {told.status}")
        writers.go_on(3)
    until("both copies to be equal", lambda: not differences(world, ATL))
    writers.must_be_kept(holder)


if __name__ == "__main__":
    sys.exit(main())
