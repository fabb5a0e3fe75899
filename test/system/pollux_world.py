"""A world of machines that run the real polluxd, and a small language to tell stories about it.

    @test
    def a_holder_that_was_killed_serves_again_in_a_new_term(world):
        '''What it guards.'''
        world.build(["atl", "redmond"]).start()
        world.publish("atl")
        world.kill("atl")
        world.start("atl")
        world.wait_mode("atl", "atl", "Serving")

A pool is called by the first part of its name; each has one machine of the same name. Homes are
called like their pools, or "central". Every test has a folder, an authority, certificates and ports
of its own, ends only the processes that it started, and must leave nothing behind: that is checked.

Nobody waits for time here, only for conditions, with a bound that a loaded machine can keep.
POLLUX_BIN says where the programs are. POLLUX_SOAK multiplies the random rounds.
"""

import concurrent.futures
import ctypes
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

BIN = Path(os.environ.get("POLLUX_BIN", "build/bin")).absolute()
POLLUX, POLLUXD = BIN / "pollux", BIN / "polluxd"
SOAK = int(os.environ.get("POLLUX_SOAK", "1"))
PATIENCE_S = int(os.environ.get("POLLUX_PATIENCE_S", "120"))
CENTRAL = "central"
# Beyond that share of its time (in percent) in which somebody waits for a processor, the machine has
# no room for one story more at once.
PRESSURE_MAX = 70
# Seconds of silence after which a pool counts as gone, in most tests.
INTERVAL_S = 2


def name_of(pool):
    """The FQDN of a pool, and of its machine; "central" is a home and keeps its name."""
    return pool if pool == CENTRAL or "." in pool else f"{pool}-cs-001.litwareinc.com"


def until(what, condition, patience_s=PATIENCE_S):
    """Returns what the condition returned, once that is something."""
    deadline = time.monotonic() + patience_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"gave up after {patience_s} s of waiting for {what}")
        time.sleep(0.02)


class Outcome:
    """What a program printed, and its exit status."""

    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    def must(self, status, *sentences):
        assert self.status == status, f"status {self.status}, expected {status}: {self}"
        for sentence in sentences:
            assert sentence in self.out + self.err, f"{sentence!r} was not said: {self}"
        return self

    def __str__(self):
        return f"{self.out}{self.err}"


def run(*words, **options):
    return Outcome(
        subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, errors="replace", stdin=subprocess.DEVNULL,
                       **{"timeout": PATIENCE_S, **options}))


# --- ports -------------------------------------------------------------------------------------

ports_taken = []


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    """Outside of the range that the kernel gives to callers, and of no other test: whoever uses a
    port holds an abstract socket of that name, which ends with its process."""
    while True:
        port = random.randrange(12000, 32000)
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0pollux-test-port-{port}")
        except OSError:
            mark.close()
            continue
        if not port_is_free(port):
            mark.close()
            continue
        ports_taken.append(mark)
        return port


# --- talking to a daemon -----------------------------------------------------------------------


class LocalConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=PATIENCE_S):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, body):
        self.status, self.body = status, body
        self.text = body.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def lines(self):
        return [json.loads(line) for line in self.text.splitlines() if line]  # empty: it goes on

    @property
    def objects(self):
        return [line["object"] for line in self.lines if "object" in line]

    def must(self, status, *sentences):
        assert self.status == status, f"HTTP status {self.status}, expected {status}: {self.text}"
        for sentence in sentences:
            assert sentence in self.text, f"{sentence!r} was not said: {self.text}"
        return self


# --- one machine -------------------------------------------------------------------------------


