"""Story: the mail password is never sent unencrypted, and doctor explains why no email is sent."""

import json
import ssl
import subprocess
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult

from firebell.kit.clock import FakeClock
from firebell.kit.mail.server_url import parse_smtp_url
from firebell.paging import actions as paging
from firebell.people import actions as people
from tests.servers import mail_server
from tests.stories.test_doctor import findings
from tests.stories.test_emails import Mailbox
from tests.world import World, world

HOST = "0.0.0.0"
"""An address of this machine that is not a loopback address: for Firebell it is a remote server."""


class Door:
    """Accepts any sign-in and records the credentials."""

    def __init__(self) -> None:
        self.passwords: list[bytes] = []

    def __call__(
        self, server: object, session: object, envelope: object, mechanism: str, data: object
    ) -> AuthResult:
        self.passwords.append(data.password)  # type: ignore[attr-defined]
        return AuthResult(success=True)


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for `HOST` that this process trusts."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", f"subjectAltName=IP:{HOST}", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


async def page_by_mail(w: World) -> tuple[str, str]:
    """Page Mara by email alone; return the outcome of the message."""
    async with w.ctx.db.tx() as tx:
        (mail,) = [m for m in await people.methods_of(tx, [w.mara]) if m.kind == "email"]
        await people.set_rules(
            tx, await w.actor(w.mara), person_id=w.mara, urgency="high", rules=[(0, mail.id)], now=w.now
        )
    await w.alert()
    await w.settle()
    async with w.ctx.db.tx() as tx:
        first = (await paging.deliveries(tx, (await w.page()).id))[0]
        suspects = await tx.value("select count(*) from contact_method where suspect_since is not null")
    assert suspects == 0
    return first.state, first.error or ""


async def test_without_tls_the_password_is_not_sent_and_the_next_rule_acts(
    dsn: str, clock: FakeClock
) -> None:
    box, door = Mailbox(), Door()
    async with mail_server(box, authenticator=door, auth_require_tls=False) as port:
        url = f"smtp://bell:secret@{HOST}:{port}"
        async with world(dsn, clock, smtp_url=url) as w:
            state, error = await page_by_mail(w)
            assert (state, door.passwords, box.raw) == ("failed", [], [])
            assert "STARTTLS" in error
            assert "Jun Okafor" in w.sink.people()
        _, checks = await findings(dsn, FIREBELL_SMTP_URL=url)
        assert checks["mail"][0] == "fail"
        assert "STARTTLS" in checks["mail"][1]
        assert door.passwords == []


async def test_with_starttls_the_password_is_sent_and_the_mail_arrives(
    dsn: str, clock: FakeClock, certificate: ssl.SSLContext
) -> None:
    box, door = Mailbox(), Door()
    async with mail_server(box, authenticator=door, tls_context=certificate, require_starttls=True) as port:
        url = f"smtp://bell:secret@{HOST}:{port}"
        async with world(dsn, clock, smtp_url=url) as w:
            assert await page_by_mail(w) == ("accepted", "")
            assert (door.passwords, len(box.raw)) == ([b"secret"], 1)
        _, checks = await findings(dsn, FIREBELL_SMTP_URL=url)
        assert checks["mail"][0] == "ok", json.dumps(checks)


async def test_who_allows_it_in_the_address_sends_it_in_clear_and_doctor_warns(
    dsn: str, clock: FakeClock
) -> None:
    box, door = Mailbox(), Door()
    async with mail_server(box, authenticator=door, auth_require_tls=False) as port:
        url = f"smtp://bell:secret@{HOST}:{port}?insecure"
        async with world(dsn, clock, smtp_url=url) as w:
            assert await page_by_mail(w) == ("accepted", "")
            assert door.passwords == [b"secret"]
        _, checks = await findings(dsn, FIREBELL_SMTP_URL=url)
        assert checks["mail"][0] == "warn"


@pytest.mark.parametrize(
    ("url", "require_tls"),
    [
        ("smtp://mail.example.org", False),
        ("smtp://bell:secret@mail.example.org", True),
        ("smtp://bell:secret@mail.example.org?insecure", False),
        ("smtp://bell:secret@127.0.0.1:25", False),
        ("smtp://bell:secret@[::1]:25", False),
        ("smtp://bell:secret@localhost", False),
        ("smtp://bell:secret@10.0.0.7", True),
        ("smtps://bell:secret@mail.example.org", True),
    ],
)
def test_tls_is_required_wherever_a_password_would_travel(url: str, require_tls: bool) -> None:
    server = parse_smtp_url(url)
    assert server.require_tls == require_tls
    assert "secret" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "mail.example.org",
            "http://mail.example.org",
            "smtp://",
            "smtp://mail.example.org:x",
            "smtp://h:0",
        ),
        *("smtp://bell:se#cret@mail.example.org", "smtp://mail.example.org/inbox", "smtp://h?starttls=no"),
    ],
)
def test_an_invalid_mail_server_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as refused:
        parse_smtp_url(url)
    assert "cret" not in str(refused.value)
