"""Users' clients, by curl.

    enable(world, "kenmyer")
    Client(world, "kenmyer").put("<resource-lists …/>").must(201)
"""

from pollux_world import *

SECRET = "Sesam öffne dich"
REALM = "litwareinc.com"
LISTS = "application/resource-lists+xml"
ATL, REDMOND = name_of("atl"), name_of("redmond")


class Reply:
    """What came last of all that curl got: a challenge and a redirect come before it."""

    def __init__(self, text):
        *self.earlier, last = re.split(r"(?m)^(?=HTTP/1\.1 \d)", text)
        head, _, self.text = last.partition("\n\n")
        lines = head.splitlines()
        assert lines, f"there is no answer: {text!r}"
        self.status = int(lines[0].split()[1])
        self.headers = [tuple(line.split(": ", 1)) for line in lines[1:]]

    def header(self, name):
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    @property
    def json(self):
        return json.loads(self.text)

    def must(self, status, *sentences):
        assert self.status == status, f"HTTP {self.status}, expected {status}: {self}"
        for sentence in sentences:
            assert sentence in str(self), f"{sentence!r} was not said: {self}"
        return self

    def __str__(self):
        return "\n".join(f"{n}: {v}" for n, v in self.headers) + "\n\n" + self.text


def url(world, pool, path):
    return f"https://{world[pool].fqdn}:{world[pool].users_port}{path}"


def curl(world, pool, path, *words):
    places = [f"{m.fqdn}:{m.users_port}:{m.address}" for m in world.machines.values()]
    done = run("curl", "-sS", "-i", "--tlsv1.3", "--cacert", world.folder / "pki/authority.pem",
               *(w for place in places for w in ("--resolve", place)), *words,
               url(world, pool, path))
    assert done.status == 0, done
    return Reply(done.out)


def enable(world, name, pool="atl", secret=SECRET):
    admin = world[world.central]
    admin.ask("Enable-CsUser", Identity=name, DisplayName=name.capitalize(),
              RegistrarPool=name_of(pool)).must(200, '"done"')
    if secret:
        admin.ask("Set-CsClientPin", Identity=name, Pin=secret).must(200, '"done"')


def set_user(world, name, **parameters):
    world[world.central].ask("Set-CsUser", Identity=name, **parameters).must(200, '"done"')


def with_file_store(world, pool):
    """Before it starts: a folder for the files of conferences."""
    machine = world[pool]
    folder = machine.store.parent / "files"
    if not folder.exists():
        folder.mkdir(parents=True)
        (folder / ".pollux-file-store").write_text(machine.fqdn + "\n")
    machine.extra += f'file_store = "{folder}"\n'
    machine.write_config()
    return folder


class Client:
    """Somebody who signed on; what he asks goes along with his session's token."""

    def __init__(self, world, name, pool="atl"):
        self.world, self.name, self.pool = world, name, pool
        self.session = curl(world, pool, "/v1/session", "-X", "POST", "--basic", "-u",
                            f"{name}:{SECRET}").must(201).json
        self.token = self.session["token"]

    def ask(self, method, path, *words, body=None, type="application/json", **headers):
        words = ["-X", method, "-H", f"Authorization: Bearer {self.token}", *words]
        if method == "HEAD":
            words[:2] = ["-I"]
        for name, value in headers.items():
            words += ["-H", f"{name.replace('_', '-')}: {value}"]
        if body is not None:
            file = self.world.folder / f"body-{threading.get_ident()}"
            file.write_text(body if isinstance(body, str) else json.dumps(body))
            words += ["-H", f"Content-Type: {type}", "--data-binary", f"@{file}"]
        return curl(self.world, self.pool, path, *words)

    def document(self, name="index"):
        return f"/xcap/resource-lists/users/sip:{self.name}@{REALM}/{name}"

    def put(self, body, name="index", **headers):
        return self.ask("PUT", self.document(name), body=body, type=LISTS, **headers)

    def get(self, name="index", **headers):
        return self.ask("GET", self.document(name), **headers)
