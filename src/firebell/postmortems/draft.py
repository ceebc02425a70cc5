"""The first draft of a post-mortem, made from what the incident already knows (pure)."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.incidents.model import Entry, Incident

_TIMELINE = ("declared", "role", "severity", "phase", "finding", "decision", "mitigation", "update", "note")
_OPENS = re.compile(r"[\\|<]|!(?=\[)")
_MARKER = re.compile(r"^(\d*)([#>+*=~\[.)-]|```)")


def _span(found: timedelta) -> str:
    minutes = int(found.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _cell(text: str) -> str:
    """Return text as one line that stays inside its table cell."""
    return _OPENS.sub(r"\\\g<0>", " ".join(text.split()))


def _line(text: str) -> str:
    """Return text as one line that is neither a heading, a list, a quote nor a fence."""
    return _MARKER.sub(r"\1\\\2", _cell(text))


def _block(text: str) -> str:
    """Return what people wrote, in its own lines, which start no heading, table, fence or HTML."""
    return "\n".join(_line(line) for line in text.splitlines())


def _measured(name: str, start: datetime | None, end: datetime | None) -> str:
    return f"- {name}: {_span(end - start)}" if start and end else f"- {name}: not known"


def draft(incident: Incident, timeline: Sequence[Entry], services: Sequence[str]) -> str:
    """Return the document with its seven sections; what only people know is asked as a question."""
    told = [e for e in timeline if e.kind in _TIMELINE]
    findings = [f"- {_line(e.text)}" for e in timeline if e.kind == "finding"]
    mitigations = [f"- {_line(e.text)}" for e in timeline if e.kind == "mitigation"]
    rows = [f"| {e.effective_at:%Y-%m-%d %H:%M} | {_cell(e.actor)} | {_cell(e.text)} |" for e in told]
    lines = [
        f"# {incident.ref}: {_cell(incident.title)}",
        "",
        f"SEV{incident.max_severity} on {incident.declared_at:%d %B %Y}. "
        f"Services: {', '.join(map(_cell, services)) or 'none named'}.",
        "",
        "## Summary",
        "",
        _block(incident.summary) or "_In three sentences: what happened, whom it touched, what ended it._",
        "",
        "## Impact",
        "",
        _block(incident.conditions) or "_Who could not do what, how many, for how long?_",
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
