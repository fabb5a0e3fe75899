#!/usr/bin/env python3
"""What a sign-on over HTTPS costs the server, and what a session takes of its memory: 2,500 users,
16 sessions each, on connections that stay open. The client is slower than the server, so what
counts is the server's CPU time."""

import base64
import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test/system"))
from pollux_world import *  # noqa: E402

USERS, SESSIONS_EACH, CLIENTS, SECRET = 2500, 16, 8, "Geheim 123"


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def connection_to(world):
    machine = world["atl"]
    connection = http.client.HTTPSConnection(machine.fqdn, machine.users_port,
                                             context=tls(world.folder / "pki/authority.pem"))
    plain = socket.create_connection((machine.address, machine.users_port))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sock = connection._context.wrap_socket(plain, server_hostname=machine.fqdn)
    return connection


def call(connection, method, path, **headers):
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    return answer


def basic(connection, user):
    proof = base64.b64encode(f"{user}:{SECRET}".encode()).decode()
    return call(connection, "POST", "/v1/session", Authorization=f"Basic {proof}")


def digest(connection, user):
    """Asked for a challenge each time, as a client that starts does."""
    offer = next(v for n, v in call(connection, "POST", "/v1/session").getheaders()
                 if v.startswith("Digest") and "SHA-256" in v)
    asked = dict(re.findall(r'(\w+)="([^"]+)"', offer))
    h = lambda *parts: hashlib.sha256(":".join(parts).encode()).hexdigest()
    response = h(h(user, asked["realm"], SECRET), asked["nonce"], "00000001", "c", "auth",
                 h("POST", "/v1/session"))
    return call(connection, "POST", "/v1/session", Authorization=(
        f'Digest username="{user}", realm="{asked["realm"]}", nonce="{asked["nonce"]}", '
        f'uri="/v1/session", cnonce="c", nc=00000001, qop=auth, algorithm=SHA-256, '
        f'response="{response}"'))


def sign_everybody_on(world, way, times):
    pid = world["atl"].process.pid

    def some(number):
        connection = connection_to(world)
        for turn in range(times):
            for user in range(number, USERS, CLIENTS):
                assert way(connection, f"user{user}").status == 201
        connection.close()

    memory, cpu, began = memory_kb(pid), cpu_s(pid), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(some, range(CLIENTS)))
    count = USERS * times
    print(f"{way.__name__:8} {count:7} sign-ons: {(cpu_s(pid) - cpu) / count * 1e6:5.0f} us of the "
          f"server's CPU each, {count / (time.monotonic() - began):6.0f}/s; "
          f"memory {memory / 1024:.1f} -> {memory_kb(pid) / 1024:.1f} MB", flush=True)


@test
def users(world):
    world.deploy(["atl"])
    for user in range(USERS):
        world["atl"].ask("Enable-CsUser", Identity=f"user{user}", DisplayName="x",
                         RegistrarPool=name_of("atl")).must(200, '"done"')
        world["atl"].ask("Set-CsClientPin", Identity=f"user{user}", Pin=SECRET).must(200, '"done"')
    sign_everybody_on(world, basic, SESSIONS_EACH // 2)
    sign_everybody_on(world, digest, SESSIONS_EACH // 2)


sys.exit(main())
