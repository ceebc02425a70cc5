"""The text of a notification, its difference from the part before, and what contradicts it in public; pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone

from firebell.kit.stated_numbers import StatedNumber, largest_by_unit, stated_numbers
from firebell.regulatory.draft_facts import utc
from firebell.regulatory.draft_model import (
    Contradiction,
    Draft,
    DraftState,
    DraftTemplate,
    FilledField,
    SectionChange,
)

NOT_KNOWN = "Not known yet."
ADVICE = "This is not legal advice. Confirm with counsel before you send it."
_HEADING = "## "
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


def to_markdown(template: DraftTemplate, header: Mapping[str, str], fields: Sequence[FilledField]) -> str:
    """Return the text of a notification as Markdown: its fields in order, and last what is not known yet."""
    lines = [f"# {template.title}", "", *(f"- {name}: {value}" for name, value in header.items() if value)]
    for one in fields:
        if one.text or not one.field.is_optional:
            lines += ["", f"{_HEADING}{one.field.heading}", "", _body(one.text) or NOT_KNOWN]
    if missing := [one.field.label for one in fields if one.is_missing]:
        lines += ["", f"{_HEADING}Not known yet", "", *(f"- {label}" for label in missing)]
    return "\n".join(lines) + "\n"


def _body(text: str) -> str:
    """Return a text whose lines are no headings."""
    return "\n".join(f"\\{line}" if line.startswith("#") else line for line in text.strip().split("\n"))


def to_plain(markdown: str) -> str:
    """Return a notification as plain text, for forms and letters."""
    lines = []
    for line in markdown.split("\n"):
        if line.startswith("# "):
            lines += [line[2:].upper()]
        elif line.startswith(_HEADING):
            lines += [line[len(_HEADING) :], "-" * len(line[len(_HEADING) :])]
        else:
            lines.append(line.removeprefix("\\"))
    return "\n".join(lines)


def exported(draft: Draft, template: DraftTemplate) -> str:
    """Return a draft as Markdown with its state, its template, and that it is not legal advice."""
    steps = [
        ("Reviewed", draft.reviewed_at, draft.reviewer, ""),
        ("Signed", draft.signed_at, draft.signer, ""),
        ("Sent", draft.sent_at, draft.sender, ", ".join(filter(None, (draft.channel, draft.receipt)))),
    ]
    lines = [
        f"{name} by {who} at {utc(at)}{f' ({more})' if more else ''}." for name, at, who, more in steps if at
    ]
    if draft.state is DraftState.DRAFT:
        lines = ["Draft: no one has reviewed it."]
    verified = "" if template.checked else " Its fields are not verified against a source."
    lines.append(f"Template {template.id} of {draft.template_version}, {template.source}.{verified}")
    return f"{draft.text}\n---\n\n{ADVICE}\n\n" + "\n\n".join(lines) + "\n"


def sections(markdown: str) -> dict[str, str]:
    """Return the sections of a notification by heading, in order; what stands before the first one is left out."""
    parts = f"\n{markdown}".split(f"\n{_HEADING}")[1:]
    return {heading.strip(): body.strip() for heading, _, body in (part.partition("\n") for part in parts)}


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
    """Return the (heading, text) of each section by the id of its field, by its heading if it is no field."""
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
