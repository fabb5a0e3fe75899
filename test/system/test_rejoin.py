"""Coming back: after power failed, disks were replaced, processes stood still.

Prints TAP. Who was holder asks before it serves again; an empty or an older store never serves by
itself; of two pools never both serve one home."""

import os
import random
import shutil
import sys

from pollux_world import *


@test
def a_killed_holder_serves_again_in_a_new_even_term(world):
    """Every start of serving opens a new term, and the home pool's terms are even (rules 1, 2)."""
    world.deploy(["atl", "redmond"])
    first = world.term("atl", "atl")
    assert first == 2, first
    world.kill("atl")
    world.start("atl")
    world.all_serve()
    second = world.term("atl", "atl")
    assert second > first and second % 2 == 0, (first, second)
    assert world["atl"].events("(granted)", name_of("atl")), "it was not the partner that said so"
    until("redmond to know the term", lambda: world.term("redmond", "atl") == second)
    world.terms_must_be_unique()


@test
def a_stopped_holder_serves_again_in_a_new_term_as_well(world):
    """An orderly stop gives no term away: the partner may have taken it all the same."""
    world.deploy(["atl", "redmond"])
    first = world.term("atl", "atl")
    world.stop("atl")
    world.start("atl")
    world.all_serve()
    assert world.term("atl", "atl") > first
    world.terms_must_be_unique()


@test
def both_killed_and_started_in_any_order_serve_each_home_once(world):
    """Power fails at both sites, again and again, also while they are coming back."""
    world.deploy(["atl", "redmond"])
    dice = random.Random(os.environ.get("POLLUX_SEED", "7"))
    homes = ("atl", "redmond", CENTRAL)
    terms = {home: 2 for home in homes}
    for round_number in range(20 * SOAK):
        victims = dice.choice([["atl"], ["redmond"], ["atl", "redmond"], ["redmond", "atl"]])
        if round_number % 4 != 3:  # every fourth time while they are still busy coming back
            world.all_serve()
        world.kill(*victims)
        for pool in victims:
            world.start(pool, wait=False)
            time.sleep(dice.choice([0, 0, 0.01, 0.1]))
    world.all_serve()
    world.terms_must_be_unique()
    for home in homes:
        opened = world.terms_opened(home)
        by_log = [number for _, number, _, pool, _ in opened]
        assert len(opened) > 3 and by_log == sorted(by_log), (home, opened)
        assert max(by_log) > terms[home]
        until(f"Atlanta to know who serves {home} now", lambda: world.term("atl", home) >= max(by_log))
        created = [entry for entry in opened if entry[4] == "created"]
        assert len(created) == 1, created


@test
def without_its_partner_a_holder_waits_and_says_for_whom(world):
    """The partner may have taken over: nobody but the partner, or a person, can say it has not."""
    world.deploy(["atl", "redmond"])
    world.stop("redmond")
    world.kill("atl")
    world.start("atl")
    world.wait_mode("atl", "atl", "Rejoining")
    # It goes on waiting when the partner has been silent for longer than the interval.
    world.wait_mode("atl", "redmond", "Resiliency")
    status = world["atl"].status_of("atl")
    assert status["Mode"] == "Rejoining" and name_of("redmond") in status["Waiting"], status
    assert f"Start-CsPool -PoolFqdn {name_of('atl')} -Force" in status["Waiting"], status
    shown = world.command("atl", "Get-CsPoolFailOverStatus").must(0, "Rejoining")
    assert name_of("redmond") in shown.out
    refused = world.publish("atl").must(1, "to confirm that it has not taken it over")
    assert "Nothing was published." in refused.err
    world.start("redmond")
    world.all_serve()
    world.terms_must_be_unique()


