"""The link between pools, as somebody meets it who has no business there, or a broken machine.

Prints TAP. Certificates decide who is talked to; everything that arrives is hostile until checked."""

import http.server
import os
import random
import socket
import ssl
import sys
import threading
import time

from expired import expire
from pollux_world import *

HEARTBEAT = "/link/v1/heartbeat"
# Of a machine that is gone: two come in a second, and 76 came when each was tried again at once.
CALLS_COUNTED, CALLS_A_SECOND_MAX = 6, 6
PATHS = [HEARTBEAT, "/link/v1/question", "/link/v1/create", "/link/v1/command"]


def message(pool, machine=None, **fields):
    return {"protocol": 1, "version": "0.1.0", "machine": name_of(machine or pool),
            "pool": name_of(pool), **fields}


def heartbeat(pool, machine=None, homes=(), **fields):
    said = {"rest": "00000000000000bb", "whole": True, "knows": "0" * 16, **fields}
    return message(pool, machine, started="00000000000000aa", time=int(time.time() * 1000),
                   topology="0000000000000001", engine="SQLite", homes=list(homes), **said)


def pair(world, machine, folder="pki"):
    fqdn = name_of(machine)
    return world.folder / folder / f"{fqdn}.pem", world.folder / folder / f"{fqdn}.key"


def context_of(world, machine, folder="pki", **options):
    return tls(world.folder / "pki/authority.pem", *pair(world, machine, folder), **options)


def call(world, to, body, context, path=HEARTBEAT, method="POST"):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return link_call(world[to], path, body, context, method)


