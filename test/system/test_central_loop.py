#!/usr/bin/env python3
"""The Central Management Store is failed over again and again, planned and forced, while accounts,
configuration and topology change, machines are killed and cut off at random and at each step of it,
and stand still there: never do two machines accept a change of it in one term, all of them have the
same in the end, and what was acknowledged is in it, or among the conflicts."""

from failovers import *

tests.clear()

POOLS = ["atl", "redmond", "lonely", "remote"]
HOLDERS = ["atl", "redmond"]
LONGER_S = 6  # than a holder waits for its taker, and than the detection of failures
ROUNDS = 8 * SOAK
CLIENTS = 3

# Of a planned one: who stands still there, when, at which line of its log.
STEPS = [
    ("taker", "before", "Failover of the home central"),
    ("taker", "behind", ": Waiting for the replicas."),
    ("taker", "before", ": Stopping changes."),
    ("taker", "behind", ": Stopping changes."),
    ("taker", "before", ": Releasing."),
    ("taker", "behind", ": Releasing."),
    ("taker", "before", ": Taking."),
    ("taker", "behind", ": Taking."),
    ("taker", "before", "central went from Standby to Serving"),
    ("taker", "behind", ": Turning the copy round."),
    ("taker", "before", "operation-done"),
    ("holder", "before", "central went from Serving to Draining"),
    ("holder", "behind", "central went from Serving to Draining"),
    ("holder", "before", "central went from Draining to Released"),
    ("holder", "before", "central went from Released to Standby"),
    ("holder", "behind", "central went from Released to Standby"),
]


def other(pool):
    return HOLDERS[1 - HOLDERS.index(pool)]


class Client(threading.Thread):
    """Changes `central` on any machine, and remembers what was acknowledged."""

    def __init__(self, world, number, seed):
        super().__init__(daemon=True)
        self.world, self.number, self.dice = world, number, random.Random(seed)
        self.kept, self.tried, self.published = [], 0, 0
        self.stopped = threading.Event()

    def publish(self, pool):
        """The topology that all run by since this round began, in the middle of whatever it does."""
        self.published += self.world.publish(pool).status == 0

    def change(self):
        machine = self.world[self.dice.choice(POOLS)]
        if not machine.runs:
            return
        self.tried += 1
        if self.tried % 10 == 3:
            self.publish(machine.pool)
            return
        name = f"user{self.number}-{self.tried:05}"
        command, parameters = "Enable-CsUser", {"Identity": name, "RegistrarPool": ATL}
        if self.tried % 5 == 0:
            command = "Set-CsBackupServiceConfiguration"
            parameters = {"MaxBatchesPerCmsSync": 1000 + self.tried}
        answer = machine.ask(command, patience_s=15, **parameters)
        if answer.status == 200 and answer.lines[-1] == {"status": "done"} and self.tried % 5:
            self.kept.append(name)

    def run(self):
        while not self.stopped.is_set():
            try:
                self.change()
            except (OSError, http.client.HTTPException, ValueError, IndexError):
                pass
            self.stopped.wait(0.02)


class Versions:
    """Every change that was seen in any store, by its term and usn: one number, one change."""

    def __init__(self, world):
        self.world, self.seen = world, {}

    def look(self):
        for pool in POOLS:
            for key, (value, term, usn, deleted) in rows(self.world[pool].store, CENTRAL).items():
                change = key, value, deleted
                before = self.seen.setdefault((term, usn), (change, pool))
                assert before[0] == change, \
                    f"change {usn} of term {term} is one thing at {before[1]}, another at {pool}: " \
                    f"{before[0]} / {change}"


