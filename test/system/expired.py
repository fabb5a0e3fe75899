"""Certificates that have expired. The product makes none, so openssl does, with its authority."""

from pollux_world import *


def expire(world, pool):
    """The machine's certificate, in its place, ended yesterday."""
    pki = world.folder / "pki"
    certificate, key = (pki / f"{name_of(pool)}.{ending}" for ending in ("pem", "key"))
    ext, csr = world.folder / "ext", world.folder / "csr"
    ext.write_text(f"subjectAltName=DNS:{name_of(pool)}\nbasicConstraints=CA:FALSE\n"
                   "extendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature\n")
    run("openssl", "req", "-new", "-key", key, "-subj", f"/CN={name_of(pool)}", "-out", csr).must(0)
    run("openssl", "x509", "-req", "-in", csr, "-CA", pki / "authority.pem", "-CAkey", pki / "authority.key",
        "-set_serial", "4711", "-days", "-1", "-extfile", ext, "-out", certificate).must(0)