class FakeMachine:
    """A machine of the deployment that is played by the test: it answers what `answer` returns for
    (path, message), with the machine's own certificate."""

    def __init__(self, world, pool, answer):
        self.arrivals = []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fake.arrivals.append((time.monotonic(), self.path, json.loads(body)))
                status, text = answer(self.path, fake.arrivals[-1][2])
                text = text if isinstance(text, bytes) else json.dumps(text).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*(str(f) for f in pair(world, pool)))
        self.server = Server(("127.0.0.1", world[pool].port), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        world.at_the_end.append(self.end)

    def end(self):
        self.server.shutdown()
        self.server.server_close()


# --- certificates ------------------------------------------------------------------------------


@test
def a_machine_of_the_deployment_is_answered(world):
    """What all the refusals below are to be compared with."""
    world.build(["atl", "redmond"]).start("atl")
    said = call(world, "atl", heartbeat("redmond"), context_of(world, "redmond")).must(200).json
    assert said["machine"] == name_of("atl") and said["pool"] == name_of("atl"), said
    assert {h["home"] for h in said["homes"]} == {name_of("atl"), name_of("redmond"), CENTRAL}


@test
def who_shows_no_certificate_is_refused_and_told_why(world):
    world.build(["atl", "redmond"]).start("atl")
    stranger = tls(world.folder / "pki/authority.pem")
    for path in PATHS + ["/", "/link/v2/heartbeat", "/admin/v1/commands/Get-CsPoolFabricState"]:
        call(world, "atl", heartbeat("redmond"), stranger, path).must(403, "certificate")
    world.wait_event("atl", "link-refused", "certificate", "127.0.0.1")


@test
def a_certificate_of_another_authority_is_refused_and_told_why(world):
    world.build(["atl", "redmond"]).start("atl")
    world.pki("init", "--name", "Litware test", folder="other")
    world.pki("issue", name_of("redmond"), "--pool", name_of("redmond"), folder="other")
    foreign = context_of(world, "redmond", "other")
    call(world, "atl", heartbeat("redmond"), foreign).must(403, "authority", "pollux pki issue")
    world.wait_event("atl", "link-refused", "authority")


@test
def people_and_machines_each_have_their_own_way_in(world):
    """One authority issues both, and neither may pass for the other."""
    world.build(["atl", "redmond"]).start("atl")
    world.pki("administrator", "ann")
    ann = tls(world.folder / "pki/authority.pem", world.folder / "pki/administrator-ann.pem",
              world.folder / "pki/administrator-ann.key")
    for path in PATHS:
        call(world, "atl", heartbeat("redmond"), ann, path).must(403, "names ann, a person")
    call(world, "atl", {}, context_of(world, "redmond"),
         "/admin/v1/commands/Get-CsPoolFabricState").must(403, "which is not a person")
    world.wait_event("atl", "link-refused", "a person")
    certificate, key = pair(world, "redmond")
    run(POLLUX, "Get-CsComputer", env={
        **os.environ, "POLLUX_SERVER": f"https://{name_of('atl')}:{world['atl'].port}",
        "POLLUX_ADDRESS": "127.0.0.1", "POLLUX_CERTIFICATE": str(certificate),
        "POLLUX_KEY": str(key), "POLLUX_AUTHORITY": str(world.folder / "pki/authority.pem")}).must(
            3, "which is not a person", "pollux pki administrator")


@test
def an_expired_certificate_is_refused_and_told_why(world):
    world.build(["atl", "redmond"]).start("atl")
    folder = world.folder / "expired"
    folder.mkdir()
    # The product makes no expired certificates, so openssl does, with the product's authority.
    (folder / "ext").write_text(f"subjectAltName=DNS:{name_of('redmond')}\n"
                                "extendedKeyUsage=serverAuth,clientAuth\n"
                                "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n")
    certificate, key = pair(world, "redmond", "expired")
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", f"/CN={name_of('redmond')}", "-keyout", key, "-out", folder / "csr").must(0)
    run("openssl", "x509", "-req", "-in", folder / "csr", "-CA", world.folder / "pki/authority.pem",
        "-CAkey", world.folder / "pki/authority.key", "-set_serial", "4711", "-days", "-1",
        "-extfile", folder / "ext", "-out", certificate).must(0)
    answer = call(world, "atl", heartbeat("redmond"), context_of(world, "redmond", "expired"))
    answer.must(403, "expired")
    world.wait_event("atl", "link-refused", "expired")


@test
def a_machine_speaks_only_for_itself(world):
    """Neither for another pool, nor for another machine, nor for one that nobody knows."""
    world.build(["atl", "redmond", "tokyo"]).start("atl")
    tokyo, redmond = context_of(world, "tokyo"), context_of(world, "redmond")
    homes = [{"home": name_of("atl"), "term": {"number": 9, "tag": "00000000000000bb"}, "seen": 9,
              "mode": "Serving"}]
    call(world, "atl", heartbeat("redmond", homes=homes), tokyo).must(
        403, "speaks only", name_of("tokyo"))
    call(world, "atl", heartbeat("tokyo", homes=homes), redmond).must(403, "speaks only")
    call(world, "atl", heartbeat("redmond", "tokyo"), redmond).must(403, "knows no machine")
    call(world, "atl", heartbeat("oslo"), redmond).must(403, "knows no machine", "oslo")
    # A good certificate of the deployment, for a machine that the topology does not have.
    world.pki("issue", name_of("oslo"), "--pool", name_of("redmond"))
    oslo = context_of(world, "oslo")
    call(world, "atl", heartbeat("oslo"), oslo).must(403, "knows no machine")
    # None of that was believed.
    assert world["atl"].status_of("atl")["Term"] == 0
    for path, fields in (("/link/v1/question", {"home": name_of("redmond"), "seen": 0, "head": 0,
                                                "lineage": "0000", "parts": False,
                                                "nonce": "00000000000000aa",
                                                "term": {"number": 0, "tag": "0" * 16}}),
                         ("/link/v1/create", {"home": name_of("atl")}),
                         ("/link/v1/command", {"payload": {}})):
        call(world, "atl", message("redmond", **fields), tokyo, path).must(403, "speaks only")


@test
def a_certificate_must_carry_both_the_machine_and_its_pool(world):
    """Seen only where the two have different names."""
    world.build(["atl", "redmond", "tokyo"])
    machine = "tokyo-fe-01.litwareinc.com"
    world.topology.write_text(
        world.topology_text().replace(f'machine "{name_of("tokyo")}"', f'machine "{machine}"'))
    world.start("atl")
    world.pki("issue", machine, "--pool", name_of("oslo"), "--out", world.folder / "wrong")
    world.pki("issue", machine, "--pool", name_of("tokyo"), "--out", world.folder / "right")
    body = heartbeat("tokyo", machine)
    call(world, "atl", body, context_of(world, machine, "wrong")).must(403, "speaks only")
    call(world, "atl", body, context_of(world, "tokyo")).must(403, "speaks only")
    call(world, "atl", body, context_of(world, machine, "right")).must(200)


@test
def only_the_partner_asks_and_only_the_holder_of_central_orders(world):
    """A machine with a good certificate still has no say about other people's homes."""
    world.build(["atl", "redmond", "tokyo"]).start("redmond")
    tokyo = context_of(world, "tokyo")
    question = message("tokyo", home=name_of("redmond"), nonce="00000000000000aa", seen=4, head=0,
                       lineage="0000", parts=False,
                       term={"number": 4, "tag": "00000000000000bb"})
    call(world, "redmond", question, tokyo, "/link/v1/question").must(409, "not the partner")
    order = message("tokyo", home=name_of("redmond"))
    call(world, "redmond", order, tokyo, "/link/v1/create").must(409, "takes no order")
    order = message("atl", home=name_of("tokyo"))
    call(world, "redmond", order, context_of(world, "atl"), "/link/v1/create").must(
        409, "takes no order")
    assert world["redmond"].status_of("redmond")["Term"] == 0
    assert world.mode("redmond", "redmond") == "Rejoining"


@test
def refusals_are_logged_without_filling_the_log(world):
    """A stranger that knocks all day gets one line now and then, not one for each knock."""
    world.build(["atl", "redmond"]).start("atl")
    stranger = tls(world.folder / "pki/authority.pem")
    began = time.monotonic()
    connection = LinkConnection(world["atl"], stranger)
    for _ in range(300):
        connection.request("POST", HEARTBEAT, b"{}")
        connection.getresponse().read()
    connection.close()
    took = time.monotonic() - began
    lines = world["atl"].events("link-refused")
    assert 1 <= len(lines) <= 2 * (took + 2), (took, len(lines))
    # Those that were not told are counted in the next line.
    until("the next one to be told", lambda: (
        call(world, "atl", b"{}", stranger),
        world["atl"].events("link-refused", "more calls were refused"))[1])


@test
def nothing_but_tls_1_3_gets_through(world):
    """Nothing travels in the clear, nothing by an older protocol."""
    world.build(["atl", "redmond"]).start("atl")
    old = context_of(world, "redmond", version=ssl.TLSVersion.TLSv1_2)
    try:
        call(world, "atl", heartbeat("redmond"), old)
        raise AssertionError("TLS 1.2 was accepted")
    except (ssl.SSLError, ConnectionError):
        pass
    with socket.create_connection(("127.0.0.1", world["atl"].port), PATIENCE_S) as plain:
        plain.sendall(f"POST {HEARTBEAT} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}"
                      .encode())
        try:
            got = plain.recv(4096)
        except ConnectionError:
            got = b""
        assert b"HTTP" not in got and b"atl" not in got, got
    with LinkConnection(world["atl"], context_of(world, "redmond"))._context.wrap_socket(
            socket.create_connection(("127.0.0.1", world["atl"].port), PATIENCE_S),
            server_hostname=name_of("atl")) as good:
        assert good.version() == "TLSv1.3", good.version()


@test
def a_machine_that_is_gone_is_called_at_the_pace_of_heartbeats(world):
    """What is refused is refused at once: whoever tried again for it would do nothing else. Its pace is
    four in a failure-detection interval; what copies, and asks, comes besides."""
    world.deploy(["atl", "redmond"])
    world.kill("atl")
    with socket.create_server(("127.0.0.1", world["atl"].port)) as gone:
        gone.settimeout(PATIENCE_S)
        gone.accept()[0].close()
        began = time.monotonic()
        for _ in range(CALLS_COUNTED):
            gone.accept()[0].close()
        assert time.monotonic() - began > CALLS_COUNTED / CALLS_A_SECOND_MAX, time.monotonic() - began
    world.start("atl")
    world.wait_hears("redmond", "atl")


@test
def a_certificate_that_ends_soon_is_warned_of(world):
    world.build(["atl", "redmond"])
    for file in pair(world, "atl"):
        file.unlink()
    world.pki("issue", name_of("atl"), "--pool", name_of("atl"), "--days", "5")
    world.start()
    world.wait_event("atl", "certificate-expires", "pollux pki renew", name_of("atl"))
    assert not world["redmond"].events("certificate-expires")
    assert world["atl"].events("warning", "certificate-expires")


@test
def a_machine_whose_certificate_has_expired_says_so_and_its_partner_too(world):
    """Nobody talks to it any more: both logs must say why, and a new pair mends it."""
    world.build(["atl", "redmond"])
    certificate, _ = pair(world, "redmond")
    good = certificate.read_bytes()
    expire(world, "redmond")
    world.start()
    world.wait_event("redmond", "error", "certificate-expired", "pollux pki renew")
    world.wait_event("atl", "machine-unreachable", "expired")
    world.wait_event("atl", "link-refused", "expired")
    certificate.write_bytes(good)
    world.reload("redmond")
    world.wait_hears("atl", "redmond")
    world.wait_hears("redmond", "atl")


def serial_of(world, pool):
    context = tls(world.folder / "pki/authority.pem")
    plain = socket.create_connection((world[pool].address, world[pool].port), PATIENCE_S)
    with context.wrap_socket(plain, server_hostname=name_of(pool)) as connection:
        return connection.getpeercert()["serialNumber"]


@test
def a_renewed_certificate_is_used_after_a_reload_and_the_link_never_breaks(world):
    world.deploy(["atl", "redmond"], interval_s=60)  # nobody is away for that long
    term, old = world.term("atl", "atl"), serial_of(world, "atl")
    world.pki("renew", name_of("atl"))
    assert serial_of(world, "atl") == old, "it was used before anybody said so"
    world.reload("atl")
    assert world["atl"].events("reloaded:") and not world["atl"].events("reload-refused")
    until("the new certificate", lambda: serial_of(world, "atl") != old)
    world.pki("renew", name_of("redmond"))
    world.reload("redmond")
    for pool in ("atl", "redmond"):
        assert world.publish("atl").status == 0
        assert not world[pool].events("machine-unreachable", "does not answer us",
                                      "ertificate"), world[pool].events("machine-unreachable")
        assert not world[pool].events("to Resiliency")
    assert world.term("atl", "atl") == term
    world.terms_must_be_unique()


@test
def a_torn_pair_is_not_loaded_and_the_old_one_stays(world):
    """Key and certificate are two files: whoever reads between the two keeps what it had."""
    world.deploy(["atl", "redmond"])
    old = serial_of(world, "atl")
    key = pair(world, "atl")[1]
    good = key.read_bytes()
    key.write_bytes(pair(world, "redmond")[1].read_bytes())
    world.reload("atl")
    world.wait_event("atl", "reload-refused")
    assert serial_of(world, "atl") == old
    world.wait_hears("redmond", "atl")
    key.write_bytes(good)
    world.reload("atl")
    world.wait_event("atl", "reloaded:")
    world.all_serve()


# --- what arrives ------------------------------------------------------------------------------


def garbage(dice):
    """A body that nobody would send who means well."""
    good = heartbeat("redmond", homes=[
        {"home": name_of("redmond"), "term": {"number": 2, "tag": "00000000000000bb"}, "seen": 2,
         "mode": "Serving"}])
    values = [None, True, -1, 0, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 1e308, 0.5, "", "x", "0" * 16,
              "f" * 16, "F" * 16, "\u0000", "é" * 300, "central", [], {}, [[]], {"number": {}},
              {"number": 2**62, "tag": "f" * 16}, {"number": -1, "tag": "0" * 16},
              {"number": 1, "tag": "0" * 16}, {"number": 2**62 - 1, "tag": "0" * 15 + "1"}]

    def spoil(value):
        if isinstance(value, dict) and value and dice.random() < 0.8:
            key = dice.choice(list(value))
            return {**value, key: spoil(value[key])}
        if isinstance(value, list) and value and dice.random() < 0.8:
            return [spoil(value[0])] * dice.choice([1, 2, 257])
        return dice.choice(values)

    text = json.dumps(spoil(good)).encode()
    trick = dice.random()
    if trick < 0.1:
        return text[:dice.randrange(len(text))]
    if trick < 0.2:
        at = dice.randrange(len(text))
        return text[:at] + bytes([dice.randrange(256)]) + text[at + 1:]
    return text


@test
def garbage_is_refused_and_does_no_harm(world):
    """Wrong types, huge numbers, half messages, wrong UTF-8: a refusal each, and it goes on."""
    world.deploy(["atl", "redmond", "tokyo"], interval_s=30)
    world.stop("tokyo")
    dice = random.Random(os.environ.get("POLLUX_SEED", "11"))
    term = world.term("atl", "atl")
    tokyo = context_of(world, "tokyo")
    bodies = [b"", b"null", b"[]", b"{}", b'"', b"\xff\xfe\x00", b"\xc3\x28", b"[" * 100000,
              b'{"a":' * 50000, b'{"protocol":1,"protocol":1}', b'{"\\u0000":1}',
              b"\x00" * 1000, b'{"protocol":99999999999999999999999}', b"1e999999",
              json.dumps({**heartbeat("tokyo"), "protocol": 2}).encode()]
    bodies += [garbage(dice).replace(name_of("redmond").encode(), name_of("tokyo").encode(), 2)
               for _ in range(300 * SOAK)]
    connection = LinkConnection(world["atl"], tokyo)
    refused = 0
    for body in bodies:
        for path in PATHS if dice.random() < 0.3 else [HEARTBEAT]:
            connection.request("POST", path, body)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200 or 400 <= answer.status < 500 or answer.status == 501, \
                (answer.status, body)
            refused += answer.status != 200
    connection.close()
    assert refused > len(bodies) / 2, refused
    call(world, "atl", heartbeat("tokyo"), tokyo).must(200)
    assert world.term("atl", "atl") >= term
    world.publish("atl").must(0)


@test
def too_large_slow_and_broken_off_requests_hold_nobody_up(world):
    world.deploy(["atl", "redmond"], interval_s=30)
    context = context_of(world, "redmond")
    for size in (1 << 20, 10 << 20):
        try:
            answer = call(world, "atl", b" " * size, context)
            assert answer.status in (400, 413), answer.status
        except OSError:
            pass  # it hung up in the middle, which is as good
    for head in ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000000\r\n\r\n",
                 "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                 "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
                 "GET " + "/a" * 60000 + " HTTP/1.1\r\n\r\n", "\0\0\0\0\r\n\r\n",
                 "POST /link/v1/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"):
        with context.wrap_socket(
                socket.create_connection(("127.0.0.1", world["atl"].port), PATIENCE_S),
                server_hostname=name_of("atl")) as connection:
            try:
                connection.sendall(head.encode())
            except OSError:
                pass
    # Connections that say nothing, and handshakes that stop in the middle.
    idle = [socket.create_connection(("127.0.0.1", world["atl"].port)) for _ in range(50)]
    for connection in idle[:25]:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
    call(world, "atl", heartbeat("redmond"), context).must(200)
    world.publish("atl").must(0)
    for connection in idle:
        connection.close()
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        call(world, "atl", heartbeat("redmond"), context, method=method).must(400, "POST")
    call(world, "atl", heartbeat("redmond"), context, "/link/v1/nothing").must(404)
    assert not world["atl"].events("to Rejoining")


