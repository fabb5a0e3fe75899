"""Coming back after power failed, disks were replaced, processes stood still.

Prints TAP. The rules are in protocol order: who was holder asks before it serves again."""

import os
import random
import shutil
import sys

from pollux_world import *


@test
def a_killed_holder_serves_again_in_a_new_even_term(world):
    """Every start of serving opens a new term, and the home pool's terms are even (rules 1, 2)."""
    world.deploy(["atl", "redmond"])
    first = world.term("atl", "atl")
    assert first == 2, first
    world.kill("atl")
    world.start("atl")
    world.all_serve()
    second = world.term("atl", "atl")
    assert second > first and second % 2 == 0, (first, second)
    assert world[("atl")].events("(granted)", name_of("atl")), "it was not the partner that said so"
    until("redmond to know the term", lambda: world.term("redmond", "atl") == second)
    world.terms_must_be_unique()


if __name__ == "__main__":
    sys.exit(main())
