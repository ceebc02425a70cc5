"""Parses email addresses in the only form that Firebell sends to, and the sender's mailbox (pure)."""

import re
from dataclasses import dataclass

from firebell.kit.errors import Invalid

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
# public host names have no underscore, but some internal ones do
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")
ADDRESS_CHARACTERS = 254
LOCAL_CHARACTERS = 64


def check_address(text: str) -> str:
    """Return the address with its domain in ASCII (IDNA); raise ValueError with the reason.

    Accepts `local@domain` only: no quoting, comments, groups, lists, routes or encoded words.
    """
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        raise ValueError("an address has the form name@example.org")
    if len(text) > ADDRESS_CHARACTERS or len(local) > LOCAL_CHARACTERS:
        raise ValueError("the address is too long")
    if "=?" in local or not _LOCAL.fullmatch(local):
        raise ValueError("before the @, use letters, digits and .!#$%&'*+/=?^_`{|}~- only, and one address")
    return f"{local}@{_ascii_domain(domain)}"


def _ascii_domain(domain: str) -> str:
    try:
        ascii_domain = domain.encode("idna").decode()
    except UnicodeError:
        raise ValueError(f"{domain!r} is not a domain") from None
    if not all(_LABEL.fullmatch(label) for label in ascii_domain.split(".")):
        raise ValueError(f"{domain!r} is not a domain")
    return ascii_domain


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name, which may be empty, and a checked address."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The part of the address after the @."""
        return self.address.rpartition("@")[2]


def parse_mailbox(text: str) -> Mailbox:
    """Return the one mailbox of `address` or `Name <address>`; raise ValueError with the reason.

    The name is taken literally, with or without quotes around it.
    """
    text = text.strip()
    if not text.isprintable():
        raise ValueError("it contains a control character")
    if not text.endswith(">"):
        return Mailbox("", check_address(text))
    name, opened, address = text[:-1].rpartition("<")
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1]
    if not opened or "<" in name or ">" in name:
        raise ValueError("use one address, such as Firebell <firebell@example.org>")
    return Mailbox(name, check_address(address.strip()))


def clean_address(value: str, field: str) -> str:
    """Return the address in lower case; raise `Invalid` for `field` unless it is exactly one valid address."""
    text = value.strip().lower()
    try:
        check_address(text)
        if not text.isprintable():
            raise ValueError("the domain has a character that cannot be shown")
    except ValueError as exc:
        raise Invalid(
            f"{value[:300]!r} is not an email address: {exc}.",
            fields={field: f"Enter one address, such as mara@example.org: {exc}."},
        ) from None
    return text
