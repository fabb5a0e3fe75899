#!/usr/bin/env python3
"""For how long users can't change anything while their pool is failed over, and back, and taken over
after a disaster; beside a PostgreSQL primary that is stopped and its streaming standby promoted by
hand. failover.py [--users COUNT…] [--rounds COUNT] [--sessions COUNT]

Users of a process of their own change things all the time, on connections that they have to both
pools: what counts is the time from the last change that the old holder acknowledged to the first one
that the new holder did, and each has to sign on there before that. For a disaster they rest until
everything is copied, the pool is killed, and the time begins with the command; then the same once
more while they go on, so that what was not copied is a tail."""

import argparse
import base64
import contextlib
import multiprocessing
import queue
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test/system"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from pollux_world import *  # noqa: E402
from postgres import Postgres, Session, Standby, is_installed  # noqa: E402

USERS, ROUNDS, SESSIONS = (1000, 20000, 200000), 5, 40000
ITEMS_EACH = 5    # presence, settings, a contact list, a conference and its invitation
CLIENTS = 4       # that change things all the time
SIGNED_ON = 2500  # users with SESSIONS / SIGNED_ON sessions each
SECRET = "Geheim 123"
ATL, REDMOND = name_of("atl"), name_of("redmond")
OTHER = {"atl": "redmond", "redmond": "atl"}
REFUSED_GOAL_MS = 100
INTERVAL_S = 30  # as a deployment has it that says nothing else
RETRY_S = 0.001
READ_S = 0.2


# --- users -------------------------------------------------------------------------------------


class User:
    """Changes his presence again and again, where he is served."""

    def __init__(self, world, number, kept, rest):
        self.world, self.name, self.kept, self.rest = world, f"user{number}", kept, rest
        self.at, self.token, self.lines = "atl", None, {}

    def line(self, pool):
        if pool not in self.lines:
            self.lines[pool] = connection_to(self.world[pool])
        return self.lines[pool]

    def ask(self, method, path, body, authorization):
        connection = self.line(self.at)
        connection.request(method, path, body, {"Authorization": authorization})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def sign_on(self):
        word = base64.b64encode(f"{self.name}:{SECRET}".encode()).decode()
        status, text = self.ask("POST", "/v1/session", None, f"Basic {word}")
        self.token = json.loads(text)["token"] if status == 201 else None
        return status

    def change(self):
        status = 201 if self.token else self.sign_on()
        if status == 201:
            status, _ = self.ask("PUT", "/v1/presence", '{"availability": "Busy", "note": "x"}',
                                 f"Bearer {self.token}")
        if status == 200:
            self.kept.put((time.monotonic(), self.name, self.at))
        elif status in (307, 401):
            self.leave()
        return status == 200

    def leave(self):
        self.at, self.token = OTHER[self.at], None

    def work(self):
        for pool in OTHER:
            self.line(pool)
        while True:
            try:
                good = self.change()
            except (OSError, http.client.HTTPException, ValueError):
                good = False
                self.lines.pop(self.at, None)
                self.leave()
            if not good:
                time.sleep(RETRY_S)
            while self.rest.is_set():
                time.sleep(RETRY_S)


def connection_to(machine):
    connection = http.client.HTTPSConnection(
        machine.fqdn, machine.users_port, timeout=10,
        context=tls(machine.world.folder / "pki/authority.pem"))
    plain = socket.create_connection((machine.address, machine.users_port))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sock = connection._context.wrap_socket(plain, server_hostname=machine.fqdn)
    return connection


