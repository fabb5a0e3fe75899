#!/usr/bin/env python3
"""The files of conferences, as those who take part share them: the real polluxd, and curl."""

import hashlib
import urllib.parse

from copies import *
from failovers import Locked
from pollux_world import *
from web_client import *

MB = 1 << 20
HELD_S = 1  # CONTENT_HEAD_HELD_MS


def deploy(world, **limits):
    """Two pools, each with a file store, and a conference of Ken's that Alice takes part in."""
    world.build(["atl", "redmond"])
    return begin(world, **limits)


def begin(world, file_mb=None, conference_mb=None):
    for pool in world.pools:
        with_file_store(world, pool)
    text = world.topology_text()
    for name, value in (("conference_file_max_mb", file_mb),
                        ("conference_content_max_mb", conference_mb)):
        text = f"{name} = {value}\n" + text if value else text
    world.topology.write_text(text)
    world.begin()
    for name in ("kenmyer", "alice", "bob"):
        enable(world, name)
    ken = Client(world, "kenmyer")
    return ken, conference(ken, "alice")


def conference(client, *others):
    return client.ask("POST", "/v1/conferences", body={
        "subject": "Budget", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T10:30:00Z",
        "participants": [f"sip:{name}@{REALM}" for name in others]}).must(201).json["id"]


def path(which, name=None):
    quoted = "/" + urllib.parse.quote(str(name), safe="") if name is not None else ""
    return f"/v1/conferences/{which}/files{quoted}"


def put(client, which, name, bytes, *words, **headers):
    file = client.world.folder / f"up-{threading.get_ident()}"
    file.write_bytes(bytes)
    return client.ask("PUT", path(which, name), "-T", file, *words, **headers)


