"""Commands: who may give them, what comes of wrong ones, and how the command line says it.

Prints TAP. Exit statuses: 0 done, 1 failed, 2 misused, 3 not permitted; errors go to stderr only."""

import os
import random
import shutil
import signal
import socket
import stat
import sys
import time

from people import *
from pollux_world import *

# --- who may connect ---------------------------------------------------------------------------


@test
def everybody_may_connect_and_the_kernel_says_who_it_is(world):
    """Which commands they may give, test_roles.py asks."""
    world.build(["atl", "redmond"])
    people(world, {"bob": []}, "atl").start("atl")
    seen = world["atl"].socket.stat()
    assert stat.S_IMODE(seen.st_mode) == 0o666 and seen.st_uid == os.geteuid(), oct(seen.st_mode)
    failed(typed_by(world, "bob", "atl", "Get-CsComputer"), 3, "bob may not run Get-CsComputer",
           "Nothing was done.", "CSViewOnlyAdministrator")
    # Whoever closes the socket to others keeps them out before they say a word.
    world["atl"].socket.chmod(0o600)
    failed(typed_by(world, "bob", "atl", "Get-CsComputer"), 3, "may not use the socket", "ls -l")
    typed_by(world, "root", "atl", "Get-CsComputer").must(0)
    world["atl"].socket.chmod(0o666)
    world["atl"].folder.chmod(0o700)
    failed(typed_by(world, "bob", "atl", "Get-CsComputer"), 3, "may not use the socket", "folder")


@test
def the_groups_are_looked_up_anew_for_each_call(world):
    """Whoever leaves the group loses the right at once, not when the daemon restarts."""
    world.build(["atl", "redmond"])
    people(world, {"alice": ["CSAdministrator"]}, "atl").start("atl")
    typed_by(world, "alice", "atl", "Get-CsComputer").must(0)
    world.people["atl"]["alice"] = []
    write_people(world, "atl")
    failed(typed_by(world, "alice", "atl", "Get-CsComputer"), 3, "alice may not run")
    world.people["atl"]["alice"] = ["CSViewOnlyAdministrator"]
    write_people(world, "atl")
    typed_by(world, "alice", "atl", "Get-CsComputer").must(0)


# --- the API -----------------------------------------------------------------------------------


@test
def wrong_calls_are_told_what_is_wrong(world):
    world.deploy(["atl", "redmond"])
    m = world["atl"]
    m.request("POST", API + "Get-CsNothing").must(404, "Get-CsNothing")
    m.request("POST", "/").must(404)
    m.request("POST", "/admin/v2/commands/Get-CsComputer").must(404)
    m.request("POST", API + "../Get-CsComputer").must(404)
    for method in ("GET", "PUT", "DELETE"):
        m.request(method, API + "Get-CsComputer").must(400, "POST only")
    for body in (b"[]", b"null", b'"x"', b"{", b"\xff", b'{"Identity":"a","Identity":"b"}',
                 b"[" * 100000, b"\x00"):
        m.request("POST", API + "Get-CsComputer", body).must(400, "not a JSON object", "For example")
    m.ask("Get-CsComputer", Identiti="x").must(400, "no parameter", "Identiti")
    m.ask("Get-CsComputer", identity="x").must(400)
    for value in (None, True, [], {}, ["a.b"]):
        m.ask("Get-CsComputer", Identity=value).must(400, "-Identity takes one value")
    for value in (1, 7):
        m.ask("Get-CsComputer", Identity=value).must(400, "takes a fully qualified domain name")
    m.ask("Get-CsComputer", Identity="a\0b").must(400)
    for value in ("", "a b", "-x.y", "x" * 300, "a..b", "é.de"):
        m.ask("Get-CsComputer", Identity=value).must(400, "fully qualified domain name")
    m.ask("Start-CsPool", Force=True).must(400, "-PoolFqdn is missing")
    m.ask("Start-CsPool", PoolFqdn=name_of("atl"), Force="yes").must(400, "-Force")
    m.ask("Publish-CsTopology", FileName="x" * (5 << 20)).must(413)
    m.ask("Get-CsComputer", Identity=name_of("oslo")).must(200, "has no machine", '"failed"')
    m.ask("Get-CsPoolFailOverStatus", PoolFqdn=name_of("oslo")).must(404, "has no pool")
    # Names may be in any case.
    assert len(m.ask("get-cscomputer", Identity=name_of("ATL").upper()).objects) == 1
    world.all_serve()


