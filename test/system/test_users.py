"""Users: accounts are made, found, listed, changed and removed; secrets are nowhere.

The commands are given as programs give them, mostly: through the daemon's API. Prints TAP."""

import base64
import hashlib
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from pollux_world import *

DOMAIN = "litwareinc.com"
SECRET = "Sesam-öffne-dich-4711"
PROPERTIES = ["Identity", "SipAddress", "DisplayName", "RegistrarPool", "Enabled", "PinLocked",
              "WhenCreated"]


def said(answer, stream):
    return [line[stream] for line in answer.lines if stream in line]


def done(machine, command, **parameters):
    """The answer of a command that must succeed; one that finds all threads taken comes again."""
    while True:
        answer = machine.ask(command, **parameters)
        busy = "Too many commands" in answer.text
        if not busy:
            break
        time.sleep(0.01)
    assert answer.status == 200 and answer.lines[-1] == {"status": "done"}, answer.text
    return answer


def refused(machine, command, *sentences, **parameters):
    """Its error, which has words on what was left, and each of the sentences."""
    answer = machine.ask(command, **parameters)
    errors = said(answer, "error") if answer.status == 200 else [answer.json]
    assert len(errors) == 1, answer.text
    for sentence in sentences:
        assert sentence in " ".join(errors[0].values()), (sentence, errors)
    assert errors[0]["kept"], errors
    assert answer.status != 200 or answer.lines[-1] == {"status": "failed"}, answer.text
    return errors[0]


def enable(machine, user, **parameters):
    return done(machine, "Enable-CsUser", **{"Identity": user, "RegistrarPool": name_of("atl"),
                                             **parameters})


def user(machine, identity):
    answer = done(machine, "Get-CsUser", Identity=identity)
    assert len(answer.objects) == 1, answer.text
    return answer.objects[0]


def addresses(answer):
    return [o["Identity"] for o in answer.objects]


# --- making ------------------------------------------------------------------------------------


@test
def a_user_is_made_and_found_by_each_name(world):
    world.deploy(["atl", "redmond"])
    atl = world["atl"]
    made = enable(atl, "Ken Myer", SipAddress="sip:KenMyer@LitwareInc.com", PassThru=True,
                  Verbose=True)
    assert said(made, "verbose"), made.text
    assert "Set-CsClientPin -Identity kenmyer@litwareinc.com" in said(made, "information")[0]
    ken = made.objects[0]
    assert list(ken) == PROPERTIES, ken
    assert ken == {"Identity": "kenmyer@litwareinc.com", "SipAddress": "sip:kenmyer@litwareinc.com",
                   "DisplayName": "Ken Myer", "RegistrarPool": name_of("atl"), "Enabled": True,
                   "PinLocked": False, "WhenCreated": ken["WhenCreated"]}
    for identity in ("kenmyer", "KENMYER", "kenmyer@litwareinc.com", "Sip:kenmyer@LITWAREINC.com",
                     "Ken Myer", "ken MYER"):
        assert user(atl, identity) == ken
    # An address alone is enough, and so is its beginning; nothing but what was asked for is shown.
    assert enable(atl, "alice").objects == []
    assert user(atl, "alice")["DisplayName"] == "alice"
    enable(atl, "sip:bob@litwareinc.com", DisplayName="Bob Kelly Ünal", RegistrarPool=name_of("redmond"))
    assert user(atl, "bob kelly üNAL")["RegistrarPool"] == name_of("redmond")
    enable(atl, "carol@litwareinc.com", SipAddress="carol")
    assert addresses(done(atl, "Get-CsUser")) == \
        [f"{u}@{DOMAIN}" for u in ("alice", "bob", "carol", "kenmyer")]


