"""Validation of emails, time zones, roles, contact methods, scopes and quiet hours (pure)."""

from datetime import time
from urllib.parse import urlsplit

from firebell.channels import languages, registry
from firebell.channels.registry import CHANNELS
from firebell.kit import localtime
from firebell.kit.errors import Invalid
from firebell.kit.mail.addresses import clean_address
from firebell.kit.text import masked
from firebell.people.model import SCOPES, MessagePrivacy, QuietHours, Role

TEAM_ROLES = ("member", "manager")
check_zone = localtime.check_zone


def clean_email(value: str, field: str = "email") -> str:
    """Return the address in lower case; raise `Invalid` unless it is exactly one valid address."""
    return clean_address(value, field)


def check_role(value: str) -> str:
    """Return `value` when it is a role."""
    if value not in list(Role):
        raise Invalid(f"{value!r} is not a role.", fields={"role": f"Use one of {', '.join(Role)}."})
    return value


def check_address(kind: str, address: str) -> str:
    """Return the normalized address of a contact method; raise `Invalid` if its channel cannot use it."""
    return registry.channel(kind).check_address(address)


def check_language(value: str) -> str:
    """Return the code of a language of messages; raise `Invalid` if there is no such language."""
    known = languages.languages()
    if value not in known:
        raise Invalid(
            f"There are no messages in {value[:20]!r}.",
            fields={"language": f"Use one of {', '.join(known)}."},
        )
    return value


def check_privacy(value: str) -> MessagePrivacy:
    """Return what messages show; raise `Invalid` for another word."""
    if value not in list(MessagePrivacy):
        raise Invalid(
            f"{value[:20]!r} is not a privacy setting.",
            fields={"privacy": f"Use one of {', '.join(MessagePrivacy)}."},
        )
    return MessagePrivacy(value)


def mask_address(kind: str, address: str) -> str:
    """Return an address as others may see it: masked unless its channel declares it public."""
    if kind in CHANNELS and not CHANNELS[kind].is_secret:
        return address
    if registry.is_sealed(kind):
        return registry.shown_address(kind, address)
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


def clean_quiet_hours(starts: str, ends: str, tz: str) -> QuietHours:
    """Return quiet hours from two wall times such as 22:00; raise `Invalid` if one is not a time."""
    quiet_hours = QuietHours(_time_of_day(starts, "starts"), _time_of_day(ends, "ends"), check_zone(tz))
    if quiet_hours.starts == quiet_hours.ends:
        raise Invalid(
            "Quiet hours of a whole day would hold every notification forever.",
            fields={"ends": "Choose another time than the start."},
        )
    return quiet_hours


def _time_of_day(text: str, field: str) -> time:
    try:
        parsed = time.fromisoformat(text.strip())
    except ValueError as exc:
        raise Invalid(f"{text!r} is not a time.", fields={field: "Enter a time such as 22:00."}) from exc
    if parsed.tzinfo is not None or parsed.second or parsed.microsecond:
        raise Invalid(
            f"{text!r} is not a time of day in whole minutes.", fields={field: "Enter a time such as 22:00."}
        )
    return parsed
