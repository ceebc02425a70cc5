"""What differs between two notifications, and what a published text states differently; pure."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone

from firebell.kit.stated_numbers import StatedNumber, largest_by_unit, stated_numbers
from firebell.regulatory.drafts.facts import utc
from firebell.regulatory.drafts.model import Contradiction, DraftTemplate, SectionChange
from firebell.regulatory.drafts.text import sections

_SINCE = re.compile(
    r"\b(?:since|from) (\d{1,2}):(\d{2}) (UTC|GMT|CET|CEST|BST|EST|EDT|CST|CDT|PST|PDT)\b",
    re.IGNORECASE | re.ASCII,
)

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d) UTC", re.ASCII)

STARTS = ("Start of the breach", "Start of the impact", "When it began", "Date and time of occurrence")
"""The labels of the fields that state when the impact started."""

_OFFSETS = {
    zone: hours
    for hours, zones in (
        (0, ("UTC", "GMT")),
        (1, ("CET", "BST")),
        (2, ("CEST",)),
        (-4, ("EDT",)),
        (-5, ("EST", "CDT")),
        (-6, ("CST",)),
        (-7, ("PDT",)),
        (-8, ("PST",)),
    )
    for zone in zones
}
"""The hours that each abbreviation is ahead of UTC."""


def stated_start(markdown: str) -> datetime | None:
    """Return the start of the impact that a notification states, None if it states none."""
    for heading, body in sections(markdown).items():
        if heading.partition(" (")[0] in STARTS and (match := _INSTANT.fullmatch(body)):
            return datetime.strptime(match[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    return None


def changes(before: tuple[str, DraftTemplate], after: tuple[str, DraftTemplate]) -> list[SectionChange]:
    """Return the sections that differ between two notifications, each a text with its template, in the later order.

    A field that both templates have is one section, whatever its heading. What only the earlier template has is
    left out.
    """
    old, new = _by_field(*before), _by_field(*after)
    keys = [*new, *(key for key in old if key not in new and before[1].id == after[1].id)]
    pairs = [(old.get(key, ("", "")), new.get(key, ("", ""))) for key in keys]
    return [SectionChange(now[0] or was[0], was[1], now[1]) for was, now in pairs if was[1] != now[1]]


def _by_field(markdown: str, template: DraftTemplate) -> dict[str, tuple[str, str]]:
    """Return the (heading, text) of each section by the id of its field, by its heading if it is not a field."""
    ids = {one.heading: one.id for one in template.fields}
    return {ids.get(heading, heading): (heading, body) for heading, body in sections(markdown).items()}


def contradictions(
    text: str, impact_start: datetime | None, published: Iterable[tuple[int, str]]
) -> list[Contradiction]:
    """Return what a draft states differently from the latest published text that states it too.

    `published` are the public texts with their timeline entries, oldest first; `impact_start` is the start that
    the draft states, None if it states none.
    """
    latest: dict[str, tuple[StatedNumber, int]] = {}
    since: tuple[re.Match[str], int] | None = None
    for entry_id, body in published:
        for unit, number in largest_by_unit(stated_numbers(body)).items():
            latest[unit] = (number, entry_id)
        for match in _SINCE.finditer(body):
            since = (match, entry_id)
    results = [
        Contradiction("number", drafted.phrase, latest[unit][0].phrase, latest[unit][1])
        for unit, drafted in largest_by_unit(stated_numbers(text)).items()
        if unit in latest and latest[unit][0].value != drafted.value
    ]
    if impact_start and since and not _is_at(impact_start, since[0]):
        results.append(Contradiction("time", utc(impact_start), since[0][0], since[1]))
    return results


def _is_at(at: datetime, match: re.Match[str]) -> bool:
    """Return True if an instant is at the time of day that a text states."""
    local = at.astimezone(timezone(timedelta(hours=_OFFSETS[match[3].upper()])))
    return (local.hour, local.minute) == (int(match[1]), int(match[2]))
