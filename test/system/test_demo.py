"""The demonstrations and what the README has typed, from top to bottom: by the scripts themselves, in a
network and among processes of their own.

Prints TAP."""

import sys

from pollux_world import *

DEMO = Path(__file__).resolve().parents[2] / "demo"


def on_its_own(world, script, status=0):
    """On a shell whose daemons end with it."""
    needs_mounts()
    return run("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-e", "-c",
               f"ip link set lo up\n{script}", cwd=world.folder, timeout=5 * PATIENCE_S,
               env={**os.environ, "POLLUX_RUN": str(world.folder / "run"), "POLLUX_BIN": str(BIN)}
               ).must(status)


def told(outcome):
    """Each of its steps, and nothing went wrong."""
    for word in ("Gave up", "Sanitizer", "runtime error", "not found", "is heard by others"):
        assert word not in str(outcome), outcome
    assert "That was all" in outcome.out.splitlines()[-1], outcome
    return outcome


@test
def the_demonstration_of_a_pair_tells_its_story(world):
    done = told(on_its_own(world, f"exec {DEMO}/demo"))
    assert re.findall(r"^(\d+)\. ", done.out, re.M) == [str(n) for n in range(1, 11)], done
    # Ken's changes that Atlanta alone had, and the list of his that he chose in the end.
    assert "and 1 was kept as a conflict" in done.out, done
    assert re.findall(r"contacts: +(.*)", done.out)[-2:] == ["alice lois carol", "kenmyer"], done
    assert re.findall(r"conferences: +(.*)", done.out)[-1] == "Launch", done


@test
def the_demonstration_of_five_machines_tells_its_story(world):
    done = told(on_its_own(world, f"exec {DEMO}/demo-five"))
    assert re.findall(r"^(\d+)\. ", done.out, re.M) == [str(n) for n in range(1, 11)], done
    for pool in ("redmond", "atl"):  # each machine says so, before and after
        said = re.findall(rf"^ +(\w+)> +Get-CsManagementConnection +PoolFqdn +: {name_of(pool)}$", done.out,
                          re.M)
        assert said == ["atl", "redmond", "tokyo", "oslo", "quito"], done
    assert f"ServingPoolFqdn : {name_of('quito')}" in done.out, done


@test
def pools_that_were_failed_over_go_down_and_up_as_they_were(world):
    """The README's commands, and then the pair is stopped before it is failed back."""
    said = on_its_own(world, f"""
        {DEMO}/up
        . run/env.atl
        Invoke-CsPoolFailOver -PoolFqdn atl-cs-001.litwareinc.com
        . run/env.redmond
        Invoke-CsManagementServerFailover
        Get-CsPoolFailOverStatus
        . run/env.atl
        {DEMO}/down
        {DEMO}/up
        Get-CsManagementConnection
        Invoke-CsPoolFailBack -PoolFqdn atl-cs-001.litwareinc.com
        ! {DEMO}/demo
        {DEMO}/down
        {DEMO}/down""")
    assert said.out.count("Two paired pools are running") == 2, said
    assert f"PoolFqdn      : {name_of('redmond')}" in said.out, said
    assert "Stop them first: make down" in said.err, said
    assert said.out.endswith("The pools are stopped.\nNo pool was running.\n"), said


if __name__ == "__main__":
    sys.exit(main())