class Machine:
    def __init__(self, world, pool):
        self.world, self.pool, self.fqdn = world, pool, name_of(pool)
        self.port = free_port()
        self.users_port = free_port()
        self.address = "127.0.0.1"
        self.folder = world.folder / pool
        self.config = world.folder / f"{pool}.conf"
        self.socket = self.folder / "admin.sock"
        self.store = self.folder / "rtc.db"
        self.log = world.folder / f"{pool}.log"
        self.out = world.folder / f"{pool}.out"
        self.before = []  # words before the program: its namespace
        self.program = POLLUXD
        self.extra = ""  # lines of its configuration
        self.process = None
        self.paused = False

    def write_config(self):
        self.folder.mkdir(exist_ok=True)
        self.config.write_text(
            f'machine = "{self.fqdn}"\n'
            f'topology = "topology.conf"\n'
            f'certificate = "pki/{self.fqdn}.pem"\n'
            f'private_key = "pki/{self.fqdn}.key"\n'
            f'authority = "pki/authority.pem"\n'
            f'admin_socket = "{self.pool}/admin.sock"\n'
            f'{self.extra}'
            f"database '{self.fqdn}\\RTC' {{\n"
            f'    path = "{self.store}"\n'
            f'}}\n')

    @property
    def runs(self):
        return self.process is not None and self.process.poll() is None

    def events(self, *words):
        """The lines of its log that contain all the words."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return [line for line in text.splitlines() if all(word in line for word in words)]

    def ask(self, command, patience_s=PATIENCE_S, **parameters):
        """A command as the daemon's API takes it."""
        return self.request("POST", f"/admin/v1/commands/{command}",
                            json.dumps(parameters).encode(), patience_s)

    def request(self, method, path, body=b"", patience_s=PATIENCE_S):
        connection = LocalConnection(self.socket, patience_s)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())
        finally:
            connection.close()

    def begin_to_ask(self, command, seen, **parameters):
        """The same, up to a line with this word in it; what is called afterwards gives the whole answer."""
        connection = LocalConnection(self.socket, PATIENCE_S)
        connection.request("POST", f"/admin/v1/commands/{command}", json.dumps(parameters).encode())
        answer = connection.getresponse()
        lines = [answer.readline()]
        while lines[-1] and seen.encode() not in lines[-1]:
            lines.append(answer.readline())
        return lambda: Answer(answer.status, b"".join(lines) + answer.read())

    def answers(self):
        assert self.runs, f"{self.pool} ended: {self.log.read_text()[-2000:]}"
        try:
            return self.ask("Get-CsComputer").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def status_of(self, home):
        """What Get-CsPoolFailOverStatus says of a home, or {}."""
        try:
            objects = self.ask("Get-CsPoolFailOverStatus").objects
        except (OSError, http.client.HTTPException, ValueError):
            return {}
        return next((o for o in objects if o["Identity"] == name_of(home)), {})


# --- the world ---------------------------------------------------------------------------------

OPENED = re.compile(r"The home (\S+) (?:went from \S+ to (\S+) here \((\S+)\), in term (\S+);|"
                    r"is (\S+) here, now of term (\S+) \((\S+)\))")


folders = []


def item_tables(db):
    """Of a store's file: a table for each home."""
    return sorted(name for name, in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' "
                                               "AND name LIKE 'item\\_%' ESCAPE '\\'"))


def counts(table):
    """SQL: a row of that table was not replaced. Those that were lie about for a while."""
    home = table.rsplit("_", 1)[1]
    return f"usn NOT IN (SELECT usn FROM replaced WHERE home = {home})"


