"""People of a machine: Unix users and groups that only its polluxd knows, and what they type.

    world.build(["atl", "redmond"])
    people(world, {"alice": ["CSAdministrator"], "bob": []}, "atl").begin()
    typed_by(world, "alice", "atl", "Get-CsPool").must(0)
    by_https(world, "alice", "atl", "Get-CsPool").must(0)

The files passwd and group are laid over the machine's own in a mount namespace of the daemon alone;
nothing outside the world changes."""

import shutil

from pollux_world import *

SUPREME, ADMINISTER, READ = "RTCUniversalServerAdmins", "CSAdministrator", "CSViewOnlyAdministrator"
NOBODYS_GROUP = 64999  # everybody's own group, of which nothing follows
FIRST_UID, FIRST_GID = 64001, 64101
API = "/admin/v1/commands/"


def over(files):
    """Words that lay files over others, for the program behind them."""
    script = "".join(f'mount --bind "{of_ours}" "{theirs}" && ' for theirs, of_ours in
                     files.items()) + 'exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "sh"]


def write_people(world, pool):
    """Writes them into the same files, which is what the daemon sees."""
    members, names = world.people[pool], sorted(world.uids)
    groups = {g: FIRST_GID + n for n, g in enumerate(world.groups)}
    passwd = Path("/etc/passwd").read_text() + "".join(
        f"{name}:x:{world.uids[name]}:{NOBODYS_GROUP}::/:/bin/sh\n" for name in names
        if name in members)
    group = Path("/etc/group").read_text() + f"everybody:x:{NOBODYS_GROUP}:\n" + "".join(
        f"{g}:x:{gid}:{','.join(n for n in names if g in members.get(n, ()))}\n"
        for g, gid in groups.items())
    for name, text in (("passwd", passwd), ("group", group)):
        with open(world.folder / f"{pool}.{name}", "r+" if
                  (world.folder / f"{pool}.{name}").exists() else "w") as file:
            file.write(text)
            file.truncate()


def people(world, members, *pools, groups=()):
    """{name: its groups}, known at these pools; the world must be built and not yet started."""
    needs_mounts()
    world.groups = sorted({SUPREME, ADMINISTER, READ, *groups,
                           *(g for of_one in members.values() for g in of_one)})
    world.uids = {name: FIRST_UID + n for n, name in enumerate(members)}
    world.people = {pool: {name: list(of_one) for name, of_one in members.items()}
                    for pool in pools}
    world.folder.chmod(0o755)
    for pool in pools:
        write_people(world, pool)
        world[pool].before = over({f"/etc/{f}": world.folder / f"{pool}.{f}"
                                   for f in ("passwd", "group")})
        world[pool].folder.mkdir(exist_ok=True)
        world[pool].folder.chmod(0o755)
    # Whoever types must be able to run the program.
    world.program = shutil.copy(POLLUX, world.folder / "pollux")
    return world


def owned_by(world, name, pool):
    """That pool's polluxd runs as this user."""
    uid, machine = world.uids[name], world[pool]
    stem = world.folder / "pki" / machine.fqdn
    (world.folder / "pki").chmod(0o755)
    for path in (machine.folder, Path(f"{stem}.key")):
        os.chown(path, uid, NOBODYS_GROUP)
    machine.before += ["setpriv", "--reuid", str(uid), "--regid", str(NOBODYS_GROUP),
                       "--clear-groups", "--pdeathsig", "KILL"]
    machine.program = shutil.copy(POLLUXD, world.folder / "polluxd")


def keep_audit(world, *pools):
    for pool in pools or world.pools:
        world[pool].extra += f'audit_log = "{pool}/audit.log"\n'
        world[pool].write_config()
    return world


def audit(world, pool):
    """The entries of its audit log."""
    file = world[pool].folder / "audit.log"
    lines = file.read_text().split("\n")[:-1] if file.exists() else []
    return [json.loads(line) for line in lines]


def typed_by(world, name, pool, *words, gid=NOBODYS_GROUP):
    """By a user, "root", or a bare uid."""
    uid = name if isinstance(name, int) else 0 if name == "root" else world.uids[name]
    return run(world.program, *words, cwd="/", user=uid, group=gid, extra_groups=[],
               env={"POLLUX_SERVER": str(world[pool].socket), "PATH": os.environ["PATH"]})


def certificate_of(world, name):
    stem = world.folder / "pki" / f"administrator-{name}"
    if not Path(f"{stem}.pem").exists():
        world.pki("administrator", name)
    return f"{stem}.pem", f"{stem}.key"


def by_https(world, name, pool, *words, pair=None, **environment):
    """With the certificate of a person, or another pair of files."""
    certificate, key = pair or certificate_of(world, name)
    return run(POLLUX, *words, cwd=world.folder, env={
        "PATH": os.environ["PATH"], "POLLUX_SERVER": f"https://{name_of(pool)}:{world[pool].port}",
        "POLLUX_ADDRESS": world[pool].address, "POLLUX_CERTIFICATE": str(certificate),
        "POLLUX_KEY": str(key), "POLLUX_AUTHORITY": str(world.folder / "pki/authority.pem"),
        **environment})


def failed(outcome, status, *sentences):
    """It says why on stderr, and nothing on stdout."""
    outcome.must(status, *sentences)
    assert outcome.out == "" and outcome.err, outcome
    return outcome
