#!/usr/bin/env python3
"""What the pool that had the Central Management Store accepted while it was cut off, and another took
it: what is valid only together is carried over together, or kept for people (protocol, rule 19)."""

from copies import rows
from failovers import *

tests.clear()

FORCE = ["-BackupSqlServerFqdn", REDMOND, "-BackupSqlInstanceName", "RTC", "-Force"]
TOKYO = name_of("tokyo")


def conflicts(world):
    return world["redmond"].ask("Get-CsBackupServiceConflict", PoolFqdn=CENTRAL).objects


def change(world, at, command, **parameters):
    world[at].ask(command, **parameters).must(200, '"done"')


def all_the_same(world):
    def same():
        have = [rows(world[pool].store, CENTRAL) for pool in world.pools]
        return have[0] and all(there == have[0] for there in have)
    until("all to have the same", same)


def parted(world, *pools):
    """Atlanta serves on, and nobody hears it; Redmond has taken over."""
    world.deploy(["atl", "redmond", *pools], network=True)
    for name in ("ann", "ben", "cat"):
        enable(world, name)
    all_the_same(world)
    for pool in world.pools:
        if pool != "atl":
            world.network.refuse("atl", pool)
            world.wait_silent(pool, "atl")
            world.wait_silent("atl", pool)
    world.command("redmond", "Invoke-CsManagementServerFailover", *FORCE).must(0)
    assert world.mode("atl", CENTRAL) == "Serving"


def met(world):
    for pool in world.pools:
        if pool != "atl":
            world.network.join("atl", pool)
    world.wait_mode("atl", CENTRAL, "Standby")
    until("what Atlanta had to be salvaged", lambda: world["atl"].events("tail-salvaged"))
    all_the_same(world)
    world.terms_must_be_unique()


def shown(world, name):
    return {o["Identity"].split("@")[0]: o["DisplayName"] for o in
            world["redmond"].ask("Get-CsUser").objects}.get(name)


def secret_of(world, name):
    key = f"credential/{name}@litwareinc.com".encode()
    for (_, there), (value, _, _, deleted) in rows(world["redmond"].store, CENTRAL).items():
        if bytes(there) == key and not deleted:
            return bytes(value)
    return None


@test
def accounts_that_nobody_else_touched_are_carried_over_and_the_others_stay_whole(world):
    parted(world)
    bens = secret_of(world, "ben")
    enable(world, "dan")  # at Atlanta
    change(world, "atl", "Set-CsUser", Identity="ann", DisplayName="Ann at Atlanta")
    change(world, "atl", "Set-CsUser", Identity="ben", DisplayName="Ben at Atlanta")
    change(world, "atl", "Set-CsClientPin", Identity="ben", Pin="set-at-atlanta")
    change(world, "atl", "Disable-CsUser", Identity="cat")
    world["redmond"].ask("Set-CsUser", Identity="ben", DisplayName="Ben at Redmond").must(200, '"done"')
    world["redmond"].ask("Enable-CsUser", Identity="eve", RegistrarPool=REDMOND).must(200, '"done"')
    met(world)
    assert [shown(world, name) for name in ("ann", "ben", "cat", "dan")] == \
        ["Ann at Atlanta", "Ben at Redmond", None, "Dan"], world["redmond"].ask("Get-CsUser").objects
    assert shown(world, "eve"), "what Redmond accepted is there"
    assert secret_of(world, "dan") and not secret_of(world, "cat")
    assert secret_of(world, "ben") == bens, "it belongs to the name that was kept"
    kept = sorted(o["Subject"].split("/")[0] for o in conflicts(world))
    assert kept == ["account", "credential"], conflicts(world)
    assert all("ben@" in o["Subject"] for o in conflicts(world))
    # A person decides: what belongs together has one name, and both are there to be put in place.
    for conflict in conflicts(world):
        world.command("redmond", "Restore-CsBackupServiceConflict", "-Identity",
                      conflict["Identity"], "-Force").must(0)
    assert shown(world, "ben") == "Ben at Atlanta" and not conflicts(world)
    assert secret_of(world, "ben") not in (None, bens)


def published_at_atlanta(world):
    """With a fourth pool, which is not there yet."""
    file = world.folder / "topology.conf"
    file.write_text(file.read_text() + f'''
pool "{TOKYO}" {{
    database = '{TOKYO}\\RTC'
    machine "{TOKYO}" {{
        address = "127.0.0.1"
        link_port = 1
        users_port = 2
    }}
}}
''')
    world.reload("atl")
    world.command("atl", "Publish-CsTopology", "-FileName", file).must(0, f"{TOKYO} does not answer")
    change(world, "atl", "Enable-CsUser", Identity="yuki", RegistrarPool=TOKYO)


def topology_at(world):
    return world["redmond"].ask("Get-CsTopology").objects[0]["Pools"]


@test
def a_topology_comes_whole_with_its_homes_and_users(world):
    parted(world)
    published_at_atlanta(world)
    met(world)
    assert TOKYO in topology_at(world) and shown(world, "yuki") and not conflicts(world)
    keys = {bytes(key) for _, key in rows(world["redmond"].store, CENTRAL)}
    assert f"home/{TOKYO}".encode() in keys, keys


@test
def of_two_topologies_one_stays_whole(world):
    parted(world)
    published_at_atlanta(world)
    text = (world.folder / "topology.conf").read_text()
    (world.folder / "topology.conf").write_text(text.split(f'\npool "{TOKYO}"')[0] + "# Redmond's\n")
    world.reload("redmond")
    world.publish("redmond").must(0)
    met(world)
    assert TOKYO not in topology_at(world) and not shown(world, "yuki")
    kept = sorted(o["Subject"].split("/")[0] for o in conflicts(world))
    assert kept == ["account", "home", "topology"], conflicts(world)


if __name__ == "__main__":
    sys.exit(main())