class World:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="pollux-"))
        folders.append(self.folder)
        self.machines = {}
        self.network = None
        self.comments = []
        self.others = []  # further processes of the test
        self.ends_badly = set()  # machines whose end is the test's business
        self.at_the_end = []
        self.patience_s = PATIENCE_S

    # What there is

    def build(self, pools, pairs=None, central=None, interval_s=INTERVAL_S, network=False):
        """Two pools are a pair unless told otherwise; the first holds `central`."""
        self.pools = pools
        self.pairs = dict(pairs if pairs is not None else [pools[:2]] if len(pools) > 1 else [])
        self.pairs |= {b: a for a, b in self.pairs.items()}
        self.central = central or pools[0]
        self.interval_s = interval_s
        for pool in pools:
            self.machines[pool] = Machine(self, pool)
        if network:
            self.network = Network(self, pools)
        self.write_topology()
        self.make_certificates()
        for machine in self.machines.values():
            machine.write_config()
        return self

    def __getitem__(self, pool):
        return self.machines[pool]

    @property
    def topology(self):
        return self.folder / "topology.conf"

    def topology_text(self):
        text = (f'sip_domain = "litwareinc.com"\nfailure_detection_interval = {self.interval_s}\n'
                f'central = "{name_of(self.central)}"\n')
        for pool, machine in self.machines.items():
            backup = self.pairs.get(pool)
            text += f'pool "{machine.fqdn}" {{\n'
            if backup:
                text += f'    backup_pool = "{name_of(backup)}"\n'
            text += (f"    database = '{machine.fqdn}\\RTC'\n"
                     f'    machine "{machine.fqdn}" {{\n'
                     f'        address = "{machine.address}"\n'
                     f'        link_port = {machine.port}\n'
                     f'        users_port = {machine.users_port}\n    }}\n}}\n')
        return text

    def write_topology(self):
        self.topology.write_text(self.topology_text())

    def make_certificates(self):
        self.pki("init", "--name", "Litware test")
        for machine in self.machines.values():
            self.pki("issue", machine.fqdn, "--pool", machine.fqdn)

    def pki(self, command, *words, folder="pki"):
        return run(POLLUX, "pki", command, *words, "--dir", self.folder / folder).must(0)

    def say(self, comment):
        self.comments.append(comment)

    # Life

    def start(self, *pools, wait=True, **environment):
        for pool in pools or self.pools:
            m = self[pool]
            assert not m.runs, f"{pool} runs already"
            with open(m.log, "ab") as log, open(m.out, "ab") as out:
                # Whatever happens to the test, its daemons end with it.
                m.process = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", *m.before, str(m.program), "--config",
                     str(m.config)], stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                    cwd=self.folder, env={**os.environ, **environment})
        for pool in (pools or self.pools) if wait else ():
            until(f"{pool} to answer", self[pool].answers)
        return self

    def send(self, pool, which):
        self[pool].process.send_signal(which)

    def stop(self, *pools, which=signal.SIGTERM, status=0):
        for pool in pools or self.pools:
            if self[pool].runs:
                self.send(pool, which)
        for pool in pools or self.pools:
            m = self[pool]
            if m.process:
                ended = m.process.wait(PATIENCE_S)
                assert ended == status, f"{pool} ended with {ended}: {m.log.read_text()[-3000:]}"

    def kill(self, *pools):
        self.stop(*pools, which=signal.SIGKILL, status=-signal.SIGKILL)

    def pause(self, pool):
        self.send(pool, signal.SIGSTOP)
        self[pool].paused = True

    def resume(self, pool):
        self.send(pool, signal.SIGCONT)
        self[pool].paused = False

    def stand_still(self, pool, watcher):
        """For longer than the failure-detection interval, as both of them measure it."""
        began = time.monotonic()
        self.pause(pool)
        self.wait_mode(watcher, pool, "Resiliency")
        left = began + self.interval_s * 1.2 - time.monotonic()
        time.sleep(max(left, 0))  # nobody runs who could tell that it is over
        self.resume(pool)

    def reload(self, pool):
        before = len(self[pool].events(" reload"))
        self.send(pool, signal.SIGHUP)
        until(f"{pool} to reload", lambda: len(self[pool].events(" reload")) > before)

    # Conditions

    def mode(self, pool, home):
        return self[pool].status_of(home).get("Mode")

    def term(self, pool, home):
        return self[pool].status_of(home)["Term"]

    def wait_mode(self, pool, home, mode):
        try:
            until(f"{home} to be {mode} at {pool}", lambda: self.mode(pool, home) == mode,
                  self.patience_s)
        except AssertionError as e:
            raise AssertionError(f"{e}; it is {self[pool].status_of(home)}") from None

    def wait_event(self, pool, *words, more_than=0):
        return until(f"{pool} to log {words}",
                     lambda: (lambda e: e if len(e) > more_than else None)(
                         self[pool].events(*words)))

    def hears(self, pool, other):
        return any(o["Identity"] == name_of(other) and o["Reachable"]
                   for o in self[pool].ask("Get-CsComputer").objects)

    def wait_hears(self, pool, *others):
        for other in others:
            until(f"{pool} to hear {other}", lambda: self.hears(pool, other))

    def wait_silent(self, pool, other):
        until(f"{pool} not to hear {other}", lambda: not self.hears(pool, other))

    def all_serve(self):
        """Each home is served where it belongs, and its backup stands by."""
        for pool in self.pools:
            self.wait_mode(pool, pool, "Serving")
            if pool in self.pairs:
                self.wait_mode(self.pairs[pool], pool, "Standby")
        self.wait_mode(self.central, CENTRAL, "Serving")
        if self.central in self.pairs:
            self.wait_mode(self.pairs[self.central], CENTRAL, "Standby")

    # Commands

    def command(self, pool, *words, **environment):
        """As an administrator types it on that pool's machine."""
        return run(POLLUX, *words, cwd=self.folder,
                   env={**os.environ, "POLLUX_SERVER": str(self[pool].socket), **environment})

    def publish(self, pool):
        return self.command(pool, "Publish-CsTopology", "-FileName", self.topology)

    def deploy(self, *pools, **options):
        """Built, started, published, every home served, and what that made copied: from here on
        a store changes only by what the test does."""
        return self.build(*pools, **options).begin()

    def deploy_on_small_disk(self, pool):
        """A pair, of which one has its store on a disk that a test can fill; returns the disk."""
        self.build(["atl", "redmond"])
        disk = SmallDisk(self, pool)
        self.begin()
        return disk

    def begin(self):
        self.start()
        for pool in self.pools:
            self.wait_hears(pool, *(other for other in self.pools if other != pool))
        self.publish(self.central).must(0)
        self.all_serve()
        self.wait_copied(*self.pairs, entirely=True)
        return self

    def wait_copied(self, *pools, entirely=False):
        """Each home's copy has heard where it stands: an empty one, too. While users change something
        all the time, a copy that is in SteadyState never has all of it."""
        for pool in pools:
            until(f"what {pool} holds to be copied", lambda: all(
                d["State"] in ("SteadyState", "FinalState") and not (entirely and d["UncopiedChanges"])
                for d in self[pool].ask("Get-CsBackupServiceStatus", PoolFqdn=name_of(pool),
                                        Detailed=True).objects if d.get("Direction") == "Export"))

    def items_in(self, pool):
        """All items that its store holds, as text. What copying notes besides, about how far it is,
        changes by itself."""
        db = sqlite3.connect(f"file:{self[pool].store}?mode=ro", uri=True)
        try:
            return [(table, row) for table in item_tables(db)
                    for row in db.execute(f"SELECT * FROM {table} WHERE {counts(table)} ORDER BY 1")]
        finally:
            db.close()

    # Terms

    def terms_opened(self, home=None):
        """(home, number, tag, pool, cause) of each start of serving that any log tells of."""
        opened = []
        for pool, machine in self.machines.items():
            for line in machine.events("The home"):
                found = OPENED.search(line)
                if not found:
                    continue
                name, to, cause, term, same, same_term, same_cause = found.groups()
                if (to or same) != "Serving" or (home and name != name_of(home)):
                    continue
                if cause == "rolled-back":  # it never stopped being the holder
                    continue
                number, tag = (term or same_term).split("#")
                opened.append((name, int(number), tag, pool, cause or same_cause))
        return opened

    def terms_must_be_unique(self):
        """No number of a home was opened twice, by anybody; each pool opens its own parity."""
        seen = {}
        for name, number, tag, pool, cause in self.terms_opened():
            assert (name, number) not in seen, \
                f"term {number} of {name} was opened twice: {seen[name, number]}, {(tag, pool)}"
            seen[name, number] = tag, pool
            home_pool = name_of(self.central) if name == CENTRAL else name
            assert (number % 2 == 0) == (home_pool == name_of(pool)), (name, number, pool)

    # The end

    def end(self):
        """Nothing is left, and nothing went wrong that nobody looked at."""
        troubles = []
        for pool, m in self.machines.items():
            if m.runs and m.paused:
                m.process.send_signal(signal.SIGCONT)
            if m.runs:
                m.process.terminate()
        for pool, m in self.machines.items():
            if not m.process:
                continue
            try:
                m.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                m.process.kill()
                m.process.wait()
                troubles.append(f"{pool} did not end")
            if m.process.returncode not in (0, -signal.SIGKILL) and pool not in self.ends_badly:
                troubles.append(f"{pool} ended with status {m.process.returncode}")
            if m.out.exists() and m.out.read_bytes():
                troubles.append(f"{pool} wrote to its stdout: {m.out.read_text()}")
            for word in ("Sanitizer", "runtime error", "Assertion"):
                troubles += [f"{pool}: {line}" for line in m.events(word)]
        for process in self.others:
            if process.poll() is None:
                process.kill()
            process.wait()
        if self.network:
            troubles += self.network.end()
        for undo in self.at_the_end:
            undo()
        left = processes_with(str(self.folder))
        if left:
            troubles.append(f"processes are left: {left}")
        assert not troubles, "\n".join(troubles)

    def tell(self):
        for pool, m in self.machines.items():
            text = m.log.read_text(errors="replace") if m.log.exists() else ""
            for line in text.splitlines()[-40:]:
                yield f"{pool}> {line}"


