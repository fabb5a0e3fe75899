"""Who may give which command: real Unix users, and people with certificates, type every command.

Prints TAP. A refusal is exit status 3 and a sentence on stderr; nothing is done, and the audit log
says so. Rights by role without processes: test/unit/test_permission.c."""

import sys

from people import *
from pollux_world import *

ATL = name_of("atl")
ROLES = {"nobody": [], "viewer": [READ], "helpdesk": [ADMINISTER], "chief": [SUPREME]}
KEN = "kenmyer@litwareinc.com"

# Parameters for each command that polluxd carries out, so that it does no harm: those that change
# something get -WhatIf besides. A new command needs a line here.
WORDS = {
    "Publish-CsTopology": ["-FileName", "{topology}"],
    "Get-CsTopology": [],
    "Test-CsTopology": ["-FileName", "{topology}"],
    "Get-CsPool": [],
    "Get-CsComputer": [],
    "Get-CsService": [],
    "Get-CsManagementConnection": [],
    "Set-CsManagementConnection": ["-StoreProvider", "Sql", "-Connection", f"{ATL}\\RTC"],
    "Remove-CsManagementConnection": [],
    "Get-CsPoolFailOverStatus": [],
    "Get-CsPoolBackupRelationship": ["-PoolFqdn", ATL],
    "Start-CsPool": ["-PoolFqdn", ATL],
    "Stop-CsPool": ["-PoolFqdn", ATL],
    "Invoke-CsPoolFailOver": ["-PoolFqdn", ATL],
    "Invoke-CsPoolFailBack": ["-PoolFqdn", ATL],
    "Stop-CsPoolFailOver": ["-PoolFqdn", ATL],
    "Invoke-CsManagementServerFailover": [],
    "Get-CsBackupServiceStatus": ["-PoolFqdn", ATL],
    "Invoke-CsBackupServiceSync": ["-PoolFqdn", ATL],
    "Backup-CsPool": ["-PoolFqdn", ATL],
    "Remove-CsUserStoreBackupData": ["-PoolFqdn", ATL],
    "Get-CsBackupServiceConflict": [],
    "Restore-CsBackupServiceConflict": ["-Identity", "00c0ffee00c0ffee-1"],
    "Remove-CsBackupServiceConflict": ["-Identity", "00c0ffee00c0ffee-1"],
    "Get-CsManagementStoreReplicationStatus": [],
    "Invoke-CsManagementStoreReplication": [],
    "Get-CsBackupServiceConfiguration": [],
    "Set-CsBackupServiceConfiguration": ["-SyncInterval", "00:01:00"],
    "Remove-CsBackupServiceConfiguration": ["-Identity", "global"],
    "Get-CsUser": [],
    "Enable-CsUser": ["-Identity", KEN, "-RegistrarPool", ATL],
    "Set-CsUser": ["-Identity", KEN, "-DisplayName", "Ken"],
    "Disable-CsUser": ["-Identity", KEN],
    "Set-CsClientPin": ["-Identity", KEN, "-Pin", "s3cret-of-ken"],
    "Lock-CsClientPin": ["-Identity", KEN],
    "Unlock-CsClientPin": ["-Identity", KEN],
    "Get-CsUserPoolInfo": ["-Identity", KEN],
    "Export-CsUserData": ["-PoolFqdn", ATL, "-FileName", "/tmp/nothing-is-written-there"],
    "Import-CsUserData": ["-PoolFqdn", ATL, "-FileName", "{topology}"],
    "Invoke-CsStorageServiceFlush": ["-PoolFqdn", ATL, "-FlushType", "SteadyState"],
}
# What the pool carries out that takes a home: at Redmond, and it is noted there.
BY_THE_OTHER = {"Invoke-CsPoolFailOver", "Stop-CsPoolFailOver"}
GRANTED = {"Get-CsBackupServiceStatus", "Invoke-CsBackupServiceSync", "Backup-CsPool"}
FOR_THE_CHIEF = {"Remove-CsBackupServiceConfiguration", "Invoke-CsManagementServerFailover"}


def may(groups, command):
    """The design's section 8."""
    if SUPREME in groups:
        return True
    if command in GRANTED | FOR_THE_CHIEF:
        return False
    return ADMINISTER in groups or (READ in groups and command.startswith("Get-"))


