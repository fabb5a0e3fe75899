"""Commands that another pool carries out: the machine that is asked passes them on.

Prints TAP. Whatever happens to the other pool, whoever asked hears it, and nothing hangs."""

import sys

from people import *
from pollux_world import *

ATL, REDMOND = name_of("atl"), name_of("redmond")
SILENCE_S = 10  # PASS_ON_SILENCE_MS


def pair(world, **options):
    world.build(["atl", "redmond"], interval_s=options.pop("interval_s", 30), **options)
    return keep_audit(world).begin()


def set_interval(world, pool, span, *words):
    return world.command(pool, "Set-CsBackupServiceConfiguration", "-SyncInterval", span, *words)


def threads_of(world, pool):
    return len(os.listdir(f"/proc/{world[pool].process.pid}/task"))


def start_command(world, pool, *words):
    """A command that its machine has passed on, and that goes on."""
    process = subprocess.Popen(
        [str(POLLUX), *words, "-Verbose"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "POLLUX_SERVER": str(world[pool].socket)})
    world.others.append(process)
    said = process.stderr.readline()
    assert "is carried out by" in said, said + process.stderr.read()
    return process


def request_head(body, command="Get-CsTopology"):
    return (f"POST {API}{command} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode() + body


@test
def what_another_pool_carries_out_reads_as_if_it_were_asked(world):
    pair(world)
    for words in (["Get-CsTopology"], ["Get-CsTopology", "-AsText"],
                  ["Get-CsBackupServiceStatus", "-PoolFqdn", ATL],
                  ["Get-CsBackupServiceConfiguration"], ["Stop-CsPool", ATL, "-WhatIf"],
                  ["Set-CsBackupServiceConfiguration", "-Identity", "oslo"],
                  ["Get-CsPoolBackupRelationship", "oslo.litwareinc.com"],
                  ["Publish-CsTopology", "-FileName", world.folder / "atl.conf"]):
        here, there = (world.command(pool, *words) for pool in ("atl", "redmond"))
        assert (here.status, here.out, here.err) == (there.status, there.out, there.err), \
            (words, str(here), str(there))
    # Who wants to know is told where it is done.
    set_interval(world, "redmond", "60", "-Verbose").must(
        0, f"Set-CsBackupServiceConfiguration is carried out by {ATL}")
    entry = audit(world, "atl")[-1]
    assert (entry["user"], entry["from"], entry["result"]) == ("root", REDMOND, "done"), entry
    # The other way round, and with the name of the asked pool itself.
    world.command("atl", "Get-CsBackupServiceStatus", REDMOND).must(0, REDMOND)
    assert audit(world, "redmond")[-1]["from"] == ATL
    world.command("redmond", "Get-CsBackupServiceStatus", REDMOND).must(0, REDMOND)
    assert audit(world, "redmond")[-1]["from"] == REDMOND


@test
def a_pool_that_is_down_is_named_at_once(world):
    pair(world)
    world.kill("atl")
    began = time.monotonic()
    for words in (["Get-CsManagementStoreReplicationStatus"], ["Stop-CsPool", ATL],
                  ["Set-CsBackupServiceConfiguration", "-SyncInterval", "60"]):
        failed(world.command("redmond", *words), 1, f"does not answer: Nothing listens at {ATL}",
               "Nothing was sent.", "Check that polluxd runs there")
    assert time.monotonic() - began < SILENCE_S
    world.command("redmond", "Stop-CsPool", ATL).must(1, f"{ATL}, which is to do that")
    # What only reads the Central Management Store: from the copy.
    world.command("redmond", "Get-CsTopology").must(0, ATL, "WARNING: ", f"the copy at {REDMOND}")
    assert world.command("redmond", "Get-CsTopology", "-LocalStore").must(0, ATL).err == ""
    world.command("redmond", "Get-CsPool").must(0, ATL)


@test
def a_pool_behind_a_cut_cable_is_told_after_the_silence(world):
    pair(world, network=True)
    world.network.cut("atl", "redmond")
    began = time.monotonic()
    failed(set_interval(world, "redmond", "60"), 1, ATL, "Check")
    assert time.monotonic() - began < SILENCE_S + 30
    world.network.join("atl", "redmond")
    until("it to be passed on again", lambda: set_interval(world, "redmond", "61").status == 0)


@test
def a_pool_that_stands_still_is_told_after_the_silence(world):
    pair(world, interval_s=600)
    world.pause("atl")
    began = time.monotonic()
    failed(set_interval(world, "redmond", "60"), 1, f"No connection to {ATL}",
           f"within {SILENCE_S}000 ms", "Nothing was sent.",
           f"WARNING: {ATL} is asked to carry this out, and has said nothing for 2 s. "
           f"It is waited for {SILENCE_S} s at most.")
    took = time.monotonic() - began
    assert SILENCE_S - 1 <= took < SILENCE_S + 30, took
    world.resume("atl")
    set_interval(world, "redmond", "61").must(0)


@test
def the_machine_that_waits_goes_on_with_everything_else(world):
    """As many commands as may be wait for a pool that stands still: others are carried out."""
    pair(world, interval_s=600)
    baseline = threads_of(world, "redmond")
    world.pause("atl")
    body, callers = b'{"SyncInterval":"60"}', []
    for _ in range(60):
        caller = socket.socket(socket.AF_UNIX)
        caller.connect(str(world["redmond"].socket))
        caller.sendall(request_head(body, "Set-CsBackupServiceConfiguration"))
        callers.append(caller)
    until("them to wait", lambda: threads_of(world, "redmond") > baseline + 10)
    for _ in range(5):
        world.command("redmond", "Get-CsPool").must(0, ATL)
        typed = world["redmond"].ask("Get-CsComputer")
        assert typed.status == 200, typed.text
    # Those who go away leave nothing behind: that is noticed long before the silence ends.
    for caller in callers:
        caller.close()
    until("the threads to end", lambda: threads_of(world, "redmond") <= baseline, SILENCE_S * 6)
    world.resume("atl")
    set_interval(world, "redmond", "61").must(0)
    world.all_serve()


@test
def who_goes_away_is_not_waited_for(world):
    pair(world, interval_s=600)
    baseline = threads_of(world, "redmond")
    world.pause("atl")
    began = time.monotonic()
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(world["redmond"].socket))
        caller.sendall(request_head(b'{"Verbose":true}'))
        told = b""
        while b"is carried out by" not in told:
            more = caller.recv(4096)
            assert more, told
            told += more
    until("its thread to end", lambda: threads_of(world, "redmond") <= baseline)
    assert time.monotonic() - began < SILENCE_S * 0.8
    world.resume("atl")
    world.command("redmond", "Get-CsTopology").must(0)


