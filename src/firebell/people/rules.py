"""Validation of emails, time zones, roles, contact methods and scopes (pure)."""

import re
from urllib.parse import urlsplit

from firebell.kit.errors import Invalid
from firebell.kit.http_out import check_url
from firebell.kit.localtime import zone_names
from firebell.kit.mail import mailbox
from firebell.kit.text import masked
from firebell.people.model import SCOPES, Channel, Role

TEAM_ROLES = ("member", "manager")
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}")
_RESERVED_TOPICS = frozenset(
    ("docs", "static", "file", "app", "metrics", "account", "settings", "signup", "login", "v1")
)
"""Topics that ntfy servers refuse."""


def clean_email(value: str, field: str = "email") -> str:
    """Return the address in lower case; raise `Invalid` unless it is exactly one valid address."""
    text = value.strip().lower()
    try:
        mailbox.check_address(text)
    except ValueError as exc:
        raise Invalid(
            f"{value[:300]!r} is not an email address: {exc}.",
            fields={field: f"Enter one address, such as mara@example.org: {exc}."},
        ) from None
    return text


def check_zone(value: str, field: str = "tz") -> str:
    """Return `value` when it is an IANA time zone."""
    if value not in zone_names():
        raise Invalid(
            f"{value!r} is not a time zone.", fields={field: "Enter an IANA time zone such as Europe/Berlin."}
        )
    return value


def check_role(value: str) -> str:
    """Return `value` when it is a role."""
    if value not in list(Role):
        raise Invalid(f"{value!r} is not a role.", fields={"role": f"Use one of {', '.join(Role)}."})
    return value


def check_address(kind: str, address: str) -> str:
    """Return the normalized address of a contact method; raise `Invalid` if its channel cannot use it."""
    match kind:
        case Channel.EMAIL:
            return clean_email(address, "address")
        case Channel.WEBHOOK:
            return _check_webhook(address)
        case Channel.NTFY:
            return _check_ntfy(address.strip())
        case _:
            raise Invalid(f"{kind!r} is not a channel.", fields={"kind": f"Use one of {', '.join(Channel)}."})


def _check_webhook(address: str) -> str:
    if "#" in address:
        raise Invalid(
            "The part of a URL after # is never sent.",
            fields={"address": "Remove the # and everything after it."},
        )
    return check_url(address)


def _check_ntfy(text: str) -> str:
    """Return a topic, or `https://server/topic`; raise `Invalid` for parts that ntfy would not get, such as a token."""
    server, topic = "", text
    if "://" in text:
        parts = urlsplit(check_url(text))
        if "?" in text or "#" in text:
            raise Invalid(
                "An ntfy address ends with the topic; an access token in it would not be sent.",
                fields={"address": "Use https://ntfy.example.org/topic, without ? and #."},
            )
        server, topic = f"{parts.scheme}://{parts.netloc}/", parts.path.strip("/")
    if not topic:
        raise Invalid(
            "The ntfy address has no topic.", fields={"address": "Add the topic: https://ntfy.sh/topic."}
        )
    if not _TOPIC.fullmatch(topic) or topic in _RESERVED_TOPICS:
        raise Invalid(
            f"{topic[:80]!r} is not an ntfy topic.",
            fields={
                "address": "Use 1 to 64 letters, digits, _ and -; names that ntfy uses for itself are reserved."
            },
        )
    return f"{server}{topic}"


def mask_address(kind: str, address: str) -> str:
    """Return an address as others may see it: webhooks and ntfy topics are secrets and are masked."""
    if kind == Channel.EMAIL:
        return address
    parts = urlsplit(address) if "://" in address else None
    host = f"{parts.scheme}://{parts.hostname}/" if parts else ""
    return f"{host}{masked(address)}"


def check_scopes(scopes: list[str]) -> list[str]:
    """Return the scopes sorted; raise `Invalid` for none or an unknown one."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise Invalid(
            f"Unknown scope {unknown[0]!r}." if unknown else "A key needs at least one scope.",
            fields={"scopes": f"Use any of {', '.join(SCOPES)}."},
        )
    return sorted(set(scopes))
