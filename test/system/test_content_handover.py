#!/usr/bin/env python3
"""What the mode of a home means for the files of its conferences, and what becomes of them when they
are deleted while one of the file stores is lost: the real polluxd, and curl."""

import concurrent.futures
import contextlib

from between import CHUNKS, SALVAGE, Between
from copies import wait_equal
from failovers import *
from test_content import Files, big, wait_same
from test_web_content import MB, conference, files, get, lies, path, put
from web_client import Client, Reply, url, with_file_store

tests.clear()

HUGE = 8 << 30  # a sparse file that nobody reads in a moment


def deploy(world):
    """Two pools, each with a file store; Redmond can be stopped at any moment of a hand-over."""
    world.build(["atl", "redmond"], central="redmond")
    world.freezer = Freezer(world, "redmond")
    return begin_with_files(world)


def begin_with_files(world):
    for pool in world.pools:
        with_file_store(world, pool)
    world.begin()
    for name in ("kenmyer", "alice"):
        enable(world, name)
    wait_equal(world)  # they sign on where their home is, which may not have the store
    ken = Client(world, "kenmyer")
    return ken, conference(ken, "alice")


def folder_of(world, pool):
    return world[pool].store.parent / "files"


def trees(world):
    return [Files(world, pool, folder_of(world, pool)) for pool in world.pools]


def bytes_read(machine):
    """By all of its threads, from wherever."""
    text = Path(f"/proc/{machine.process.pid}/io").read_text()
    return int(re.search("rchar: ([0-9]+)", text).group(1))


def incoming(world, pool):
    return list((folder_of(world, pool) / ".pollux/incoming").iterdir())


def must_wait(reply, *sentences):
    """Refused for now, by a program's means: when to come again, and why."""
    reply.must(503, *sentences)
    assert int(reply.header("Retry-After")) > 0, reply
    assert reply.json["what"] and reply.json["next"], reply