@test
def a_machine_that_stops_waits_for_nobody(world):
    """Passing on to a pool that stands still, it ends at once, and its caller is told."""
    pair(world, interval_s=600)
    world.pause("atl")
    processes = [start_command(world, "redmond", *words)
                 for words in (["Get-CsTopology"], ["Stop-CsPool", "-PoolFqdn", ATL])]
    began = time.monotonic()
    world.stop("redmond")
    assert time.monotonic() - began < SILENCE_S * 0.8
    for process in processes:
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 1 and not out and "unknown" in err, (process.returncode, err)
    world.resume("atl")
    world.start("redmond")
    world.all_serve()


@test
def the_other_pool_stops_in_the_middle(world):
    """What is known then is only that nothing is known."""
    pair(world, interval_s=600)
    world.pause("atl")
    process = start_command(world, "redmond", "Set-CsBackupServiceConfiguration",
                            "-SyncInterval", "60")
    world.kill("atl")
    world["atl"].paused = False
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1 and not out and ATL in err, (process.returncode, err)
    # And while it is told how it goes on.
    world.start("atl")
    world.wait_mode("atl", "atl", "Serving")
    process = start_command(world, "atl", "Invoke-CsPoolFailOver", "-PoolFqdn", ATL,
                            "-ServicesStopDelayMins", "1")
    world.wait_mode("atl", "atl", "Closing")
    world.kill("redmond")
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1 and not out and REDMOND in err, (process.returncode, err)
    assert "Whether it did what was asked is unknown." in err, err
    assert f"Get-CsPoolFailOverStatus -PoolFqdn {ATL} shows how far it is." in err, err
    assert f"To watch it, or begin it again: Invoke-CsPoolFailOver -PoolFqdn {ATL} -ServicesStopDelayMins 1" in err, err
    # Or the machine that was asked does, and where to ask then is known.
    world.start("redmond")
    world.wait_mode("atl", "atl", "Serving")
    world.wait_hears("redmond", "atl")
    process = start_command(world, "atl", "Invoke-CsPoolFailOver", "-PoolFqdn", ATL,
                            "-ServicesStopDelayMins", "1")
    world.wait_mode("atl", "atl", "Closing")
    world.kill("atl")
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1 and not out, (process.returncode, err)
    assert f"At a machine that answers: Get-CsPoolFailOverStatus -PoolFqdn {ATL}\n" in err, err


@test
def a_megabyte_of_parameters_is_passed_on(world):
    """The longest that anybody may say: half of it are backslashes that JSON needs."""
    pair(world)
    text = '"' * ((1 << 19) - 32)
    body = json.dumps({"FileName": text}).encode()
    assert (1 << 20) - 64 < len(body) <= 1 << 20, len(body)
    answers = [world[pool].request("POST", API + "Publish-CsTopology", body)
               for pool in ("atl", "redmond")]
    for answer in answers:
        answer.must(200, "Line 1", '{"status":"failed"}')
    assert answers[0].lines == answers[1].lines
    assert audit(world, "atl")[-1]["parameters"] == {"FileName": f"({len(text)} bytes)"}


