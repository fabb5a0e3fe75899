#!/usr/bin/env python3
"""The storage service: what is noted of users' sessions, on its way from a machine's queue to what is
kept of each user."""

from copies import *
from pollux_world import *
from test_store import SmallDisk
from web_client import *

FLUSH = "Invoke-CsStorageServiceFlush"


def flush(world, pool, kind, **parameters):
    return world[pool].ask(FLUSH, PoolFqdn=name_of(pool), FlushType=kind, **parameters)


def queued(world, pool):
    """How many records its queue has, looked at from outside."""
    db = sqlite3.connect(f"file:{world[pool].store}.sessions?mode=ro", uri=True)
    try:
        return db.execute("select count(*) from record where name like 'queued/%'").fetchone()[0]
    finally:
        db.close()


def history(client):
    return client.ask("GET", "/v1/history").must(200).json["records"]


def events(client):
    return [record["event"] for record in reversed(history(client))]


def limited(world, pool="atl"):
    """From here on the pool serves nobody, and notes what there is to note."""
    world[pool].ask("Stop-CsPool", PoolFqdn=name_of(pool)).must(200, '"done"')
    world.wait_mode(pool, pool, "Rejoining")


def conference(client, *others):
    return client.ask("POST", "/v1/conferences", body={
        "subject": "Budget", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T10:30:00Z",
        "participants": [f"sip:{name}@{REALM}" for name in others]}).must(201).json["id"]


@test
def users_see_what_their_sessions_did(world):
    world.deploy(["atl", "redmond"])
    for name in ("kenmyer", "alice", "bob"):
        enable(world, name)
    ken, alice = Client(world, "kenmyer"), Client(world, "alice")
    which = conference(ken, "alice")
    for client in (ken, alice):
        client.ask("PUT", f"/v1/conferences/{which}/attendance").must(204)
        client.ask("PUT", f"/v1/conferences/{which}/attendance").must(204)  # he is in it already
    bob = Client(world, "bob")
    bob.ask("PUT", f"/v1/conferences/{which}/attendance").must(404, "take part in no such")
    bob.ask("PUT", "/v1/conferences/%2e%2e/attendance").must(404)
    bob.ask("DELETE", f"/v1/conferences/{which}/attendance").must(404, "not in this conference")
    curl(world, "atl", f"/v1/conferences/{which}/attendance", "-X", "PUT", "--basic", "-u",
         f"kenmyer:{SECRET}").must(400, "by a session")
    ken.ask("DELETE", f"/v1/conferences/{which}/attendance").must(204)
    ken.ask("DELETE", f"/v1/conferences/{which}/attendance").must(404, "not in this conference")
    alice.ask("DELETE", "/v1/session").must(204)
    flush(world, "atl", "FullFlush").must(200, '"done"')
    assert events(ken) == ["SignedOn", "JoinedConference", "LeftConference"], history(ken)
    assert {r["conference"] for r in history(ken) if "conference" in r} == {which}
    again = Client(world, "alice")
    flush(world, "atl", "FullFlush").must(200, '"done"')
    told = history(again)
    assert events(again) == ["SignedOn", "JoinedConference", "LeftConference", "SignedOff",
                             "SignedOn"], told
    assert [r.get("why") for r in reversed(told)] == [None, None, "Asked", "Asked", None], told
    assert len({r["session"] for r in told}) == 2 and all(r["machine"] == ATL for r in told), told
    assert all(alice.token not in json.dumps(r) for r in told), "a token is a secret"
    assert [r["time"] for r in told] == sorted((r["time"] for r in told), reverse=True)
    curl(world, "atl", "/v1/history").must(401)


