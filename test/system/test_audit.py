"""The audit log: who gave which command, from where, when, and what came of it.

Prints TAP. One line of JSON for each command, on the machine that carried it out or refused it."""

import sys
from datetime import datetime, timezone

from people import *
from pollux_world import *

ATL, REDMOND = name_of("atl"), name_of("redmond")
PIN = "s3cret-of-ken"
KEYS = {"time", "user", "from", "command", "parameters", "result", "milliseconds"}


def with_log(world, *at, level="debug"):
    world.build(["atl", "redmond"], interval_s=30)
    for pool in world.pools:
        world[pool].extra = f'log_level = "{level}"\n'
    return keep_audit(people(world, {"bob": [], "ann": [ADMINISTER]}, *at)).begin()


def set_interval(world, pool, span, who="root"):
    return typed_by(world, who, pool, "Set-CsBackupServiceConfiguration", "-SyncInterval", span)


@test
def every_command_is_one_line_that_says_all_of_it(world):
    with_log(world, "atl")
    before, began = len(audit(world, "atl")), datetime.now(timezone.utc)
    set_interval(world, "atl", "60").must(0)
    set_interval(world, "atl", "60").must(0, "Nothing was to change")
    typed_by(world, "root", "atl", "Get-CsPool", "-Verbose").must(0)
    typed_by(world, "bob", "atl", "Get-CsPool").must(3)
    typed_by(world, "root", "atl", "Get-CsPool", "-Identity", "oslo.litwareinc.com").must(1)
    typed_by(world, "ann", "atl", "Stop-CsPool", ATL, "-WhatIf").must(0)
    by_https(world, "ann", "atl", "Get-CsComputer").must(0)
    entries = audit(world, "atl")[before:]
    assert [(e["user"], e["command"], e["parameters"], e["result"]) for e in entries] == [
        ("root", "Set-CsBackupServiceConfiguration", {"SyncInterval": "00:01:00"}, "done"),
        ("root", "Set-CsBackupServiceConfiguration", {"SyncInterval": "00:01:00"}, "done"),
        ("root", "Get-CsPool", {"Verbose": True}, "done"),
        ("bob", "Get-CsPool", {}, "denied"),
        ("root", "Get-CsPool", {"Identity": "oslo.litwareinc.com"}, "failed"),
        ("ann", "Stop-CsPool", {"PoolFqdn": ATL, "WhatIf": True}, "done"),
        ("ann", "Get-CsComputer", {}, "done")], entries
    for entry in entries:
        assert set(entry) == KEYS, entry
        assert entry["from"].endswith(ATL) and 0 <= entry["milliseconds"] < PATIENCE_S * 1000, entry
        when = datetime.fromisoformat(entry["time"])
        assert began.timestamp() - 1 <= when.timestamp() <= datetime.now(timezone.utc).timestamp()
    assert (world["atl"].folder / "audit.log").stat().st_mode & 0o777 == 0o600


@test
def the_log_has_every_change_and_refusal_too(world):
    """Whoever only looks is told of at the level debug."""
    with_log(world, "atl")
    set_interval(world, "atl", "60").must(0)
    typed_by(world, "bob", "atl", "Get-CsPool").must(3)
    typed_by(world, "ann", "atl", "Get-CsPool").must(0)
    world.wait_event("atl", "notice", "command:", f"root on {ATL}: Set-CsBackupService",
                     '-SyncInterval "00:01:00"', "done")
    world.wait_event("atl", "notice", "command:", "bob on", "Get-CsPool", "denied")
    world.wait_event("atl", "debug", "command:", "ann on", "Get-CsPool", "done")


@test
def a_command_is_noted_where_it_is_carried_out(world):
    with_log(world, "atl", "redmond")
    before, at_redmond = len(audit(world, "atl")), len(audit(world, "redmond"))
    set_interval(world, "redmond", "60", who="ann").must(0)
    set_interval(world, "redmond", "90", who="bob").must(3)
    by_https(world, "ann", "redmond", "Stop-CsPool", ATL, "-WhatIf").must(0)
    entries = audit(world, "atl")[before:]
    assert [(e["user"], e["result"]) for e in entries] == \
        [("ann", "done"), ("bob", "denied"), ("ann", "done")], entries
    assert entries[0]["from"] == REDMOND and \
        re.fullmatch(r"127\.0\.0\.1:\d+ by way of " + re.escape(REDMOND), entries[2]["from"])
    assert len(audit(world, "redmond")) == at_redmond
    typed_by(world, "bob", "redmond", "Get-CsPool").must(3)
    assert [e["user"] for e in audit(world, "redmond")[at_redmond:]] == ["bob"]