class Users:
    """All of them, in a process of their own; and what they were told that is kept."""

    def __init__(self, world):
        self.kept, self.rest = multiprocessing.Queue(), multiprocessing.Event()
        self.process = multiprocessing.Process(target=self.work, args=[world], daemon=True)

    def work(self, world):
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as threads:
            for done in [threads.submit(User(world, n, self.kept, self.rest).work)
                         for n in range(CLIENTS)]:
                done.result()

    def read(self):
        """What came since the last look; there may be more at any time."""
        found, end = [], time.monotonic() + READ_S
        with contextlib.suppress(queue.Empty):
            while time.monotonic() < end:
                found.append(self.kept.get(timeout=READ_S))
        return found

    def wait_quiet(self):
        until("the users to rest", lambda: not self.read())

    def wait_at(self, pool):
        """Each has changed something there; returns all that was kept until then."""
        found, missing = [], {f"user{n}" for n in range(CLIENTS)}
        deadline = time.monotonic() + PATIENCE_S
        while missing:
            found.append(self.kept.get(timeout=PATIENCE_S))
            if found[-1][2] == pool:
                missing.discard(found[-1][1])
            assert time.monotonic() < deadline, f"{missing} are not served at {pool}"
        return found

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.join()


def gaps_ms(kept, old, new):
    """Of each user: from the last change at the one pool to the first at the other."""
    found = []
    for name in {name for _, name, _ in kept}:
        times = {pool: [t for t, n, at in kept if n == name and at == pool] for pool in (old, new)}
        if times[old] and times[new]:
            found.append((min(times[new]) - max(times[old])) * 1000)
    return found


# --- pools -------------------------------------------------------------------------------------


