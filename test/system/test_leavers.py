"""What users had goes when their accounts go: at the pool that serves them, and in its copy.

Prints TAP."""

import sys

from copies import *
from web_client import Client, LISTS, REALM
from web_client import enable as enable_with_secret

tests.clear()
ATL, REDMOND = name_of("atl"), name_of("redmond")
LIST = '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"/>'
MEETING = {"subject": "Budget", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T10:30:00Z"}


def id_of(world, name, pool="atl"):
    return next(json.loads(value)["Id"] for (_, key), (value, *_, deleted)
                in rows(world[pool].store, CENTRAL).items()
                if key == f"account/{name}@{REALM}".encode() and not deleted)


def items_of(world, pool, home, user):
    """How many items the store of this pool has of the user with this Id."""
    return sum(1 for (_, key), (*_, deleted) in rows(world[pool].store, home).items()
               if key.startswith(f"user/{user}/".encode()) and not deleted)


def has_something(world, name, pool="atl", participants=()):
    """Of each kind; returns the Id, once both pools have all of it."""
    enable_with_secret(world, name, pool)
    user = id_of(world, name)
    until(f"{pool} to know {name}", lambda: any(
        f"account/{name}@".encode() in key for _, key in rows(world[pool].store, CENTRAL)))
    done(world["atl"], "Invoke-CsBackupServiceSync", PoolFqdn=ATL)
    client = Client(world, name, pool)
    client.put(LIST).must(201)
    client.ask("PUT", "/v1/presence", body={"availability": "Busy"}).must(200)
    client.ask("PUT", "/v1/settings", body={"a": 1}).must(200)
    client.ask("POST", "/v1/conferences", body={
        **MEETING, "participants": [f"sip:{p}@{REALM}" for p in participants]}).must(201)
    for holder in ("atl", "redmond"):
        until(f"{holder} to have what {name} has",
              lambda: items_of(world, holder, pool, user) >= 5)
    return user


def wait_gone(world, home, user):
    for pool in ("atl", "redmond"):
        until(f"{pool} to have nothing more of {user}",
              lambda: items_of(world, pool, home, user) == 0)


@test
def what_a_user_had_goes_with_the_account_in_both_copies(world):
    world.deploy(["atl", "redmond"])
    kim = has_something(world, "kim")
    ken = has_something(world, "kenmyer", participants=["kim"])
    client = Client(world, "kim")
    assert len(client.ask("GET", "/v1/conferences").json["conferences"]) == 2
    world.command("atl", "Disable-CsUser", "kenmyer", "-WhatIf").must(
        0, f"kenmyer@{REALM} and its secret would be removed, and all that the user has in {ATL}")
    assert items_of(world, "atl", "atl", ken) >= 5
    world.command("redmond", "Disable-CsUser", "kenmyer", "-InformationAction", "Continue").must(
        0, f"What the user has in {ATL} is removed")
    wait_gone(world, "atl", ken)
    until("it to be told", lambda: world["atl"].events("user-data-removed", f"kenmyer@{REALM} has left"))
    assert len(client.ask("GET", "/v1/conferences").json["conferences"]) == 1
    # Another one of the same address begins with nothing, and has what is new.
    again = has_something(world, "kenmyer")
    assert again != ken
    world.stop("atl")
    world.start("atl")
    world.all_serve()
    assert items_of(world, "atl", "atl", again) >= 5 and items_of(world, "atl", "atl", kim) >= 5


@test
def it_waits_for_the_pool_that_serves_the_user_and_outlives_kills(world):
    world.deploy(["atl", "redmond"])
    pilar = has_something(world, "pilar", "redmond")
    ken = has_something(world, "kenmyer")
    world.kill("redmond")
    world.wait_silent("atl", "redmond")
    done(world["atl"], "Disable-CsUser", Identity="pilar")
    done(world["atl"], "Disable-CsUser", Identity="kenmyer")
    world.kill("atl")  # before or after it looked
    assert items_of(world, "redmond", "redmond", pilar) >= 5
    world.start("atl", "redmond")
    wait_gone(world, "redmond", pilar)
    wait_gone(world, "atl", ken)
    world.all_serve()
    # What is noted of sessions comes later than what happened in them.
    for pool, home, user in (("atl", "atl", ken), ("redmond", "redmond", pilar)):
        done(world[pool], "Invoke-CsStorageServiceFlush", PoolFqdn=name_of(pool), FlushType="FullFlush")
        assert items_of(world, pool, home, user) == 0


@test
def a_pool_that_is_stopped_removes_nothing_before_it_serves(world):
    world.deploy(["atl", "redmond"])
    pilar = has_something(world, "pilar", "redmond")
    done(world["redmond"], "Stop-CsPool", PoolFqdn=REDMOND)
    done(world["atl"], "Disable-CsUser", Identity="pilar")
    until("redmond to hear of it", lambda: any(
        key == f"departed/{pilar}".encode() for _, key in rows(world["redmond"].store, CENTRAL)))
    assert items_of(world, "redmond", "redmond", pilar) >= 5
    done(world["redmond"], "Start-CsPool", PoolFqdn=REDMOND)
    wait_gone(world, "redmond", pilar)


if __name__ == "__main__":
    sys.exit(main())
