"""What a person gets who starts polluxd with the wrong files, or where it can't run.

Prints TAP. Everything that is wrong is said at once and with its place, and nothing is started."""

import fcntl
import os
import shutil
import socket
import sqlite3
import sys

from pollux_world import *

MENDED = "polluxd: nothing was started; mend the files, then try again."


def polluxd(world, *words, **options):
    return run(POLLUXD, *words, cwd=world.folder, **options)


def start_of(world, pool):
    """The outcome of a start that must fail. One that does not fail is ended."""
    process = subprocess.Popen([str(POLLUXD), "--config", str(world[pool].config)],
                               cwd=world.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    world.others.append(process)
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError("it started")
    process.returncode, done = process.returncode, process
    return Outcome(subprocess.CompletedProcess(done.args, done.returncode, out, err))


def refused(world, pool, *sentences):
    """It does not start: status 1, one line of one event that says why, nothing on stdout."""
    outcome = start_of(world, pool).must(1, *sentences)
    assert outcome.out == "", outcome.out
    errors = [line for line in outcome.err.splitlines() if " error " in line]
    assert len(errors) == 1 and "not-started: polluxd did not start." in errors[0], outcome.err
    return outcome


@test
def misuse_is_told_with_the_usage(world):
    for words in ([], ["--nonsense"], ["--config"], ["--config", "a", "b"], ["x"],
                  ["--check-config"]):
        outcome = polluxd(world, *words).must(2, "usage: polluxd --config FILE")
        assert outcome.out == "", outcome
    assert polluxd(world, "--version").must(0).out.startswith("polluxd ")
    help_text = polluxd(world, "--help").must(0)
    assert help_text.out.startswith("usage:") and help_text.err == ""


@test
def a_good_configuration_is_explained(world):
    world.build(["atl", "redmond"])
    before = sorted(world.folder.rglob("*"))
    outcome = polluxd(world, "--config", "atl.conf", "--check-config").must(
        0, name_of("atl"), name_of("redmond"), "this pool", str(world["atl"].port), "2 pools")
    assert outcome.err == "" and sorted(world.folder.rglob("*")) == before, "it left something"
    # The documents say how: the same words in any order.
    polluxd(world, "--check-config", "--config", "atl.conf").must(0)


@test
def the_documents_show_the_command_that_checks(world):
    """docs/configuration.md is what people type."""
    text = (Path(__file__).parents[2] / "docs/configuration.md").read_text()
    assert "polluxd --check-config FILE" not in text and "--config FILE --check-config" in text


@test
def all_that_is_wrong_in_both_files_is_said_at_once(world):
    """Mending one fault after the other, with a start in between, is no way to spend a night."""
    world.build(["atl", "redmond"])
    config, topology = world["atl"].config, world.topology
    config.write_text(config.read_text()
                      .replace(f'machine = "{name_of("atl")}"', 'machine = "not a name"')
                      .replace("pki/authority.pem", "pki/nothing.pem")
                      + 'log_level = "loud"\nlisten_address = "atl"\naudit_log = ""\n')
    topology.write_text(topology.read_text()
                        .replace('sip_domain = "litwareinc.com"', 'sip_domain = "-"')
                        .replace("interval = 2", 'interval = "soon"')
                        .replace("link_port = ", "link_port = 7", 1)
                        .replace("127.0.0.1", "localhost"))
    for words in (["--check-config"], []):
        outcome = polluxd(world, "--config", "atl.conf", *words).must(1, MENDED)
        assert outcome.out == "", outcome.out
        lines = outcome.err.splitlines()[:-1]
        wanted = ["atl.conf:1: machine: \"not a name\"", "nothing.pem can't be read", "log_level",
                  "listen_address", "audit_log is empty", "topology.conf:1: sip_domain",
                  "topology.conf:2: failure_detection_interval", "link_port", "address"]
        for words_of_it in wanted:
            assert any(words_of_it in line for line in lines), (words_of_it, outcome.err)
        for line in lines:
            file, number, sentence = line.split(":", 2)
            assert file in ("atl.conf", "topology.conf") and int(number) > 0 and sentence, line
        assert lines == sorted(lines, key=lambda l: (l.split(":")[0], int(l.split(":")[1])))
    assert not world["atl"].store.exists() and not world["atl"].socket.exists()


CONFIG_FAULTS = {
    # what is done to the text: the sentence that must come
    ('machine = "', 'mashine = "'): "Is machine meant?",
    ('topology = "topology.conf"', 'topology = "elsewhere.conf"'): "can't be read: No such file",
    ('topology = "topology.conf"', 'topology = "."'): "not a regular file",
    ("}\n", ""): "never closed",
    ('machine = "', 'machine = "x"\nmachine = "'): "is given a second time; line 1",
    ('machine = "atl-cs-001', 'machine = "oslo-cs-001'): "there is no machine",
    ("\\RTC' {", "' {"): "is not the name of a database",
    ("\\RTC' {", "\\OTHER' {"): "belongs to no pool",
    ('certificate = "', 'certificate = "/dev/null" # '): "is not a regular file",
    ('certificate = "pki', 'certificate = "${HOME}'): "$",
    ('admin_socket = "atl/', 'admin_socket = "a/b/c/'): "does not exist",
    ('admin_socket = "atl/', 'admin_socket = "' + "x" * 120 + "/"): "the kernel takes 107",
    ('machine = "', 'machine = \x00"'): "NUL byte",
    ('machine = "', 'machine = \xff"'): "",
    ("admin_socket", "# admin_socket"): "admin_socket is missing, for example:",
    ("admin_socket = ", 'audit_log = "a/b/c/audit.log"\nadmin_socket = '): "does not exist",
    ("database", "#database"): "",
    ('= "topology.conf"', '= ""'): "topology is empty",
}


@test
def each_kind_of_fault_in_a_configuration_is_named_with_its_line(world):
    world.build(["atl", "redmond"])
    config = world["atl"].config
    good = config.read_text()
    for (old, new), sentence in CONFIG_FAULTS.items():
        assert old in good, old
        config.write_bytes(good.replace(old, new, 1).encode("latin-1"))
        outcome = polluxd(world, "--config", "atl.conf").must(1, sentence, MENDED)
        assert outcome.err.startswith("atl.conf:"), (new, outcome.err)
        assert "not-started" not in outcome.err
    config.write_text(good)
    polluxd(world, "--config", "atl.conf", "--check-config").must(0)


TOPOLOGY_FAULTS = {
    ("central = ", "centre = "): "Is central meant?",
    ('central = "atl', 'central = "oslo'): "there is no pool",
    ("interval = 2", "interval = 0"): "is outside of",
    ("interval = 2", "interval = 3601"): "is outside of",
    ("link_port = ", "link_port = 0 #"): "link_port",
    ("link_port = ", "link_port = 65536 #"): "link_port",
    ('backup_pool = "redmond', 'backup_pool = "atl'): "",
    ('backup_pool = "redmond', 'backup_pool = "oslo'): "",
    ('    backup_pool = "redmond', '#   backup_pool = "redmond'): "",
    ("    database = ", "#   database = "): "database is missing",
    ('pool "redmond-cs-001', 'pool "atl-cs-001'): "",
    ('address = "127.0.0.1"', 'address = "127.0.0.256"'): "address",
}


@test
def each_kind_of_fault_in_a_topology_is_named_with_its_line(world):
    world.build(["atl", "redmond"])
    good = world.topology.read_text()
    for (old, new), sentence in TOPOLOGY_FAULTS.items():
        assert old in good, old
        world.topology.write_text(good.replace(old, new, 1))
        outcome = polluxd(world, "--config", "atl.conf").must(1, sentence, MENDED)
        assert any(line.startswith("topology.conf:") and line.split(":")[1].isdigit()
                   for line in outcome.err.splitlines()), (new, outcome.err)


@test
def files_that_can_not_be_what_they_should_be(world):
    """No file, a folder, a pipe that nobody writes to, an endless file, one that is too large."""
    world.build(["atl", "redmond"])
    os.mkfifo(world.folder / "pipe")
    (world.folder / "large").write_text("# \n" * (1 << 20))
    for name, sentence in (("nothing", "No such file"), (".", "not a regular file"),
                           ("pipe", "not a regular file"), ("/dev/zero", "not a regular file"),
                           ("large", "more than the"), ("", "can't be read"),
                           ("x" * 300, "can't be read")):
        polluxd(world, "--config", name).must(1, sentence, MENDED)


@test
def a_key_that_others_may_read_is_refused(world):
    world.build(["atl", "redmond"])
    key = world.folder / "pki" / f"{name_of('atl')}.key"
    key.chmod(0o640)
    polluxd(world, "--config", "atl.conf").must(1, "chmod 600", "atl.conf:4:")


@test
def certificates_that_do_not_go_together_are_one_clear_line(world):
    world.build(["atl", "redmond"])
    key = world.folder / "pki" / f"{name_of('atl')}.key"
    certificate = world.folder / "pki" / f"{name_of('atl')}.pem"
    good = key.read_bytes()
    key.write_bytes((world.folder / "pki" / f"{name_of('redmond')}.key").read_bytes())
    refused(world, "atl", f"{name_of('atl')}.")
    key.write_bytes(b"nonsense")
    refused(world, "atl", f"{name_of('atl')}.")
    key.write_bytes(good)
    certificate.write_bytes(b"")
    refused(world, "atl", f"{name_of('atl')}.")
    assert not world["atl"].socket.exists()


@test
def a_port_that_is_taken_is_one_clear_line(world):
    world.build(["atl", "redmond"])
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", world["atl"].port))
        other.listen()
        refused(world, "atl", str(world["atl"].port), "in use")
    assert not world["atl"].socket.exists()
    # A program that another test starts at this moment holds a copy of `other` until it runs.
    until("the port to be free again", lambda: port_is_free(world["atl"].port))
    world.start("atl")


@test
def an_address_that_is_not_ours_is_one_clear_line(world):
    world.build(["atl", "redmond"])
    with open(world["atl"].config, "a") as config:
        config.write('listen_address = "192.0.2.1"\n')
    refused(world, "atl", "192.0.2.1")


@test
def a_socket_on_which_another_daemon_listens_is_left_to_it(world):
    world.build(["atl", "redmond"])
    world["atl"].folder.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(world["atl"].socket))
        other.listen()
        refused(world, "atl", "admin.sock")
        assert world["atl"].socket.exists()
    # What a dead daemon left behind is replaced; what is no socket is not touched.
    world.start("atl")
    world.stop("atl")
    assert not world["atl"].socket.exists()
    world["atl"].socket.write_text("mine")
    refused(world, "atl", "admin.sock", "not a socket")
    assert world["atl"].socket.read_text() == "mine"