def has_socket(pid):
    """Has the process one open? What it closes while it is looked at is none."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(link).startswith("socket:"):
                return True
        except FileNotFoundError:
            pass
    return False


def processes_with(word):
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes()
        except OSError:
            continue
        if word.encode() in words and int(entry.parent.name) != os.getpid():
            found.append(words.replace(b"\0", b" ").decode(errors="replace"))
    return found


# --- networks that can be cut ------------------------------------------------------------------


class Skip(Exception):
    """Why a test can't be run here."""


def needs_root():
    if os.geteuid() != 0:
        raise Skip("needs root, for namespaces")


def needs_mounts():
    needs_root()
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        raise Skip("mounting is not allowed here")


class SmallDisk:
    """A small file system for one machine's store, in a mount namespace that lasts as long as the
    test, however often the daemon restarts."""

    def __init__(self, world, pool, size="4m"):
        needs_root()
        machine = world[pool]
        self.folder = world.folder / f"{pool}-disk"
        self.folder.mkdir()
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c",
             'mount -t tmpfs -o "size=$1" none "$2" && echo ready && exec cat', "sh", size,
             str(self.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        world.at_the_end.append(self.end)
        if self.holder.stdout.readline() != b"ready\n":
            raise Skip("mount namespaces can't be made here")
        machine.before = ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt"]
        machine.store = self.folder / "rtc.db"
        machine.write_config()
        self.inside = Path(f"/proc/{self.holder.pid}/root{self.folder}")

    def fill(self):
        with open(self.inside / "filler", "ab", buffering=0) as file:
            for size in (65536, 4096, 512, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass

    def free(self):
        (self.inside / "filler").unlink()

    def end(self):
        self.holder.stdin.close()
        self.holder.stdout.close()
        self.holder.wait()


class Network:
    """A network namespace for each machine, and a cable between each two. The namespaces have no
    names and belong to a process each, so they end with it, and the machine that runs the tests
    has nothing to tidy up."""

    def __init__(self, world, pools):
        needs_root()
        self.world, self.pools, self.holders = world, pools, {}
        self.at = {pool: number for number, pool in enumerate(pools, 1)}
        for pool in pools:
            holder = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "cat"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.holders[pool] = holder
            holder.stdin.write(b"ready\n")
            holder.stdin.flush()
            if holder.stdout.readline() != b"ready\n":
                self.end()
                raise Skip("network namespaces can't be made here")
            world[pool].before = self.inside(pool)
            world[pool].address = self.address(pool)
            world[pool].port = 7443
            self.ip(pool, "link", "set", "lo", "up")
            self.ip(pool, "address", "add", f"{self.address(pool)}/32", "dev", "lo")
            # A cable whose far end throws everything away.
            self.ip(pool, "link", "add", "nowhere", "type", "veth", "peer", "name", "far-end")
            self.ip(pool, "link", "set", "nowhere", "up", "arp", "off")
            self.ip(pool, "link", "set", "far-end", "up", "arp", "off")
        for i, a in enumerate(pools):
            for b in pools[i + 1:]:
                self.ip(a, "link", "add", f"to-{b}", "type", "veth", "peer", "name", f"to-{a}",
                        "netns", str(self.holders[b].pid))
                for one, other in ((a, b), (b, a)):
                    self.ip(one, "link", "set", f"to-{other}", "up")
                self.join(a, b)

    def address(self, pool):
        return f"10.77.0.{self.at[pool]}"

    def inside(self, pool):
        return ["nsenter", f"--net=/proc/{self.holders[pool].pid}/ns/net"]

    def enter(self, pool):
        """What this thread opens from now on, it opens there: as a client at that site."""
        with open(f"/proc/{self.holders[pool].pid}/ns/net") as place:
            if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), 0):
                raise OSError(ctypes.get_errno(), "setns")

    def ip(self, pool, *words):
        run(*self.inside(pool), "ip", *words).must(0)

    def route(self, one, other, device):
        self.ip(one, "route", "replace", f"{self.address(other)}/32", "dev", device, "src",
                self.address(one))

    def cut(self, a, b):
        """What either sends the other is lost without a word, as when a cable is pulled."""
        self.route(a, b, "nowhere")
        self.route(b, a, "nowhere")

    def cut_one_way(self, one, other):
        """What `one` sends does not arrive; it still gets what the other sends."""
        self.route(one, other, "nowhere")

    def refuse(self, a, b):
        """The same as a cut, but whoever sends is told at once: there is no route."""
        for one, other in ((a, b), (b, a)):
            self.ip(one, "route", "replace", "unreachable", f"{self.address(other)}/32")

    def slow(self, a, b, kilobytes_s):
        """So much arrives in a second, in each direction, and a second's worth queues before it."""
        for one, other in ((a, b), (b, a)):
            shaped = run(*self.inside(one), "tc", "qdisc", "replace", "dev", f"to-{other}", "root",
                         "tbf", "rate", f"{8 * kilobytes_s}kbit", "burst", "8kb", "limit",
                         f"{kilobytes_s}kb")
            if shaped.status:
                raise Skip(f"no link can be made slow here: {shaped.err}")

    def join(self, a, b):
        for one, other in ((a, b), (b, a)):
            self.ip(one, "route", "flush", f"{self.address(other)}/32")
            self.route(one, other, f"to-{other}")

    def end(self):
        for holder in self.holders.values():
            holder.stdin.close()
            holder.stdout.close()
            holder.wait()
        return []


