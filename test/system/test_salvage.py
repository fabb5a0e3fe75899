"""What two pools changed without each other: a store is put back to an older copy, and an administrator
has it served as it is. What its partner has beyond that is carried over, or kept as a conflict.

Prints TAP."""

import random
import sys

from copies import *
from web_client import Client, LISTS, curl, enable as enable_user

STATUS = "Get-CsPoolFailOverStatus"
CONFLICT = "Get-CsBackupServiceConflict"
RESTORE = "Restore-CsBackupServiceConflict"
DISMISS = "Remove-CsBackupServiceConflict"
DOCUMENTS = 60
MANY, CHANGED = 25000, 5000  # more than two batches; more than a half of one


def document(text):
    return (f'<?xml version="1.0"?><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">'
            f'<list name="{text}"/></resource-lists>')


def write(client, name, text):
    reply = client.put(document(text), name)
    assert reply.status in (200, 201), reply


def reads(client, name):
    reply = client.get(name)
    return re.search('list name="(.*?)"', reply.text).group(1) if reply.status == 200 else None


def set_up(world, *users):
    """A pair that copies, with users of Atlanta."""
    world.deploy(["atl", "redmond"])
    configure(world, SyncInterval=f"00:00:{INTERVAL_S_OF_SYNC:02}")
    for user in users:
        enable_user(world, user)
    return [Client(world, user) for user in users]


def everything_copied(world):
    for home in (CENTRAL, "atl"):
        wait_equal(world, home)


def give_up(world, yesterday, meanwhile=lambda: None):
    """Atlanta's store is put back, and served from although Redmond knows more; it is not there."""
    world.kill("atl", "redmond")
    put_back(world["atl"], yesterday)
    world.start("atl")
    world.wait_mode("atl", "atl", "Rejoining")
    world.command("atl", "Start-CsPool", "-PoolFqdn", name_of("atl"), "-Force").must(0)
    world.wait_mode("atl", "atl", "Serving")
    world.wait_mode("atl", CENTRAL, "Serving")
    meanwhile()


def marks(world, pool):
    return [key for key in rows(world[pool].store, "atl") if key[1].startswith(b"salvaged/")]


def aside(world, pool="redmond", home="atl"):
    return world[pool].status_of(home)["Tail"]


def wait_salvaged(world, times=1):
    world.wait_event("redmond", "tail-salvaged", f"home {name_of('atl')}", more_than=times - 1)
    until("nothing to be set aside", lambda: aside(world) == 0)
    everything_copied(world)


def last_rejoin(world, pool):
    """What is told of it, behind how it begins."""
    return world[pool].status_of("atl")["LastRejoinResult"].removeprefix("Of what the holder did not know, ")


def conflicts(world, pool="atl", **parameters):
    return done(world[pool], CONFLICT, PoolFqdn=name_of("atl"), **parameters).objects


def sign_on_again(world, *clients):
    return [Client(world, client.name) for client in clients]


@test
def what_a_pool_gave_up_comes_back_from_its_partner(world):
    """Untouched since: carried over. New, changed, deleted, and a second time nothing is done."""
    ken, = set_up(world, "ken")
    write(ken, "changed", "old")
    write(ken, "deleted", "old")
    everything_copied(world)
    yesterday = keep_aside(world["atl"], "yesterday.db")
    write(ken, "changed", "new")
    write(ken, "added", "new")
    ken.ask("DELETE", ken.document("deleted")).must(204)
    everything_copied(world)
    give_up(world, yesterday)
    ken, = sign_on_again(world, ken)
    assert reads(ken, "changed") == "old" and reads(ken, "added") is None
    world.start("redmond")
    wait_salvaged(world)
    assert reads(ken, "changed") == "new" and reads(ken, "added") == "new"
    assert reads(ken, "deleted") is None
    assert world["redmond"].events("tail-made", name_of("atl"))
    told = world["redmond"].events("tail-salvaged", f"home {name_of('atl')}")
    assert "0 are kept as conflicts" in told[0], told
    assert not world["redmond"].events("salvage-failed")  # not for a moment
    assert conflicts(world) == [] and world["atl"].status_of("atl")["Conflicts"] == 0
    # How much Ken has was counted anew: a hundred documents are allowed, and he has two.
    for number in range(98):
        write(ken, f"more{number}", "x")
    ken.put(document("x"), "one-too-many").must(507, "100 documents")
    everything_copied(world)
    assert len(world["redmond"].events("tail-salvaged", f"home {name_of('atl')}")) == 1
    world.terms_must_be_unique()