@test
def what_was_noted_goes_by_itself_and_to_the_copy_as_well(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    ken = Client(world, "kenmyer")
    until("the record to be kept", lambda: events(ken) == ["SignedOn"])
    until("the queue to be empty", lambda: queued(world, "atl") == 0)
    wait_equal(world, name_of("atl"))


@test
def a_record_that_was_acknowledged_survives_kill_9_and_is_kept_once(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    limited(world)
    Client(world, "kenmyer")
    world.kill("atl")
    assert queued(world, "atl") == 1
    world.start("atl")
    copy = world.folder / "queue"
    shutil.copy(f"{world['atl'].store}.sessions", copy)
    world["atl"].ask("Start-CsPool", PoolFqdn=ATL).must(200)
    world.wait_mode("atl", "atl", "Serving")
    flush(world, "atl", "FullFlush").must(200, '"done"')
    # As if it had been killed before the record left its queue: it goes again, under its id.
    world.stop("atl")
    for end in ("", "-wal", "-shm"):
        Path(f"{world['atl'].store}.sessions{end}").unlink(missing_ok=True)
    shutil.copy(copy, f"{world['atl'].store}.sessions")
    assert queued(world, "atl") == 1
    world.start("atl")
    world.wait_mode("atl", "atl", "Serving")
    flush(world, "atl", "FullFlush").must(200, '"done"')
    assert queued(world, "atl") == 0
    ken = Client(world, "kenmyer")
    flush(world, "atl", "FullFlush").must(200, '"done"')
    assert events(ken) == ["SignedOn", "SignedOn"], history(ken)


@test
def records_go_to_whoever_holds_the_home(world):
    """Rule 19: somebody signs on at the backup pool while his own is gone."""
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    world.wait_copied("atl", "redmond")
    wait_equal(world)
    world.kill("atl")
    world.wait_mode("redmond", "atl", "Resiliency")
    ken = Client(world, "kenmyer", pool="redmond")
    assert ken.session["limited"]
    world.wait_event("redmond", "session-records-wait", ATL)
    assert queued(world, "redmond") == 1
    assert len(world["redmond"].events("session-records-wait")) == 1
    world.start("atl")
    world.all_serve()
    until("the record to have gone", lambda: queued(world, "redmond") == 0)
    ken = Client(world, "kenmyer")
    flush(world, "atl", "FullFlush").must(200, '"done"')
    assert [(r["event"], r["machine"]) for r in reversed(history(ken))][0] == ("SignedOn", REDMOND)
    until("the end of that session to be told, too", lambda: ("SignedOff", "ServedElsewhere") in
          [(r["event"], r.get("why")) for r in history(ken)])


@test
def only_so_many_are_kept_of_a_user(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    ken = Client(world, "kenmyer")
    which = conference(ken)
    for _ in range(110):
        ken.ask("PUT", f"/v1/conferences/{which}/attendance").must(204)
        ken.ask("DELETE", f"/v1/conferences/{which}/attendance").must(204)
    flush(world, "atl", "FullFlush").must(200, '"done"')
    told = history(ken)
    assert len(told) == 200 and "SignedOn" not in events(ken), len(told)
    assert told[0]["event"] == "LeftConference"


# --- Invoke-CsStorageServiceFlush, by two runs that differ only by one thing ----------------------


def one_waits(world):
    """A record that can't go: its home is not served."""
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    limited(world)
    Client(world, "kenmyer")
    return world


@test
def steady_leaves_what_has_to_wait_and_full_fails_for_it(world):
    one_waits(world)
    steady = flush(world, "atl", "SteadyState", WaitTime="00:00:02").must(200, '"done"', '"warning"',
                                                                        "1 session record stays in the queue")
    assert steady.objects == [{"Identity": ATL, "FlushType": "SteadyState", "Written": 0,
                               "PassedOn": 0, "Left": 1}], steady.text
    full = flush(world, "atl", "FullFlush", WaitTime="00:00:02").must(
        200, '"failed"', "1 session record could not be written", "It stays in the queue")
    assert full.objects[0]["Left"] == 1, full.text
    assert queued(world, "atl") == 1


@test
def force_hides_what_is_not_fatal(world):
    one_waits(world)
    flush(world, "atl", "SteadyState").must(200, '"warning"')
    assert '"warning"' not in flush(world, "atl", "SteadyState", Force=True).must(200).text


@test
def wait_time_is_how_long_it_is_waited(world):
    one_waits(world)
    began = time.monotonic()
    flush(world, "atl", "FullFlush", WaitTime="00:00:01").must(200, '"failed"')
    assert 1 <= time.monotonic() - began
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        other = pool.submit(flush, world, "atl", "FullFlush", WaitTime="00:01:00")
        until("it to be under way", lambda: world["atl"].answers())
        world["atl"].ask("Start-CsPool", PoolFqdn=ATL).must(200)
        answer = other.result().must(200, '"done"')
    assert answer.objects[0]["Written"] == 1 and answer.objects[0]["Left"] == 0, answer.text
    assert queued(world, "atl") == 0


@test
def a_named_pipe_ends_at_the_machine(world):
    world.deploy(["atl", "redmond"])
    ask = lambda pool, binding: world[pool].ask(FLUSH, PoolFqdn=ATL, FlushType="FullFlush",
                                                Binding=binding)
    ask("redmond", "NetTcp").must(200, '"done"')
    ask("redmond", "NetNamedPipe").must(200, '"failed"', "given on, and that is not")
    ask("atl", "NetNamedPipe").must(200, '"done"')


@test
def the_machine_that_is_named_is_meant(world):
    world.deploy(["atl", "redmond"])
    flush(world, "atl", "FullFlush", HostNameStorageService=ATL).must(200, '"done"')
    flush(world, "atl", "FullFlush", HostNameStorageService=REDMOND).must(
        200, '"failed"', "is no machine of the pool")
    flush(world, "atl", "Fast").must(400, "SteadyState")
    world["atl"].ask(FLUSH, PoolFqdn=ATL).must(400, "-FlushType is missing")


# --- faults --------------------------------------------------------------------------------------


@test
def a_full_disk_refuses_the_record_and_not_the_session(world):
    world.build(["atl", "redmond"])
    disk = SmallDisk(world, "atl")
    world.begin()
    enable(world, "kenmyer")
    flush(world, "atl", "FullFlush").must(200, '"done"')
    disk.fill()
    sign_on = lambda: Client(world, "kenmyer")
    until("a record to be refused",
          lambda: sign_on() and world["atl"].events("session-records-refused"))
    for _ in range(5):
        sign_on().ask("GET", "/v1/session").must(200)
    assert len(world["atl"].events("session-records-refused")) == 1
    disk.free()
    ken = sign_on()
    world.wait_event("atl", "session-records-kept")
    flush(world, "atl", "FullFlush").must(200, '"done"')
    assert "SignedOn" in events(ken)


@test
def a_queue_that_can_not_be_opened_keeps_nobody_out_and_is_said(world):
    world.build(["atl", "redmond"])
    world["atl"].folder.mkdir(exist_ok=True)
    file = Path(f"{world['atl'].store}.sessions")
    file.write_text("something else")
    world.begin()
    enable(world, "kenmyer")
    world.wait_event("atl", "session-records-refused")
    Client(world, "kenmyer").ask("GET", "/v1/session").must(200)
    flush(world, "atl", "FullFlush").must(200, '"failed"', "could not be opened")
    assert state(world["atl"], "UserServices.PresenceFocus") != "FinalState"
    assert file.read_text() == "something else"
    file.unlink()
    world.wait_event("atl", "session-records-kept")  # it is tried again by itself
    Client(world, "kenmyer")
    flush(world, "atl", "FullFlush").must(200, '"done"')


@test
def final_is_not_said_while_records_wait(world):
    """Rule 18."""
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    configure(world, SyncInterval="00:00:05")
    look_for = lambda: state(world["atl"], "UserServices.PresenceFocus")
    until("FinalState", lambda: look_for() == "FinalState")

    def another_while_one_waits():
        Client(world, "kenmyer")
        return look_for() != "FinalState" and queued(world, "atl")

    until("another state while a record waits", another_while_one_waits)
    until("FinalState again", lambda: look_for() == "FinalState")
    assert queued(world, "atl") == 0



if __name__ == "__main__":
    sys.exit(main())
