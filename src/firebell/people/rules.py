"""What addresses, zones and roles are acceptable (pure)."""

import re
from zoneinfo import available_timezones

from firebell.kit.errors import Invalid
from firebell.kit.http_out import check_url
from firebell.people.model import SCOPES, Channel, Role

_EMAIL = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+\.?[^@\s<>\".]+")
TEAM_ROLES = ("member", "manager")
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}")


def clean_email(value: str, field: str = "email") -> str:
    """Return the address in lower case; raise `Invalid` when it cannot be one."""
    text = value.strip().lower()
    if len(text) > 254 or not text.isprintable() or not _EMAIL.fullmatch(text):
        raise Invalid(
            f"{value!r} is not an e-mail address.",
            fields={field: "This is not an e-mail address; an example is mara@example.org."},
        )
    return text


def check_zone(value: str, field: str = "tz") -> str:
    """Return `value` when it is an IANA time zone."""
    if value not in available_timezones():
        raise Invalid(
            f"{value!r} is not a time zone.", fields={field: "Use an IANA zone such as Europe/Berlin."}
        )
    return value


def check_role(value: str) -> str:
    """Return `value` when it is a role."""
    if value not in list(Role):
        raise Invalid(f"{value!r} is not a role.", fields={"role": f"One of {', '.join(Role)}."})
    return value


def check_address(kind: str, address: str) -> str:
    """Return the address in the form its channel needs: mail address, web address, ntfy topic or URL."""
    match kind:
        case Channel.EMAIL:
            return clean_email(address, "address")
        case Channel.WEBHOOK:
            return check_url(address)
        case Channel.NTFY:
            text = address.strip()
            return text if _TOPIC.fullmatch(text) else check_url(text)
        case _:
            raise Invalid(f"{kind!r} is not a channel.", fields={"kind": f"One of {', '.join(Channel)}."})


def check_scopes(scopes: list[str]) -> list[str]:
    """Return the scopes sorted; raise `Invalid` for none or an unknown one."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise Invalid(
            f"Unknown scope {unknown[0]!r}." if unknown else "A key needs at least one scope.",
            fields={"scopes": f"Any of {', '.join(SCOPES)}."},
        )
    return sorted(set(scopes))