@test
def what_can_not_be_made_is_told_why(world):
    world.deploy(["atl", "redmond"])
    atl = world["atl"]
    enable(atl, "kenmyer", DisplayName="Ken Myer")

    def fails(identity, *sentences, **parameters):
        refused(atl, "Enable-CsUser", *sentences,
                **{"Identity": identity, "RegistrarPool": name_of("atl"), **parameters})

    fails("KenMyer", "belongs to a user already", '"Ken Myer"', "Set-CsUser -Identity kenmyer@")
    fails("Ken Myer", "is a name", "-SipAddress sip:kenmyer@litwareinc.com")
    fails("alice", "no pool atl-cs-002", "Was atl-cs-001.litwareinc.com meant?",
          RegistrarPool="atl-cs-002.litwareinc.com")
    fails("alice@contoso.com", "its SIP domain is litwareinc.com")
    fails("alice", "its SIP domain is litwareinc.com", SipAddress="sip:alice@contoso.com")
    fails("alice@litwareinc.com", "-Identity is the address alice@", "-SipAddress is alicia@",
          SipAddress="alicia")
    fails("a*@litwareinc.com", "is no user's address")
    fails("x" * 65 + "@litwareinc.com", "1 to 64 of the letters")
    fails("ü" * 300 + "@", "is no user's address")
    fails("x" + "€" * 319, "has 320 characters", "at most 256", SipAddress="alice")
    atl.ask("Enable-CsUser", Identity="alice").must(400, "RegistrarPool is missing")
    would = done(atl, "Enable-CsUser", Identity="alice", RegistrarPool=name_of("atl"), WhatIf=True,
                 PassThru=True)
    assert would.objects == [] and "alice@litwareinc.com would be made" in said(would, "whatif")[0]
    assert addresses(done(atl, "Get-CsUser")) == [f"kenmyer@{DOMAIN}"]


@test
def nobody_is_there_before_the_first_publication(world):
    world.build(["atl", "redmond"]).start()
    refused(world["atl"], "Get-CsUser", "no Central Management Store yet", "Publish-CsTopology")
    refused(world["atl"], "Enable-CsUser", Identity="a", RegistrarPool=name_of("atl"))


# --- finding -----------------------------------------------------------------------------------


@test
def who_is_not_found_is_told_with_who_was_meant(world):
    world.deploy(["atl", "redmond"])
    atl = world["atl"]
    for i in range(7):
        enable(atl, f"smith{i}", DisplayName="John Smith")
    enable(atl, "kenmyer", DisplayName="Ken Myer")
    for command, parameters in (("Get-CsUser", {}), ("Set-CsUser", {"Enabled": False}),
                                ("Disable-CsUser", {}), ("Set-CsClientPin", {"Pin": SECRET}),
                                ("Get-CsUserPoolInfo", {})):
        find = lambda identity, *sentences: refused(atl, command, *sentences, Identity=identity,
                                                    **parameters)
        find("kenmyr", "no user kenmyr@", "Was kenmyer@litwareinc.com meant?")
        find("sip:kenmyar@litwareinc.com", "Was kenmyer@litwareinc.com meant?")
        find("zzz@litwareinc.com", "no user zzz@", "Get-CsUser -Filter 'zz*'")
        find("kenmyer@contoso.com", "its SIP domain is litwareinc.com")
        find("Kenneth Myer", 'the display name "Kenneth Myer"', "DisplayName -like")
        find("john smith", '7 users have the display name "john smith"', "smith0@", "smith4@", ", …")
    refused(atl, "Set-CsClientPin", "-Pin is missing", Identity="kenmyer")
    assert len(done(atl, "Get-CsUser").objects) == 8


