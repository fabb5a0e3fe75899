"""What administrators type and paste: on a Linux shell, and in `pollux` as a script. Each mistake gets
a sentence, its exit status, and changes nothing.

Prints TAP. Exit statuses: 0 done, 1 failed, 2 misused, 3 not permitted, 130 interrupted."""

import pty
import socket
import sys

from pollux_world import *

ATL, REDMOND, OSLO = name_of("atl"), name_of("redmond"), name_of("oslo")
SET, GET = "Set-CsBackupServiceConfiguration", "Get-CsBackupServiceConfiguration"
RELATION = "Get-CsPoolBackupRelationship"
SYNC = "Invoke-CsBackupServiceSync"
BACKUP = "Backup-CsPool"
REMOVE = "Remove-CsUserStoreBackupData"
CONFLICTS = "Get-CsBackupServiceConflict"
RESTORE, DISMISS = "Restore-CsBackupServiceConflict", "Remove-CsBackupServiceConflict"
NO_CONFLICT = " 00c0ffee00c0ffee-1"
REPLICAS = "Get-CsManagementStoreReplicationStatus"
REPLICATE = "Invoke-CsManagementStoreReplication"
OVER, HOME_AGAIN = "Invoke-CsPoolFailOver", "Invoke-CsPoolFailBack"
CMS = "Invoke-CsManagementServerFailover"


# --- how things are typed ------------------------------------------------------------------------


def environment(world, pool):
    return {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
            "POLLUX_SERVER": str(world[pool].socket)}


def given(words, typed, world, pool, patience_s=PATIENCE_S):
    """Away from any terminal."""
    done = subprocess.run(words, input=typed, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          cwd=world.folder, env=environment(world, pool), timeout=patience_s,
                          start_new_session=True)
    done.stdout, done.stderr = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
    for trouble in ("Sanitizer", "runtime error", "Assertion"):
        assert trouble not in done.stderr, done.stderr
    return Outcome(done)


def unix(world, line, pool="atl"):
    """As a person types it on a Linux shell."""
    return given(["bash", "-c", line], b"", world, pool)


def shell(world, script, pool="atl"):
    """As a script, through a pipe."""
    return given([str(POLLUX)], script if isinstance(script, bytes) else script.encode(), world, pool)


def lines_of(outcome):
    return outcome.out.splitlines()


def objects(outcome):
    outcome.must(0)
    return [json.loads(line) for line in lines_of(outcome)]


def configuration(world):
    return world["atl"].ask(GET).objects[0]


def what_was_done(world):
    """The configuration, and the commands that changed something or were refused."""
    return configuration(world), world["atl"].events(" command:"), world["redmond"].events(" command:")


def misused(world, say, line, *sentences, status=2):
    """Refused with a sentence, on stderr alone, and nothing was done."""
    before = what_was_done(world)
    outcome = say(world, line)
    outcome.must(status, *sentences)
    assert outcome.out == "", f"{line!r} printed {outcome.out!r}"
    assert len(outcome.err) < 4000, f"{line[:100]!r}: {len(outcome.err)} bytes of error"
    assert what_was_done(world) == before, f"{line!r} did something"
    return outcome


def interval_is(world, expected):
    seen = configuration(world)["SyncInterval"]
    assert seen == expected, seen


# --- what the documents say ----------------------------------------------------------------------


@test
def the_documents_examples_work_as_they_stand(world):
    """Pasted into pollux, from a file, with what Word and web pages make of them; and typed on a
    Linux shell."""
    world.deploy(["atl", "redmond"], interval_s=30)
    status = f"Get-CsBackupServiceStatus -PoolFqdn {ATL}"
    examples = [GET, f"    {GET}", f"{SET} -SyncInterval 00:03:00", status,
                f"{status} -BackupModule ConfServices.DataConf", f"{RELATION} -PoolFQDN {ATL}"]
    expected = {GET: "SyncInterval", status: "OverallExportStatus", RELATION: REDMOND}
    for line in examples:
        outcomes = [unix(world, line), shell(world, line), shell(world, f"PS C:\\> {line}\r\n")]
        outcomes.append(given([str(POLLUX), "-c", line], b"", world, "atl"))
        for outcome in outcomes:
            outcome.must(0)
            for begin, word in expected.items():
                assert not line.strip().startswith(begin) or word in outcome.out, (line, outcome)
    interval_is(world, "00:03:00")


