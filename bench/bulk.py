#!/usr/bin/env python3
"""What it costs to bring the data of 200,000 users into a pool, again when all of it is there, and
out: time, and the most memory that polluxd and the program take. bulk.py [USERS]"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test/system"))
from pollux_world import *  # noqa: E402

USERS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 200000
ATL, DOMAIN = name_of("atl"), "litwareinc.com"
CONTACTS = "".join(f'<entry uri="sip:user{n:06}@{DOMAIN}"/>' for n in range(10))
LIST = f'<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>{CONTACTS}</list></resource-lists>'


def write_file(path):
    with open(path, "w") as file:
        put = lambda line: file.write(json.dumps(line) + "\n")
        put({"pollux": "users' data", "version": 1, "pool": ATL})
        for n in range(USERS):
            user = {"user": f"sip:user{n:06}@{DOMAIN}"}
            put({**user, "conference": {
                "id": f"{n:032x}", "subject": "Monday", "start": "2026-12-01T09:00:00Z",
                "end": "2026-12-01T10:00:00Z", "participants": [f"sip:user{(n + 1) % USERS:06}@{DOMAIN}"]}})
            put({**user, "presence": {"availability": "Away", "time": "2026-11-21T09:00:00.000Z"}})
            put({**user, "settings": {"theme": "dark", "ring": ["desk", "mobile"]}})
            put({**user, "document": "resource-lists/index", "text": LIST})
            put({**user, "document": "pres-rules/index", "text": "<ruleset/>"})
        put({"users": USERS, "items": 5 * USERS})


def peak_mb(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def measure(world, what, *words):
    daemon = world["atl"].process.pid
    Path(f"/proc/{daemon}/clear_refs").write_text("5")  # its peak begins anew
    before, began = peak_mb(daemon), time.monotonic()
    process = subprocess.Popen(
        [POLLUX, *words], cwd=world.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "POLLUX_SERVER": str(world["atl"].socket)})
    program = 0
    while process.poll() is None:
        try:
            program = max(program, peak_mb(process.pid))
        except (TypeError, OSError):
            pass  # it has just ended
        time.sleep(0.02)
    took = time.monotonic() - began
    assert process.returncode == 0, process.stdout.read()
    print(f"{what:34} {took:6.1f} s {5 * USERS / took:9.0f} items/s   polluxd {before:4.0f} -> "
          f"{peak_mb(daemon):4.0f} MB   program {program:4.0f} MB", flush=True)


@test
def bulk(world):
    world.deploy(["atl"])
    world.stop("atl")
    run("bench/bench-fill", world["atl"].store, ATL, USERS, DOMAIN).must(0)
    world.start("atl")
    world.all_serve()
    write_file(world.folder / "in.json")
    size = (world.folder / "in.json").stat().st_size / 2**20
    print(f"{USERS} users, {5 * USERS} items, {size:.0f} MB")
    about = ["-PoolFqdn", ATL, "-FileName"]
    measure(world, "import into an empty home", "Import-CsUserData", *about, "in.json")
    measure(world, "again: nothing to write", "Import-CsUserData", *about, "in.json")
    measure(world, "export", "Export-CsUserData", *about, "out.json")
    measure(world, "export, compressed", "Export-CsUserData", *about, "out.zst")
    packed = (world.folder / "out.zst").stat().st_size / 2**20
    print(f"{'compressed':34} {packed:6.1f} MB")


sys.exit(main())
