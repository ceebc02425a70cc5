"""The first draft of a handoff, made from what is known when a shift ends (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from firebell.handbook.templates import fill
from firebell.incidents.model import Incident
from firebell.kit.html import duration
from firebell.kit.localtime import format_local
from firebell.kit.markdown import cell, line
from firebell.paging.model import Page


@dataclass(frozen=True, slots=True)
class Night:
    """How often somebody was called in one night, named by the day on which it began."""

    person: str
    night: date
    pages: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """A stretch to come that the rotation alone does not explain."""

    start: datetime
    end: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a handoff says by itself."""

    schedule: str
    tz: str
    day: date
    at: datetime
    shift_start: datetime
    leaving: Sequence[str]
    entering: Sequence[str]
    open_pages: Sequence[Page]
    open_incidents: Sequence[Incident]
    pages: Sequence[Page]
    incidents: Sequence[Incident]
    nights: Sequence[Night]
    ahead: Sequence[Ahead]
    postmortems: Sequence[tuple[str, str, datetime]]
    now: datetime


def draft(template: str, facts: Facts) -> str:
    """Return the document: the template with every slot filled; a slot that is not known stays as it is."""
    return fill(template, _slots(facts))


def _slots(f: Facts) -> Mapping[str, str]:
    def at(when: datetime) -> str:
        return format_local(when, f.tz)

    def ended(incident: Incident) -> str:
        end = incident.closed_at or incident.resolved_at
        return duration(end - incident.declared_at) if end else "still open"

    urgent = sum(p.urgency == "high" for p in f.pages)
    return {
        "schedule": cell(f.schedule),
        "day": f"{f.day:%d %B %Y}",
        "at": at(f.at),
        "tz": f.tz,
        "leaving": _names(f.leaving),
        "entering": _names(f.entering),
        "open_pages": _rows(
            ("Page", "Since", "State", "What"),
            [(p.ref, at(p.triggered_at), p.state, cell(p.title)) for p in f.open_pages],
            "_No page is open._",
        ),
        "open_incidents": _rows(
            ("Incident", "Severity", "Since", "Phase", "What"),
            [
                (i.ref, f"SEV{i.severity}", at(i.declared_at), i.phase, cell(i.title))
                for i in f.open_incidents
            ],
            "_No incident is open._",
        ),
        "summary": (
            f"From {at(f.shift_start)}: {_count(len(f.pages), 'page')}, {urgent} of them urgent,"
            f" {_count(len(f.incidents), 'incident')}."
        ),
        "pages": _rows(
            ("Page", "When", "Urgency", "State", "What"),
            [(p.ref, at(p.triggered_at), p.urgency, p.state, cell(p.title)) for p in f.pages],
            "_No page in this shift._",
        ),
        "incidents": _rows(
            ("Incident", "Worst", "When", "Length", "What"),
            [
                (i.ref, f"SEV{i.max_severity}", at(i.declared_at), ended(i), cell(i.title))
                for i in f.incidents
            ],
            "_No incident in this shift._",
        ),
        "nights": _list(
            [
                f"{line(n.person)}: {_count(n.pages, 'page')} in the night of {n.night:%d %B}"
                for n in f.nights
            ],
            "_Nobody was called at night._",
        ),
        "ahead": _list(
            [f"{at(a.start)} to {at(a.end)}: {cell(a.text)}" for a in f.ahead],
            "_The rotation answers alone._",
        ),
        "postmortems": _list(
            [
                f"{ref}, {cell(title)}: {'overdue since' if due_at < f.now else 'due'} {at(due_at)}"
                for ref, title, due_at in f.postmortems
            ],
            "_None is owed._",
        ),
    }


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(cell, names)) or "Nobody"


def _count(n: int, word: str) -> str:
    return f"{n} {word}{'' if n == 1 else 's'}"


def _list(lines: Sequence[str], empty: str) -> str:
    return "\n".join(f"- {found}" for found in lines) or empty


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> str:
    if not rows:
        return empty
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(found)} |" for found in lines)
