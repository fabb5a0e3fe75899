"""The scrub reads everything that is stored, and mends what is damaged from the other copy.

Rows are damaged from outside while their daemon is stopped. Prints TAP."""

import sys

from copies import *
from leaves import change_leaves, drop_keys
from test_compare import delete_rows, table_of, while_stopped

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
    while_stopped(world, "redmond", lambda db, table: drop_keys(db, table, lambda usn: usn % 9 == 4))
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
    """A key at the front is lost, and its row keeps the place of what is brought: until the scrub,
    which comes because of that, and not a day later."""
    atl, redmond = scrubbed_pair(world, interval="1.00:00:00")
    make(atl, 60)
    sync(atl)
    while_stopped(world, "redmond", lambda db, table: drop_keys(db, table, lambda usn: usn % 9 == 4))
    wait_equal(world)
    world.command("atl", "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of("atl"),
                  "-BypassDualWrite", "$true").must(1, "belongs to another item")
    there = detail(redmond, "Import")
    assert there["State"] == "ErrorState" and "belongs to another" in there["LastError"], there
    assert redmond.events("import-failed", "belongs to another")
    world.wait_event("redmond", "damage-mended")
    wait_equal(world)
    wait_state(atl, "SteadyState", "FinalState")
    world.command("atl", "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of("atl"),
                  "-BypassDualWrite", "$true").must(0)


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


def damage_leaves(db, table):
    db.execute(f"UPDATE {table.replace('item', 'leaf')} SET leaf = replace(leaf, 'user0', 'user1')")


@test
def damaged_keys_are_made_anew_from_the_rows_and_nobody_else_is_needed(world):
    tokyo, = scrubbed_pair(world, "tokyo")
    for number in range(5):
        done(tokyo, "Enable-CsUser", Identity=f"user0{number}", RegistrarPool=name_of("tokyo"))
    sound = accounts_named(world, "tokyo")
    world.stop("tokyo")
    db = sqlite3.connect(tokyo.store)
    damage_leaves(db, table_of(db, CENTRAL))
    db.commit()
    db.close()
    world.start("tokyo")
    event = world.wait_event("tokyo", "damage-mended")[0]
    assert "Keys of the home central were damaged" in event, event
    world.wait_mode("tokyo", CENTRAL, "Serving")
    assert accounts_named(world, "tokyo") == sound and len(sound) == 5
    done(tokyo, "Enable-CsUser", Identity="one-more", RegistrarPool=name_of("tokyo"))
    assert tokyo.ask("Get-CsUser", Identity="user03").must(200, "user03")
    assert not tokyo.events(" store-damaged:")


@test
def damaged_keys_of_a_copy_are_made_anew_too(world):
    atl, redmond = scrubbed_pair(world)
    make(atl, 60)
    sync(atl)
    sound = accounts_named(world, "redmond")
    while_stopped(world, "redmond", damage_leaves)
    world.wait_event("redmond", "damage-mended", "Keys of the home central")
    enable(atl, "one-more")
    wait_equal(world)
    wait_state(atl, "SteadyState", "FinalState")
    assert accounts_named(world, "redmond") == sound and not redmond.events(" store-damaged:")


PAGE = 8192


def tear_pages(world, pool, wanted, start_before=None):
    """Empties pages of the file, as disks do: of each table, by kind of page, the one at that place.
    While the pool is stopped; or else it is started by that, and has not read them yet."""
    world.stop(pool)
    store = world[pool].store
    db = sqlite3.connect(store)
    item = table_of(db, CENTRAL)
    pages = {name: [page for page, in db.execute(
        "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY path",
        [name.replace("item", item).replace("leaf", item.replace("item", "leaf")), kind])]
        for name, kind, _ in wanted}
    db.close()
    if start_before:
        start_before()
    with open(store, "r+b") as file:
        for name, _, place in wanted:
            file.seek((pages[name][place] - 1) * PAGE)
            file.write(bytes(PAGE))
    if not start_before:
        world.start(pool)


def wait_renewed(world, pool):
    event = world.wait_event(pool, "store-renewed")[0]
    assert ".damaged" in event and Path(f"{world[pool].store}.damaged").exists(), event
    assert world[pool].events("store-damaged", "begins anew")
    return event


def tear_and_wait(world, torn, pages):
    """After it both are as they were, and go on; how many items were lost, and what was said of them."""
    atl, redmond = scrubbed_pair(world)
    make(atl, 400)
    sync(atl)
    sound = accounts_named(world, torn)
    tear_pages(world, torn, pages)
    lost = int(re.search(r"and at least (\d+) items could not", wait_renewed(world, torn))[1])
    mended = world.wait_event(torn, "damage-mended")[0]
    wait_equal(world)
    assert accounts_named(world, torn) == sound and len(sound) >= 400
    world.wait_mode(torn, torn, "Serving")
    enable(atl, "one-more")
    wait_equal(world)
    wait_state(atl, "SteadyState", "FinalState")
    world.terms_must_be_unique()
    return lost, mended


@test
def a_copy_whose_file_is_torn_is_made_anew_and_fetches_the_rest(world):
    lost, _ = tear_and_wait(world, "redmond",
                            [("item", "leaf", 5), ("item", "leaf", -2), ("leaf", "leaf", 2)])
    assert lost > 0


@test
def a_copy_that_lost_all_its_items_fetches_them(world):
    """The page that leads to all of them is torn."""
    lost, _ = tear_and_wait(world, "redmond", [("item", "internal", 0)])
    assert lost > 400, lost


