"""Copies that can't go on from where they stand are compared, and only what differs is sent.

Stores are damaged from outside while their daemon is stopped. Prints TAP."""

import random
import re
import sys
import threading
import time

from copies import *
from leaves import drop_keys

COMPARED = "-BypassDualWrite"


def table_of(db, home):
    return "item_%d" % db.execute("SELECT id FROM home WHERE name = ?", [name_of(home)]).fetchone()


def while_stopped(world, pool, change, home=CENTRAL):
    """Changes the file of a pool's store, as no daemon would."""
    world.stop(pool)
    db = sqlite3.connect(world[pool].store)
    change(db, table_of(db, home))
    db.commit()
    db.close()
    world.start(pool)
    world.wait_hears("atl", "redmond")


def delete_rows(where):
    """And what leads to them, so that nothing shows it."""
    def delete(db, table):
        where_all = f"deleted = 0 AND {counts(table)} AND {where}"
        usns = {usn for usn, in db.execute(f"SELECT usn FROM {table} WHERE {where_all}")}
        drop_keys(db, table, lambda usn: usn in usns)
        db.execute(f"DELETE FROM {table} WHERE {where_all}")
    return delete


def compare(world, pool="atl", *words):
    """What -Verbose says: (items sent to the copy or compared, by what was said)."""
    outcome = world.command(pool, "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of(pool),
                            COMPARED, "$true", "-Verbose", *words).must(0)
    return {module: int(count) for module, count in re.findall(
        r"(\S+) of the home \S+: (\d+) items were compared", outcome.out + outcome.err)}


@test
def a_copy_that_lost_items_unnoticed_is_made_equal_by_a_sync_that_compares(world):
    atl, redmond = pair(world)
    make(atl, 300)
    wait_equal(world)
    while_stopped(world, "redmond", delete_rows("usn % 97 = 5"))
    lost = differences(world)
    assert lost, "nothing was lost"
    # Its cookie says that it has everything, and whoever trusts it does not look.
    wait_state(atl, "SteadyState", "FinalState")
    sync(atl)
    assert differences(world) == lost or set(differences(world)) == set(lost)
    without = world.command("atl", "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of("atl"),
                            COMPARED, "$false", "-Verbose").must(0)
    assert "compared" not in without.out + without.err and differences(world)
    assert compare(world)[MODULE] >= 300
    assert not differences(world)
    wait_state(atl, "SteadyState", "FinalState")
    # The sums of the copy are right again: its daemon looks at them when it reads everything.
    assert not redmond.events("damaged") and not backup_events(atl, "ErrorState")


@test
def a_copy_whose_sum_is_wrong_is_found_out_and_compared_without_being_asked(world):
    """The row of the home was not written, the items were: an older one with newer items."""
    atl, redmond = pair(world)
    make(atl, 50)
    wait_equal(world)
    world.stop("redmond")
    db = sqlite3.connect(redmond.store)
    before = db.execute("SELECT name, state FROM home").fetchall()
    db.close()
    world.start("redmond")
    make(atl, 20, name="later")
    wait_equal(world)
    def put_sums_back(db, table):
        Path(f"{redmond.store}.spare").unlink()  # it has them as they were
        for name, row in before:
            db.execute("UPDATE home SET state = ? WHERE name = ?", [row, name])
    while_stopped(world, "redmond", put_sums_back)
    enable(atl, "one-more")
    wait_equal(world)
    world.wait_event("atl", "copy-compared", CENTRAL)  # when it is asked next where it stands
    wait_state(atl, "SteadyState", "FinalState")
    assert compare(world)[MODULE] >= 71
    assert not differences(world)


@test
def a_copy_put_back_to_before_what_is_known_of_deletions_is_compared(world):
    """Tombstones are kept until every copy has them, and a while longer; not for ever."""
    atl, redmond = pair(world)
    make(atl, 30, name="early")
    sync(atl)
    copy = keep_aside(redmond, "copy.db")
    for number in range(10):
        done(atl, "Disable-CsUser", Identity=f"early{number:05}")
    sync(atl)
    assert tombstones(atl) == tombstones(redmond) == 10
    make_many(atl, 11500)
    until("the tombstones to go", lambda: tombstones(atl) == 0)
    enable(atl, "last")  # the news goes with the next batch
    until("those of the copy to go", lambda: tombstones(redmond) == 0)
    world.stop("redmond")
    put_back(redmond, copy)
    world.start("redmond")
    wait_equal(world)
    assert "early00003" not in {a.split("@")[0] for a in names_at(world, "redmond")}
    until("the comparison to be told", lambda: atl.events("copy-compared", CENTRAL))
    wait_state(atl, "SteadyState", "FinalState")


def tombstones(machine):
    return sum(deleted for _, _, _, deleted in rows(machine.store, CENTRAL).values())


@test
def both_are_changed_and_killed_while_they_are_compared_and_equal_in_the_end(world):
    atl, redmond = pair(world)
    make_many(atl, 4000)
    sync(atl)
    seed = random.randrange(1 << 32)
    world.say(f"seed {seed}")
    dice = random.Random(seed)
    with Load(atl, clients=2) as load:
        for round_number in range(3 * SOAK):
            while_stopped(world, "redmond", delete_rows(f"usn % 7 = {dice.randrange(7)}"))
            asked = threading.Thread(target=world.command, args=(
                "atl", "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of("atl"), COMPARED,
                "$true"))
            asked.start()
            time.sleep(dice.random() * 0.2)
            victim = dice.choice(["atl", "redmond"])
            world.kill(victim)
            world.start(victim)
            asked.join()
            world.wait_mode("atl", CENTRAL, "Serving")
    world.all_serve()
    until("a comparison", lambda: world.command(
        "atl", "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of("atl"), COMPARED,
        "$true").status == 0)
    wait_equal(world)
    missing = set(load.acknowledged) - {a.split("@")[0] for a in names_at(world, "redmond")}
    assert not missing, missing
    wait_state(atl, "SteadyState", "FinalState")


if __name__ == "__main__":
    sys.exit(main(at_once=2))