# --- a partner that is broken ------------------------------------------------------------------


@test
def heartbeats_come_several_times_within_the_shortest_interval(world):
    """One heartbeat for each interval would be a false alarm whenever one comes a little late."""
    world.build(["atl", "redmond"], interval_s=1)
    fake = FakeMachine(world, "redmond", lambda path, said: (500, b"no"))
    world.start("atl")

    def often():
        times = [at for at, path, _ in list(fake.arrivals) if path == HEARTBEAT][-12:]
        gaps = sorted(b - a for a, b in zip(times, times[1:]))
        return len(gaps) == 11 and gaps[5] < 0.5

    until("heartbeats at least twice within the interval", often, 30)


@test
def of_others_homes_is_said_what_is_not_known_yet(world):
    """Who asks as tokyo hears of quito once, and again when it says that it does not know that."""
    world.deploy(["atl", "redmond", "tokyo", "quito"], interval_s=30)
    homes = lambda said: {home["home"].split("-")[0] for home in said["homes"]}
    ours = {"atl", "redmond", CENTRAL}
    world.wait_hears("atl", "quito", "tokyo")
    world.stop("tokyo")
    context = context_of(world, "tokyo")
    say = lambda **fields: call(world, "atl", heartbeat("tokyo", **fields), context).must(200).json

    def settled():
        """Whom atl hears is among what it tells."""
        first = say(knows="0" * 16)
        assert first["whole"] and homes(first) == ours | {"tokyo", "quito"}, first
        second = say(knows=first["rest"])
        return second if second["rest"] == first["rest"] and not second["whole"] else None
    told = until("atl to tell tokyo only what is its business", settled)
    assert homes(told) == ours | {"tokyo"}, told
    assert told["knows"] == "00000000000000bb", "it has all that was said as whole"
    say(knows=told["rest"], rest="00000000000000cc", whole=False)
    assert say(knows=told["rest"])["knows"] == "00000000000000bb"
    # What changes is told, whoever it is about.
    world.stop("quito")
    until("that nobody hears quito to be told", lambda: say(knows=told["rest"])["whole"])


