"""Stop-CsPool and Start-CsPool: a pool that an administrator has stop serving, and serve again.

Prints TAP. The pool keeps running and answering; its partner goes on standing by."""

import sys

from people import *
from pollux_world import *

ATL, REDMOND = name_of("atl"), name_of("redmond")


def stop(world, pool, *words, at=None):
    return world.command(at or pool, "Stop-CsPool", "-PoolFqdn", name_of(pool), *words)


def start(world, pool, *words, at=None):
    return world.command(at or pool, "Start-CsPool", "-PoolFqdn", name_of(pool), *words)


def modes(world):
    """What each home is at each of the two pools."""
    return {(pool, home): world.mode(pool, home)
            for pool in ("atl", "redmond") for home in ("atl", "redmond", CENTRAL)}


SERVING = {("atl", "atl"): "Serving", ("redmond", "atl"): "Standby",
           ("redmond", "redmond"): "Serving", ("atl", "redmond"): "Standby",
           ("atl", CENTRAL): "Serving", ("redmond", CENTRAL): "Standby"}
ATL_STOPPED = SERVING | {("atl", "atl"): "Rejoining", ("atl", CENTRAL): "Rejoining"}


def stands(world, wanted):
    until("the pools to be so", lambda: modes(world) == wanted)


@test
def a_stopped_pool_serves_nothing_and_its_partner_stands_by(world):
    world.deploy(["atl", "redmond"])
    terms = {home: world.term("atl", home) for home in ("atl", CENTRAL)}
    said = stop(world, "atl").must(0, f"{ATL} holds the Central Management Store", "can be changed")
    assert said.out == "", said
    stands(world, ATL_STOPPED)
    assert "an administrator stopped" in world["atl"].status_of("atl")["Waiting"]
    assert f"Start-CsPool -PoolFqdn {ATL}" in world["atl"].status_of(CENTRAL)["Waiting"]
    # It stays so: neither the partner's word nor the failure-detection interval changes it.
    world.wait_hears("redmond", "atl")
    for pool in ("atl", "redmond"):
        for words in (["Set-CsBackupServiceConfiguration", "-SyncInterval", "60"],
                      ["Publish-CsTopology", "-FileName", world.topology],
                      ["Remove-CsBackupServiceConfiguration", "global"]):
            failed(world.command(pool, *words), 1, "an administrator stopped",
                   f"Start-CsPool -PoolFqdn {ATL}")
    # What only looks still works.
    for words in (["Get-CsPool"], ["Get-CsTopology"], ["Get-CsBackupServiceConfiguration"],
                  ["Get-CsBackupServiceStatus", ATL], ["Test-CsTopology"]):
        world.command("atl", *words).must(0)
    # And says how it stands.
    status = ("Get-CsBackupServiceStatus", "-PoolFqdn", ATL)
    world.command("atl", *status).must(0, f"The home {ATL} is not served: an administrator stopped",
                                       "Nothing of it is copied", f"Start-CsPool -PoolFqdn {ATL}")
    assert "stopped" not in world.command("atl", *status, "-Force").must(0).err
    world.command("atl", "Test-CsTopology").must(0, f"The home {ATL} is not served")
    services = {s["Identity"]: s["Active"] for s in world["atl"].ask("Get-CsService").objects}
    assert not services[f"UserServer:{ATL}"] and services[f"UserServer:{REDMOND}"], services
    assert modes(world) == ATL_STOPPED
    start(world, "atl").must(0)
    stands(world, SERVING)
    for home, term in terms.items():
        assert world.term("atl", home) > term, (home, term)
    world.command("atl", "Set-CsBackupServiceConfiguration", "-SyncInterval", "60").must(0)
    world.terms_must_be_unique()


@test
def it_stays_stopped_across_restarts_of_both(world):
    world.deploy(["atl", "redmond"])
    stop(world, "atl", "-Force").must(0)
    world.kill("atl")
    world.start("atl")
    stands(world, ATL_STOPPED)
    world.stop()
    world.start()
    # Redmond was not stopped: it comes back by itself.
    stands(world, ATL_STOPPED)
    assert "an administrator stopped" in world["atl"].status_of("atl")["Waiting"]
    opened = len(world.terms_opened("atl"))
    world.wait_hears("atl", "redmond")
    start(world, "atl").must(0)
    stands(world, SERVING)
    assert len(world.terms_opened("atl")) == opened + 1
    world.kill("atl")
    world.start("atl")
    world.all_serve()  # started is started
    world.terms_must_be_unique()


