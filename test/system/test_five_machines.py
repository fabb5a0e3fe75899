"""A deployment larger than a pair: two pairs and a lone pool. What one pair does is none of the other's
business, and where the Central Management Store is, all five machines know and tell alike.

Prints TAP."""

import sys

from failovers import *
from test_pairing import run_by
from web_client import Client

tests.clear()

FIVE = ["atl", "redmond", "tokyo", "oslo", "quito"]
PAIRS = [("atl", "redmond"), ("tokyo", "oslo")]
TOKYO, OSLO, QUITO = (name_of(pool) for pool in ("tokyo", "oslo", "quito"))
CMS = "Invoke-CsManagementServerFailover"


def five(world):
    return world.deploy(FIVE, pairs=PAIRS)


def running(world):
    return [machine for machine in world.machines.values() if machine.runs]


def story_of(machine):
    """Where the store is, as somebody learns it who asks this machine; None: not yet whole."""
    connection = machine.ask("Get-CsManagementConnection").objects
    active = [s["PoolFqdn"] for s in machine.ask("Get-CsService", CentralManagement=True).objects
              if s["Active"]]
    status = machine.ask("Get-CsManagementStoreReplicationStatus",
                         CentralManagementStoreStatus=True).objects
    if not connection or not status:
        return None
    return (connection[0]["PoolFqdn"], connection[0]["Connection"], connection[0]["Reachable"], active,
            status[0]["ActiveMasterFqdn"], status[0]["Term"])


def all_tell(world, pool, more_than=0):
    """Every machine that runs the same, and the same as its number; returns that term."""
    name = name_of(pool)

    def told():
        stories = [story_of(machine) for machine in running(world)]
        expected = (name, f"{name}\\RTC", True, [name], name)
        return stories if all(s and s[:5] == expected and s == stories[0] for s in stories) else None
    try:
        term = until(f"everybody to tell that {pool} has it", told)[0][5]
    except AssertionError as e:
        raise AssertionError(f"{e}: {[(m.pool, story_of(m)) for m in running(world)]}") from None
    assert term > more_than, (term, more_than)
    return term


def all_have_the_same(world):
    """Of the Central Management Store, row by row; and its holder knows that they have."""
    stores = lambda: [rows(machine.store, CENTRAL) for machine in running(world)]
    until("five equal copies", lambda: (lambda s: s[0] and all(r == s[0] for r in s))(stores()))
    until("all replicas to be up to date", lambda: all(
        r["UpToDate"] for r in world["quito"].ask("Get-CsManagementStoreReplicationStatus").objects
        if world[r["ReplicaFqdn"].split("-")[0]].runs))


def changed_from(world, at, name, display):
    world[at].ask("Set-CsUser", Identity=name, DisplayName=display).must(200, '"done"')


class Steady(threading.Thread):
    """Somebody who is never refused anything, whatever others are up to."""

    def __init__(self, world, name, pool):
        super().__init__(daemon=True)
        enable(world, name, pool)
        # Asked for a user, any machine answers by the store: its own copy is what counts here.
        world[pool].ask("Invoke-CsManagementStoreReplication",
                        ReplicaFqdn=name_of(pool)).must(200, '"done"')
        self.client, self.done, self.refused = Client(world, name, pool), 0, None
        self.stopped = threading.Event()

    def run(self):
        while not self.stopped.is_set() and not self.refused:
            reply = self.client.ask("PUT", "/v1/settings", body={"number": self.done})
            if reply.status == 200:
                self.done += 1
            else:
                self.refused = str(reply)

    def __enter__(self):
        self.start()
        return self

    def go_on(self):
        before = self.done
        until(f"{self.client.name} to get on", lambda: self.refused or self.done >= before + 3)
        assert not self.refused, self.refused

    def __exit__(self, *_):
        self.stopped.set()
        self.join()


# --- the topology --------------------------------------------------------------------------------


def four_of_five(world):
    """quito is not in the topology yet; oslo has a topology file of its own."""
    world.build(FIVE, pairs=PAIRS)
    complete = world.topology_text()
    quito = world.machines.pop("quito")
    world.topology.write_text(world.topology_text())
    world.machines["quito"] = quito
    oslo = world["oslo"]
    oslo.config.write_text(oslo.config.read_text().replace('"topology.conf"', '"oslo-topology.conf"'))
    shutil.copy(world.topology, world.folder / "oslo-topology.conf")
    four = [pool for pool in FIVE if pool != "quito"]
    world.start(*four)
    for pool in four:
        world.wait_hears(pool, *(other for other in four if other != pool))
    world.publish("tokyo").must(0)  # on any of them
    for pool in four:
        world.wait_mode(pool, pool, "Serving")
    enable(world, "yuki", "tokyo")
    return complete


