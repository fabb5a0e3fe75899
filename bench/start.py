#!/usr/bin/env python3
"""What it costs to type a command: from the start of its program to its end, beside /bin/true started
in the same way. The commands ask a polluxd that runs on this machine; Get-Help asks nobody."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

tree = Path(__file__).resolve().parent.parent
os.environ.setdefault("POLLUX_BIN", str(tree / "build/bin"))
sys.path.insert(0, str(tree / "test/system"))
from pollux_world import BIN, POLLUX, World  # noqa: E402

ROUNDS = 100
BOUND_MS = 20  # nobody feels that he waits


def took_ms(words, env):
    began = time.perf_counter()
    subprocess.run(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1000


def main():
    world = World()
    try:
        world.deploy(["atl", "redmond"], interval_s=30)
        env = {**os.environ, "POLLUX_SERVER": str(world["atl"].socket)}
        rows = {"/bin/true": ["/bin/true"],
                "Get-Help": [str(BIN / "Get-Help")],
                "Get-CsPool": [str(BIN / "Get-CsPool")],
                "three of them in pollux -c": [str(POLLUX), "-c", "Get-CsPool; Get-CsPool; Get-CsPool"]}
        took = {name: [] for name in rows}
        for _ in range(ROUNDS):  # in turns, so that all meet the same weather
            for name, words in rows.items():
                took[name].append(took_ms(words, env))
    finally:
        world.end()
        shutil.rmtree(world.folder, ignore_errors=True)
    plain = statistics.median(took["/bin/true"])
    print(f"{'milliseconds to start and end':30} {'median':>8} {'90 %':>8}   above /bin/true")
    for name, times in took.items():
        middle = statistics.median(times)
        print(f"{name:30} {middle:8.2f} {sorted(times)[ROUNDS * 9 // 10]:8.2f}   {middle - plain:8.2f}")
    slow = statistics.median(took["Get-CsPool"]) - plain > BOUND_MS
    print(f"The bound is {BOUND_MS} ms: {'missed' if slow else 'kept'}.")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