def carried_out_at(words):
    return "redmond" if words[0] in BY_THE_OTHER else "atl"


def commands_of(world):
    described = world["atl"].request("GET", API[:-1]).must(200).json
    names = {c["name"]: c["changes"] for c in described}
    assert set(names) == set(WORDS), f"no words for {set(names) ^ set(WORDS)}"
    return [[name, *(word.format(topology=world.topology) for word in WORDS[name]),
             *(["-WhatIf"] if changes else [])] for name, changes in names.items()]


def refused(outcome, who, command):
    return failed(outcome, 3, f"{who} may not run {command}", "Nothing was done.",
                  "It takes a member of", SUPREME)


def check(world, outcome, who, words, allowed, seen):
    """What came of one command, and that the audit log has it."""
    entries = audit(world, carried_out_at(words))
    assert len(entries) == seen + 1, (who, words, entries[seen:])
    entry = entries[-1]
    assert (entry["user"], entry["command"]) == (who, words[0]), entry
    if allowed:
        # It is carried out: whether there is something to show is not the question here.
        assert outcome.status in (0, 1) and "may not run" not in outcome.err, (who, words, outcome)
        assert entry["result"] == ("failed" if outcome.status else "done"), (entry, outcome)
    else:
        refused(outcome, who, words[0])
        assert entry["result"] == "denied", entry


def make_ken(world):
    world["atl"].ask("Enable-CsUser", Identity=KEN, RegistrarPool=ATL).must(200, '"done"')


def with_roles(world, *at, **options):
    world.build(["atl", "redmond"], interval_s=30, **options)
    return keep_audit(people(world, {**ROLES, "owner": []}, *at))


# --- every command, every role -----------------------------------------------------------------


@test
def every_user_may_what_the_role_says_and_nothing_else(world):
    with_roles(world, "atl").begin()
    make_ken(world)
    commands, before = commands_of(world), world.items_in("atl")
    for who in (*ROLES, "root"):
        groups = ROLES.get(who, [SUPREME])
        for words in commands:
            seen = len(audit(world, carried_out_at(words)))
            check(world, typed_by(world, who, "atl", *words), who, words, may(groups, words[0]),
                  seen)
    assert world.items_in("atl") == before
    world.all_serve()


@test
def whoever_polluxd_runs_as_may_everything_and_root_still_does(world):
    with_roles(world, "atl")
    owned_by(world, "owner", "atl")
    world.begin()
    assert world["atl"].socket.stat().st_uid == world.uids["owner"]
    for who in ("owner", "root"):
        for words in commands_of(world):
            seen = len(audit(world, carried_out_at(words)))
            check(world, typed_by(world, who, "atl", *words), who, words, True, seen)
    for words in commands_of(world)[:3]:
        refused(typed_by(world, "nobody", "atl", *words), "nobody", words[0])


@test
def the_first_group_counts_like_the_others_and_strangers_are_named_by_number(world):
    """Of a user without an entry the kernel knows a number and a group, and that is all."""
    with_roles(world, "atl").start("atl")
    typed_by(world, 64900, "atl", "Get-CsPool", gid=FIRST_GID + world.groups.index(READ)).must(0)
    refused(typed_by(world, 64900, "atl", "Get-CsPool"), "uid 64900", "Get-CsPool")


# --- real changes ------------------------------------------------------------------------------


def interval(world):
    return world["atl"].ask("Get-CsBackupServiceConfiguration").objects[0]["SyncInterval"]


@test
def who_is_refused_changes_nothing_and_who_is_not_does(world):
    with_roles(world, "atl").begin()
    before = world.items_in("atl")
    changes = [["Set-CsBackupServiceConfiguration", "-SyncInterval", "00:01:00"],
               ["Remove-CsBackupServiceConfiguration", "-Identity", "global"],
               ["Publish-CsTopology", "-FileName", str(world.topology)],
               ["Stop-CsPool", "-PoolFqdn", ATL], ["Start-CsPool", "-PoolFqdn", ATL, "-Force"]]
    for words in changes:
        refused(typed_by(world, "nobody", "atl", *words), "nobody", words[0])
        refused(typed_by(world, "viewer", "atl", *words), "viewer", words[0])
    assert world.items_in("atl") == before and world.mode("atl", "atl") == "Serving"
    for words in changes[:1] + changes[2:]:
        typed_by(world, "helpdesk", "atl", *words).must(0)
        entry = audit(world, "atl")[-1]
        assert (entry["user"], entry["command"], entry["result"]) == \
            ("helpdesk", words[0], "done"), entry
    assert interval(world) == "00:01:00"
    assert len([e for e in world["atl"].events("pool-stopped")]) == 1
    refused(typed_by(world, "helpdesk", "atl", *changes[1]), "helpdesk", changes[1][0])
    assert interval(world) == "00:01:00"
    typed_by(world, "chief", "atl", *changes[1]).must(0)
    assert interval(world) == "00:02:00"


