"""Files of conferences: both trees are compared by checksums from outside, whatever happens to them.

Prints TAP."""

import hashlib
import os
import shutil
import sys

from copies import *

tests.clear()

MODULE_OF_FILES = "ConfServices.DataConf"


class Files:
    """A pool's file store, as somebody sees it who knows nothing of Pollux."""

    def __init__(self, world, pool):
        self.machine, self.world = world[pool], world
        self.root = world.folder / f"{pool}-files"
        self.root.mkdir(exist_ok=True)

    def configure(self, root=None):
        self.machine.extra += f'file_store = "{root or self.root}"\n'
        self.machine.write_config()
        return self

    @property
    def marker(self):
        return self.root / ".pollux-file-store"

    def home(self, pool):
        return self.root / name_of(pool)

    def tree(self, home):
        """{path: (checksum, time)} of a home's files."""
        found, top = {}, self.home(home)
        for folder, _, names in os.walk(os.fsencode(top)):
            for name in names:
                path = os.path.join(folder, name)
                try:
                    with open(path, "rb") as file:
                        found[path[len(os.fsencode(top)) + 1:]] = (
                            hashlib.file_digest(file, "sha256").hexdigest(),
                            os.stat(path).st_mtime_ns)
                except FileNotFoundError:
                    pass
        return found

    def write(self, home, path, data):
        target = self.home(home) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data if isinstance(data, bytes) else data.encode())
        return target


def pair_with_files(world, interval_s=INTERVAL_S, extra="", network=False):
    world.build(["atl", "redmond"], interval_s=interval_s, network=network)
    files = [Files(world, pool).configure() for pool in world.pools]
    for pool in world.pools:
        world[pool].extra += extra
        world[pool].write_config()
    world.begin()
    configure(world, SyncInterval=f"00:00:{INTERVAL_S_OF_SYNC:02}")
    return files


def exported(machine):
    details = [d for d in look(machine, Detailed=True)["Details"]
               if d["Direction"] == "Export" and d["Module"] == MODULE_OF_FILES]
    assert len(details) == 1, details
    return details[0]


def wait_same(files, home, count, patience_s=PATIENCE_S):
    """Both trees have the same, and so many files."""
    def same():
        a, b = (f.tree(home) for f in files)
        return a == b and len(a) == count
    try:
        until(f"both trees of {home} to be equal", same, patience_s)
    except AssertionError as e:
        a, b = (f.tree(home) for f in files)
        raise AssertionError(f"{e}: {len(a)} and {len(b)} files of {count}; "
                             f"{sorted(a.items() ^ b.items())[:4]}") from None


def wait_settled(machine, *words):
    words = words or ("SteadyState", "FinalState")
    return until(f"{machine.pool} to say {words}",
                 lambda: (lambda d: d if d["State"] in words else None)(exported(machine)))


def fill(files, home, count, size=2000, conference="budget"):
    for i in range(count):
        files.write(home, f"{conference}-{i % 10}/file-{i:05}.bin",
                    os.urandom(size // 2) * 2 + str(i).encode())


@test
def what_is_put_into_the_holder_s_tree_is_in_the_partner_s(world):
    """New, changed, and in both directions."""
    atl, redmond = files = pair_with_files(world)
    assert atl.marker.read_text() == name_of("atl") + "\n"
    fill(atl, "atl", 50)
    wait_same(files, "atl", 50)
    atl.write("atl", "budget-0/file-00000.bin", "another text")
    wait_same(files, "atl", 50)
    redmond.write("redmond", "c/slides.pdf", os.urandom(300000))
    wait_same(files, "redmond", 1)
    wait_settled(world["atl"], "FinalState")
    wait_settled(world["redmond"], "FinalState")


@test
def what_was_deleted_at_the_first_pool_comes_back_by_the_seeds_procedure(world):
    atl, redmond = files = pair_with_files(world)
    fill(atl, "atl", 60)
    wait_same(files, "atl", 60)
    before = atl.tree("atl")
    shutil.rmtree(atl.home("atl") / "budget-1")
    for file in (atl.home("atl") / "budget-2").iterdir():
        file.unlink()
    world.command("redmond", "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of("redmond"),
                  "-BackupModule", MODULE_OF_FILES).must(0)
    until("the status to be steady", lambda: any(
        f"[{state}," in world.command("redmond", "Get-CsBackupServiceStatus", "-PoolFqdn",
                               name_of("redmond"), "-BackupModule", MODULE_OF_FILES).must(0).out
        for state in ("SteadyState", "FinalState")))
    assert atl.tree("atl") == before
    assert redmond.tree("atl") == before


if __name__ == "__main__":
    sys.exit(main())