@test
def garbage_and_callers_that_go_away_do_no_harm(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    dice = random.Random(os.environ.get("POLLUX_SEED", "17"))
    body = json.dumps({"FileName": world.topology.read_text()}).encode()
    good = (f"POST {API}Publish-CsTopology HTTP/1.1\r\nHost: x\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    for _ in range(200 * SOAK):
        text = bytearray(good)
        for _ in range(dice.choice([0, 0, 1, 5])):
            text[dice.randrange(len(text))] = dice.randrange(256)
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(PATIENCE_S)
            caller.connect(str(world["atl"].socket))
            caller.sendall(bytes(text[:dice.choice([len(text), dice.randrange(len(text))])]))
            # Hangs up at once, or in the middle of the answer.
            if dice.random() < 0.3:
                caller.shutdown(socket.SHUT_WR)
    world.publish("atl").must(0)
    world.all_serve()
    world.terms_must_be_unique()


@test
def many_callers_at_once_are_all_answered(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.extend(
        world["atl"].ask("Get-CsComputer").status for _ in range(20))) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [200] * 600, set(outcomes)


# --- the command line --------------------------------------------------------------------------


@test
def wrong_commands_say_what_would_be_right(world):
    world.deploy(["atl", "redmond"])
    atl = lambda *words: world.command("atl", *words)
    failed(atl("Get-CsComputr"), 2, "Was Get-CsComputer meant?")
    failed(atl("Frobnicate"), 2, 'There is no command "Frobnicate"')
    failed(atl("Get-CsComputer", "-Identiti", "x"), 2, "no parameter -Identiti", "-Identity")
    failed(atl("Get-CsComputer", "-Identity"), 2, "-Identity lacks its value")
    failed(atl("Get-CsComputer", "-Identity", name_of("atl"), "-identity", "x"), 2, "given twice")
    failed(atl("Get-CsComputer", "-Identity:a b"), 2, "fully qualified")
    failed(atl("Get-CsComputer", "x"), 2)
    failed(atl("Start-CsPool"), 2, "-PoolFqdn is missing", "For example: Start-CsPool -PoolFqdn")
    failed(atl("Start-CsPool", "-", name_of("atl")), 2)
    start = ("Start-CsPool", "-PoolFqdn", name_of("atl"))
    failed(atl(*start, "-Force:"), 2, "'-Force:$false'", "single quotes")
    failed(atl(*start, "-Force:maybe"), 2, "$true or $false")
    failed(atl(*start, "-Force", "yes"), 2)
    failed(atl("Publish-CsTopology", "-FileName", "\udcff"), 2, "not UTF-8")
    failed(atl("Publish-CsTopology", "-FileName", "nothing"), 1, "can't be read")
    world.all_serve()
    assert not world["atl"].events("command:", "Start-CsPool")


@test
def parameters_are_bound_as_in_powershell(world):
    """Any case, any unambiguous beginning, -Name value and -Name:value, switches with a value."""
    world.deploy(["atl", "redmond"])
    atl, fqdn = (lambda *words: world.command("atl", *words)), name_of("atl")
    reference = atl("Get-CsComputer", "-Identity", fqdn).must(0, fqdn)
    assert reference.err == ""
    for words in (["-identity", fqdn.upper()], ["-ID", fqdn], [f"-Identity:{fqdn}"],
                  [f"-id:{fqdn}"], [fqdn]):
        assert atl("get-cscomputer", *words).must(0).out.splitlines()[0] == \
            reference.out.splitlines()[0]
    failed(atl("Get-CsComputer", "-i", fqdn), 2, "-i could be several", "-Identity",
           "-InformationAction")
    for value in ("-Force", "-Force:$true", "-f:$TRUE"):
        atl("Start-CsPool", "-po", fqdn, value).must(0, "is not waiting for anything")
    world.stop("redmond")
    world.stop("atl")
    world.start("atl")
    world.wait_mode("atl", "atl", "Rejoining")
    failed(atl("Start-CsPool", "-PoolFqdn", fqdn, "-Force:$false"), 1,
           f"waits for {name_of('redmond')}", "-Force")
    assert world.mode("atl", "atl") == "Rejoining"


@test
def a_link_with_the_name_of_a_command_is_that_command(world):
    world.deploy(["atl", "redmond"])
    link = world.folder / "Get-CsComputer"
    link.symlink_to(POLLUX)
    env = {**os.environ, "POLLUX_SERVER": str(world["atl"].socket)}
    assert run(link, env=env).must(0).out.count("Identity") == 2
    run(link, "-?", env=env).must(0, "Get-CsComputer [[-Identity] <fqdn>]")
    failed(run(link, "Get-CsComputer", env=env), 2)
    failed(run(link, "--version", env=env), 2)


@test
def help_needs_no_daemon(world):
    env = {k: v for k, v in os.environ.items() if k != "POLLUX_SERVER"}
    for words in (["--help"], ["--version"], ["Get-CsComputer", "-?"], ["Start-CsPool", "--help"]):
        outcome = run(POLLUX, *words, env=env).must(0)
        assert outcome.out and outcome.err == "", outcome


@test
def no_daemon_is_told_as_what_it_is(world):
    """The usual one, nowhere, not a socket, a socket that nobody serves: each in its own words."""
    world.build(["atl", "redmond"]).start("atl")
    command = lambda server: run(POLLUX, "Get-CsComputer",
                                 env={**os.environ, "POLLUX_SERVER": str(server)})
    env = {k: v for k, v in os.environ.items() if k != "POLLUX_SERVER"}
    if not os.path.exists("/run/pollux/admin.sock"):
        failed(run(POLLUX, "Get-CsComputer", env=env), 1, "/run/pollux/admin.sock", "POLLUX_SERVER")
        failed(command(""), 1, "/run/pollux/admin.sock", "POLLUX_SERVER")
    failed(command("https://atl.litwareinc.com"), 2, "POLLUX_CERTIFICATE is not set", "export")
    failed(command("http://atl.litwareinc.com"), 2, "https only")
    failed(command(world.folder / "nothing"), 1, "there is no socket")
    failed(command(world.topology), 2, "is not a socket")
    failed(command(world.folder), 2, "is not a socket")
    failed(command(world.topology / "x"), 1)
    failed(command("/" + "x" * 200), 2, "too long")
    world.kill("atl")
    failed(command(world["atl"].socket), 1, "polluxd is not running here", "left behind")
    world.start("atl")
    world.stop("atl")
    failed(command(world["atl"].socket), 1, "polluxd is not running here")


@test
def a_daemon_that_hangs_can_be_waited_for_or_left(world):
    """Ctrl-C ends the command; the daemon that goes on again does not mind."""
    world.deploy(["atl", "redmond"])
    world.pause("atl")
    processes = [subprocess.Popen([str(POLLUX), "Get-CsComputer"], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, env={
                                      **os.environ, "POLLUX_SERVER": str(world["atl"].socket)})
                 for _ in range(2)]
    world.others += processes
    left, waiting = processes

    for process in processes:
        until("the command to be connected", lambda: has_socket(process.pid))
    left.send_signal(signal.SIGINT)
    out, _ = left.communicate(timeout=PATIENCE_S)
    assert left.returncode in (-signal.SIGINT, 130) and out == "", left.returncode
    assert waiting.poll() is None
    world.resume("atl")
    out, err = waiting.communicate(timeout=PATIENCE_S)
    assert waiting.returncode == 0 and name_of("atl") in out, err
    world.all_serve()


@test
def a_daemon_that_ends_in_the_middle_is_no_success(world):
    world.deploy(["atl", "redmond"])
    world.pause("atl")
    process = subprocess.Popen([str(POLLUX), "Get-CsComputer"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env={
                                   **os.environ, "POLLUX_SERVER": str(world["atl"].socket)})
    world.others.append(process)
    until("the command to be connected", lambda: has_socket(process.pid))
    world.kill("atl")
    world["atl"].paused = False
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1 and out == "", (process.returncode, out)
    assert "Whether it did what was asked is unknown." in err, err


@test
def output_that_can_not_be_written_is_a_failure(world):
    world.deploy(["atl", "redmond"])
    with open("/dev/full", "w") as full:
        for words in (["Get-CsComputer"], ["Get-CsComputer", "-?"]):
            done = subprocess.run([str(POLLUX), *words], stdout=full, stderr=subprocess.PIPE,
                                  text=True, env={**os.environ,
                                                  "POLLUX_SERVER": str(world["atl"].socket)})
            assert done.returncode == 1 and "No space left" in done.stderr, (words, done)


if __name__ == "__main__":
    sys.exit(main())