@test
def what_only_the_lost_pool_changed_is_carried_over_however_far_each_module_had_come(world):
    """Presence and documents were copied at once; of the module that nothing is in, nobody had told for
    a moment. All that had come behind that was called touched, and older values were served."""
    world.deploy(["atl", "redmond"], network=True)
    enable_user(world, "ken")
    world.network.enter("atl")
    ken = Client(world, "ken")
    names = [f"document{n}" for n in range(6)]
    for name in names:
        write(ken, name, "one")
    world.wait_copied("atl", entirely=True)
    world.network.cut("atl", "redmond")
    for name in names:
        write(ken, name, "two")
    world.kill("atl")
    world.wait_silent("redmond", "atl")
    world.command("redmond", "Invoke-CsPoolFailOver", "-PoolFqdn", name_of("atl"), "-DisasterMode").must(0)
    world.network.join("atl", "redmond")
    world.start("atl")
    world.wait_event("atl", "tail-salvaged", f"home {name_of('atl')}")
    world.network.enter("redmond")
    ken = Client(world, "ken", "redmond")
    assert [reads(ken, name) for name in names] == ["two"] * len(names)
    assert conflicts(world, "redmond") == []


@test
def where_both_changed_the_holders_stays_and_the_other_can_be_read_put_in_place_or_dismissed(world):
    ken, lois = set_up(world, "ken", "lois")
    for client in (ken, lois):
        for name in ("one", "two", "three"):
            write(client, name, "old")
    everything_copied(world)
    yesterday = keep_aside(world["atl"], "yesterday.db")
    write(ken, "one", "lost")
    write(ken, "two", "lost")
    write(ken, "three", "lost")
    lois.ask("DELETE", lois.document("one")).must(204)
    everything_copied(world)
    give_up(world, yesterday)
    ken, lois = sign_on_again(world, ken, lois)
    write(ken, "one", "mine")
    write(ken, "two", "lost")  # the same on both sides is no conflict
    write(lois, "one", "mine")
    world.start("redmond")
    wait_salvaged(world)
    assert [reads(c, "one") for c in (ken, lois)] == ["mine", "mine"]
    found = conflicts(world)
    assert len(found) == 2, found
    assert world["atl"].status_of("atl")["Conflicts"] == 2
    assert world["redmond"].status_of("atl")["Conflicts"] == 2, "they travel with the home"
    # Both pools tell what came back, and where to look; so does a report of it.
    [event] = world["redmond"].events("tail-salvaged", f"home {name_of('atl')}")
    sums = re.search(r"(\d+) changes? (?:was|were) carried over, (\d+) (?:was|were) the same, and 2 ", event)
    told = f"{sums[0]}were kept as conflicts: {CONFLICT} -PoolFqdn {name_of('atl')}"
    assert int(sums[1]) and int(sums[2]), event
    for pool in ("atl", "redmond"):
        assert last_rejoin(world, pool) == told, (told, world[pool].status_of("atl"))
    page = world.folder / "rejoin.html"
    world.command("redmond", STATUS, "-PoolFqdn", name_of("atl"), "-Report", page).must(0)
    assert told in page.read_text(), page.read_text()
    # Both copies list them, and say whose they are and what they are about.
    listed = done(world["redmond"], CONFLICT).objects
    assert sorted(c["Identity"] for c in listed) == sorted(c["Identity"] for c in found)
    kens = next(c for c in found if c["User"] == "sip:ken@litwareinc.com")
    loiss = next(c for c in found if c["User"] == "sip:lois@litwareinc.com")
    assert "one" in kens["Subject"] and kens["AcceptedBy"] == name_of("atl"), kens
    assert loiss["Other"] == "deleted", loiss
    one = conflicts(world, Identity=kens["Identity"])
    assert 'name="lost"' in one[0]["OtherContent"] and 'name="mine"' in one[0]["KeptContent"], one
    assert conflicts(world, BackupModule="DataConf") == []
    # Not where it is not held; not without saying so first; not one that there is not.
    world.command("redmond", RESTORE, kens["Identity"]).must(
        1, "Nothing was changed", f": {RESTORE} {kens['Identity']} -PoolFqdn {name_of('atl')}\n")
    world.command("atl", RESTORE, kens["Identity"], "-WhatIf").must(
        0, f"{kens['Subject']} of sip:ken@litwareinc.com would be written")
    assert reads(ken, "one") == "mine" and len(conflicts(world)) == 2
    world.command("atl", RESTORE, "00c0ffee00c0ffee-1").must(1, "There is no conflict")
    world.command("atl", RESTORE, "nonsense").must(1, "There is no conflict")
    # Asked at the other pool, for the one that holds it.
    world.command("redmond", RESTORE, kens["Identity"], "-PoolFqdn", name_of("atl")).must(
        0, "was written over")
    assert reads(ken, "one") == "lost"
    world.command("atl", DISMISS, loiss["Identity"], "-WhatIf").must(0, "would be gone")
    assert len(conflicts(world)) == 1
    world.command("atl", DISMISS, loiss["Identity"], "-Force").must(0)
    assert conflicts(world) == [] and reads(lois, "one") == "mine"
    everything_copied(world)
    # Whoever moves the home next reads it in that report.
    world.command("redmond", "Invoke-CsPoolFailOver", "-PoolFqdn", name_of("atl"), "-Report", page).must(0)
    assert f"{sums[0]}were kept as conflicts; none is left." in page.read_text(), page.read_text()
    world.terms_must_be_unique()


