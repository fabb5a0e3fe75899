"""What tests of failing over need: clients that change things and remember what was acknowledged,
the command as it is typed, and a look at who serves."""

import http.client
import threading

from copies import differences, done, head, rows, wait_equal
from pollux_world import *
from web_client import ATL, REDMOND, SECRET, enable

tests.clear()


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
        self.connection = self.token = None

    def leave(self, pool=None):
        if self.connection:
            self.connection.close()
        self.connection = self.token = None
        self.at = pool or {"atl": "redmond", "redmond": "atl"}[self.at]

    def connect(self):
        machine = self.world[self.at]
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
                kept = self.change()
            except (OSError, http.client.HTTPException, ssl.SSLError, ValueError):
                kept = False
                self.leave()
            if kept:
                now = time.monotonic()
                self.longest_s, last = max(self.longest_s, now - last), now
            else:
                time.sleep(0.005)

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

    def go_on(self, changes=10):
        """Each of them has so many more acknowledged."""
        before = [w.kept for w in self.list]
        until("everybody to get on", lambda: all(
            w.kept >= b + changes for w, b in zip(self.list, before)))

    def must_be_kept(self, pool):
        for writer in self.list:
            writer.must_be_kept(pool)


def fail_over(world, *words, at="redmond", pool=ATL, **environment):
    return world.command(at, "Invoke-CsPoolFailOver", "-PoolFqdn", pool, *words, **environment)


def fail_back(world, *words, at="atl", pool=ATL):
    return world.command(at, "Invoke-CsPoolFailBack", "-PoolFqdn", pool, *words)


def holds(world, pool, home="atl"):
    """It serves, and the other one stands by; both have the same."""
    other = {"atl": "redmond", "redmond": "atl"}[pool]
    world.wait_mode(pool, home, "Serving")
    world.wait_mode(other, home, "Standby")
    until("both copies to be equal", lambda: not differences(world, name_of(home)))