# --- TLS, as a stranger or as a machine --------------------------------------------------------


def tls(authority, certificate=None, key=None, version=ssl.TLSVersion.TLSv1_3):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(authority))
    context.minimum_version = context.maximum_version = version
    if certificate:
        context.load_cert_chain(str(certificate), str(key))
    return context


class LinkConnection(http.client.HTTPSConnection):
    def __init__(self, machine, context, timeout=PATIENCE_S):
        super().__init__(machine.fqdn, machine.port, context=context, timeout=timeout)
        self.machine = machine

    def connect(self):
        plain = socket.create_connection((self.machine.address, self.machine.port), self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.machine.fqdn)


def link_call(machine, path, body, context, method="POST"):
    """What the machine's link answers to this; OSError if it does not even talk."""
    connection = LinkConnection(machine, context)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read())
    finally:
        connection.close()


# --- the tests of a file -----------------------------------------------------------------------

tests = []


def test(function):
    tests.append(function)
    return function


def carry_out(function):
    """(ok, directive, comments)"""
    world = World()
    comments, directive, ok, began = world.comments, "", True, time.monotonic()
    try:
        try:
            function(world)
        finally:
            world.end()
    except Skip as reason:
        directive = f" # SKIP {reason}"
    except BaseException:
        ok = False
        comments += traceback.format_exc().splitlines() + list(world.tell())
    shutil.rmtree(world.folder, ignore_errors=True)
    if world.folder.exists():
        ok = False
        comments.append(f"{world.folder} can't be removed")
    comments.append(f"{time.monotonic() - began:.1f} s")
    return ok, directive, comments


