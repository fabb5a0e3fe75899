"""What tests of copying need: both stores compared row by row, states, load, one pair that copies."""

import http.client
import re
import shutil
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from people import by_https, people, typed_by, READ
from pollux_world import *
from test_users import done, enable, make_many, said

tests.clear()  # those of the files that words were taken from are listed there

INTERVAL_S_OF_SYNC = 5  # the shortest that there is
MODULE = "CentralMgmt.CMSMaster"
NAMES = ["All", "PresenceFocus", "DataConf", "CMSMaster", "UserServices.PresenceFocus",
         "ConfServices.DataConf", MODULE]
WORDS = ["NotInitialized", "FinalState", "SteadyState", "NonSteadyState", "ErrorState"]
SECRET = "Nirgends-im-Klartext-0815"
MANY = 20000
# What a command may take at most: its own limit, and a loaded machine.
STATUS_S_MAX = 15


def rows(store, home):
    """{(module, key): (value, version, deleted)} of a home, as the file has it."""
    try:
        db = sqlite3.connect(f"file:{outside(store)}?mode=ro", uri=True, timeout=30)
    except sqlite3.OperationalError:
        return {}
    try:
        found = db.execute("SELECT id FROM home WHERE name = ?", [name_of(home)]).fetchone()
        if not found:
            return {}
        table = f"item_{found[0]}"
        return {(module, key): (value, term, usn, deleted) for module, key, value, term, usn, deleted
                in db.execute(f"SELECT module, key, value, term, usn, deleted FROM {table} "
                              f"WHERE {counts(table)}")}
    except sqlite3.DatabaseError:  # not created yet, or copied while it changed
        return {}
    finally:
        db.close()


def outside(store):
    """SQLite finds no file of another mount namespace: it gets a copy of it."""
    if not str(store).startswith("/proc/"):
        return store
    copy = Path(str(store).split("/root", 1)[1] + ".copy")
    for end in ("", "-wal"):
        shutil.copy(f"{store}{end}", f"{copy}{end}")
    Path(f"{copy}-shm").unlink(missing_ok=True)
    return copy


def differences(world, home=CENTRAL):
    a, b = (rows(world[pool].store, home) for pool in ("atl", "redmond"))
    return [key for key in a.keys() | b.keys() if a.get(key) != b.get(key)]


def wait_equal(world, home=CENTRAL, at_least=1):
    """Both stores have the same of it, and something."""
    until(f"both stores to have the same of {home}",
          lambda: len(rows(world["atl"].store, home)) >= at_least and not differences(world, home))


def head(world, pool, home=CENTRAL):
    return max((usn for _, _, usn, _ in rows(world[pool].store, home).values()), default=0)


def accounts(world, pool):
    """Addresses of those that are there, by the file."""
    return {key.decode(errors="replace") for (_, key), (_, _, _, deleted)
            in rows(world[pool].store, CENTRAL).items() if not deleted and b"user" in key}


def configure(world, **settings):
    """Of the deployment's Backup Service, and both pools know of it."""
    done(world["atl"], "Set-CsBackupServiceConfiguration", **settings)
    if "redmond" in world.pools and world["redmond"].runs:
        wait_equal(world)


def pair(world, network=False, **settings):
    world.deploy(["atl", "redmond"], network=network)
    configure(world, SyncInterval=f"00:00:{INTERVAL_S_OF_SYNC:02}", **settings)
    world.wait_copied("atl", "redmond")
    return world["atl"], world["redmond"]


def look(machine, pool=None, **parameters):
    """The answer's one object; the command must keep its deadline."""
    began = time.monotonic()
    answer = done(machine, "Get-CsBackupServiceStatus",
                  PoolFqdn=name_of(pool or machine.pool), **parameters)
    took = time.monotonic() - began
    assert took < STATUS_S_MAX, f"it took {took:.1f} s"
    return answer.objects[0] | {"Details": answer.objects[1:]}


def detail(machine, direction="Export", module=MODULE):
    details = [d for d in look(machine, Detailed=True)["Details"]
               if d["Direction"] == direction and d["Module"] == module]
    assert len(details) == 1, details
    return details[0]


def state(machine, module=MODULE):
    return detail(machine, module=module)["State"]


def wait_state(machine, *words, patience_s=PATIENCE_S):
    return until(f"{machine.pool} to say {words}",
                 lambda: (lambda d: d if d["State"] in words else None)(detail(machine)),
                 patience_s)


def sync(machine, pool=None, **parameters):
    return done(machine, "Invoke-CsBackupServiceSync", PoolFqdn=name_of(pool or machine.pool),
                **parameters)


def make(machine, count, name="user", at_once=8):
    """Accounts, one after the other for each client; the daemon may go away in the middle."""
    def one(number):
        enable(machine, f"{name}{number:05}")
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, range(count)))


class Load:
    """Clients that change `central` until they are told to stop, some hundred times in a second;
    whatever fails comes again."""

    def __init__(self, machine, clients=8, pause_s=0.02, name="load"):
        self.machine, self.pause_s, self.name = machine, pause_s, name
        self.stopped = threading.Event()
        self.acknowledged = []
        self.threads = [threading.Thread(target=self.work, args=[n], daemon=True)
                        for n in range(clients)]

    def work(self, client):
        number = 0
        while not self.stopped.is_set():
            user = f"{self.name}-user{client}-{number:05}"
            try:
                answer = self.machine.ask("Enable-CsUser", Identity=user,
                                          RegistrarPool=name_of("atl"))
                if answer.status == 200 and answer.lines[-1] == {"status": "done"}:
                    self.acknowledged.append(user)
            except (OSError, http.client.HTTPException, ValueError, IndexError):
                time.sleep(0.05)
            number += 1
            self.stopped.wait(self.pause_s)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join(PATIENCE_S)


def backup_events(machine, word, module=MODULE):
    return machine.events("backup-state", module, f": {word}")


def remove_store(machine):
    for file in machine.folder.glob("rtc.db*"):
        file.unlink()


def names_at(world, pool):
    """The addresses as the account's keys have them, without what stands before."""
    return {re.split(r"[/:\0]", a)[-1] for a in accounts(world, pool)}


def keep_aside(machine, name):
    """A copy of its database as it is now, while it runs."""
    copy = machine.world.folder / name
    source = sqlite3.connect(f"file:{machine.store}?mode=ro", uri=True)
    target = sqlite3.connect(copy)
    source.backup(target)
    source.close()
    target.close()
    return copy


def put_back(machine, copy):
    remove_store(machine)
    shutil.copy(copy, machine.store)