@test
def a_hundred_commands_at_once_through_the_other_pool(world):
    pair(world)
    before = len(audit(world, "atl"))
    with concurrent.futures.ThreadPoolExecutor(100) as at_once:
        answers = list(at_once.map(lambda n: world["redmond"].ask(
            *(("Get-CsTopology",) if n % 2 else ("Get-CsBackupServiceStatus",)),
            **({} if n % 2 else {"PoolFqdn": ATL})), range(100)))
    for answer in answers:
        answer.must(200, ATL, '{"status":"done"}')
    assert len(audit(world, "atl")) == before + 100
    # Changes of one thing come one after the other, and none is lost.
    with concurrent.futures.ThreadPoolExecutor(8) as at_once:
        answers = list(at_once.map(lambda n: world[("atl", "redmond")[n % 2]].ask(
            "Set-CsBackupServiceConfiguration",
            AuthorizedLocalAccounts={"Add": [f"user{n}"]}), range(40)))
    for answer in answers:
        answer.must(200, '{"status":"done"}')
    found = world["atl"].ask("Get-CsBackupServiceConfiguration").objects[0]
    assert sorted(found["AuthorizedLocalAccounts"]) == sorted(f"user{n}" for n in range(40))


@test
def machines_stop_in_the_middle_of_a_crowd(world):
    """Whatever is under way at that moment, on a thread, in the store, on the way to the other
    pool: each machine ends well, and what was said to be done is done."""
    pair(world, interval_s=2)
    commands = [("Get-CsTopology", {}), ("Get-CsPool", {}), ("Test-CsTopology", {}),
                ("Publish-CsTopology", {"FileName": world.topology.read_text()}),
                ("Get-CsBackupServiceStatus", {"PoolFqdn": ATL}),
                ("Start-CsPool", {"PoolFqdn": ATL}), ("Start-CsPool", {"PoolFqdn": REDMOND}),
                ("Stop-CsPool", {"PoolFqdn": REDMOND, "WhatIf": True})]
    for victim in ("atl", "redmond", "atl", "redmond"):
        over, done = threading.Event(), []

        def crowd(n):
            dice = random.Random(n)
            while not over.is_set():
                command, parameters = dice.choice(commands)
                name = f"{victim}-{n}-{len(done)}"
                if dice.random() < 0.5:
                    command = "Set-CsBackupServiceConfiguration"
                    parameters = {"AuthorizedLocalAccounts": [name]}
                try:
                    answer = world[dice.choice(["atl", "redmond"])].ask(command, **parameters)
                    done.append(answer.status)
                except (OSError, http.client.HTTPException):
                    done.append(None)

        threads = [threading.Thread(target=crowd, args=(n,)) for n in range(12)]
        for thread in threads:
            thread.start()
        try:
            until("the crowd to be busy", lambda: done.count(200) > 100)
            world.stop(victim)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert set(done) <= {200, 412, 502, 503, None}, set(done)
        world.start(victim)
        world.all_serve()
    world.terms_must_be_unique()


@test
def a_machine_says_only_what_it_found_out_itself(world):
    """A stolen machine's word is good for what its people ask, and the audit log shows whose word
    it was."""
    pair(world)
    context = tls(world.folder / "pki/authority.pem",
                  *(world.folder / "pki" / f"{REDMOND}.{kind}" for kind in ("pem", "key")))

    def passed(**fields):
        command = {"command": "Get-CsTopology", "parameters": {}, "caller":
                   {"name": "ann", "from": REDMOND, "groups": [SUPREME]}, **fields}
        return link_call(world["atl"], "/link/v1/command", json.dumps(
            {"protocol": 1, "version": "0.1.0", "machine": REDMOND, "pool": REDMOND,
             "payload": command}).encode(), context)

    said = passed()
    said.must(200, ATL, '{"status":"done"}')
    passed(caller={"name": "ann", "from": f"127.0.0.1:5 by way of {REDMOND}",
                   "groups": [READ]}).must(200)
    for caller in (None, {}, "ann", {"name": "ann", "groups": [SUPREME]},
                   {"name": 1, "from": REDMOND, "groups": [SUPREME]},
                   {"name": "ann", "from": REDMOND, "groups": SUPREME},
                   {"name": "ann", "from": REDMOND, "groups": [SUPREME] * 5000}):
        passed(caller=caller).must(400, "who gives the command")
    passed(caller={"name": "ann", "from": REDMOND, "groups": [1, None]}).must(403, "ann may not")
    passed(command="Get-CsNothing").must(400, "same version")
    passed(command="Get-Help").must(400)
    passed(parameters=[]).must(400)
    passed(parameters={"Nonsense": 1}).must(400, "no parameter")
    # It is not passed on a second time.
    passed(command="Stop-CsPool", parameters={"PoolFqdn": REDMOND}).must(
        412, "is not the one to carry this out any more", "Nothing was done.")
    for forged in (ATL, "tokyo-cs-001.litwareinc.com", f"x{REDMOND}"):
        passed(caller={"name": "ann", "from": forged, "groups": [SUPREME]}).must(
            403, REDMOND, "speaks only for itself")
    world.all_serve()


if __name__ == "__main__":
    sys.exit(main())