def pressure():
    """Of the last ten seconds; 0 where the kernel does not tell."""
    try:
        return float(re.search(r"some avg10=([\d.]+)", Path("/proc/pressure/cpu").read_text())[1])
    except OSError:
        return 0


class Room:
    """On a slow or busy machine fewer stories are told at once, down to one: then what a pool
    promises to do within seconds is not kept from it by its neighbours."""

    def __init__(self):
        self.lock, self.count = threading.Lock(), 0

    def __enter__(self):
        while True:
            with self.lock:
                if self.count == 0 or pressure() <= PRESSURE_MAX:
                    self.count += 1
                    return
            time.sleep(0.2)

    def __exit__(self, *_):
        with self.lock:
            self.count -= 1


def give_up(*_):
    """The test runner has lost its patience. The daemons end with us."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def sample(stories):
    """With POLLUX_SAMPLE=3 every third story, from one on that chance chooses: for builds in which they
    are slow and each was told in another. POLLUX_SAMPLE=3:1 has what chance had then."""
    each, _, first = os.environ.get("POLLUX_SAMPLE", "1:0").partition(":")
    first = int(first or random.randrange(int(each)))
    chosen = stories[first::int(each)] or stories[:1]
    if len(chosen) < len(stories):
        print(f"# {len(chosen)} of {len(stories)} stories; the same again: POLLUX_SAMPLE={each}:{first}")
    return chosen


def main(at_once=3):
    """Runs the file's tests, some at once because they mostly wait, and prints TAP."""
    wanted = sys.argv[1:]
    chosen = [t for t in tests if any(word in t.__name__ for word in wanted)] if wanted else sample(tests)
    signal.signal(signal.SIGTERM, give_up)
    os.umask(0o022)
    state = tempfile.TemporaryDirectory(prefix="pollux-state-")
    os.environ["XDG_STATE_HOME"] = state.name  # commands leave nothing in the tester's own
    print(f"1..{len(chosen)}")
    room, failed = Room(), 0

    def in_its_room(function):
        with room:
            return carry_out(function)

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for number, (function, outcome) in enumerate(
                zip(chosen, pool.map(in_its_room, chosen)), 1):
            ok, directive, comments = outcome
            failed += not ok and not directive
            print(f"{'ok' if ok else 'not ok'} {number} - "
                  f"{function.__name__.replace('_', ' ')}{directive}")
            for line in comments:
                print(f"# {line}")
            sys.stdout.flush()
    return 1 if failed else 0