@test
def a_partner_that_answers_nonsense_is_not_believed(world):
    """Whatever comes back: an error is told, nothing is served on the strength of it."""
    world.deploy(["atl", "redmond"])
    world.stop("redmond")
    world.kill("atl")
    dice = random.Random(os.environ.get("POLLUX_SEED", "13"))
    answers = [(200, b""), (200, b"null"), (200, b"{}"), (200, b"\xff" * 100), (200, b"[" * 10000),
               (204, b""), (301, b""), (500, b"oops"), (200, b"x" * (2 << 20)),
               (403, b'{"error":"foreign","what":"\\u0000"}'), (999, b"{}"),
               (200, json.dumps(message("tokyo")).encode())]
    turn = iter(range(10**9))

    def answer(path, said):
        n = next(turn)
        if n < len(answers):
            return answers[n]
        if path == "/link/v1/question":
            # Grants for another start, of the wrong parity, too low, and for nobody.
            return dice.choice([
                (200, message("redmond", nonce="00000000000000aa", verdict="granted", number=8,
                              term={"number": 0, "tag": "0" * 16})),
                (200, message("redmond", nonce=said["nonce"], verdict="granted", number=9,
                              term={"number": 0, "tag": "0" * 16})),
                (200, message("redmond", nonce=said["nonce"], verdict="granted", number=2,
                              term={"number": 0, "tag": "0" * 16})),
                (200, message("redmond", nonce=said["nonce"], verdict="superseded", number=0,
                              term={"number": 1, "tag": "f" * 16})),
                (200, message("atl", nonce=said["nonce"], verdict="granted", number=8,
                              term={"number": 0, "tag": "0" * 16})),
                (200, message("redmond", nonce=said["nonce"], verdict="perhaps", number=8,
                              term={"number": 0, "tag": "0" * 16}))])
        return 200, garbage(dice)

    fake = FakeMachine(world, "redmond", answer)
    world.start("atl")
    until("many wrong answers", lambda: len(fake.arrivals) > 30)
    assert world.mode("atl", "atl") == "Rejoining", world["atl"].status_of("atl")
    assert world.mode("atl", CENTRAL) == "Rejoining"
    assert world["atl"].events("machine-unreachable")


if __name__ == "__main__":
    sys.exit(main())
