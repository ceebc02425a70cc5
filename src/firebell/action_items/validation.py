"""What the values of an item must be before they are stored."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from firebell.action_items import rules, text_limits, working_days
from firebell.action_items.model import EvidenceKind, ItemEvidence, ItemKind, Priority, Strength
from firebell.action_items.working_days import WorkingDays
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.text import clean_name, clean_text
from firebell.people import actions as people
from firebell.people.model import Person


def title(value: str) -> str:
    """Return a title as it is stored; raise `Invalid` if it is too short or too long."""
    text = clean_name(value, "title", limit=text_limits.TITLE_MAX_CHARS)
    if len(text) < text_limits.TITLE_MIN_CHARS:
        raise Invalid(
            "The title is too short.",
            fields={"title": "Use a verb and an object, in at least 8 characters: Add a timeout to billing."},
        )
    return text


def reason(value: str) -> str:
    """Return a reason as it is stored; raise `Invalid` if it is too long."""
    return clean_text(value, text_limits.REASON_MAX_CHARS, "reason")


def evidence(values: Sequence[Mapping[str, str]]) -> tuple[ItemEvidence, ...]:
    """Return evidence as it is stored, each link once; raise `Invalid` for what is not a link."""
    if len(values) > text_limits.EVIDENCE_MAX:
        raise Invalid(
            "There are too many links.",
            fields={"evidence": f"Enter at most {text_limits.EVIDENCE_MAX} links."},
        )
    links: dict[str, ItemEvidence] = {}
    for value in values:
        url = clean_text(value.get("url", ""), text_limits.URL_MAX_CHARS, "evidence", name="link")
        parts = urlsplit(url)
        is_path = url.startswith("/") and not url.startswith("//")
        if not is_path and not (parts.scheme in ("http", "https") and parts.netloc):
            raise Invalid(
                f"{url[:60]!r} is not a link.",
                fields={
                    "evidence": "Enter a link that begins with https://, or a path such as /runbooks/failover."
                },
            )
        try:
            kind = EvidenceKind(value.get("kind") or EvidenceKind.CHANGE)
        except ValueError:
            known = ", ".join(EvidenceKind)
            raise Invalid(
                f"{value.get('kind')!r} is not a kind of evidence.",
                fields={"evidence": f"Use one of: {known}."},
            ) from None
        label = clean_text(value.get("label", ""), text_limits.LABEL_MAX_CHARS, "evidence", name="label")
        links.setdefault(url, ItemEvidence(kind, url, label))
    return tuple(links.values())


def due(working: WorkingDays, value: date, *, by_person: bool) -> date:
    """Return a due day; raise `Invalid` if it is out of range or, when a person enters it, no working day.

    A day that comes from a tracker may be any day: its next working day is not what people see there.
    """
    if not rules.EARLIEST_DUE <= value < rules.LATEST_DUE:
        raise Invalid(
            f"{value.isoformat()} is too far away.",
            fields={"due": f"Enter a day from {rules.EARLIEST_DUE.year} to {rules.LATEST_DUE.year - 1}."},
        )
    if not by_person or working_days.is_working_day(working, value):
        return value
    holiday = working_days.holiday_name(working, value)
    name = holiday or f"a {value:%A}"
    following = working_days.from_day_on(working, value)
    raise Invalid(
        f"{value.isoformat()} is {name}.",
        fields={"due": f"Enter a working day: the next one is {following.isoformat()}."},
    )


def choice(values: dict[str, Any]) -> None:
    """Replace the names of kinds, strengths and priorities by their values; raise `Invalid` for others."""
    for name, kind in (("kind", ItemKind), ("strength", Strength), ("priority", Priority)):
        if name in values:
            try:
                values[name] = kind(values[name])
            except ValueError:
                known = ", ".join(str(one.value) for one in kind)
                raise Invalid(
                    f"{str(values[name])[:40]!r} is not a valid {name}.",
                    fields={name: f"Use one of: {known}."},
                ) from None


async def owner(tx: Tx, owner_id: int, incident_id: int | None) -> Person:
    """Return the person; raise `Conflict` unless they are active and may read the incident."""
    person = await people.person(tx, owner_id)
    if not person.active:
        raise Conflict(f"{person.name} is deactivated.", fields={"owner_id": "Choose someone else."})
    about = await incidents.incidents_by_id(tx, [incident_id]) if incident_id is not None else {}
    if not await incidents.readers_among(tx, list(about.values()), [person]):
        raise Conflict(
            f"{person.name} can't see INC-{incident_id}, which is private.",
            fields={"owner_id": "Choose someone involved in the incident, or a manager."},
        )
    return person
