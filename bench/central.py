#!/usr/bin/env python3
"""What moving the Central Management Store costs where it has many copies: the command, and the time
and the bytes until the last copy is up to date in the new term. Real daemons, all on this machine.
central.py [--accounts COUNT] [--replicas COUNT…] [--rounds COUNT]

A round fails it over as planned, and brings it back; then its holder is killed, it is taken alone,
and the lost one comes back. After each move an account is changed, and the clock ends when every pool
that runs has that change, by the holder's own word. For how long changes are refused, and what each
step takes, is by the command's word."""

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test/system"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from pollux_world import *  # noqa: E402
from content import loopback_bytes  # noqa: E402
from failover import said_of  # noqa: E402

ACCOUNTS, REPLICAS, ROUNDS = 200000, (10, 50), 3
ATL, REDMOND = name_of("atl"), name_of("redmond")
DOMAIN = "litwareinc.com"
INTERVAL_S = 30  # as a deployment has it that says nothing else
AGAIN_S = 0.25  # where a copy could not be reached yet
PATIENCE_S = 900
SETTLES_S, REST_S = 15, 15


class Move:
    def __init__(self, command_s, all_s, moved, done):
        self.command_s, self.all_s, self.moved = command_s, all_s, moved
        self.refused_ms, self.steps = said_of(done)


def reading():
    """Of the clock, and of what went over the wire."""
    return time.monotonic(), loopback_bytes()


class Deployment:
    """A pair that may hold the store, and pools that only have a copy of it."""

    def __init__(self, world, accounts, replicas):
        self.world, self.holder = world, "atl"
        self.others = [f"pool{n}" for n in range(replicas)]
        world.build(["atl", "redmond", *self.others], pairs=[("atl", "redmond")],
                    interval_s=INTERVAL_S)
        world.start("atl", "redmond")
        world.wait_hears("atl", "redmond")
        world.publish("atl").must(0)
        world.wait_mode("redmond", CENTRAL, "Standby")
        world.stop("redmond")
        world.stop("atl")
        run("bench/bench-fill", world["atl"].store, ATL, accounts, DOMAIN).must(0)
        world.start("atl")
        world.command("atl", "Start-CsPool", "-PoolFqdn", ATL, "-Force").must(0)
        world.wait_mode("atl", CENTRAL, "Serving")
        world.start("redmond")
        self.wait_up_to_date()

    def running(self):
        return {m.fqdn for m in self.world.machines.values() if m.runs}

    def up_to_date(self):
        """As the holder says it, of all that run."""
        said = self.world[self.holder].ask("Get-CsManagementStoreReplicationStatus").objects
        have = {r["ReplicaFqdn"] for r in said if r["UpToDate"]}
        return self.running() <= have | {name_of(self.holder)}

    def replicates(self):
        """Returns when each copy has what there is now, or could not be reached: one question to
        each. Asking for the status until it is so has all of them asked each time, and where there
        are many that is measured as well."""
        lines = self.world[self.holder].ask("Invoke-CsManagementStoreReplication", PATIENCE_S).lines
        failed = " ".join(str(line["error"]) for line in lines if "error" in line)
        return not any(fqdn in failed for fqdn in self.running() - {name_of(self.holder)})

    def wait_up_to_date(self):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            copied, then = self.replicates(), reading()
            if copied and self.up_to_date():
                return then
            assert time.monotonic() < deadline, "the copies are not up to date"
            time.sleep(AGAIN_S)

    def first_copies(self):
        """All others start at once, with nothing."""
        began, before = reading()
        self.world.start(*self.others)
        ended, after = self.wait_up_to_date()
        return ended - began, after - before

    def move(self, to, *words):
        """The seconds of the command, and until the last copy has what was changed after it."""
        began, before = reading()
        done = self.world.command(to, "Invoke-CsManagementServerFailover", "-Confirm:$false",
                                  "-Verbose", *words).must(0)
        command_s = time.monotonic() - began
        self.holder = to
        self.world[to].ask("Set-CsUser", Identity="user000007",
                           DisplayName=f"Moved {began}").must(200, '"done"')
        ended, after = self.wait_up_to_date()
        return Move(command_s, ended - began, after - before, done)

    def lose_and_take(self):
        lost, taker = self.holder, "redmond" if self.holder == "atl" else "atl"
        self.world.kill(lost)
        self.world.wait_silent(taker, lost)
        moved = self.move(taker, "-BackupSqlServerFqdn", name_of(taker), "-BackupSqlInstanceName",
                          "RTC", "-Force")
        self.world.start(lost)
        self.wait_up_to_date()
        return moved


