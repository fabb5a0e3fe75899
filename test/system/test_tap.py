"""What somebody gets to see who taps the cable between two pools: TLS, and nothing else.

Prints TAP; needs root. Every byte that either pool sends is read at the cable, put together again,
and must be a record of TLS 1.3 from the first to the last one."""

import struct
import sys

from pollux_world import *
from test_bulk import imported, many, write_lines
from test_content import Files, wait_same

tests.clear()

ALL, TCP = 0x0003, 6
IP, ARP, IPV6 = 0x0800, 0x0806, 0x86DD  # the last two: what a network says to itself
SYN = 2
HANDSHAKE, CHANGE, ALERT, DATA = 22, 20, 21, 23  # types of TLS records
RECORD_MAX = 16384 + 256
SECRET = "Geheimwort-Nachtigall"
USERS, FILES = 40, 20


class Tap:
    """Everything that comes by at one end of a cable, from before it is used."""

    ROOM = 128 << 20  # bytes that may wait, so that nothing is missed
    PACKET, STATISTICS, FORCE = 263, 6, 33  # names that Python lacks

    def __init__(self, network, pool, other):
        self.frames, self.ends = [], False
        self.thread = threading.Thread(target=self.listen, args=(network, pool, f"to-{other}"))
        self.ready = threading.Event()
        self.thread.start()
        assert self.ready.wait(PATIENCE_S), "the cable could not be tapped"

    def listen(self, network, pool, device):
        network.enter(pool)  # this thread alone
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL)) as tap:
            tap.setsockopt(socket.SOL_SOCKET, self.FORCE, self.ROOM)
            tap.bind((device, ALL))
            tap.settimeout(0.1)
            self.ready.set()
            while not self.ends:
                try:
                    self.frames.append(tap.recv(1 << 17))
                except TimeoutError:
                    pass
            counted = tap.getsockopt(self.PACKET, self.STATISTICS, 8)
            self.missed = struct.unpack("II", counted)[1]

    def end(self):
        self.ends = True
        self.thread.join()
        assert self.missed == 0, f"{self.missed} frames were missed"
        return self.frames


def tcp_of(frame):
    """Who sends whom, from where on, and what; None if it is no TCP."""
    kind = struct.unpack(">H", frame[12:14])[0]
    if kind != IP or frame[23] != TCP:
        return None
    size = struct.unpack(">H", frame[16:18])[0] or len(frame) - 14
    ip = frame[14:14 + size]
    tcp = ip[(ip[0] & 15) * 4:]
    source, target, number = struct.unpack(">HHI", tcp[:8])
    return (ip[12:16], source, ip[16:20], target), number, tcp[13], tcp[(tcp[12] >> 4) * 4:]


class Stream:
    """One direction of a connection, whatever came twice or in another order."""

    def __init__(self, first):
        self.first, self.parts = first + 1, {}

    def add(self, number, bytes_):
        if bytes_:
            at = (number - self.first) % (1 << 32)
            if len(bytes_) > len(self.parts.get(at, b"")):
                self.parts[at] = bytes_

    def content(self):
        whole = bytearray()
        for at in sorted(self.parts):
            assert at <= len(whole), f"bytes {len(whole)} to {at} never came by"
            whole[at:at + len(self.parts[at])] = self.parts[at]
        return bytes(whole)


def streams_of(frames):
    streams, others = {}, set()
    for frame in frames:
        tcp = tcp_of(frame)
        if not tcp:
            others.add(struct.unpack(">H", frame[12:14])[0])
            continue
        who, number, flags, bytes_ = tcp
        if flags & SYN and who not in streams:
            streams[who] = Stream(number)
        if who not in streams:  # nobody listens there, and that is all that is said
            assert not bytes_, "a connection that began before the tap"
            continue
        streams[who].add(number + (1 if flags & SYN else 0), bytes_)
    return streams, others


def records_of(stream):
    """The types of a stream's records, which must fill it; the last one may be cut off."""
    at, types = 0, []
    while at + 5 <= len(stream):
        kind, version, size = struct.unpack(">BHH", stream[at:at + 5])
        assert kind in (HANDSHAKE, CHANGE, ALERT, DATA) and version >> 8 == 3 and 0 < size <= RECORD_MAX, \
            f"no TLS at byte {at}: {stream[at:at + 40]!r}"
        types.append(kind)
        at += 5 + size
    return types


def must_be_tls(stream):
    types = records_of(stream)
    assert types and types[0] == HANDSHAKE, f"it does not begin as TLS does: {stream[:40]!r}"
    # Of a handshake of 1.3 only the hellos are seen, which have no names of people in them.
    assert types.count(HANDSHAKE) <= 2, "more of the handshake is seen than 1.3 shows"
    return sum(1 for t in types if t == DATA)


@test
def whoever_taps_the_cable_sees_tls_and_nothing_else(world):
    """Users, their data and files are copied, and a pool is moved there and back."""
    world.build(["atl", "redmond"], network=True)
    tap = Tap(world.network, "atl", "redmond")
    files = [Files(world, pool).configure() for pool in world.pools]
    world.begin()
    lines = [json.dumps(line).replace("xxxx", SECRET) for line in many(world, USERS, size=400)]
    write_lines(world.folder / "users.json", *lines)
    imported(world)
    for n in range(FILES):
        files[0].write("atl", f"{SECRET}/{n}.txt", SECRET * 2000)
    wait_same(files, "atl", FILES)
    world.command("atl", "Invoke-CsBackupServiceSync", "-PoolFqdn", name_of("atl")).must(0)
    world.command("redmond", "Invoke-CsPoolFailOver", "-PoolFqdn", name_of("atl")).must(0)
    world.command("atl", "Invoke-CsPoolFailBack", "-PoolFqdn", name_of("atl")).must(0)
    world.stop("redmond")
    world.stop("atl")
    streams, others = streams_of(tap.end())
    contents = [stream.content() for stream in streams.values()]
    spoken = [must_be_tls(content) for content in contents if content]
    assert sum(map(len, contents)) > USERS * 400 and max(spoken) > 10, "nothing was copied"
    assert not any(SECRET.encode() in content for content in contents)
    assert others <= {ARP, IPV6}, "something else than TCP went over the cable"
    assert len({who[0] for who in streams}) == 2, "only one side was heard"


if __name__ == "__main__":
    sys.exit(main())