@test
def stopping_and_starting_twice_is_said_and_harmless(world):
    world.deploy(["atl", "redmond"])
    start(world, "atl").must(0, "is not waiting for anything: nothing was changed")
    stop(world, "atl").must(0)
    stop(world, "atl").must(0, f"{ATL} is stopped already: nothing was changed")
    assert stop(world, "atl", "-Force").must(0).err == ""
    start(world, "atl").must(0)
    world.all_serve()
    start(world, "atl", "-Force").must(0, "is not waiting for anything: nothing was changed")
    assert len(world["atl"].events("pool-stopped")) == len(world["atl"].events("pool-started")) == 1
    # At once, from both sides.
    answers = []
    with concurrent.futures.ThreadPoolExecutor(8) as at_once:
        answers += at_once.map(lambda n: world[("atl", "redmond")[n % 2]].ask(
            "Stop-CsPool", PoolFqdn=ATL), range(8))
    for answer in answers:
        answer.must(200, '"done"')
    stands(world, ATL_STOPPED)
    with concurrent.futures.ThreadPoolExecutor(8) as at_once:
        answers = list(at_once.map(lambda n: world[("atl", "redmond")[n % 2]].ask(
            "Start-CsPool", PoolFqdn=ATL), range(8)))
    for answer in answers:
        answer.must(200, '"done"')
    world.all_serve()
    world.terms_must_be_unique()