@test
def a_topology_that_is_published_while_a_machine_is_down_reaches_it_when_it_is_back(world):
    """And a machine joins in that time. The file on the disk of whoever was down is the old one: it
    says so, and runs by it until somebody brings the new one."""
    complete = four_of_five(world)
    world.wait_copied("oslo")
    world.stop("oslo")
    world.topology.write_text(complete)
    for pool in ("atl", "redmond", "tokyo"):
        world.reload(pool)
    world.start("quito")
    for pool in ("atl", "redmond", "tokyo"):
        world.wait_hears("quito", pool)
        world.wait_hears(pool, "quito")
    world.publish("quito").must(0, f"{OSLO} does not answer", "creates when it is back")
    world.wait_mode("quito", "quito", "Serving")
    enable(world, "inti", "quito")
    until("quito to have its copy", lambda: rows(world["quito"].store, CENTRAL) ==
          rows(world["atl"].store, CENTRAL) != {})
    assert {r["ReplicaFqdn"]: r["UpToDate"] for r in
            world["quito"].ask("Get-CsManagementStoreReplicationStatus").objects} == \
        {name_of(pool): pool != "oslo" for pool in FIVE}
    world.start("oslo")
    world.wait_mode("oslo", "oslo", "Serving")
    world.wait_mode("oslo", "tokyo", "Standby")
    all_have_the_same(world)
    # What is published it has; what it runs by is the old one.
    published = world["oslo"].ask("Get-CsTopology").objects[0]
    assert QUITO in published["Pools"] and published["AnsweredBy"] == ATL, published
    world.command("oslo", "Test-CsTopology").must(1, "Its topology file is not the published one.")
    until("tokyo to tell it", lambda: "Another topology file." in
          world.command("tokyo", "Test-CsTopology").must(1).out)
    shutil.copy(world.topology, world.folder / "oslo-topology.conf")
    world.reload("oslo")
    for pool in FIVE:
        until(f"{pool} to find everything as it should be", lambda: world.command(
            pool, "Test-CsTopology").status == 0)
    all_tell(world, "atl")


# --- the pairs -----------------------------------------------------------------------------------


@test
def one_pair_fails_over_while_the_other_works(world):
    """Typed on the lone machine, which has no part in it."""
    five(world)
    world.wait_copied("atl")
    with Steady(world, "yuki", "tokyo") as yuki, Steady(world, "inti", "quito") as inti:
        world.command("quito", "Invoke-CsPoolFailOver", "-PoolFqdn", ATL).must(0, "Verified       : True")
        holds(world, "redmond")
        yuki.go_on()
        world.command("quito", "Invoke-CsPoolFailBack", "-PoolFqdn", ATL).must(0)
        world.wait_copied("atl")
        world.kill("atl")
        world.wait_silent("redmond", "atl")
        world.command("quito", "Invoke-CsPoolFailOver", "-PoolFqdn", ATL, "-DisasterMode").must(0)
        world.start("atl")
        holds(world, "redmond")
        world.command("oslo", "Invoke-CsPoolFailBack", "-PoolFqdn", ATL).must(0)
        yuki.go_on()
        inti.go_on()
    for pool in ("tokyo", "oslo", "quito"):
        assert world.term(pool, pool) == 2, f"{pool} had nothing to do with it"
    world.command("quito", "Invoke-CsPoolFailOver", "-PoolFqdn", QUITO).must(1, "has no backup pool")
    world.terms_must_be_unique()


@test
def both_pairs_fail_over_at_once(world):
    five(world)
    enable(world, "yuki", "tokyo")
    both = [Typed(world, "quito", "Invoke-CsPoolFailOver", "-PoolFqdn", pool) for pool in (ATL, TOKYO)]
    for command in both:
        command.ends().must(0, "Verified       : True")
    world.wait_mode("redmond", "atl", "Serving")
    world.wait_mode("oslo", "tokyo", "Serving")
    info = world["quito"].ask("Get-CsUserPoolInfo", Identity="yuki").objects[0]
    assert (info["PrimaryPoolFqdn"], info["ServingPoolFqdn"]) == (TOKYO, OSLO), info
    for pool in (ATL, TOKYO):
        world.command("quito", "Invoke-CsPoolFailBack", "-PoolFqdn", pool).must(0)
    world.all_serve()
    world.terms_must_be_unique()