@test
def lists_are_filtered_and_cut(world):
    world.deploy(["atl", "redmond"])
    atl = world["atl"]
    for i in range(30):
        enable(atl, f"user{i:02}", DisplayName=f"User Nr {i}",
               RegistrarPool=name_of("atl" if i % 3 else "redmond"))
    done(atl, "Set-CsUser", Identity="user07", Enabled=False)
    count = lambda **parameters: len(done(atl, "Get-CsUser", **parameters).objects)
    assert count() == 30
    assert count(ResultSize=4) == 4 and count(ResultSize=30) == 30 and count(ResultSize=31) == 30
    assert count(Filter="USER1*") == 10 and count(Filter="*") == 30 and count(Filter="x*") == 0
    assert count(Filter="user1*", ResultSize=3) == 3
    assert count(Filter=f'{{RegistrarPool -eq "{name_of("redmond").upper()}"}}') == 10
    assert count(Filter="Enabled -eq $false") == 1
    assert count(Filter="{ $_.DisplayName -like 'User Nr 1*' -and Enabled -eq $true }") == 11
    assert count(Filter="{DisplayName –like “user nr 2?” —or Identity -eq user00@litwareinc.com}") == 11
    assert count(Identity="user07", Filter="Enabled -eq $true") == 0
    fails = lambda text, *sentences: refused(atl, "Get-CsUser", *sentences, Filter=text)
    fails("{DisplayName -lik x}", "column 14", "Was -like meant?")
    fails("{DisplayNam -like x}", "no property DisplayNam", "Was DisplayName meant?")
    fails("{Foo -like x}", "no property Foo", "They have Identity, SipAddress")
    fails("{Enabled -eq}", "A value is expected", "For example")
    fails("{(Enabled -eq $true}", "column 20", "Close it with ).")


# --- changing ----------------------------------------------------------------------------------


@test
def what_is_named_changes_and_the_rest_stays(world):
    world.deploy(["atl", "redmond"])
    atl = world["atl"]
    enable(atl, "kenmyer", DisplayName="Ken Myer")
    enable(atl, "alice")
    ken = user(atl, "kenmyer")
    done(atl, "Set-CsUser", Identity="Ken Myer", Enabled=False)
    assert user(atl, "kenmyer") == {**ken, "Enabled": False}
    shown = done(atl, "Set-CsUser", Identity="kenmyer", DisplayName="Ken J. Myer", PassThru=True)
    assert shown.objects == [{**ken, "Enabled": False, "DisplayName": "Ken J. Myer"}]
    done(atl, "Set-CsUser", Identity="kenmyer", DisplayName="Ken Myer", Enabled=True)
    assert user(atl, "kenmyer") == ken
    # What changes nothing says so.
    assert "give -SipAddress" in said(done(atl, "Set-CsUser", Identity="kenmyer"), "warning")[0]
    same = done(atl, "Set-CsUser", Identity="kenmyer", Enabled=True, SipAddress="kenmyer")
    assert "so already" in said(same, "warning")[0]
    would = done(atl, "Set-CsUser", Identity="kenmyer", Enabled=False, DisplayName="x" * 256,
                 SipAddress="ken", WhatIf=True)
    assert len(said(would, "whatif")) == 3 and "…" in would.text, would.text
    assert user(atl, "kenmyer") == ken
    # Another address is the same user.
    refused(atl, "Set-CsUser", "belongs to a user already", Identity="kenmyer", SipAddress="Alice")
    refused(atl, "Set-CsUser", "its SIP domain is", Identity="kenmyer", SipAddress="ken@contoso.com")
    moved = done(atl, "Set-CsUser", Identity="kenmyer", SipAddress="sip:Ken@litwareinc.com")
    assert "Set-CsClientPin -Identity ken@litwareinc.com" in said(moved, "warning")[0]
    assert user(atl, "ken") == {**ken, "Identity": "ken@litwareinc.com",
                                "SipAddress": "sip:ken@litwareinc.com"}
    refused(atl, "Get-CsUser", "no user kenmyer@", Identity="kenmyer")
    # And the old one is free.
    enable(atl, "kenmyer")


