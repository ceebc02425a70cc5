"""The first draft of a post-mortem, made from what the incident already knows (pure)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.incidents.model import Entry, Incident
from firebell.kit.markdown import block, cell, line

_TIMELINE = ("declared", "role", "severity", "phase", "finding", "decision", "mitigation", "update", "note")


def _span(found: timedelta) -> str:
    minutes = int(found.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _measured(name: str, start: datetime | None, end: datetime | None) -> str:
    return f"- {name}: {_span(end - start)}" if start and end else f"- {name}: not known"


def draft(incident: Incident, timeline: Sequence[Entry], services: Sequence[str]) -> str:
    """Return the document with its seven sections; what only people know is asked as a question."""
    told = [e for e in timeline if e.kind in _TIMELINE]
    findings = [f"- {line(e.text)}" for e in timeline if e.kind == "finding"]
    mitigations = [f"- {line(e.text)}" for e in timeline if e.kind == "mitigation"]
    rows = [f"| {e.effective_at:%Y-%m-%d %H:%M} | {cell(e.actor)} | {cell(e.text)} |" for e in told]
    lines = [
        f"# {incident.ref}: {cell(incident.title)}",
        "",
        f"SEV{incident.max_severity} on {incident.declared_at:%d %B %Y}. "
        f"Services: {', '.join(map(cell, services)) or 'none named'}.",
        "",
        "## Summary",
        "",
        block(incident.summary) or "_In three sentences: what happened, whom it touched, what ended it._",
        "",
        "## Impact",
        "",
        block(incident.conditions) or "_Who could not do what, how many, for how long?_",
        "",
        _measured("Detected to declared", incident.detected_at, incident.declared_at),
        _measured("Detected to end of impact", incident.detected_at, incident.impact_end),
        _measured("Declared to closed", incident.declared_at, incident.closed_at),
        "",
        "## Timeline",
        "",
        "Times are UTC.",
        "",
        "| Time | Who | What |",
        "| --- | --- | --- |",
        *rows,
        "",
        "## Root cause",
        "",
        "What was found on the way:",
        "",
        *(findings or ["- _No finding was recorded._"]),
        "",
        *(f"{i}. What made this possible? _..._" for i in range(1, 6)),
        "",
        "## What went well",
        "",
        *(mitigations or ["- _What helped?_"]),
        "",
        "## What went wrong",
        "",
        "- _What got in the way? Where were we lucky?_",
        "",
        "## Action items",
        "",
        "| What | Owner | Due |",
        "| --- | --- | --- |",
        "| _A verb and an object_ | _a person_ | _a date_ |",
        "",
    ]
    return "\n".join(lines)
