#!/usr/bin/env python3
"""Users' data as a file: Export-CsUserData and Import-CsUserData, with the real programs."""

import stat

from people import *
from pollux_world import *
from web_client import *

HEAD = {"pollux": "users' data", "version": 1, "pool": ATL}
LIST = '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="{}"/></resource-lists>'


def export(world, file="users.json", *words, pool=ATL, at="atl"):
    return world.command(at, "Export-CsUserData", "-PoolFqdn", pool, "-FileName", file, *words)


def bring(world, file="users.json", *words, pool=ATL, at="atl"):
    return world.command(at, "Import-CsUserData", "-PoolFqdn", pool, "-FileName", file, *words)


def counts(outcome):
    return json.loads(outcome.out)


def imported(world, file="users.json", *words, **options):
    return counts(bring(world, file, *words, "-Output", "Json", **options).must(0))


def lines_of(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def write_lines(path, *lines, head=HEAD, end=True):
    tail = [{"users": 1, "items": len(lines)}] if end else []
    Path(path).write_text("".join(
        (line if isinstance(line, str) else json.dumps(line)) + "\n" for line in [head, *lines, *tail]))


def items_of(world, pool="atl", home=ATL):
    """{(address, what): value} of the users of a home, as a store has them. Ids are addresses here:
    elsewhere the same users have others."""
    rows = [row for _, row in world.items_in(pool) if not row[2]]
    ids = {json.loads(value)["Id"].encode(): key.removeprefix(b"account/")
           for *_, key, value, _ in rows if key.startswith(b"account/")}

    def named(text):
        return re.sub(rb"[0-9a-f]{32}", lambda found: ids.get(found[0], found[0]), text)

    items = {}
    for *_, key, value, _ in rows:
        if key.startswith(b"user/") and b"/history/" not in key:  # records of sessions come when they come
            assert named(key) not in items
            items[named(key)] = named(value)
    return items


def many(world, count, size=0):
    """Users of Atlanta without anything, and the lines of what they shall have."""
    names = [f"user{n:04}" for n in range(count)]
    for name in names:
        world["atl"].ask("Enable-CsUser", Identity=name, RegistrarPool=ATL).must(200, '"done"')
    return [line for name in names for line in (
        {"user": f"sip:{name}@{REALM}", "document": "resource-lists/index",
         "text": LIST.format("x" * size)},
        {"user": f"sip:{name}@{REALM}", "settings": {"of": name}})]


def some_people(world):
    """Ken has everything that one can have, Kim is invited, Ann has a list."""
    for name in ("kenmyer", "kim", "ann"):
        enable(world, name)
    ken, ann = Client(world, "kenmyer"), Client(world, "ann")
    ken.put(LIST.format("Fr&quot;e&#252;n\nde ü")).must(201)
    ken.put(LIST.format("two\r\nlines"), name="other").must(201)
    ken.ask("PUT", "/v1/presence", body={"availability": "Busy", "note": "zurück um 12"}).must(200)
    ken.ask("PUT", "/v1/settings", body={"b": [1, 2.5, None, 1e300], "a": "ü\u0001"}).must(200)
    ken.ask("POST", "/v1/conferences", body={
        "subject": "Budget", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T10:30:00Z",
        "participants": [f"sip:kim@{REALM}", f"sip:ann@{REALM}"]}).must(201)
    ann.put(LIST.format("Ann")).must(201)
    return ken


def elsewhere(build):
    """Another deployment, for as long as the function runs."""
    other = World()
    try:
        build(other)
    finally:
        other.end()
        shutil.rmtree(other.folder, ignore_errors=True)


def begun(world, *words):
    return subprocess.Popen([POLLUX, *words], cwd=world.folder, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env={
                                "PATH": os.environ["PATH"],
                                "POLLUX_SERVER": str(world["atl"].socket)})


def on_disk(world, options, *words):
    """Typed in a folder that is a file system of its own."""
    needs_mounts()
    folder = world.folder / "disk"
    folder.mkdir(exist_ok=True)
    script = f'mount -t tmpfs -o {options} none disk && cd disk && "$@"; s=$?; ls -A; exit $s'
    return run("unshare", "--mount", "sh", "-c", script, "sh", POLLUX, *words, cwd=world.folder,
               env={"PATH": os.environ["PATH"], "POLLUX_SERVER": str(world["atl"].socket)})


# --- out and in ----------------------------------------------------------------------------------


@test
def what_users_have_goes_from_one_deployment_into_another(world):
    world.deploy(["atl", "redmond"])
    some_people(world)
    export(world, "users.json").must(0, "Items")
    export(world, "users.zst", at="redmond").must(0)  # and is passed on to Atlanta
    file, packed = world.folder / "users.json", world.folder / "users.zst"
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(packed.stat().st_mode) == 0o600
    assert packed.read_bytes()[:4] == b"\x28\xb5\x2f\xfd" and lines_of(file)[0] == HEAD
    assert lines_of(file)[-1] == {"users": 2, "items": 6}
    wanted = items_of(world)
    assert len(wanted) == 6 + 2 + 2, wanted  # whom somebody invited, how much there is

    def into(other):
        other.deploy(["atl", "redmond"])
        for name in ("ann", "kim", "kenmyer"):
            enable(other, name)
        rehearsed = bring(other, packed, "-WhatIf", at="redmond").must(0, "6 items would be added")
        assert not items_of(other), rehearsed
        assert imported(other, packed, at="redmond")["Added"] == 6
        assert items_of(other) == wanted
        before = other.items_in("atl")
        again = imported(other, file)
        assert (again["Unchanged"], again["Added"], again["Users"]) == (6, 0, 2), again
        assert other.items_in("atl") == before  # their numbers, too
        export(other, "again.json").must(0)
        assert (other.folder / "again.json").read_bytes() == file.read_bytes()
        until("the partner to have it", lambda: items_of(other, "redmond") == wanted)
        kim = Client(other, "kim")
        assert kim.ask("GET", "/v1/conferences").json["conferences"][0]["subject"] == "Budget"
        # What it counts is right: a document more is one more.
        Client(other, "ann").put(LIST.format("more"), name="more").must(201)

    elsewhere(into)


@test
def what_somebody_has_already_is_kept_unless_it_is_forced(world):
    world.deploy(["atl"])
    ken = some_people(world)
    export(world).must(0)
    wanted = items_of(world)
    ken.put(LIST.format("newer")).must(200)
    ken.ask("DELETE", "/v1/presence").must(204)
    conference = ken.ask("GET", "/v1/conferences").json["conferences"][0]
    ken.ask("PUT", f"/v1/conferences/{conference['id']}", body={**conference, "participants": []})
    newer = items_of(world)
    assert len(newer) == len(wanted) - 3
    kept = bring(world, "users.json", "-Output", "Json").must(
        0, "resource-lists/index of sip:kenmyer@litwareinc.com is another one here, and was kept",
        "2 items are others here", "-Force")
    assert (counts(kept)["Kept"], counts(kept)["Added"]) == (2, 1), kept
    presence = b"user/kenmyer@litwareinc.com/presence"
    assert items_of(world) == {**newer, presence: wanted[presence]}
    bring(world, "users.json", "-Force", "-WhatIf").must(0, "2 be replaced")
    assert imported(world, "users.json", "-Force")["Replaced"] == 2
    assert items_of(world) == wanted
    # A colleague who has gone since makes no difference, and is in no new conference.
    world.command("atl", "Disable-CsUser", "ann").must(0)
    bring(world, "users.json", "-Output", "Json").must(1, '"Unchanged":5',
                                                       "sip:ann@litwareinc.com has no account")


@test
def a_file_edited_by_hand_is_checked_line_by_line(world):
    world.deploy(["atl", "redmond"])
    for name in ("kenmyer", "kim", "ann", "bob", "eve"):
        enable(world, name)
    enable(world, "far", pool="redmond")
    at = lambda name, **what: {"user": f"sip:{name}@{REALM}", **what}
    good = at("kim", settings={"a": 1})
    write_lines(world.folder / "users.json",
                at("kenmyer", settings={"a": 1}),                                     # 2
                at("kenmyer", document="resource-lists/index", text="<open>"),        # 3
                "{nonsense", "", "[1]",                                               # 4 to 6
                good,                                                                 # 7
                at("ann", presence={"availability": "Gone", "time": "2026-11-21T09:00:00.000Z"}),
                at("bob", document="nothing/index", text="<a/>"),                     # 9
                at("nobody", settings={}), at("far", settings={}),                    # 10, 11
                {"user": "sip:x@elsewhere.example", "settings": {}}, {"settings": {}},
                at("eve", settings={"a": 1}), at("eve", settings={"a": 2}),           # 14, 15
                json.dumps(at("eve", presence={}))[:-1] + " " * (1 << 20) + "}",      # 16
                at("bob", settings={}, more=1))                                       # 17
    tried = bring(world, "users.json", "-WhatIf").must(1)
    assert not items_of(world)
    done = bring(world, "users.json", "-Output", "Json").must(
        1, "Line 3: The document is no well-formed XML", "Nothing of sip:kenmyer@litwareinc.com is",
        "Line 4: It is no JSON object", "Line 6: It is no JSON object", "Line 8: This is no presence",
        "Line 9: A document is named like resource-lists/index",
        "sip:nobody@litwareinc.com has no account", "Enable-CsUser -Identity nobody@",
        f"sip:far@litwareinc.com belongs to {REDMOND}", "Line 12:", "its SIP domain is",
        "Line 13: The line does not say whose it is", "Line 15: settings of sip:eve",
        "stands there twice", "Line 16: It has more than 1048576 bytes", "Line 17: Beside the user")
    assert (counts(done)["Users"], counts(done)["Added"], counts(done)["UsersRefused"]) == (1, 1, 6)
    assert set(items_of(world)) == {b"user/kim@litwareinc.com/settings"}
    assert len(tried.err.splitlines()) == len(done.err.splitlines())
    # One that is mended goes on; of many faults some are shown, and the rest is counted.
    write_lines(world.folder / "users.json", at("kenmyer", settings={"a": 1}), good)
    assert imported(world)["Unchanged"] == 1
    write_lines(world.folder / "users.json", *(at(f"no{n}", settings={}) for n in range(300)))
    assert bring(world).must(1, "280 more faults are not shown").err.count("has no account") == 20


@test
def limits_are_those_of_the_users_own_service(world):
    world.deploy(["atl"])
    enable(world, "kenmyer")
    user = {"user": f"sip:kenmyer@{REALM}"}
    for lines, sentence in (
            ([{**user, "document": f"pres-rules/{n}", "text": "<a/>"} for n in range(101)],
             "A user can have 100 documents"),
            ([{**user, "document": "pres-rules/x", "text": f"<a>{'x' * (256 << 10)}</a>"}],
             "A document can have 262144 bytes"),
            ([{**user, "document": f"pres-rules/{n}", "text": f"<a>{'x' * (250 << 10)}</a>"}
              for n in range(17)], "can have 4194304 bytes in all"),
            ([{**user, "settings": {"a": "x" * (64 << 10)}}], "more than 65536 bytes"),
            ([{**user, "document": "pres-rules/..", "text": "<a/>"}], "is named like"),
            ([{**user, "conference": {"id": "x"}}], "32 hexadecimal figures"),
            ([{**user, "conference": {"id": "0" * 32, "subject": 1}}], "This is no conference")):
        write_lines(world.folder / "users.json", *lines)
        bring(world).must(1, sentence, "Nothing of sip:kenmyer@litwareinc.com is imported")
        assert not items_of(world), sentence


@test
def what_is_no_such_file_is_refused_and_a_broken_one_read_to_where_it_breaks(world):
    world.deploy(["atl"])
    lines = many(world, 40, 30000)
    folder, nothing = world.folder, len(items_of(world))
    for name, text, *sentences in (
            ("empty.json", "", "This is no file of users' data"),
            ("other.json", '{"a": 1}\n', "This is no file of users' data", "Export-CsUserData"),
            ("new.json", json.dumps({**HEAD, "version": 2}) + "\n", "has version 2", "reads version 1")):
        (folder / name).write_text(text)
        bring(world, name).must(1, *sentences, "Nothing was imported.")
    bring(world, "missing.json").must(1, "can't be read: No such file", "Name a file that is there")
    bring(world, ".").must(1, "can't be read: Is a directory")
    write_lines(folder / "users.json", *lines)
    assert imported(world, "users.json")["Users"] == 40
    # Names change, and some editors begin each file with a mark.
    (folder / "marked.zst").write_bytes(b"\xef\xbb\xbf" + (folder / "users.json").read_bytes())
    assert imported(world, "marked.zst")["Users"] == 40
    export(world, "users.zst").must(0)
    (folder / "cut.zst").write_bytes((folder / "users.zst").read_bytes()[:20])
    outcome = bring(world, "cut.zst").must(1, "it ends too early", "Nothing was imported.")
    assert "goes on" not in outcome.err, outcome
    export(world, "users.json", "-Force").must(0)
    for line in range(40):
        world.command("atl", "Disable-CsUser", f"user{line:04}").must(0)
    lines = many(world, 40, 30000)  # they are new, and have nothing
    until("what the others had to be gone", lambda: len(items_of(world)) == nothing)
    whole, before = (folder / "users.zst").read_bytes(), len(items_of(world))
    (folder / "cut.zst").write_bytes(whole[:-40])
    bring(world, "cut.zst").must(1, "it ends too early", "items were imported",
                                 "it goes on where it stopped")
    kept = len(items_of(world))
    assert before < kept and kept % 3 == before % 3, (before, kept)
    text = (folder / "users.json").read_bytes()
    (folder / "cut.json").write_bytes(text[:text.rindex(b"{")])
    bring(world, "cut.json").must(0, "The file ends without its last line")
    (folder / "renamed").write_bytes(whole)  # and is known by its beginning
    for name in ("users.zst", "renamed"):
        assert len(items_of(world)) == before + 3 * 40 and imported(world, name)["Added"] == 0


@test
def a_filter_picks_users(world):
    world.deploy(["atl"])
    some_people(world)
    whole = counts(export(world, "all.json", "-Output", "Json").must(0))
    assert (whole["Users"], whole["Items"]) == (2, 6)
    for number, text in enumerate(("sip:Ann@litwareinc.com", "ann", "a*", "sip:a*",
                                   '{DisplayName -eq "Ann"}')):
        export(world, f"{number}.json", "-UserFilter", text).must(0)
        assert lines_of(world.folder / f"{number}.json")[-1] == {"users": 1, "items": 1}, text
    export(world, "x.json", "-UserFilter", "x*").must(1, "No user of", "fits -UserFilter")
    export(world, "x.json", "-UserFilter", "{Nmae -eq 1}").must(1, "Users have no property Nmae")
    assert not (world.folder / "x.json").exists()
    some = imported(world, "all.json", "-UserFilter", "ann")
    assert (some["Users"], some["Unchanged"]) == (1, 1), some
    bring(world, "all.json", "-UserFilter", "x*").must(0, "No user of the file fits")


# --- the file ------------------------------------------------------------------------------------


@test
def a_file_is_replaced_only_by_a_whole_one_and_only_if_it_is_wanted(world):
    world.deploy(["atl"])
    write_lines(world.folder / "in.json", *many(world, 20, 100000))
    assert imported(world, "in.json")["Added"] == 40
    file = world.folder / "users.json"
    file.write_text("precious")
    export(world).must(1, "users.json exists.", "Nothing was done.", "-Force")
    export(world, "users.json", "-WhatIf").must(0, "The data of 20 users")
    assert file.read_text() == "precious"
    export(world, "users.json", "-Force").must(0)
    assert len(lines_of(file)) == 42 and stat.S_IMODE(file.stat().st_mode) == 0o600
    moved = export(world, r"C:\Logs\moved.json").must(0, "There are no drives here")
    assert "WARNING" in moved.err and (world.folder / "moved.json").exists()
    bring(world, r"C:\Logs\moved.json").must(0, "There are no drives here")
    export(world, "nowhere/users.json").must(1, "can't be written: No such file", "No file was made")
    (world.folder / "folder").mkdir()
    for words in ([], ["-Force"], ["-WhatIf"]):
        whole = export(world, "folder", *words).must(1, "folder is a folder.", "Nothing was done.")
        assert not whole.out, whole
    words = ["Export-CsUserData", "-PoolFqdn", ATL, "-FileName", "users.json"]
    assert "users.json" not in on_disk(world, "size=64k", *words).must(
        1, "can't be written: No space left", "No file was made").out
    assert "users.json" not in on_disk(world, "ro", *words).must(
        1, "can't be written: Read-only file system").out
    assert sorted(path.name for path in world.folder.glob("*.json*")) == [
        "in.json", "moved.json", "users.json"]


# --- interrupted ---------------------------------------------------------------------------------


def must_be_whole(world, count):
    """Each user has both of his items, and their sum, or nothing; returns how many have."""
    having = {}
    for key in items_of(world):
        _, user, what = key.split(b"/", 2)
        having.setdefault(user, set()).add(what)
    assert all(len(of_one) == 3 for of_one in having.values()), having
    assert len(having) <= count
    return len(having)


@test
def a_daemon_that_is_killed_leaves_whole_users_and_the_command_goes_on(world):
    world.deploy(["atl"])
    write_lines(world.folder / "users.json", *many(world, 600, 60000))
    importing = begun(world, "Import-CsUserData", "-PoolFqdn", ATL, "-FileName", "users.json")
    until("some to be imported", lambda: len(items_of(world)) > 100)
    world.kill("atl")
    out, err = importing.communicate(timeout=PATIENCE_S)
    assert importing.returncode == 1 and "Give the command again: it goes on" in err, err
    assert "users gone through, up to line" in err, err
    world.start("atl")
    world.all_serve()
    there = must_be_whole(world, 600)
    assert 0 < there < 600, there
    done = imported(world)
    assert (done["Users"], done["Added"]) == (600, 2 * (600 - there)), (done, there)
    assert must_be_whole(world, 600) == 600


@test
def ctrl_c_ends_an_import_and_an_export(world):
    keep_audit(world.build(["atl"]))
    world.begin()
    write_lines(world.folder / "users.json", *many(world, 600, 60000))
    importing = begun(world, "Import-CsUserData", "-PoolFqdn", ATL, "-FileName", "users.json")
    until("some to be imported", lambda: len(items_of(world)) > 100)
    importing.send_signal(signal.SIGINT)
    out, err = importing.communicate(timeout=PATIENCE_S)
    assert importing.returncode == 130 and "Give the command again: it goes on" in err, err
    until("polluxd to have let go of it", lambda: [
        entry for entry in audit(world, "atl") if entry["command"] == "Import-CsUserData"])
    there = must_be_whole(world, 600)
    assert 0 < there < 600, there
    assert imported(world)["Unchanged"] == 2 * there
    exporting = begun(world, "Export-CsUserData", "-PoolFqdn", ATL, "-FileName", "out.json")
    until("it to be written", lambda: list(world.folder.glob("out.json.*")))
    exporting.send_signal(signal.SIGINT)
    out, err = exporting.communicate(timeout=PATIENCE_S)
    if exporting.returncode:  # it may have been faster
        assert exporting.returncode == 130 and "No file was made" in err, err
        assert not list(world.folder.glob("out.json*"))


# --- who may, and what is noted -------------------------------------------------------------------


@test
def an_import_is_one_entry_of_the_audit_log_and_its_parts_are_the_callers_alone(world):
    keep_audit(people(world.build(["atl", "redmond"]), {"alice": [ADMINISTER], "bob": [ADMINISTER],
                                                        "viewer": [READ]}, "atl"))
    world.begin()
    write_lines(world.folder / "users.json", *many(world, 60, 60000))
    file = world.folder / "users.json"
    file.chmod(0o644)
    words = ["-PoolFqdn", ATL, "-FileName", str(file)]
    failed(typed_by(world, "viewer", "atl", "Import-CsUserData", *words), 3, "may not run")
    failed(typed_by(world, "viewer", "atl", "Export-CsUserData", *words, "-Force"), 3, "may not run")
    seen = len(audit(world, "atl"))
    typed_by(world, "alice", "atl", "Import-CsUserData", *words).must(0)
    entries = audit(world, "atl")[seen:]
    assert [(e["command"], e["result"]) for e in entries] == [("Import-CsUserData", "done")]
    assert "user0001" not in json.dumps(entries) and not world["atl"].events("resource-lists")
    # Whoever has the right, and guesses, can't put a part into somebody else's file.
    part = {"PoolFqdn": ATL, "FileName": "x", "Transfer": "0" * 32, "Part": 1, "Content": ""}
    world["atl"].ask("Import-CsUserData", **part).must(200, "Nobody asked for this part", "failed")
    assert audit(world, "atl")[-1]["result"] == "failed"
    world["atl"].ask("Export-CsUserData", **part).must(400, "has no parameter")
    world["atl"].ask("Import-CsUserData", **{**part, "Content": "a" * (1 << 20)}).must(413)


@test
def somebody_elses_part_is_refused_while_it_is_waited_for(world):
    """An asker of ours, who is slow; and another, who is not."""
    people(world.build(["atl"]), {"alice": [ADMINISTER]}, "atl").begin()
    connection = LocalConnection(world["atl"].socket)
    connection.request("POST", API + "Import-CsUserData", json.dumps(
        {"PoolFqdn": ATL, "FileName": "x"}))
    stream = connection.getresponse()
    wanted = next(line for line in map(json.loads, filter(bytes.strip, stream)) if "part" in line)
    asked = {"PoolFqdn": ATL, "FileName": "x", "Transfer": wanted["part"]["transfer"],
             "Part": wanted["part"]["number"], "Content": ""}
    run("curl", "-sS", "--unix-socket", world["atl"].socket, "-d", json.dumps(asked),
        f"http://localhost{API}Import-CsUserData", cwd="/", user=world.uids["alice"],
        group=NOBODYS_GROUP, extra_groups=[]).must(0, "Nobody asked for this part")
    world["atl"].ask("Import-CsUserData", **{**asked, "Content": "?"}).must(200, "is not base64")
    world["atl"].ask("Import-CsUserData", **asked).must(200, '"done"')
    world["atl"].ask("Import-CsUserData", **asked).must(200, "Nobody asked for this part")
    assert b"This is no file of users' data" in stream.read()


if __name__ == "__main__":
    sys.exit(main())
