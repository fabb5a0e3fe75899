"""`pollux pki` as an administrator types it, judged by the openssl command.

Usage: test_pki.py POLLUX DIE_AT_LIBRARY. Prints TAP. Each test has a folder of its own to work in.
"""

import os
import re
import resource
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path

from pollux_world import sample

POLLUX, DIE_AT = (os.path.abspath(path) for path in sys.argv[1:3])
MACHINE = "atl-cs-001.litwareinc.com"
POOL = "atl.litwareinc.com"
CERTIFICATE, KEY, AUTHORITY = f"pki/{MACHINE}.pem", f"pki/{MACHINE}.key", "pki/authority.pem"
DIED = 77
tests = []


def test(function):
    tests.append(function)
    return function


class Outcome:
    """What a command printed, and its exit status."""

    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    def must(self, status, *sentences):
        said = self.out + self.err
        assert self.status == status, f"status {self.status}, expected {status}: {said}"
        for sentence in sentences:
            assert sentence in said, f"{sentence!r} was not said: {said}"
        return self


def days_left(outcome, *days):
    """Said right after these were given: a second later it is a day less."""
    for d in days:
        assert re.search(rf"\b({d}|{d - 1}) days left", outcome.out + outcome.err), outcome.out


def run(*words, **environment):
    return Outcome(
        subprocess.run(words, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                       env={**os.environ, **environment}))


def pki(*words, **environment):
    return run(POLLUX, "pki", *words, **environment)


def openssl(*words):
    return run("openssl", *words).must(0).out


def dying(step):
    # The sanitizers insist on being loaded first, unless told otherwise.
    options = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": DIE_AT, "DIE_AT": str(step),
            "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0"}


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def files(folder="pki"):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def make_pair():
    pki("init", "--name", "Litware deployment").must(0)
    pki("issue", MACHINE, "--pool", POOL).must(0)


def matches(certificate, key):
    return openssl("x509", "-in", certificate, "-noout", "-pubkey") == openssl(
        "pkey", "-in", key, "-pubout")


@test
def openssl_accepts_an_issued_certificate_as_server_and_as_client():
    make_pair()
    for purpose in "sslserver", "sslclient":
        openssl("verify", "-x509_strict", "-CAfile", AUTHORITY, "-purpose", purpose,
                "-verify_hostname", POOL, CERTIFICATE)
        run("openssl", "verify", "-CAfile", AUTHORITY, "-purpose", purpose,
            "-verify_hostname", "red.litwareinc.com", CERTIFICATE).must(2)
    assert matches(CERTIFICATE, KEY)
    openssl("pkey", "-in", KEY, "-check", "-noout")


@test
def a_certificate_says_what_it_should():
    make_pair()
    text = openssl("x509", "-in", CERTIFICATE, "-noout", "-text")
    for part in ("Version: 3", "prime256v1", "ecdsa-with-SHA256", "CN = Litware deployment",
                 f"Subject: CN = {MACHINE}\n", f"DNS:{MACHINE}, DNS:{POOL}\n",
                 "Basic Constraints: critical\n                CA:FALSE\n",
                 "Key Usage: critical\n                Digital Signature\n",
                 "TLS Web Server Authentication, TLS Web Client Authentication\n",
                 "Subject Key Identifier", "Authority Key Identifier"):
        assert part in text, f"{part!r} is not in {text}"
    authority = openssl("x509", "-in", AUTHORITY, "-noout", "-text")
    for part in ("Basic Constraints: critical\n                CA:TRUE, pathlen:0\n",
                 "Key Usage: critical\n                Certificate Sign, CRL Sign\n",
                 "Subject Key Identifier", "Authority Key Identifier"):
        assert part in authority, f"{part!r} is not in {authority}"


