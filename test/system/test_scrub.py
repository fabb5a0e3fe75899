"""The scrub reads everything that is stored, and mends what is damaged from the other copy.

Rows are damaged from outside while their daemon is stopped. Prints TAP."""

import sys

from copies import *
from test_compare import delete_rows, while_stopped

tests.clear()


def scrubbed_pair(world, *pools, interval="00:00:01"):
    world.build(pools or ("atl", "redmond"), interval_s=30)
    for pool in world.pools:
        world[pool].extra = f'scrub_interval = "{interval}"\n'
        world[pool].write_config()
    world.begin()
    return [world[pool] for pool in world.pools]


def damage(where):
    """Another name in the row of an account; its hash stays."""
    return lambda db, table: db.execute(
        f"UPDATE {table} SET value = replace(cast(value AS TEXT), 'litware', 'Litware') "
        f"WHERE deleted = 0 AND {counts(table)} AND {where}")


def accounts_named(world, pool):
    return {key: row for key, row in rows(world[pool].store, CENTRAL).items() if b"user0" in key[1]}


def scrubs(machine):
    """How often it was through; the detailed state tells when it was last."""
    details = look(machine, Detailed=True)["Details"]
    return {d["LastScrub"] for d in details}


@test
def what_is_damaged_in_a_copy_is_fetched_again(world):
    atl, redmond = scrubbed_pair(world)
    make(atl, 60)
    sync(atl)
    sound = accounts_named(world, "redmond")
    while_stopped(world, "redmond", damage("usn % 9 = 4 AND instr(key, 'user0') > 0"))
    until("the damage to be mended", lambda: redmond.events("damage-mended", "items of the home"))
    wait_equal(world)
    assert accounts_named(world, "redmond") == sound and len(sound) >= 60
    wait_state(atl, "SteadyState", "FinalState")
    assert atl.events("copy-compared", CENTRAL) and not redmond.events("store-damaged")


@test
def what_is_missing_in_a_copy_is_said_as_such_and_fetched_again(world):
    """No row is damaged then: "0 items were damaged" was said."""
    atl, redmond = scrubbed_pair(world)
    make(atl, 60)
    sync(atl)
    sound = accounts_named(world, "redmond")
    while_stopped(world, "redmond", delete_rows("usn % 9 = 4 AND instr(key, 'user0') > 0"))
    event = world.wait_event("redmond", "damage-mended")[0]
    assert "did not add up" in event and " 0 items" not in event, event
    wait_equal(world)
    assert accounts_named(world, "redmond") == sound and len(sound) >= 60
    until("the scrub's age to be that of its moment", lambda: all(
        d["LastScrubSecondsAgo"] < 60 for d in look(redmond, Detailed=True)["Details"]))


@test
def rows_to_which_nothing_leads_make_room_for_what_is_fetched(world):
    """They were found sound, and what the comparison brought could not take their places: for ever."""
    atl, redmond = scrubbed_pair(world)
    make(atl, 60)
    sync(atl)
    sound = accounts_named(world, "redmond")
    while_stopped(world, "redmond", lambda db, table: db.execute(
        f"DELETE FROM {table.replace('item', 'key')} WHERE usn % 9 = 4"))
    event = world.wait_event("redmond", "damage-mended")[0]
    assert "items of the home" in event, event
    wait_equal(world)
    wait_state(atl, "SteadyState", "FinalState")
    assert accounts_named(world, "redmond") == sound and len(sound) >= 60
    assert not atl.events("belongs to another")
    compared = len(atl.events("copy-compared"))
    outcome = world.command("atl", "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of("atl"),
                            "-BypassDualWrite", "$true").must(0)
    assert not outcome.err and len(atl.events("copy-compared")) > compared


@test
def a_copy_that_cannot_take_what_is_compared_is_in_error_itself_too(world):
    """A key at the front is lost, and its row keeps the place of what is brought: until the scrub."""
    atl, redmond = scrubbed_pair(world, interval="1.00:00:00")
    make(atl, 60)
    sync(atl)
    while_stopped(world, "redmond", lambda db, table: db.execute(
        f"DELETE FROM {table.replace('item', 'key')} WHERE usn % 9 = 4"))
    wait_equal(world)
    world.command("atl", "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of("atl"),
                  "-BypassDualWrite", "$true").must(1, "belongs to another item")
    there = detail(redmond, "Import")
    assert there["State"] == "ErrorState" and "belongs to another" in there["LastError"], there
    assert redmond.events("import-failed", "belongs to another")


@test
def what_is_damaged_at_the_holder_is_asked_of_its_partner_by_number(world):
    atl, redmond = scrubbed_pair(world)
    make(atl, 60)
    sync(atl)
    sound, term = accounts_named(world, "atl"), world.term("atl", CENTRAL)
    while_stopped(world, "atl", damage("usn % 9 = 4 AND instr(key, 'user0') > 0"))
    world.wait_mode("atl", CENTRAL, "Serving")
    until("the damage to be mended", lambda: atl.events("damage-mended", "items of the home"))
    assert accounts_named(world, "atl") == sound and len(sound) >= 60
    assert not atl.events("store-damaged")
    enable(atl, "one-more")
    wait_equal(world)
    assert atl.ask("Get-CsUser").must(200, '"done"')
    assert world.term("atl", CENTRAL) > term  # by the restart, and nothing else
    world.terms_must_be_unique()


@test
def what_nobody_can_mend_is_told_and_mended_when_the_partner_is_back(world):
    atl, redmond = scrubbed_pair(world)
    make(atl, 20)
    sync(atl)
    sound = accounts_named(world, "atl")
    def damage_while_alone(db, table):
        damage("instr(key, 'user00007') > 0")(db, table)
    while_stopped(world, "atl", damage_while_alone)
    world.kill("redmond")
    until("the damage to be told", lambda: atl.events("store-damaged", "could not be mended")
          or atl.events("damage-mended"))
    world.start("redmond")
    until("the damage to be mended", lambda: atl.events("damage-mended"))
    assert accounts_named(world, "atl") == sound


@test
def a_pool_without_a_copy_is_told_what_is_damaged_and_what_to_do(world):
    tokyo, = scrubbed_pair(world, "tokyo")
    for number in range(5):
        done(tokyo, "Enable-CsUser", Identity=f"user0{number}", RegistrarPool=name_of("tokyo"))
    world.stop("tokyo")
    db = sqlite3.connect(tokyo.store)
    found, = db.execute("SELECT id FROM home WHERE name = 'central'").fetchone()
    damage("instr(key, 'user03') > 0")(db, f"item_{found}")
    db.commit()
    db.close()
    world.start("tokyo")
    until("the damage to be told", lambda: tokyo.events("store-damaged", "no copy"))
    told = tokyo.events("store-damaged")[0]
    assert "restore an intact copy" in told, told
    world.wait_mode("tokyo", CENTRAL, "Serving")


@test
def a_sound_store_is_read_again_and_again_and_nothing_is_said(world):
    atl, redmond = scrubbed_pair(world)
    make_many(atl, 2000)
    sync(atl)
    before = scrubs(atl)
    until("a scrub", lambda: scrubs(atl) != before and scrubs(redmond) != {None})
    for machine in (atl, redmond):
        assert not machine.events("damage-mended") and not machine.events("store-damaged")
    enable(atl, "one-more")
    wait_equal(world)
    # A wrong interval is a fault of the file.
    atl.extra = 'scrub_interval = "now"\n'
    atl.write_config()
    run(POLLUXD, "--check-config", "--config", atl.config).must(1, "scrub_interval", "time span")


if __name__ == "__main__":
    sys.exit(main())