@test
def what_if_says_what_would_end_and_ends_nothing(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    opened = world.terms_opened()
    said = stop(world, "atl", "-WhatIf").must(0)
    for home in (ATL, CENTRAL):
        assert f"The home {home} would not be served any more" in said.out + said.err, said
    assert f"The home {REDMOND} would" not in said.out + said.err
    assert f"until Start-CsPool -PoolFqdn {ATL}" in said.out, said
    assert modes(world) == SERVING
    stop(world, "atl").must(0)
    for home in (ATL, CENTRAL):
        start(world, "atl", "-WhatIf").must(
            0, f"{ATL} would be started", f"The home {home} would be served as soon as {REDMOND} confirms")
        start(world, "atl", "-Force", "-WhatIf").must(
            0, f"The home {home} would be served in a new term, without the word of {REDMOND}.")
    assert modes(world) == ATL_STOPPED and world.terms_opened() == opened
    start(world, "atl").must(0)
    world.all_serve()
    # Of a partner that does not answer, that is said, too.
    world.kill("redmond")
    world.wait_silent("atl", "redmond")
    stop(world, "redmond", "-WhatIf", at="atl").must(1)
    stop(world, "atl").must(0)
    # What comes next is what the command itself says then: of each home something else.
    told = start(world, "atl", "-WhatIf").must(0, f"{REDMOND} does not answer now")
    by_hand = [f"nobody else serves this home: Start-CsPool -PoolFqdn {ATL} -Force\n",
               f"nobody else serves this home, on a machine of {ATL}: Invoke-CsManagementServerFailover -Restore\n"]
    start(world, "atl").must(1, *by_hand)
    start(world, "atl", "-WhatIf").must(0, f"{REDMOND} does not answer now", *by_hand)
    assert [told.out.count(way) for way in by_hand] == [1, 1], told


@test
def it_can_be_asked_at_the_other_pool(world):
    world.deploy(["atl", "redmond"])
    stop(world, "atl", at="redmond").must(0, f"{ATL} holds the Central")
    stands(world, ATL_STOPPED)
    start(world, "atl", at="redmond").must(0)
    world.all_serve()
    # Who holds no Central Management Store is stopped without a warning.
    assert stop(world, "redmond", at="atl").must(0).err == ""
    stands(world, SERVING | {("redmond", "redmond"): "Rejoining"})
    world.command("redmond", "Set-CsBackupServiceConfiguration", "-SyncInterval", "60").must(0)
    start(world, "redmond", at="atl").must(0)
    world.all_serve()
    failed(stop(world, "oslo", at="atl"), 1, "has no pool")


@test
def without_the_partner_it_takes_force(world):
    world.deploy(["atl", "redmond"])
    terms = {home: world.term("atl", home) for home in ("atl", CENTRAL)}
    stop(world, "atl").must(0)
    world.kill("redmond")
    world.wait_silent("atl", "redmond")
    said = failed(start(world, "atl"), 1, f"waits for {REDMOND}", "-Force",
                  "The pool is started, and serves as soon as it may.")
    assert said.err.count("waits for") == 2, said  # its own home, and central
    assert world.mode("atl", "atl") == "Rejoining"
    start(world, "atl", "-Force").must(0)
    for home, term in terms.items():
        world.wait_mode("atl", home, "Serving")
        assert world.term("atl", home) > term
    world.start("redmond")
    world.all_serve()
    world.terms_must_be_unique()


@test
def started_without_force_it_serves_by_itself_when_the_partner_is_back(world):
    world.deploy(["atl", "redmond"])
    stop(world, "atl").must(0)
    world.stop("redmond")
    failed(start(world, "atl"), 1, f"waits for {REDMOND}")
    world.start("redmond")
    world.all_serve()
    world.terms_must_be_unique()


@test
def force_on_a_stopped_pool_with_a_living_partner_is_still_one_holder(world):
    world.deploy(["atl", "redmond"])
    for _ in range(3):
        stop(world, "atl", "-Force").must(0)
        start(world, "atl", "-Force").must(0)
        world.all_serve()
    world.terms_must_be_unique()


@test
def both_can_be_stopped_and_started(world):
    world.deploy(["atl", "redmond"])
    stop(world, "atl").must(0)
    stop(world, "redmond").must(0)
    stands(world, ATL_STOPPED | {("redmond", "redmond"): "Rejoining"})
    start(world, "redmond", at="atl").must(0)
    start(world, "atl", at="redmond").must(0)
    world.all_serve()
    world.terms_must_be_unique()


@test
def a_failover_of_a_stopped_pool_says_at_once_to_start_it(world):
    """And not after seconds of copying, nor that it be taken without its release first of all. Whoever
    types what it says has it."""
    world.deploy(["atl", "redmond"])
    stop(world, "atl").must(0)
    stands(world, ATL_STOPPED)
    for home, words in ((ATL, ["Invoke-CsPoolFailOver", "-PoolFqdn", ATL]),
                        (CENTRAL, ["Invoke-CsManagementServerFailover"])):
        for rehearsed in ([], ["-WhatIf"]):
            began = time.monotonic()
            told = failed(world.command("redmond", *words, *rehearsed), 1, "Nothing was changed.",
                          f"The home {home} is not served: an administrator stopped {ATL}.",
                          f"Start-CsPool -PoolFqdn {ATL} starts it, and then the same again.",
                          "Only if it can't be started: Invoke-Cs")
            assert time.monotonic() - began < 4, told
    disaster = world.command("redmond", "Invoke-CsPoolFailOver", "-PoolFqdn", ATL, "-DisasterMode", "-WhatIf")
    disaster.must(0, "an administrator stopped it", f"Start-CsPool -PoolFqdn {ATL}", "would be taken as the copy at")
    assert "until it does" not in disaster.out, disaster
    stands(world, ATL_STOPPED)
    start(world, "atl", at="redmond").must(0)
    world.command("redmond", "Invoke-CsPoolFailOver", "-PoolFqdn", ATL).must(0)
    world.command("redmond", "Invoke-CsManagementServerFailover").must(0)


@test
def a_command_that_waits_ends_when_the_machine_stops(world):
    """A partner that is reachable and answers no question is waited for; who stops meanwhile ends
    at once, tells the caller, and notes what came of it."""
    from test_link import FakeMachine, heartbeat
    world.build(["atl", "redmond"], interval_s=600)
    keep_audit(world, "atl").begin()
    stop(world, "atl").must(0)
    world.stop("redmond")
    FakeMachine(world, "redmond", lambda path, said: (200, heartbeat("redmond"))
                if path.endswith("heartbeat") else (500, b"no"))
    world.wait_hears("atl", "redmond")
    process = subprocess.Popen(
        [str(POLLUX), "Start-CsPool", ATL], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "POLLUX_SERVER": str(world["atl"].socket)})
    world.others.append(process)
    world.wait_event("atl", "pool-started")
    began = time.monotonic()
    world.stop("atl")
    assert time.monotonic() - began < 8
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1 and not out and err, (process.returncode, out, err)
    entry = audit(world, "atl")[-1]
    assert (entry["command"], entry["result"]) == ("Start-CsPool", "failed"), entry


if __name__ == "__main__":
    tests[:] = [t for t in tests if t.__module__ == "__main__"]
    sys.exit(main())