class Sending:
    """An upload that goes on by and by; `first`: how it begins."""

    def __init__(self, client, which, name, first):
        machine = client.world[client.pool]
        self.process = subprocess.Popen(
            ["curl", "-sS", "--cacert", str(client.world.folder / "pki/authority.pem"), "--resolve",
             f"{machine.fqdn}:{machine.users_port}:{machine.address}", "-H",
             f"Authorization: Bearer {client.token}", "-T", "-", "-o", "/dev/null", "-w",
             "%{http_code}", url(client.world, client.pool, path(which, name))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        client.world.others.append(self.process)
        self.send(first)

    def send(self, bytes):
        self.process.stdin.write(bytes)
        self.process.stdin.flush()

    def end(self):
        """Returns what became of it."""
        return int(self.process.communicate()[0])

    def go_away(self):
        self.process.kill()
        self.process.communicate()


def connect(client):
    """A bare connection to where the client is a user."""
    machine = client.world[client.pool]
    plain = socket.create_connection((machine.address, machine.users_port), PATIENCE_S)
    return tls(client.world.folder / "pki/authority.pem").wrap_socket(plain, server_hostname=machine.fqdn)


class Got:
    """A download: its head, and its bytes as they came."""

    def __init__(self, client, which, name, *words, **headers):
        out = client.world.folder / f"down-{threading.get_ident()}"
        out.unlink(missing_ok=True)
        head = client.world.folder / f"head-{threading.get_ident()}"
        words = ["-H", f"Authorization: Bearer {client.token}", "-D", head, "-o", out, *words]
        for n, v in headers.items():
            words += ["-H", f"{n.replace('_', '-')}: {v}"]
        machines = client.world.machines.values()
        self.done = run("curl", "-sS", "--tlsv1.3", "--cacert",
                        client.world.folder / "pki/authority.pem",
                        *(w for m in machines
                          for w in ("--resolve", f"{m.fqdn}:{m.users_port}:{m.address}")), *words,
                        url(client.world, client.pool, path(which, name)))
        self.reply = Reply(head.read_text())
        self.bytes = out.read_bytes() if out.exists() else b""

    def into_reply(self):
        """As of any other question: its body is a text."""
        self.reply.text = self.bytes.decode()
        return self.reply

    def must(self, status, bytes=None):
        assert self.reply.status == status, f"{self.reply} {self.bytes[:500]}"
        assert bytes is None or self.bytes == bytes, (len(self.bytes), len(bytes))
        return self


def get(client, which, name, *words, **headers):
    return Got(client, which, name, *words, **headers)


def files(client, which):
    return client.ask("GET", path(which)).must(200).json["files"]


def lies(world, pool, which, name, home=ATL):
    return world[pool].store.parent / "files" / home / which / name


# --- what users do -----------------------------------------------------------------------------


@test
def those_who_take_part_share_files(world):
    ken, which = deploy(world)
    alice, bob = Client(world, "alice"), Client(world, "bob")
    assert files(ken, which) == []
    made = put(ken, which, "slides.pdf", b"one").must(201)
    tag = made.header("ETag")
    assert made.header("Location") == path(which, "slides.pdf") and tag
    seen = get(alice, which, "slides.pdf").must(200, b"one").reply
    assert seen.header("Content-Type") == "application/pdf" and seen.header("ETag") == tag
    assert seen.header("X-Content-Type-Options") == "nosniff"
    assert seen.header("Content-Disposition").startswith('attachment; filename="slides.pdf";')
    assert "sandbox" in seen.header("Content-Security-Policy")
    again = put(alice, which, "slides.pdf", b"two, and longer").must(200)
    assert again.header("ETag") != tag
    get(ken, which, "slides.pdf").must(200, b"two, and longer")
    one, = files(ken, which)
    assert one["name"] == "slides.pdf" and one["size"] == 15 and one["state"] == "Ready", one
    assert one["href"] == path(which, "slides.pdf") and one["etag"] == again.header("ETag"), one
    assert lies(world, "atl", which, "slides.pdf").read_bytes() == b"two, and longer"
    # Whoever does not take part is told of no conference.
    for reply in (bob.ask("GET", path(which)), bob.ask("GET", path(which, "slides.pdf")),
                  put(bob, which, "slides.pdf", b"x"), put(bob, "0" * 32, "x", b"x"),
                  bob.ask("DELETE", path(which, "slides.pdf"))):
        reply.must(404, "take part in no such conference")
    curl(world, "atl", path(which)).must(401)
    alice.ask("DELETE", path(which, "slides.pdf")).must(204)
    alice.ask("DELETE", path(which, "slides.pdf")).must(404, "no such file")
    get(ken, which, "slides.pdf").must(404)
    assert files(ken, which) == [] and not lies(world, "atl", which, "slides.pdf").exists()
    put(ken, which, "empty", b"").must(201)
    get(ken, which, "empty").must(200, b"")


@test
def a_conference_that_ends_takes_its_files_along(world):
    ken, which = deploy(world)
    for number in range(5):
        put(ken, which, f"{number}.txt", b"x" * number).must(201)
    folder = lies(world, "atl", which, "0.txt").parent
    assert len(list(folder.iterdir())) == 5
    ken.ask("DELETE", f"/v1/conferences/{which}").must(204)
    ken.ask("GET", path(which)).must(404)
    until("its files to be gone", lambda: list(folder.iterdir()) == [])


def kept(world, pool, begins):
    """How many items of the home have keys that begin so."""
    return sum(bytes(key).startswith(begins.encode()) and not deleted
               for (_, key), (*_, deleted) in rows(world[pool].store, "atl").items())


@test
def a_conference_of_thousands_of_files_ends_and_a_crash_in_the_middle_keeps_none(world):
    ken, which = deploy(world)
    put(ken, which, "first", b"x").must(201)
    folder, copy = (lies(world, pool, which, "first").parent for pool in world.pools)
    source = world.folder / "many"
    source.mkdir()
    for number in range(2500):
        (source / f"{number}").write_text(f"{number}")
    subprocess.run(["cp", "-r", f"{source}/.", folder], check=True)
    until("all to be copied", lambda: copy.exists() and len(list(copy.iterdir())) == 2501 and
          kept(world, "redmond", which) == 2501)
    ken.ask("DELETE", f"/v1/conferences/{which}").must(204)
    until("some to be gone", lambda: len(os.listdir(folder)) < 1400)
    world.kill("atl")
    left = kept(world, "atl", which)
    world.say(f"{left} were left")
    assert 0 < left < 2501, "it was not in the middle"
    world.start("atl")
    for pool, place in zip(world.pools, (folder, copy)):
        until(f"all to be gone at {pool}", lambda: os.listdir(place) == [] and
              not kept(world, pool, which) and not kept(world, pool, "ended/"))


@test
def what_was_uploaded_is_copied_at_once(world):
    """Not when the exporter looks again by itself, a second after it last heard of something: the
    quickest of some that follow each other shows it on a slow machine, too."""
    ken, which = deploy(world)
    took = []
    for number in range(10):
        put(ken, which, f"{number}.txt", b"x").must(201)
        began = time.monotonic()
        until("the copy to have it", lies(world, "redmond", which, f"{number}.txt").exists)
        took.append(time.monotonic() - began)
    assert min(took[1:]) < HELD_S / 2, took


@test
def parts_of_a_file_come_alone(world):
    ken, which = deploy(world)
    text = bytes(range(256)) * 40
    tag = put(ken, which, "data.bin", text).must(201).header("ETag")
    for asked, first, last in (("0-0", 0, 0), ("5-9", 5, 9), ("10000-", 10000, 10239),
                               ("-3", 10237, 10239), ("0-999999", 0, 10239), ("-99999", 0, 10239)):
        part = get(ken, which, "data.bin", Range=f"bytes={asked}").must(206, text[first:last + 1])
        assert part.reply.header("Content-Range") == f"bytes {first}-{last}/10240", asked
    for nonsense in ("bytes=9-5", "bytes=a-b", "lines=1-2", "bytes=1-2,4-5", "bytes=-", "bytes="):
        get(ken, which, "data.bin", Range=nonsense).must(200, text)
    for nothing in ("bytes=10240-", "bytes=-0"):
        none = get(ken, which, "data.bin", Range=nothing).must(416)
        assert none.reply.header("Content-Range") == "bytes */10240"
        said = none.into_reply().json
        assert said["kept"] and said["next"], said
    get(ken, which, "data.bin", Range="bytes=1-2", If_Range=tag).must(206, text[1:3])
    get(ken, which, "data.bin", Range="bytes=1-2", If_Range='"0-0"').must(200, text)
    head = ken.ask("HEAD", path(which, "data.bin")).must(200)
    assert head.header("Content-Length") == "10240" and head.header("Accept-Ranges") == "bytes"
    # What was broken off goes on where it was.
    (world.folder / "half").write_bytes(text[:5000])
    run("curl", "-sS", "--cacert", world.folder / "pki/authority.pem", "-C", "-", "-o",
        world.folder / "half", "--resolve", f"{ATL}:{world['atl'].users_port}:127.0.0.1", "-H",
        f"Authorization: Bearer {ken.token}", url(world, "atl", path(which, "data.bin"))).must(0)
    assert (world.folder / "half").read_bytes() == text


@test
def conditions_are_kept(world):
    ken, which = deploy(world)
    put(ken, which, "a", b"x", If_Match="*").must(412)
    tag = put(ken, which, "a", b"1", If_None_Match="*").must(201).header("ETag")
    put(ken, which, "a", b"2", If_None_Match="*").must(412, "there already")
    get(ken, which, "a", If_None_Match=tag).must(304, b"")
    newer = put(ken, which, "a", b"2", If_Match=tag).must(200).header("ETag")
    put(ken, which, "a", b"3", If_Match=tag).must(412)
    get(ken, which, "a").must(200, b"2")
    ken.ask("DELETE", path(which, "a"), If_Match=tag).must(412)
    ken.ask("DELETE", path(which, "a"), If_Match=newer).must(204)


def everything(world):
    """All that lies in the world's folder, but for what the files' copying makes of itself."""
    return sorted(str(p) for p in world.folder.rglob("*") if "head" not in p.name and
                  ".pollux" not in p.parts and world["redmond"].folder not in p.parents)


@test
def names_stay_what_they_are_and_lead_nowhere(world):
    ken, which = deploy(world)
    good = ["Über uns – Präsentation.pptx", "a b  c.txt", "日本語", "%41", "100%", "a+b&c=d?e#f", "~",
            "x" * 255, "ü" * 127, "semi;colon\"quote'back\\slash", "a:b", "..a" [1:] and "a..", "*",
            "con", "-rf"]
    for name in good:
        put(ken, which, name, name.encode()).must(201)
        seen = get(ken, which, name).must(200, name.encode()).reply.header("Content-Disposition")
        assert urllib.parse.unquote(seen.partition("filename*=UTF-8''")[2]) == name, seen
        plain = re.search(r'filename="([^"]*)"', seen)[1]
        assert plain.isascii() and "\\" not in plain and "/" not in plain, seen
        assert lies(world, "atl", which, name).read_bytes() == name.encode()
    assert sorted(f["name"] for f in files(ken, which)) == sorted(good)
    for listed in files(ken, which):
        assert urllib.parse.unquote(listed["href"].rpartition("/")[2]) == listed["name"], listed
    upload = ["--data-binary", f"@{world.folder}/up-{threading.get_ident()}", "--path-as-is"]
    before = everything(world)
    for bad in ("..", ".", ".hidden", "../x", "..%2f..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "a/b",
                "a%2fb", "%2e%2e", "%2e%2e%2fx", "a%00b", "%00", "a%0ab", "a%7f", "%ff%fe", "x" * 256,
                "ü" * 128, "../../../../etc/passwd", "/etc/passwd", "..%5c..%5cx%2f", ""):
        reply = ken.ask("PUT", f"/v1/conferences/{which}/files/{bad}", *upload)
        assert reply.status in (400, 404, 405), f"{bad}: {reply}"
        reply = ken.ask("GET", f"/v1/conferences/{which}/files/{bad}", "--path-as-is")
        assert reply.status in (400, 404), f"{bad}: {reply}"
    for bad in ("..", "../" + which, "%2e%2e%2f" + which, "*", which.upper(), which + "%00"):
        ken.ask("PUT", f"/v1/conferences/{bad}/files/x", *upload).must(404)
    assert before == everything(world)


@test
def there_is_only_so_much_room(world):
    ken, which = deploy(world, file_mb=2, conference_mb=5)
    two = b"x" * (2 * MB)
    put(ken, which, "large", two + b"y").must(413, "2 MB")
    put(ken, which, "large", two + b"y", Transfer_Encoding="chunked").must(507, "2 MB")
    for name in ("a", "b"):
        put(ken, which, name, two).must(201)
    put(ken, which, "c", two).must(507, "5 MB in all")
    put(ken, which, "c", two, Transfer_Encoding="chunked").must(507, "5 MB in all")
    put(ken, which, "a", two[1:]).must(200)  # what it replaces makes room for it
    put(ken, which, "c", b"x" * MB).must(201)
    ken.ask("DELETE", path(which, "b")).must(204)
    put(ken, which, "d", two).must(201)
    assert {f["name"]: f["size"] for f in files(ken, which)} == {
        "a": 2 * MB - 1, "c": MB, "d": 2 * MB}
    assert list((world["atl"].store.parent / "files/.pollux/incoming").iterdir()) == []
    # Of many at once, as many come in as there is room for: they do not keep each other out, and
    # of two that are done at the same moment, only one has the last of it.
    for _ in range(6):
        other = conference(ken)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            told = [r.status for r in pool.map(lambda n: put(ken, other, f"{n}", two), range(8))]
        assert sorted(told) == [201] * 2 + [507] * 6, told
        assert [f["size"] for f in files(ken, other)] == [2 * MB] * 2


@test
def two_that_are_done_at_the_same_moment_do_not_both_have_the_last_room(world):
    ken, which = deploy(world, file_mb=2, conference_mb=5)
    incoming = world["atl"].store.parent / "files/.pollux/incoming"
    for number in range(8):
        which = conference(ken)
        two = [Sending(ken, which, name, b"x") for name in ("plan.pdf", "minutes.txt")]
        until("both to have begun, with all the room", lambda: len(list(incoming.iterdir())) == 2)
        put(ken, which, "first", b"x" * (2 * MB)).must(201)
        for sending in two:
            sending.send(b"x" * (2 * MB - 1))
        until("both to have arrived but for their ends",
              lambda: [p.stat().st_size for p in incoming.iterdir()] == [2 * MB] * 2)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            told = sorted(pool.map(Sending.end, two))
        assert told == [201, 507], (number, told)
        assert [f["size"] for f in files(ken, which)] == [2 * MB] * 2


@test
def what_waits_for_the_store_takes_its_conferences_room(world):
    """They had arrived, and counted for nobody until their manifests were durable."""
    ken, which = deploy(world, file_mb=2, conference_mb=5)
    root = world["atl"].store.parent / "files"

    def size(file):  # it may be about to take its place
        try:
            return file.stat().st_size
        except FileNotFoundError:
            return 0

    there = lambda: sum(size(p) >= 2 * MB for p in list(root.rglob("*")))
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        with Locked(world, "atl"):
            told = []
            for n in range(16):
                before = there()
                told.append(pool.submit(Sending.end, Sending(ken, which, f"{n}", b"x" * (2 * MB))))
                until("it to be there, or refused", lambda: told[-1].done() or there() > before)
            assert there() <= 1 + 2  # one has its turn, and others as much as there is room for
    told = sorted(t.result() for t in told)
    # Where all that took longer than the store is waited for, who waited for it was told so.
    took = told.count(201)
    assert set(told) <= {201, 503, 507} and (took == 2 or took < 2 and 503 in told), told
    assert len(files(ken, which)) == took


# --- at once, and large ------------------------------------------------------------------------


def memory_kb(machine):
    status = Path(f"/proc/{machine.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


@test
def many_send_at_once(world):
    ken, which = deploy(world)
    alice = Client(world, "alice")
    contents = {f"{n}.bin": os.urandom(200_000 + n) for n in range(32)}
    clients = [ken, alice]

    def one(item):
        number, (name, bytes) = item
        return put(clients[number % 2], which, name, bytes).status

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert set(pool.map(one, enumerate(contents.items()))) == {201}
    for name, bytes in contents.items():
        get(ken, which, name).must(200, bytes)
    # And into one file: each is whole, one after the other, and the last one stays.
    versions = [os.urandom(300_000) for _ in range(12)]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        told = list(pool.map(lambda v: put(ken, which, "same", v), versions))
    assert sorted(r.status for r in told) == [200] * 11 + [201], told
    last = max(told, key=lambda r: int(r.header("ETag").strip('"').partition("-")[2]))
    assert get(ken, which, "same").must(200).bytes == versions[told.index(last)]
    assert list((world["atl"].store.parent / "files/.pollux/incoming").iterdir()) == []


@test
def of_many_who_know_the_same_version_one_wins(world):
    ken, which = deploy(world)
    tag = put(ken, which, "x", b"first").must(201).header("ETag")
    versions = [f"{n}".encode() * 1000 for n in range(10)]
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        told = list(pool.map(lambda v: put(ken, which, "x", v, If_Match=tag), versions))
    assert sorted(r.status for r in told) == [200] + [412] * 9, told
    winner = next(v for v, r in zip(versions, told) if r.status == 200)
    get(ken, which, "x").must(200, winner)
    assert lies(world, "atl", which, "x").read_bytes() == winner


@test
def a_gigabyte_goes_through_in_flat_memory(world):
    ken, which = deploy(world)
    machine, size = world["atl"], 1 << 30
    put(ken, which, "small", b"x" * MB).must(201)
    before, peak = memory_kb(machine), 0
    big = world.folder / "big"
    block = os.urandom(MB)
    with open(big, "wb") as file:
        for number in range(size // MB):
            file.write(number.to_bytes(4, "big") + block[4:])
    wanted = hashlib.sha256()
    with open(big, "rb") as file:
        while part := file.read(MB):
            wanted.update(part)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sending = pool.submit(ken.ask, "PUT", path(which, "big"), "-T", big)
        while not sending.done():
            peak = max(peak, memory_kb(machine))
            time.sleep(0.02)
    sending.result().must(201)
    big.unlink()
    curl_words = ["curl", "-sS", "--cacert", str(world.folder / "pki/authority.pem"), "--resolve",
                  f"{ATL}:{machine.users_port}:127.0.0.1", "-H",
                  f"Authorization: Bearer {ken.token}", url(world, "atl", path(which, "big"))]
    loading = subprocess.Popen(curl_words, stdout=subprocess.PIPE)
    got = hashlib.sha256()
    while part := loading.stdout.read(MB):
        got.update(part)
        peak = max(peak, memory_kb(machine))
    assert loading.wait() == 0 and got.digest() == wanted.digest()
    world.say(f"memory: {before} kB before, {peak} kB at most")
    # The address sanitizer keeps what is freed.
    assert "asan" in os.environ.get("POLLUX_BIN", "") or peak - before < 64_000, (before, peak)



# --- what a hand-over and other pools do --------------------------------------------------------


@test
def a_pool_that_does_not_serve_says_who_does(world):
    ken, which = deploy(world)
    put(ken, which, "a", b"x").must(201)
    wait_equal(world)
    word = f"kenmyer:{SECRET}"
    to = f"https://{world['atl'].fqdn}:{world['atl'].users_port}"
    file = world.folder / "file"
    file.write_bytes(b"y" * 100_000)
    seen = curl(world, "redmond", path(which, "a"), "--basic", "-u", word).must(307)
    assert seen.header("Location") == to + path(which, "a")
    curl(world, "redmond", path(which, "a"), "--basic", "-u", word, "-T", file).must(307)
    # curl follows, and sends it there.
    last = curl(world, "redmond", path(which, "b"), "--basic", "-u", word, "--location-trusted", "-T",
                file).must(201)
    assert [r for r in last.earlier if " 307" in r]
    get(ken, which, "b").must(200, b"y" * 100_000)


@test
def those_of_another_pool_share_where_the_conference_is(world):
    ken, _ = deploy(world)
    enable(world, "kim", pool="redmond")
    which = conference(ken, "kim")
    wait_equal(world)
    kim = ("--digest", "-u", f"kim:{SECRET}")
    there = f"/v1/pools/{ATL}{path(which).removeprefix('/v1')}"
    file = world.folder / "file"
    file.write_bytes(os.urandom(50_000))
    curl(world, "atl", path(which), *kim, "--location-trusted").must(404)  # it is none of her own pool's
    made = curl(world, "redmond", f"{there}/a%20b", "--location-trusted", *kim, "-T", file)
    assert made.must(201).header("Location") == f"{there}/a%20b", made
    get(ken, which, "a b").must(200, file.read_bytes())
    one, = curl(world, "atl", there, *kim).must(200).json["files"]
    assert one["href"] == f"{there}/a%20b" and one["size"] == 50_000, one
    curl(world, "atl", one["href"], *kim, "-X", "DELETE").must(204)
    assert files(ken, which) == []
    curl(world, "atl", f"/v1/pools/{ATL}/conferences/{'0' * 32}/files", *kim).must(404)


@test
def a_pool_that_serves_nobody_takes_no_files_and_shows_those_it_has(world):
    ken, which = deploy(world)
    put(ken, which, "a", b"x").must(201)
    world["atl"].ask("Stop-CsPool", PoolFqdn=ATL).must(200, '"done"')
    world.wait_mode("atl", "atl", "Rejoining")
    ken = Client(world, "kenmyer")
    refused = put(ken, which, "a", b"y").must(503, "limited service")
    assert refused.header("Retry-After")
    ken.ask("DELETE", path(which, "a")).must(503)
    get(ken, which, "a").must(200, b"x")
    assert lies(world, "atl", which, "a").read_bytes() == b"x"


@test
def every_way_to_show_who_one_is_does_for_an_upload(world):
    ken, which = deploy(world)
    file = world.folder / "file"
    file.write_bytes(os.urandom(3 * MB))
    for number, way in enumerate(("--digest", "--basic", "--anyauth")):
        curl(world, "atl", path(which, f"{number}"), way, "-u", f"kenmyer:{SECRET}", "-T",
             file).must(201)
        get(ken, which, f"{number}").must(200, file.read_bytes())
    curl(world, "atl", path(which, "no"), "--basic", "-u", "kenmyer:wrong", "-T", file).must(401)
    curl(world, "atl", path(which, "no"), "-T", file, "-H", "Expect:").must(401)
    curl(world, "atl", path(which, "no"), "-T", file, "-H", "Transfer-Encoding: chunked").must(401)
    assert len(files(ken, which)) == 3


# --- faults --------------------------------------------------------------------------------------


@test
def kill_9_in_the_middle_leaves_the_old_version(world):
    ken, which = deploy(world)
    put(ken, which, "x", b"old").must(201)
    machine = world["atl"]
    sending = Sending(ken, which, "x", b"new" * MB)
    incoming = machine.store.parent / "files/.pollux/incoming"
    until("some of it to have arrived",
          lambda: any(p.stat().st_size > MB for p in incoming.iterdir()))
    world.kill("atl")
    sending.end()
    world.start("atl")
    world.wait_mode("atl", "atl", "Serving")
    ken = Client(world, "kenmyer")
    get(ken, which, "x").must(200, b"old")
    assert [f["size"] for f in files(ken, which)] == [3]
    put(ken, which, "x", b"newer").must(200)
    get(ken, which, "x").must(200, b"newer")


@test
def what_was_acknowledged_survives_kill_9(world):
    ken, which = deploy(world)
    kept, stop = {}, threading.Event()

    def send(client, worker):
        for number in range(10_000):
            if stop.is_set():
                return
            name, bytes = f"{worker}-{number % 7}", os.urandom(2000 + number)
            try:
                reply = put(client, which, name, bytes)
            except AssertionError:
                return  # it was killed meanwhile
            if reply.status in (200, 201):
                kept[name] = bytes

    threads = [threading.Thread(target=send, args=(ken, n)) for n in range(4)]
    for thread in threads:
        thread.start()
    until("some to be acknowledged", lambda: len(kept) >= 20)
    world.kill("atl")
    stop.set()
    for thread in threads:
        thread.join()
    world.start("atl")
    world.wait_mode("atl", "atl", "Serving")
    ken = Client(world, "kenmyer")
    for name, bytes in kept.items():
        # One more version may be there that nobody was told of, and it is whole.
        until(f"{name} to be served", lambda: get(ken, which, name).reply.status == 200)
        there = get(ken, which, name).must(200).bytes
        assert there == bytes or len(there) > len(bytes), name


@test
def a_client_that_goes_away_leaves_nothing(world):
    ken, which = deploy(world)
    put(ken, which, "x", b"old").must(201)
    machine = world["atl"]
    incoming = machine.store.parent / "files/.pollux/incoming"
    for name in ("x", "new"):
        sending = Sending(ken, which, name, b"new" * 1000)
        until("it to have begun", lambda: list(incoming.iterdir()))
        sending.go_away()
        until("it to be gone", lambda: not list(incoming.iterdir()))
    get(ken, which, "x").must(200, b"old")
    get(ken, which, "new").must(404)


@test
def a_client_that_drips_or_falls_silent_loses_its_place(world):
    """Somebody else's byte now and then is no reason to keep him one of a few places."""
    ken, which = deploy(world)
    incoming = world["atl"].store.parent / "files/.pollux/incoming"
    lines = []
    for name in ("dripping", "silent"):
        lines.append(connect(ken))
        lines[-1].settimeout(0.5)
        lines[-1].sendall(f"PUT {path(which, name)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ken.token}"
                          "\r\nContent-Length: 100000\r\n\r\nx".encode())
    until("both to have begun", lambda: len(list(incoming.iterdir())) == 2)

    def has_ended(line, byte):
        try:
            line.sendall(byte)
            return line.recv(1000) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    ended = [False, False]
    def both_have_ended():
        for i, byte in enumerate((b"x", b"")):
            ended[i] = ended[i] or has_ended(lines[i], byte)
        return all(ended)
    until("both to be ended", both_have_ended)
    until("nothing of them to be left", lambda: not list(incoming.iterdir()))
    put(ken, which, "whole", b"x").must(201)


@test
def it_stops_in_order_while_uploads_begin(world):
    """What was only now found to be an upload was given to threads that had gone."""
    ken, which = deploy(world)
    machine = world["atl"]
    for number in range(8):
        connections = [connect(ken) for _ in range(36)]
        for n, connection in enumerate(connections):
            connection.sendall(
                f"PUT {path(which, n)} HTTP/1.1\r\nHost: {machine.fqdn}\r\nAuthorization: Bearer {ken.token}\r\n"
                "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n".encode())
        time.sleep(0.0005 * number)
        world.send("atl", signal.SIGTERM)
        assert machine.process.wait(PATIENCE_S) == 0
        for connection in connections:
            connection.close()
        world.start("atl")
        world.wait_mode("atl", "atl", "Serving")
        ken = Client(world, "kenmyer")


@test
def a_full_disk_refuses_and_loses_nothing(world):
    world.build(["atl", "redmond"])
    disk = SmallDisk(world, "atl")
    (disk.inside / "files").mkdir()
    (disk.inside / "files/.pollux-file-store").write_text(ATL + "\n")
    ken, which = begin(world)
    put(ken, which, "x", b"old").must(201)
    disk.fill()
    for _ in range(3):
        put(ken, which, "x", os.urandom(2 * MB)).must(507, "full")
        put(ken, which, "y", os.urandom(2 * MB)).must(507)
    get(ken, which, "x").must(200, b"old")
    get(ken, which, "y").must(404)
    assert list((disk.inside / "files/.pollux/incoming").iterdir()) == []
    disk.free()
    put(ken, which, "x", b"new").must(200)
    get(ken, which, "x").must(200, b"new")


@test
def a_file_store_without_its_marker_is_not_believed(world):
    ken, which = deploy(world)
    put(ken, which, "x", b"old").must(201)
    marker = world["atl"].store.parent / "files/.pollux-file-store"
    text = marker.read_text()
    marker.unlink()
    for reply in (put(ken, which, "x", b"new"), ken.ask("GET", path(which, "x")),
                  ken.ask("DELETE", path(which, "x"))):
        assert reply.must(503).header("Retry-After"), reply
    marker.write_text(text)
    get(ken, which, "x").must(200, b"old")


if __name__ == "__main__":
    sys.exit(main())