@test
def a_script_is_read_however_an_editor_saved_it(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    script = f"# a remark\n{SET} -SyncInterval %s\n\n{RELATION} -PoolFqdn {ATL} -Output Json\n"
    file = world.folder / "change.ps1"
    forms = {
        "00:00:05": lambda text: text.encode(),
        "00:00:06": lambda text: text.replace("\n", "\r\n").encode(),
        "00:00:07": lambda text: b"\xef\xbb\xbf" + text.encode(),
        "00:00:08": lambda text: text.replace(" -", " \u2013").encode(),
        "00:00:09": lambda text: text.replace(ATL, f"\u201c{ATL}\u201d").encode(),
        "00:00:10": lambda text: text.replace(ATL, f"\u2018{ATL}\u2019").replace("-Sync",
                                                                               "\u2014Sync").encode(),
        "00:00:11": lambda text: text.rstrip("\n").replace(" ", "\u00a0").encode(),
        "00:00:12": lambda text: text.replace(" -Output", " `\n  -Output").encode(),
    }
    for interval, form in forms.items():
        text = form(script % interval)
        for give in (lambda: shell(world, text),
                     lambda: file.write_bytes(text) and given([str(POLLUX), str(file)], b"", world, "atl")):
            assert objects(give())[0]["BackupPoolFqdn"] == REDMOND, (interval, text)
            interval_is(world, interval)
            shell(world, f"{SET} -SyncInterval 00:02:00").must(0)


@test
def habits_of_powershell_are_understood(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    for line in ("get-csbackupserviceconfiguration", "GET-CSBACKUPSERVICECONFIGURATION -Output json"):
        unix(world, f"pollux {line}").must(0, "Global")
        shell(world, line).must(0, "Global")
    second = iter(range(5, 60))

    def sets(say, line):
        seconds = next(second)
        outcome = say(world, line.replace("SPAN", f"0:0:{seconds}")).must(0)
        interval_is(world, f"00:00:{seconds:02}")
        return outcome

    for line in (f"{SET} -Sync SPAN", f"{SET} -syncinterval:SPAN", f"{SET} \u2013SyncInterval SPAN",
                 f"{SET} -Identity global -SyncInterval SPAN", f"{SET} global -SyncInterval SPAN",
                 f'{SET} -SyncInterval "SPAN" -Force'):
        assert sets(unix, line).err == "" and sets(shell, line).err == "", line
    sets(shell, f"{SET} -SyncInterval SPAN -Force:$false")
    sets(unix, f"{SET} -SyncInterval SPAN '-Force:$false'")
    # A blank behind the dash, as the document of Invoke-CsManagementServerFailover has it.
    for say in (unix, shell):
        assert "WARNING: A blank stands behind the dash; it was understood as -SyncInterval." in \
            sets(say, f"{SET} - SyncInterval SPAN").err

    groups = lambda: configuration(world)["AuthorizedUniversalGroups"]
    for line, expected in ((f'{SET} -AuthorizedUniversalGroups @{{Add="CSAdministrator"}}',
                            ["CSAdministrator"]),
                           (f'{SET} -AuthorizedUniversalGroups @{{Remove="CSAdministrator"}}', []),
                           (f'{SET} -AuthorizedUniversalGroups "a","b"', ["a", "b"]),
                           (f'{SET} -AuthorizedUniversalGroups "a", "b"', ["a", "b"]),
                           (f'{SET} -AuthorizedUniversalGroups @("a","c")', ["a", "c"]),
                           (f'{SET} -AuthorizedUniversalGroups @{{Add="d","e"; Remove="a"}}',
                            ["c", "d", "e"]),
                           (f'{SET} -AuthorizedUniversalGroups @{{Replace="x","y"}}', ["x", "y"])):
        shell(world, line).must(0)
        assert sorted(groups()) == expected, (line, groups())
    shell(world, f"{SET} -AuthorizedUniversalGroups $null").must(0)
    unix(world, f"{SET} -AuthorizedLocalAccounts root").must(0)
    misused(world, unix, f"{SET} -AuthorizedLocalAccounts ''", "$null empties the list")
    for nothing in ("'$null'", "'@{Replace=$null}'", "'@()'"):
        unix(world, f"{SET} -AuthorizedLocalAccounts root").must(0)
        assert configuration(world)["AuthorizedLocalAccounts"] == ["root"]
        unix(world, f"{SET} -AuthorizedLocalAccounts {nothing}").must(0)
        assert configuration(world)["AuthorizedLocalAccounts"] == []
    assert groups() == []
    for line, expected in ((f'{SET} -AuthorizedUniversalGroups @{{Add="CSAdministrator"}}',
                            ["CSAdministrator"]),
                           (f"{SET} -AuthorizedUniversalGroups '@{{Add=\"b\",\"c\"}}'",
                            ["CSAdministrator", "b", "c"]),
                           (f'{SET} -AuthorizedUniversalGroups "a","b"', ["a", "b"]),
                           (f'{SET} -AuthorizedUniversalGroups a, b , c', ["a", "b", "c"])):
        unix(world, line).must(0)
        assert sorted(groups()) == expected, (line, groups())


# --- mistakes ------------------------------------------------------------------------------------


@test
def a_mistake_does_nothing_and_says_what_would_be_right(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    both = [
        ("Get-CsBackupServiceConfig", "Was Get-CsBackupServiceConfiguration meant?"),
        ("Frobnicate", "There is no command", "Get-Command lists them all."),
        ("Frobnicate -?", "There is no command"),
        ("Move-CsUser kenmyer", 'There is no command "Move-CsUser"', "Export-CsUserData"),
        ("Get-Help invoke-csdatabasefailover", "There is no command", "Invoke-CsPoolFailOver"),
        (f"{SET} -SyncIntervall 00:03:00", "Was -SyncInterval meant?"),
        (f"{SET} -Xyzzy 00:03:00", f"{SET} -? shows them all."),
        (f"{SET} -M 5", "-MaxConcurrentCalls, -MaxBatchesPerCmsSync"),
        (f"{SET} -SyncInterval", "-SyncInterval lacks its value: <time span>"),
        (f"{SET} -SyncInterval interval", "a time span from 00:00:05 to 03:00:00", "hh:mm:ss"),
        (f"{SET} -SyncInterval 00:00:04", "a time span from 00:00:05 to 03:00:00"),
        (f"{SET} -SyncInterval 03:00:01", "a time span from 00:00:05 to 03:00:00"),
        (f"{SET} -SyncInterval 3:00", "a time span"),
        (f"{SET} -MaxConcurrentCalls 0", "a whole number from 1 to 1000"),
        (f"{SET} -MaxConcurrentCalls 1001", "a whole number from 1 to 1000"),
        (f"{SET} -MaxConcurrentCalls ten", "a whole number from 1 to 1000"),
        (f"{SET} -SyncMode Intervall", "Was Interval meant?"),
        (f"{SET} -SyncInterval 6 -SyncInterval 7", "given twice"),
        (f"{SET} global 7", "belongs to no parameter"),
        (f"{RELATION}", "-PoolFqdn is missing", RELATION),
        (f"{RELATION} -PoolFqdn atl", "a fully qualified domain name"),
        (f"{RELATION} -PoolFqdn:", "-PoolFqdn lacks its value"),
        ("Test-CsTopology -FileName 'C:\\Logs\\topology.conf'", "a path on this machine"),
        (f"{RELATION} [-PoolFqdn] {ATL}", "without the brackets"),
        (f"{SET} --SyncInterval 7", "single dash"),
        (f"{SET} -SyncInterval=7", "directly behind the name"),
        (f"{RELATION} -PoolFqdn '<pool-FQDN>'", "a fully qualified domain name"),
        (f"{RELATION} -PoolFqdn \u2039{ATL}\u203a", "a fully qualified domain name"),
    ]
    for line, *sentences in both:
        status = 1 if "topology.conf" in line else 2
        program = "" if (BIN / line.split()[0]).exists() else "pollux "
        misused(world, unix, program + line, *sentences, status=status)
        misused(world, shell, line, *sentences, status=status)
    for line, *sentences in [
            (f"{SET} -SyncInterval 6 -Force:$false", "'-Force:$false', in single quotes"),
            (f"Stop-CsPool {ATL} -Confirm:$false", "'-Confirm:$false', in single quotes"),
            ("Set-CsUser ken -Enabled $false", "'-Enabled:$false', in single quotes"),
            (f"Get-CsPool -OutVariable x", "`pollux`"),
            ("pollux Where-Object Reachable -eq 5", "`pollux`"),
            ('Get-CsUser -Filter {Enabled -eq "x"}', "split", "single quotes"),
            (f"{SET} -AuthorizedUniversalGroups @{{Add=a,b}}", "single quotes"),
            (f"{RELATION} -PoolFqdn {ATL} x", '"x" belongs to no parameter'),
            (f"{RELATION} -PoolFqdn C:\\Logs\\x", "a fully qualified domain name"),
            (f"echo '{SET} -SyncInterval 7' > s; pollux s -WhatIf", "Nothing was done."),
            (f"pollux -c '{SET} -SyncInterval 7' -WhatIf", "Nothing was done."),
    ]:
        misused(world, unix, line, *sentences)
    for line, *sentences in [
            (f"{RELATION} -PoolFqdn <pool-FQDN>", "stands for a name that is to be filled in"),
            (f"{RELATION} -PoolFqdn {ATL} > out.txt", "does not redirect"),
            (f"{SET} -SyncInterval 7; {RELATION} -PoolFqdn <pool>", "to be filled in"),
            (f'{SET} -SyncInterval 7\n{RELATION} -PoolFqdn "{ATL}', "not closed"),
            (f"{SET} -SyncInterval 7\nGet-CsPool |", "missing behind this pipe"),
            (f"{SET} -SyncInterval 7\n\n- Force", "a command should begin"),
            (f"{SET} -SyncInterval $nothing", "no variable $nothing"),
            (f"{SET} -SyncInterval 7 && Get-CsPool", '"&&" is not understood'),
            (f"if (1) {{ {SET} -SyncInterval 7 }}", "no conditions"),
            (f"Get-CsPool | {SET} -Identity global -SyncInterval 7", "through the pipe as well"),
            (f"$true = {SET} -SyncInterval 7", "always stays what it is"),
            (f"$p = 1, 2; {SET} -SyncInterval $p[7]", "There is no entry [7]"),
            (f"{SET} -AuthorizedUniversalGroups @{{Add='a'; add='b'}}", "stands twice"),
            (f"Get-CsPool | Get-CsManagementConnection", "takes nothing through a pipe"),
            ("Where-Object a -eq b", "For example"),
    ]:
        misused(world, shell, line, *sentences)
    assert not (world.folder / "out.txt").exists()
    for line, *sentences in [("pollux /nowhere/x.ps1", "script /nowhere/x.ps1 can't be read"),
                             ("pollux x.ps1", "script x.ps1 can't be read"),
                             ("pollux -c", "takes a text"), ("pollux --nothing", "no option")]:
        misused(world, unix, line, *sentences)
    misused(world, unix, "pollux .", "Is a directory", "Nothing was done.", status=1)
    misused(world, shell, "Get-CsPool | Select-Object -ExpandProperty Identiti", "Was Identity meant?")
    misused(world, shell, 'Get-CsPool | Select-Object @{N="E";E={1}}', "nothing that is computed")
    for line in ("Select-Object -First 1 -Last 1", "Where-Object Identity -eq -like a",
                 "Where-Object Identity -FilterScript {Identity -eq 'a'}"):
        misused(world, shell, f"{SET} -SyncInterval 7 | {line}", "given")
    # What makes sense, and is not there.
    for say in (unix, shell):
        misused(world, say, f"Get-CsPool -Identity {OSLO}", f"has no pool {OSLO}", "Get-CsPool lists",
                status=1)
        misused(world, say, f"{RELATION} -PoolFqdn {OSLO}", OSLO, status=1)
    say = shell(world, f'Get-CsPool | Where-Object {{Identity -equal "x"}} | Measure-Object')
    say.must(2, "There is no -equal")
    assert say.out == "" and say.err.count("There is no") == 1, say


@test
def what_no_person_types_is_borne_as_well(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    big = "x" * (1 << 20)
    for script, sentence in [
            (big.encode()[:-1], "There is no command"),
            (f"{RELATION} -PoolFqdn {big[:-100]}".encode(), "not one so long"),
            (f"{RELATION} -PoolFqdn {big[:1 << 19]}".encode(), "fully qualified"),
            (f"{RELATION} -{big[:-100]} a".encode(), "no parameter"),
            (f"# {big}{big}".encode(), "longer than 1 MiB"),
            (b"Get-CsPool\0", "control character"),
            (f"{SET} -SyncInterval 7\n\0".encode(), "control character"),
            (b"Get-CsPool \xff", "not UTF-8"),
            (b"\x1b[2J", "control character"),
            (("(" * 100 + "Get-CsPool").encode(), "32"),
    ]:
        misused(world, shell, script, sentence)
    misused(world, unix, f"{RELATION} -PoolFqdn {'x' * 120000}", "fully qualified")
    misused(world, unix, f"{RELATION} {'a ' * 1001}", "more than 1000 words")
    misused(world, unix, "pollux $'\\xff'", "no command")
    misused(world, unix, "pollux ''", "no command")
    assert lines_of(shell(world, b"").must(0)) == []


@test
def a_daemon_that_is_not_there_or_hangs_is_told(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    world.pause("atl")
    began = time.monotonic()
    outcome = shell(world, "Get-CsPool -ErrorAction Stop; Get-CsPool").must(1)
    took = time.monotonic() - began
    assert outcome.out == "" and "10 s" in outcome.err, outcome
    assert took >= 9.9, took  # it was not given up too early; how late, the machine decides
    world.resume("atl")
    world.stop("atl")
    for say in (unix, shell):
        outcome = say(world, "Get-CsPool").must(1, "polluxd is not running here")
        assert outcome.out == "" and outcome.err.count("\n") <= 3, outcome
        assert say(world, "Get-Help Get-CsPool").must(0).out
        assert say(world, "Get-Command").must(0).out


@test
def a_script_that_is_interrupted_ends_there(world):
    world.deploy(["atl", "redmond"], interval_s=30)

    def begun(*words):
        process = subprocess.Popen([str(POLLUX), *words], stdin=subprocess.PIPE, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment(world, "atl"))
        world.others.append(process)
        caught = lambda: re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text())
        until("it to care for Ctrl-C", lambda: int(caught()[1], 16) & 1 << (signal.SIGINT - 1))
        return process

    def interrupted(process):
        def sent():
            process.send_signal(signal.SIGINT)
            return process.poll() is not None

        until("it to end", sent)
        out, err = process.communicate()
        assert process.returncode == 130 and out == "", (process.returncode, out, err)
        return err

    # While it is read: nobody has finished it.
    reads = begun()
    reads.stdin.write(f"{SET} -SyncInterval 7\n")
    reads.stdin.flush()
    before = what_was_done(world)
    interrupted(reads)
    assert what_was_done(world) == before
    # While one of its commands waits.
    world.pause("atl")
    def waits(script):
        process = begun("-c", script)
        until("the command to be connected", lambda: has_socket(process.pid))
        return process

    assert "goes on" not in interrupted(waits("Get-CsPool; 'after'"))
    assert "goes on with it without you" in interrupted(waits(f"{SET} -SyncInterval 8; 'after'"))
    # -WhatIf and the asking of -Confirm change nothing, so nothing goes on.
    for word in ("-WhatIf", "-Confirm"):
        assert "goes on" not in interrupted(waits(f"{SET} -SyncInterval 9 {word}"))
    world.resume("atl")
    world.all_serve()


# --- scripts -------------------------------------------------------------------------------------


@test
def a_script_tells_whether_all_of_it_went_well(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    bad = f"Get-CsPool -Identity {OSLO}"
    said = lambda script, status: lines_of(shell(world, script).must(status))
    assert said(f"{bad}; 'after'", 1) == ["after"]
    assert said(f"{bad} -Nothing x; 'after'", 2) == ["after"]
    assert said("'before'; 'after'", 0) == ["before", "after"]
    # Stop: at once.
    assert said(f"'before'; {bad} -ErrorAction Stop; 'after'", 1) == ["before"]
    assert said(f"{bad} -ea stop -Nothing x; 'after'", 2) == []
    assert said(f"Get-CsPool $nothing -ErrorAction:Stop; 'after'", 2) == []
    assert said(f"$ErrorActionPreference = 'Stop'; {bad}; 'after'", 1) == []
    assert said("$ErrorActionPreference = 'Stop'; Get-CsPool -Nothing x; 'after'", 2) == []
    assert said("$ErrorActionPreference = 'Stop'; Nothing; 'after'", 2) == []
    assert said("$ErrorActionPreference = 'Stop'; $x = $nothing; 'after'", 2) == []
    assert said(f"$ErrorActionPreference = 'Stop'; {bad} -ErrorAction Continue; 'after'", 1) == ["after"]
    outcome = shell(world, "$ErrorActionPreference = 'Sotp'; 'after'").must(2, "takes one of: Continue")
    assert lines_of(outcome) == ["after"]
    # A warning can stop as well, and before anything was done.
    before = what_was_done(world)
    outcome = shell(world, f"{SET} - SyncInterval 7 -WarningAction Stop; 'after'").must(
        1, "because of this warning")
    assert outcome.out == "" and what_was_done(world) == before, outcome
    # 2 says that nothing was done: not if another command of the script was.
    assert said(f"{SET} -SyncInterval 8; Nothing", 1) == []
    assert said(f"Nothing; {SET} -SyncInterval 8", 1) == []
    assert said("Nothing; 'after'; Nothing", 2) == ["after"]
    # The end.
    assert said("'before'; exit; 'after'", 0) == ["before"]
    assert said("exit 7; 'after'", 7) == []
    assert said("$n = 9; exit $n", 9) == []
    assert said(f"{bad}; exit", 1) == []
    assert said(f"{bad}; exit 0", 0) == []
    assert said("exit now", 2) == []
    assert said("exit 300", 300 & 0xff) == []


@test
def variables_and_pipes_carry_objects(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    said = lambda script: lines_of(shell(world, script).must(0))
    both = [ATL, REDMOND]
    assert said("$p = Get-CsPool; $p.Identity; $p.Count; $p[1].Identity; $p[-1].Identity") == \
        both + ["2", REDMOND, REDMOND]
    assert said('$p = Get-CsPool; "the first is $($p[0].Identity)."') == [f"the first is {ATL}."]
    assert said("$x = 5; $y = $x; \"$y$x\"; '$x'") == ["55", "$x"]
    assert said(f"$x = Get-CsPool {ATL}; {RELATION} $x.Identity -Output Json | fl BackupPoolFqdn") == \
        [f"BackupPoolFqdn : {REDMOND}"]
    assert said(f"(Get-CsPool {ATL}).BackupPool; (Get-CsPool).Count") == [REDMOND, "2"]
    partners = [{"PoolFqdn": a, "BackupPoolFqdn": b, "BackupPoolSite": None} for a, b in
                (both, both[::-1])]
    assert objects(shell(world, f"Get-CsPool | {RELATION} -Output Json")) == partners
    assert objects(shell(world, f"'{ATL}','{REDMOND}' | {RELATION} -Output Json")) == partners
    assert objects(shell(world, f"$p = Get-CsPool; $p | {RELATION} -Output Json")) == partners
    assert objects(shell(world, f"Get-CsPool | {RELATION} | ConvertTo-Json -Compress")) == partners
    assert json.loads(shell(world, f"Get-CsPool {ATL} | ConvertTo-Json").must(0).out)["Identity"] == ATL

    # What is kept in variables.
    assert said(f"Get-CsPool {ATL} -OutVariable x | fl Identity; $x.Count; $x.Identity") == \
        [f"Identity : {ATL}", "1", ATL]
    assert said("Get-CsPool -OutVariable x | Measure-Object | fl; Get-CsPool -ov +x | Measure-Object "
                "| fl; $x.Count") == ["Count : 2", "Count : 2", "4"]
    assert said("$x = 'a'; Get-CsPool -ov +x | Measure-Object | fl; $x[0]; $x.Count") == \
        ["Count : 2", "a", "3"]
    bad = f"Get-CsPool {OSLO} -ErrorAction SilentlyContinue"
    outcome = shell(world, f"{bad} -ErrorVariable e; {bad} -ev +e; $e.Count; $e[0].Message").must(1)
    assert lines_of(outcome) == ["2", f"The topology has no pool {OSLO}."] and outcome.err == "", outcome
    assert said(f"{SET} - SyncInterval 8 -WarningVariable w -WarningAction SilentlyContinue; $w.Count") \
        == ["1"]
    assert said("Get-CsPool -PipelineVariable p | Where-Object BackupPool -eq $p.BackupPool | fl Identity") \
        == [f"Identity : {ATL}", "", f"Identity : {REDMOND}"]
    # What stands behind is read anew for each object, and told what it was told all the same.
    assert objects(shell(world, "Get-CsPool -pv p | Select-Object Identity -Output Json")) == \
        [{"Identity": name} for name in both]
    outcome = shell(world, f"Get-CsPool -pv p | {RELATION} -Nothing $p.Identity -ErrorAction Stop; 'x'")
    outcome.must(2, "There is no parameter -Nothing")

    for condition, expected in (("Mirror -eq $null", ["2"]), ("Mirror -ne $null", ["0"]),
                                ("BackupPool -eq $null", ["0"]), ('Identity -ne "O\u2019Brien\'s"', ["2"]),
                                ("Identity -eq ''", ["0"])):
        assert said(f"(Get-CsPool | Where-Object {condition} | Measure-Object).Count") == expected, condition
    assert said("(Get-CsComputer | Where-Object Reachable -eq $true | Measure-Object).Count") == ["2"]
    assert said("(Get-CsComputer | Where-Object Reachable -eq $false | Measure-Object).Count") == ["0"]

    outcome = shell(world, f"Get-CsBackupServiceStatus {ATL} -Category CMS -BackupModule DataConf").must(0)
    assert "DataConf is no module of CMS" in outcome.err, outcome
    for condition, expected in (("LinkPort -gt 1", "2"), ("LinkPort -le 1", "0"), ("LinkPort -lt 1", "0"),
                                ("Identity -ge b", "1")):
        assert said(f"(Get-CsComputer | Where-Object {condition} | measure).Count") == [expected], condition

    # Picking.
    assert said("Get-CsPool | Select-Object -ExpandProperty Computers") == both
    assert said("Get-CsPool | Select-Object -First 1 | fl Identity") == [f"Identity : {ATL}"]
    assert said("Get-CsPool | Select-Object -Last 1 | fl Identity") == [f"Identity : {REDMOND}"]
    assert said("Get-CsPool | Select-Object -Skip 1 | fl Identity") == [f"Identity : {REDMOND}"]
    # Sorting, and showing nothing.
    assert said("Get-CsPool | Sort-Object Identity -Descending | select -exp Identity") == both[::-1]
    assert said("'b','A','9' | sort; 'x' | Out-Null") == ["9", "A", "b"]
    assert said("Get-CsPool | sort Nothing,Identity | select -First 1 -exp Identity") == [ATL]
    # Who has enough ends what stands in front, and nothing else.
    outcome = shell(world, f"Get-CsPool | {RELATION} -Debug | select -f 1 | measure | fl; 'x'").must(0)
    assert outcome.err.count("is asked") == 1 and lines_of(outcome) == ["Count : 1", "x"], outcome
    outcome = shell(world, f"'{ATL}','{OSLO}' | {RELATION} | select -First 1 | fl Identity").must(0)
    assert outcome.err == "", outcome
    assert said("Get-CsPool | select -First 0 | measure | fl") == ["Count : 0"]
    assert said("Get-CsPool | ft Identity")[2:] == both
    assert said("Get-CsPool | ft Identity -AutoSize")[2:] == both
    assert said("Get-CsPool | fl Ident*,Nothing")[:2] == [f"Identity : {ATL}", "Nothing  : "]
    for condition in (f"Identity -eq {ATL}", f"Identity -eq '{ATL.upper()}'", "Identity -like a*",
                      "Identity -notlike r*", f"Identity -ne {REDMOND}", "{$_.Identity -like 'a*'}",
                      "-Property Identity -Like a*", "{Identity -like 'a*' -and BackupPool -like 'r*'}",
                      "-FilterScript {Identity -like 'a*'}",
                      f"{{{' -or '.join(['Identity -like a*'] * 20)}}}"):
        assert said(f"Get-CsPool | Where-Object {condition} | fl Identity") == [f"Identity : {ATL}"], \
            condition


@test
def a_block_is_run_for_each_object_of_a_pipe(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    said = lambda script, status=0: lines_of(shell(world, script).must(status))
    both = [ATL, REDMOND]
    for_each = "ForEach-Object { Invoke-CsPoolFailOver -PoolFqdn $_.Identity -WhatIf }"
    misused(world, shell, "Get-CsPool | Invoke-CsPoolFailOver -WhatIf", "takes nothing through a pipe", for_each)
    shell(world, f"Get-CsPool | {for_each}").must(0, f"serve the home {ATL}", f"serve the home {REDMOND}")
    for block in ("ForEach-Object { $_.Identity }", "% {$_.Identity}", "foreach { $_.Identity }",
                  "ForEach-Object Identity", "% -MemberName Identity", "% Computers",
                  "ForEach-Object -Process { $p = $_; \n # each\n $p.Identity\n }"):
        assert said(f"Get-CsPool | {block}") == both, block
    assert said(f"Get-CsPool | % {{ {RELATION} -PoolFqdn $_.Identity }} | % BackupPoolFqdn") == both[::-1]
    # Blocks in blocks: $_ is the inner one's, and then the outer one's again; nothing is left of it.
    assert said("'a','b' | % { 1,2 | % { \"in $_\" }; \"out $_\" }") == \
        ["in 1", "in 2", "out a", "in 1", "in 2", "out b"]
    outcome = shell(world, "'a' | % { $_ }; $_").must(1, "There is no variable $_")
    assert said("$x = Get-CsPool | % { $_.Identity }; $x.Count; $x[1]") == ["2", REDMOND]
    assert said("Get-CsPool | % { $_ } | select -First 1 | fl Identity") == [f"Identity : {ATL}"]
    # What goes wrong is told for each; who stops at it stops all of it.
    unknown = f"Get-CsPool {OSLO}"
    outcome = shell(world, f"'a','b' | % {{ {unknown}; $_ }}; 'behind'").must(1)
    assert lines_of(outcome) == ["a", "b", "behind"] and outcome.err.count("no pool") == 2, outcome
    outcome = shell(world, f"'a','b' | % {{ $_; {unknown} -ErrorAction Stop; $_ }}; 'behind'").must(1)
    assert lines_of(outcome) == ["a"] and outcome.err.count("no pool") == 1, outcome
    assert said("'a','b' | % { Get-Nothing }", 2) == []
    assert said(f"'a','b' | % {{ Get-CsPool {ATL} | Out-Null; Get-Nothing }}", 1) == []
    # What can't be understood is refused before anything is done.
    for block, sentence in (("{ exit 3 }", "exit ends a script"), ("{ $x = }", "missing"),
                            ("{ if ($_) { 1 } }", "\"if\" is not understood"), ("", "lacks what it shall do"),
                            ("{ 1 } -MemberName x", "does one of them"), ("{ 'a }", "not closed")):
        outcome = shell(world, f"'never' | Write-Host; 'a' | % {block}")
        outcome.must(2 if "not closed" in sentence else 1, sentence)
    deep = "% { 1 | " * 17 + "% { 'deep' }" + " }" * 17
    outcome = shell(world, f"1 | {deep}").must(2, "more than 16 deep")
    assert "deep" not in outcome.out


@test
def what_scripts_for_the_original_begin_with_and_say_is_understood(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    script = (f"\ufeffImport-Module SkypeForBusiness\r\nImport-Module 'Lync'\r\n"
              f"Write-Host \"Pools:\" -ForegroundColor Yellow\r\nGet-CsPool | ForEach-Object {{\r\n"
              f"    Write-Host \"  $($_.Identity)\"\r\n}}\r\nStart-Sleep -Milliseconds 1\r\n"
              f"Write-Output 'done'\r\n")
    assert lines_of(shell(world, script.encode()).must(0)) == ["Pools:", f"  {ATL}", f"  {REDMOND}", "done"]
    said = lambda script, status=0: lines_of(shell(world, script).must(status))
    shell(world, "Import-Module Other").must(1, "There is no module Other")
    assert said("Write-Host a,b -NoNewline; Write-Host c") == ["a bc"]
    assert said("$x = Write-Host seen; \"[$x]\"; 'b' | Write-Host -BackgroundColor Red") == ["seen", "[]", "b"]
    assert "\x1b" not in shell(world, "Write-Host \"a\x1bb\" -ForegroundColor Red").out
    assert said("Write-Output 1,2 | measure | fl; echo x; 'p','q' | Write-Output") == \
        ["Count : 2", "x", "p", "q"]
    shell(world, "Start-Sleep").must(2, "lacks how long")
    shell(world, "Start-Sleep 1 -Milliseconds 1").must(2, "takes one")
    began = time.monotonic()
    shell(world, "Start-Sleep -Seconds 1").must(0)
    assert time.monotonic() - began >= 1

    members = objects(shell(world, "Get-CsPool | Get-Member -Output Json"))
    assert [m["Name"] for m in members] == list(objects(shell(world, "Get-CsPool -Output Json"))[0])
    kinds = {m["Name"]: m["Kind"] for m in members}
    assert kinds["Computers"] == "list" and kinds["Identity"] == "string" and kinds["Site"] == "null"
    assert said("Get-CsPool | gm *Pool | % Name") == ["BackupPool"]
    assert said("1,'a','b' | gm | % Kind") == ["int"] and said("Get-CsComputer | gm | % Name")


@test
def an_action_may_be_a_number_as_scripts_write_it(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    unknown = f"Get-CsPool {OSLO}"
    for quiet in ("-ea 0", "-ErrorAction 0", "-ErrorAction SilentlyContinue", "-ea:4"):
        outcome = shell(world, f"{unknown} {quiet}; 'behind'").must(1)
        assert outcome.err == "" and lines_of(outcome) == ["behind"], (quiet, outcome)
    for stops in ("-ea 1", "-ErrorAction Stop"):
        for bad in (unknown, "Get-CsPool -Nothing"):
            outcome = shell(world, f"{bad} {stops}; 'behind'")
            assert outcome.status in (1, 2) and lines_of(outcome) == [], (stops, outcome)
    outcome = shell(world, f"{unknown} -ea 2; 'behind'").must(1, "no pool")
    assert lines_of(outcome) == ["behind"]
    warned = f"{SET} - SyncInterval 8"
    assert "WARNING" in shell(world, f"{warned} -wa 2").err
    assert shell(world, f"{warned} -wa 0").must(0).err == ""
    for wrong in ("-ea 5", "-ea 00", "-Output 0"):
        misused(world, shell, f"Get-CsPool {wrong}", "takes one of")


@test
def help_explains_more_than_commands(world):
    world.build(["atl", "redmond"])
    topics = [t["Name"] for t in objects(shell(world, "Get-Help about_* -Output Json"))]
    assert "about_CommonParameters" in topics and "about_Language" in topics, topics
    for topic in topics:
        page = unix(world, f"Get-Help {topic.upper()}").must(0)
        assert page.out.startswith("TOPIC\n") and len(page.out) > 300 and page.err == "", page
        assert all(len(line) <= 100 for line in page.out.splitlines()), page
    common = unix(world, "Get-Help about_commonparameters").out
    for name in ("-WhatIf", "-ErrorAction", "-OutVariable", "-PipelineVariable"):
        assert f"    {name}" in common, name
    unix(world, "Get-Help about_Lnguage").must(2, 'There is no topic "about_Lnguage"', "about_Language meant")


@test
def what_is_held_back_comes_together(world):
    """-OutBuffer: the next command gets its objects once so many more have come."""
    world.deploy(["atl", "redmond"], interval_s=30)
    order = lambda words: re.findall(
        r"It answered|Get-CsPool \{|" + RELATION,
        shell(world, f"Get-CsPool -Debug {words} | {RELATION} -Debug | Measure-Object").must(0).err)
    # The answer to the first command ends before or after the second was asked for the first time.
    assert order("")[:2] == ["Get-CsPool {", RELATION], order("")
    assert order("-OutBuffer 5")[:2] == ["Get-CsPool {", "It answered"], order("-OutBuffer 5")


# --- what every command takes --------------------------------------------------------------------


def at_terminal(world, words, answers, pool="atl"):
    """Runs it with a terminal, where each question that ends so gets its answer."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(world.folder)
        os.execvpe(words[0], words, environment(world, pool))
    seen, answers = b"", list(answers)
    while True:
        try:
            part = os.read(fd, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
        if answers and seen.rstrip().endswith(answers[0][0].encode()):
            os.write(fd, answers.pop(0)[1].encode())
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode(errors="replace")


def answered_with(world, head, body):
    """Get-CsPool's outcome, asked of a server that answers so."""
    path = world.folder / "fake.sock"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        asked = subprocess.Popen([str(POLLUX), "Get-CsPool"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, env={**os.environ, "POLLUX_SERVER": str(path)})
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            out, err = asked.communicate(timeout=PATIENCE_S)
    return asked.returncode, err.decode()


@test
def an_answer_that_makes_no_sense_is_a_failure(world):
    status, err = answered_with(world, "200 OK", b'{"status":"failed"}\n')
    assert status == 1 and "failed, and not why" in err, (status, err)
    assert answered_with(world, "200 OK", b'{"status":"done"}\n') == (0, "")
    status, err = answered_with(world, "500 No", b"x" * 70000 + b"\n" + b"y" * 70000)
    assert status == 1 and len(err) < 4000, (status, err)


@test
def help_that_can_not_be_written_is_a_failure(world):
    for line in ("Get-CsPool --help", "Get-CsPool -?", "pollux --help", "pollux --commands"):
        done = subprocess.run(["bash", "-c", f"{line} >/dev/full"], stderr=subprocess.PIPE,
                              env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}, text=True)
        assert done.returncode == 1 and "The output can't be written" in done.stderr, done


@test
def common_parameters_each_do_something(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    get, bad = f"{GET} -Output Json", f"Get-CsPool -Identity {OSLO}"
    for say in (unix, shell):
        plain = say(world, get, "redmond").must(0)
        assert plain.err == ""
        verbose = say(world, f"{get} -Verbose", "redmond").must(0)
        assert verbose.out == plain.out and f"VERBOSE: {GET} is carried out by {ATL}" in verbose.err
        assert say(world, f"{get} -vb", "redmond").err == verbose.err
        debug = say(world, f"{get} -Debug").must(0)
        assert debug.out == plain.out and f"/admin/v1/commands/{GET}" in debug.err and \
            "It answered with status 200" in debug.err
        # -Output
        forms = {form: say(world, f"Get-CsPool -Output {form}").must(0).out for form in
                 ("Auto", "List", "Table", "Json")}
        assert forms["Auto"] == forms["List"] == say(world, "Get-CsPool").out
        assert len({*forms.values()}) == 3 and "Identity   :" in forms["List"], forms
        assert forms["Table"].splitlines()[0].split()[:2] == ["Identity", "Fqdn"]
        assert [json.loads(line)["Identity"] for line in forms["Json"].splitlines()] == [ATL, REDMOND]
        # -ErrorAction
        told = say(world, bad).must(1)
        assert told.err
        for action, shown in (("Continue", True), ("Stop", True), ("SilentlyContinue", False),
                              ("Ignore", False)):
            outcome = say(world, f"{bad} -ErrorAction {action}").must(1)
            assert outcome.out == "" and (outcome.err == told.err) == shown, (action, outcome)
        # -WarningAction
        warned = f"Stop-CsPool -PoolFqdn {ATL} -WhatIf"
        for action, shown, status in (("Continue", True, 0), ("SilentlyContinue", False, 0),
                                      ("Ignore", False, 0), ("Stop", True, 1)):
            outcome = say(world, f"{warned} -WarningAction {action}").must(status)
            assert ("WARNING:" in outcome.err) == shown, (action, outcome)
        # A question that nobody can answer is no yes.
        for action in (f"{bad} -ErrorAction Inquire", f"{warned} -WarningAction Inquire"):
            say(world, action).must(1, "no terminal to ask at")
    # One that would come with the deed stops the command before it.
    for line in (f"Stop-CsPool {ATL} -WarningAction Stop",
                 f"$WarningPreference = 'Stop'; Stop-CsPool {ATL}"):
        outcome = shell(world, line).must(1, "Nothing was done, because of this warning.")
        assert outcome.out == "" and outcome.err.count("WARNING:") == 1, outcome
    shell(world, f"Stop-CsPool {ATL} -WarningAction Inquire").must(1, "no terminal to ask at")
    assert all("-WhatIf true" in line for line in world["atl"].events(" command:", "Stop-CsPool"))
    # -InformationAction: what the daemon has to remark, if it does.
    for action in ("SilentlyContinue", "Continue", "Ignore", "Stop", "Inquire"):
        shell(world, f"{get} -InformationAction {action} -InformationVariable i; $i.Count").must(0)
    misused(world, unix, f"{get} -ErrorAction Sotp", "Was Stop meant?")
    # -WhatIf
    before = configuration(world)
    unix(world, f"{SET} -SyncInterval 9 -WhatIf").must(0, "What if: ")
    unix(world, f"{SET} -SyncInterval 9 '-WhatIf:$true'").must(0, "What if: ")
    assert configuration(world) == before
    unix(world, f"{SET} -SyncInterval 9 '-WhatIf:$false'").must(0)
    interval_is(world, "00:00:09")


@test
def confirm_says_what_would_be_done_and_asks(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    question = "[Y] Yes  [N] No:"
    words = [str(BIN / SET), "-SyncInterval", "11", "-Confirm"]
    before = configuration(world)
    for answers in (["n\n"], ["No\n"], ["maybe\n", "N\n"], ["\4"], ["\n"] * 5):
        status, seen = at_terminal(world, words, [(question, answer) for answer in answers])
        assert status == 1 and "What if: " in seen and "Shall this be done?" in seen, seen
        assert "The answer was not Yes." in seen and "Nothing was done." in seen, seen
        assert configuration(world) == before, answers
    status, seen = at_terminal(world, words, [(question, "\3")])
    assert status == 130 and configuration(world) == before, (status, seen)
    left = seen.split(question)[-1]  # on lines of its own, and not behind the question
    assert left.lstrip(" ^C").startswith("\r\n") and "Nothing was done." in left, seen
    outcome = unix(world, f"{SET} -SyncInterval 11 -Confirm").must(2, "no terminal to ask at",
                                                                  "Leave -Confirm out")
    assert "Nothing was done." in outcome.err and configuration(world) == before
    unix(world, f"{SET} -SyncInterval 11 -Confirm -WhatIf").must(0)
    assert configuration(world) == before
    status, seen = at_terminal(world, words, [(question, "y\n")])
    assert status == 0, seen
    interval_is(world, "00:00:11")
    status, seen = at_terminal(world, [str(POLLUX), "-c", f"Get-CsPool {OSLO} -ea Inquire; 'after'"],
                               [(question, "y\n")])
    assert status == 1 and "after" in seen, seen
    status, seen = at_terminal(world, [str(POLLUX), "-c", f"Get-CsPool {OSLO} -ea Inquire; 'after'"],
                               [(question, "n\n")])
    assert status == 1 and "after" not in seen, seen


# --- their own parameters ------------------------------------------------------------------------


def differs(a, b):
    return a.status == b.status == 0 and a.out != b.out


def fewer(a, b):
    return a.status == b.status == 0 and 0 < len(lines_of(b)) < len(lines_of(a))


def fails(a, b):
    return a.status == 0 and b.status == 1 and b.err


def quieter(a, b):
    return a.status == b.status == 0 and "WARNING" in a.err and "WARNING" not in b.err


def as_quiet(a, b):
    """There is nothing to hide: it is taken, and changes nothing else."""
    return a.status == b.status == 0 and a.out == b.out and a.err == b.err


def said_less(a, b):
    return a.status == b.status == 0 and len(b.err) < len(a.err)


def required(a, b):
    return a.status == 2 and "is missing" in a.err and b.status == 0


def not_found(a, b):
    return a.status == 2 and "is missing" in a.err and b.status == 1


def sets(a, b):
    """The second What if names something that the first does not."""
    return a.status == b.status == 0 and "What if" in b.err and a.err != b.err


def shows(a, b):
    return a.status == b.status == 0 and a.out == "" and b.out


def moved(without, added):
    """Both moved the home; the first said the one thing, and the second the other."""
    def holds(a, b):
        said = [outcome.out + outcome.err for outcome in (a, b)]
        return a.status == b.status == 0 and (without in said[0], without in said[1]) == (True, False) \
            and (added in said[0], added in said[1]) == (False, True)
    return holds


def is_misused(a, b):
    return a.status == 0 and b.status == 2


def no_mirror(a, b):
    return a.status == 0 and b.status == 1 and "has no mirror" in b.err


def counted(outcome, what):
    assert outcome.status == 0, outcome
    return json.loads(outcome.out)[what]


EXPORT, IMPORT = "Export-CsUserData", "Import-CsUserData"
FLUSH = "Invoke-CsStorageServiceFlush"
CONNECTION = "Set-CsManagementConnection"
IF, AT_ATL = " -WhatIf", f" -RegistrarPool {ATL}"
OF_ATL = f" -PoolFqdn {ATL}"
TARGET = f" -BackupSqlServerFqdn {REDMOND}"
# (command, parameter): what is typed without it, what is added, what must be true of the two, and
# what is done between them, if anything.
OWN = {
    ("Publish-CsTopology", "FileName"): (IF, " -FileName topology.conf", required),
    ("Get-CsTopology", "LocalStore"): ("", " -LocalStore", lambda a, b: fails(b, a)),
    ("Get-CsTopology", "AsText"): (" -LocalStore", " -AsText", differs),
    ("Test-CsTopology", "FileName"): ("", " -FileName wrong.conf", lambda a, b: b.status == 1),
    ("Get-CsPool", "Identity"): ("", f" -Identity {ATL}", fewer),
    ("Get-CsPool", "Site"): ("", " -Site Atlanta", fewer),
    ("Get-CsComputer", "Identity"): ("", f" -Identity {ATL}", fewer),
    ("Get-CsComputer", "Pool"): ("", f" -Pool {ATL}", fewer),
    ("Get-CsComputer", "Local"): ("", " -Local", fewer),
    ("Get-CsService", "Identity"): ("", f" -Identity UserServer:{ATL}", fewer),
    ("Get-CsService", "PoolFqdn"): ("", f" -PoolFqdn {ATL}", fewer),
    ("Get-CsService", "CentralManagement"): ("", " -CentralManagement", fewer),
    (CONNECTION, "StoreProvider"): (f" -Connection '{ATL}\\RTC'" + IF, " -StoreProvider Sql", required),
    (CONNECTION, "Connection"): (" -StoreProvider Sql" + IF, f" -Connection '{ATL}\\RTC'", required),
    (CONNECTION, "EnableCaching"): (f" -StoreProvider Sql -Connection '{ATL}\\RTC'" + IF,
                                    " -EnableCaching True", sets),
    ("Get-CsService", "UserServer"): ("", " -UserServer", fewer),
    ("Get-CsService", "Registrar"): ("", " -Registrar", fewer),
    ("Get-CsPoolFailOverStatus", "PoolFqdn"): ("", " -PoolFqdn central", fewer),
    ("Get-CsPoolFailOverStatus", "Report"): ("", r" -Report 'C:\x.html'",
                                             lambda a, b: "x.html in the current folder" in b.err),
    (RELATION, "PoolFqdn"): ("", f" -PoolFqdn {ATL}", required),
    (RELATION, "LocalStore"): (f" {ATL}", " -LocalStore", lambda a, b: fails(b, a)),
    (RELATION, "Force"): (f" {ATL} -LocalStore", " -Force", as_quiet),
    ("Get-CsBackupServiceStatus", "Detailed"): (f" {ATL}", " -Detailed",
                                                lambda a, b: "Direction" in b.out > a.out),
    (SYNC, "PoolFqdn"): ("", f" -PoolFqdn {ATL}", required),
    (SYNC, "BackupModule"): (f" {ATL} -Verbose", " -BackupModule CMSMaster", said_less),
    (SYNC, "BypassDualWrite"): (f" {ATL} -Verbose", " -BypassDualWrite True", lambda a, b:
                                "compared" in b.out + b.err and "compared" not in a.out + a.err),
    (SYNC, "Force"): (f" {ATL} -BackupModule DataConf", " -Force", quieter),
    (BACKUP, "PoolFqdn"): (IF, f" -PoolFqdn {ATL}", required),
    (BACKUP, "Category"): (f" {ATL}" + IF, " -Category CMS", lambda a, b: a.err != b.err),
    (BACKUP, "FullBackup"): (f" {ATL}" + IF, " -FullBackup", lambda a, b: "FinalState" in b.err),
    (BACKUP, "SteadyState"): (f" {ATL}" + IF, " -SteadyState", lambda a, b: "SteadyState" in b.err),
    (BACKUP, "FailedOverPoolOnly"): (f" {ATL} -FullBackup" + IF, " -FailedOverPoolOnly",
                                     lambda a, b: "no home that was failed over" in b.err),
    (BACKUP, "RetryCount"): (f" {ATL}" + IF, " -RetryCount 7", lambda a, b: "7 times" in b.err),
    (BACKUP, "WaitTime"): (f" {ATL} -SteadyState" + IF, " -WaitTime 7",
                           lambda a, b: "60 s" in a.err and "7 s" in b.err),
    (BACKUP, "LocalStore"): (f" {ATL}", " -LocalStore", lambda a, b: fails(b, a)),
    (BACKUP, "Report"): (f" {ATL}" + IF, r" -Report 'C:\x.html'",
                         lambda a, b: "x.html in the current folder" in b.err),
    (BACKUP, "Force"): (f" {ATL} -Category RGS", " -Force", quieter),
    # A home that was moved by one row is moved back by the next one.
    (OVER, "PoolFqdn"): (IF, OF_ATL, required),
    (OVER, "WaitTime"): (OF_ATL + IF, " -WaitTime 7", lambda a, b: "for 15 s" in a.err and "for 7 s" in b.err),
    (OVER, "ServicesStopDelayMins"): (OF_ATL + IF, " -ServicesStopDelayMins 3",
                                      lambda a, b: "3 minutes to end" in b.err and "minutes" not in a.err),
    (OVER, "DatabaseCommandTimeoutInSeconds"): (OF_ATL + IF, " -DatabaseCommandTimeoutInSeconds 0", is_misused),
    (OVER, "Report"): (OF_ATL + IF, r" -Report 'C:\x.html'",
                       lambda a, b: "x.html in the current folder" in b.err),
    (OVER, "Force"): (OF_ATL + IF, " -Force", quieter),
    (OVER, "FlushStorageService"): (OF_ATL + " -Verbose", " -FlushStorageService",
                                    lambda a, b: "Flushing" in b.err and "Flushing" not in a.err and
                                    a.status == b.status == 0, HOME_AGAIN + OF_ATL),
    (HOME_AGAIN, "SkipDataVerification"): (OF_ATL, " -SkipDataVerification",
                                           moved('"Verified":true', '"Verified":false'), OVER + OF_ATL),
    (OVER, "DisasterMode"): (OF_ATL + " -Verbose", " -DisasterMode", lambda a, b: a.status == b.status == 0 and
                             "not needed" in b.err and "not needed" not in a.err, HOME_AGAIN + OF_ATL),
    (HOME_AGAIN, "DisasterMode"): (OF_ATL, " -DisasterMode", lambda a, b: a.status == b.status == 0 and
                                   "not needed" in b.err and "not needed" not in a.err, OVER + OF_ATL),
    (OVER, "SkipDataVerification"): (OF_ATL, " -SkipDataVerification",
                                     moved('"Verified":true', '"Verified":false'), HOME_AGAIN + OF_ATL),
    (HOME_AGAIN, "PoolFqdn"): (IF, OF_ATL, required),
    (CMS, "BackupSqlServerFqdn"): (" -Force" + IF, TARGET, lambda a, b: a.status == 2 and b.status == 0),
    (CMS, "Force"): (TARGET + IF, " -Force",
                     lambda a, b: a.status == 2 and "-Force is missing" in a.err and b.status == 0),
    (CMS, "BackupSqlInstanceName"): (TARGET + " -Force" + IF, " -BackupSqlInstanceName OTHER",
                                     lambda a, b: a.status == 0 and b.status == 1 and "OTHER" in b.err),
    (CMS, "BackupMirrorSqlServerFqdn"): (TARGET + " -Force" + IF, f" -BackupMirrorSqlServerFqdn {ATL}", no_mirror),
    (CMS, "BackupMirrorSqlInstanceName"): (TARGET + " -Force" + IF, " -BackupMirrorSqlInstanceName RTC", no_mirror),
    (CMS, "SkipDataVerification"): (IF, " -SkipDataVerification", lambda a, b: "holds the Central" in a.err and
                                    b.status == 2 and "is for a disaster" in b.err),
    (CMS, "Restore"): (TARGET + " -Force" + IF, " -Restore", lambda a, b: a.status == 0 and b.status == 2 and
                       "-Restore is about the existing database" in b.err),
    (CMS, "Report"): (TARGET + " -Force" + IF, r" -Report 'C:\x.html'",
                      lambda a, b: a.status == b.status == 0 and "C:\\" in b.err and "C:\\" not in a.err),
    (HOME_AGAIN, "WaitTime"): (OF_ATL + IF, " -WaitTime 7",
                               lambda a, b: "for 15 s" in a.err and "for 7 s" in b.err),
    (HOME_AGAIN, "DatabaseCommandTimeoutInSeconds"): (OF_ATL + IF, " -DatabaseCommandTimeoutInSeconds 0", is_misused),
    (HOME_AGAIN, "Report"): (OF_ATL + IF, r" -Report 'C:\x.html'",
                             lambda a, b: "x.html in the current folder" in b.err),
    # It skips nothing, and there is nothing to hide.
    (HOME_AGAIN, "Force"): (OF_ATL, " -Force", lambda a, b: a.status == b.status == 0 and a.err == b.err,
                            OVER + OF_ATL + " -Force"),
    ("Stop-CsPoolFailOver", "PoolFqdn"): ("", OF_ATL, lambda a, b: a.status == 2 and "is missing" in a.err and
                                          b.status == 1 and "No operation" in b.err),
    (REMOVE, "PoolFqdn"): (IF, f" -PoolFqdn {ATL}", required),
    (REMOVE, "Force"): (f" {ATL}" + IF, " -Force", quieter),
    (CONFLICTS, "Identity"): ("", f" -Identity{NO_CONFLICT}", fails),
    (CONFLICTS, "PoolFqdn"): (" -Verbose", f" -PoolFqdn {ATL}", said_less),
    (CONFLICTS, "BackupModule"): (" -Verbose", " -BackupModule CMSMaster", said_less),
    # What they do where there is one: test_salvage.py.
    (RESTORE, "Identity"): (IF, f" -Identity{NO_CONFLICT}", not_found),
    (RESTORE, "PoolFqdn"): (NO_CONFLICT + " -Verbose" + IF, f" -PoolFqdn {ATL}",
                             lambda a, b: a.status == b.status == 1 and len(b.err) < len(a.err)),
    (RESTORE, "Force"): (NO_CONFLICT + IF, " -Force", lambda a, b: a.status == b.status == 1),
    (DISMISS, "Identity"): (IF, f" -Identity{NO_CONFLICT}", not_found),
    (DISMISS, "PoolFqdn"): (NO_CONFLICT + " -Verbose" + IF, f" -PoolFqdn {ATL}",
                             lambda a, b: a.status == b.status == 1 and len(b.err) < len(a.err)),
    (DISMISS, "Force"): (NO_CONFLICT + IF, " -Force", lambda a, b: a.status == b.status == 1),
    (REPLICAS, "ReplicaFqdn"): ("", f" -ReplicaFqdn {ATL}", fewer),
    (REPLICAS, "CentralManagementStoreStatus"): ("", " -CentralManagementStoreStatus",
                                                 lambda a, b: "ActiveMasterFqdn" in b.out),
    (REPLICATE, "ReplicaFqdn"): ("", f" -ReplicaFqdn {ATL}",
                                 lambda a, b: "WARNING" not in a.err and "holds the Central" in b.err),
    (REPLICATE, "Force"): (f" -ReplicaFqdn {ATL}", " -Force", quieter),
    ("Start-CsPool", "PoolFqdn"): (IF, f" -PoolFqdn {ATL}", required),
    ("Start-CsPool", "Force"): (f" {ATL}" + IF, " -Force", lambda a, b: a.status == b.status == 0),
    ("Stop-CsPool", "PoolFqdn"): (IF, f" -PoolFqdn {ATL}", required),
    ("Stop-CsPool", "Force"): (f" {ATL}" + IF, " -Force", quieter),
    ("Get-CsBackupServiceStatus", "PoolFqdn"): ("", f" -PoolFqdn {ATL}", required),
    ("Get-CsBackupServiceStatus", "BackupModule"): (f" {ATL}", " -BackupModule DataConf", differs),
    ("Get-CsBackupServiceStatus", "Category"): (f" {ATL}", " -Category CMS", differs),
    ("Get-CsBackupServiceStatus", "Force"): (f" {ATL} -Category RGS", " -Force", quieter),
    (GET, "Identity"): ("", " -Identity other", fails),
    (GET, "Filter"): ("", " -Filter x*", differs),
    (GET, "LocalStore"): ("", " -LocalStore", lambda a, b: a.status == 0 and b.status in (0, 1)),
    (SET, "Identity"): (" -SyncInterval 17", " -Identity other", fails),
    (SET, "SyncInterval"): (" -SyncMode Interval" + IF, " -SyncInterval 19", sets),
    (SET, "SyncMode"): (" -SyncInterval 18" + IF, " -SyncMode Interval", sets),
    (SET, "MaxConcurrentCalls"): (" -SyncInterval 18" + IF, " -MaxConcurrentCalls 11", sets),
    (SET, "MaxBatchesPerCmsSync"): (" -SyncInterval 18" + IF, " -MaxBatchesPerCmsSync 11", sets),
    (SET, "MaxBatchesPerUserStoreSync"):
        (" -SyncInterval 18" + IF, " -MaxBatchesPerUserStoreSync 11", sets),
    (SET, "MaxDataConfPackageSizeKB"):
        (" -SyncInterval 18" + IF, " -MaxDataConfPackageSizeKB 2048", sets),
    (SET, "AuthorizedUniversalGroups"):
        (" -SyncInterval 18" + IF, " -AuthorizedUniversalGroups x", sets),
    (SET, "AuthorizedLocalAccounts"):
        (" -SyncInterval 18" + IF, " -AuthorizedLocalAccounts x", sets),
    (SET, "Force"): (" -SyncMode Continuous", " -Force", quieter),
    ("Remove-CsBackupServiceConfiguration", "Identity"): (IF, " -Identity global", required),
    ("Remove-CsBackupServiceConfiguration", "Force"): (" global" + IF, " -Force", as_quiet),
    ("Get-CsUser", "Identity"): ("", " -Identity kenmyer", fewer),
    ("Get-CsUser", "Filter"): ("", " -Filter kim*", fewer),
    ("Get-CsUser", "ResultSize"): ("", " -ResultSize 1", fewer),
    ("Enable-CsUser", "Identity"): (AT_ATL + IF, " -Identity new@litwareinc.com", required),
    ("Enable-CsUser", "RegistrarPool"): (" new@litwareinc.com" + IF, AT_ATL, required),
    ("Enable-CsUser", "SipAddress"): (" 'New User'" + AT_ATL + IF, " -SipAddress sip:new@litwareinc.com",
                                      lambda a, b: a.status != 0 and b.status == 0),
    ("Enable-CsUser", "DisplayName"): (" new@litwareinc.com -PassThru" + AT_ATL, " -DisplayName New",
                                       differs, "Disable-CsUser new"),
    ("Enable-CsUser", "PassThru"): (" more@litwareinc.com" + AT_ATL, " -PassThru", shows,
                                    "Disable-CsUser more"),
    ("Set-CsUser", "Identity"): (" -DisplayName Kim" + IF, " -Identity kim", required),
    ("Set-CsUser", "SipAddress"): (" kim -DisplayName K" + IF, " -SipAddress sip:k@litwareinc.com", sets),
    ("Set-CsUser", "DisplayName"): (" kim -Enabled '$false'" + IF, " -DisplayName K", sets),
    ("Set-CsUser", "Enabled"): (" kim -DisplayName K" + IF, " -Enabled '$false'", sets),
    ("Set-CsUser", "PassThru"): (" kim -DisplayName Kim", " -PassThru", shows),
    ("Set-CsClientPin", "Identity"): (" -Pin 47114711", " -Identity kim", required),
    ("Set-CsClientPin", "Pin"): (" kim", " -Pin 47114711", lambda a, b: a.status == 2 and b.status == 0),
    ("Lock-CsClientPin", "Identity"): (IF, " -Identity kim", required),
    ("Lock-CsClientPin", "PassThru"): (" kim", " -PassThru", shows, "Unlock-CsClientPin kim"),
    ("Unlock-CsClientPin", "Identity"): (IF, " -Identity kim", required),
    ("Unlock-CsClientPin", "PassThru"): (" kim", " -PassThru", shows, "Lock-CsClientPin kim"),
    ("Get-CsUserPoolInfo", "Identity"): ("", " -Identity kim", required),
    # What the last two change where records wait: test_storage_service.py.
    (FLUSH, "PoolFqdn"): (" -FlushType FullFlush", f" -PoolFqdn {ATL}", required),
    (FLUSH, "FlushType"): (f" {ATL}", " -FlushType FullFlush", required),
    (FLUSH, "Binding"): (f" {REDMOND} -FlushType FullFlush", " -Binding NetNamedPipe", fails),
    (FLUSH, "HostNameStorageService"): (f" {ATL} -FlushType FullFlush",
                                        f" -HostNameStorageService {REDMOND}", fails),
    (FLUSH, "WaitTime"): (f" {ATL} -FlushType FullFlush", " -WaitTime 0",
                          lambda a, b: a.status == 0 and b.status == 2),
    (FLUSH, "Force"): (f" {ATL} -FlushType SteadyState", " -Force", as_quiet),
    (EXPORT, "PoolFqdn"): (" -FileName out.json" + IF, f" -PoolFqdn {ATL}", required),
    (EXPORT, "FileName"): (f" {ATL}" + IF, " -FileName out.json", required),
    (EXPORT, "UserFilter"): (f" {ATL} out.json" + IF, " -UserFilter kim", sets),
    (EXPORT, "Force"): (f" {ATL} wrong.conf", " -Force", lambda a, b: "exists" in a.err and b.status == 0),
    (IMPORT, "PoolFqdn"): (" -FileName users.json" + IF, f" -PoolFqdn {ATL}", required),
    (IMPORT, "FileName"): (f" {ATL}" + IF, " -FileName users.json", required),
    (IMPORT, "UserFilter"): (f" {ATL} users.json" + IF, " -UserFilter kim", sets),
    (IMPORT, "Force"): (f" {ATL} users.json", " -Force",
                        lambda a, b: counted(a, "Kept") == counted(b, "Replaced") == 1),
    ("Disable-CsUser", "Identity"): (IF, " -Identity kim", required),
    ("Disable-CsUser", "PassThru"): (" more", " -PassThru", shows,
                                     f"Enable-CsUser more@litwareinc.com{AT_ATL}"),
}


@test
def each_parameter_of_each_command_does_something(world):
    """Two runs that differ only by it. A parameter without a row here is a fault."""
    pools = world.build(["atl", "redmond"], interval_s=30).topology_text()
    world.topology.write_text(pools.replace(f'pool "{ATL}" {{', f'pool "{ATL}" {{\n    site = "Atlanta"')
                              .replace(f'pool "{REDMOND}" {{', f'pool "{REDMOND}" {{\n    site = "Redmond"'))
    world.start()
    (world.folder / "wrong.conf").write_text("nonsense\n")
    for pool in world.pools:
        world.wait_hears(pool, *(other for other in world.pools if other != pool))

    def compare(name, parameter):
        without, added, holds, *between = OWN[name, parameter]
        before = unix(world, f"{name}{without} -Output Json")
        for line in between:
            unix(world, line).must(0)
        after = unix(world, f"{name}{without}{added} -Output Json")
        assert holds(before, after), f"{name} -{parameter}: {before} / {after}"

    # What is true of a machine's own file, before anything is published.
    early = {("Get-CsTopology", "LocalStore"), (RELATION, "LocalStore"), (BACKUP, "LocalStore")}
    for name, parameter in early:
        compare(name, parameter)
    world.publish("atl").must(0)
    world.all_serve()
    commands = world["atl"].request("GET", "/admin/v1/commands").json
    there = {(c["name"], p["name"]) for c in commands for p in c["parameters"]}
    assert not there - OWN.keys(), f"no row for {sorted(there - OWN.keys())}"
    assert not OWN.keys() - there, f"there is no {sorted(OWN.keys() - there)}"
    for user in ("kenmyer", "kim"):
        unix(world, f"Enable-CsUser {user}@litwareinc.com{AT_ATL}").must(0)
    for number in (1, 2):  # Kim has a setting already, and the file another one
        (world.folder / "users.json").write_text(
            json.dumps({"pollux": "users' data", "version": 1, "pool": ATL}) + "\n" + "".join(
                json.dumps({"user": f"sip:{user}@litwareinc.com", "settings": {"is": number}}) + "\n"
                for user in ("kenmyer", "kim")[2 - number:]) + '{"users": 1, "items": 1}\n')
        if number == 1:
            unix(world, f"{IMPORT} {ATL} users.json").must(0)
    for name, parameter in OWN:
        if (name, parameter) not in early:
            compare(name, parameter)


# --- what is made of the table -------------------------------------------------------------------


@test
def every_command_has_a_manual_page(world):
    """And a formatter has nothing to say against it."""
    formatter = next((words for words in (["man", "--warnings", "-l"], ["groff", "-man", "-ww", "-Tutf8"],
                                          ["nroff", "-man"]) if shutil.which(words[0])), None)
    names = run(POLLUX, "--commands").must(0).out.split()
    assert len(names) > 15 and "Get-CsPool" in names and "Where-Object" not in names
    for name in names:
        page = run(POLLUX, "--manual", name).must(0).out
        assert page.startswith(f".TH {name} 1"), page[:100]
        for line in page.splitlines():
            assert not line.startswith("'") and (line[:1] != "." or re.match(r"\.[A-Z]{2}\b", line)), line
        if formatter:
            file = world.folder / f"{name}.1"
            file.write_text(page)
            done = run(*formatter, file, env={**os.environ, "MANPAGER": "cat", "LC_ALL": "C.UTF-8"}).must(0)
            assert done.err == "" and name in done.out, (name, done.err)
    if not formatter:
        world.say("neither man nor groff is there: the pages were not formatted")
    run(POLLUX, "--manual", "Nothing").must(2, "There is no command")
    run(POLLUX, "--manual").must(2)


@test
def bash_completes_commands_parameters_and_values(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    script = world.folder / "completion.bash"
    script.write_text(run(POLLUX, "--completion", "bash").must(0).out)
    run("bash", "-n", script).must(0)

    def offered(*words):
        listed = " ".join(f"'{word}'" for word in words)
        done = unix(world, f"source {script}; COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; "
                           '_pollux; printf "%s\\n" "${COMPREPLY[@]}"').must(0)
        assert done.err == "", done.err
        return sorted({*done.out.split()})

    assert offered("pollux", "Get-CsPool") == ["Get-CsPool", "Get-CsPoolBackupRelationship",
                                               "Get-CsPoolFailOverStatus"]
    assert offered("pollux", "pk") == ["pki"]
    for words in (["Get-CsPool"], ["pollux", "Get-CsPool"], [str(BIN / "Get-CsPool")]):
        assert offered(*words, "-Ide") == ["-Identity"]
        assert offered(*words, "-Identity", "") == [ATL, REDMOND]
        assert offered(*words, "-Identity", "red") == [REDMOND]
        assert offered(*words, "-Output", "") == ["Auto", "Json", "List", "Table"]
        assert "-OutVariable" not in offered(*words, "-")
    assert "-WhatIf" in offered("Stop-CsPool", "-") and "-WhatIf" not in offered("Get-CsPool", "-")
    assert offered("Publish-CsTopology", "-FileName", "topo") == ["topology.conf"]
    assert offered(SET, "-SyncMode", "C") == ["Continuous"]
    run(POLLUX, "--completion", "fish").must(2, "bash")


if __name__ == "__main__":
    sys.exit(main())