@test
def start_pool_without_force_changes_nothing_and_with_it_serves_alone(world):
    """-Force vouches for what nobody can know; the term that it opens is a new one (rule 2)."""
    world.deploy(["atl", "redmond"])
    world.stop("redmond")
    world.stop("atl")
    world.start("atl")
    world.wait_mode("atl", "atl", "Rejoining")
    start = ("Start-CsPool", "-PoolFqdn", name_of("atl"))
    said = world.command("atl", *start).must(1, "Nothing was changed.", "-Force")
    assert said.out == "" and world.mode("atl", "atl") == "Rejoining"
    assert world.mode("atl", CENTRAL) == "Rejoining"
    world.command("atl", *start, "-Force").must(0)
    world.wait_mode("atl", "atl", "Serving")
    world.wait_mode("atl", CENTRAL, "Serving")
    assert world.term("atl", "atl") > 2
    world.command("atl", *start, "-Force").must(0, "is not waiting for anything")
    # It is the pool itself that must do it, and that is not there.
    wrong = world.command("atl", "Start-CsPool", "-PoolFqdn", name_of("redmond"), "-Force")
    wrong.must(1, name_of("redmond"))
    # Force does not reach the partner's home, which this pool never held.
    assert world.mode("atl", "redmond") in ("Standby", "Resiliency")
    world.start("redmond")
    world.all_serve()
    world.terms_must_be_unique()


@test
def a_pool_that_was_forced_serves_alone_after_a_restart_once_the_partner_is_silent(world):
    """Rule 9: it took alone and met nobody since, so nobody else can have taken."""
    world.deploy(["atl", "redmond"])
    world.stop("redmond")
    world.kill("atl")
    world.start("atl")
    world.wait_mode("atl", "atl", "Rejoining")
    world.command("atl", "Start-CsPool", "-PoolFqdn", name_of("atl"), "-Force").must(0)
    forced = world.term("atl", "atl")
    world.kill("atl")
    world.start("atl")
    world.wait_mode("atl", "atl", "Serving")
    assert world["atl"].events("(alone)", name_of("atl"))
    assert world.term("atl", "atl") > forced
    world.start("redmond")
    world.all_serve()
    # They have met: from here on it asks again.
    world.stop("redmond")
    world.kill("atl")
    world.start("atl")
    world.wait_mode("atl", "redmond", "Resiliency")
    assert world.mode("atl", "atl") == "Rejoining"
    world.terms_must_be_unique()


def remove_store(machine):
    for file in machine.folder.glob("rtc.db*"):
        file.unlink()


@test
def a_replaced_disk_of_the_holder_is_not_served_from_until_it_is_refilled(world):
    """An empty store is Rejoining, until its partner has sent what it knows (rules 10, 11)."""
    world.deploy(["atl", "redmond"])
    terms = {home: world.term("redmond", home) for home in ("atl", CENTRAL)}
    world.kill("atl")
    world.pause("redmond")
    remove_store(world["atl"])
    world.start("atl")
    until("atl to have learnt nothing", lambda: world["atl"].status_of("atl"))
    for home in ("atl", CENTRAL):
        assert world.mode("atl", home) == "Rejoining"
    world.wait_silent("atl", "redmond")
    world.publish("atl").must(1, "does not answer", "Nothing was published")
    world.resume("redmond")
    world.all_serve()
    for home in ("atl", CENTRAL):
        [_, number, _, _, cause] = world.terms_opened(home)[-1]
        assert number > terms[home] and cause == "granted", world.terms_opened(home)
    world.publish("atl").must(0)
    world.terms_must_be_unique()


@test
def both_disks_replaced_is_not_a_new_deployment_to_the_third_machine_that_remembers(world):
    """Whoever still hears of a home's terms keeps it from being created a second time."""
    world.deploy(["atl", "redmond", "tokyo"])
    until("tokyo to know of atl", lambda: world["tokyo"].status_of("atl"))
    world.kill("atl", "redmond")
    remove_store(world["atl"])
    remove_store(world["redmond"])
    world.start("atl", "redmond")
    world.wait_hears("atl", "tokyo")
    world.wait_hears("tokyo", "atl")
    until("atl to have learnt that it had a home",
          lambda: "knows more of" in world["atl"].status_of("atl").get("Waiting", ""))
    world.publish("atl").must(1)
    assert world.mode("atl", "atl") == "Rejoining"
    world.terms_must_be_unique()