@test
def a_pool_is_paired_anew_with_the_lone_one_while_the_others_work(world):
    """Its former partner is left alone, and its copy removed; the new one takes over when it comes to that."""
    five(world)
    enable(world, "yuki", "tokyo")
    until("tokyo to know her", lambda: world["tokyo"].ask("Get-CsUser", Identity="yuki").objects)
    Client(world, "yuki", "tokyo").ask("PUT", "/v1/settings", body={"what": "must stay"}).must(200)
    world.wait_copied("tokyo")
    with Steady(world, "ken", "atl") as ken:
        run_by(world, [("atl", "redmond"), ("tokyo", "quito")], "oslo", "tokyo", "quito")
        for pool in ("atl", "redmond"):
            world.reload(pool)
        world.publish("redmond").must(0)
        world.wait_mode("quito", "tokyo", "Standby")
        world.wait_mode("tokyo", "quito", "Standby")
        world.wait_copied("tokyo", "quito")
        until("quito to have the same", lambda: rows(world["tokyo"].store, "tokyo") and
              rows(world["quito"].store, "tokyo") == rows(world["tokyo"].store, "tokyo"))
        world.command("quito", "Remove-CsUserStoreBackupData", "-PoolFqdn", OSLO, "-Force").must(0, TOKYO)
        assert not rows(world["oslo"].store, "tokyo")
        ken.go_on()
        world.kill("tokyo")
        world.wait_silent("quito", "tokyo")
        world.command("oslo", "Invoke-CsPoolFailOver", "-PoolFqdn", TOKYO, "-DisasterMode").must(0)
        assert "must stay" in str(Client(world, "yuki", "quito").ask("GET", "/v1/settings").must(200))
        ken.go_on()
    world.start("tokyo")
    world.wait_mode("tokyo", "tokyo", "Standby")
    world.command("atl", "Invoke-CsPoolFailBack", "-PoolFqdn", TOKYO).must(0)
    all_tell(world, "atl")
    all_have_the_same(world)
    world.terms_must_be_unique()


# --- the Central Management Store ----------------------------------------------------------------


@test
def wherever_the_store_is_every_machine_tells_the_same(world):
    five(world)
    enable(world, "yuki", "tokyo")
    term = all_tell(world, "atl")
    for pool in ("redmond", "atl", "redmond"):
        # It is passed on to the pool that takes, whichever machine it is typed on.
        world.command("quito", CMS).must(0, "Verified       : True")
        term = all_tell(world, pool, more_than=term)
        for at in FIVE:
            changed_from(world, at, "yuki", f"{pool} from {at}")
        all_have_the_same(world)
    for machine in running(world):
        assert machine.ask("Get-CsUser", Identity="yuki").objects[0]["DisplayName"] == \
            "redmond from quito"
    world.terms_must_be_unique()


@test
def who_was_down_meanwhile_learns_of_it_at_its_first_word(world):
    five(world)
    enable(world, "yuki", "tokyo")
    all_have_the_same(world)
    world.stop("quito")
    world.kill("oslo")
    term = all_tell(world, "atl")
    world.command("tokyo", CMS).must(0)
    term = all_tell(world, "redmond", more_than=term)
    changed_from(world, "tokyo", "yuki", "while two were down")
    world.start("quito", "oslo")
    all_tell(world, "redmond", more_than=term - 1)
    all_have_the_same(world)
    # After a disaster: the one that had it, and one that was not there.
    world.stop("quito")
    world.kill("redmond")
    for pool in ("atl", "tokyo", "oslo"):
        world.wait_silent(pool, "redmond")
    world.command("tokyo", "-c", f'{CMS} -BackupSqlServerFqdn "{ATL}" - BackupSqlInstanceName "RTC" '
                  "-Force").must(0, "did not give the home away")
    term = all_tell(world, "atl", more_than=term)
    changed_from(world, "oslo", "yuki", "taken without it")
    # Only such as have no say in it are there when it is back: their word is enough.
    world.stop("atl")
    world.start("redmond", "quito")
    until("redmond to hear of it", lambda: world["redmond"].ask(
        "Get-CsManagementConnection").objects[0]["PoolFqdn"] == ATL)
    assert world.mode("redmond", CENTRAL) != "Serving"
    world["redmond"].ask("Set-CsUser", Identity="yuki", DisplayName="x").must(
        200, f"{ATL}, which holds the Central Management Store, does not answer")
    world.start("atl")
    world.wait_mode("redmond", CENTRAL, "Standby")
    all_tell(world, "atl", more_than=term)
    all_have_the_same(world)
    assert world["quito"].ask("Get-CsUser", Identity="yuki").objects[0]["DisplayName"] == \
        "taken without it"
    world.terms_must_be_unique()


@test
def while_its_pool_is_silent_all_others_read_on(world):
    """Each from its own copy, and all the same."""
    five(world)
    enable(world, "yuki", "tokyo")
    all_have_the_same(world)
    world.kill("atl")
    for machine in running(world):
        world.wait_silent(machine.pool, "atl")
        answer = machine.ask("Get-CsUser", Identity="yuki").must(200, '"done"', "the copy at", machine.fqdn)
        assert answer.objects[0]["RegistrarPool"] == TOKYO, answer.text
        machine.ask("Set-CsUser", Identity="yuki", DisplayName="x").must(
            200, '"failed"', f'-BackupSqlServerFqdn \\"{REDMOND}\\"')
    world.start("atl")
    world.all_serve()
    all_tell(world, "atl")
    all_have_the_same(world)


if __name__ == "__main__":
    sys.exit(main())
