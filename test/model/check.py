#!/usr/bin/env python3
"""Has Spin look at every order of things in handover.pml, and at what comes of leaving out each of
its rules: that must be found, or the model would prove nothing. Prints TAP."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "handover.pml")

# How often things go wrong; each once more makes some ten times as many states.
BUDGETS = [
    ("a_crash_a_command_and_a_disaster", "CRASHES=1 COMMANDS=1 ALONE=1"),
    ("a_crash_and_two_commands", "CRASHES=1 COMMANDS=2 ALONE=0"),
    ("a_crash_a_command_and_a_store_put_back", "CRASHES=1 COMMANDS=1 ALONE=0 PUT_BACKS=1"),
    ("a_crash_two_commands_and_another_backup", "CRASHES=1 COMMANDS=2 ALONE=0 PAIRINGS=1"),
    ("a_crash_a_command_a_disaster_and_another_backup", "CRASHES=1 COMMANDS=1 ALONE=1 PAIRINGS=1"),
]
# Only in a soak: up to some minutes and 2 GB each.
LARGE_BUDGETS = [
    ("two_crashes_and_two_commands", "CRASHES=2 COMMANDS=2 ALONE=0"),
    ("two_crashes_a_command_and_a_disaster", "CRASHES=2 COMMANDS=1 ALONE=1"),
]
# A rule that is left out, and a budget in which that is found.
HOLES = [
    ("NO_TAG", "CRASHES=1 COMMANDS=1 ALONE=0 PUT_BACKS=1"),
    ("KEPT_TAG", "CRASHES=1 COMMANDS=1 ALONE=0 PUT_BACKS=1"),
    ("NEXT_IS_PLUS_ONE", "CRASHES=1 COMMANDS=1 ALONE=1"),
    ("UNCHECKED", "CRASHES=1 COMMANDS=2 ALONE=0"),
    ("NOT_REPEATED", "CRASHES=1 COMMANDS=1 ALONE=1"),
    ("GRANT_IGNORED", "CRASHES=1 COMMANDS=1 ALONE=1"),
    ("HOLDER_PARTS", "CRASHES=1 COMMANDS=1 ALONE=0 PAIRINGS=1"),
    ("PARTED_UNHEARD", "CRASHES=0 COMMANDS=1 ALONE=0 PAIRINGS=1"),
]

DEPTH = 500000      # longest sequence of steps: none was above 500
MEMORY_MB = 3000    # beyond that the search ends, which is not a pass


def search(switches, folder, optimize):
    """What Spin says: (errors, whether the search was complete, the text)."""
    options = [f"-D{s}" for s in switches.split()]
    subprocess.run(["spin", *options, "-a", MODEL], cwd=folder, check=True,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    subprocess.run(["cc", optimize, "-w", "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=256",
                    f"-DMEMLIM={MEMORY_MB}", "-o", "pan", "pan.c"], cwd=folder, check=True)
    text = subprocess.run(["./pan", f"-m{DEPTH}", "-w22"], cwd=folder, check=True,
                          capture_output=True, text=True).stdout
    errors = "errors: 0" not in text
    complete = "Search not completed" not in text and "max search depth too small" not in text
    return errors, complete, text


def say(number, good, name, text):
    print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
    for line in text.splitlines():
        if "states, stored" in line or "violated" in line or "elapsed" in line or not good:
            print("#", line.strip())
    return good


def main():
    budgets = BUDGETS + (LARGE_BUDGETS if os.environ.get("POLLUX_SOAK") else [])
    print(f"1..{len(budgets) + len(HOLES)}")
    good, number = True, 0
    with tempfile.TemporaryDirectory(prefix="pollux-model-") as folder:
        for name, switches in budgets:
            number += 1
            errors, complete, text = search(switches, folder, "-O1")
            good &= say(number, complete and not errors, f"whatever_the_order_{name}", text)
        for hole, switches in HOLES:
            number += 1
            errors, _, text = search(f"{hole} {switches}", folder, "-O0")
            good &= say(number, errors and "violated" in text, f"{hole.lower()}_is_found", text)
    return 0 if good else 1


sys.exit(main())