@test
def secrets_and_files_are_not_written_anywhere(world):
    with_log(world, "atl")
    world["atl"].ask("Enable-CsUser", Identity="kenmyer@litwareinc.com",
                     RegistrarPool=ATL).must(200, '"done"')
    pin = ["Set-CsClientPin", "-Identity", "kenmyer@litwareinc.com", "-Pin", PIN]
    for pool in ("atl", "redmond"):
        for words in (pin, [*pin, "-WhatIf"], [*pin, "-Verbose", "-Debug"]):
            said = typed_by(world, "root", pool, *words)
            assert PIN not in said.out + said.err, said
    typed_by(world, "bob", "atl", *pin).must(3)
    said = world["atl"].ask("Set-CsClientPin", Identity="ken", Pin=PIN * 50)
    assert said.status == 400 and PIN not in said.text, said.text
    shown = {e["parameters"].get("Pin") for e in audit(world, "atl")
             if e["command"] == "Set-CsClientPin"}
    assert shown == {"********"}, shown
    # Of a file its size.
    world.publish("atl").must(0)
    text = world.topology.read_text()
    assert audit(world, "atl")[-1]["parameters"] == {"FileName": f"({len(text)} bytes)"}
    for pool in world.pools:
        for file in [world[pool].log, *world[pool].folder.glob("audit.log")]:
            assert PIN not in file.read_text() and "failure_detection" not in file.read_text(), file


@test
def a_log_that_was_moved_away_begins_anew(world):
    with_log(world, "atl")
    file = world["atl"].folder / "audit.log"
    set_interval(world, "atl", "60").must(0)
    file.rename(file.with_suffix(".1"))
    old = file.with_suffix(".1").read_text()
    set_interval(world, "atl", "61").must(0)
    assert [e["parameters"] for e in audit(world, "atl")] == [{"SyncInterval": "00:01:01"}]
    file.unlink()
    set_interval(world, "atl", "62").must(0)
    assert len(audit(world, "atl")) == 1 and file.with_suffix(".1").read_text() == old
    # Another file, or none any more, after a reload.
    m = world["atl"]
    m.config.write_text(m.config.read_text().replace("atl/audit.log", "atl/other.log"))
    world.reload("atl")
    set_interval(world, "atl", "63").must(0)
    assert len(audit(world, "atl")) == 1
    assert "00:01:03" in (m.folder / "other.log").read_text()


@test
def a_log_that_can_not_be_written_is_told_and_commands_go_on(world):
    with_log(world, "atl")
    file = world["atl"].folder / "audit.log"

    def trouble(reason):
        count = len(world["atl"].events("audit-not-written"))
        set_interval(world, "atl", str(60 + count)).must(0)
        typed_by(world, "bob", "atl", "Get-CsPool").must(3, "bob may not run")
        # One for the change, one for the refusal.
        world.wait_event("atl", " error ", "audit-not-written", str(file), reason, more_than=1)

    file.unlink()
    file.mkdir()
    trouble("Is a directory")
    file.rmdir()
    # Nobody reads from this pipe, and nobody waits for a reader.
    os.mkfifo(file)
    trouble("No such device or address")
    file.unlink()
    file.symlink_to("/dev/full")
    trouble("No space left on device")
    file.unlink()
    file.symlink_to("/proc/nothing/audit.log")
    trouble("No such file or directory")
    file.unlink()
    count = len(world["atl"].events("audit-not-written"))
    set_interval(world, "atl", "200").must(0)
    assert len(audit(world, "atl")) == 1
    assert len(world["atl"].events("audit-not-written")) == count


@test
def many_commands_at_once_are_a_line_each(world):
    with_log(world, "atl")
    before, names = len(audit(world, "atl")), [f"x{n}.litwareinc.com" for n in range(200)]
    with concurrent.futures.ThreadPoolExecutor(16) as at_once:
        list(at_once.map(lambda name: world["atl"].ask("Get-CsPool", Identity=name), names))
    entries = audit(world, "atl")[before:]
    assert sorted(e["parameters"]["Identity"] for e in entries) == sorted(names)


@test
def what_is_odd_in_a_command_is_still_one_line(world):
    with_log(world, "atl")
    before = len(audit(world, "atl"))
    for text in ('"} {"user":"root', "\u2028\u2029é€😀", "\\n\\u0000", "%s%n", "-Pin x"):
        world["atl"].ask("Get-CsPool", Site=text).must(200)
        assert audit(world, "atl")[-1]["parameters"] == {"Site": text}
    # What is no text does not come so far.
    world["atl"].ask("Get-CsPool", Site="a\nb").must(400, "control characters")
    assert len((world["atl"].folder / "audit.log").read_bytes().split(b"\n")) == before + 6
    assert len(audit(world, "atl")) == before + 5


if __name__ == "__main__":
    sys.exit(main())
