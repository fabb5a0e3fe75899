"""Publish-CsTopology and Test-CsTopology: every check, with what it says.

Prints TAP. All that is wrong is said at once; then nothing is published."""

import sys

from people import *
from pollux_world import *
from test_link import FakeMachine, call, context_of, heartbeat

ATL, REDMOND, TOKYO, OSLO = (name_of(pool) for pool in ("atl", "redmond", "tokyo", "oslo"))
KEPT = "Nothing was published."


def publish(world, text=None, *words, pool="atl"):
    """A text that is not the topology's file, or that."""
    file = world.topology
    if text is not None:
        file = world.folder / "wanted.conf"
        file.write_text(text)
    return world.command(pool, "Publish-CsTopology", "-FileName", file, *words)


def run_by(world, text, *pools):
    """Has the machines run by this text."""
    world.topology.write_text(text)
    for pool in pools:
        world.reload(pool)
        assert not world[pool].events("reload-refused"), world[pool].events("reload-refused")


def published(world, pool="atl"):
    return world.command(pool, "Get-CsTopology", "-AsText").must(0).out


def errors_of(world, outcome, command="Publish-CsTopology"):
    return [line for line in outcome.err.splitlines() if line.startswith(f"{command} : ")]


@test
def what_is_wrong_in_the_text_and_outside_of_it_is_said_at_once(world):
    world.deploy(["atl", "redmond"])
    text = world.topology.read_text()
    wrong = text.replace(f'backup_pool = "{name_of("redmond")}"', 'backup_pool = "oslo.example.com"', 1)
    wrong = wrong.replace(f"database = '{name_of('redmond')}\\RTC'",
                          f"database = '{name_of('redmond')}\\RTC'\n    mirror = 'mirror.example.com\\RTC'", 1)
    wrong = wrong.replace('address = "127.0.0.1"', "", 1).replace(
        f'machine "{name_of("atl")}"', 'machine "nowhere.invalid"', 1)
    file = world.folder / "wrong.conf"
    file.write_text(wrong)
    world.command("atl", "Test-CsTopology", "-FileName", file).must(
        1, "oslo.example.com", "can't have the mirror", "nowhere.invalid", "does not resolve")


