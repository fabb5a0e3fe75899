"""Files of conferences: both trees are compared by checksums from outside, whatever happens to them.

Prints TAP."""

import base64
import hashlib
import http.client
import os
import random
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from between import CHUNKS, Between
from copies import *

tests.clear()

MODULE_OF_FILES = "ConfServices.DataConf"


class Files:
    """A pool's file store, as somebody sees it who knows nothing of Pollux."""

    def __init__(self, world, pool, root=None):
        self.machine, self.world = world[pool], world
        self.root = root or world.folder / f"{pool}-files"
        self.root.mkdir(exist_ok=True)

    def configure(self, root=None):
        self.machine.extra += f'file_store = "{root or self.root}"\n'
        self.machine.write_config()
        return self

    @property
    def marker(self):
        return self.root / ".pollux-file-store"

    def home(self, pool):
        return self.root / name_of(pool)

    def tree(self, home):
        """{path: (checksum, time)} of a home's files."""
        found, top = {}, self.home(home)
        for folder, _, names in os.walk(os.fsencode(top)):
            for name in names:
                path = os.path.join(folder, name)
                try:
                    with open(path, "rb") as file:
                        found[path[len(os.fsencode(top)) + 1:]] = (
                            hashlib.file_digest(file, "sha256").hexdigest(),
                            os.stat(path).st_mtime_ns)
                except FileNotFoundError:
                    pass
        return found

    def write(self, home, path, data):
        target = self.home(home) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data if isinstance(data, bytes) else data.encode())
        return target


def pair_with_files(world, interval_s=INTERVAL_S, extra="", network=False):
    world.build(["atl", "redmond"], interval_s=interval_s, network=network)
    files = [Files(world, pool).configure() for pool in world.pools]
    for pool in world.pools:
        world[pool].extra += extra
        world[pool].write_config()
    world.begin()
    configure(world, SyncInterval=f"00:00:{INTERVAL_S_OF_SYNC:02}")
    return files


def exported(machine):
    details = [d for d in look(machine, Detailed=True)["Details"]
               if d["Direction"] == "Export" and d["Module"] == MODULE_OF_FILES]
    assert len(details) == 1, details
    return details[0]


def wait_same(files, home, count, patience_s=PATIENCE_S):
    """Both trees have the same, and so many files."""
    def same():
        a, b = (f.tree(home) for f in files)
        return a == b and len(a) == count
    try:
        until(f"both trees of {home} to be equal", same, patience_s)
    except AssertionError as e:
        a, b = (f.tree(home) for f in files)
        raise AssertionError(f"{e}: {len(a)} and {len(b)} files of {count}; "
                             f"{sorted(a.items() ^ b.items())[:4]}") from None


def wait_settled(machine, *words):
    words = words or ("SteadyState", "FinalState")
    return until(f"{machine.pool} to say {words}",
                 lambda: (lambda d: d if d["State"] in words else None)(exported(machine)))


