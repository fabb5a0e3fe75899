"""`pollux` at a terminal: prompt, lines, history, completion, Ctrl-C, and secrets that nobody sees.

Prints TAP. Each test talks to a pseudo terminal and waits for what must appear on it."""

import fcntl
import pty
import select
import stat
import struct
import sys
import termios

from pollux_world import *

ATL, REDMOND, OSLO = name_of("atl"), name_of("redmond"), name_of("oslo")
PROMPT, FURTHER = "pollux> ", ">> "
TAB, INTERRUPT, END, UP, ENTER = "\t", "\x03", "\x04", "\x1b[A", "\r"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SECRET = "47-Sesam-11"


class Terminal:
    """A program with a terminal of its own; `seen` is all that it showed."""

    def __init__(self, world, *words, pool="atl", columns=80, **environment):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.fd, self.seen, self.at, self.raw = master, "", 0, ""
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "setsid", "--ctty", *(words or [str(POLLUX)])],
            stdin=slave, stdout=slave, stderr=slave, cwd=world.folder,
            env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(world.folder),
                 "TERM": "xterm", "LC_ALL": "C.UTF-8", "XDG_STATE_HOME": "",
                 "POLLUX_SERVER": str(world[pool].socket), **environment})
        os.close(slave)
        world.others.append(self.process)

    def read(self, patience_s):
        """False: nothing came, or it has ended."""
        if not select.select([self.fd], [], [], patience_s)[0]:
            return False
        try:
            part = os.read(self.fd, 65536)
        except OSError:
            return False
        self.raw += part.decode(errors="replace")
        self.seen = ESCAPES.sub("", self.raw)
        return bool(part)

    def expect(self, *texts):
        """Each appears, one behind the other. Returns what stood in front of the last."""
        for text in texts:
            deadline = time.monotonic() + PATIENCE_S
            while (found := self.seen.find(text, self.at)) < 0:
                if not self.read(0.1) and (self.process.poll() is not None and not self.read(0)
                                           or time.monotonic() > deadline):
                    raise AssertionError(f"{text!r} did not appear: {self.seen[-2000:]!r}")
            before, self.at = self.seen[self.at:found], found + len(text)
        if texts[-1] in (PROMPT, FURTHER):
            # Only then does it take single letters: the prompt is there a little earlier.
            until("the shell to read", lambda: not termios.tcgetattr(self.fd)[3] & termios.ICANON)
        return before

    def type(self, text):
        os.write(self.fd, text.encode())
        return self

    def says(self, line, *texts):
        """A line, and what it is answered up to the next prompt."""
        self.type(line + ENTER).expect(line[-10:])
        begin = self.at
        self.expect(*texts, PROMPT)
        return self.seen[begin:self.at - len(PROMPT)].replace("\r", "")

    def ends(self, status):
        deadline = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            self.read(0.05)
            assert time.monotonic() < deadline, f"it does not end: {self.seen[-2000:]!r}"
        while self.read(0):
            pass
        os.close(self.fd)
        assert self.process.returncode == status, (self.process.returncode, self.seen[-2000:])
        for trouble in ("Sanitizer", "runtime error", "Assertion"):
            assert trouble not in self.seen, self.seen
        return self.seen

    def is_echoed(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)


def shell(world, **options):
    terminal = Terminal(world, **options)
    terminal.expect(PROMPT)
    return terminal


def history_of(world):
    return world.folder / ".local/state/pollux/history"