@test
def an_option_of_before_is_not_taken_silently(world):
    """Whoever set admin_group must learn that it keeps nobody out any more."""
    world.build(["atl", "redmond"])
    with open(world["atl"].config, "a") as config:
        config.write('admin_group = "wheel"\n')
    polluxd(world, "--config", "atl.conf").must(1, 'There is no option "admin_group"', MENDED)


@test
def a_certificate_that_does_not_fit_is_found_by_the_check(world):
    """The other machines would refuse it, one after the other; better to hear it before."""
    world.build(["atl", "redmond"])
    config = world["atl"].config
    good = config.read_text()
    config.write_text(good.replace("atl-cs-001.litwareinc.com.pem", "redmond-cs-001.litwareinc.com.pem")
                      .replace("atl-cs-001.litwareinc.com.key", "redmond-cs-001.litwareinc.com.key"))
    assert config.read_text() != good
    polluxd(world, "--config", "atl.conf", "--check-config").must(
        1, "does not name atl-cs-001.litwareinc.com")


@test
def a_store_has_one_daemon(world):
    """A second one with its own port and socket, on the same store, must not come up."""
    world.deploy(["atl", "redmond"])
    second = world.folder / "second.conf"
    second.write_text(world["atl"].config.read_text().replace("atl/admin.sock", "second.sock"))
    outcome = polluxd(world, "--config", "second.conf").must(1, "in use by another process")
    assert "not-started" in outcome.err
    assert world.mode("atl", "atl") == "Serving"
    world.publish("atl").must(0)
    assert not (world.folder / "second.sock").exists()


