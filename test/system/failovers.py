"""What tests of failing over need: clients that change things and remember what was acknowledged,
the command as it is typed, and a look at who serves."""

import contextlib
import http.client
import threading

from copies import differences, done, head, rows, wait_equal
from pollux_world import *
from web_client import ATL, REDMOND, SECRET, enable

tests.clear()


# Between two changes of a user: a hand-over still meets each of them in the middle of one, and the
# processors are left to whom they are to be tried on.
PAUSE_S = 0.003


class Writer(threading.Thread):
    """A user who changes his settings again and again, wherever he is served, and remembers up to
    which change he was told that it is kept."""

    def __init__(self, world, name, start="atl"):
        super().__init__(daemon=True)
        self.world, self.name, self.at = world, name, start
        self.tried = self.kept = 0
        self.longest_s = 0.0  # between two that were kept
        self.where = []       # (pool, number) of those that were kept
        self.stopped = threading.Event()
        self.turn = threading.Lock()  # whoever has it keeps this user from changing anything
        self.connection = self.token = None

    def leave(self, pool=None):
        if self.connection:
            self.connection.close()
        self.connection = self.token = None
        self.at = pool or {"atl": "redmond", "redmond": "atl"}[self.at]

    def connect(self):
        machine = self.world[self.at]
        if self.world.network:
            self.world.network.enter(self.at)
        connection = http.client.HTTPSConnection(
            machine.fqdn, machine.users_port, timeout=5,
            context=tls(self.world.folder / "pki/authority.pem"))
        plain = socket.create_connection((machine.address, machine.users_port), 5)
        connection.sock = connection._context.wrap_socket(plain, server_hostname=machine.fqdn)
        self.connection = connection

    def ask(self, method, path, body=None, **headers):
        if not self.connection:
            self.connect()
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def sign_on(self):
        import base64
        word = base64.b64encode(f"{self.name}:{SECRET}".encode()).decode()
        status, body = self.ask("POST", "/v1/session", Authorization=f"Basic {word}")
        if status == 201:
            self.token = json.loads(body)["token"]
        return status == 201

    def change(self):
        """One change; True if it was acknowledged."""
        if not self.token and not self.sign_on():
            self.leave()
            return False
        number = self.tried = self.tried + 1
        status, body = self.ask("PUT", "/v1/settings", json.dumps({"who": self.name, "number": number}),
                                Authorization=f"Bearer {self.token}")
        if status == 200:
            self.kept = number
            self.where.append((self.at, number))
        elif status in (307, 401):
            self.leave()
        return status == 200

    def run(self):
        last = time.monotonic()
        while not self.stopped.is_set():
            try:
                with self.turn:
                    kept = self.change()
            except (OSError, http.client.HTTPException, ssl.SSLError, ValueError):
                kept = False
                self.leave()
            if kept:
                now = time.monotonic()
                self.longest_s, last = max(self.longest_s, now - last), now
            self.stopped.wait(PAUSE_S)

    def must_be_kept(self, pool):
        """What the store of the pool has is the last acknowledged change, or one tried behind it."""
        numbers = [json.loads(value)["number"] for (_, key), (value, *_) in
                   rows(self.world[pool].store, "atl").items()
                   if key.endswith(b"/settings") and json.loads(value)["who"] == self.name]
        number = numbers[0] if numbers else 0
        assert self.kept <= number <= self.tried, \
            f"{self.name}: {self.kept} was acknowledged, {self.tried} tried, {number} is there"


class Writers:
    """Several of them, of Atlanta's users."""

    def __init__(self, world, count=4, start="atl"):
        self.list = [Writer(world, f"writer{n}", start) for n in range(count)]
        for writer in self.list:
            enable(world, writer.name)

    def __enter__(self):
        for writer in self.list:
            writer.start()
        return self

    def __exit__(self, *_):
        for writer in self.list:
            writer.stopped.set()
        for writer in self.list:
            writer.join()

    def go_on(self, changes=10, unless=lambda: False):
        """Each of them has so many more acknowledged. False: it came to what is named instead."""
        before = [w.kept for w in self.list]
        all_do = lambda: all(w.kept >= b + changes for w, b in zip(self.list, before))
        until("everybody to get on", lambda: all_do() or unless())
        return all_do()

    @contextlib.contextmanager
    def at_rest(self):
        """Nothing of theirs is under way meanwhile."""
        for writer in self.list:
            writer.turn.acquire()
        try:
            yield
        finally:
            for writer in self.list:
                writer.turn.release()

    def must_be_kept(self, pool):
        for writer in self.list:
            writer.must_be_kept(pool)


def facts_of(report):
    """What a report says, for programs."""
    return json.loads(report.read_text().split('id="facts">')[1].split("</script>")[0])


def steps_of(report):
    return {step["Name"]: (step["Result"], step["Seconds"]) for step in facts_of(report)["Steps"]}


def fail_over(world, *words, at="redmond", pool=ATL, **environment):
    return world.command(at, "Invoke-CsPoolFailOver", "-PoolFqdn", pool, *words, **environment)


def fail_back(world, *words, at="atl", pool=ATL):
    return world.command(at, "Invoke-CsPoolFailBack", "-PoolFqdn", pool, *words)


class Typed:
    """A command in the background."""

    def __init__(self, world, at, *words):
        self.process = subprocess.Popen(
            [str(POLLUX), *words], cwd=world.folder,
            env={**os.environ, "POLLUX_SERVER": str(world[at].socket)}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        world.others.append(self.process)

    def ends(self):
        """As with any other program."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return Outcome(subprocess.CompletedProcess([], self.process.returncode, out, err))


def begin(world, *words, at="redmond", command="Invoke-CsPoolFailOver"):
    return Typed(world, at, command, "-PoolFqdn", ATL, *words)


class Locked:
    """Somebody else writes to a pool's database, and does not come to an end."""

    def __init__(self, world, pool, patience_s=60):
        self.db = sqlite3.connect(world[pool].store, isolation_level=None, timeout=patience_s)

    def __enter__(self):
        self.db.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_):
        self.db.execute("ROLLBACK")
        self.db.close()


class Freezer:
    """Stops a machine at a moment that its own log names (freeze_at.c): until the test kills it or
    lets it go on. Made before the machine starts."""

    def __init__(self, world, pool):
        self.world, self.pool = world, pool
        self.file = world.folder / f"freeze-{pool}"
        library = BIN.parent / "test/system/libfreeze-at.so"
        assert library.exists(), library
        world[pool].before = [
            *world[pool].before, "env", f"LD_PRELOAD={library}", f"FREEZE_AT={self.file}",
            "ASAN_OPTIONS=verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")]

    def arm(self, when, words):
        """`when`: before the line, or behind the flush that follows it."""
        draft = self.file.with_suffix(".new")
        draft.write_text(f"{when} {words}\n")
        draft.rename(self.file)

    def disarm(self):
        """False: too late, it stands still, or is about to."""
        try:
            self.file.unlink()
            return True
        except FileNotFoundError:
            return False

    def is_frozen(self):
        pid = self.world[self.pool].process.pid
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"

    def wait(self):
        until(f"{self.pool} to stand still", self.is_frozen)
        self.world[self.pool].paused = True

    def go_on(self):
        self.world.resume(self.pool)


def holds(world, pool, home="atl"):
    """It serves, and the other one stands by; both have the same."""
    other = {"atl": "redmond", "redmond": "atl"}[pool]
    world.wait_mode(pool, home, "Serving")
    world.wait_mode(other, home, "Standby")
    until("both copies to be equal", lambda: not differences(world, name_of(home)))
