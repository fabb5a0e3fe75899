#!/usr/bin/env python3
"""What copying the files of conferences costs, beside an rsync daemon with --fsync in the same run, on
one machine and one disk: a first copy, nothing changed, an insertion into a large file, new files.
content.py [--files COUNT]

Ours hashes, encrypts, and keeps a manifest of each file in its database; rsync's daemon does neither.
Without rsync only ours is measured."""

import argparse
import random
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test/system"))
from pollux_world import *  # noqa: E402

FILES, BYTES = 50000, 1800 << 20
LARGE, INSERTED, NEW = 100 << 20, 100, 1000
FOLDERS = 500
ATL = name_of("atl")
MODULE = "ConfServices.DataConf"


def cpu_s(pid):
    """Of a process and of those that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(n) for n in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024


def loopback_bytes():
    """Everything that goes from one to the other, and what the kernels say to each other besides."""
    line = next(li for li in Path("/proc/net/dev").read_text().splitlines() if "lo:" in li)
    return int(line.split()[1])


class Took:
    def __init__(self, seconds, wire, cpu):
        self.seconds, self.wire, self.cpu = seconds, wire, cpu


def measured(work, cpu):
    began, wire, cpu_before = time.monotonic(), loopback_bytes(), cpu()
    work()
    return Took(time.monotonic() - began, loopback_bytes() - wire, cpu() - cpu_before)


# --- files -------------------------------------------------------------------------------------


def fill(root, count, size, prefix, chance):
    """So many files of sizes that differ, which no compression makes smaller."""
    for i in range(count):
        folder = root / f"{prefix}-{i % FOLDERS:03}"
        if i < FOLDERS:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file-{i:05}").write_bytes(chance.randbytes(
            int(size / count * chance.uniform(0.1, 1.9))))


def insert(path, chance):
    data = path.read_bytes()
    half = len(data) // 2
    path.write_bytes(data[:half] + chance.randbytes(INSERTED) + data[half:])


# --- ours --------------------------------------------------------------------------------------


class Ours:
    def __init__(self, world):
        self.world = world
        self.roots = {}
        world.build(["atl", "redmond"], interval_s=30)
        for pool in world.pools:
            self.roots[pool] = world.folder / f"{pool}-files"
            self.roots[pool].mkdir()
            world[pool].extra = f'file_store = "{self.roots[pool]}"\n'
            world[pool].write_config()
        world.begin()
        self.source = self.roots["atl"] / ATL
        self.target = self.roots["redmond"] / ATL
        self.pids = [world[pool].process.pid for pool in world.pools]

    def cpu(self):
        return sum(cpu_s(pid) for pid in self.pids)

    def detail(self):
        return next(d for d in self.world["atl"].ask(
            "Get-CsBackupServiceStatus", PoolFqdn=ATL, Detailed=True).objects
            if d.get("Module") == MODULE and d["Direction"] == "Export")

    def taken_up(self, count):
        """The holder has manifests of them: from here on they can be copied."""
        until("all files to be taken up", lambda: (lambda d: d["PendingFiles"] == 0 and
              d["FilesTakenUp"] >= count)(self.detail()), 600)

    def sync(self):
        answer = self.world["atl"].ask("Invoke-CsBackupServiceSync", PoolFqdn=ATL,
                                       BackupModule=MODULE, patience_s=600)
        assert answer.lines[-1] == {"status": "done"}, answer.text


# --- rsync -------------------------------------------------------------------------------------


class Rsync:
    def __init__(self, world, source):
        self.source, self.target = source, world.folder / "rsync-target"
        self.target.mkdir()
        port = free_port()
        config = world.folder / "rsyncd.conf"
        config.write_text(f"port = {port}\naddress = 127.0.0.1\nuse chroot = no\n"
                          f"uid = {os.getuid()}\ngid = {os.getgid()}\n"
                          f"[files]\npath = {self.target}\nread only = no\n")
        self.daemon = subprocess.Popen(["rsync", "--daemon", "--no-detach", f"--config={config}"])
        world.at_the_end.append(self.end)
        self.words = ["rsync", "-a", "--fsync", f"{source}/", f"rsync://127.0.0.1:{port}/files/"]
        until("rsync to answer", lambda: not port_is_free(port))

    def cpu(self):
        children = os.times()
        return children.children_user + children.children_system + cpu_s(self.daemon.pid)

    def sync(self):
        subprocess.run(self.words, check=True)

    def end(self):
        self.daemon.terminate()
        self.daemon.wait()


def same(a, b):
    return subprocess.run(["diff", "-rq", str(a), str(b)], stdout=subprocess.DEVNULL).returncode == 0


def row(what, ours, theirs, goal):
    right = f"{theirs.seconds:9.2f} {theirs.wire / 1e6:10.2f} {theirs.cpu:7.2f}" if theirs else ""
    ratio = f"{theirs.seconds / ours.seconds:7.2f}" if theirs else ""
    print(f"{what:<34}{ours.seconds:9.2f} {ours.wire / 1e6:10.2f} {ours.cpu:7.2f}{right}{ratio}  {goal}",
          flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=FILES)
    files = parser.parse_args().files
    chance = random.Random(1)
    world = World()
    try:
        ours = Ours(world)
        plain = world.folder / "plain"
        plain.mkdir()
        fill(plain, files, BYTES * files // FILES, "c", chance)
        (plain / "large").mkdir()
        (plain / "large" / "file").write_bytes(chance.randbytes(LARGE))
        theirs = Rsync(world, plain) if shutil.which("rsync") else None
        print(f"load {os.getloadavg()[0]:.1f} at the beginning; {files} files of "
              f"{BYTES * files // FILES >> 20} MB and one of {LARGE >> 20}")
        print(f"{'':<34}{'ours, s':>9} {'MB':>10} {'CPU, s':>7}{'rsync, s':>9} {'MB':>10} "
              f"{'CPU, s':>7}{'ratio':>7}  goal")

        def both(what, goal, change, count):
            """The same change in both sources, then each side's copying of it."""
            after = measured(theirs.sync, theirs.cpu) if change is None and theirs else None
            if change is not None:
                change(plain)
                after = measured(theirs.sync, theirs.cpu) if theirs else None
                began = time.monotonic()
                world.send("redmond", signal.SIGSTOP)
                subprocess.run(["cp", "-a", "--update", f"{plain}/.", str(ours.source)], check=True)
                if count:
                    ours.taken_up(count)
                print(f"# cp and taking up: {time.monotonic() - began:.2f} s")
                world.send("redmond", signal.SIGCONT)
                world.wait_hears("atl", "redmond")
            row(what, measured(ours.sync, ours.cpu), after, goal)

        def nothing(_):
            pass
        both("first copy", "1", nothing, files + 1)
        both("nothing changed", "20", None, 0)
        both("100 bytes into 100 MB", "1, a fifth of the bytes",
             lambda root: insert(root / "large" / "file", chance), files + 2)
        both("1,000 new files", "-", lambda root: fill(root, NEW, NEW * 36000, "new", chance),
             files + 2 + NEW)
        for pid, pool in zip(ours.pids, world.pools):
            print(f"most memory of {pool}: {peak_mb(pid):.0f} MB")
        assert same(ours.source, ours.target), "the copies differ"
        assert not theirs or same(plain, theirs.target)
        print(f"load {os.getloadavg()[0]:.1f} at the end; the copies are equal")
    finally:
        world.end()


if __name__ == "__main__":
    main()
