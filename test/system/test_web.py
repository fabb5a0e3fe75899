#!/usr/bin/env python3
"""Users, as their clients meet a pool: the real polluxd, and curl."""

import base64
import hashlib

from pollux_world import *
from web_client import *


class Connection(http.client.HTTPSConnection):
    """One that stays open, for many requests."""

    def __init__(self, client):
        self.client, self.machine = client, client.world[client.pool]
        super().__init__(self.machine.fqdn, self.machine.users_port, timeout=PATIENCE_S,
                         context=tls(client.world.folder / "pki/authority.pem"))

    def connect(self):
        plain = socket.create_connection((self.machine.address, self.machine.users_port),
                                         self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.machine.fqdn)

    def ask(self, method, path, body=None, **headers):
        self.request(method, path, body, {"Authorization": f"Bearer {self.client.token}",
                                          "Content-Type": LISTS,
                                          **{n.replace("_", "-"): v for n, v in headers.items()}})
        answer = self.getresponse()
        return answer.status, answer.getheader("ETag"), answer.read().decode()


# --- signing on --------------------------------------------------------------------------------


@test
def everybody_signs_on_in_the_way_that_his_client_knows(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    bare = curl(world, "atl", "/v1/session").must(401, "This is for users")
    offered = [v for n, v in bare.headers if n == "WWW-Authenticate"]
    assert [v.split()[0] for v in offered] == ["Digest", "Digest", "Basic"]
    assert "algorithm=SHA-256" in offered[0] and "algorithm=MD5" in offered[1], offered
    assert all(f'realm="{REALM}"' in v for v in offered)
    assert bare.header("Cache-Control") == "no-store"
    assert bare.header("Strict-Transport-Security").startswith("max-age=")
    for user in ("kenmyer", f"kenmyer@{REALM}"):
        for way in ("--digest", "--basic", "--anyauth"):
            reply = curl(world, "atl", "/v1/session", way, "-X", "POST", "-u", f"{user}:{SECRET}")
            session = reply.must(201).json
            assert session["user"] == f"sip:kenmyer@{REALM}" and session["pool"] == ATL, session
            assert not session["limited"] and len(session["token"]) == 64, session
            token = ("-H", f"Authorization: Bearer {session.pop('token')}")
            told = curl(world, "atl", "/v1/session", *token).must(200).json
            assert {**told, "expires": session["expires"]} == session and told["expires"], told
            assert curl(world, "atl", "/v1/session", *token, "-I").must(200).text == ""
            curl(world, "atl", "/v1/session", *token, "-X", "POST").must(400, "with the secret")
            curl(world, "atl", "/v1/session", *token, "-X", "DELETE").must(204)
            curl(world, "atl", "/v1/session", *token).must(401, "has ended", "invalid_token")
    # A secret will do for a single request, too; but that is no session.
    curl(world, "atl", "/v1/settings", "--digest", "-u", f"kenmyer:{SECRET}").must(200, "{}")
    curl(world, "atl", "/v1/session", "--digest", "-u", f"kenmyer:{SECRET}").must(
        404, "belongs to no session")


def answer_to(offer, user, secret, method, path, count=1, uri=None):
    """What RFC 7616 has a client answer."""
    asked = dict(re.findall(r'(\w+)="?([^",]+)"?', offer))
    algorithm = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}[asked["algorithm"]]
    h = lambda *parts: algorithm(":".join(parts).encode()).hexdigest()
    uri, nc = uri or path, f"{count:08x}"
    response = h(h(user, asked["realm"], secret), asked["nonce"], nc, "c", "auth", h(method, uri))
    return ("-H", f'Authorization: Digest username="{user}", realm="{asked["realm"]}", nonce="'
                  f'{asked["nonce"]}", uri="{uri}", cnonce="c", nc={nc}, qop=auth, algorithm='
                  f'{asked["algorithm"]}, response="{response}"')


def offers(reply):
    return [v for n, v in reply.headers if v.startswith("Digest")]