@test
def users_are_made_by_who_administers_and_seen_by_who_looks(world):
    with_roles(world, "atl").begin()
    enable = ["Enable-CsUser", "-Identity", KEN, "-RegistrarPool", ATL]
    pin = ["Set-CsClientPin", "-Identity", KEN, "-Pin", "s3cret-of-ken"]
    before = world.items_in("atl")
    for words in (enable, pin, ["Disable-CsUser", "-Identity", KEN]):
        for who in ("nobody", "viewer"):
            refused(typed_by(world, who, "atl", *words), who, words[0])
    assert world.items_in("atl") == before
    typed_by(world, "helpdesk", "atl", *enable).must(0)
    typed_by(world, "viewer", "atl", "Get-CsUser").must(0, KEN)
    refused(typed_by(world, "nobody", "atl", "Get-CsUser"), "nobody", "Get-CsUser")
    typed_by(world, "helpdesk", "atl", *pin).must(0)
    typed_by(world, "helpdesk", "atl", "Disable-CsUser", "-Identity", KEN).must(0)
    assert KEN not in typed_by(world, "viewer", "atl", "Get-CsUser").must(0).out


# --- grants ------------------------------------------------------------------------------------


def status_by(world, who, pool="atl"):
    return typed_by(world, who, pool, "Get-CsBackupServiceStatus", "-PoolFqdn", ATL)


def grant(world, who, change, kind="-AuthorizedUniversalGroups", pool="atl"):
    return typed_by(world, who, pool, "Set-CsBackupServiceConfiguration", kind, change)


@test
def what_is_granted_to_a_group_is_allowed_until_it_is_taken_back(world):
    with_roles(world, "atl").begin()
    command = "Get-CsBackupServiceStatus"
    refused(status_by(world, "helpdesk"), "helpdesk", command)
    grant(world, "chief", '@{Add="CSAdministrator"}').must(0)
    status_by(world, "helpdesk").must(0, ATL)
    refused(status_by(world, "viewer"), "viewer", command)
    grant(world, "chief", '@{Add="csviewonlyadministrator"}').must(0)
    status_by(world, "viewer").must(0)
    # Nothing else came with it.
    refused(typed_by(world, "viewer", "atl", "Stop-CsPool", "-PoolFqdn", ATL), "viewer",
            "Stop-CsPool")
    typed_by(world, "viewer", "atl", "-c", f"Get-CsPool (Stop-CsPool {ATL})").must(3, "in brackets")
    grant(world, "chief", '@{Remove="csadministrator"}').must(0)
    refused(status_by(world, "helpdesk"), "helpdesk", command)
    status_by(world, "viewer").must(0)
    # It is kept, and it ends with the configuration that it stands in.
    world.stop("atl")
    world.start("atl")
    world.all_serve()
    status_by(world, "viewer").must(0)
    typed_by(world, "chief", "atl", "Remove-CsBackupServiceConfiguration", "global").must(0)
    refused(status_by(world, "viewer"), "viewer", command)


@test
def what_is_granted_to_an_account_the_user_of_that_name_may(world):
    with_roles(world, "atl").begin()
    kind = "-AuthorizedLocalAccounts"
    refused(status_by(world, "nobody"), "nobody", "Get-CsBackupServiceStatus")
    grant(world, "chief", "nobody,helpdesk", kind).must(0)
    status_by(world, "nobody").must(0, ATL)
    status_by(world, "helpdesk").must(0)
    refused(status_by(world, "viewer"), "viewer", "Get-CsBackupServiceStatus")
    refused(typed_by(world, "nobody", "atl", "Get-CsPool"), "nobody", "Get-CsPool")
    # A group by its name, and a list that replaces the one before.
    grant(world, "chief", READ, kind).must(0)
    status_by(world, "viewer").must(0)
    refused(status_by(world, "nobody"), "nobody", "Get-CsBackupServiceStatus")


