"""The first draft of a post-mortem, from the incident and its timeline (pure)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.handbook.templates import fill
from firebell.incidents.model import Incident, TimelineEntry
from firebell.incidents.timeline.mitigations import what_helped
from firebell.kit.markdown import block, cell, line

_SUMMARY = "In three sentences: what happened, who was affected, what ended it."
_IMPACT = "Who could not do what, how many, for how long?"
_HELPED = "Which mitigation helped? None that was recorded is known to have ended the impact."
_EARLIER_SUMMARY = "In three sentences: what happened, whom it touched, what ended it."
PLACEHOLDERS = frozenset({_SUMMARY, _EARLIER_SUMMARY, _IMPACT, _HELPED})
"""What a draft asks for where the incident has no data; drafts of an earlier version are stored with its text."""
_KINDS_IN_DRAFT = (
    "declared",
    "role",
    "severity",
    "phase",
    "finding",
    "decision",
    "mitigation",
    "update",
    "note",
)


def _format_minutes(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _elapsed(start: datetime | None, end: datetime | None) -> str:
    return _format_minutes(end - start) if start and end else "not known"


def draft(
    template: str, incident: Incident, timeline: Sequence[TimelineEntry], services: Sequence[str]
) -> str:
    """Return the template filled; where only people know the answer, it asks a question."""
    entries = [e for e in timeline if e.kind in _KINDS_IN_DRAFT or e.key_moment]
    rows = [f"| {e.effective_at:%Y-%m-%d %H:%M} | {cell(e.actor)} | {_cited(e)} |" for e in entries]
    values = {
        "ref": incident.ref,
        "title": cell(incident.title),
        "severity": f"SEV{incident.max_severity}",
        "date": f"{incident.declared_at:%d %B %Y}",
        "services": ", ".join(map(cell, services)) or "none named",
        "summary": block(incident.summary) or f"_{_SUMMARY}_",
        "impact": block(incident.conditions) or f"_{_IMPACT}_",
        "detected_to_declared": _elapsed(incident.detected_at, incident.declared_at),
        "detected_to_end": _elapsed(incident.detected_at, incident.impact_end),
        "declared_to_closed": _elapsed(incident.declared_at, incident.closed_at),
        "timeline": "\n".join(["| Time | Who | What |", "| --- | --- | --- |", *rows]),
        "findings": _bullets([e.text for e in timeline if e.kind == "finding"], "_No finding was recorded._"),
        "mitigations": _bullets(
            what_helped(timeline),
            f"_{_HELPED}_",
        ),
    }
    return fill(template, values)


def _cited(entry: TimelineEntry) -> str:
    """Return the text of an entry for the timeline, a key moment with its label in front."""
    moment = f"**{cell(entry.key_moment)}**: " if entry.key_moment else ""
    return f"{moment}{cell(entry.text)}"


def _bullets(texts: Sequence[str], otherwise: str) -> str:
    return "\n".join(f"- {line(text)}" for text in texts) or f"- {otherwise}"
