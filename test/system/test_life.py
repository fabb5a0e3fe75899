"""The life of a machine and of a deployment: starting, publishing, stopping; each home is created
once, whatever happens at that moment.

Prints TAP."""

import os
import random
import signal
import socket
import sys
import time

from pollux_world import *

EVENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "
                   r"(debug|info|notice|warning|error) +[a-z][a-z-]*: \S.*$")


def ending(world, pool, which=signal.SIGTERM):
    began = time.monotonic()
    world.stop(pool, which=which)
    world.say(f"{pool} ended {time.monotonic() - began:.2f} s after {which.name}")


# --- one machine -------------------------------------------------------------------------------


@test
def a_pair_starts_publishes_serves_and_stops(world):
    """The log tells each of these once, a line for each event, and nothing is on stdout."""
    world.deploy(["atl", "redmond"])
    for pool in world.pools:
        ending(world, pool)
        lines = world[pool].log.read_text().splitlines()
        for line in lines:
            assert EVENT.match(line), line
        for name in ("started", "stopped"):
            assert len(world[pool].events(f" {name}: ")) == 1, lines
        assert len(world[pool].events("home-opened")) == 3, lines
        assert lines[-1].endswith("polluxd stopped."), lines[-1]
        assert not world[pool].socket.exists()
        assert not world[pool].events(" error "), world[pool].events(" error ")
        served = world[pool].events(f"home {name_of(pool)}", "to Serving")
        assert len(served) == 1, served


@test
def what_a_crashed_process_had_in_its_memory_is_not_written_to_a_file(world):
    """Secrets on their way to be hashed, and private keys, are in it."""
    world.build(["atl", "redmond"]).start("atl")
    limits = Path(f"/proc/{world['atl'].process.pid}/limits").read_text()
    core = re.search(r"^Max core file size +(\S+) +(\S+)", limits, re.M)
    assert core.groups() in (("1", "1"), ("0", "0")), core.groups()


@test
def sigint_ends_it_as_well(world):
    world.build(["atl", "redmond"]).start()
    ending(world, "atl", signal.SIGINT)
    ending(world, "redmond", signal.SIGINT)


@test
def it_ends_at_once_when_the_signal_comes_in_the_middle_of_the_start(world):
    world.build(["atl", "redmond"])
    dice = random.Random(os.environ.get("POLLUX_SEED", "3"))
    for _ in range(20 * SOAK):
        world.start("atl", wait=False)
        time.sleep(dice.random() * 0.05)
        m = world["atl"]
        m.process.terminate()
        # Before it looks for signals, the default is to end; then there is nothing to tidy up.
        assert m.process.wait(PATIENCE_S) in (0, -signal.SIGTERM)
    world.start("atl")
    world.stop("atl")


@test
def it_ends_while_the_partner_hangs(world):
    """Calls to a partner that never answers must not hold up the end."""
    world.deploy(["atl", "redmond"])
    world.pause("redmond")
    world.wait_silent("atl", "redmond")
    ending(world, "atl")


@test
def it_ends_while_commands_are_under_way(world):
    """Each command gets an answer or is cut off; none hangs for ever, none is half done."""
    world.deploy(["atl", "redmond"])
    outcomes, stop = [], threading.Event()

    def keep_asking(command, **parameters):
        while not stop.is_set():
            try:
                outcomes.append(world["atl"].ask(command, **parameters).status)
            except (OSError, http.client.HTTPException) as e:
                outcomes.append(type(e).__name__)
                time.sleep(0.01)

    topology = world.topology.read_text()
    threads = [threading.Thread(target=keep_asking, args=("Get-CsComputer",)) for _ in range(4)]
    threads += [threading.Thread(target=keep_asking, args=("Publish-CsTopology",),
                                 kwargs={"FileName": topology}) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3 * SOAK):
            so_far = len(outcomes)
            until("commands to be under way", lambda: outcomes[so_far:].count(200) > 50)
            ending(world, "atl")
            world.start("atl")
    finally:
        stop.set()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "a command never ended"
    world.all_serve()
    world.terms_must_be_unique()