@test
def a_deletion_that_was_given_up_can_be_put_in_place(world):
    ken, = set_up(world, "ken")
    write(ken, "one", "old")
    everything_copied(world)
    yesterday = keep_aside(world["atl"], "yesterday.db")
    ken.ask("DELETE", ken.document("one")).must(204)
    everything_copied(world)
    give_up(world, yesterday)
    ken, = sign_on_again(world, ken)
    write(ken, "one", "mine")
    world.start("redmond")
    wait_salvaged(world)
    assert " 1 was kept as a conflict: " in last_rejoin(world, "atl"), world["atl"].status_of("atl")
    identity = conflicts(world)[0]["Identity"]
    assert "written over" not in world.command("atl", RESTORE, identity, "-Force").must(0).err
    assert reads(ken, "one") is None and conflicts(world) == []
    everything_copied(world)
    for pool in ("atl", "redmond"):  # nobody is sent to look for it any more
        assert last_rejoin(world, pool).endswith(" 1 was kept as a conflict; none is left."), pool


@test
def whoever_was_invited_learns_of_a_conference_that_comes_back(world):
    """Invitations follow from conferences; they are not merged one by one."""
    ken, lois = set_up(world, "ken", "lois")
    write(ken, "one", "old")
    everything_copied(world)
    yesterday = keep_aside(world["atl"], "yesterday.db")
    made = ken.ask("POST", "/v1/conferences", body={
        "subject": "Planning", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T10:00:00Z",
        "participants": ["sip:lois@litwareinc.com"]}).must(201).json
    everything_copied(world)
    give_up(world, yesterday)
    world.start("redmond")
    wait_salvaged(world)
    ken, lois = sign_on_again(world, ken, lois)
    for client in (ken, lois):
        listed = client.ask("GET", "/v1/conferences").must(200).json["conferences"]
        assert [c["id"] for c in listed] == [made["id"]], listed
    assert conflicts(world) == []
    ken.ask("DELETE", f"/v1/conferences/{made['id']}").must(204)
    assert lois.ask("GET", "/v1/conferences").json["conferences"] == []


@test
def a_pool_that_is_refilled_first_takes_what_it_had_of_its_own(world):
    """Its partner knows a later term of it: it is refilled, and its own tail opens the new term. (The
    number that it was forced to open is known by another tag: nothing serves in that any more.)"""
    ken, = set_up(world, "ken")
    for name in ("one", "two"):
        write(ken, name, "old")
    everything_copied(world)
    yesterday = keep_aside(world["atl"], "yesterday.db")
    for _ in range(2):  # later terms, which yesterday's store does not know
        world.kill("atl")
        world.start("atl")
        world.all_serve()
    ken, = sign_on_again(world, ken)
    write(ken, "one", "later")
    everything_copied(world)
    give_up(world, yesterday)
    ken, = sign_on_again(world, ken)
    write(ken, "one", "mine")
    write(ken, "two", "mine")
    write(ken, "three", "mine")
    world.start("redmond")
    world.wait_event("atl", "tail-made", f"home {name_of('atl')}")
    world.all_serve()
    until("nothing to be set aside", lambda: aside(world, "atl") == 0)
    everything_copied(world)
    ken, = sign_on_again(world, ken)
    assert [reads(ken, name) for name in ("one", "two", "three")] == ["later", "mine", "mine"]
    kept = conflicts(world)
    assert len(kept) == 1 and "one" in kept[0]["Subject"], kept
    assert "and 1 was kept as a conflict" in last_rejoin(world, "atl"), world["atl"].status_of("atl")
    world.wait_event("atl", "tail-salvaged", f"home {name_of('atl')}", "and 1 is kept as a conflict")
    assert 'name="mine"' in conflicts(world, Identity=kept[0]["Identity"])[0]["OtherContent"]