class Rounds:
    def __init__(self, world, dice, freezers):
        self.world, self.dice, self.number = world, dice, 0
        self.freezers = freezers
        self.moves = {"planned": 0, "forced": 0}
        self.left = {}

    def holder(self):
        return next((pool for pool in HOLDERS if self.world[pool].runs
                     and self.world.mode(pool, CENTRAL) == "Serving"), None)

    def force(self, taker):
        return ["Invoke-CsManagementServerFailover", "-BackupSqlServerFqdn", name_of(taker),
                "-BackupSqlInstanceName", "RTC", "-Force"]

    def note(self, kind, outcome):
        self.moves[kind] += outcome.status == 0
        assert outcome.status in (0, 1), outcome
        return outcome.status == 0

    def running(self):
        return [pool for pool in POOLS if self.world[pool].runs]

    def elsewhere(self):
        """Typed where it is, it is refused."""
        holder = self.holder()
        return self.dice.choice([pool for pool in POOLS if pool != holder])

    def planned(self):
        """Whoever was down has just come back: it may be told to wait."""
        until("a planned one to be done", lambda: self.note("planned", self.world.command(
            self.elsewhere(), "Invoke-CsManagementServerFailover")))

    def planned_and_somebody_dies(self):
        command = Typed(self.world, self.elsewhere(), "Invoke-CsManagementServerFailover")
        time.sleep(self.dice.random() * 0.4)  # at any step
        self.world.kill(self.dice.choice(POOLS))
        self.note("planned", command.ends())

    def forced_after_a_kill(self):
        holder = self.holder()
        if not holder:
            return
        self.world.kill(holder)
        if self.dice.random() < 0.5:
            self.world.kill(self.dice.choice(POOLS[2:]))
        self.note("forced", self.world.command(other(holder), *self.force(other(holder))))

    def forced_beside_a_holder_that_is_cut_off(self):
        holder = self.holder()
        if not holder:
            return
        for pool in POOLS:  # and a replica may hear it still, which its partner may not
            if pool != holder and (pool in HOLDERS or self.dice.random() < 0.5):
                self.world.network.refuse(holder, pool)
        self.world.wait_silent(other(holder), holder)
        self.note("forced", self.world.command(other(holder), *self.force(other(holder))))

    def planned_and_a_step_goes_wrong(self):
        """Whoever is at that step dies or is cut off there, or its partner does, or it stands still
        for longer than anybody waits."""
        holder = self.holder()
        if not holder:
            return
        pools = {"holder": holder, "taker": other(holder)}
        who, when, words = self.next_of("step", STEPS)
        fault = self.next_of("fault", [self.dies, self.partner_dies, self.is_cut_off,
                                       self.stands_still])
        freezer = self.freezers[pools[who]]
        freezer.arm(when, words)
        command = Typed(self.world, pools["taker"], "Invoke-CsManagementServerFailover")
        until(f"the {who} to stand still, or the command to end",
              lambda: freezer.is_frozen() or command.process.poll() is not None)
        if not freezer.disarm():
            freezer.wait()
            self.world.say(f"{fault.__name__}, {who} {when} \"{words}\"")
            fault(pools[who])
        self.note("planned", command.ends())

    def next_of(self, name, values):
        """Each comes once before any of them comes again."""
        if not self.left.get(name):
            self.left[name] = self.dice.sample(values, len(values))
        return self.left[name].pop()

    def dies(self, pool):
        self.world.kill(pool)

    def partner_dies(self, pool):
        self.world.kill(other(pool))
        self.freezers[pool].go_on()

    def is_cut_off(self, pool):
        """Replicas may hear it still."""
        self.world.network.refuse(pool, other(pool))
        for replica in POOLS[2:]:
            if self.dice.random() < 0.5:
                self.world.network.refuse(pool, replica)
        self.freezers[pool].go_on()
        self.world.wait_silent(other(pool), pool)

    def stands_still(self, pool):
        time.sleep(LONGER_S)
        self.freezers[pool].go_on()

    def somebody_restarts(self):
        self.world.kill(*self.dice.sample(POOLS, self.dice.randrange(1, 3)))

    def topology_changes(self):
        self.world.topology.write_text(f"{self.world.topology_text()}# {self.number}\n")
        for pool in self.running():
            self.world.reload(pool)

    def heal(self):
        for a in POOLS:
            for b in POOLS[POOLS.index(a) + 1:]:
                self.world.network.join(a, b)
        down = [pool for pool in POOLS if not self.world[pool].runs]
        if down:
            self.world.start(*down)

    def one(self):
        self.number += 1
        kinds = [self.planned, self.planned_and_somebody_dies, self.forced_after_a_kill,
                 self.forced_beside_a_holder_that_is_cut_off, self.planned_and_a_step_goes_wrong,
                 self.somebody_restarts]
        kind = self.next_of("kind", kinds)
        self.topology_changes()
        began = time.monotonic()
        kind()
        self.heal()
        self.world.say(f"{kind.__name__}: {time.monotonic() - began:.1f} s")
        until("somebody to hold it", self.holder)


def settled(world):
    """One serves, the other stands by, and nothing is aside anywhere."""
    modes = sorted(str(world.mode(pool, CENTRAL)) for pool in HOLDERS)
    return (modes == ["Serving", "Standby"]
            and all(world[pool].status_of(CENTRAL).get("Tail", 0) == 0 for pool in POOLS))


def all_equal(world):
    have = [rows(world[pool].store, CENTRAL) for pool in POOLS]
    return len(have[0]) > 1 and all(there == have[0] for there in have)


@test
def failed_over_in_a_loop_all_end_with_the_same_and_nothing_is_lost(world):
    world.build(POOLS, pairs=[HOLDERS], network=True)
    freezers = {pool: Freezer(world, pool) for pool in HOLDERS}
    world.begin()
    seed = int(os.environ.get("POLLUX_SEED", random.randrange(1 << 32)))
    world.say(f"POLLUX_SEED={seed}")
    dice = random.Random(seed)
    rounds, versions = Rounds(world, dice, freezers), Versions(world)
    clients = [Client(world, n, dice.random()) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for _ in range(ROUNDS):
            rounds.one()
            versions.look()
    finally:
        for client in clients:
            client.stopped.set()
        for client in clients:
            client.join(PATIENCE_S)
    until("one to serve and one to stand by", lambda: settled(world))
    until("all of them to have the same", lambda: settled(world) and all_equal(world))
    versions.look()
    world.terms_must_be_unique()
    everything = b"\0".join(key + b"\0" + bytes(value or b"") for (_, key), (value, _, _, deleted)
                            in rows(world["atl"].store, CENTRAL).items() if not deleted)
    kept = [name for client in clients for name in client.kept]
    lost = [name for name in kept if name.encode() not in everything]
    assert not lost, f"of {len(kept)} that were acknowledged {len(lost)} are nowhere: {lost[:10]}"
    published = sum(client.published for client in clients)
    world.say(f"{rounds.moves}, {len(kept)} acknowledged, of {sum(c.tried for c in clients)}; "
              f"topologies: {published}")
    assert kept and published and all(rounds.moves.values()), rounds.moves


if __name__ == "__main__":
    sys.exit(main())
