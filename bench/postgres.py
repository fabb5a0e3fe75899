"""PostgreSQL servers of a benchmark's own, and sessions with them.

    with Postgres(folder, "publisher") as server:
        server.run("CREATE TABLE item (key text PRIMARY KEY)")

They listen on a socket in their own folder only, belong to the user postgres if root runs the
benchmark, and end with it."""

import os
import pwd
import signal
import subprocess
import time
from pathlib import Path

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
PATIENCE_S = 600  # a million rows on a loaded machine

# What is durable when it is acknowledged stays so; the rest is more room than a fresh server takes,
# and nothing in the background that could get in the way of what is measured.
SETTINGS = {"listen_addresses": "", "wal_level": "logical", "fsync": "on",
            "synchronous_commit": "on", "shared_buffers": "512MB", "max_wal_size": "8GB",
            "checkpoint_timeout": "1h", "autovacuum": "off",
            "client_min_messages": "warning"}


def is_installed():
    return (PROGRAMS / "postgres").exists()


def owner():
    """Words for subprocess: postgres refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Postgres:
    def __init__(self, parent, name):
        self.folder = Path(parent) / name
        self.folder.mkdir()
        self.process = None
        if owner():
            os.chown(self.folder, owner()["user"], owner()["group"])
        self.make()

    def make(self):
        self.program("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                     "--locale", "C")

    def program(self, name, *words):
        subprocess.run([PROGRAMS / name, *words], check=True, stdout=subprocess.DEVNULL,
                       cwd=self.folder, **owner())

    def control(self, *words):
        """As an administrator types it."""
        self.program("pg_ctl", *words, "-D", self.data)

    @property
    def data(self):
        return self.folder / "data"

    @property
    def connection(self):
        return f"host={self.folder} user=postgres dbname=postgres"

    def start(self):
        settings = SETTINGS | {"unix_socket_directories": str(self.folder)}
        with open(self.folder.parent / f"{self.folder.name}.log", "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "INT", PROGRAMS / "postgres", "-D", self.data,
                 *(word for n, v in settings.items() for word in ("-c", f"{n}={v}"))],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **owner())
        deadline = time.monotonic() + PATIENCE_S
        while self.psql("-c", "SELECT 1", check=False).returncode:
            assert self.process.poll() is None, "PostgreSQL ended"
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.01)
        return self

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGINT)  # "fast": sessions are ended
            self.process.wait(PATIENCE_S)
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def words(self):
        return [PROGRAMS / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.connection]

    def psql(self, *words, check=True, **options):
        return subprocess.run([*self.words(), *words], text=True, check=check, timeout=PATIENCE_S,
                              stdout=subprocess.PIPE, stderr=None if check else subprocess.DEVNULL,
                              **options)

    def run(self, *statements):
        """Each a transaction of its own."""
        return self.psql(input="".join(f"{s};\n" for s in statements)).stdout.strip()

    def load(self, table, rows):
        """Tuples of texts without tabs, backslashes or ends of lines."""
        with subprocess.Popen([*self.words(), "-c", f"COPY {table} FROM STDIN"], text=True,
                              stdin=subprocess.PIPE) as copy:
            for row in rows:
                copy.stdin.write("\t".join(row) + "\n")
            copy.stdin.close()
            assert copy.wait(PATIENCE_S) == 0, f"{table} was not loaded"


class Standby(Postgres):
    """Of another server, by streaming replication."""

    def __init__(self, parent, name, primary):
        self.primary = primary
        super().__init__(parent, name)

    def make(self):
        self.program("pg_basebackup", "-D", self.data, "-h", self.primary.folder, "-U", "postgres",
                     "--checkpoint=fast", "--write-recovery-conf", "--wal-method=stream")


class Session:
    """One that stays open: starting a psql for each question would cost more than the answer."""

    END = "end of the answer"

    def __init__(self, server, stop_at_errors=True):
        errors = None if stop_at_errors else subprocess.DEVNULL
        words = server.words() + ([] if stop_at_errors else ["-v", "ON_ERROR_STOP=0"])
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=errors)

    def ask(self, statement):
        """The answer's lines."""
        self.process.stdin.write(f"{statement};\n\\echo {self.END}\n")
        self.process.stdin.flush()
        lines = []
        while True:
            line = self.process.stdout.readline()
            assert line, f"PostgreSQL gave no answer to {statement}"
            if line.strip() == self.END:
                return lines
            lines.append(line.rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(PATIENCE_S)
        self.process.stdout.close()