@test
def a_person_may_call_and_is_no_machine():
    pki("init", "--name", "Litware deployment").must(0)
    pki("administrator", "ann").must(0, "administrator ann: valid until", "days left",
                                     "pki/administrator-ann.pem", "pki/administrator-ann.key")
    certificate, key = "pki/administrator-ann.pem", "pki/administrator-ann.key"
    openssl("verify", "-x509_strict", "-CAfile", AUTHORITY, "-purpose", "sslclient", certificate)
    run("openssl", "verify", "-CAfile", AUTHORITY, "-purpose", "sslserver", certificate).must(2)
    text = openssl("x509", "-in", certificate, "-noout", "-text")
    assert "URI:pollux:administrator:ann\n" in text and "DNS:" not in text, text
    assert "Subject: CN = ann\n" in text and mode(key) == 0o600
    pki("check", certificate, key).must(0, "administrator ann: good")
    pki("show", certificate).must(0, "administrator ann")
    pki("administrator", "ann").must(1, "already", "pollux pki renew administrator-ann")
    days_left(pki("renew", "administrator-ann", "--days", "20").must(0, "administrator ann"), 20)
    pki("check", certificate, key).must(0, "Renew it soon")
    pki("renew", "administrator-bob").must(1, "No such file", "pollux pki administrator")
    pki("administrator", "-ann").must(2, '"-ann"')
    pki("administrator", "ann@litwareinc.com").must(2, "not the name of a person's account")


@test
def serial_numbers_are_long_and_differ():
    make_pair()
    pki("issue", "b.litwareinc.com", "--pool", POOL).must(0)
    serials = {openssl("x509", "-in", file, "-noout", "-serial")
               for file in (AUTHORITY, CERTIFICATE, "pki/b.litwareinc.com.pem")}
    assert len(serials) == 3
    assert all(len(serial.split("=")[1]) > 24 for serial in serials), serials


@test
def keys_are_for_their_owner_alone_whatever_the_umask():
    for umask, folder in (0, "open"), (0o077, "closed"):
        before = os.umask(umask)
        pki("init", "--dir", folder).must(0)
        pki("issue", MACHINE, f"--pool={POOL}", f"--dir={folder}",
            "--out", f"{folder}/machine").must(0)
        pki("renew", MACHINE, "--dir", folder, f"--out={folder}/machine").must(0)
        os.umask(before)
        assert mode(folder) == mode(f"{folder}/machine") == 0o700
        for key in Path(folder).rglob("*.key*"):
            assert mode(key) == 0o600, f"{key}: {mode(key):o}"
        for certificate in Path(folder).rglob("*.pem*"):
            assert mode(certificate) == 0o644 & ~umask, f"{certificate}: {mode(certificate):o}"


@test
def what_exists_is_left_alone():
    make_pair()
    before = files()
    pki("init").must(1, "already", "left as it was", "pollux pki issue")
    pki("issue", MACHINE.upper(), "--pool", POOL).must(1, "already", "pollux pki renew")
    assert files() == before


@test
def a_key_is_not_written_through_a_link():
    pki("init").must(0)
    os.symlink("../elsewhere", KEY)
    pki("issue", MACHINE, "--pool", POOL).must(1, "already")
    os.remove(KEY)
    os.symlink("../elsewhere", KEY + ".new")
    pki("issue", MACHINE, "--pool", POOL).must(0)
    assert not os.path.exists("elsewhere") and not os.path.islink(KEY)


@test
def renewing_keeps_names_and_the_old_pair():
    make_pair()
    before = files()
    days_left(pki("renew", MACHINE, "--days", "100").must(0), 100)
    pki("check", CERTIFICATE, KEY).must(0, MACHINE, POOL, "good")
    after = files()
    for name in Path(CERTIFICATE).name, Path(KEY).name:
        assert after[name + ".old"] == before[name] != after[name]
    assert not [name for name in after if name.endswith(".new")]
    openssl("verify", "-CAfile", AUTHORITY, "-verify_hostname", POOL, CERTIFICATE)


@test
def what_is_not_there_can_not_be_renewed():
    pki("init").must(0)
    pki("renew", MACHINE).must(1, "No such file", "pollux pki issue")
    pki("renew", MACHINE, "--dir", "none").must(1, "No such file", "pollux pki init")
    assert not os.path.exists("none")


@test
def a_renewal_that_dies_at_any_step_is_noticed_and_mended_by_renewing_again():
    make_pair()
    torn = 0
    for step in range(1, 100):
        died = pki("renew", MACHINE, **dying(step))
        checked = pki("check", CERTIFICATE, KEY)
        if checked.status != 0:
            checked.must(1, "a renewal was interrupted. Renew again.")
            assert matches(CERTIFICATE + ".old", KEY + ".old")
            torn += 1
        for key in Path("pki").glob("*.key*"):
            assert mode(key) == 0o600
        pki("renew", MACHINE).must(0)
        pki("check", CERTIFICATE, KEY).must(0)
        assert matches(CERTIFICATE + ".old", KEY + ".old")
        assert not [name for name in files() if name.endswith(".new")]
        if died.status == 0:
            break
        died.must(DIED)
    assert step > 10 and torn >= 1, f"{step} steps, {torn} times torn"


