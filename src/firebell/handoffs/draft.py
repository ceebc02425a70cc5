"""Drafts handoff documents (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from firebell.handbook.templates import fill
from firebell.incidents.model import Incident
from firebell.kit.durations import duration
from firebell.kit.localtime import format_local
from firebell.kit.markdown import cell, line, table
from firebell.kit.text import plural
from firebell.paging.model import Page


@dataclass(frozen=True, slots=True)
class Night:
    """How many pages a person got in one night; `night` is the day on which it began."""

    person: str
    night: date
    pages: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """An upcoming override, gap or cover request."""

    start: datetime
    end: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a draft is made from."""

    schedule: str
    tz: str
    day: date
    at: datetime
    shift_start: datetime
    outgoing: Sequence[str]
    incoming: Sequence[str]
    open_pages: Sequence[Page]
    open_incidents: Sequence[Incident]
    pages: Sequence[Page]
    incidents: Sequence[Incident]
    nights: Sequence[Night]
    ahead: Sequence[Ahead]
    postmortems: Sequence[tuple[str, str, datetime]]
    action_items: Sequence[tuple[str, str, str, date]]
    """Reference, title, owner and due day."""
    now: datetime


def draft(template: str, facts: Facts) -> str:
    """Return the template with its placeholders filled; unknown placeholders stay as they are."""
    return fill(template, _placeholders(facts))


def _placeholders(facts: Facts) -> Mapping[str, str]:
    def at(when: datetime) -> str:
        return format_local(when, facts.tz)

    def ended(incident: Incident) -> str:
        end = incident.closed_at or incident.resolved_at
        return duration(end - incident.declared_at) if end else "still open"

    urgent = sum(p.urgency == "high" for p in facts.pages)
    return {
        "schedule": cell(facts.schedule),
        "day": f"{facts.day:%d %B %Y}",
        "at": at(facts.at),
        "tz": facts.tz,
        "leaving": _names(facts.outgoing),
        "entering": _names(facts.incoming),
        "open_pages": _rows(
            ("Page", "Since", "State", "Title"),
            [(p.ref, at(p.triggered_at), p.state, cell(p.title)) for p in facts.open_pages],
            "_No open pages._",
        ),
        "open_incidents": _rows(
            ("Incident", "Severity", "Since", "Phase", "Title"),
            [
                (i.ref, f"SEV{i.severity}", at(i.declared_at), i.phase, cell(i.title))
                for i in facts.open_incidents
            ],
            "_No open incidents._",
        ),
        "summary": (
            f"From {at(facts.shift_start)}: {plural(len(facts.pages), 'page')}, {urgent} high-urgency,"
            f" {plural(len(facts.incidents), 'incident')}."
        ),
        "pages": _rows(
            ("Page", "When", "Urgency", "State", "Title"),
            [(p.ref, at(p.triggered_at), p.urgency, p.state, cell(p.title)) for p in facts.pages],
            "_No pages during this shift._",
        ),
        "incidents": _rows(
            ("Incident", "Peak severity", "When", "Duration", "Title"),
            [
                (i.ref, f"SEV{i.max_severity}", at(i.declared_at), ended(i), cell(i.title))
                for i in facts.incidents
            ],
            "_No incidents during this shift._",
        ),
        "nights": _list(
            [
                f"{line(n.person)}: {plural(n.pages, 'page')} on the night of {n.night:%d %B}"
                for n in facts.nights
            ],
            "_No one was paged at night._",
        ),
        "ahead": _list(
            [f"{at(a.start)} to {at(a.end)}: {cell(a.text)}" for a in facts.ahead],
            "_No overrides or cover requests._",
        ),
        "postmortems": _list(
            [
                f"{ref}, {cell(title)}: {'overdue since' if due_at < facts.now else 'due'} {at(due_at)}"
                for ref, title, due_at in facts.postmortems
            ],
            "_No post-mortems due._",
        ),
        "action_items": _list(
            [
                f"{ref}, {cell(title)}, {cell(owner)}: {'overdue since' if due < facts.day else 'due'} {due:%d %B}"
                for ref, title, owner, due in facts.action_items
            ],
            "_No action items due._",
        ),
    }


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(cell, names)) or "No one"


def _list(lines: Sequence[str], empty: str) -> str:
    return "\n".join(f"- {text}" for text in lines) or empty


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> str:
    return table(head, rows) if rows else empty