@test
def a_name_that_nobody_knows_is_granted_with_a_warning(world):
    """Spelt wrongly, it would seem granted, and nobody would have it."""
    with_roles(world, "atl").begin()
    stored = lambda: world["atl"].ask("Get-CsBackupServiceConfiguration").objects[0]
    kinds = {"-AuthorizedUniversalGroups": "group", "-AuthorizedLocalAccounts": "user or group"}
    for kind, what in kinds.items():
        known = "CSAdministrator" if what == "group" else "helpdesk"
        said = f'{ATL} knows no {what} "'
        for change in (f'@{{Add="CSAdminstrator","{known}"}}', f"{known},CSAdminstrator",
                       f'@{{Replace="CSAdminstrator","{known}"}}'):
            done = grant(world, "chief", change, kind).must(0, f'{said}CSAdminstrator". ')
            assert done.err.count("WARNING") == 1, done
        assert stored()[kind[1:]] == ["CSAdminstrator", known]
        for change in ('@{Remove="CSAdminstrator"}', '@{Remove="nobody-else"}'):
            assert "knows no" not in grant(world, "chief", change, kind).must(0).err
        # It is not fatal, and -Force hides it.
        hidden = typed_by(world, "chief", "atl", "Set-CsBackupServiceConfiguration", kind,
                          '@{Add="CSAdminstrator"}', "-Force").must(0)
        assert "WARNING" not in hidden.err, hidden
        grant(world, "chief", '@{Remove="CSAdminstrator"}', kind).must(0)
        # Whoever stops at warnings has nothing done.
        change = '@{Add="CSAdminstrator"}'
        typed_by(world, "chief", "atl", "Set-CsBackupServiceConfiguration", kind, change,
                 "-WarningAction", "Stop").must(1, said, "Nothing was done")
        assert stored()[kind[1:]] == [known]