@test
def a_first_pair_that_dies_at_any_step_is_whole_or_refused():
    pki("init").must(0)
    for step in range(1, 100):
        machine = f"m{step}.litwareinc.com"
        died = pki("issue", machine, "--pool", POOL, **dying(step))
        certificate, key = f"pki/{machine}.pem", f"pki/{machine}.key"
        there = [os.path.exists(file) for file in (key, certificate)]
        again = pki("issue", machine, "--pool", POOL)
        if not any(there):
            again.must(0)
        elif not all(there):
            again.must(1, "without the other half", "move this one away")
            os.remove(key)
            pki("issue", machine, "--pool", POOL).must(0)
        pki("check", certificate, key).must(0)
        if died.status == 0:
            break
        died.must(DIED)
    assert step > 5, step


@test
def an_authority_that_dies_at_any_step_is_whole_or_refused():
    for step in range(1, 100):
        folder = f"pki{step}"
        died = pki("init", "--dir", folder, **dying(step))
        again = pki("init", "--dir", folder)
        if again.status != 0 and not os.path.exists(f"{folder}/authority.pem"):
            again.must(1, "without the other half")
            os.remove(f"{folder}/authority.key")
            pki("init", "--dir", folder).must(0)
        pki("issue", MACHINE, "--pool", POOL, "--dir", folder).must(0)
        if died.status == 0:
            break
        died.must(DIED)
    assert step > 5, step