@test
def a_removed_user_is_gone_with_the_secret(world):
    world.deploy(["atl", "redmond"])
    atl = world["atl"]
    enable(atl, "kenmyer")
    done(atl, "Set-CsClientPin", Identity="kenmyer", Pin=SECRET)
    assert items(atl, "credential/")
    would = done(atl, "Disable-CsUser", Identity="kenmyer", WhatIf=True)
    assert "would be removed" in said(would, "whatif")[0] and user(atl, "kenmyer")
    gone = done(atl, "Disable-CsUser", Identity="sip:kenmyer@litwareinc.com", PassThru=True)
    assert gone.objects[0]["Identity"] == "kenmyer@litwareinc.com"
    refused(atl, "Get-CsUser", Identity="kenmyer")
    refused(atl, "Disable-CsUser", Identity="kenmyer")
    assert not items(atl, "account/") and not items(atl, "credential/")


@test
def sixty_four_at_once_all_change_the_same_user(world):
    """Each finds the account as another left it, and does not undo what that one did."""
    world.deploy(["atl", "redmond"])
    atl = world["atl"]
    enable(atl, "kenmyer")
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(
            lambda i: done(atl, "Set-CsUser", Identity="kenmyer", PassThru=True,
                           **({"DisplayName": f"Name {i}"} if i % 2 else {"Enabled": i % 4 == 0})),
            range(64)))
    names = {o["DisplayName"] for answer in answers for o in answer.objects}
    assert {f"Name {i}" for i in range(1, 64, 2)} <= names, names
    assert user(atl, "kenmyer")["DisplayName"].startswith("Name ")


@test
def of_many_who_make_the_same_user_one_does(world):
    world.deploy(["atl", "redmond"])
    atl, redmond = world["atl"], world["redmond"]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(
            lambda i: (redmond if i % 4 == 0 else atl).ask(
                "Enable-CsUser", Identity=f"Ken {i}", SipAddress="kenmyer",
                RegistrarPool=name_of("atl")), range(16)))
    ends = [answer.lines[-1]["status"] for answer in answers]
    assert ends.count("done") == 1, ends
    assert all("belongs to a user already" in answer.text for answer, end in zip(answers, ends)
               if end == "failed"), [a.text for a in answers]
    assert user(atl, "kenmyer")["DisplayName"] == f"Ken {ends.index('done')}"


# --- secrets -----------------------------------------------------------------------------------


def items(machine, beginning):
    """The live items of `central` in a machine's store, by their keys."""
    found = {}
    store = sqlite3.connect(f"file:{machine.store}?mode=ro", uri=True)
    for table in item_tables(store):
        for key, value in store.execute(f"SELECT key, value FROM {table} "
                                        f"WHERE deleted = 0 AND {counts(table)}"):
            if bytes(key).startswith(beginning.encode()):
                found[bytes(key).decode()] = json.loads(bytes(value))
    store.close()
    return found


@test
def of_a_secret_only_hashes_are_kept(world):
    world.build(["atl", "redmond"])
    for machine in world.machines.values():
        machine.extra += f'audit_log = "{machine.pool}.audit"\n'
        machine.write_config()
    world.start()
    world.wait_hears("atl", "redmond")
    world.wait_hears("redmond", "atl")
    world.publish("atl").must(0)
    world.all_serve()
    atl, redmond = world["atl"], world["redmond"]
    enable(atl, "kenmyer")
    enable(atl, "alice")
    would = done(atl, "Set-CsClientPin", Identity="kenmyer", Pin=SECRET, WhatIf=True)
    assert said(would, "whatif") and not items(atl, "credential/")
    assert said(done(atl, "Set-CsClientPin", Identity="kenmyer", WhatIf=True), "whatif")
    done(atl, "Set-CsClientPin", Identity="kenmyer", Pin=SECRET, Verbose=True)
    done(redmond, "Set-CsClientPin", Identity="alice", Pin=SECRET, Verbose=True)
    refused(atl, "Set-CsClientPin", "no user", Identity="nobody", Pin=SECRET)
    atl.ask("Set-CsClientPin", Identity="alice", Pin=SECRET * 9).must(400, "not that")
    for name in ("alice", "kenmyer"):
        ha1 = {a: {k: h(f"{u}:{DOMAIN}:{SECRET}".encode()).hexdigest()
                   for k, u in (("User", name), ("Address", f"{name}@{DOMAIN}"))}
               for a, h in (("MD5", hashlib.md5), ("SHA-256", hashlib.sha256))}
        assert items(atl, "credential/")[f"credential/{name}@{DOMAIN}"] == ha1
    # Another address has another hash, so the old one would be of no use.
    done(atl, "Set-CsUser", Identity="kenmyer", SipAddress="ken")
    assert list(items(atl, "credential/")) == [f"credential/alice@{DOMAIN}"]
    assert "********" in (world.folder / "atl.audit").read_text()
    world.stop()
    spellings = [SECRET.encode(), json.dumps(SECRET).strip('"').encode(),
                 base64.b64encode(SECRET.encode())]
    for path in world.folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not any(s in content for s in spellings), path


