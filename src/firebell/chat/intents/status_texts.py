"""The texts of a status, a summary and a list, from fields alone (pure; spec 8.6)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.chat.intents.commands import plain
from firebell.incidents.model import ROLE_NAMES, Incident, IncidentRole, TimelineEntry
from firebell.kit.durations import duration

MAX_LINES = 12
_LINE_CHARS = 240


def one_line(text: str, limit: int = _LINE_CHARS) -> str:
    """Return text in one line of at most `limit` characters."""
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def heading(incident: Incident) -> str:
    """Return the reference, severity and title."""
    drill = "Drill: " if incident.drill else ""
    return f"{incident.ref} (SEV{incident.severity}) {drill}{one_line(incident.title, 200)}"


def next_update(incident: Incident, due: str, now: datetime) -> str:
    """Return when the next update is due, empty if none is; `due` is the time of day."""
    if incident.update_due_at is None:
        return ""
    late = now - incident.update_due_at
    return f"Update overdue {duration(late)}" if late > timedelta() else f"Next update {due}"


def status(incident: Incident, holders: dict[IncidentRole, list[str]], due: str, now: datetime) -> str:
    """Return the status of an incident in three lines at most."""
    provisional = " (provisional)" if incident.provisional else ""
    parts = [
        f"{incident.phase.capitalize()}{provisional}, {duration(now - incident.declared_at)} since declared",
        f"Commander {', '.join(holders.get(IncidentRole.COMMANDER, [])) or 'not assigned'}",
        next_update(incident, due, now),
    ]
    return "\n".join([heading(incident), *(f"{part}." for part in parts if part)])


def roles(incident: Incident, holders: dict[IncidentRole, list[str]]) -> str:
    """Return who holds which role."""
    lines = [
        f"{name}: {', '.join(holders.get(role, [])) or 'not assigned'}"
        for role, name in ROLE_NAMES.items()
        if holders.get(role) or role is not IncidentRole.RESPONDER
    ]
    return "\n".join([heading(incident), *lines])


def summary(
    incident: Incident,
    holders: dict[IncidentRole, list[str]],
    services: Sequence[str],
    timeline: Sequence[TimelineEntry],
    due: str,
    now: datetime,
    open_tasks: Sequence[str] = (),
) -> str:
    """Return what a person who joins needs to know, in at most 12 lines."""

    def newest(kind: str, number: int = 1) -> list[TimelineEntry]:
        return [entry for entry in timeline if entry.kind == kind][-number:]

    update = newest("update")
    lines = [
        f"{heading(incident)}, {duration(now - incident.declared_at)} in, {incident.phase}",
        "Provisional severity: some questions were not answered" if incident.provisional else "",
        f"Services: {', '.join(services)}" if services else "",
        f"Summary: {one_line(incident.summary)}" if incident.summary else "",
        f"Commander: {', '.join(holders.get(IncidentRole.COMMANDER, [])) or 'not assigned'}",
        f"Comms lead: {', '.join(holders.get(IncidentRole.COMMS, [])) or 'not assigned'}",
        *(f"Last update, {duration(now - entry.at)} ago: {one_line(entry.text)}" for entry in update),
        *(f"Tried: {one_line(entry.text)}" for entry in newest("mitigation", 2)),
        *(f"Decided: {one_line(entry.text)}" for entry in newest("decision", 2)),
        f"Doing: {one_line(', '.join(open_tasks))}" if open_tasks else "",
        f"Needed: {one_line(incident.needs)}" if incident.needs else "",
        next_update(incident, due, now),
    ]
    return "\n".join([line for line in lines if line][:MAX_LINES])
