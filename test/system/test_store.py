"""A disk that is full, under the real store: the daemon stays up, says so, loses nothing.

Prints TAP; needs root, for a small file system of its own."""

import sys

from pollux_world import *


@test
def a_full_disk_refuses_and_loses_nothing(world):
    disk = world.deploy_on_small_disk("atl")
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
    disk = world.deploy_on_small_disk("redmond")
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
    disk = world.deploy_on_small_disk("atl")

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