def processor_ms(machine):
    fields = Path(f"/proc/{machine.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def at_rest(world):
    """What all of them cost in a second when nobody wants anything, in ms of processor and bytes:
    heartbeats, which are none of a move's business. Once they have told each other what is new."""
    def used():
        return sum(processor_ms(world[pool]) for pool in world.pools), loopback_bytes()
    time.sleep(SETTLES_S)
    before = used()
    time.sleep(REST_S)
    return [(after - b) / REST_S for after, b in zip(used(), before)]


def measure(accounts, replicas, rounds):
    world = World()
    try:
        pools = Deployment(world, accounts, replicas)
        first_s, first_bytes = pools.first_copies()
        idle_ms, idle = at_rest(world)
        planned, alone = [], []
        for _ in range(rounds):
            planned.append(pools.move("redmond"))
            planned.append(pools.move("atl"))
            alone.append(pools.lose_and_take())
            if pools.holder != "atl":
                pools.move("atl")
        peak = max(memory_mb(world[pool]) for pool in world.pools)
    finally:
        world.end()
        shutil.rmtree(world.folder, ignore_errors=True)
    print(f"{accounts} accounts, {replicas} pools besides the pair:")
    print(f"    first copies: {first_s:.1f} s, {first_bytes / 1e6:.0f} MB on the wire, "
          f"{first_s / replicas * 1000:.0f} ms and {first_bytes / replicas / 1e6:.1f} MB for each")
    print(f"    at rest: {idle_ms:.0f} ms of processor in a second, {idle / 1e3:.0f} kB/s, "
          f"{idle_ms / len(world.pools):.1f} ms and {idle / 1e3 / len(world.pools):.1f} kB/s for each")
    tell("planned", planned, idle)
    tell("alone, its holder lost", alone, idle)
    print(f"    the most memory of any daemon: {peak:.0f} MB", flush=True)


def tell(what, moves, idle):
    middle = lambda values: statistics.median(list(values))
    ms = lambda seconds: f"{seconds * 1000:.0f}"
    refused = [m.refused_ms for m in moves if m.refused_ms is not None]
    own = middle(max(0, m.moved - idle * m.all_s) for m in moves)
    print(f"    {what}: the command {ms(middle(m.command_s for m in moves))} ms; the last copy up to date "
          f"after {ms(middle(m.all_s for m in moves))} ms (longest of {len(moves)}: "
          f"{ms(max(m.all_s for m in moves))}); {own / 1e3:.0f} kB besides heartbeats")
    if refused:
        print(f"        changes refused for {middle(refused):.0f} ms (longest: {max(refused):.0f})")
    steps = ", ".join(f"{step} {middle(m.steps.get(step, 0) for m in moves):.0f}" for step in moves[0].steps)
    print(f"        {steps} ms")


def memory_mb(machine):
    text = Path(f"/proc/{machine.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--replicas", type=int, nargs="+", default=REPLICAS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args()
    print(f"load at the beginning: {os.getloadavg()[0]:.1f}", flush=True)
    for replicas in chosen.replicas:
        measure(chosen.accounts, replicas, chosen.rounds)
    print(f"load at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    sys.exit(main())
