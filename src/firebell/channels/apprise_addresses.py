"""Which Apprise addresses may be used, by their kinds, such as `mailto` in `mailto://…`, and their spelling (pure)."""

import re
from urllib.parse import urlsplit

from firebell.kit.errors import Invalid

KINDS = "FIREBELL_APPRISE_KINDS"
"""The kinds that may be used, comma-separated; without it, Apprise is off."""
ON_THIS_MACHINE = frozenset(
    {
        *("blink1", "dbus", "file", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"),
        # attachments and lists of addresses, which Apprise would read
        *("config", "include", "memory"),
    }
)
"""Kinds that act on the machine that runs Firebell, or read from it: never used, whatever the setting lists."""
_OF_BROWSERS = frozenset({"http", "https"})
"""Addresses that Apprise may read as one of several kinds, so the setting could not restrict them."""
_KIND = re.compile(r"[a-z][a-z0-9]{0,29}")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9]{0,29}://[^\s]+")
_ADDRESS_BYTES = 1000
"""Sealed, an address is a third longer, and a row of an index has at most 2,704 bytes."""


def kind_of(address: str) -> str:
    """Return what is before `://`."""
    return address.partition("://")[0]


def service_of(address: str) -> str:
    """Return the kind and the host of an address, by which services are told apart."""
    try:
        host = urlsplit(address).hostname
    except ValueError:
        host = None
    return f"{kind_of(address)}://{host or ''}"


def kinds_of(setting: str) -> tuple[str, ...]:
    """Return the kinds of a comma-separated list, in its order; raise `ValueError` for one that is never used."""
    kinds = tuple(dict.fromkeys(part.strip().lower().removesuffix("://") for part in setting.split(",")))
    listed = tuple(kind for kind in kinds if kind)
    for kind in listed:
        if kind in ON_THIS_MACHINE:
            raise ValueError(f"{kind} acts on the machine that runs Firebell")
        if kind in _OF_BROWSERS or not _KIND.fullmatch(kind):
            raise ValueError(f"{kind[:40]!r} is not a kind of Apprise")
    return listed


def check_address(address: str) -> str:
    """Return the address with its kind in lower case; raise `Invalid` if it isn't one, or acts on this machine."""
    text = address.strip()
    if not text.isprintable() or len(text.encode()) > _ADDRESS_BYTES or not _ADDRESS.fullmatch(text):
        raise _refused("That isn’t an Apprise address.")
    kind = kind_of(text).lower()
    if kind in ON_THIS_MACHINE:
        raise _refused(f"{kind}:// acts on the machine that runs Firebell.")
    if kind in _OF_BROWSERS:
        raise _refused("A web address does not say which service it is for.")
    return f"{kind}{text[len(kind) :]}"


def _refused(reason: str) -> Invalid:
    return Invalid(reason, fields={"address": "Use an Apprise address, such as mailto://…"})


def check_kind(address: str, setting: str) -> None:
    """Raise `Invalid`, naming the kinds that may be used, unless the kind of an address is one of them."""
    kind, listed = kind_of(check_address(address)), kinds_of(setting)
    if kind not in listed:
        usable = ", ".join(f"{each}://" for each in listed)
        raise Invalid(
            f"{kind}:// is not one of the kinds that your admin allows.",
            fields={"address": f"Use one of {usable}." if usable else f"An admin must set {KINDS}."},
        )
