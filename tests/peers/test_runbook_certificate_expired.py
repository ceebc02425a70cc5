"""The certificate runbook against nginx: expired, mismatched and incomplete certificates are found and replaced."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.peers.runbooks import Shell, command, own, place, program, runbook, server
from tests.servers import free_port, until

pytestmark = pytest.mark.peers

BOOK = runbook("certificate-expired")
LOOK, DISK, GUARD = "2. See what", "3. Look at", "5. Check it"
INSTALL, LOAD, VERIFY, BACK = "6. Install it", "7. Load it", "Verification", "Rollback"
NAME = "shop.example.org"


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """The key, not encrypted."""
        plain = serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, plain).decode()


def issue(name: str, by: Issued | None, *, days: int = 90, authority: bool = False) -> Issued:
    """Return a certificate that ends in so many days, signed by another one or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = datetime.now(UTC) + timedelta(days=days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=400))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return Issued(builder.sign(by.key if by else key, hashes.SHA256()), key)


@dataclass(slots=True)
class Site:
    """An nginx with TLS, its folder, the issuers, and a shell with the variables of the runbook."""

    folder: Path
    root: Issued
    middle: Issued
    shell: Shell

    def write(self, name: str, text: str) -> str:
        """Write a file and return its path."""
        path = self.folder / name
        path.write_text(text, encoding="ascii")
        own(path)
        return str(path)

    def new(self, issued: Issued, *, chain: bool = True) -> dict[str, str]:
        """Write a new certificate, and return the variables that name it."""
        text = issued.pem + (self.middle.pem if chain else "")
        return {"NEW_CERT": self.write("new.pem", text), "NEW_KEY": self.write("new.key", issued.key_pem)}


@asynccontextmanager
async def site(served: str = NAME, days: int = -1) -> AsyncIterator[Site]:
    """Run an nginx whose certificate ends in so many days, until the block ends."""
    root = issue("Root", None, authority=True)
    middle = issue("Middle", root, authority=True)
    old = issue(served, middle, days=days)
    async with AsyncExitStack() as on:
        folder = on.enter_context(place())
        port, run = free_port(), folder / "run"
        run.mkdir()
        own(run)
        temp = " ".join(
            f"{n}_temp_path {run}/{n};" for n in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        nginx = program("nginx", "nginx")
        path = os.pathsep.join([str(Path(nginx).parent), os.environ["PATH"]])
        shell = Shell(folder, {"NAME": NAME, "PORT": str(port), "ADDRESSES": "127.0.0.1", "PATH": path})
        running = Site(folder, root, middle, shell)
        shell.env |= {
            "CERT": running.write("site.pem", old.pem + middle.pem),
            "KEY": running.write("site.key", old.key_pem),
            "CA_FILE": running.write("root.pem", root.pem),
            "NGINX_CONF": running.write(
                "nginx.conf",
                f"pid {run}/pid; error_log {run}/error.log; events {{}}\nhttp {{ {temp} access_log off;\n"
                f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/site.pem;\n"
                f"ssl_certificate_key {folder}/site.key; return 200; }} }}\n",
            ),
        }
        await on.enter_async_context(
            server(nginx, "-c", shell.env["NGINX_CONF"], "-g", "daemon off;", folder=folder)
        )

        async def presents() -> bool:
            return "notAfter" in (await shell(command(BOOK, LOOK, "s_client"))).out

        await until(presents, "nginx presents a certificate")
        yield running


async def test_an_expired_certificate_is_seen_replaced_verified_and_put_back() -> None:
    async with site() as running:
        shell = running.shell
        assert NAME in (await shell(command(BOOK, LOOK, "s_client"))).out
        assert "will expire" in (await shell(command(BOOK, DISK, "checkend"), code=1)).out
        before = await shell(command(BOOK, VERIFY, "s_client"), code=1)
        assert "certificate has expired" in before.out
        assert "STOP: 1 addresses" in before.err

        new = running.new(issue(NAME, running.middle))
        assert (await shell(command(BOOK, GUARD, "checkhost"), code=0, **new)).out.startswith(
            "good: notAfter="
        )
        for _ in range(2):
            assert "installed" in (await shell(command(BOOK, INSTALL, "installed"), code=0, **new)).out
        assert "reloaded" in (await shell(command(BOOK, LOAD, "nginx"))).out

        async def good() -> bool:
            typed = await shell(f"({command(BOOK, VERIFY, 's_client')}) 2>&1 || true")
            return "127.0.0.1: good, notAfter=" in typed.out

        await until(good, "the new certificate is served")
        await shell(command(BOOK, BACK, "before"))
        kept = (running.folder / "site.pem").read_text("ascii")
        assert kept == (running.folder / "site.pem.before").read_text("ascii")
        assert kept != (running.folder / "new.pem").read_text("ascii"), (
            "a second run must keep the first copy"
        )


async def test_a_certificate_for_another_name_is_seen_and_a_broken_file_is_not_loaded() -> None:
    async with site("old.example.org", days=30) as running:
        seen = await running.shell(command(BOOK, VERIFY, "s_client"), code=1)
        assert "ostname mismatch" in seen.out
        running.write("site.pem", "no certificate")
        assert (
            "STOP: nginx does not accept it"
            in (await running.shell(command(BOOK, LOAD, "nginx"), code=1)).err
        )
        closed = await running.shell(command(BOOK, LOOK, "s_client"), PORT=str(free_port()))
        assert "no certificate: nothing listens" in closed.out


async def test_the_guard_refuses_what_clients_would_refuse() -> None:
    root = issue("Root", None, authority=True)
    middle = issue("Middle", root, authority=True)
    good, other = issue(NAME, middle), issue(NAME, middle)
    with place() as folder:
        running = Site(folder, root, middle, Shell(folder, {"NAME": NAME}))
        running.shell.env["CA_FILE"] = running.write("root.pem", root.pem)
        guard = command(BOOK, GUARD, "checkhost")
        assert "good" in (await running.shell(guard, code=0, **running.new(good))).out
        for words, issued, chain in (
            ("has expired, or ends", issue(NAME, middle, days=3), True),
            ("has expired, or ends", issue(NAME, middle, days=-3), True),
            ("is not for shop", issue("shop.example.com", middle), True),
            ("chain is incomplete", good, False),
        ):
            assert words in (await running.shell(guard, code=1, **running.new(issued, chain=chain))).err
        mixed = running.new(good) | {"NEW_KEY": running.write("other.key", other.key_pem)}
        assert "key does not belong" in (await running.shell(guard, code=1, **mixed)).err
        unreadable = mixed | {"NEW_CERT": running.write("empty.pem", "")}
        assert "can't be read" in (await running.shell(guard, code=1, **unreadable)).err