@test
def an_idle_caller_does_not_hold_up_the_end(world):
    world.build(["atl", "redmond"]).start("atl")
    callers = [socket.socket(socket.AF_UNIX) for _ in range(10)]
    for number, caller in enumerate(callers):
        caller.connect(str(world["atl"].socket))
        if number % 2:
            caller.sendall(b"POST /admin/v1/commands/Get-CsComputer HTTP/1.1\r\nContent-Le")
    ending(world, "atl")
    for caller in callers:
        caller.close()


@test
def systemd_is_told_when_it_is_ready_reloads_and_stops(world):
    """Readiness means that it answers: units that need it are started then."""
    world.build(["atl", "redmond"])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        path = world.folder / "notify"
        notify.bind(str(path))
        notify.settimeout(PATIENCE_S)
        world.start("atl", wait=False, NOTIFY_SOCKET=str(path))
        assert notify.recv(4096) == b"READY=1"
        assert world["atl"].ask("Get-CsComputer").status == 200, "ready, but does not answer"
        world.send("atl", signal.SIGHUP)
        said = notify.recv(4096)
        assert b"RELOADING=1" in said, said
        assert notify.recv(4096) == b"READY=1"
        world.stop("atl")
        assert notify.recv(4096) == b"STOPPING=1"


@test
def many_reloads_and_heartbeats_at_once_do_no_harm(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    for _ in range(50):
        world.send("atl", signal.SIGHUP)
        assert world["atl"].ask("Get-CsComputer").status == 200
    world.publish("atl").must(0)
    world.all_serve()
    world.terms_must_be_unique()


# --- publishing creates each home, once ----------------------------------------------------------


@test
def nothing_is_served_before_the_topology_is_published(world):
    """Finding nothing is no reason to serve; it could be a replaced disk (rule 11)."""
    world.build(["atl", "redmond"]).start()
    world.wait_hears("atl", "redmond")
    for pool in world.pools:
        for home in ("atl", "redmond", CENTRAL):
            status = world[pool].status_of(home)
            assert status["Mode"] == "Rejoining" and "never created" in status["Waiting"], status
        world.command(pool, "Start-CsPool", "-PoolFqdn", name_of(pool), "-Force").must(
            1, "Nothing was changed.", "Publish-CsTopology")
    assert not world.terms_opened()


@test
def a_second_publication_changes_nothing_of_the_homes(world):
    world.deploy(["atl", "redmond"])
    terms = world.terms_opened()
    assert len(terms) == 3 and all(number == 2 for _, number, *_ in terms), terms
    for _ in range(3):
        world.publish("atl").must(0)
    world.stop()
    world.start()
    world.all_serve()
    world.publish("atl").must(0)
    created = [entry for entry in world.terms_opened() if entry[4] == "created"]
    assert created == terms, created
    world.terms_must_be_unique()


@test
def publishing_is_done_by_the_pool_that_central_names_wherever_it_is_asked(world):
    world.build(["atl", "redmond", "tokyo"]).start()
    world.wait_hears("tokyo", "atl")
    world.wait_hears("atl", "redmond", "tokyo")
    world.publish("tokyo").must(0)
    world.all_serve()
    for pool in ("redmond", "tokyo"):
        world.publish(pool).must(0)
    world.terms_must_be_unique()


@test
def another_text_than_the_machine_runs_by_is_refused(world):
    world.build(["atl", "redmond"]).start()
    other = world.folder / "other.conf"
    other.write_text(world.topology.read_text() + "# another\n")
    publish = ("Publish-CsTopology", "-FileName")
    world.command("atl", *publish, other).must(1, "not the topology", "Nothing was published.")
    other.write_text(world.topology.read_text().replace("sip_domain", "sip_domian"))
    said = world.command("atl", *publish, other).must(1, "Line 1:", "Nothing was published.")
    assert said.out == ""
    other.write_bytes(b"\xff\xfe")
    world.command("atl", *publish, other).must(2, "not a text in UTF-8")
    world.command("atl", *publish, world.folder / "nothing").must(1, "No such file")
    world.command("atl", *publish, world.folder).must(1, "can't be read")
    assert not world.terms_opened()


@test
def a_pool_that_was_down_gets_its_home_when_it_comes(world):
    world.build(["atl", "redmond", "tokyo"]).start("atl", "redmond")
    world.wait_hears("atl", "redmond")
    world.publish("atl").must(0, "tokyo")
    world.wait_mode("atl", "atl", "Serving")
    world.start("tokyo")
    world.all_serve()
    assert world.term("tokyo", "tokyo") == 2
    world.terms_must_be_unique()


@test
def the_first_publication_waits_for_the_partner_who_may_know_better(world):
    """A store that knows nothing may have been lost (rule 11)."""
    world.build(["atl", "redmond"]).start("atl")
    world.publish("atl").must(1, f"{name_of('redmond')}, which may know it, does not answer",
                              "Nothing was published", "Start polluxd there")
    assert not world.terms_opened()
    world.start("redmond")
    world.wait_hears("atl", "redmond")
    world.publish("atl").must(0)
    world.all_serve()


@test
def a_holder_killed_while_homes_are_created_leaves_each_created_once(world):
    """Between the publication and the last creation, at any moment, on either side."""
    dice = random.Random(os.environ.get("POLLUX_SEED", "5"))
    world.build(["atl", "redmond"])
    world.patience_s = 20
    for _ in range(6 * SOAK):
        for pool in world.pools:
            world.kill(*([pool] if world[pool].runs else []))
            for file in world[pool].folder.glob("rtc.db*"):
                file.unlink()
            world[pool].log.write_text("")
        world.start()
        if dice.random() < 0.7:
            world.wait_hears("atl", "redmond")
        victim = dice.choice(["atl", "atl", "redmond"])
        publish = threading.Thread(target=world.publish, args=["atl"])
        publish.start()
        time.sleep(dice.random() * 0.05)
        world.kill(victim)
        publish.join()
        world.start(victim)
        # Killed before it was durable, the publication has to be repeated; that is all.
        until("a publication", lambda: world.mode("atl", CENTRAL) == "Serving" or
              world.publish("atl").status == 0, world.patience_s)
        world.all_serve()
        world.terms_must_be_unique()
        for home in ("atl", "redmond", CENTRAL):
            created = [entry for entry in world.terms_opened(home) if entry[4] == "created"]
            assert len(created) <= 1 and all(number == 2 for _, number, *_ in created), created


@test
def many_publications_at_once_create_each_home_once(world):
    world.build(["atl", "redmond"]).start()
    world.wait_hears("atl", "redmond")
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.append(world.publish("atl")))
               for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert any(outcome.status == 0 for outcome in outcomes)
    for outcome in outcomes:
        assert outcome.status in (0, 1) and (outcome.status == 0 or outcome.err), outcome
    world.all_serve()
    world.publish("atl").must(0)
    assert len(world.terms_opened()) == 3, world.terms_opened()
    world.terms_must_be_unique()