# --- at both pools, and over time --------------------------------------------------------------


@test
def a_secret_is_locked_until_it_is_unlocked_or_another_one(world):
    world.deploy(["atl", "redmond"])
    atl = world["atl"]
    enable(atl, "kenmyer")
    enable(atl, "alice")
    done(atl, "Set-CsClientPin", Identity="kenmyer", Pin=SECRET)
    locked = lambda: addresses(done(atl, "Get-CsUser", Filter="PinLocked -eq $true"))
    assert said(done(atl, "Lock-CsClientPin", Identity="kenmyer", WhatIf=True), "whatif")
    assert locked() == []
    assert done(atl, "Lock-CsClientPin", Identity="kenmyer", PassThru=True).objects[0]["PinLocked"]
    assert locked() == [f"kenmyer@{DOMAIN}"]
    assert "locked already" in said(done(atl, "Lock-CsClientPin", Identity="kenmyer"), "warning")[0]
    done(atl, "Set-CsUser", Identity="kenmyer", DisplayName="Ken")
    assert locked() == [f"kenmyer@{DOMAIN}"]
    assert not said(done(atl, "Unlock-CsClientPin", Identity="kenmyer"), "warning")
    assert locked() == []
    assert "unlocked already" in said(done(atl, "Unlock-CsClientPin", Identity="alice"), "warning")[0]
    done(atl, "Lock-CsClientPin", Identity="kenmyer")
    assert "was locked" in said(done(atl, "Set-CsClientPin", Identity="kenmyer", Pin=SECRET),
                                "information")[0]
    assert locked() == []
    for command in ("Lock-CsClientPin", "Unlock-CsClientPin"):
        refused(atl, command, "no user", Identity="nobody")


@test
def commands_given_at_the_other_pool_are_carried_out_at_the_holder(world):
    world.deploy(["atl", "redmond"])
    atl, redmond = world["atl"], world["redmond"]
    enable(redmond, "kenmyer", RegistrarPool=name_of("redmond"))
    done(redmond, "Set-CsUser", Identity="kenmyer", DisplayName="Ken")
    assert user(redmond, "ken") == user(atl, "kenmyer")
    refused(redmond, "Set-CsUser", "no user kenmyr@", Identity="kenmyr")
    where = done(redmond, "Get-CsUserPoolInfo", Identity="kenmyer").objects
    assert where == [{"Identity": f"kenmyer@{DOMAIN}", "PrimaryPoolFqdn": name_of("redmond"),
                      "BackupPoolFqdn": name_of("atl"), "ServingPoolFqdn": name_of("redmond"),
                      "ServingMode": "Serving"}], where
    enable(atl, "alice")
    where = done(redmond, "Get-CsUserPoolInfo", Identity="alice").objects[0]
    assert list(where) == ["Identity", "PrimaryPoolFqdn", "BackupPoolFqdn", "ServingPoolFqdn",
                           "ServingMode"]
    assert where["ServingPoolFqdn"] == name_of("atl") and where["ServingMode"] == "Serving"
    done(atl, "Stop-CsPool", PoolFqdn=name_of("redmond"))
    world.wait_mode("redmond", "redmond", "Rejoining")
    until("atl to hear that redmond is stopped", lambda: done(
        atl, "Get-CsUserPoolInfo", Identity="kenmyer").objects[0]["ServingMode"] == "Rejoining")
    where = done(atl, "Get-CsUserPoolInfo", Identity="kenmyer").objects[0]
    assert where["ServingPoolFqdn"] is None, where
    world.command("atl", "Test-CsTopology").must(
        0, f"The home {name_of('redmond')} is not served. Get-CsPoolFailOverStatus, asked at "
           f"{name_of('redmond')}")
    assert [s["Active"] for s in done(atl, "Get-CsService", Registrar=True).objects] == [True, False]
    world.kill("redmond")
    world.wait_silent("atl", "redmond")
    where = done(atl, "Get-CsUserPoolInfo", Identity="kenmyer").objects[0]
    assert where["ServingMode"] is None, where
    world.start("redmond")
    world.wait_hears("atl", "redmond")
    done(redmond, "Disable-CsUser", Identity="kenmyer")
    assert addresses(done(atl, "Get-CsUser")) == [f"alice@{DOMAIN}"]