@test
def a_holder_whose_file_is_torn_is_made_anew_and_asks_its_partner_for_the_rest(world):
    lost, _ = tear_and_wait(world, "atl", [("item", "leaf", 5), ("item_deleted", "leaf", 0)])
    assert lost > 0


@test
def a_holder_that_lost_much_asks_for_it_in_parts(world):
    lost, mended = tear_and_wait(world, "atl", [("item", "leaf", place) for place in range(-8, -1)])
    assert lost > 150 and f"{lost} items of the home central" in mended, (lost, mended)


@test
def a_holder_whose_partner_is_away_goes_on_serving_until_that_is_back(world):
    """Began anew, it would wait for its partner before it served."""
    atl, redmond = scrubbed_pair(world)
    make(atl, 60)
    sync(atl)
    def start_and_be_left():
        world.start("atl")
        world.wait_mode("atl", CENTRAL, "Serving")
        world.kill("redmond")
        world.wait_silent("atl", "redmond")
    tear_pages(world, "atl", [("leaf", "leaf", -1)], start_and_be_left)
    event = world.wait_event("atl", "store-damaged", "waits for")[0]
    assert name_of("redmond") in event, event
    assert world.mode("atl", CENTRAL) == "Serving" and not atl.events("store-renewed")
    world.start("redmond")
    wait_renewed(world, "atl")
    world.wait_mode("atl", CENTRAL, "Serving")
    enable(atl, "one-more")
    wait_equal(world)


@test
def a_key_that_nobody_ever_wrote_goes(world):
    """It leads nowhere, and the partner knows of nothing there: that could not be mended, for ever."""
    atl, redmond = scrubbed_pair(world)
    make(atl, 60)
    sync(atl)
    sound = accounts_named(world, "atl")
    def add_key(db, table):
        free, = db.execute(f"SELECT max(usn) FROM {table} i WHERE usn NOT IN "
                           f"(SELECT usn + 1 FROM {table})").fetchone()
        garbage = lambda keys: sorted(keys + [(keys[0][0] + b"garbage", free - 1)]) if keys else keys
        change_leaves(db, table, garbage)
    while_stopped(world, "atl", add_key)
    world.wait_event("atl", "damage-mended")
    assert accounts_named(world, "atl") == sound
    assert not atl.events("store-damaged")
    enable(atl, "one-more")
    wait_equal(world)


@test
def a_file_that_is_damaged_again_so_soon_is_left_as_it_is(world):
    atl, redmond = scrubbed_pair(world)
    make(atl, 20)
    sync(atl)
    world.stop("redmond")
    Path(f"{redmond.store}.spare").unlink()
    with open(redmond.store, "r+b") as file:
        db = sqlite3.connect(redmond.store)
        root, = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'replaced'").fetchone()
        db.close()
        file.seek((root - 1) * PAGE)
        file.write(bytes(PAGE))
    Path(f"{redmond.store}.damaged").touch()  # as after another one, a moment ago
    world.start("redmond")
    event = world.wait_event("redmond", "store-damaged")[0]
    assert "it was made anew 0 minutes ago" in event and "disk and memory" in event, event
    assert not redmond.events("begins anew") and not redmond.events("store-renewed")


def varint(page, at):
    """A number as SQLite writes it, and where it ends."""
    value = 0
    while page[at] & 0x80:
        value = value << 7 | page[at] & 0x7f
        at += 1
    return value << 7 | page[at], at + 1


def end_of_last_row(page):
    """Of those that are on it: behind it, rows may have lain that are there no more."""
    kind, count = page[0], int.from_bytes(page[3:5], "big")
    assert kind in (0x0d, 0x0a) and count, (kind, count)  # a leaf
    size, at = varint(page, max(int.from_bytes(page[8 + 2 * i:10 + 2 * i], "big") for i in range(count)))
    if kind == 0x0d:
        _, at = varint(page, at)
    return at + size


def flip_and_wait(world, pool, table, offset):
    """A bit on a table's first page, or (None) the file's: there, or (None) near the end of what is on
    it. The machine mends it itself, and starts."""
    world.stop(pool)
    store = world[pool].store
    db = sqlite3.connect(store)
    roots = dict(db.execute("SELECT name, rootpage FROM sqlite_schema"))
    db.close()
    page = roots[table] if table else 1
    before = len(world[pool].events("store-mended"))
    with open(store, "r+b") as file:
        file.seek((page - 1) * PAGE)
        if offset is None:
            offset = end_of_last_row(file.read(PAGE)) - 20
        file.seek((page - 1) * PAGE + offset)
        byte, = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0x10]))
    world.start(pool)
    event = world.wait_event(pool, "store-mended", more_than=before)[-1]
    assert f"page {page} of it" in event and Path(f"{store}.spare-replaced").exists(), event
    world.wait_hears("atl", "redmond")
    wait_equal(world)


@test
def a_file_that_is_damaged_where_everything_begins_heals_while_its_machine_starts(world):
    """It did not start, and a person had to move the file away."""
    atl, redmond = scrubbed_pair(world)
    make(atl, 60)
    sync(atl)
    for pool in ("redmond", "atl"):  # a copy, and the holder
        sound = accounts_named(world, pool)
        for table, offset in ((None, 3), (None, PAGE - 300), ("home", None), ("record", None)):
            flip_and_wait(world, pool, table, offset)
        world.wait_mode(pool, pool, "Serving")
        assert accounts_named(world, pool) == sound and len(sound) >= 60
    world.wait_mode("atl", CENTRAL, "Serving")
    enable(atl, "one-more")
    wait_equal(world)
    wait_state(atl, "SteadyState", "FinalState")
    assert not atl.events(" store-damaged:") and not redmond.events(" store-damaged:")
    world.terms_must_be_unique()


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