@test
def the_store_of_another_pool_is_left_as_it_is(world):
    world.deploy(["atl", "redmond"])
    world.stop()
    before = world["redmond"].store.read_bytes()
    shutil.copy(world["redmond"].store, world["atl"].store)
    refused(world, "atl", "is the store of pool", name_of("redmond"), "It was left as it is.")
    assert world["atl"].store.read_bytes() == before


@test
def a_store_that_is_none_or_newer_or_damaged_is_left_as_it_is(world):
    world.deploy(["atl", "redmond"])
    world.stop()
    store = world["atl"].store
    good = store.read_bytes()

    def refused_and_kept(*sentences):
        before = store.read_bytes()
        refused(world, "atl", "rtc.db", *sentences)
        assert store.read_bytes() == before

    store.write_bytes(b"this is a letter to my aunt\n" * 400)
    refused_and_kept("is not a SQLite database")
    store.unlink()
    with sqlite3.connect(store) as foreign:
        foreign.execute("CREATE TABLE recipes (cake TEXT)")
    foreign.close()
    refused_and_kept("a database of another program")
    store.write_bytes(good)
    newer = sqlite3.connect(store)
    newer.execute("PRAGMA user_version = 4711")
    newer.close()
    refused_and_kept("newer version")
    # Cut off in the middle, and overwritten.
    store.write_bytes(good[:len(good) // 2])
    refused_and_kept()
    store.write_bytes(good[:4096] + os.urandom(len(good) - 4096))
    refused_and_kept("damaged")
    store.write_bytes(good)
    world.start()
    world.all_serve()


@test
def a_store_that_can_not_be_written_or_made_is_one_clear_line(world):
    world.build(["atl", "redmond"])
    machine = world["atl"]
    machine.store.mkdir()
    polluxd(world, "--config", "atl.conf").must(1, "is a folder", "atl.conf:")
    machine.store.rmdir()
    machine.store.symlink_to("/proc/nothing/rtc.db")
    refused(world, "atl", "rtc.db")
    machine.store.unlink()


@test
def a_store_on_a_read_only_file_system_is_one_clear_line(world):
    needs_mounts()
    world.build(["atl", "redmond"])
    machine = world["atl"]
    # In a mount namespace of its own.
    words = ["unshare", "--mount", "sh", "-c",
             'mount -t tmpfs -o ro none "$1" && exec "$2" --config "$3"', "sh",
             machine.folder, POLLUXD, machine.config]
    run(*words, cwd=world.folder).must(1, "Read-only file system")


@test
def a_reload_with_wrong_files_changes_nothing_and_says_all(world):
    world.deploy(["atl", "redmond"])
    config, topology = world["atl"].config, world.topology
    good = config.read_text(), topology.read_text()
    config.write_text(good[0] + 'log_level = "loud"\nlisten_address = "here"\n')
    world.reload("atl")
    world.wait_event("atl", "reload-refused", "Nothing was reloaded")
    assert world["atl"].events("reload-refused", "atl.conf:", "log_level")
    assert world["atl"].events("reload-refused", "atl.conf:", "listen_address")
    config.write_text(good[0])
    topology.write_text(good[1].replace("interval = 2", "interval = 3"))
    world.reload("atl")
    world.wait_event("atl", "the failure-detection interval", "restart")
    topology.write_text(good[1])
    for change in ('admin_socket = "atl/other.sock"', 'listen_address = "127.0.0.2"'):
        name = change.split()[0]
        lines = [line for line in good[0].splitlines() if not line.startswith(name)]
        config.write_text("\n".join([change, *lines]) + "\n")
        count = len(world["atl"].events("takes a restart"))
        world.reload("atl")
        world.wait_event("atl", "takes a restart", more_than=count)
    config.write_text(good[0])
    world.reload("atl")
    world.wait_event("atl", " reloaded: ")
    world.publish("atl").must(0)


@test
def two_topologies_that_differ_are_told_on_both_sides_and_a_reload_ends_it(world):
    world.deploy(["atl", "redmond"])
    world.topology.write_text(world.topology.read_text() + "# a second edition\n")
    world.reload("atl")
    world.wait_event("atl", "topologies-differ", name_of("redmond"))
    world.wait_event("redmond", "topologies-differ", name_of("atl"))
    # Wherever it is asked, the holder publishes what it runs by, and says who does not.
    world.command("redmond", "Publish-CsTopology", "-FileName", world.topology).must(
        0, f"{name_of('redmond')} runs by another topology file")
    world.reload("redmond")
    until("both to run by the same", lambda: "another topology file" not in
          world.publish("atl").must(0).err)
    assert world.publish("atl").must(0).err == ""
    world.all_serve()


if __name__ == "__main__":
    sys.exit(main())