@test
def accounts_outlive_a_crash_and_rest_while_nobody_serves(world):
    world.deploy(["atl", "redmond"])
    atl = world["atl"]
    enable(atl, "kenmyer")
    ken = user(atl, "kenmyer")
    world.kill("redmond")
    world.kill("atl")
    world.start("atl")
    world.wait_mode("atl", CENTRAL, "Rejoining")
    # Looking needs nobody's word; changing does.
    assert user(atl, "kenmyer") == ken
    for command, parameters in (("Set-CsUser", {"Enabled": False}), ("Disable-CsUser", {}),
                                ("Set-CsClientPin", {"Pin": SECRET}), ("Lock-CsClientPin", {}),
                                ("Enable-CsUser", {"RegistrarPool": name_of("atl")})):
        refused(atl, command, "Nothing was", Identity="kenmyer", **parameters)
    world.start("redmond")
    world.all_serve()
    done(atl, "Set-CsUser", Identity="kenmyer", Enabled=False)
    assert user(atl, "kenmyer") == {**ken, "Enabled": False}


@test
def users_are_handled_from_the_command_line(world):
    """As an administrator does it on his first day; the secret goes by a descriptor."""
    world.deploy(["atl", "redmond"])
    redmond = lambda *words: world.command("redmond", *words)
    redmond("Enable-CsUser", "-Identity", "Ken Myer", "-RegistrarPool", name_of("atl"),
            "-SipAddress", "sip:kenmyer@litwareinc.com").must(0)
    shown = redmond("Get-CsUser", "-Identity", "Ken Myer").must(0)
    assert [line.split(" :")[0].strip() for line in shown.out.splitlines() if line] == PROPERTIES
    secret = world.folder / "secret.txt"
    secret.write_text(SECRET + "\n")
    run("sh", "-c", 'exec "$1" Set-CsClientPin -Identity kenmyer -PinFileDescriptor 3 3<"$2"', "sh",
        POLLUX, secret, env={**os.environ, "POLLUX_SERVER": str(world["redmond"].socket)}).must(0)
    hashed = hashlib.md5(f"kenmyer:{DOMAIN}:{SECRET}".encode()).hexdigest()
    assert items(world["atl"], "credential/")[f"credential/kenmyer@{DOMAIN}"]["MD5"]["User"] == hashed
    redmond("Set-CsUser", "kenmyer", "-Enabled", "$false").must(0)
    for filter in ('{Enabled -eq $false -and DisplayName -like "ken*"}', "k*"):
        assert "Ken Myer" in redmond("Get-CsUser", "-Filter", filter).must(0).out
    assert redmond("Get-CsUser", "-Filter", "{Enabled -eq $true}").must(0).out == ""
    wrong = redmond("Get-CsUser", "kenmyr").must(1, "Was kenmyer@litwareinc.com meant?")
    assert wrong.out == ""
    redmond("Disable-CsUser", "kenmyer").must(0)
    assert redmond("Get-CsUser").must(0).out == ""