def fill(files, home, count, size=2000, conference="budget"):
    for i in range(count):
        files.write(home, f"{conference}-{i % 10}/file-{i:05}.bin",
                    os.urandom(size // 2) * 2 + str(i).encode())


@test
def what_is_put_into_the_holder_s_tree_is_in_the_partner_s(world):
    """New, changed, and in both directions."""
    atl, redmond = files = pair_with_files(world)
    assert atl.marker.read_text() == name_of("atl") + "\n"
    fill(atl, "atl", 50)
    wait_same(files, "atl", 50)
    atl.write("atl", "budget-0/file-00000.bin", "another text")
    wait_same(files, "atl", 50)
    redmond.write("redmond", "c/slides.pdf", os.urandom(300000))
    wait_same(files, "redmond", 1)
    wait_settled(world["atl"], "FinalState")
    wait_settled(world["redmond"], "FinalState")


@test
def what_was_deleted_at_the_first_pool_comes_back_by_the_seeds_procedure(world):
    atl, redmond = files = pair_with_files(world)
    fill(atl, "atl", 60)
    wait_same(files, "atl", 60)
    before = atl.tree("atl")
    (atl.home("atl") / "budget-1").rename(world.folder / "gone")  # at once: files come back soon
    for file in (atl.home("atl") / "budget-2").iterdir():
        file.unlink()
    world.command("redmond", "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of("redmond"),
                  "-BackupModule", MODULE_OF_FILES).must(0)
    until("the status to be steady", lambda: any(
        f"[{state}," in world.command("redmond", "Get-CsBackupServiceStatus", "-PoolFqdn",
                               name_of("redmond"), "-BackupModule", MODULE_OF_FILES).must(0).out
        for state in ("SteadyState", "FinalState")))
    assert atl.tree("atl") == before
    assert redmond.tree("atl") == before


# --- what goes wrong ---------------------------------------------------------------------------


def big(name_seed, size):
    """Bytes that no compression makes smaller, the same for the same seed."""
    return random.Random(name_seed).randbytes(size)


@test
def a_daemon_that_is_killed_in_the_middle_of_copying_goes_on(world):
    """Either of them, again and again; what is in the trees is never half a file."""
    atl, redmond = files = pair_with_files(world, interval_s=10)
    for i in range(40):
        atl.write("atl", f"c{i % 4}/file{i}", big(i, 3 << 20))
    sums = {path: entry for path, entry in atl.tree("atl").items()}
    for turn in range(4):
        victim = ["redmond", "atl"][turn % 2]
        before = len(redmond.tree("atl"))
        try:
            until("some more to be copied", lambda: len(redmond.tree("atl")) > before, 20)
        except AssertionError:
            pass  # all of it is there by now
        world.kill(victim)
        assert redmond.tree("atl").items() <= sums.items()
        world.start(victim)
    wait_same(files, "atl", 40)
    world.all_serve()
    wait_settled(world["atl"], "FinalState")
    assert not list((redmond.root / ".pollux").glob("aside/*/*/*/*"))


@test
def an_emptied_file_store_is_filled_again_and_one_without_its_marker_is_left_alone(world):
    atl, redmond = files = pair_with_files(world)
    fill(atl, "atl", 60)
    fill(redmond, "redmond", 30)
    wait_same(files, "atl", 60)
    wait_same(files, "redmond", 30)
    atl_before, redmond_before = atl.tree("atl"), atl.tree("redmond")
    aside = atl.root.with_name("away")
    atl.root.rename(aside)  # as if it were not mounted
    atl.root.mkdir()
    wait_settled(world["atl"], "ErrorState")
    wait_settled(world["redmond"], "ErrorState")
    answer = look(world["atl"])
    what_to_type = answer["LastError"].split("type there: ")[1]
    assert f"of {name_of('atl')} has no marker" in answer["LastError"], answer  # whoever asks, and wherever
    told = look(world["redmond"])["LastError"]  # by the partner, too
    assert name_of("atl") in told and "no marker" in told, told
    assert not list(atl.root.iterdir())
    for pool in world.pools:
        world.command(pool, "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of(pool), "-BackupModule",
                      MODULE_OF_FILES).must(0, "WARNING", "not all files", "atl")
    redmond.write("redmond", "c/meanwhile", "text")  # can't be copied now
    atl.root.rmdir()
    run("sh", "-c", what_to_type).must(0)

    def comes_back():
        said = [d for d in look(world["atl"], Detailed=True)["Details"] if d["Module"] == MODULE_OF_FILES]
        met = all(d["Scanned"] for d in said)  # those of both homes
        assert len(said) == 2 and not (met and "no marker" in str(said)), said
        return len(atl.tree("atl")) == 60

    until("the files to be back", comes_back)
    wait_same(files, "atl", 60)
    wait_same(files, "redmond", 31)
    assert atl.tree("atl") == atl_before and redmond_before.items() <= atl.tree("redmond").items()
    wait_settled(world["atl"])
    wait_settled(world["redmond"])


@test
def the_standby_s_tree_is_mended_whatever_somebody_does_to_it(world):
    atl, redmond = files = pair_with_files(world)
    fill(atl, "atl", 40)
    wait_same(files, "atl", 40)
    before = redmond.tree("atl")
    home = redmond.home("atl")
    (home / "budget-1" / "file-00001.bin").write_text("edited at the standby")
    (home / "budget-2" / "file-00002.bin").unlink()
    (home / "foreign").mkdir()
    (home / "foreign" / "file").write_text("foreign")
    (home / "budget-3").rename(world.folder / "gone")
    (home / "budget-3").symlink_to("/etc")
    (home / "budget-4").rename(home / "renamed")
    wait_same(files, "atl", 40)
    assert redmond.tree("atl") == before
    kept = [p.read_text(errors="replace") for p in (redmond.root / ".pollux/aside").rglob("*")
            if p.is_file() and not p.is_symlink()]
    assert "edited at the standby" in kept and "foreign" in kept, kept
    assert os.path.exists("/etc/passwd")


@test
def the_holder_s_folder_that_became_a_link_is_mended_and_old_files_are_no_edits(world):
    atl, redmond = files = pair_with_files(world)
    fill(atl, "atl", 40)
    wait_same(files, "atl", 40)
    before = atl.tree("atl")
    home = atl.home("atl")
    (home / "budget-3").rename(world.folder / "gone")
    (home / "budget-3").symlink_to("/etc")
    old = home / "budget-5" / "file-00005.bin"
    old.write_text("from a backup")
    os.utime(old, (1000000000, 1000000000))
    until("atl to be as before", lambda: atl.tree("atl") == before)
    wait_same(files, "atl", 40)
    (home / "in no conference").write_text("nobody's")
    world.wait_event("atl", "file-ignored", "in no conference of the home")
    assert any(p.read_text(errors="replace") == "from a backup"
               for p in (atl.root / ".pollux/aside").rglob("2*") if p.is_file())


ODD = ["file ", "zeile\numbruch", "ünïcödé-名前", "-rf", "a'b\"c`d$e", "~", "\\n", "x" * 200]


@test
def odd_names_sparse_files_and_files_that_are_still_written_arrive(world):
    atl, redmond = files = pair_with_files(world)
    names = ["with space", "zeile\numbruch", "ünïcödé-名前", "x" * 255, "-rf", "a'b\"c`d$e", "~", "\\n"]
    for name in names:
        atl.write("atl", f"{name}/{name}", f"text of {name}")
    wait_same(files, "atl", len(names))
    sparse = atl.home("atl") / "sparse"
    sparse.mkdir()
    with open(sparse / "four-gigabytes", "wb") as file:
        file.truncate(4 << 30)
        file.seek(3000 << 20)
        file.write(b"in the middle")
    empty = atl.write("atl", "empty/empty", "")
    atl.write("atl", "odd/.hidden", "not content")
    with open(atl.home("atl") / "odd" / ".too-large", "wb") as file:
        file.truncate(40 << 30)
    os.rename(file.name, file.name.replace(".too", "too"))
    world.wait_event("atl", "file-not-taken", "odd/too-large", "too large", "Divide it")
    os.remove(atl.home("atl") / "odd" / "too-large")
    (atl.home("atl") / "odd" / "folder").mkdir()
    # Behind the large file, which takes long to read, small ones need not wait.
    for i in range(100):
        atl.write("atl", f"small/{i}", f"small {i}")
    arrived = redmond.home("atl") / "sparse" / "four-gigabytes"
    until("the small files to arrive", lambda: arrived.exists() or
          len(list((redmond.home("atl") / "small").glob("*"))) == 100)
    assert not arrived.exists(), "they waited for the large one"
    until("the sparse file to arrive", arrived.exists, 300)  # all of it is read, at both ends
    wait_same((SkipHidden(atl), redmond), "atl", len(names) + 102, 300)
    assert os.stat(redmond.home("atl") / "sparse" / "four-gigabytes").st_blocks < 20000
    world.wait_event("atl", "file-ignored", "odd/folder")


class SkipHidden:
    def __init__(self, files):
        self.files = files

    def tree(self, home):
        return {p: v for p, v in self.files.tree(home).items() if b"/." not in p}


@test
def a_file_that_grows_and_one_that_is_rewritten_ten_times_a_second_arrive(world):
    atl, redmond = files = pair_with_files(world)
    stopped = threading.Event()
    growing = atl.write("atl", "c/growing", "")
    rewritten = atl.write("atl", "c/rewritten", "")

    def write():
        number = 0
        with open(growing, "ab", buffering=0) as file:
            while not stopped.wait(0.1):
                number += 1
                file.write(os.urandom(100000))
                rewritten.write_text(f"{number:08}" * 1000)
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    until("versions of the rewritten file to arrive", lambda: (
        redmond.home("atl") / "c" / "rewritten").exists() and
        (redmond.home("atl") / "c" / "rewritten").stat().st_size == 8000)
    began = time.monotonic()
    assert world["atl"].answers() and time.monotonic() - began < 5
    stopped.set()
    writer.join()
    wait_same(files, "atl", 2)
    wait_settled(world["atl"], "FinalState")


@test
def the_target_s_full_disk_is_told_and_when_there_is_room_again_everything_arrives(world):
    world.build(["atl", "redmond"])
    atl, redmond = files = [Files(world, pool) for pool in world.pools]
    atl.configure()
    store = world["redmond"].store
    disk = SmallDisk(world, "redmond", "64m")
    world["redmond"].store = store  # only its files are on the small one
    redmond.root = disk.inside / "files"
    redmond.root.mkdir()
    redmond.configure(disk.folder / "files")
    world.begin()
    configure(world, SyncInterval=f"00:00:{INTERVAL_S_OF_SYNC:02}")
    filler = disk.inside / "big"
    filler.write_bytes(b"x" * (48 << 20))
    for i in range(30):
        atl.write("atl", f"c/file{i}", big(i, 1 << 20))
    wait_settled(world["atl"], "ErrorState")
    assert "room" in str(look(world["atl"])) or "space" in str(look(world["atl"]))
    filler.unlink()
    wait_same(files, "atl", 30)
    wait_settled(world["atl"])


@test
def a_renamed_folder_travels_by_its_names_alone(world):
    atl, redmond = files = pair_with_files(world)
    for i in range(20):
        atl.write("atl", f"old/file{i}", big(i, 1 << 20))
    wait_same(files, "atl", 20)
    before = traffic(world["redmond"])
    (atl.home("atl") / "old").rename(atl.home("atl") / "new")
    wait_same(files, "atl", 40)
    assert traffic(world["redmond"]) - before < 1 << 20


def traffic(machine):
    """Bytes of chunks that it has asked its partner for."""
    return sum(d.get("BytesFetched", 0) for d in look(machine, Detailed=True)["Details"]
               if d["Direction"] == "Import")


@test
def a_change_at_the_standby_s_own_home_and_a_deletion_do_not_disturb_each_other(world):
    """Both directions at once, many files dropped in by cp -r, and it stays responsive."""
    atl, redmond = files = pair_with_files(world)
    source = world.folder / "source"
    for i in range(40):
        (source / f"conf{i}").mkdir(parents=True)
        for j in range(100):
            (source / f"conf{i}" / f"{ODD[j % len(ODD)]}{j}").write_text(f"{i} {j}")
    dropping = subprocess.Popen(["cp", "-r", f"{source}/.", atl.home("atl")])
    world.others.append(dropping)
    fill(redmond, "redmond", 100)
    slowest = 0
    while dropping.poll() is None or not atl.tree("atl") == redmond.tree("atl"):
        began = time.monotonic()
        assert world["atl"].answers() and world["redmond"].answers()
        slowest = max(slowest, time.monotonic() - began)
    wait_same(files, "atl", 4000)
    wait_same(files, "redmond", 100)
    world.say(f"slowest answer {slowest:.2f} s")
    assert slowest < 10


@test
def a_flipped_byte_on_either_side_is_found_by_the_scrub_and_mended_from_the_other(world):
    atl, redmond = files = pair_with_files(world, extra='scrub_interval = "00:00:01"\n')
    for i in range(8):
        atl.write("atl", f"c/file{i}", big(i, 300000))
    wait_same(files, "atl", 8)
    before = atl.tree("atl")
    for side, number in ((redmond, 1), (atl, 2)):
        flip(side.home("atl") / "c" / f"file{number}", 200000)
    assert atl.tree("atl") != before and redmond.tree("atl") != before
    for side in files:
        until("the damage to be mended", lambda: side.tree("atl") == before)
        assert side.machine.events("file-damaged", "c/file")
    scrubs = {d["LastScrub"] for d in look(world["atl"], Detailed=True)["Details"]}
    until("the age of the scrub to be shown", lambda: {
        d["LastScrub"] for d in look(world["atl"], Detailed=True)["Details"]} - scrubs)


def flip(path, at):
    """Another byte under the same size and time."""
    stamp = os.stat(path)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


@test
def a_file_that_vanished_while_nobody_ran_is_missed_and_not_deleted(world):
    atl, redmond = files = pair_with_files(world)
    atl.write("atl", "c/gone", "text")
    atl.write("atl", "c/stays", "text")
    wait_same(files, "atl", 2)
    world.stop()
    (atl.home("atl") / "c" / "gone").unlink()
    atl.write("atl", "c/new", "text")
    world.start()
    world.all_serve()
    wait_same(files, "atl", 3)


@test
def a_file_that_no_pool_has_is_told_wherever_it_stands_in_the_way_until_it_is_there_anew(world):
    atl, redmond = files = pair_with_files(world)
    atl.write("atl", "c/stays", "text")
    wait_same(files, "atl", 1)
    world.stop("redmond")
    head = exported(world["atl"])["Head"]
    gone = atl.write("atl", "c/gone", "what lies nowhere else")
    until("its manifest to be there", lambda: exported(world["atl"])["Head"] > head)
    gone.unlink()
    world.start("redmond")
    until("it to be missed", lambda: "c/gone" in str(exported(world["atl"])["LastError"]))
    atl.write("atl", "c/other", "text")
    way_out = "put it back from a backup, or write it anew, or have its users delete it."
    for command in "Invoke-CsBackupServiceSync", "Invoke-CsPoolFailOver":
        world.command("atl", command, "-PoolFqdn", name_of("atl")).must(1, "c/gone", way_out)
    assert "c/other" in str(redmond.tree("atl")), "others need not wait for it"
    atl.write("atl", "c/gone", "another text")
    wait_same(files, "atl", 3)
    world.command("atl", "Invoke-CsPoolFailOver", "-PoolFqdn", name_of("atl")).must(0)


@test
def a_cycle_exports_no_more_content_than_it_may_unless_somebody_waits(world):
    """Two runs that differ by MaxDataConfPackageSizeKB alone."""
    atl, redmond = files = pair_with_files(world)
    configure(world, SyncInterval="00:30:00", MaxDataConfPackageSizeKB=2048)
    for i in range(8):
        atl.write("atl", f"c/file{i}", big(i, 1 << 20))
    wait_settled(world["atl"], "NonSteadyState")
    until("a first cycle", lambda: len(redmond.tree("atl")) >= 2)
    time.sleep(1)
    assert len(redmond.tree("atl")) < 8, len(redmond.tree("atl"))
    sync(world["atl"], BackupModule=MODULE_OF_FILES)
    wait_same(files, "atl", 8)
    configure(world, MaxDataConfPackageSizeKB=102400)
    for i in range(8):
        atl.write("atl", f"d/file{i}", big(i + 100, 1 << 20))
    wait_same(files, "atl", 16)


@test
def a_link_that_is_cut_in_the_middle_of_a_large_file_holds_nothing_else_up(world):
    atl, redmond = files = pair_with_files(world, network=True)
    for i in range(6):
        atl.write("atl", f"c/file{i}", big(i, 30 << 20))
    until("copying to begin", lambda: redmond.tree("atl") or
          list((redmond.root / ".pollux/incoming").glob("*")))
    world.network.cut("atl", "redmond")
    wait_settled(world["atl"], "ErrorState")
    assert world["atl"].answers() and world["redmond"].answers()
    world.network.join("atl", "redmond")
    wait_same(files, "atl", 6)
    wait_settled(world["atl"])


@test
def over_a_slow_link_what_is_copied_comes_in_steps_that_can_be_seen(world):
    """64 kB/s, with 600 kB of a user's lists and a file of twice that, which comes long enough to be seen
    by commands that take seconds there: nothing is asked for that would fill the link until its
    deadline, and behind which heartbeats would be late."""
    large_size = 1200000
    atl, redmond = files = pair_with_files(world, network=True)
    enable(world["atl"], "kim")
    wait_equal(world)
    world.network.slow("atl", "redmond", 64)
    text = '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="{}"/></resource-lists>'
    (world.folder / "kim.json").write_text("".join(json.dumps(line) + "\n" for line in [
        {"pollux": "users' data", "version": 1, "pool": name_of("atl")},
        *({"user": "sip:kim@litwareinc.com", "document": f"resource-lists/{n}",
           "text": text.format(base64.b64encode(random.Random(n).randbytes(75000)).decode())} for n in range(8)),
        {"users": 1, "items": 8}]))
    world.command("atl", "Import-CsUserData", "-PoolFqdn", name_of("atl"), "-FileName", "kim.json").must(0)
    atl.write("atl", "c/large", big(1, large_size))
    arrived, bytes_of_files, plans, refused, over = set(), set(), [], [], threading.Event()

    def look_now_and_then():
        while not over.wait(0.5):
            arrived.add(len(rows(world["redmond"].store, "atl")))

    def is_copied():
        of_items = detail(world["atl"], module="UserServices.PresenceFocus")
        bytes_of_files.add(exported(world["atl"])["PartnerPendingBytes"])
        plan = world.command("redmond", "Invoke-CsPoolFailOver", "-PoolFqdn", name_of("atl"), "-WhatIf")
        plans.append(plan.out)
        if plan.status:  # its question, or the answer, came late
            refused.append(plan.must(1, "Nothing was changed."))
        assert of_items["State"] != "ErrorState" != exported(world["atl"])["State"]
        assert world.mode("redmond", "atl") == "Standby", "the holder's heartbeats did not arrive"
        return not of_items["UncopiedBytes"] and atl.tree("atl") == redmond.tree("atl")

    with ThreadPoolExecutor(1) as beside:  # commands take seconds while the link is full
        looking = beside.submit(look_now_and_then)
        try:
            until("everything to be copied", is_copied)
        finally:
            over.set()
        looking.result()
    wait_settled(world["atl"])
    plans.append(world.command("redmond", "Invoke-CsPoolFailOver", "-PoolFqdn", name_of("atl"), "-WhatIf").must(0).out)
    assert len(arrived) > 3, arrived
    assert refused or any("bytes of files are on their way" in plan for plan in plans), plans
    takes = [float(said[1]) for said in (re.search(r"would take about ([0-9.]+) s", plan) for plan in plans) if said]
    assert (refused or max(takes) >= 2) and takes[-1] < 2, takes  # 600 kB by what the link does, and what nothing takes
    assert any(0 < left < large_size for left in bytes_of_files), bytes_of_files
    # One that is missing and one that is new, each of more than a turn, don't begin anew because of
    # each other; and what came of a file that is back before it is whole is not kept.
    large, away = redmond.home("atl") / "c" / "large", world.folder / "large"
    half = lambda: list((redmond.root / ".pollux/incoming").glob("*"))
    large.rename(away)
    until("some of it to come", half)
    atl.write("atl", "c/second", big(2, 300000))
    until("the new one to come", (redmond.home("atl") / "c" / "second").exists)
    away.rename(large)
    wait_same(files, "atl", 2)
    wait_settled(world["atl"])
    until("nothing half to be left", lambda: not half())


# --- what a broken machine sends, and how much is answered at once -------------------------------


def pair_with_between(world):
    """Redmond asks Atlanta by way of the test."""
    world.build(["atl", "redmond"])
    files = [Files(world, pool).configure() for pool in world.pools]
    between = Between(world, "redmond", "atl")
    world.begin()
    configure(world, SyncInterval=f"00:00:{INTERVAL_S_OF_SYNC:02}")
    return files, between


@test
def a_flipped_byte_in_chunks_on_their_way_is_noticed_and_they_are_asked_for_again(world):
    """Of a packet, by its checksum; and nothing of it gets into the tree."""
    (atl, redmond), between = files = pair_with_between(world)
    spoiled = []

    def spoil(path, body):
        if path != CHUNKS or len(body) < 100000 or len(spoiled) >= 3:
            return body
        spoiled.append(len(body))
        middle = len(body) // 2
        return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1:]
    between.spoil = spoil
    for i in range(4):
        atl.write("atl", f"c/file{i}", big(i, 5 << 20))
    sums = atl.tree("atl")
    until("some to be spoiled", lambda: spoiled)
    assert redmond.tree("atl").items() <= sums.items()
    wait_same(files[0], "atl", 4)
    assert len(spoiled) == 3 and redmond.tree("atl") == sums
    wait_settled(world["atl"], "FinalState")


@test
def of_a_small_change_in_a_large_file_little_travels(world):
    """Besides its manifest. And where the version before is not what it was, the right one comes."""
    (atl, redmond), between = files = pair_with_between(world)
    answers = []
    between.spoil = lambda path, body: (answers.append(len(body) if path == CHUNKS else 0), body)[1]
    data = big(1, 20 << 20)
    atl.write("atl", "c/large", data)
    wait_same(files[0], "atl", 1)
    half, far = 10 << 20, 15 << 20
    changes = {"inserted": data[:half] + b"x" * 100 + data[half:],
               "taken out": data[:half] + data[half + 100:],
               "in two places": data[:half] + b"y" * 100 + data[half:far] + data[far + 77:],
               "written over": data[:half] + b"z" * 1000 + data[half + 1000:],
               "in front": b"new" + data,
               "behind": data + b"new"}
    for what, changed in changes.items():
        answers.clear()
        atl.write("atl", "c/large", changed)
        wait_same(files[0], "atl", 1)
        assert sum(answers) < 20000, (what, answers)  # one of the change before, one of this one
    wait_settled(world["atl"])
    copy = redmond.home("atl") / "c/large"
    world.pause("redmond")
    time_ns = os.stat(copy).st_mtime_ns
    with open(copy, "r+b") as file:  # the same size and time, other bytes: nobody noticed yet
        file.seek(half - (1 << 20))
        file.write(big(7, 2 << 20))
    os.utime(copy, ns=(time_ns, time_ns))
    atl.write("atl", "c/large", data[:half] + b"w" * 100 + data[half:])
    world.resume("redmond")
    wait_same(files[0], "atl", 1)


def ask_at_once(between, body, count):
    """How many of so many equal questions were answered, and how many put off."""
    connections = [between.connection() for _ in range(count)]
    for connection in connections:
        connection.connect()
    between.world.send(between.called, signal.SIGSTOP)  # all of them are there when it goes on
    for connection in connections:
        connection.request("POST", CHUNKS, body, {"Content-Type": "application/octet-stream"})
    between.world.send(between.called, signal.SIGCONT)
    answers = [c.getresponse() for c in connections]
    texts = [a.read() for a in answers]
    for connection in connections:
        connection.close()
    assert {a.status for a in answers} <= {200, 503}, [a.status for a in answers]
    assert all(a.status == 200 or b"as many calls as it may" in t for a, t in zip(answers, texts))
    return (sum(a.status == 200 for a in answers), sum(a.status == 503 for a in answers))


@test
def no_more_questions_for_chunks_are_answered_at_once_than_calls_may_be(world):
    """Two runs that differ by MaxConcurrentCalls alone; and however few, large files arrive."""
    (atl, redmond), between = files = pair_with_between(world)
    atl.write("atl", "c/first", big(1, 12 << 20))
    wait_same(files[0], "atl", 1)
    question = max(between.bodies(CHUNKS), key=len)
    assert ask_at_once(between, question, 8) == (8, 0)
    configure(world, MaxConcurrentCalls=1)

    def is_bounded():
        answered, put_off = ask_at_once(between, question, 8)
        assert answered >= 1
        return put_off
    until("the setting to hold", is_bounded)
    pairs = threading.Barrier(2)

    def two_at_once(path):
        try:
            if path == CHUNKS:
                pairs.wait(1)  # a loaded machine takes its time
        except threading.BrokenBarrierError:
            pairs.reset()
    between.before = two_at_once
    atl.write("atl", "c/second", big(2, 24 << 20))
    wait_same(files[0], "atl", 2)
    assert between.answered[CHUNKS, 503] > 0, "none was put off"
    assert traffic(world["redmond"]) < 40 << 20, f"{traffic(world['redmond'])}: some came twice"
    assert not backup_events(world["redmond"], "ErrorState", MODULE_OF_FILES) and not backup_events(
        world["atl"], "ErrorState", MODULE_OF_FILES)
    wait_settled(world["atl"], "FinalState")


if __name__ == "__main__":
    sys.exit(main())
