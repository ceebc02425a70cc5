"""Filters of the list of incidents, as text from a URL, the command line or a form."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from firebell.catalog import actions as catalog
from firebell.incidents.custom_fields import actions as field_actions
from firebell.incidents.model import OPEN, IncidentFilter, IncidentType, Phase
from firebell.incidents.severity import parse
from firebell.kit import search_terms
from firebell.kit.calendar_periods import next_month
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid
from firebell.kit.web.filters import search_words, shown, storable, to_day
from firebell.people import actions as people

CLOSED = (Phase.CLOSED, Phase.REVIEWED, Phase.DISMISSED, Phase.MERGED)
STATES = {
    "open": IncidentFilter(phases=OPEN, drill=False),
    "postmortem": IncidentFilter(drill=False, postmortem_due=True),
    "closed": IncidentFilter(phases=CLOSED, drill=False),
    "all": IncidentFilter(drill=False),
    "drill": IncidentFilter(drill=True),
}
"""What each tab shows before other filters apply."""


@dataclass(frozen=True, slots=True)
class IncidentQuery:
    """The parameters of the list of incidents; a blank one restricts nothing."""

    q: str = ""
    severity: str = ""
    service: str = ""
    commander: str = ""
    month: str = ""
    type: str = ""
    field: str = ""
    """A custom field and its value, such as region:EU."""

    def filters(self) -> dict[str, str]:
        """Return the parameters that restrict the list, by name."""
        values = {name: getattr(self, name).strip() for name in self.__slots__}
        return {name: value for name, value in values.items() if value}


def severities(text: str) -> tuple[int, ...]:
    """Return the severities in text such as "1,2" or "SEV1,SEV2"; raise `Invalid` naming the parameter."""
    parsed = [parse(part.strip()) for part in text.split(",")] if len(text) <= 40 else [None]
    levels = {int(level) for level in parsed if level is not None}
    if None in parsed or not levels:
        raise Invalid(
            f"{shown(text)} is not a list of severities.", fields={"severity": "Use 0 to 3, such as 1,2."}
        )
    return tuple(sorted(levels))


def types(text: str) -> tuple[IncidentType, ...]:
    """Return the types in text such as "security,vendor"; raise `Invalid` naming the parameter."""
    named = [part.strip() for part in text.split(",")] if len(text) <= 100 else [""]
    if any(name not in list(IncidentType) for name in named):
        raise Invalid(
            f"{shown(text)} is not a type of incident.",
            fields={"type": f"Use one of {', '.join(IncidentType)}."},
        )
    return tuple(dict.fromkeys(IncidentType(name) for name in named))


def month_bounds(text: str, tz: str) -> tuple[datetime, datetime]:
    """Return the start of a month such as 2026-11, and of the next month; raise `Invalid`."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", text):
        raise Invalid(f"{shown(text)} is not a month.", fields={"month": "Enter a month such as 2026-11."})
    first = to_day(f"{text}-01", "month")
    return _midnight(first, tz), _midnight(next_month(first), tz)


def _midnight(day: date, tz: str) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(tz))


async def _commander(tx: Tx, text: str, me: int) -> int:
    """Return the id of the person that `me`, an id or an email names; raise `Invalid` naming the parameter."""
    if text == "me":
        return me
    if text.isascii() and text.isdecimal() and len(text) < 19:
        if person := (await people.people_by_id(tx, [int(text)])).get(int(text)):
            return person.id
    elif storable(text) and (person := await people.person_by_email(tx, text.lower())):
        return person.id
    raise Invalid(f"There is no person {shown(text)}.", fields={"commander": "Use an email address or me."})


async def resolve(tx: Tx, query: IncidentQuery, *, person_id: int, tz: str = "UTC") -> IncidentFilter:
    """Return a query as a filter, in any phase; raise `Invalid` naming the wrong parameter."""
    filters = query.filters()
    reference = search_terms.parse(filters.get("q", "")).reference
    words = search_words(filters.get("q", ""))
    names_incident = reference is not None and reference[0] == "INC"
    since, until = month_bounds(filters["month"], tz) if "month" in filters else (None, None)
    return IncidentFilter(
        severities=severities(filters["severity"]) if "severity" in filters else (),
        service_id=(await catalog.resolve_service(tx, filters["service"], with_deleted=True)).id
        if "service" in filters
        else None,
        commander_id=await _commander(tx, filters["commander"], person_id)
        if "commander" in filters
        else None,
        since=since,
        until=until,
        types=types(filters["type"]) if "type" in filters else (),
        fields=await field_actions.conditions_by_value(tx, [filters["field"]] if "field" in filters else []),
        words=() if names_incident else words,
        id=reference[1] if reference and names_incident else None,
    )