# --- many --------------------------------------------------------------------------------------

MANY = 20000
LISTS = 16  # each more than 4 MiB long: 64 MiB in all, …
LISTS_KIB_MAX = 24 << 10  # … which is more than a stream and the pages that a reader of the store keeps
SLOW_KIB_MAX = 24 << 10


def sanitized():
    """Then memory that was given back is kept aside, and says nothing."""
    return b"__asan_init" in POLLUXD.read_bytes()


def resident_kib(machine):
    status = Path(f"/proc/{machine.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))


def make_many(machine, count, at_once=24):
    """On connections that stay open, for it is users that are to be many."""
    numbers = iter(range(count))
    lock = threading.Lock()

    def take():
        with lock:
            return next(numbers, None)

    def work():
        connection = LocalConnection(machine.socket)
        number = take()
        while number is not None:
            body = {"Identity": f"user{number:05}", "RegistrarPool": name_of("atl"),
                    "DisplayName": f"User {number}"}
            connection.request("POST", "/admin/v1/commands/Enable-CsUser", json.dumps(body).encode())
            answer = connection.getresponse()
            text = answer.read()
            if b"Too many commands" not in text:
                assert b'"done"' in text, text
                number = take()
        connection.close()

    with ThreadPoolExecutor(at_once) as pool:
        for each in [pool.submit(work) for _ in range(at_once)]:
            each.result()


@test
def many_users_are_listed_in_flat_memory(world):
    world.deploy(["atl", "redmond"])
    atl = world["atl"]
    began = time.monotonic()
    make_many(atl, MANY)
    world.say(f"{MANY} users made in {time.monotonic() - began:.1f} s")
    with ThreadPoolExecutor(4) as pool:  # fills what the store's readers keep of its pages
        assert [len(a.objects) for a in pool.map(lambda _: done(atl, "Get-CsUser"), range(4))] == \
            [MANY] * 4
    before = resident_kib(atl)
    began = time.monotonic()
    for _ in range(LISTS):
        listed = done(atl, "Get-CsUser")
        assert len(listed.body) > 4 << 20
        assert addresses(listed) == [f"user{i:05}@{DOMAIN}" for i in range(MANY)]
    world.say(f"listed {LISTS} times in {time.monotonic() - began:.2f} s")
    grown = resident_kib(atl) - before
    assert sanitized() or grown < LISTS_KIB_MAX, f"{grown} KiB more"
    # A reader that takes nothing costs its backlog, and nobody else waits for it.
    slow = LocalConnection(atl.socket)
    slow.request("POST", "/admin/v1/commands/Get-CsUser", b"{}")
    enable(atl, "another")
    assert len(done(atl, "Get-CsUser", Filter="user0001*").objects) == 10
    slow_grown = resident_kib(atl) - before - grown
    world.say(f"memory grew by {grown} KiB, with a slow reader by {slow_grown} KiB")
    assert sanitized() or slow_grown < SLOW_KIB_MAX, f"{slow_grown} KiB more"
    # One that goes away in the middle leaves nothing behind.
    leaver = LocalConnection(atl.socket)
    leaver.request("POST", "/admin/v1/commands/Get-CsUser", b"{}")
    leaver.getresponse().read(1000)
    leaver.close()
    began = time.monotonic()
    user(atl, "User 19999")
    world.say(f"found by display name in {time.monotonic() - began:.3f} s")
    answer = slow.getresponse().read()
    assert answer.count(b'"object"') in (MANY, MANY + 1) and b'{"status":"done"}' in answer
    slow.close()


if __name__ == "__main__":
    sys.exit(main())