@test
def lines_are_carried_out_one_after_the_other(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    t = shell(world)
    assert ATL in t.says("Get-CsPool")
    assert t.says("$x = Get-CsPool") == "\n" and t.says("$x.Count").strip() == "2"
    assert "There is no command" in t.says("Frobnicate -?")
    assert f"has no pool {OSLO}" in t.says(f"Get-CsPool {OSLO} -ErrorAction Stop; 'after'")
    assert t.says("'go on'").strip() == "go on"
    assert "No parameter" not in t.says("")
    # A statement goes on in the next line.
    t.type('"one' + ENTER).expect(FURTHER)
    assert t.says('two"').split() == ["one", "two"]
    t.type("Get-CsPool |" + ENTER).expect(FURTHER)
    assert t.says("Measure-Object").split() == ["Count", "-----", "2"]
    t.type("(Get-CsPool" + ENTER).expect(FURTHER)
    assert t.says(").Count").strip() == "2"
    # What is begun can be given up, and what is closed wrongly is told at once.
    t.type("'begun" + ENTER).expect(FURTHER)
    t.type(INTERRUPT).expect(PROMPT)
    t.type("'begun" + ENTER).expect(FURTHER)
    t.type(END).expect(PROMPT)
    assert "not opened" in t.says("Get-CsPool )")
    assert t.says("'whole'").strip() == "whole"
    t.type("exit" + ENTER).ends(0)


@test
def the_shell_ends_as_it_is_told(world):
    world.build(["atl", "redmond"])
    for typed, status in ((END, 0), ("exit" + ENTER, 0), ("quit" + ENTER, 0), ("exit 3" + ENTER, 3),
                          ("'bye'; exit 4" + ENTER, 4), ("$n = 5; exit $n" + ENTER, 5)):
        shell(world).type(typed).ends(status)


@test
def the_history_outlives_the_shell_and_keeps_no_secret(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    os.umask(0o022)
    t = shell(world)
    t.says("'first line'")
    t.type("Get-CsPool |" + ENTER).expect(FURTHER)
    t.says("Measure-Object")
    for line in (f"Set-CsClientPin -Identity ken -Pin {SECRET}", f"Set-CsClientPin ken -P {SECRET}",
                 f"Set-CsClientPin ken {SECRET}", f"Set-CsClientPin ken -Pin:'{SECRET}",
                 f"$x = (Set-CsClientPin -Identity ken -Pin {SECRET})",
                 f"Set-CsClintPn ken -pin {SECRET}", f"Set-CsClientPin ken \u2013Pin {SECRET}"):
        t.type(line + ENTER)
        if "'" in line:
            t.expect(FURTHER)
            t.type(INTERRUPT)
        t.expect(PROMPT)
    t.says("'last line'")
    t.type("exit" + ENTER).ends(0)
    file = history_of(world)
    text = file.read_text()
    assert "first" in text and "last" in text and SECRET not in text, text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    # In the next shell: the last one first, a whole statement at a time.
    t = shell(world)
    t.type(UP).expect("exit")
    t.type(UP).expect("last line'")
    t.type(ENTER).expect("last line", PROMPT)
    t.type(UP * 4).expect("Measure-Object")
    t.type(ENTER).expect("Count", "2", PROMPT)
    t.type(END).ends(0)
    # Two shells that are open at once keep the lines of both.
    t, u = shell(world), shell(world)
    for n in range(3):
        t.says(f"'of the one {n}'")
        u.says(f"'of the other {n}'")
    for terminal in (t, u):
        terminal.type(END).ends(0)
    text = file.read_text()
    assert all(word in text for word in ("first", "one\\0400", "one\\0402", "other\\0400", "other\\0402")), text
    # Nowhere to keep it is no reason not to work.
    t = shell(world, HOME="/nowhere")
    t.says("'works'")
    t.type(END).ends(0)


@test
def tab_completes_what_is_typed(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    t = shell(world)

    def completed(begun, expected):
        t.type(begun).expect(begun)
        t.type(TAB).expect(expected)
        t.type(INTERRUPT).expect(PROMPT)

    completed("Get-CsPoolB", "ackupRelationship ")
    completed("Get-CsPool -Si", "te ")
    completed("Set-CsBackupServiceConfiguration -SyncMode C", "ontinuous ")
    completed("Start-CsPool -PoolFqdn red", f"{REDMOND[3:]} ")
    completed("Get-CsPool | Where-O", "bject ")
    completed("Publish-CsTopology -FileName topo", "logy.conf ")
    completed("Get-CsPool", "Get-CsPool  Get-CsPoolBackupRelationship  Get-CsPoolFailOverStatus")
    completed("Get-CsPool -Output ", "Auto  Json  List  Table")
    t.says("$pools = 5")
    completed("Start-CsPool $poo", "ls ")
    # A daemon that is gone costs nothing but the names.
    world.stop("atl")
    u = shell(world)
    u.type("Start-CsPool -PoolFqdn red" + TAB + "x" + ENTER).expect("redx", PROMPT)
    u.type(END).ends(0)
    t.type(END).ends(0)


@test
def a_failover_on_a_terminal_shows_its_steps_and_how_long_it_takes_already(world):
    world.build(["atl", "redmond"]).begin()
    words = str(BIN / "Invoke-CsPoolFailOver"), "-PoolFqdn", name_of("atl"), "-ServicesStopDelayMins", "30"
    shown = "Failover 0 %  Letting sessions end (2 of 8), 30 minutes left  0:0"
    first = Terminal(world, *words, pool="redmond")
    first.expect(f"{shown}1 elapsed", f"{shown}2 elapsed")
    # Whoever joins it sees since when it goes on, and not since when he looks.
    joined = Terminal(world, *words, pool="redmond")
    joined.expect("is under way already", shown)
    assert joined.seen.count("0:01 elapsed") == 0, joined.seen
    for terminal in (first, joined):
        terminal.type(INTERRUPT).ends(130)


@test
def control_c_gives_up_a_line_and_leaves_a_command_to_polluxd(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    t = shell(world)
    t.type(INTERRUPT).expect(PROMPT)
    t.type("Stop-CsPool").expect("Stop-CsPool")
    t.type(INTERRUPT).expect(PROMPT)
    assert t.says("'still here'").strip() == "still here"
    assert not world["atl"].events(" command:", "Stop-CsPool")
    t.type(f"Stop-CsPool {ATL} -Confirm" + ENTER).expect("[Y] Yes  [N] No: ")
    assert t.type(INTERRUPT).expect("Nothing was done.", PROMPT).count("\n"), t.seen  # which has a line of its own
    assert not world["atl"].events("pool-stopped")
    u = shell(world, pool="redmond")
    left = "polluxd goes on with it without you."

    def waits_and_is_left(terminal):
        """False: the daemon was quicker, and said that its partner does not answer."""
        terminal.expect("Waiting for the partner")
        terminal.type(INTERRUPT).expect("Start-CsPool : ", "\n")
        return left in terminal.seen

    def left_by_a_command():
        command = Terminal(world, str(BIN / "Start-CsPool"), "-PoolFqdn", REDMOND, pool="redmond")
        begun = waits_and_is_left(command)
        seen = command.ends(130 if begun else 1)
        assert not begun or "To see how it goes on: Get-CsPoolFailOverStatus" in seen, seen
        assert not begun or f"To end it: Stop-CsPool -PoolFqdn {REDMOND}" in seen, seen
        return begun

    def left_by_a_shell():
        u.raw, u.seen, u.at = "", "", 0
        begun = waits_and_is_left(u.type(f"Start-CsPool {REDMOND}; 'next'" + ENTER))
        u.expect(PROMPT)
        assert not begun or "next\r\n" not in u.seen[u.seen.rindex(left):], u.seen
        return begun

    for leave in (left_by_a_command, left_by_a_shell):
        def the_partner_is_silent():
            world.command("redmond", "Stop-CsPool", "-PoolFqdn", REDMOND).must(0)
            world.pause("atl")  # the partner, whose word it needs
            begun = leave()
            world.resume("atl")
            world.wait_mode("redmond", "redmond", "Serving")
            return begun

        until("a command that waits", the_partner_is_silent)
        assert u.says("'still here'").strip() == "still here"
    # What only asks has nothing to leave behind.
    world.pause("redmond")
    u.type("Get-CsPool" + ENTER).expect("Get-CsPool\r\n")
    u.type(INTERRUPT)
    assert "goes on" not in u.expect(PROMPT)
    world.resume("redmond")
    for terminal in (t, u):
        terminal.type(END).ends(0)


@test
def a_narrow_terminal_shows_everything(world):
    """Help, errors, tables and lists keep to 40 columns; progress takes one line of them."""
    world.deploy(["atl", "redmond"], interval_s=30)
    help_text = Terminal(world, str(BIN / "Start-CsPool"), "-?", columns=40).ends(0)
    for line in help_text.splitlines():
        example = line.strip().startswith("Start-CsPool -PoolFqdn")  # it is there to be copied
        assert len(line) <= 40 or example or " " not in line.strip(), line
    words = [str(BIN / "Get-CsPoolBackupRelationship"), ATL]
    table = Terminal(world, *words, columns=40).ends(0)
    assert "\u2026" in table and all(len(line) <= 40 for line in table.splitlines()), table
    listed = Terminal(world, *words, "-Output", "List", columns=40).ends(0)
    whole = re.sub(r"\s+", "", listed)
    assert ATL in whole and REDMOND in whole and "\u2026" not in listed, listed
    t = shell(world, columns=40)
    line = f"Get-CsPool -Identity {REDMOND} | Select-Object -ExpandProperty Identity"
    t.type(line + ENTER).expect(f"\n{REDMOND}", PROMPT)
    t.type(END).ends(0)


@test
def progress_is_shown_at_a_terminal_and_gone_afterwards(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    world.command("redmond", "Stop-CsPool", "-PoolFqdn", REDMOND).must(0)
    world.pause("atl")
    wide, narrow = (Terminal(world, str(BIN / "Start-CsPool"), "-PoolFqdn", REDMOND, pool="redmond",
                             columns=columns) for columns in (80, 40))
    for t in (wide, narrow):
        t.expect("Waiting")
    world.resume("atl")
    for t, columns in ((wide, 80), (narrow, 40)):
        seen = t.ends(0)
        assert t.raw.endswith("\r\x1b[K"), t.raw[-100:]  # what is over is wiped away
        for part in re.split(r"[\r\n]", seen):
            assert len(part) <= columns, (len(part), part)


# --- secrets -------------------------------------------------------------------------------------


def command_lines():
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(entry.read_bytes().decode(errors="replace"))
        except OSError:
            pass
    return found


def pins_of(world):
    """What the daemon noted of secrets that were set."""
    return [line for line in world["atl"].events(" command:", "Set-CsClientPin") if "done" in line]


@test
def a_secret_is_asked_for_and_not_shown(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    world.command("atl", "Enable-CsUser", "ken@litwareinc.com", "-RegistrarPool", ATL).must(0)
    words = [str(BIN / "Set-CsClientPin"), "-Identity", "ken"]

    def asked(first, second):
        t = Terminal(world, *words)
        for question, answer in (("Pin of ken: ", first), ("Pin of ken, once more: ", second)):
            t.expect(question)
            until("the terminal to show nothing", lambda: not t.is_echoed())
            t.type(answer + ENTER)
        return t

    seen = asked(SECRET, SECRET).ends(0)
    assert SECRET not in seen and len(pins_of(world)) == 1, seen
    seen = asked(SECRET, SECRET + "x").ends(2)
    assert "not the same" in seen and SECRET not in seen
    seen = asked("123", "123").ends(2)
    assert "5 to 128 characters" in seen and "123" not in seen.replace("5 to 128", "")
    # Whoever thinks better of it gets his terminal back as it was.
    t = Terminal(world, *words)
    t.expect("Pin of ken: ")
    until("the terminal to show nothing", lambda: not t.is_echoed())
    t.type(INTERRUPT)
    t.ends(130)
    assert len(pins_of(world)) == 1
    # In the shell.
    t = shell(world)
    t.type("Set-CsClientPin ken" + ENTER)
    for question in ("Pin of ken: ", "Pin of ken, once more: "):
        t.expect(question)
        until("the terminal to show nothing", lambda: not t.is_echoed())
        t.type(SECRET + ENTER)
    t.expect(PROMPT)
    assert t.says("'shown again'").strip() == "shown again"
    assert SECRET not in t.type(END).ends(0)
    assert len(pins_of(world)) == 2
    assert SECRET not in world["atl"].log.read_text()


@test
def the_list_of_processes_shows_no_secret(world):
    """Not one that was read from a prompt or a file; and one that was typed only until it is read."""
    world.deploy(["atl", "redmond"], interval_s=30)
    world.command("atl", "Enable-CsUser", "ken@litwareinc.com", "-RegistrarPool", ATL).must(0)
    (world.folder / "secret.txt").write_text(f"{SECRET}\n{SECRET}more\n")
    env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}",
           "POLLUX_SERVER": str(world["atl"].socket)}
    world.pause("atl")
    waiting = [subprocess.Popen(["Set-CsClientPin", *words], env=env, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True) for words in (
        ["-Identity", "ken", "-Pin", SECRET], ["ken", f"-pin:{SECRET}"], ["-Pin", SECRET, "ken"],
        ["ken", "\u2013Pin", SECRET], ["ken", "-", "Pin", SECRET], ["ken", f"\u2014Pin:{SECRET}"])]
    waiting.append(subprocess.Popen(["pollux", "-c", f"Set-CsClientPin ken -Pin {SECRET}"], env=env,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    waiting.append(subprocess.Popen(
        ["bash", "-c", "Set-CsClientPin -Identity ken -PinFileDescriptor 3 3<secret.txt"], env=env,
        cwd=world.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    t = Terminal(world, str(BIN / "Set-CsClientPin"), "ken")
    for question in ("Pin of ken: ", "Pin of ken, once more: "):
        t.expect(question)
        until("the terminal to show nothing", lambda: not t.is_echoed())
        t.type(SECRET + ENTER)
    world.others += waiting

    def is_connected(process):
        try:
            return has_socket(process.pid)
        except OSError:
            return False

    for process in [*waiting, t.process]:
        if process.args[0] != "bash":
            until("the command to be connected", lambda: is_connected(process))
    listed = command_lines()
    assert any("Set-CsClientPin" in line for line in listed)
    assert not [line for line in listed if SECRET in line]
    world.resume("atl")
    for process in waiting:
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0 and out == "" and SECRET not in err, (process.args, err)
    t.ends(0)
    assert len(pins_of(world)) == len(waiting) + 1
    # Each user that comes through a pipe takes a line of his own.
    piped = """pollux -c '"ken","ken" | Set-CsClientPin -PinFileDescriptor 3' 3<secret.txt"""
    run("bash", "-c", piped, env=env, cwd=world.folder).must(0)
    assert len(pins_of(world)) == len(waiting) + 3
    # What an open file must not be.
    for words, sentence in ((["-PinFileDescriptor", "9"], "No secret can be read from the open file 9"),
                            (["-PinFileDescriptor", "0"], "No secret can be read"),
                            (["-PinFileDescriptor", "1024"], "0 to 1023"),
                            (["-Pin", SECRET, "-PinFileDescriptor", "0"], "as well")):
        outcome = world.command("atl", "Set-CsClientPin", "ken", *words).must(2, sentence)
        assert outcome.out == "" and SECRET not in outcome.err and "Nothing was done." in outcome.err


if __name__ == "__main__":
    sys.exit(main())