@test
def an_answer_is_good_once_and_for_what_it_was_made(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    path = "/v1/settings"
    for which in (0, 1):
        offer = offers(curl(world, "atl", path))[which]
        proof = lambda *words, **more: answer_to(offer, "kenmyer", SECRET, *words, **more)
        curl(world, "atl", path, *proof("GET", path)).must(200)
        again = curl(world, "atl", path, *proof("GET", path)).must(401, "used already")
        assert all("stale=true" in o for o in offers(again)), again
        curl(world, "atl", path, *proof("GET", path, count=2)).must(200)
        curl(world, "atl", path, *proof("PUT", path, count=3)).must(401, "no such user")
        curl(world, "atl", path, *proof("GET", path, count=3, uri="/v1/session")).must(
            400, "for another path")
        curl(world, "atl", path, *proof("GET", path, count=3)).must(200)
        fake = re.sub(r'nonce="(.)', lambda m: f'nonce="{"1" if m[1] == "0" else "0"}', offer)
        curl(world, "atl", path, *answer_to(fake, "kenmyer", SECRET, "GET", path)).must(
            401, "stale=true")
    # A restart makes every nonce stale, and clients sign on again without asking anybody.
    world.stop("atl")
    world.start("atl")
    world.wait_mode("atl", "atl", "Serving")
    curl(world, "atl", path, *proof("GET", path, count=4)).must(401, "stale=true")


@test
def nobody_learns_who_exists_by_trying(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    enable(world, "nosecret", secret=None)
    seen = set()
    for way in ("--digest", "--basic"):
        for user in ("kenmyer", "nobody", "nosecret", "no one", "alice@contoso.com", "a" * 300):
            reply = curl(world, "atl", "/v1/session", way, "-X", "POST", "-u", f"{user}:wrong")
            seen.add((reply.must(401).text, tuple(sorted(n for n, _ in reply.headers))))
    assert len(seen) == 1, seen


@test
def who_is_wrong_too_often_waits_and_others_do_not(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    enable(world, "alice")
    sign_on = lambda user, secret, *words: curl(world, "atl", "/v1/session", *(words or ["--basic"]),
                                                "-X", "POST", "-u", f"{user}:{secret}")
    session = Client(world, "kenmyer")
    for _ in range(10):
        sign_on("kenmyer", "wrong").must(401)
    for words in (["--basic"], ["--digest"]):
        for secret in ("wrong", SECRET):
            reply = sign_on("kenmyer", secret, *words).must(429, "too many wrong secrets")
            assert 1 <= int(reply.header("Retry-After")) <= 10, reply
    assert len(world["atl"].events("sign-on-throttled", "kenmyer@")) == 1
    sign_on("alice", SECRET).must(201)
    session.ask("GET", "/v1/session").must(200)
    until("the wait to be over", lambda: sign_on("kenmyer", SECRET).status == 201)


@test
def what_administrators_do_to_an_account_counts_at_once(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    ken = Client(world, "kenmyer")
    ken.put("<a/>").must(201)
    set_user(world, "kenmyer", Enabled=False)
    ken.ask("GET", "/v1/session").must(403, "kenmyer@litwareinc.com is disabled")
    curl(world, "atl", "/v1/session", "--basic", "-u", f"kenmyer:{SECRET}").must(403, "is disabled")
    curl(world, "atl", "/v1/session", "--basic", "-u", "kenmyer:wrong").must(401)
    set_user(world, "kenmyer", Enabled=True)
    ken.ask("GET", "/v1/session").must(200)
    # A locked secret opens no session, and says so to nobody else; one that is open goes on.
    world["atl"].ask("Lock-CsClientPin", Identity="kenmyer").must(200, '"done"')
    for way in ("--basic", "--digest"):
        curl(world, "atl", "/v1/session", way, "-u", f"kenmyer:{SECRET}").must(403, "is locked")
    curl(world, "atl", "/v1/session", "--basic", "-u", "kenmyer:wrong").must(401)
    ken.ask("GET", "/v1/session").must(200)
    world["atl"].ask("Unlock-CsClientPin", Identity="kenmyer").must(200, '"done"')
    ken.ask("GET", "/v1/session").must(200)
    # A new secret ends what was opened with the old one: somebody else may have known it.
    world["atl"].ask("Set-CsClientPin", Identity="kenmyer", Pin=SECRET).must(200, '"done"')
    ken.put("<x/>").must(401, "has ended")
    ken = Client(world, "kenmyer")
    # Another address: the session and the secret end with the old one, what is his stays his.
    set_user(world, "kenmyer", SipAddress="ken")
    ken.ask("GET", "/v1/session").must(401, "has ended")
    world["atl"].ask("Set-CsClientPin", Identity="ken", Pin=SECRET).must(200, '"done"')
    renamed = Client(world, "ken")
    assert renamed.get().must(200).text == "<a/>"
    # Another user with the old address has nothing of it.
    enable(world, "kenmyer")
    other = Client(world, "kenmyer")
    other.get().must(404)
    other.ask("GET", renamed.document()).must(403, "his own documents")
    world["atl"].ask("Disable-CsUser", Identity="ken").must(200, '"done"')
    renamed.ask("GET", "/v1/session").must(401)


# --- what each mode allows ---------------------------------------------------------------------


def limited(client, document):
    """Reads, no changes, nothing known of others."""
    assert client.session["limited"] and client.ask("GET", "/v1/session").json["limited"]
    assert client.get().text == document if document else client.get().must(404)
    for reply in (client.put("<b/>"), client.ask("PUT", "/v1/settings", body={}),
                  client.ask("PUT", "/v1/presence", body={"availability": "Busy"}),
                  client.ask("DELETE", "/v1/presence")):
        reply.must(503, "limited service", "Nothing was changed")
        assert reply.json["error"] == "refused" and int(reply.header("Retry-After")) > 0
    assert client.ask("GET", f"/v1/presence/{client.name}").must(200).json == {
        "availability": "Unknown"}


@test
def users_of_the_partner_are_sent_there_and_served_a_little_while_it_is_silent(world):
    world.deploy(["atl", "redmond"])
    enable(world, "alice", "redmond")
    post = ("-X", "POST", "--basic", "-u", f"alice:{SECRET}")
    path = "/v1/session?a=%20b"
    sent = curl(world, "atl", path, *post).must(307, f"are served by {REDMOND}")
    assert sent.header("Location") == url(world, "redmond", path), sent
    curl(world, "atl", "/v1/session", "-X", "POST", "--basic", "-u", "alice:wrong").must(401)
    world.kill("redmond")
    world.wait_mode("atl", "redmond", "Resiliency")
    alice = Client(world, "alice")
    limited(alice, None)
    world.start("redmond")
    world.wait_mode("atl", "redmond", "Standby")
    world.wait_event("atl", "sessions-ended", REDMOND)
    alice.ask("GET", "/v1/session").must(401, "has ended")
    curl(world, "atl", path, *post).must(307)


@test
def a_pool_that_waits_for_its_partner_shows_what_it_last_knew(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    Client(world, "kenmyer").put("<a/>").must(201)
    world.stop("redmond")
    world.stop("atl")
    world.start("atl")
    world.wait_mode("atl", "atl", "Rejoining")
    ken = Client(world, "kenmyer")
    limited(ken, "<a/>")
    world.start("redmond")
    world.wait_mode("atl", "atl", "Serving")
    # The session stays, and is no longer limited.
    assert not ken.ask("GET", "/v1/session").must(200).json["limited"]
    ken.put("<c/>").must(200)


@test
def a_pool_that_was_stopped_offers_limited_service(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    ken = Client(world, "kenmyer")
    ken.put("<a/>").must(201)
    world["atl"].ask("Stop-CsPool", PoolFqdn=ATL).must(200, '"done"')
    world.wait_mode("atl", "atl", "Rejoining")
    ken.put("<b/>").must(503)
    limited(Client(world, "kenmyer"), "<a/>")
    world["atl"].ask("Start-CsPool", PoolFqdn=ATL).must(200, '"done"')
    world.wait_mode("atl", "atl", "Serving")
    ken.put("<b/>").must(200)


@test
def a_pool_of_another_pair_is_found_by_whoever_asks(world):
    world.deploy(["atl", "redmond", "oslo"], pairs=[("atl", "redmond")])
    enable(world, "ole", "oslo")
    sent = curl(world, "atl", "/v1/session", "-X", "POST", "--digest", "-u", f"ole:{SECRET}")
    assert sent.must(307).header("Location") == url(world, "oslo", "/v1/session"), sent
    # The accounts are at every pool, as soon as they are copied.
    until("ole to sign on at home", lambda: curl(
        world, "oslo", "/v1/session", "-X", "POST", "--basic", "-u", f"ole:{SECRET}").status == 201)


# --- documents ---------------------------------------------------------------------------------


@test
def documents_change_only_on_the_conditions_that_were_named(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    ken = Client(world, "kenmyer")
    ken.get().must(404, "no document")
    ken.put("<a/>", If_Match="*").must(412)
    first = ken.put("<a/>", If_None_Match="*").must(201).header("ETag")
    assert re.fullmatch(r'"\d+-\d+"', first), first
    ken.put("<x/>", If_None_Match="*").must(412, first, "there already", "Nothing was changed")
    read = ken.get().must(200)
    assert (read.text, read.header("ETag"), read.header("Content-Type")) == ("<a/>", first, LISTS)
    head = ken.ask("HEAD", ken.document()).must(200)
    assert head.header("ETag") == first and head.header("Content-Length") == "4"
    for tags in (first, f'"x", {first}', f"W/{first}", "*"):
        assert ken.get(If_None_Match=tags).must(304).header("ETag") == first
    ken.get(If_None_Match='"1-1"').must(200)
    ken.get(If_Match='"1-1"').must(412)
    second = ken.put("<b/>", If_Match=first).must(200).header("ETag")
    assert second != first
    for tags in (first, f"W/{second}", '"x"'):
        ken.put("<x/>", If_Match=tags).must(412, "changed since", "Nothing was changed")
    # What nobody can read keeps from changing, too.
    for tags in (second[:-1], second[1:-1]):
        ken.put("<x/>", If_Match=tags).must(400, "neither * nor a list", "Nothing was changed")
        ken.put("<x/>", If_None_Match=tags).must(400, "neither * nor a list", "Nothing was changed")
    for tags in ("* ", "*\t", f"{second} "):
        ken.put("<x/>", If_None_Match=tags).must(412, "there already", "Nothing was changed")
    two_lines = ("-H", 'If-None-Match: "x"', "-H", f"If-None-Match: {second}")
    ken.ask("PUT", ken.document(), *two_lines, body="<x/>", type=LISTS).must(412, "there already")
    ken.put("<x/>", Content_Range="bytes 0-3/9").must(400, "a part alone", "Nothing was done")
    ken.put("<x/>", Content_Encoding="gzip").must(415, "nothing is unpacked")
    assert ken.get().text == "<b/>"
    ken.ask("DELETE", ken.document(), If_Match=first).must(412)
    ken.ask("DELETE", ken.document(), If_Match=second).must(204)
    ken.ask("DELETE", ken.document()).must(404)
    assert ken.put("<c/>", If_None_Match="*").must(201).header("ETag") not in (first, second)


@test
def what_is_no_document_of_ones_own_is_refused_with_a_reason(world):
    world.deploy(["atl", "redmond"])
    for name in ("kenmyer", "alice"):
        enable(world, name)
    ken, alice = Client(world, "kenmyer"), Client(world, "alice")
    alice.put("<a/>").must(201)
    for method in ("GET", "PUT", "DELETE"):
        for path in (alice.document(), ken.document().replace("kenmyer", "nobody"),
                     ken.document().replace(REALM, "contoso.com")):
            ken.ask(method, path, body="<a/>", type=LISTS).must(403, "his own documents")
    for body in ("<a>", "", "<a/><b/>", "<a>&b;</a>"):
        ken.put(body).must(409, "application/xcap-error+xml", "<not-well-formed phrase=\"Line 1")
    ken.put('<!DOCTYPE a [<!ENTITY b "' + "b" * 99 + '">]><a>&b;</a>').must(409, "document type")
    ken.ask("PUT", ken.document(), body="<a/>", type="text/xml").must(415, LISTS)
    ken.ask("PUT", ken.document(), body="<a/>", type=f"{LISTS}; charset=utf-8").must(201)
    ken.ask("PUT", ken.document(), body="<a/>", type=f"{LISTS}x").must(415)
    start = f"/xcap/resource-lists/users/sip:kenmyer@{REALM}/"
    for path in (start, start + "a/b", start + "a%2Fb", start + "%2e%2e", start + "..",
                 start + "a%00b%0a", start + "%ff", "/xcap/", "/xcap/other/users/kenmyer/index",
                 "/xcap/resource-lists/global/index", "/xcap/resource-lists/index"):
        ken.ask("GET", path, "--path-as-is").must(404)
    ken.ask("GET", "/xcap/resource-lists/users/../index", "--path-as-is").must(403)
    ken.ask("GET", start + "index/~~/a").must(400, "Parts of documents")
    ken.ask("POST", start + "index").must(405).header("Allow") == "GET, HEAD, PUT, DELETE"
    # Names are the client's business, as long as they are text.
    for name in ("gr%C3%B6%C3%9Fe", "a%20b", "%25", "..."):
        ken.put(f"<{'n'}/>", name=name).must(201)
        assert ken.get(name).must(200).text == "<n/>"


@test
def a_user_can_have_so_much_and_no_more(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    ken = Client(world, "kenmyer")
    fast = Connection(ken)
    large = lambda size: "<a>" + "x" * (size - 7) + "</a>"
    put = lambda name, body: fast.ask("PUT", ken.document(name), body)[0]
    assert put("index", large((256 << 10) + 1)) == 413
    assert put("index", large(10 << 20)) == 413
    for number in range(16):
        assert put(f"large{number}", large(256 << 10)) == 201
    status, _, text = fast.ask("PUT", ken.document("one-more"), "<a/>")
    assert status == 507 and "4194304 bytes in all" in text, text
    assert put("large0", large((256 << 10) - 100)) == 200 and put("one-more", "<a/>") == 201
    for number in range(1, 16):
        assert fast.ask("DELETE", ken.document(f"large{number}"))[0] == 204
    for number in range(98):
        assert put(f"small{number}", "<a/>") == 201
    status, _, text = fast.ask("PUT", ken.document("one-too-many"), "<a/>")
    assert status == 507 and "can have 100 documents" in text, text
    assert put("small1", "<bb/>") == 200 and fast.ask("DELETE", ken.document("small2"))[0] == 204
    assert put("one-too-many", "<a/>") == 201
    fast.close()


@test
def of_many_who_write_at_once_each_is_heard_and_if_match_has_one_winner(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    ken = Client(world, "kenmyer")
    ken.put("<start/>").must(201)
    clients, rounds = 32, 5
    seen, lock = {}, threading.Lock()

    def write(number):
        fast = Connection(ken)
        for turn in range(rounds):
            body = f"<w{number}-{turn}/>"
            status, tag, text = fast.ask("PUT", ken.document(), body)
            assert status == 200, (status, text)
            with lock:
                assert tag not in seen, "two changes have one ETag"
                seen[tag] = body
        fast.close()

    def add_one(number):
        """Read, change, write on condition: nothing of anybody may be lost."""
        fast = Connection(ken)
        lost = 0
        while True:
            _, tag, text = fast.ask("GET", ken.document("sum"))
            status, _, answer = fast.ask("PUT", ken.document("sum"),
                                         f"<n>{int(text[3:-4]) + 1}</n>", If_Match=tag)
            if status == 200:
                fast.close()
                return lost
            assert status == 412, (status, answer)
            lost += 1

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        list(pool.map(write, range(clients)))
    last = ken.get().must(200)
    assert len(seen) == clients * rounds and seen[last.header("ETag")] == last.text
    newest = max(seen, key=lambda tag: [int(n) for n in tag.strip('"').split("-")])
    assert newest == last.header("ETag")
    ken.put("<n>0</n>", "sum").must(201)
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        lost = sum(pool.map(add_one, range(clients)))
    assert ken.get("sum").text == f"<n>{clients}</n>"
    world.say(f"{lost} of {lost + clients} conditional writes lost")


# --- what lasts --------------------------------------------------------------------------------


@test
def what_was_acknowledged_survives_kill_9(world):
    world.deploy(["atl"])
    enable(world, "kenmyer")
    for _ in range(2 * SOAK):
        ken = Client(world, "kenmyer")
        kept, ended = {}, threading.Event()

        def write(number):
            fast, turn = Connection(ken), 0
            try:
                while not ended.is_set():
                    turn += 1
                    if fast.ask("PUT", ken.document(f"d{number}"), f"<n>{turn}</n>")[0] in (200,
                                                                                           201):
                        kept[number] = turn
            except (OSError, http.client.HTTPException):
                return

        writers = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        for writer in writers:
            writer.start()
        until("every writer to be heard", lambda: len(kept) == 8 and min(kept.values()) > 5)
        world.kill("atl")
        ended.set()
        for writer in writers:
            writer.join()
        world.start("atl")
        world.wait_mode("atl", "atl", "Serving")
        # The sessions went with the process; what is stored did not.
        ken.ask("GET", "/v1/session").must(401)
        ken = Client(world, "kenmyer")
        for number, turn in kept.items():
            found = int(ken.get(f"d{number}").must(200).text[3:-4])
            assert turn <= found <= turn + 1, (number, turn, found)


@test
def a_restart_keeps_everything_but_the_sessions(world):
    world.deploy(["atl", "redmond"])
    for name in ("kenmyer", "alice"):
        enable(world, name)
    ken = Client(world, "kenmyer")
    tag = ken.put("<a/>").must(201).header("ETag")
    ken.ask("PUT", "/v1/presence", body={"availability": "Busy"}).must(200)
    ken.ask("PUT", "/v1/settings", body={"theme": "dark"}).must(200)
    ken.ask("POST", "/v1/conferences", body=CONFERENCE).must(201)
    world.stop("atl")
    world.start("atl")
    world.wait_mode("atl", "atl", "Serving")
    ken.ask("GET", "/v1/session").must(401)
    ken = Client(world, "kenmyer")
    assert ken.get().must(200).header("ETag") == tag
    assert ken.ask("GET", "/v1/presence").json["availability"] == "Busy"
    assert ken.ask("GET", "/v1/settings").json == {"theme": "dark"}
    assert len(Client(world, "alice").ask("GET", "/v1/conferences").json["conferences"]) == 1


# --- presence, settings, conferences -----------------------------------------------------------


@test
def users_of_a_pool_see_what_each_other_say_of_themselves(world):
    world.deploy(["atl", "redmond"])
    for name, pool in (("kenmyer", "atl"), ("alice", "atl"), ("bob", "redmond")):
        enable(world, name, pool)
    ken, alice = Client(world, "kenmyer"), Client(world, "alice")
    see = lambda who: alice.ask("GET", f"/v1/presence/{who}")
    assert see("kenmyer").must(200).json == {"availability": "Unknown"}
    state = {"availability": "DoNotDisturb", "activity": "Präsentiert", "note": "bis zwölf"}
    set_ = ken.ask("PUT", "/v1/presence", body={**state, "other": 1}).must(200)
    told = set_.json
    assert re.fullmatch(r"\d{4}-.*Z", told.pop("time")) and told == state, told
    for who in ("kenmyer", f"sip:kenmyer@{REALM}", f"KENMYER@{REALM}"):
        assert see(who).must(200).json == set_.json
    assert ken.ask("GET", "/v1/presence", If_None_Match=set_.header("ETag")).must(304)
    # Whoever says what he knows is heard.
    for method, body in (("PUT", state), ("DELETE", None)):
        for headers in ({"If_Match": '"1-1"'}, {"If_None_Match": "*"}):
            ken.ask(method, "/v1/presence", body=body, **headers).must(412, "Nothing was changed")
    assert ken.ask("GET", "/v1/presence").header("ETag") == set_.header("ETag")
    set_ = ken.ask("PUT", "/v1/presence", body=state, If_Match=set_.header("ETag")).must(200)
    assert ken.ask("GET", "/v1/presence", If_None_Match=set_.header("ETag")).must(304)
    for nobody in ("bob", "nobody", "x@contoso.com", "%20"):
        see(nobody).must(404, "Your pool has no user")
    for wrong in ({}, {"availability": "busy"}, {"availability": "Busy", "note": 1},
                  {"availability": "Busy", "note": "x" * 513}):
        ken.ask("PUT", "/v1/presence", body=wrong).must(400, "This is no presence")
    ken.ask("DELETE", "/v1/presence").must(204)
    assert see("kenmyer").json == {"availability": "Unknown"}
    alice.ask("PUT", "/v1/presence/kenmyer", body=state).must(405)


@test
def settings_are_one_object_that_clients_share(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    ken = Client(world, "kenmyer")
    settings = lambda method, **more: ken.ask(method, "/v1/settings", **more)
    assert settings("GET").must(200).json == {}
    tag = settings("PUT", body={"a": [1, {"b": "ü"}]}, If_None_Match="*").must(200).header("ETag")
    read = settings("GET").must(200)
    assert read.json == {"a": [1, {"b": "ü"}]} and read.header("ETag") == tag
    settings("PUT", body={}, If_Match='"1-1"').must(412)
    settings("PUT", body={"c": 1}, If_Match=tag).must(200)
    for wrong in ("", "[]", "1", "{", '{"a":1,"a":2}', '{"a":"\udcff"}'.encode(
            errors="surrogateescape").decode("latin-1") + "}"):
        settings("PUT", body=wrong).must(400, "no JSON object")
    settings("PUT", body="[]").must(400, "no JSON object: it is something else")
    settings("PUT", body="[" * 60000).must(400, "no JSON object")
    settings("PUT", body={"a": "x" * (64 << 10)}).must(400, "more than 65536 bytes")
    settings("PUT", body={"a": [0.1] * 5000}).must(400, "as they are kept")
    assert settings("GET").json == {"c": 1}


CONFERENCE = {"subject": "Budget 2027", "start": "2026-12-01T09:00:00Z",
              "end": "2026-12-01T10:30:00Z", "participants": [f"sip:alice@{REALM}"]}


@test
def a_conference_is_seen_by_those_who_take_part_and_changed_by_its_organiser(world):
    world.deploy(["atl", "redmond"])
    for name in ("kenmyer", "alice", "bob", "carol"):
        enable(world, name, secret=SECRET)
    ken, alice, bob = (Client(world, name) for name in ("kenmyer", "alice", "bob"))
    made = ken.ask("POST", "/v1/conferences", body=CONFERENCE).must(201)
    path, tag = made.header("Location"), made.header("ETag")
    assert re.fullmatch(r"/v1/conferences/[0-9a-f]{32}", path)
    assert made.json == {**CONFERENCE, "id": path[-32:], "organiser": f"sip:kenmyer@{REALM}"}
    listed = lambda who: [c["id"] for c in who.ask("GET", "/v1/conferences").json["conferences"]]
    for who in (ken, alice):
        shown = who.ask("GET", path).must(200)
        assert shown.json == made.json and shown.header("ETag") == tag
        assert listed(who) == [path[-32:]]
    bob.ask("GET", path).must(404)
    assert listed(bob) == []
    for method in ("PUT", "DELETE"):
        alice.ask(method, path, body=CONFERENCE).must(403, "Only who organises")
        bob.ask(method, path, body=CONFERENCE).must(404)
    # Alice leaves, Bob comes, whoever is named twice comes once, the organiser is there anyway.
    changed = {**CONFERENCE, "subject": "Später", "participants": ["bob", "BOB", "kenmyer", "carol"]}
    ken.ask("PUT", path, body=changed, If_Match='"1-1"').must(412)
    told = ken.ask("PUT", path, body=changed, If_Match=tag).must(200).json
    assert told["participants"] == [f"sip:bob@{REALM}", f"sip:carol@{REALM}"], told
    alice.ask("GET", path).must(404)
    assert listed(alice) == [] and listed(bob) == [path[-32:]] == listed(ken)
    ken.ask("DELETE", path, If_Match=tag).must(412)
    ken.ask("DELETE", path).must(204)
    assert listed(bob) == [] == listed(ken)
    bob.ask("GET", path).must(404)


@test
def participants_of_another_pool_see_a_conference_where_it_is_kept(world):
    """Any machine may be asked; the list at one's own pool says for what."""
    world.build(["atl", "redmond", "tokyo"]).begin()
    tokyo = name_of("tokyo")
    homes = {"kenmyer": "atl", "alice": "atl", "pilar": "redmond", "rin": "tokyo", "bob": "tokyo"}
    for name, pool in homes.items():
        enable(world, name, pool, secret=SECRET)
    world.command("atl", "Invoke-CsManagementStoreReplication").must(0)
    ken, pilar, rin = (Client(world, name, homes[name]) for name in ("kenmyer", "pilar", "rin"))
    body = {**CONFERENCE, "participants": [f"sip:{name}@{REALM}" for name in ("alice", "pilar", "rin")]}
    path = ken.ask("POST", "/v1/conferences", body=body).must(201).header("Location")
    there = f"/v1/pools/{ATL}/conferences"
    one = there + path.removeprefix("/v1/conferences")
    for who, others in ((ken, [REDMOND, tokyo]), (pilar, [ATL, tokyo]), (rin, [ATL, REDMOND])):
        told = who.ask("GET", "/v1/conferences").must(200).json
        assert told["elsewhere"] == [f"/v1/pools/{p}/conferences" for p in others], told
        assert len(told["conferences"]) == (who is ken), told
    by_secret = lambda name, pool, path, *words: curl(
        world, pool, path, "--digest", "-u", f"{name}:{SECRET}", *words)
    for name, pool in (("pilar", "redmond"), ("rin", "tokyo"), ("rin", "redmond"), ("pilar", "atl"),
                       ("rin", "atl"), ("alice", "atl")):
        if pool != "atl":
            moved = by_secret(name, pool, one).must(307, f"served by {ATL}")
            assert moved.header("Location") == url(world, "atl", one), moved
        follow = ["-L", "--location-trusted"]
        shown = by_secret(name, pool, one, *follow).must(200)
        assert shown.json == {**body, "id": path[-32:], "organiser": f"sip:kenmyer@{REALM}"}, shown
        listed = by_secret(name, pool, there.replace(ATL, ATL.upper()), *follow).must(200).json
        assert listed == {"conferences": [shown.json], "more": False}, listed
        tag = shown.header("ETag")
        by_secret(name, pool, one, *follow, "-H", f"If-None-Match: {tag}").must(304)
    # A session is known where it was opened; by it he is told where to go.
    pilar.ask("GET", one).must(307)
    ken.ask("GET", one).must(200)
    assert ken.ask("GET", there).must(200).json["conferences"][0]["subject"] == body["subject"]
    # Nobody else sees it, and nobody changes anything there.
    by_secret("bob", "atl", one).must(404, "You take part in no such conference")
    assert by_secret("bob", "atl", there).must(200).json["conferences"] == []
    for method in ("PUT", "POST", "DELETE"):
        by_secret("rin", "atl", one, "-X", method).must(405, "Allow: GET, HEAD")
    for wrong in (f"/v1/pools/{ATL}", f"/v1/pools/{ATL}/", f"/v1/pools/{ATL}/conferences/",
                  f"/v1/pools/{ATL}/conferences/{'0' * 32}", f"/v1/pools/{ATL}/settings",
                  f"/v1/pools/{ATL}/conferencesx", "/v1/pools//conferences",
                  f"/v1/pools/{'x' * 300}/conferences", "/v1/pools/oslo.example.com/conferences"):
        by_secret("rin", "atl", wrong).must(404)
    curl(world, "atl", one).must(401)
    # Whoever is taken out sees it no more.
    ken.ask("PUT", path, body={**body, "participants": []}).must(200)
    by_secret("rin", "atl", one).must(404)


@test
def what_is_no_conference_is_refused(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    ken = Client(world, "kenmyer")
    good = {**CONFERENCE, "participants": []}
    for wrong in ({"subject": None}, {"subject": "x" * 513}, {"start": "tomorrow"}, {"end": 7},
                  {"start": "2026-12-02T09:00:00Z"}, {"start": "2026-13-02T09:00:00Z"},
                  {"participants": "bob"}, {"participants": [7]}, {"participants": ["nobody"]},
                  {"participants": ["bob@contoso.com"]}, {"participants": ["kenmyer"] * 251}):
        ken.ask("POST", "/v1/conferences", body={**good, **wrong}).must(400, "Nothing was")
    for path in ("x", "0" * 32, "0" * 33, "..", "%2e%2e", "x/y"):
        ken.ask("GET", f"/v1/conferences/{path}", "--path-as-is").must(404)
    fast = Connection(ken)
    for _ in range(200):
        assert fast.ask("POST", "/v1/conferences", json.dumps(good))[0] == 201
    status, _, text = fast.ask("POST", "/v1/conferences", json.dumps(good))
    assert status == 507 and "can organise 200 conferences" in text, text
    ids = [c["id"] for c in ken.ask("GET", "/v1/conferences").json["conferences"]]
    assert len(set(ids)) == 200
    assert fast.ask("DELETE", f"/v1/conferences/{ids[0]}")[0] == 204
    assert fast.ask("POST", "/v1/conferences", json.dumps(good))[0] == 201
    fast.close()


# --- the rest ----------------------------------------------------------------------------------


@test
def garbage_is_answered_and_does_no_harm(world):
    world.deploy(["atl", "redmond"])
    enable(world, "kenmyer")
    ken = Client(world, "kenmyer")
    get = lambda header: curl(world, "atl", "/v1/session", "-H", f"Authorization: {header}")
    for header in ("Basic", "Basic !", "Digest", "Digest x", 'Digest username="', "Bearer", "Bearer ü",
                   "Basic " + base64.b64encode(b"a\0b:c").decode()):
        get(header).must(400, "is no")
    for header in ("Negotiate abc", "x", "Bearer " + "0" * 64):
        get(header).must(401)
    for path in ("/", "/v1", "/v1/session/", "/v1/session/x", "/v2/session", "/admin/v1/commands",
                 "/pollux/v1/heartbeat", "//v1/session", "/v1/%73ession%00"):
        ken.ask("GET", path, "--path-as-is").must(404, "There is no")
    assert ken.ask("PUT", "/v1/session").must(405).header("Allow") == "GET, HEAD, POST, DELETE"
    ken.ask("BREW", "/v1/session").must(405)
    randomly = random.Random(1)
    context = tls(world.folder / "pki/authority.pem")
    for _ in range(30):
        plain = socket.create_connection(("127.0.0.1", world["atl"].users_port), PATIENCE_S)
        with context.wrap_socket(plain, server_hostname=ATL) as connection:
            connection.sendall(randomly.choice([b"", b"GET /v1/session HTTP/1.1\r\n"])
                               + randomly.randbytes(200))
    # Nobody is asked for a certificate, and only TLS 1.3 is spoken.
    shake = run("openssl", "s_client", "-connect", f"127.0.0.1:{world['atl'].users_port}",
                "-servername", ATL, "-CAfile", world.folder / "pki/authority.pem")
    shake.must(0, "No client certificate CA names sent", "TLSv1.3", "Verification: OK")
    assert "Client Certificate Types" not in shake.out and "Requested Sig" not in shake.out, shake
    done = run("curl", "-sS", "--tls-max", "1.2", "-k", "--resolve",
               f"{ATL}:{world['atl'].users_port}:127.0.0.1", url(world, "atl", "/"))
    assert done.status == 35, done
    ken.ask("GET", "/v1/session").must(200)


@test
def a_new_certificate_is_shown_after_a_reload(world):
    world.deploy(["atl", "redmond"])

    def serial():
        plain = socket.create_connection(("127.0.0.1", world["atl"].users_port), PATIENCE_S)
        context = tls(world.folder / "pki/authority.pem")
        with context.wrap_socket(plain, server_hostname=ATL) as connection:
            return connection.getpeercert()["serialNumber"]

    before = serial()
    world.pki("renew", ATL)
    assert serial() == before
    world.reload("atl")
    until("the new certificate to be shown", lambda: serial() != before)


@test
def the_documents_show_what_works(world):
    """docs/users.md is what people type: all of it, as it stands there."""
    world.build(["atl", "redmond"])
    with_file_store(world, "atl")
    world.begin()
    enable(world, "kenmyer")
    text = (Path(__file__).parents[2] / "docs/users.md").read_text()
    prelude, *examples = re.findall(r"^```(?:sh)?\n(.*?)^```$", text, re.M | re.S)
    assert len(examples) >= 5, "the examples are gone"
    port = f":{world['atl'].users_port}"
    script = "set -eu\n" + prelude.replace(":8443", port) + "".join(examples)
    outcome = run("sh", "-c", script, cwd=world.folder).must(0, '"limited":false', 'sip:alice@',
                                                            "ETag: ", '"back at noon"', '"desk"',
                                                            '"subject":"Budget"', '"state":"Ready"',
                                                            "Content-Range: bytes 4-10/12", "figures")
    assert SECRET in script and "Sesam" not in outcome.out, outcome


if __name__ == "__main__":
    sys.exit(main())