@test
def faults_of_the_file_are_told_all_at_once_with_their_lines(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    good = world.topology.read_text()
    wrong = (good.replace('sip_domain = "litwareinc.com"', 'sip_domain = "-"')
             .replace("interval = 30", 'interval = "soon"')
             .replace("127.0.0.1", "localhost", 1))
    before = world.items_in("atl")
    for pool in ("atl", "redmond"):
        said = failed(publish(world, wrong, pool=pool), 1, "Line 1: sip_domain", "Line 2: failure",
                      "address", KEPT)
        assert len(errors_of(world, said)) == 3, said
        failed(publish(world, wrong, "-WhatIf", pool=pool), 1, "Line 1: ")
        said = failed(world.command(pool, "Test-CsTopology", "-FileName",
                                    world.folder / "wanted.conf"), 1, "Line 1: ", "Line 2: ")
        assert len(errors_of(world, said, "Test-CsTopology")) == 3 and KEPT not in said.err, said
    failed(publish(world, ""), 1, KEPT)
    failed(publish(world, "this is a letter to my aunt\n"), 1, KEPT)
    # Of very many, the first hundred, and how many more there are.
    many = good + "".join(
        f'pool "lone{p}.litwareinc.com" {{\n    database = \'lone{p}.litwareinc.com\\RTC\'\n' +
        "".join(f'    machine "fe{p}-{n}.litwareinc.com" {{ address = "x" }}\n' for n in range(16)) +
        "}\n" for p in range(8))
    said = failed(publish(world, many), 1, "28 more faults are not shown", KEPT)
    assert len(errors_of(world, said)) == 101 and said.err.count(KEPT) == 1, said
    assert world.items_in("atl") == before and published(world) == good


@test
def faults_against_the_deployment_are_told_all_at_once(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    good, before = world.topology.read_text(), world.items_in("atl")
    wrong = (good.replace(f'central = "{ATL}"', f'central = "{REDMOND}"')
             .replace("    database = 'redmond", "    mirror = 'mirror.litwareinc.com\\RTC'\n"
                      "    database = 'redmond")
             .replace('        address = "127.0.0.1"\n', "", 1)
             .replace(ATL + '" {\n        link', 'nowhere.invalid" {\n        link'))
    wrong = wrong.replace(f'    machine "{REDMOND}"',
                          f'    machine "fe2.litwareinc.com" {{ address = "127.0.0.1" }}\n    machine "{REDMOND}"')
    assert wrong.count("nowhere.invalid") == wrong.count("fe2") == 1
    said = failed(publish(world, wrong), 1,
                  f"central must stay {ATL}", "Invoke-CsManagementServerFailover",
                  f"{REDMOND} can't have the mirror", "SQLite", f"{REDMOND} can't have 2 machines",
                  "nowhere.invalid", "does not resolve", "mend the name service",
                  f"This is not the topology that {ATL} runs by", "SIGHUP", KEPT)
    assert len(errors_of(world, said)) == 5, said
    assert said.err.count(KEPT) == 1, said
    said = failed(world.command("atl", "Test-CsTopology", "-FileName", world.folder /
                                "wanted.conf"), 1, "central must stay", "does not resolve")
    assert len(errors_of(world, said, "Test-CsTopology")) == 5, said
    # A mirror of the pool's own database, too.
    failed(publish(world, good.replace("    database = 'atl",
                                       "    mirror = 'm.litwareinc.com\\RTC'\n    database = 'atl")),
           1, f"{ATL} can't have the mirror")
    assert world.items_in("atl") == before and published(world) == good
    assert not world["atl"].events("topology-published")[1:]


@test
def a_name_that_resolves_needs_no_address(world):
    world.build(["atl", "redmond"], interval_s=30)
    text = world.topology_text() + (
        "pool \"lone.litwareinc.com\" {\n    database = 'lone.litwareinc.com\\RTC'\n"
        '    machine "ip6-localhost.localdomain" { }\n}\n')
    world.topology.write_text(text)
    hosts = world.folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n127.0.0.9 ip6-localhost.localdomain\n")
    needs_mounts()
    world["atl"].before = over({"/etc/hosts": hosts})
    world.start()
    until("it to be published", lambda: publish(world).status == 0)
    hosts_text = hosts.read_text()
    with open(hosts, "r+") as file:
        file.write(hosts_text.replace("ip6-localhost", "ip7-localhost"))
    failed(publish(world), 1, "ip6-localhost.localdomain", "lone.litwareinc.com",
           "does not resolve", KEPT)


@test
def a_dead_name_service_holds_up_neither_the_pool_nor_its_stop(world):
    """Names are asked for beside everything else, one after the other; who stops does not wait for
    all of them."""
    needs_mounts()
    world.build(["atl", "redmond"], interval_s=2)
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # takes questions and never answers
    address = f"127.77.{random.randrange(256)}.{random.randrange(1, 255)}"
    silent.bind((address, 53))
    world.at_the_end.append(silent.close)
    files = {"/etc/resolv.conf": world.folder / "resolv.conf",
             "/etc/nsswitch.conf": world.folder / "nsswitch.conf"}
    files["/etc/resolv.conf"].write_text(f"nameserver {address}\noptions timeout:1 attempts:1\n")
    files["/etc/nsswitch.conf"].write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    world["atl"].before = over(files)
    world.begin()
    machines = "".join(f'    machine "fe-{n}.example.invalid" {{ }}\n' for n in range(16))
    text = world.topology_text() + "".join(
        f'pool "lone{p}.litwareinc.com" {{\n    database = \'lone{p}.litwareinc.com\\RTC\'\n'
        + machines.replace("fe-", f"fe{p}-") + "}\n" for p in range(8))
    (world.folder / "wanted.conf").write_text(text)
    process = subprocess.Popen(
        [str(POLLUX), "Test-CsTopology", "-FileName", "wanted.conf"], cwd=world.folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "POLLUX_SERVER": str(world["atl"].socket)})
    world.others.append(process)
    assert silent.recv(4096)  # names are being asked for
    world.command("atl", "Get-CsPool").must(0)
    assert world.mode("atl", "atl") == "Serving" and not world["atl"].events("to Rejoining")
    began = time.monotonic()
    world.stop("atl")
    assert time.monotonic() - began < 30, "128 names of a second each and more were waited for"
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1 and not out, (process.returncode, out, err)


@test
def what_if_checks_everything_and_creates_nothing(world):
    world.build(["atl", "redmond"], interval_s=30).start()
    world.wait_hears("atl", "redmond")
    before = world.items_in("atl")
    for pool in ("atl", "redmond"):
        said = publish(world, None, "-WhatIf", pool=pool).must(0)
        assert "2 pools and 2 machines would be published" in said.out + said.err, said
    world.command("atl", "Test-CsTopology", "-FileName", world.topology).must(0, "OK")
    assert world.items_in("atl") == before
    assert world.mode("atl", CENTRAL) == world.mode("atl", "atl") == "Rejoining"
    failed(world.command("atl", "Get-CsTopology"), 1, "No topology was published yet",
           "Publish-CsTopology")
    world.publish("redmond").must(0)
    world.all_serve()
    world.wait_copied("atl", "redmond")
    text = published(world)
    before = world.items_in("atl")
    publish(world, None, "-WhatIf").must(0)
    assert world.items_in("atl") == before and published(world) == text


@test
def publishing_again_changes_what_is_published(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    good = world.topology.read_text()
    newer = good + "# a second edition\n"
    failed(publish(world, newer), 1, "This is not the topology that", KEPT)
    run_by(world, newer, "atl", "redmond")
    until("each to know that the other has it", lambda: publish(world).must(0).err == "")
    for pool in ("atl", "redmond"):
        assert published(world, pool) == newer
    assert len(world.terms_opened()) == 3  # nothing was created a second time


@test
def a_pool_that_is_down_is_warned_of_and_not_waited_for(world):
    world.build(["atl", "redmond", "tokyo"], interval_s=30).start("atl", "redmond")
    world.wait_hears("atl", "redmond")
    began = time.monotonic()
    said = world.publish("atl").must(0, f"{TOKYO} does not answer", "creates when it is back")
    assert time.monotonic() - began < 20 and said.out == "", said
    for pool in ("atl", "redmond"):
        world.wait_mode(pool, pool, "Serving")
    said = world.command("atl", "Test-CsTopology")
    said.must(1, "1 of 3 machines is not as the topology has it", TOKYO)
    world.command("atl", "Test-CsTopology", "-FileName", world.topology).must(
        0, f"{TOKYO} does not answer", "OK")
    # It is made up for, and then all is well.
    world.start("tokyo")
    world.wait_mode("tokyo", "tokyo", "Serving")
    world.wait_hears("atl", "tokyo")
    assert world.publish("atl").must(0).err == ""
    world.command("atl", "Test-CsTopology").must(0)


@test
def a_machine_that_runs_by_another_file_is_warned_of(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    run_by(world, world.topology.read_text() + "# a second edition\n", "atl")
    world.wait_event("atl", "topologies-differ")
    world.publish("atl").must(0, f"{REDMOND} runs by another topology file", "SIGHUP")
    world.command("atl", "Test-CsTopology").must(1, "Another topology file.")
    world.command("atl", "Test-CsTopology", "-FileName", world.topology).must(
        0, f"{REDMOND} runs by another topology file")
    # Test-CsTopology is about the machine that is asked.
    failed(world.command("redmond", "Test-CsTopology", "-FileName", world.topology), 1,
           f"This is not the topology that {REDMOND} runs by")


@test
def who_is_failed_over_keeps_the_backup_pool(world):
    """Tokyo's home is held by Oslo, as Oslo's heartbeats say; so Oslo stays Tokyo's backup."""
    world.build(["atl", "redmond", "tokyo", "oslo", "rio"],
                pairs=[("atl", "redmond"), ("tokyo", "oslo")], interval_s=30)
    world.start("atl", "redmond")
    world.wait_hears("atl", "redmond")
    world.publish("atl").must(0)
    call(world, "atl", heartbeat("oslo", homes=[
        {"home": TOKYO, "term": {"number": 3, "tag": "000000000000000a"}, "seen": 3,
         "mode": "Serving"}]), context_of(world, "oslo")).must(200)
    until("it to be known", lambda: world["atl"].status_of("tokyo").get("Holder") == OSLO)
    good = world.topology.read_text()
    world.pairs = {"atl": "redmond", "redmond": "atl", "tokyo": "rio", "rio": "tokyo"}
    run_by(world, world.topology_text(), "atl")
    failed(publish(world), 1, f"{TOKYO} can't get another backup pool", f"failed over to {OSLO}",
           f"Invoke-CsPoolFailBack -PoolFqdn {TOKYO}", KEPT)
    # Nor be alone, nor go.
    world.pairs = {"atl": "redmond", "redmond": "atl"}
    run_by(world, world.topology_text(), "atl")
    failed(publish(world), 1, f"{TOKYO} can't get another backup pool", KEPT)
    rio, oslo = world.machines.pop("rio"), world.machines.pop("oslo")
    tokyo = world.machines.pop("tokyo")
    run_by(world, world.topology_text(), "atl")
    failed(publish(world), 1, f"{TOKYO} can't get another backup pool", KEPT)
    world.machines |= {"tokyo": tokyo, "oslo": oslo, "rio": rio}
    # Everything else may change: Rio gets a site and stays alone.
    run_by(world, good.replace(f"    database = '{name_of('rio')}",
                               f"    site = \"Rio\"\n    database = '{name_of('rio')}"), "atl")
    publish(world).must(0)
    assert 'site = "Rio"' in published(world)


@test
def whether_a_silent_pool_can_have_a_mirror_is_not_known(world):
    world.build(["atl", "redmond", "tokyo"], interval_s=30)
    text = world.topology_text().replace(
        f"    database = '{TOKYO}", f"    mirror = 'm.litwareinc.com\\RTC'\n    database = '{TOKYO}")
    world.topology.write_text(text)
    world.start("atl", "redmond")
    world.wait_hears("atl", "redmond")
    publish(world).must(0, f"Whether the database of {TOKYO} can have a mirror is not known.")
    world.start("tokyo")
    world.wait_hears("atl", "tokyo")
    until("its engine to be known", lambda: publish(world).status == 1)
    failed(publish(world), 1, f"{TOKYO} can't have the mirror", "SQLite", KEPT)


if __name__ == "__main__":
    tests[:] = [t for t in tests if t.__module__ == "__main__"]
    sys.exit(main())