@test
def a_lone_pool_beside_a_pair_gets_its_home_and_hears_who_holds_what(world):
    """It is neither side of central, and still knows who holds it, and passes it on."""
    world.deploy(["atl", "redmond", "tokyo"])
    assert world.term("tokyo", "tokyo") == 2
    for home, holder in ((CENTRAL, "atl"), ("atl", "atl"), ("redmond", "redmond")):
        until(f"tokyo to know who holds {home}",
              lambda: world["tokyo"].status_of(home).get("Holder") == name_of(holder))
        status = world["tokyo"].status_of(home)
        assert status["Mode"] is None and status["Term"] == world.term(holder, home), status
    until("atl to know of tokyo's home",
          lambda: world["atl"].status_of("tokyo").get("Holder") == name_of("tokyo"))
    # What a machine heard, it passes on: redmond comes back and atl is away.
    world.stop("atl")
    world.kill("redmond")
    world.start("redmond")
    until("redmond to hear of atl's home from tokyo or its own store",
          lambda: world["redmond"].status_of("atl").get("Holder") == name_of("atl"))
    world.start("atl")
    world.all_serve()
    world.terms_must_be_unique()


@test
def two_pairs_are_one_deployment(world):
    """Central is with the first pair; the second one's pools get their homes by its order."""
    world.deploy(["atl", "redmond", "tokyo", "oslo"],
                 pairs=[("atl", "redmond"), ("tokyo", "oslo")])
    for pool in world.pools:
        assert world.term(pool, pool) == 2
    world.kill("tokyo")
    world.start("tokyo")
    world.all_serve()
    assert world.term("tokyo", "tokyo") > 2
    assert not world["tokyo"].status_of(CENTRAL).get("Mode")
    world.terms_must_be_unique()


if __name__ == "__main__":
    sys.exit(main())