@test
def killed_at_any_moment_of_it_nothing_is_lost_and_nothing_doubled(world):
    """Either side, again and again, while a tail is told and what becomes of it is copied."""
    dice = random.Random(os.environ.get("POLLUX_SEED", "11"))
    ken, lois = set_up(world, "ken", "lois")
    for number in range(DOCUMENTS):
        write(ken, f"d{number}", "old")
    everything_copied(world)
    for round_number in range(2 * SOAK):
        yesterday = keep_aside(world["atl"], f"yesterday{round_number}.db")
        new = f"new{round_number}"
        for number in range(DOCUMENTS):
            write(ken, f"d{number}", new)
        everything_copied(world)
        give_up(world, yesterday)
        ken, lois = sign_on_again(world, ken, lois)
        for number in range(0, DOCUMENTS, 3):
            write(ken, f"d{number}", f"mine{round_number}")
        before = {c["Identity"] for c in conflicts(world)}
        world.start("redmond", wait=False)
        for _ in range(6):
            time.sleep(dice.random() * 0.4)  # into the middle of it
            victim = dice.choice(["atl", "redmond", "redmond"])
            world.kill(victim)
            world.start(victim)
        world.all_serve()
        until("nothing to be set aside", lambda: aside(world) == 0 and marks(world, "redmond"))
        until("all of it to be carried over", lambda: len(
            {c["Identity"] for c in conflicts(world)} - before) == DOCUMENTS // 3)
        everything_copied(world)
        ken, lois = sign_on_again(world, ken, lois)
        for number in range(DOCUMENTS):
            assert reads(ken, f"d{number}") == (f"mine{round_number}" if number % 3 == 0 else new)
    world.terms_must_be_unique()


def fill(world, count):
    """So many items of Atlanta's home, each run with other values, while it is stopped."""
    world.stop("atl")
    run(Path(POLLUXD).parent.parent / "bench/bench-fill", world["atl"].store, name_of("atl"), count).must(0)
    world.start("atl")


@test
def a_tail_of_several_packets_is_carried_over_but_for_what_was_changed_since(world):
    """It is set aside step by step, by a pool that is killed in between. Each packet is salvaged in a
    transaction of its own; what one of them is about lies in another."""
    set_up(world)
    fill(world, MANY)
    world.all_serve()
    everything_copied(world)
    yesterday = keep_aside(world["atl"], "yesterday.db")
    fill(world, MANY)
    world.all_serve()
    everything_copied(world)
    expected = rows(world["redmond"].store, "atl")
    give_up(world, yesterday)
    fill(world, CHANGED)
    world.wait_mode("atl", "atl", "Serving")  # nobody has met it since it was told to
    changed = rows(world["atl"].store, "atl")
    world.start("redmond")
    until("some of it to be aside", lambda: aside(world))
    world.kill("redmond")
    assert not world["redmond"].events("tail-salvaged")
    world.start("redmond")
    wait_salvaged(world)
    world.wait_event("redmond", "tail-salvaged", f"{MANY - CHANGED} changes were carried over, 0 were the same, "
                                                 f"and {CHANGED} are kept as conflicts")
    assert len(conflicts(world)) == CHANGED
    now = rows(world["atl"].store, "atl")
    users = [key for key in expected if key[1].startswith(b"user/")]
    touched = [key for key in users if changed[key][0] == now[key][0]]
    assert len(users) == MANY and len(touched) == CHANGED
    assert all(now[key][0] == expected[key][0] for key in set(users) - set(touched))


@test
def what_is_still_going_aside_when_its_pool_takes_the_home_is_told_of_as_well(world):
    """The transaction that opens the term takes it, before anybody else has looked at it."""
    ken, = set_up(world, "ken")
    write(ken, "one", "old")
    everything_copied(world)
    yesterday = keep_aside(world["atl"], "yesterday.db")
    fill(world, MANY)
    world.all_serve()
    everything_copied(world)
    expected = rows(world["redmond"].store, "atl")
    give_up(world, yesterday)
    world.start("redmond")
    until("some of it to be aside", lambda: aside(world))
    world.kill("redmond", "atl")
    assert not world["redmond"].events("tail-salvaged")
    world.start("redmond")
    world.wait_silent("redmond", "atl")
    world.command("redmond", "Invoke-CsPoolFailOver", "-PoolFqdn", name_of("atl"), "-DisasterMode",
                  "-SkipDataVerification", "-Confirm:$false").must(0)
    until("nothing to be set aside", lambda: aside(world) == 0)
    world.wait_event("redmond", "tail-salvaged", f"home {name_of('atl')}", "and 0 are kept as conflicts")
    now = rows(world["redmond"].store, "atl")
    assert len(expected) > MANY and all(now[key][0] == row[0] for key, row in expected.items())
    world.start("atl")
    world.wait_mode("atl", "atl", "Standby")
    everything_copied(world)
    assert len(world["redmond"].events("tail-salvaged", f"home {name_of('atl')}")) == 1


if __name__ == "__main__":
    sys.exit(main())
