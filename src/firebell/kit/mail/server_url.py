"""Parses FIREBELL_SMTP_URL, and decides when a password may be sent (pure)."""

import ipaddress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The SMTP server; with `require_tls`, nothing is sent without TLS."""

    host: str
    port: int
    implicit_tls: bool
    require_tls: bool
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def options(self) -> dict[str, Any]:
        """Return the keyword arguments with which aiosmtplib uses a connected socket."""
        return {
            "hostname": self.host,
            "use_tls": self.implicit_tls,
            # None upgrades when the server offers it, True fails without it
            "start_tls": True if self.require_tls and not self.implicit_tls else None,
            "username": self.username,
            "password": self.password,
        }

    @property
    def sends_password_in_clear(self) -> bool:
        """True if a password may leave this machine unencrypted, because the URL allows it."""
        return bool(self.username) and not self.require_tls and not is_loopback(self.host)


def parse_smtp_url(url: str) -> SmtpServer:
    """Return the server of `smtp[s]://[user:password@]host[:port][?insecure]`; raise ValueError with the reason.

    With a user name TLS is required, except on the loopback address or with `?insecure`. The reason never
    repeats the password.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps"):
        raise ValueError("it must begin with smtp:// or smtps://")
    if parts.fragment or parts.path not in ("", "/"):
        raise ValueError("nothing may follow the port; write # and / in a password as %23 and %2F")
    if parts.query not in ("", "insecure"):
        raise ValueError("the only option is ?insecure")
    try:
        port, host = parts.port, parts.hostname
    except ValueError:
        raise ValueError("the port is not a number from 1 to 65535") from None
    if not host or port == 0:
        raise ValueError("it names no host, or port 0")
    implicit_tls = parts.scheme == "smtps"
    username = unquote(parts.username) if parts.username else None
    optional = parts.query == "insecure" or is_loopback(host)
    return SmtpServer(
        host,
        port or (465 if implicit_tls else 25),
        implicit_tls,
        implicit_tls or (username is not None and not optional),
        username,
        unquote(parts.password) if parts.password else None,
    )


def is_loopback(host: str) -> bool:
    """Return True if the host is this machine by name or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
