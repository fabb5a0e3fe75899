"""A disk that is full, under the real store: the daemon stays up, says so, loses nothing.

Prints TAP; needs root, for a small file system of its own."""

import subprocess
import sys

from pollux_world import *


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


@test
def a_full_disk_refuses_and_loses_nothing(world):
    world.build(["atl", "redmond"])
    disk = SmallDisk(world, "atl")
    world.start()
    world.wait_hears("atl", "redmond")
    world.publish("atl").must(0)
    world.all_serve()
    term = world.term("atl", "atl")
    disk.fill()
    # What is left of a page that is written already may hold a few more.
    refusal = until("a publication to be refused", lambda: (
        lambda outcome: outcome if outcome.status else None)(world.publish("atl")))
    refusal.must(1, "is full", "Nothing was changed", "Make room")
    assert refusal.out == ""
    # It goes on with what needs no room.
    assert world.mode("atl", "atl") == "Serving" and world.term("atl", "atl") == term
    assert world.hears("redmond", "atl")
    disk.free()
    world.publish("atl").must(0)
    world.kill("atl")
    world.start("atl")
    world.all_serve()
    world.terms_must_be_unique()


@test
def a_partner_that_can_not_write_grants_nothing(world):
    """A granted number must be durable before the asker hears of it (rule 8)."""
    world.build(["atl", "redmond"])
    disk = SmallDisk(world, "redmond")
    world.start()
    world.wait_hears("atl", "redmond")
    world.publish("atl").must(0)
    world.all_serve()
    world.kill("atl")
    disk.fill()
    # Anything that redmond still has room for is used up by terms of atl's.
    for _ in range(2000):
        world.start("atl")
        result = until("atl to serve, or redmond to be full", lambda:
                       world.mode("atl", "atl") == "Serving" and "served" or
                       world["redmond"].events("hold-record-not-stored", "is full") and "full")
        if result == "full":
            break
        world.kill("atl")
    assert world.mode("atl", "atl") == "Rejoining"
    asked = len(world["redmond"].events("hold-record-not-stored"))
    world.wait_mode("redmond", "redmond", "Serving")
    time.sleep(3)  # in which atl asks a dozen times for each home
    told = len(world["redmond"].events("hold-record-not-stored"))
    assert told <= 4, f"the same trouble was told {told} times"
    assert world.mode("atl", "atl") == "Rejoining"
    disk.free()
    world.all_serve()
    world.terms_must_be_unique()


@test
def a_holder_that_can_not_write_its_term_does_not_serve(world):
    """A term begins when it is durable (rule 7)."""
    world.build(["atl", "redmond"])
    disk = SmallDisk(world, "atl")
    world.start()
    world.wait_hears("atl", "redmond")
    world.publish("atl").must(0)
    world.all_serve()

    def held_back():
        """The homes of its own that it could not open a term for. What it could not note about
        its partner's home is another matter."""
        return [home for home in ("atl", CENTRAL)
                if world["atl"].events("hold-record-not-stored", "is full",
                                       f"home {name_of(home)} ")]

    # Full while it stands still, so that it has to open a new term on a full disk.
    for _ in range(200):
        disk.fill()
        count = len(world["atl"].events("from Serving to Rejoining"))
        world.stand_still("atl", "redmond")
        world.wait_event("atl", "from Serving to Rejoining", more_than=count)
        result = until("atl to serve, or to be full", lambda:
                       held_back() and "full" or
                       world.mode("atl", "atl") == world.mode("atl", CENTRAL) == "Serving"
                       and "served")
        if result == "full":
            break
    assert held_back()
    for home in held_back():
        assert world.mode("atl", home) == "Rejoining"
    disk.free()
    world.all_serve()
    world.terms_must_be_unique()


if __name__ == "__main__":
    sys.exit(main())
