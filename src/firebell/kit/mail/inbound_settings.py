"""Parses the settings of inbound mail (pure): only what is set is listened to or read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from firebell.kit.errors import StartupError
from firebell.kit.mail.addresses import check_address
from firebell.kit.mail.server_url import is_loopback

_IMAP_PORT, _IMAPS_PORT = 143, 993
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class ImapServer:
    """A mailbox that is read; without `implicit_tls` the connection must be upgraded if `require_tls`."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    implicit_tls: bool = True
    require_tls: bool = True


@dataclass(frozen=True, slots=True)
class InboundMailSettings:
    """How mails arrive; without a domain, none do."""

    domain: str = ""
    """FIREBELL_MAIL_DOMAIN: the domain of the addresses of integrations."""
    listen: tuple[str, int] | None = None
    """FIREBELL_MAIL_LISTEN: the host and port of the SMTP listener."""
    certificate: tuple[Path, Path] | None = None
    """FIREBELL_MAIL_TLS_CERTIFICATE and FIREBELL_MAIL_TLS_KEY: files for STARTTLS."""
    imap: ImapServer | None = None
    """FIREBELL_MAIL_IMAP_URL: the mailbox to read."""
    auth_server: str = ""
    """FIREBELL_MAIL_AUTH_SERVER: the relay whose Authentication-Results are believed."""


def load(env: Mapping[str, str]) -> InboundMailSettings:
    """Return the settings; raise `StartupError` naming an invalid variable."""

    def get(name: str) -> str:
        return env.get(f"FIREBELL_MAIL_{name}", "").strip()

    domain = get("DOMAIN")
    try:
        check_address(f"checkout@{domain or 'example.org'}")
    except ValueError as exc:
        raise StartupError(
            f"FIREBELL_MAIL_DOMAIN: {domain!r} is not a domain.", hint="Example: alerts.example.org"
        ) from exc
    listen, imap_url = get("LISTEN"), get("IMAP_URL")
    if (listen or imap_url) and not domain:
        raise StartupError(
            "Inbound mail needs FIREBELL_MAIL_DOMAIN, the domain of the addresses.",
            hint="Example: FIREBELL_MAIL_DOMAIN=alerts.example.org",
        )
    return InboundMailSettings(
        domain=domain.lower(),
        listen=_address(listen) if listen else None,
        certificate=_certificate(get("TLS_CERTIFICATE"), get("TLS_KEY")),
        imap=parse_imap_url(imap_url) if imap_url else None,
        auth_server=get("AUTH_SERVER").lower(),
    )


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    is_number = port.isascii() and port.isdecimal() and 0 < int(port) <= _MAX_PORT
    if not colon or not host or not is_number:
        raise StartupError(
            f"FIREBELL_MAIL_LISTEN: {text!r} is not a host and a port.", hint="Example: 0.0.0.0:25 or [::]:25"
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def _certificate(certificate: str, key: str) -> tuple[Path, Path] | None:
    if not certificate and not key:
        return None
    files = (("FIREBELL_MAIL_TLS_CERTIFICATE", certificate), ("FIREBELL_MAIL_TLS_KEY", key))
    for name, path in files:
        if not path or not Path(path).is_file():
            raise StartupError(
                f"{name}: there is no file {path!r}.", hint="Set both, to files in PEM format."
            )
    return Path(certificate), Path(key)


def parse_imap_url(url: str) -> ImapServer:
    """Return the mailbox of `imap[s]://user:password@host[:port][/folder][?insecure]`; raise `StartupError`.

    The password is sent over TLS only, except to the loopback address or with `?insecure`.
    """

    def invalid(reason: str) -> StartupError:
        return StartupError(
            f"FIREBELL_MAIL_IMAP_URL: {reason}.",
            hint="Example: imaps://alerts%40example.org:password@imap.example.org/INBOX",
        )

    parts = urlsplit(url)
    if parts.scheme not in ("imap", "imaps"):
        raise invalid("it must begin with imap:// or imaps://")
    if parts.fragment or parts.query not in ("", "insecure"):
        raise invalid("the only option is ?insecure; write # in a password as %23")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        raise invalid("the port is not a number from 1 to 65535") from None
    if not host or port == 0:
        raise invalid("it names no host, or port 0")
    if not parts.username or not parts.password:
        raise invalid("it has no user name or no password")
    implicit_tls = parts.scheme == "imaps"
    return ImapServer(
        host=host,
        port=port or (_IMAPS_PORT if implicit_tls else _IMAP_PORT),
        username=unquote(parts.username),
        password=unquote(parts.password),
        folder=unquote(parts.path.strip("/")) or "INBOX",
        implicit_tls=implicit_tls,
        require_tls=not (parts.query == "insecure" or is_loopback(host)),
    )