@test
def what_a_third_machine_heard_outlasts_its_restart(world):
    """All lose their power after a disaster, and the pool that took does not come back at first: the
    third one told nobody of its term, and whoever was there could have had the old holder serve."""
    world.deploy(["atl", "redmond", "tokyo"])
    world.kill("atl")
    world.wait_silent("redmond", "atl")
    world.command("redmond", "Invoke-CsPoolFailOver", "-PoolFqdn", name_of("atl"), "-DisasterMode").must(0)
    until("tokyo to have heard of it", lambda: world["tokyo"].status_of("atl")["Term"] == 3)
    world.kill("redmond", "tokyo")
    world.start("tokyo")
    world.start("atl")
    world.wait_hears("atl", "tokyo")
    until("atl to have heard of it",
          lambda: name_of("redmond") in world["atl"].status_of("atl").get("Waiting", ""))
    world.command("atl", "Start-CsPool", "-PoolFqdn", name_of("atl"), "-Force")
    assert world.mode("atl", "atl") != "Serving"
    world.start("redmond")
    world.wait_mode("redmond", "atl", "Serving")
    world.wait_mode("atl", "atl", "Standby")
    world.terms_must_be_unique()


@test
def a_replaced_disk_of_the_standby_stands_by_again(world):
    """The holder still serves; the standby was nobody that anything could be lost of."""
    world.deploy(["atl", "redmond"])
    world.kill("redmond")
    remove_store(world["redmond"])
    world.start("redmond")
    world.wait_mode("redmond", "atl", "Standby")
    world.wait_mode("redmond", CENTRAL, "Standby")
    assert world.term("redmond", "atl") == world.term("atl", "atl")
    # Its own home is gone with the disk, and comes back from its partner.
    world.wait_mode("redmond", "redmond", "Serving")
    assert world.mode("atl", "atl") == "Serving"
    world.terms_must_be_unique()


@test
def a_store_put_back_to_an_older_copy_is_not_served_from_in_its_old_term(world):
    """The partner knows a newer term of this pool than the store does (rules 2, 10)."""
    world.deploy(["atl", "redmond"])
    world.stop("atl")
    copy = world.folder / "copy.db"
    shutil.copy(world["atl"].store, copy)
    world.start("atl")
    world.all_serve()
    newer = world.term("atl", "atl")
    until("redmond to know the term", lambda: world.term("redmond", "atl") == newer)
    world.kill("atl")
    remove_store(world["atl"])
    shutil.copy(copy, world["atl"].store)
    world.start("atl")
    world.all_serve()
    assert world.term("atl", "atl") > newer
    world.terms_must_be_unique()


@test
def a_holder_that_stood_still_rejoins_before_it_serves(world):
    """A process that was stopped and continued can't know what happened meanwhile (rule 7)."""
    world.deploy(["atl", "redmond"])
    before = world.term("atl", "atl")
    world.stand_still("atl", "redmond")
    assert world["redmond"].events("home central", "to Resiliency")
    world.wait_event("atl", name_of("atl"), "from Serving to Rejoining")
    world.wait_event("atl", name_of("atl"), "from Rejoining to Serving", "(granted)")
    world.all_serve()
    assert world.term("atl", "atl") > before
    assert world["redmond"].events(name_of("atl"), "from Resiliency to Standby")
    world.terms_must_be_unique()


@test
def a_pool_whose_partner_hangs_goes_on_serving(world):
    """A partner that takes calls and never answers must hold nobody up."""
    world.deploy(["atl", "redmond"])
    term = world.term("atl", "atl")
    world.pause("redmond")
    world.wait_mode("atl", "redmond", "Resiliency")
    world.wait_silent("atl", "redmond")
    world.publish("atl").must(0)
    assert world.mode("atl", "atl") == "Serving" and world.term("atl", "atl") == term
    world.resume("redmond")
    world.all_serve()
    world.terms_must_be_unique()


@test
def both_stood_still_at_once_and_come_back(world):
    """A hypervisor that pauses everything: both were holders, both ask, both answer."""
    world.deploy(["atl", "redmond"])
    for round_number in range(2 * SOAK):
        world.pause("atl")
        world.pause("redmond")
        time.sleep(world.interval_s * 1.2)  # nothing runs that could be waited for
        world.resume("atl")
        world.resume("redmond")
        for pool in ("atl", "redmond"):
            world.wait_event(pool, f"home {name_of(pool)}", "from Serving to Rejoining",
                             more_than=round_number)
        world.all_serve()
    world.terms_must_be_unique()


@test
def a_lone_pool_serves_again_by_itself(world):
    """There is no partner that could have taken."""
    world.deploy(["tokyo"])
    world.kill("tokyo")
    world.start("tokyo")
    world.all_serve()
    assert world.term("tokyo", "tokyo") == 4
    assert world["tokyo"].events("(unpaired)")
    world.terms_must_be_unique()


if __name__ == "__main__":
    sys.exit(main())