class Sending:
    """An upload that goes on for as long as the test likes, by a session or by the secret alone."""

    def __init__(self, client, which, name, first, by_secret=False):
        world = client.world
        who = ["--basic", "-u", f"{client.name}:{SECRET}"] if by_secret else [
            "-H", f"Authorization: Bearer {client.token}"]
        places = [w for m in world.machines.values()
                  for w in ("--resolve", f"{m.fqdn}:{m.users_port}:{m.address}")]
        before = len(incoming(world, client.pool))
        self.process = subprocess.Popen(
            ["curl", "-sS", "-i", "--cacert", world.folder / "pki/authority.pem", *places, *who, "-T",
             "-", url(world, client.pool, path(which, name))], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        world.others.append(self.process)
        self.process.stdin.write(first)
        self.process.stdin.flush()
        until("the upload to have begun", lambda: len(incoming(world, client.pool)) > before)

    def ends(self, rest):
        out, err = self.process.communicate(rest, timeout=PATIENCE_S)
        assert out, err
        return Reply(out.decode().replace("\r\n", "\n"))


# --- what each mode allows ---------------------------------------------------------------------


@test
def while_a_home_closes_no_upload_begins_and_those_under_way_are_kept(world):
    ken, which = deploy(world)
    put(ken, which, "old", b"old").must(201)
    put(ken, which, "deleted", b"x").must(201)
    under_way = [Sending(ken, which, "by session", b"new" * MB),
                 Sending(ken, which, "by secret", b"new" * MB, by_secret=True),
                 Sending(ken, which, "old", b"new" * MB)]
    command = begin(world, "-ServicesStopDelayMins", "30")
    world.wait_mode("atl", "atl", "Closing")
    must_wait(put(ken, which, "late", b"x"), "no new uploads")
    must_wait(put(ken, which, "old", b"x"), "no new uploads")
    for sending, status in zip(under_way, (201, 201, 200)):
        sending.ends(b"end").must(status)
    get(ken, which, "by session").must(200, b"new" * MB + b"end")
    ken.ask("DELETE", path(which, "deleted")).must(204)
    assert [f["name"] for f in files(ken, which)] == ["by secret", "by session", "old"]
    world.command("redmond", "Stop-CsPoolFailOver", "-PoolFqdn", ATL).must(0)
    command.ends().must(1, "called off")
    world.wait_mode("atl", "atl", "Serving")
    put(ken, which, "late", b"x").must(201)
    wait_same(trees(world), "atl", 4)


def all_at_once(*asked):
    """What each of them was answered: a home stays Draining for some seconds only."""
    with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
        return [f.result() for f in [pool.submit(one) for one in asked]]


def ask_while_it_drains(world, ken, which):
    """(refused, read, shown, was it Draining until the end?)"""
    under_way = [Sending(ken, which, "old", b"new" * MB), Sending(ken, which, "new", b"new" * MB),
                 Sending(ken, which, "by secret", b"new" * MB, by_secret=True)]
    world.freezer.arm("before", ": Releasing.")
    command = begin(world)
    world.freezer.wait()
    *refused, read, shown = all_at_once(
        *(lambda s=s: s.ends(b"end") for s in under_way), lambda: put(ken, which, "late", b"x"),
        lambda: ken.ask("DELETE", path(which, "old")), lambda: get(ken, which, "old"),
        lambda: files(ken, which))
    drained = world.mode("atl", "atl") == "Draining"
    world.freezer.go_on()
    command.ends()
    return refused, read, shown, drained


@test
def while_a_home_drains_files_are_read_and_what_was_under_way_leaves_nothing(world):
    ken, which = deploy(world)
    for attempt in range(4):
        put(ken, which, "old", b"old")
        wait_same(trees(world), "atl", 1)
        refused, read, shown, drained = ask_while_it_drains(world, ken, which)
        if drained:
            break
        # The machine was too slow, and the holder gave up: once more, from the beginning.
        if world.mode("atl", "atl") != "Serving":
            fail_back(world).must(0)
        holds(world, "atl")
        ken = Client(world, "kenmyer")
        for name in ("new", "by secret", "late"):
            ken.ask("DELETE", path(which, name))
    assert drained
    for reply in refused:
        must_wait(reply)
    read.must(200, b"old")
    assert [(f["name"], f["size"], f["state"]) for f in shown] == [("old", 3, "Ready")], shown
    assert incoming(world, "atl") == []
    if world.mode("atl", "atl") == "Serving":  # it stood still for too long
        fail_over(world).must(0)
    holds(world, "redmond")
    wait_same(trees(world), "atl", 1)


@test
def an_upload_that_ends_after_the_home_was_handed_over_is_sent_on_and_leaves_nothing(world):
    ken, which = deploy(world)
    put(ken, which, "old", b"old").must(201)
    sending = Sending(ken, which, "old", b"new" * MB)
    huge, began = lies(world, "atl", which, "huge"), bytes_read(world["atl"])
    with huge.open("wb") as file:
        file.truncate(HUGE)
    until("it to be read", lambda: bytes_read(world["atl"]) > began + MB)
    fail_over(world).must(0)
    holds(world, "redmond")
    moved = sending.ends(b"end").must(307)
    assert moved.header("Location") == url(world, "redmond", path(which, "old")), moved
    ken = Client(world, "kenmyer", "redmond")
    get(ken, which, "old").must(200, b"old")
    put(ken, which, "old", b"newer").must(200)
    world.wait_event("atl", "file-set-aside", "huge")
    wait_same(trees(world), "atl", 1)
    assert incoming(world, "atl") == []
    assert bytes_read(world["atl"]) < began + HUGE, "read to its end, while others waited"


@test
def a_file_that_is_still_missing_after_a_take_is_pending_and_comes_back(world):
    ken, which = deploy(world)
    for name in ("there", "missing"):
        put(ken, which, name, name.encode() * 1000).must(201)
    wait_same(trees(world), "atl", 2)
    world.kill("atl")
    lies(world, "redmond", which, "missing").unlink()
    fail_over(world, "-DisasterMode").must(0)
    world.wait_mode("redmond", "atl", "Serving")
    ken = Client(world, "kenmyer", "redmond")
    must_wait(get(ken, which, "missing").into_reply(), "not in its place yet")
    get(ken, which, "there").must(200, b"there" * 1000)
    assert {f["name"]: f["state"] for f in files(ken, which)} == {
        "there": "Ready", "missing": "Pending"}
    world.start("atl")
    until("it to be back", lambda: get(ken, which, "missing").reply.status == 200)
    get(ken, which, "missing").must(200, b"missing" * 1000)
    assert {f["state"] for f in files(ken, which)} == {"Ready"}
    wait_same(trees(world), "atl", 2)


# --- deletions while a file store is lost ---------------------------------------------------------


@contextlib.contextmanager
def unmounted(files):
    """A file store that is not mounted: its marker is not there."""
    text = files.marker.read_text()
    files.marker.unlink()
    yield
    files.marker.write_text(text)


def leave(world, name):
    world[world.central].ask("Disable-CsUser", Identity=name).must(200, '"done"')


@test
def a_conference_that_ends_while_the_partner_s_file_store_is_lost_is_gone_there_too(world):
    ken, which = deploy(world)
    other = conference(ken)
    for number in range(5):
        put(ken, which, f"{number}", b"x" * number).must(201)
    put(ken, other, "stays", b"y").must(201)
    wait_same(trees(world), "atl", 6)
    with unmounted(trees(world)[1]):
        ken.ask("DELETE", f"/v1/conferences/{which}").must(204)
        assert len(trees(world)[1].tree("atl")) == 6, "a file store without its marker was changed"
    wait_same(trees(world), "atl", 1)
    wait_equal(world, ATL)


@test
def where_the_own_file_store_is_lost_nothing_is_deleted_before_it_is_back(world):
    ken, which = deploy(world)
    other = conference(ken)
    for number in range(3):
        put(ken, which, f"{number}", b"x" * number).must(201)
        put(ken, other, f"{number}", b"y" * number).must(201)
    wait_same(trees(world), "atl", 6)
    with unmounted(trees(world)[0]):
        must_wait(ken.ask("DELETE", path(which, "0")))
        ken.ask("DELETE", f"/v1/conferences/{which}").must(204)
        leave(world, "kenmyer")
        world.wait_event("atl", "user-data-not-removed")
        assert all(len(t.tree("atl")) == 6 for t in trees(world))
    wait_same(trees(world), "atl", 0)
    wait_equal(world, ATL)


@test
def what_is_deleted_while_it_is_being_brought_back_stays_deleted(world):
    """And what somebody puts into its place meanwhile stays: Atlanta asks Redmond by way of the
    test."""
    world.build(["atl", "redmond"], central="redmond")
    between = Between(world, "atl", "redmond")
    ken, which = begin_with_files(world)
    size = 50000  # of one answer
    for seed, name in enumerate(("deleted", "replaced")):
        put(ken, which, name, big(seed, size)).must(201)
    wait_same(trees(world), "atl", 2)
    change = {"deleted": lambda: ken.ask("DELETE", path(which, "deleted")).must(204),
              "replaced": lambda: put(ken, which, "replaced", b"new").must(200)}
    changed = []

    def change_now(path, body):
        """Redmond has read it, and Atlanta does not have it yet."""
        if path == CHUNKS and len(body) > size // 2 and len(changed) < len(change):
            changed.append(name)
            change[name]()
        return body

    between.spoil = change_now
    for count, name in enumerate(change, 1):
        lies(world, "atl", which, name).unlink()
        until("it to be on its way", lambda: len(changed) == count)
        until("the keeper to be done", lambda: not pending(world))
    assert changed == list(change), changed
    get(ken, which, "deleted").must(404)
    get(ken, which, "replaced").must(200, b"new")
    assert [f["name"] for f in files(ken, which)] == ["replaced"]
    wait_same(trees(world), "atl", 1)
    assert not list((folder_of(world, "atl") / ".pollux").glob("aside/**/2*")), "set aside"


# --- what a pool had accepted alone ----------------------------------------------------------------


def accept_alone(world, ken, which):
    """At Atlanta while Redmond is not there; then Redmond serves alone, and its users go on. Returns
    what each pool has of it."""
    for name in ("both", "deleted", "kept"):
        put(ken, which, name, f"{name} at first".encode()).must(201)
    wait_same(trees(world), "atl", 3)
    world.kill("redmond")
    lost = {name: big(seed, 300_000 + seed) for seed, name in enumerate(("both", "deleted", "new"))}
    for name, data in lost.items():
        put(ken, which, name, data)
    world.kill("atl")
    world.start("redmond")
    fail_over(world, "-DisasterMode").must(0)
    world.wait_mode("redmond", "atl", "Serving")
    ken = Client(world, "kenmyer", "redmond")
    put(ken, which, "both", b"Redmond's").must(200)
    ken.ask("DELETE", path(which, "deleted")).must(204)
    return ken, lost


@test
def files_that_a_pool_accepted_alone_are_carried_over_or_can_be_put_in_place(world):
    ken, which = deploy(world)
    ken, lost = accept_alone(world, ken, which)
    world.start("atl")
    world.wait_event("atl", "tail-salvaged", f"home {ATL}")
    until("what was new to be served", lambda: get(ken, which, "new").reply.status == 200)
    get(ken, which, "new").must(200, lost["new"])
    get(ken, which, "both").must(200, b"Redmond's")
    get(ken, which, "deleted").must(404)
    wait_same(trees(world), "atl", 3)
    for conflict in conflicts(world):
        size = len(lost[conflict["Subject"].rsplit("/", 1)[1]])
        assert conflict["Other"] == f"{size} bytes", conflict  # the file's, not its item's
        world.command("redmond", "Restore-CsBackupServiceConflict", "-Identity",
                      conflict["Identity"]).must(0)
    for name in ("both", "deleted"):
        until(f"{name} to be served", lambda: get(ken, which, name).reply.status == 200 and
              get(ken, which, name).bytes == lost[name])
    wait_same(trees(world), "atl", 4)
    wait_equal(world, ATL)
    assert not conflicts(world)


@test
def files_that_a_pool_accepted_alone_are_its_own_where_it_takes_before_they_were_carried_over(world):
    """Atlanta stands by with its tail, and has Redmond's changes; Redmond hears nothing of that tail,
    and is lost. What Atlanta has aside is all that there is."""
    world.build(["atl", "redmond"], central="redmond")
    between = Between(world, "atl", "redmond")
    ken, which = begin_with_files(world)
    ken, lost = accept_alone(world, ken, which)

    def tell_no_tail(path):
        if path == SALVAGE:
            raise ConnectionError

    between.before = tell_no_tail
    world.start("atl")
    world.wait_event("atl", "tail-made", f"home {ATL}")
    until("Redmond's changes to be there", lambda: not lies(world, "atl", which, "deleted").exists()
          and lies(world, "atl", which, "both").read_bytes() == b"Redmond's")
    until("it to have been tried", lambda: between.bodies(SALVAGE))
    here = lambda: [d["CopiedUpTo"] for d in world["atl"].ask("Get-CsBackupServiceStatus", PoolFqdn=ATL,
                                                              Detailed=True).objects[1:]
                    if d["Direction"] == "Import" and d["Home"] == ATL]
    until("all of them to be known, too", lambda: set(here()) == {head(world, "redmond", ATL)})
    assert not world["atl"].events("import-failed")
    world.kill("redmond")
    assert not world["atl"].events("tail-salvaged")
    fail_back(world, "-DisasterMode").must(0)
    world.wait_mode("atl", "atl", "Serving")
    ken = Client(world, "kenmyer")
    until("what was new to be served", lambda: get(ken, which, "new").reply.status == 200)
    get(ken, which, "new").must(200, lost["new"])
    get(ken, which, "both").must(200, b"Redmond's")
    get(ken, which, "deleted").must(404)
    for conflict in conflicts(world, "atl"):
        world.command("atl", "Restore-CsBackupServiceConflict", "-Identity",
                      conflict["Identity"]).must(0)
    for name in ("both", "deleted"):
        until(f"{name} to be served", lambda: get(ken, which, name).reply.status == 200 and
              get(ken, which, name).bytes == lost[name])
    between.before = lambda path: None
    world.start("redmond")
    holds(world, "atl")
    wait_same(trees(world), "atl", 4)
    assert not conflicts(world, "atl")


@test
def a_copy_that_has_just_been_started_takes_no_manifest_before_its_file(world):
    """Until it had looked at what it is to the home, it took them as one does that is refilled."""
    ken, which = deploy(world)
    manifests = lambda: [key for (_, key) in rows(world["redmond"].store, "atl")
                         if key.startswith(f"{which}/".encode())]
    for turn in range(3):
        wait_same(trees(world), "atl", 10 * turn)
        world.kill("redmond")
        for n in range(10):
            put(ken, which, f"{turn}-{n}", big(n, 300_000)).must(201)
        world.start("redmond", wait=False)
        until("the first manifest", lambda: world["redmond"].store.exists() and len(manifests()) > 10 * turn)
        there = [lies(world, "redmond", which, key.decode().split("/")[1]).exists() for key in manifests()]
        assert all(there), there


def kill_in_the_middle_of_a_put(world, ken, which):
    """Its first version is known to nobody else, and the second stands in its place when Atlanta is
    killed: the store has not kept its manifest. Redmond takes the home."""
    put(ken, which, "notes", b"nothing").must(201)
    wait_same(trees(world), "atl", 1)
    world.pause("redmond")
    put(ken, which, "notes", b"first").must(200)
    file = lies(world, "atl", which, "notes")
    with concurrent.futures.ThreadPoolExecutor(1) as others:
        with Locked(world, "atl"):
            unanswered = others.submit(put, ken, which, "notes", b"second")
            until("it to be in its place", lambda: file.read_bytes() == b"second")
            world.kill("atl")
        assert unanswered.exception()
    world.resume("redmond")
    world.wait_silent("redmond", "atl")
    fail_over(world, "-DisasterMode").must(0)


def must_be_the_first(world, which):
    moved = Client(world, "kenmyer", "redmond")
    until("it to be carried over", lambda: get(moved, which, "notes").bytes == b"first")
    fail_back(world).must(0)
    holds(world, "atl")
    get(Client(world, "kenmyer"), which, "notes").must(200, b"first")
    assert conflicts(world, "atl") == []
    assert not incoming(world, "atl")


@test
def a_file_is_what_was_acknowledged_last_where_its_next_version_never_was(world):
    ken, which = deploy(world)
    kill_in_the_middle_of_a_put(world, ken, which)
    world.start("atl")
    must_be_the_first(world, which)


@test
def and_where_its_file_store_is_mounted_when_its_pool_has_met_the_new_holder(world):
    """By then its manifest is in the tail, or carried over: what lies there is nobody's, and kept."""
    ken, which = deploy(world)
    kill_in_the_middle_of_a_put(world, ken, which)
    folder = folder_of(world, "atl")
    folder.rename(folder.with_name("away"))
    world.start("atl")
    world.wait_mode("atl", "atl", "Standby")
    until("its tail to be salvaged", lambda: world["redmond"].status_of("atl").get("LastRejoinResult"))
    folder.with_name("away").rename(folder)
    must_be_the_first(world, which)


@test
def a_file_that_was_refused_leaves_the_version_before_it(world):
    """It stood in its place for so long that it was taken for a change of the tree: behind the failure
    its manifest was kept, and the file was nowhere."""
    ken, which = deploy(world)
    put(ken, which, "notes", b"first").must(201)
    with concurrent.futures.ThreadPoolExecutor(1) as others, Locked(world, "atl"):
        refused = others.submit(put, ken, which, "notes", b"second")
        must_wait(refused.result())
    put(ken, which, "other", b"x").must(201)  # whatever waited behind it is kept, too
    get(ken, which, "notes").must(200, b"first")
    fail_over(world).must(0, "Verified       : True")
    get(Client(world, "kenmyer", "redmond"), which, "notes").must(200, b"first")
    assert not incoming(world, "atl")


@test
def what_is_missing_and_lies_aside_comes_back_without_the_other_pool(world):
    ken, which = deploy(world)
    data = big(1, 300_000)
    put(ken, which, "file", data).must(201)
    wait_same(trees(world), "atl", 1)
    world.kill("redmond")
    file = lies(world, "atl", which, "file")
    aside = folder_of(world, "atl") / ".pollux/aside" / ATL / which / "file"
    aside.mkdir(parents=True)
    file.rename(aside / "a version")
    until("it to be back", lambda: get(ken, which, "file").reply.status == 200)
    get(ken, which, "file").must(200, data)
    assert (aside / "a version").read_bytes() == data  # nothing there is ever taken away


def conflicts(world, pool="redmond"):
    return [c for c in world[pool].ask("Get-CsBackupServiceConflict", PoolFqdn=ATL).objects
            if c["BackupModule"] == "ConfServices.DataConf"]


def pending(world):
    answer = world["atl"].ask("Get-CsBackupServiceStatus", PoolFqdn=ATL, Detailed=True)
    return next(d for d in answer.objects if d.get("Module") == "ConfServices.DataConf" and
                d["Direction"] == "Export")["PendingFiles"]


if __name__ == "__main__":
    sys.exit(main())
