#!/usr/bin/env python3
"""What copying between two pools costs, beside logical replication between two PostgreSQL servers, on
one machine, one disk and with the same rows: a first copy and catching up on what changed while the
partner was down, both with keys in no order and in order, and how old the copy is while there are
changes. And what a cycle costs that finds nothing to do. copying.py [--items COUNT]

copying.py --flush MS...: only how old the copy is, of a few items, on disks whose flushes take so
long (flush.c).

Ours goes by HTTPS between processes that check and encrypt everything; PostgreSQL's goes through a
socket in the file system, in the clear. Without PostgreSQL only ours is measured."""

import argparse
import base64
import contextlib
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test/system"))
from pollux_world import *  # noqa: E402
from postgres import PROGRAMS, Postgres, Session, is_installed  # noqa: E402

ITEMS, CHANGED = 1000000, 200000
ROWS_EACH = 10000  # in a transaction, as fill.c has it
FEW_ITEMS, IDLE_CYCLES = 10000, 300
FIRST_GOAL, CATCH_UP_GOAL, AGE_GOAL_MS = 2, 4, 50
INTERVAL_S = 30  # as a deployment has it that says nothing else
MODULE = "UserServices.PresenceFocus"
# Changes come from that many connections, to so many rows in turn that one is rarely changed again
# before its change was seen.
RATE, CLIENTS, USERS, AGE_S, SECRET = 2000, 8, 400, 20, "Geheim 123"
ATL = name_of("atl")


class Took:
    """A copy's time: until its first rows were seen, and how many at once; until its last; and what
    the processes of either side had of the processors, which other programs don't change as much."""

    def __init__(self, cpu_s_of_sides):
        self.cpu_s_of_sides, self.cpu_s_before = cpu_s_of_sides, cpu_s_of_sides()
        self.began, self.first_s, self.first_rows, self.last_s = time.monotonic(), None, 0, None

    def note_first(self, rows):
        if not self.first_s:
            self.first_s, self.first_rows = time.monotonic() - self.began, rows

    def note_last(self):
        self.last_s = time.monotonic() - self.began
        self.cpu_s = [now - then for now, then in zip(self.cpu_s_of_sides(), self.cpu_s_before)]


def cpu_s(process):
    """Of a server and of all that it started; nothing if it does not run."""
    if not process or process.poll() is not None:
        return 0
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    ticks = 0
    for pid, fields in [(process.pid, 4), *((child, 2) for child in children)]:
        try:
            numbers = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += sum(int(n) for n in numbers[11:11 + fields])
        except OSError:
            pass  # it ended, and counts as its parent's from now on
    return ticks / os.sysconf("SC_CLK_TCK")


# --- ours --------------------------------------------------------------------------------------


def memory_mb(machine, what):
    status = Path(f"/proc/{machine.process.pid}/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+)", status)[1]) / 1024


class Store:
    """The items of Atlanta's users in a pool's file, read from outside."""

    def __init__(self, machine):
        self.db = sqlite3.connect(f"file:{machine.store}?mode=ro", uri=True, timeout=30,
                                  isolation_level=None, check_same_thread=False)
        self.home = None

    def ask(self, what, *values):
        if not self.home:
            found = self.db.execute("SELECT id FROM home WHERE name = ?", [ATL]).fetchone()
            self.home = found and found[0]
        if not self.home:
            return []
        return self.db.execute(what.format(item=f"item_{self.home}"), values).fetchall()

    def all_items(self, of=None):
        """Those that were not replaced: the query, of this file or of one that is attached."""
        schema, home = ("copy", of.home) if of else ("main", self.home)
        return (f"SELECT usn, module, key, value FROM {schema}.item_{home} WHERE usn NOT IN "
                f"(SELECT usn FROM {schema}.replaced WHERE home = {home})")

    @property
    def head(self):
        answer = self.ask("SELECT max(usn) FROM {item}")
        return answer and answer[0][0] or 0

    def texts_after(self, usn):
        for key, value in self.ask("SELECT key, value FROM {item} WHERE usn > ? ORDER BY usn", usn):
            yield key.decode(), value.decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.db.close()