@test
def a_list_has_its_limit_however_it_grows(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    add = lambda names, **more: world["atl"].ask(
        "Set-CsBackupServiceConfiguration", AuthorizedUniversalGroups={"Add": names}, **more)
    add([f"group{n}" for n in range(60)]).must(200, '"done"')
    add([f"group{n}" for n in range(58, 64)]).must(200, '"done"')
    for more in ({}, {"WhatIf": True}):
        add(["one-more"], **more).must(200, "would have 65 names; 64 is the most",
                                       "Nothing was changed.", '"failed"')
    add(["GROUP3"]).must(200, "Nothing was to change", '"done"')
    found = world["atl"].ask("Get-CsBackupServiceConfiguration").objects[0]
    assert found["AuthorizedUniversalGroups"] == [f"group{n}" for n in range(64)]


@test
def an_administrator_configures_and_does_not_grant(world):
    with_roles(world, "atl", "redmond").begin()
    before = world.items_in("atl")
    command = "Set-CsBackupServiceConfiguration"
    for pool in ("atl", "redmond"):
        for kind in ("-AuthorizedUniversalGroups", "-AuthorizedLocalAccounts"):
            for change in ('@{Add="CSAdministrator"}', "helpdesk", '@{Remove="x"}'):
                failed(grant(world, "helpdesk", change, kind, pool), 3,
                       f"helpdesk may not run {command} with these parameters", SUPREME)
        # Nor along with what is allowed.
        failed(typed_by(world, "helpdesk", pool, command, "-SyncInterval", "00:01:00",
                        "-AuthorizedLocalAccounts", "helpdesk"), 3, "with these parameters")
    assert world.items_in("atl") == before
    typed_by(world, "helpdesk", "atl", command, "-SyncInterval", "00:01:00").must(0)
    assert interval(world) == "00:01:00"
    typed_by(world, "helpdesk", "redmond", command, "-SyncInterval", "00:04:00").must(0)
    assert interval(world) == "00:04:00"
    denied = [e for e in audit(world, "atl") if e["result"] == "denied"]
    assert len(denied) == 14 and all(e["user"] == "helpdesk" for e in denied), denied


# --- asked at another machine ------------------------------------------------------------------


@test
def the_groups_of_the_machine_that_is_asked_count_everywhere(world):
    """alice is somebody in Redmond and nobody in Atlanta; who carries it out believes Redmond."""
    world.build(["atl", "redmond"], interval_s=30)
    keep_audit(people(world, {"alice": [SUPREME], "bob": [ADMINISTER]}, "atl", "redmond"))
    world.people["atl"] = {"alice": [], "bob": []}
    write_people(world, "atl")
    world.begin()
    change = ["Set-CsBackupServiceConfiguration", "-SyncInterval", "00:01:00"]
    refused(typed_by(world, "alice", "atl", *change), "alice", change[0])
    typed_by(world, "alice", "redmond", *change).must(0)
    assert interval(world) == "00:01:00"
    typed_by(world, "alice", "redmond", "Get-CsBackupServiceStatus", "-PoolFqdn", ATL).must(0, ATL)
    refused(status_by(world, "bob", "redmond"), "bob", "Get-CsBackupServiceStatus")
    grant(world, "alice", '@{Add="CSAdministrator"}', pool="redmond").must(0)
    status_by(world, "bob", "redmond").must(0, ATL)
    for entry in audit(world, "atl")[-3:]:
        assert entry["from"] == name_of("redmond"), entry
    assert not [e for e in audit(world, "redmond") if e["command"] in (change[0],)]


@test
def a_pool_that_does_not_exist_is_no_way_around_the_roles(world):
    """Nor does the refusal tell strangers which pools there are."""
    with_roles(world, "atl").start("atl")
    for words in (["Stop-CsPool", "-PoolFqdn", "atl-cs-002.litwareinc.com"],
                  ["Get-CsBackupServiceStatus", "-PoolFqdn", "atl-cs-002.litwareinc.com"]):
        said = refused(typed_by(world, "nobody", "atl", *words), "nobody", words[0])
        assert ATL not in said.err, said
        assert audit(world, "atl")[-1]["result"] == "denied"
        failed(typed_by(world, "chief", "atl", *words), 1, "has no pool", f"Was {ATL} meant?")


# --- certificates ------------------------------------------------------------------------------


def openssl_person(world, name, days):
    """The product issues nothing that has expired, so openssl does, with its authority."""
    folder = world.folder / "odd"
    folder.mkdir(exist_ok=True)
    (folder / "ext").write_text(f"subjectAltName=URI:pollux:administrator:{name}\n"
                                "extendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\n"
                                "keyUsage=digitalSignature\n")
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", f"/CN={name}", "-keyout", key, "-out", folder / "csr").must(0)
    run("openssl", "x509", "-req", "-in", folder / "csr", "-CA", world.folder / "pki/authority.pem",
        "-CAkey", world.folder / "pki/authority.key", "-set_serial", "4711", "-days", str(days),
        "-extfile", folder / "ext", "-out", certificate).must(0)
    return certificate, key


@test
def a_person_with_a_certificate_has_the_role_of_the_account_of_that_name(world):
    with_roles(world, "atl").begin()
    commands = commands_of(world)
    for who, groups in ROLES.items():
        for words in commands:
            seen = len(audit(world, carried_out_at(words)))
            check(world, by_https(world, who, "atl", *words), who, words, may(groups, words[0]),
                  seen)
    by_https(world, "root", "atl", "Get-CsBackupServiceStatus", ATL).must(0)
    by_https(world, "helpdesk", "atl", "Set-CsBackupServiceConfiguration", "-SyncInterval",
             "00:01:00").must(0)
    assert interval(world) == "00:01:00"
    entry = audit(world, "atl")[-2]
    assert re.fullmatch(rf"127\.0\.0\.1:\d+ by way of {re.escape(ATL)}", entry["from"]), entry
    # Whoever leaves the group loses the right, whatever the certificate is still good for.
    world.people["atl"]["helpdesk"] = []
    write_people(world, "atl")
    refused(by_https(world, "helpdesk", "atl", "Get-CsPool"), "helpdesk", "Get-CsPool")


@test
def a_person_whom_the_machine_does_not_know_has_no_role(world):
    with_roles(world, "atl").begin()
    for words in (["Get-CsPool"], ["Stop-CsPool", "-PoolFqdn", ATL]):
        refused(by_https(world, "mallory", "atl", *words), "mallory", words[0])
        assert audit(world, "atl")[-1]["user"] == "mallory"
    # By way of a machine that does not know him either, and one that knows him: Redmond has no
    # users of the test.
    refused(by_https(world, "helpdesk", "redmond", "Stop-CsPool", "-PoolFqdn", ATL), "helpdesk",
            "Stop-CsPool")
    assert "by way of " + name_of("redmond") in audit(world, "atl")[-1]["from"]


@test
def who_shows_a_wrong_certificate_is_refused_with_the_reason(world):
    with_roles(world, "atl").begin()
    before, entries = world.items_in("atl"), len(audit(world, "atl"))
    stop = ["Stop-CsPool", "-PoolFqdn", ATL]
    machine = [world.folder / "pki" / f"{name_of('redmond')}.{kind}" for kind in ("pem", "key")]
    failed(by_https(world, "", "atl", *stop, pair=machine), 3, "names redmond",
           "which is not a person", "pollux pki administrator")
    world.pki("init", "--name", "Others", folder="other")
    world.pki("administrator", "chief", folder="other")
    foreign = [world.folder / "other" / f"administrator-chief.{kind}" for kind in ("pem", "key")]
    failed(by_https(world, "", "atl", *stop, pair=foreign), 1, "was issued by", "Others",
           "pollux pki administrator")
    failed(by_https(world, "chief", "atl", *stop,
                    POLLUX_AUTHORITY=str(world.folder / "other/authority.pem")), 1,
           "was not issued by our authority", "Nothing was sent.")
    failed(by_https(world, "", "atl", *stop, pair=openssl_person(world, "chief", -1)), 1,
           "chief expired on", "pollux pki administrator")
    failed(by_https(world, "chief", "atl", *stop, POLLUX_CERTIFICATE=""), 2, "POLLUX_CERTIFICATE")
    failed(by_https(world, "chief", "redmond", *stop, POLLUX_SERVER=f"https://{ATL}:"
                    f"{world['redmond'].port}"), 1, f"not for the name {ATL}", "Nothing was sent.")
    # A file of one, the key of another.
    failed(by_https(world, "", "atl", *stop, pair=[certificate_of(world, "chief")[0],
                                                   certificate_of(world, "viewer")[1]]), 2,
           "don't belong together")
    # None at all, which the program itself does not try.
    stranger = tls(world.folder / "pki/authority.pem")
    for path in (API + "Get-CsPool", API[:-1], "/admin/"):
        for method in ("GET", "POST"):
            link_call(world["atl"], path, b"{}", stranger, method).must(403, "no certificate")
    assert world.items_in("atl") == before and len(audit(world, "atl")) == entries
    world.wait_event("atl", "link-refused")
    world.all_serve()


@test
def the_api_over_https_is_the_same_and_has_the_same_limits(world):
    with_roles(world, "atl").begin()
    chief = tls(world.folder / "pki/authority.pem", *certificate_of(world, "chief"))
    ask = lambda body, path=API + "Get-CsPool", method="POST": link_call(
        world["atl"], path, body, chief, method)
    assert ask(b"", API[:-1], "GET").must(200).json == \
        world["atl"].request("GET", API[:-1]).json
    ask(b"{}").must(200, ATL, '{"status":"done"}')
    ask(b"[]").must(400, "not a JSON object")
    ask(b"{}", method="PUT").must(400, "POST only")
    ask(b"{}", "/admin/v1/commands/../Get-CsPool").must(404)
    ask(b"{}", "/admin/").must(404)
    # What is too large for the socket is too large here, and told alike.
    fits = b"{}" + b" " * ((1 << 20) - 2)
    for way in (lambda body: ask(body),
                lambda body: world["atl"].request("POST", API + "Get-CsPool", body)):
        way(fits).must(200, ATL)
        for body in (fits + b" ", fits * 3):
            answer = way(body)
            assert answer.status in (400, 413), answer.text
            assert re.search(r"longer than the 1\d{6} bytes .* Nothing was done", answer.text.replace(
                '","kept":"', " ")), answer.text
    ask(b"{}").must(200, ATL)


if __name__ == "__main__":
    sys.exit(main())