class Pair:
    def __init__(self, world, users):
        self.world = world.deploy(["atl", "redmond"], interval_s=INTERVAL_S)
        for n in range(max(CLIENTS, SIGNED_ON)):
            self.enable(f"user{n}")
        world.wait_copied("atl")
        world.stop("redmond")
        world.stop("atl")
        run("bench/bench-fill", world["atl"].store, ATL, users * ITEMS_EACH).must(0)
        run("bench/bench-fill", world["atl"].store, ATL, users, "litwareinc.com").must(0)
        world.start("atl")
        world.command("atl", "Start-CsPool", "-PoolFqdn", ATL, "-Force").must(0)
        world.wait_mode("atl", "atl", "Serving")
        world.start("redmond")
        world.all_serve()
        self.wait_copied("atl")

    def enable(self, user):
        atl = self.world["atl"]
        atl.ask("Enable-CsUser", Identity=user, DisplayName="x", RegistrarPool=ATL).must(200, '"done"')
        atl.ask("Set-CsClientPin", Identity=user, Pin=SECRET).must(200, '"done"')

    def wait_copied(self, pool):
        """Nothing is under way to the other one."""
        def is_copied():
            status = self.world[pool].ask("Get-CsBackupServiceStatus", PoolFqdn=name_of(pool), Detailed=True)
            return all(d["CopiedUpTo"] == d["Head"] for d in status.objects[1:]
                       if d["Direction"] == "Export" and d["State"] != "NotInitialized")
        until("everything to be copied", is_copied, patience_s=600)

    def sign_everybody_on(self, sessions):
        """Over HTTPS; their sessions end with the hand-over."""
        word = lambda n: base64.b64encode(f"user{n}:{SECRET}".encode()).decode()
        clients = 4

        def some(first):
            connection = connection_to(self.world["atl"])
            for n in range(first, sessions, clients):
                connection.request("POST", "/v1/session",
                                   headers={"Authorization": f"Basic {word(n % SIGNED_ON)}"})
                answer = connection.getresponse()
                text = answer.read()
                assert answer.status == 201, f"{answer.status}: {text}"
            connection.close()

        processes = [multiprocessing.Process(target=some, args=[n]) for n in range(clients)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
            assert process.exitcode == 0, "they could not sign on"

    def command(self, pool, name, *words):
        """Begins it; returns when that was, and what it printed in the end."""
        began = time.monotonic()
        done = self.world.command(pool, name, "-PoolFqdn", ATL, "-Verbose", *words).must(0)
        return began, time.monotonic(), done


def said_of(done):
    """By the command itself: the ms in which changes were refused (None: in a disaster nobody knows), and
    those of each step."""
    refused = re.search(r"ChangesRefused\s*: *(?:\d+\.)?(\d+):(\d+):([\d.]+)", done.out)
    hours, minutes, seconds = refused.groups() if refused else (0, 0, 0)
    ms = (int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * 1000
    steps = re.findall(r"VERBOSE: ([A-Z][^:]*): (\d+) ms", done.out + done.err)
    return ms if refused else None, {step: int(ms) for step, ms in steps}


class Took:
    """What one kind of operation took, each time."""

    def __init__(self):
        self.reported, self.seen, self.serves, self.command, self.steps = [], [], [], [], {}

    def note(self, began, ended, done, gaps, first):
        self.command.append((ended - began) * 1000)
        self.serves.append((first - began) * 1000)
        self.seen += gaps
        refused, steps = said_of(done)
        if refused is not None:
            self.reported.append(refused)
        for step, ms in steps.items():
            self.steps.setdefault(step, []).append(ms)

    def tell(self, what, planned):
        middle = statistics.median
        refused = (f"refused {middle(self.reported):6.0f} ms by its report, {middle(self.seen):6.0f} by its users "
                   f"(at most {max(self.seen):.0f}); " if planned else "")
        print(f"  {what:9} {refused}from the command to a change at the new holder {middle(self.serves):6.0f} ms "
              f"(at most {max(self.serves):.0f}), to its end {middle(self.command):6.0f} ms")
        steps = ", ".join(f"{step} {middle(times):.0f}" for step, times in self.steps.items())
        print(f"            {steps} ms", flush=True)


def planned(pair, users, old, new, name, took, sessions):
    if sessions:
        pair.sign_everybody_on(sessions)
    users.wait_at(old)
    users.read()
    before = users.wait_at(old)
    began, ended, done = pair.command(new, name)
    kept = before + users.wait_at(new) + users.read()
    first = min(t for t, _, at in kept if at == new)
    took.note(began, ended, done, gaps_ms(kept, old, new), first)
    until("the old holder to stand by", lambda: pair.world.mode(old, "atl") == "Standby")


def disaster(pair, users, took, at_work):
    users.wait_at("atl")
    if not at_work:
        users.rest.set()
        users.wait_quiet()
        pair.wait_copied("atl")
    pair.world.kill("atl")
    users.rest.clear()
    users.wait_quiet()  # they look for another pool, and find none
    began, ended, done = pair.command("redmond", "Invoke-CsPoolFailOver", "-DisasterMode")
    kept = users.wait_at("redmond")
    took.note(began, ended, done, [], min(t for t, _, at in kept if at == "redmond"))
    pair.world.start("atl")
    pair.world.wait_mode("atl", "atl", "Standby")
    pair.world.wait_hears("atl", "redmond")
    until("the tail to be salvaged", lambda: not pair.world["atl"].status_of("atl")["Tail"])
    pair.wait_copied("redmond")


def measure(world, count, rounds, sessions):
    pair = Pair(world, count)
    over, back, lost, at_work = Took(), Took(), Took(), Took()
    with Users(world) as users:
        for _ in range(rounds):
            planned(pair, users, "atl", "redmond", "Invoke-CsPoolFailOver", over, sessions)
            planned(pair, users, "redmond", "atl", "Invoke-CsPoolFailBack", back, 0)
        for _ in range(rounds):
            disaster(pair, users, lost, False)
            planned(pair, users, "redmond", "atl", "Invoke-CsPoolFailBack", Took(), 0)
            disaster(pair, users, at_work, True)
            planned(pair, users, "redmond", "atl", "Invoke-CsPoolFailBack", Took(), 0)
    signed = f", {sessions} sessions" if sessions else ""
    print(f"{count} users, {count * ITEMS_EACH} items{signed}; medians of {rounds}")
    over.tell("failover", True)
    back.tell("failback", True)
    lost.tell("disaster", False)
    at_work.tell("at work", False)
    return statistics.median(over.seen), statistics.median(lost.serves)


# --- PostgreSQL --------------------------------------------------------------------------------


class Writer(threading.Thread):
    """Somebody who writes to the primary until it is gone."""

    def __init__(self, session):
        super().__init__(daemon=True)
        self.session, self.last = session, None

    def run(self):
        with contextlib.suppress(AssertionError, OSError):
            while True:
                self.session.ask("UPDATE item SET value = 'changed' WHERE key = '1'")
                self.last = time.monotonic()


def first_write(standby):
    """A connection that is there already, as ours; how often it is refused does not matter."""
    session = Session(standby, stop_at_errors=False)
    def write():
        return session.ask("UPDATE item SET value = 'again' WHERE key = '1' RETURNING 1") == ["1"]
    return session, write


def switch_over(folder, number, primary):
    """One round: milliseconds from the last write at the primary to the first at what was the standby,
    which is returned as the next primary."""
    standby = Standby(folder, f"standby{number}", primary).start()
    writer = Writer(Session(primary, stop_at_errors=False))
    session, write = first_write(standby)
    writer.start()
    until("writes", lambda: writer.last)
    until("the standby to follow", lambda: standby.run("SELECT value FROM item WHERE key = '1'") == "changed")
    primary.control("stop", "-m", "fast")
    standby.control("promote", "--no-wait")
    while not write():
        pass
    took = (time.monotonic() - writer.last) * 1000
    writer.join()
    session.__exit__()
    primary.process.wait()
    primary.process = None
    return took, standby


def measure_postgres(count, rounds):
    folder = Path(tempfile.mkdtemp(prefix="pollux-bench-"))
    folder.chmod(0o755)  # another user's folders are in it
    primary = None
    try:
        primary = Postgres(folder, "primary").start()
        primary.run("CREATE TABLE item (key text PRIMARY KEY, value text NOT NULL)",
                    "INSERT INTO item SELECT n::text, repeat(md5(n::text), 4) "
                    f"FROM generate_series(1, {count * ITEMS_EACH}) n", "CHECKPOINT")
        found = []
        for number in range(rounds):
            took, primary = switch_over(folder, number, primary)
            found.append(took)
        return statistics.median(found), max(found)
    finally:
        if primary:
            primary.stop()
        shutil.rmtree(folder, ignore_errors=True)


# --- the table ---------------------------------------------------------------------------------


def tell_goals(refused_ms, service_ms, theirs):
    word = lambda reached: "reached" if reached else "NOT reached"
    print(f"            refused under {REFUSED_GOAL_MS} ms: {word(refused_ms < REFUSED_GOAL_MS)}; after a disaster full "
          f"service in under {REFUSED_GOAL_MS} ms: {word(service_ms < REFUSED_GOAL_MS)}")
    if theirs:
        print(f"  PostgreSQL stopped, and its standby promoted: {theirs[0]:.0f} ms (at most {theirs[1]:.0f}); "
              f"ratio {refused_ms / theirs[0]:.2f}, the goal is 0.5: {word(refused_ms < theirs[0] / 2)}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, nargs="+", default=USERS, metavar="COUNT")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="COUNT")
    parser.add_argument("--sessions", type=int, default=SESSIONS, metavar="COUNT",
                        help="signed on when the largest pool is failed over")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and tidy up
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} when it began", flush=True)
    if not is_installed():
        print("PostgreSQL 15 is not installed (apt-get install postgresql-15): only ours is measured.")
    for count in options.users:
        world = World()
        try:
            sessions = options.sessions if count == max(options.users) else 0
            found = measure(world, count, options.rounds, sessions)
        finally:
            world.end()
            shutil.rmtree(world.folder, ignore_errors=True)
        tell_goals(*found, measure_postgres(count, options.rounds) if is_installed() else None)
    print(f"load {os.getloadavg()[0]:.1f} when it ended")


if __name__ == "__main__":
    main()