def copied(machine):
    """Get-CsBackupServiceStatus says so."""
    details = machine.ask("Get-CsBackupServiceStatus", PoolFqdn=ATL, Detailed=True).objects[1:]
    one = next(d for d in details if d["Direction"] == "Export" and d["Module"] == MODULE)
    return one["CopiedUpTo"] == one["Head"]


class Pair:
    """Two pools. Redmond is down while Atlanta's items change, and is started for the copy."""

    def __init__(self, world, in_order):
        self.order = ["--in-order"] if in_order else []
        self.world = world.deploy(["atl", "redmond"], interval_s=INTERVAL_S)

    def head(self, pool):
        with Store(self.world[pool]) as store:
            return store.head

    def change(self, count):
        """While both are down; then Atlanta serves alone, as nobody knows better."""
        self.world.stop("redmond")
        self.world.stop("atl")
        run("bench/bench-fill", *self.order, self.world["atl"].store, ATL, count).must(0)
        self.world.start("atl")
        self.world.wait_mode("atl", "atl", "Rejoining")
        self.world.command("atl", "Start-CsPool", "-PoolFqdn", ATL, "-Force").must(0)
        self.world.wait_mode("atl", "atl", "Serving")

    def copy(self):
        """Everything that Redmond lacks, from the start of its process on."""
        atl, head, before = self.world["atl"], self.head("atl"), self.head("redmond")
        Path(f"/proc/{atl.process.pid}/clear_refs").write_text("5")  # its peak begins anew
        self.memory_before = memory_mb(atl, "VmHWM")
        took = Took(lambda: [cpu_s(self.world[pool].process) for pool in self.world.pools])
        self.world.start("redmond")
        with Store(self.world["redmond"]) as store:
            def is_there():
                there = store.head
                if there > before:
                    took.note_first(there - before)
                return there >= head
            until("everything to be copied", is_there, patience_s=600)
        until("the status to say so", lambda: copied(atl))
        took.note_last()
        self.must_be_equal()
        return took

    def must_be_equal(self):
        with Store(self.world["atl"]) as ours, Store(self.world["redmond"]) as theirs:
            assert ours.head == theirs.head
            ours.db.execute("ATTACH ? AS copy", [f"file:{self.world['redmond'].store}?mode=ro"])
            here, there = ours.all_items(), ours.all_items(theirs)
            for one, other in (here, there), (there, here):
                differ = ours.ask(f"{one} EXCEPT {other} LIMIT 1")
                assert not differ, differ

    def tell_memory(self):
        atl, redmond = self.world["atl"], self.world["redmond"]
        print(f"    the most memory: holder {self.memory_before:.0f} -> {memory_mb(atl, 'VmHWM'):.0f} MB, "
              f"copy {memory_mb(redmond, 'VmHWM'):.0f} MB", flush=True)

    def idle_cycle(self):
        """Milliseconds of one that is asked for by a command, and of both pools' processors for it."""
        both = lambda: sum(cpu_s(self.world[pool].process) for pool in self.world.pools)
        atl, before, began = self.world["atl"], both(), time.monotonic()
        for _ in range(IDLE_CYCLES):
            atl.ask("Invoke-CsBackupServiceSync", PoolFqdn=ATL, BackupModule=MODULE).must(200, '"done"')
        took = time.monotonic() - began
        return [s * 1000 / IDLE_CYCLES for s in (took, both() - before)]

    # Changes by users

    def sign_on(self):
        """Users' tokens."""
        self.world.all_serve()
        atl, tokens = self.world["atl"], []
        proof = lambda user: base64.b64encode(f"{user}:{SECRET}".encode()).decode()
        for user in (f"user{n}" for n in range(USERS)):
            atl.ask("Enable-CsUser", Identity=user, DisplayName="x", RegistrarPool=ATL).must(200, '"done"')
            atl.ask("Set-CsClientPin", Identity=user, Pin=SECRET).must(200, '"done"')
        connection = self.users_connection()
        for user in (f"user{n}" for n in range(USERS)):
            connection.request("POST", "/v1/session", headers={"Authorization": f"Basic {proof(user)}"})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 201, text
            tokens.append(json.loads(text)["token"])
        connection.close()
        return tokens

    def users_connection(self):
        atl = self.world["atl"]
        connection = http.client.HTTPSConnection(
            atl.fqdn, atl.users_port, context=tls(self.world.folder / "pki/authority.pem"))
        plain = socket.create_connection((atl.address, atl.users_port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sock = connection._context.wrap_socket(plain, server_hostname=atl.fqdn)
        return connection

    def ages(self):
        """Milliseconds from a user's request to its being in Redmond's file; and changes in a second."""
        tokens = self.sign_on()
        until("the accounts to be copied", lambda: copied(self.world["atl"]))
        atl, end = self.world["atl"], time.time() + AGE_S
        users = subprocess.Popen(
            ["bench/bench-change", atl.fqdn, str(atl.users_port), atl.address, "/v1/presence",
             self.world.folder / "pki/authority.pem", str(RATE), str(CLIENTS), str(AGE_S)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        users.stdin.write("\n".join(tokens))
        users.stdin.close()
        with Store(self.world["redmond"]) as store:
            seen, found = store.head, []
            while time.time() < end:
                rows = store.ask("SELECT usn, value FROM {item} WHERE usn > ? ORDER BY usn", seen)
                now = time.time()
                for seen, value in rows:  # records of the sign-ons may come between them
                    note = json.loads(value).get("note")
                    found += [(now - float(note)) * 1000] if note else []
                time.sleep(0.001)
        count = users.stdout.read()
        assert users.wait() == 0, "the users could not change anything"
        return found, int(count) / AGE_S


@contextlib.contextmanager
def pair_of_pools(in_order=False):
    world = World()
    try:
        yield Pair(world, in_order)
    finally:
        world.end()
        shutil.rmtree(world.folder, ignore_errors=True)


# --- PostgreSQL's ------------------------------------------------------------------------------

SUM = "SELECT count(*), sum(hashtext(key || value)::bigint) FROM item"


class Replication:
    """A publisher and a subscriber with the rows that Atlanta has and Redmond gets."""

    def __init__(self, folder, publisher, subscriber):
        self.folder, self.publisher, self.subscriber = folder, publisher, subscriber
        for server in (publisher, subscriber):
            server.run("CREATE TABLE item (key text PRIMARY KEY, value text NOT NULL)",
                       "CREATE TABLE presence (key integer PRIMARY KEY, seq bigint, client integer,"
                       " n integer, note text)")
        self.publisher.run("CREATE UNLOGGED TABLE fresh (key text, value text, n bigserial PRIMARY KEY)",
                           "CREATE SEQUENCE change CACHE 1",
                           f"INSERT INTO presence SELECT n, 0, 0, 0, '' FROM generate_series(1, {USERS}) n",
                           "CREATE PUBLICATION copy FOR TABLE item, presence")

    def cpu_s(self):
        return [cpu_s(self.publisher.process), cpu_s(self.subscriber.process)]

    def first_copy(self, rows):
        self.publisher.load("item", rows)
        self.publisher.run("CHECKPOINT")
        ready = "SELECT count(*) FROM pg_subscription_rel WHERE srsubstate = 'r'"
        with Session(self.subscriber) as session:
            took = Took(self.cpu_s)
            session.ask(f"CREATE SUBSCRIPTION copy CONNECTION '{self.publisher.connection}' "
                        "PUBLICATION copy WITH (copy_data, synchronous_commit = 'on')")
            until("everything to be copied", lambda: session.ask(ready) == ["2"], patience_s=600)
            took.note_last()
        self.must_be_equal()
        return took

    def change(self, rows):
        """While the subscriber is down; in transactions as large as ours were."""
        rows = list(rows)
        self.subscriber.run("CHECKPOINT")
        self.subscriber.stop()
        self.publisher.load("fresh (key, value)", rows)
        self.publisher.run("ANALYZE item", "ANALYZE fresh", *(
            "UPDATE item SET value = fresh.value FROM fresh WHERE item.key = fresh.key "
            f"AND fresh.n > {n} AND fresh.n <= {n + ROWS_EACH}" for n in range(0, len(rows), ROWS_EACH)))
        self.publisher.run("CHECKPOINT")
        self.first, self.last = rows[0], rows[-1]

    def catch_up(self):
        """From the start of the subscriber on, as ours."""
        there = "SELECT count(*) FROM item WHERE key = '{}' AND value = '{}'"
        took = Took(self.cpu_s)
        self.subscriber.start()
        with Session(self.subscriber) as session:
            def is_there():
                if session.ask(there.format(*self.first)) == ["1"]:
                    took.note_first(ROWS_EACH)
                return session.ask(there.format(*self.last)) == ["1"]
            until("everything to be copied", is_there, patience_s=600)
        took.note_last()
        self.must_be_equal()
        return took

    def must_be_equal(self):
        assert self.publisher.run(SUM) == self.subscriber.run(SUM), "the copy differs"

    def ages(self, durable):
        """Milliseconds from a client's statement to its row's being seen; and changes in a second. What
        is seen is durable, as ours is, or may become so later, which is a subscriber's default."""
        word = "on" if durable else "off"
        self.subscriber.run(f"ALTER SUBSCRIPTION copy SET (synchronous_commit = '{word}')")
        last = lambda server: server.run("SELECT max(seq) FROM presence")
        until("what came before to be copied", lambda: last(self.subscriber) == last(self.publisher),
              patience_s=600)
        before = int(last(self.publisher))
        script = self.folder / "changes.sql"
        script.write_text(
            f"\\set k random(1, {USERS})\n\\set n :n + 1\n"
            "UPDATE presence SET seq = nextval('change'), client = :client_id, n = :n, "
            "note = repeat('x', 60) WHERE key = :k;\n")
        log = self.folder / f"changes-{word}"
        end, seen_at, seen = time.time() + AGE_S, {}, {before}
        load = subprocess.Popen(
            [PROGRAMS / "pgbench", "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-D", "n=0",
             "-R", str(RATE), "-T", str(AGE_S), "-l", "--log-prefix", log, "-f", str(script),
             "-h", str(self.publisher.folder), "-U", "postgres", "postgres"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        with Session(self.subscriber) as session:
            while time.time() < end:
                # Who draws a number first need not commit first.
                rows = session.ask("SELECT seq, client, n FROM presence WHERE seq > "
                                   f"{max(max(seen) - 2 * CLIENTS, before)}")
                now = time.time()
                for seq, client, n in (map(int, row.split("|")) for row in rows):
                    if seq not in seen:
                        seen.add(seq)
                        seen_at[client, n] = now
                time.sleep(0.001)
        report = load.communicate()[0]
        assert load.returncode == 0, report
        began = dict(statements(log))
        found = [(now - began[change]) * 1000 for change, now in seen_at.items()]
        return found, int(re.search(r"actually processed: (\d+)", report)[1]) / AGE_S


def statements(prefix):
    """Of pgbench's logs, one for each of its threads: whose and his which it was, and when it began."""
    for log in prefix.parent.glob(f"{prefix.name}.*"):
        for line in log.read_text().splitlines():
            client, number, took_us, _, ended_s, and_us, late_us = map(int, line.split())
            yield (client, number), ended_s + (and_us - took_us + late_us) / 1e6
        log.unlink()


@contextlib.contextmanager
def two_servers():
    """None if there is no PostgreSQL."""
    if not is_installed():
        print("PostgreSQL 15 is not installed (apt-get install postgresql-15): only ours is measured.")
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="pollux-bench-"))
    folder.chmod(0o755)  # another user's folders are in it
    try:
        with Postgres(folder, "publisher") as publisher, Postgres(folder, "subscriber") as subscriber:
            yield Replication(folder, publisher, subscriber)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- the table ---------------------------------------------------------------------------------


def tell_rate(what, count, ours, theirs, goal):
    def line(took):
        left = count - took.first_rows
        begun = (f"; the first after {took.first_s:.2f} s, then {left / (took.last_s - took.first_s):.0f} rows/s"
                 if took.first_s and left > 0 else "")
        return (f"{count / took.last_s:9.0f} rows/s ({took.last_s:.2f} s{begun}); "
                f"processor {took.cpu_s[0]:.2f} s where it was, {took.cpu_s[1]:.2f} s where it goes")
    print(f"{what}\n    polluxd    {line(ours)}")
    if theirs:
        ratio = theirs.last_s / ours.last_s
        print(f"    PostgreSQL {line(theirs)}\n    ratio {ratio:.2f}; the goal is {goal}: "
              f"{'reached' if ratio >= goal else 'NOT reached'}", flush=True)


def tell_ages(ours, theirs, theirs_later):
    def line(name, ages, rate):
        middle, late = statistics.median(ages), sorted(ages)[len(ages) * 99 // 100]
        print(f"    {name:24} median {middle:6.1f} ms, 99th percentile {late:6.1f} ms, "
              f"{rate:.0f} changes/s, {len(ages)} seen")
        return middle, late
    print(f"age of the copy under {RATE} changes/s for {AGE_S} s")
    found = line("polluxd", *ours)
    bounds = line("PostgreSQL", *theirs) if theirs else found
    if theirs_later:
        line("and not yet durable there", *theirs_later)
    word = lambda reached: "reached" if reached else "NOT reached"
    for what, age, bound in zip(("median", "99th percentile"), found, bounds):
        beside = f"; not above PostgreSQL's: {word(age <= bound)}" if theirs else ""
        print(f"    {what}: under {AGE_GOAL_MS} ms: {word(age < AGE_GOAL_MS)}{beside}")


def tell_cycles(cycles):
    print(f"a cycle that finds nothing to copy (of {IDLE_CYCLES}, each asked for by a command)")
    for items, (took_ms, cpu_ms) in cycles.items():
        print(f"    {items:8} items: {took_ms:.2f} ms, {cpu_ms:.2f} ms of both pools' processors")


def measure_copies(order, items, changed, pair, replication):
    """Ours and theirs take turns, so that both meet the same weather."""
    before = pair.head("atl")
    pair.change(items)
    with Store(pair.world["atl"]) as store:
        rows = list(store.texts_after(before))
    size = sum(len(k) + len(v) for k, v in rows) / len(rows)
    print(f"{items} items of {size:.0f} bytes with keys in {order}, {changed} of them changed; "
          f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} when it began", flush=True)
    ours = pair.copy()
    theirs = replication and replication.first_copy(rows)
    tell_rate("first copy", items, ours, theirs, FIRST_GOAL)
    pair.tell_memory()
    before = pair.head("atl")
    pair.change(changed)
    if replication:
        with Store(pair.world["atl"]) as store:
            replication.change(store.texts_after(before))
    ours = pair.copy()
    theirs = replication and replication.catch_up()
    tell_rate("catching up", changed, ours, theirs, CATCH_UP_GOAL)
    pair.tell_memory()


def measure_ages(pair, replication):
    ours = pair.ages()
    theirs, theirs_later = (replication and replication.ages(durable) for durable in (True, False))
    tell_ages(ours, theirs, theirs_later)
    pair.tell_memory()


@contextlib.contextmanager
def disk(flush_ms):
    """Whatever is started meanwhile has it; PostgreSQL's user has to find the library."""
    with tempfile.TemporaryDirectory(prefix="pollux-bench-") as folder:
        Path(folder).chmod(0o755)
        library = shutil.copy("bench/libbench-flush.so", folder)
        words = {"LD_PRELOAD": library, "POLLUX_BENCH_FLUSH_US": str(round(flush_ms * 1000))}
        os.environ.update(words)
        try:
            yield
        finally:
            for word in words:
                del os.environ[word]


def measure_disks(flushes_ms):
    for flush_ms in flushes_ms:
        with disk(flush_ms), pair_of_pools() as pair, two_servers() as replication:
            print(f"a flush takes {flush_ms} ms", flush=True)
            pair.change(FEW_ITEMS)
            pair.copy()
            if replication:
                replication.first_copy([])
            measure_ages(pair, replication)


def measure_all(items):
    cycles = {}
    with pair_of_pools(in_order=True) as pair, two_servers() as replication:
        measure_copies("order", items, min(CHANGED, items), pair, replication)
    with pair_of_pools() as pair:
        pair.change(min(FEW_ITEMS, items))
        pair.copy()
        cycles[min(FEW_ITEMS, items)] = pair.idle_cycle()
    with pair_of_pools() as pair, two_servers() as replication:
        measure_copies("no order", items, min(CHANGED, items), pair, replication)
        cycles[items] = pair.idle_cycle()
        measure_ages(pair, replication)
    tell_cycles(cycles)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=ITEMS, metavar="COUNT")
    parser.add_argument("--flush", type=float, nargs="+", metavar="MS")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and tidy up
    if options.flush:
        measure_disks(options.flush)
    else:
        measure_all(options.items)
    print(f"load {os.getloadavg()[0]:.1f} when it ended")


if __name__ == "__main__":
    main()