@test
def two_who_issue_the_same_at_once_get_one_pair():
    pki("init").must(0)
    statuses = []
    callers = [threading.Thread(
        target=lambda: statuses.append(pki("issue", MACHINE, "--pool", POOL).status))
        for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(statuses) == [0] + [1] * 7, statuses
    pki("check", CERTIFICATE, KEY).must(0)


@test
def show_tells_what_openssl_tells():
    make_pair()
    shown = pki("show", CERTIFICATE, AUTHORITY).must(0, f"{MACHINE}, {POOL}",
                                                     "CN=Litware deployment")
    days_left(shown, 397, 3650)
    said = shown.out
    for file in CERTIFICATE, AUTHORITY:
        fingerprint = openssl("x509", "-in", file, "-noout", "-fingerprint", "-sha256")
        assert fingerprint.split("=")[1].strip() in said
    pki("show", "none.pem", CERTIFICATE).must(1, "none.pem", "No such file", MACHINE, "1 of 2")
    pki("show", KEY).must(1, "holds no certificate")


def sign(extensions, *more):
    """A certificate of our authority with whatever extensions, for the key KEY."""
    Path("extensions").write_text(extensions)
    openssl("req", "-new", "-key", KEY, "-subj", "/CN=odd", "-out", "odd.csr")
    openssl("x509", "-req", "-in", "odd.csr", "-CA", AUTHORITY, "-CAkey", "pki/authority.key",
            "-extfile", "extensions", "-out", "odd.pem", *more)
    return pki("check", "odd.pem", KEY)


@test
def check_finds_what_is_wrong_with_certificates_of_others():
    make_pair()
    names = f"subjectAltName=DNS:{MACHINE}\n"
    both = "extendedKeyUsage=serverAuth,clientAuth\n"
    sign(names + both).must(0)
    sign(names + "extendedKeyUsage=serverAuth\n").must(1, "may not call others")
    sign(names + "extendedKeyUsage=clientAuth\n").must(1, "may not answer calls")
    sign(both).must(1, "names no machine")
    sign(both + "subjectAltName=DNS:*.litwareinc.com\n").must(1, '"*.litwareinc.com" is not')
    sign(both + "subjectAltName=DNS:localhost,IP:127.0.0.1\n").must(1, '"localhost" is not')
    sign(both + "subjectAltName=URI:pollux:administrator:0\n").must(1, "names no machine")
    sign(both + "subjectAltName=URI:pollux:administrator:a,URI:pollux:administrator:b\n").must(
        1, "no administrator")
    sign(names + both + "1.2.3.4=critical,DER:0500\n").must(1, "unhandled critical extension")
    sign(names + both + "basicConstraints=CA:TRUE\n").must(1, "belongs to an authority")
    escape = sign(both + "subjectAltName=DER:30:06:82:04:1b:5b:32:4a\n").must(1)
    assert "\x1b" not in escape.err + pki("show", "odd.pem").must(0).out


@test
def what_has_ended_and_what_has_not_begun_is_said():
    make_pair()
    sign(f"subjectAltName=DNS:{MACHINE}\n")
    Path("index.txt").touch()
    Path("serial").write_text("01\n")
    Path("ca.conf").write_text("[ca]\ndefault_ca=here\n[here]\nnew_certs_dir=.\n"
                               "database=index.txt\nserial=serial\ndefault_md=sha256\npolicy=any\n"
                               "unique_subject=no\n[any]\ncommonName=supplied\n")

    def between(start, end):
        openssl("ca", "-config", "ca.conf", "-batch", "-notext", "-cert", AUTHORITY,
                "-keyfile", "pki/authority.key", "-in", "odd.csr", "-out", "odd.pem",
                "-extfile", "extensions", "-startdate", start, "-enddate", end)
        return pki("check", "odd.pem", KEY)

    between("20200101000000Z", "20200110000000Z").must(1, "It expired on 2020-01-10 00:00:00 UTC.")
    assert re.search(r"\(expired \d{4,} days ago\)", pki("show", "odd.pem").must(0).out)
    between("20700101000000Z", "20710101000000Z").must(1, "valid only from 2070-01-01 00:00:00 UTC")
    pki("show", "odd.pem").must(0, "2071-01-01 00:00:00 UTC (not valid yet)")


@test
def check_says_all_at_once():
    make_pair()
    pki("init", "--dir", "other").must(0)
    pki("issue", MACHINE, "--pool", POOL, "--dir", "other").must(0)
    os.chmod(f"other/{MACHINE}.key", 0o604)
    pki("check", CERTIFICATE, f"other/{MACHINE}.key", "--authority=other/authority.pem").must(
        1, "not issued by the authority", "not the key of", "Others than its owner")
    pki("check", "none.pem", "none.key", "--dir", "none").must(
        1, "none.pem", "none.key", "none/authority.pem")
    pki("check", CERTIFICATE, CERTIFICATE).must(1, "holds no private key")


@test
def a_key_with_a_passphrase_is_refused_without_asking():
    make_pair()
    openssl("pkey", "-in", KEY, "-aes256", "-passout", "pass:secret", "-out", "locked.key")
    pki("check", CERTIFICATE, "locked.key").must(1, "without a passphrase")


@test
def what_ends_soon_is_said():
    make_pair()
    pki("renew", MACHINE, "--days", "20").must(0)
    pki("check", CERTIFICATE, KEY).must(0, "Renew it soon")
    pki("init", "--dir", "short", "--days", "10").must(0)
    pki("issue", MACHINE, "--pool", POOL, "--dir", "short").must(0, "ends with the authority")


@test
def two_machines_talk_over_mutual_tls_and_a_stranger_does_not():
    make_pair()
    pki("issue", "red-cs-001.litwareinc.com", "--pool", "red.litwareinc.com").must(0)
    pki("init", "--dir", "other").must(0)
    pki("issue", MACHINE, "--pool", POOL, "--dir", "other").must(0)

    def context(side, folder, machine):
        made = ssl.SSLContext(side)
        made.minimum_version = ssl.TLSVersion.TLSv1_3
        made.load_cert_chain(f"{folder}/{machine}.pem", f"{folder}/{machine}.key")
        made.load_verify_locations(AUTHORITY)
        made.verify_mode = ssl.CERT_REQUIRED
        return made

    server = context(ssl.PROTOCOL_TLS_SERVER, "pki", "red-cs-001.litwareinc.com")

    def call(folder):
        near, far = socket.socketpair()
        near.settimeout(20)
        far.settimeout(20)
        heard = []

        def answer():
            try:
                with server.wrap_socket(far, server_side=True) as tls:
                    heard.append(tls.getpeercert()["subjectAltName"])
                    tls.sendall(b"hello")
            except OSError as error:
                heard.append(error)
                far.close()

        listener = threading.Thread(target=answer)
        listener.start()
        try:
            client = context(ssl.PROTOCOL_TLS_CLIENT, folder, MACHINE)
            with client.wrap_socket(near, server_hostname="red.litwareinc.com") as tls:
                tls.recv(5)
        except OSError:
            pass
        listener.join()
        return heard[0]

    assert call("pki") == (("DNS", MACHINE), ("DNS", POOL))
    assert isinstance(call("other"), ssl.SSLError)


@test
def misuse_is_status_2_and_names_what_would_be_right():
    pki().must(2, "Usage")
    pki("isue").must(2, '"issue"')
    pki("chekc", "a", "b").must(2, '"check"')
    pki("frobnicate").must(2, "--help")
    pki("init", "--nmae", "x").must(2, '"--name"')
    pki("init", "--dyas=3").must(2, '"--days"')
    pki("init", "--" + "x" * 100).must(2, "no option")
    pki("init", "surplus").must(2, '"surplus"')
    pki("init", "--dir").must(2, "lacks its value")
    pki("init", "--dir", "--name", "x").must(2, "lacks its value")
    pki("init", "--name=").must(2, "lacks its value")
    pki("init", "--days", "1", "--days", "2").must(2, "twice")
    for days in "-1", "0", "+1", " 1", "1.5", "1e3", "x", "36501", "9" * 40:
        pki("init", "--days", days).must(2, "--days takes a whole number")
    pki("init", "--name", "a\nb").must(2, "characters that print")
    pki("init", "--name", "x" * 65).must(2, "1 to 64")
    pki("issue", "--pool", POOL).must(2, "MACHINE")
    pki("issue", MACHINE).must(2, "--pool")
    pki("issue", "localhost", "--pool", POOL).must(2, '"localhost"')
    pki("issue", MACHINE, "--pool", "a b.c").must(2, '"a b.c"')
    pki("issue", MACHINE, "other.b", "--pool", POOL).must(2, "2 words")
    pki("check", "one").must(2, "CERTIFICATE KEY")
    pki("show").must(2, "FILE")
    assert os.listdir() == []
    run(POLLUX, "--nonsense").must(2)
    run(POLLUX, "pkii").must(2, '"pkii"')


@test
def every_command_has_help():
    overview = pki("--help").must(0, "Usage: pollux pki")
    assert not overview.err
    for name in re.findall(r"^  (\w+) ", overview.out, re.M):
        said = pki(name, "--help").must(0, f"Usage: pollux pki {name}")
        assert not said.err
        assert pki(name, "--bogus", "-h").must(0).out == said.out
    run(POLLUX, "--help").must(0, "pollux pki")
    assert re.fullmatch(r"pollux \d+\.\d+\.\d+\n", run(POLLUX, "--version").must(0).out)


@test
def what_can_not_be_written_changes_nothing():
    make_pair()
    before = files()

    def write_nothing():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    for words in (("renew", MACHINE), ("issue", "b.litwareinc.com", "--pool", POOL),
                  ("init", "--dir", "other")):
        done = subprocess.run([POLLUX, "pki", *words], capture_output=True, text=True,
                              preexec_fn=write_nothing, restore_signals=False)
        kept = "left as it was" if words[0] == "renew" else "Nothing was made"
        Outcome(done).must(1, "Writing", kept)
    assert files() == before and files("other") == {}


@test
def output_that_can_not_be_written_is_a_failure():
    make_pair()
    with open("/dev/full", "w") as full:
        done = subprocess.run([POLLUX, "pki", "show", CERTIFICATE], stdout=full,
                              stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "No space left" in done.stderr, done


def main():
    tests[:] = sample(tests)
    print(f"1..{len(tests)}")
    os.umask(0o022)
    failed = 0
    for number, function in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix="pollux-pki-") as folder:
            os.chdir(folder)
            try:
                function()
                print(f"ok {number} - {function.__name__}")
            except Exception:
                failed += 1
                print(f"not ok {number} - {function.__name__}")
                for line in traceback.format_exc().splitlines():
                    print(f"# {line}")
            os.chdir("/")
        sys.stdout.flush()
    return 1 if failed else 0


sys.exit(main())
