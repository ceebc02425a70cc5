"""The first draft of a document, from what was recorded (pure): the same facts give the same bytes."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.handbook.templates import fill
from firebell.incidents.model import TimelineEntry
from firebell.incidents.timeline.mitigation_effects import what_helped
from firebell.kit.markdown import block, cell, line
from firebell.postmortems.document import whys
from firebell.postmortems.document.evidence import EvidenceKind, EvidenceRef
from firebell.postmortems.document.whys import WhyNode
from firebell.postmortems.drafting.facts import DraftSources, active_phases, facts, page_times
from firebell.postmortems.drafting.timeline_rows import Gap, gaps, select

_BLANK = re.compile(r"\n{3,}")
_SUMMARY = "In three sentences: what happened, who was affected, what ended it."
_IMPACT = "Who could not do what, how many, for how long?"
_HELPED = "Which mitigation helped? None that was recorded is known to have ended the impact."
_EARLIER_SUMMARY = "In three sentences: what happened, whom it touched, what ended it."
_NO_FINDING = "No finding was recorded. What was found on the way?"
OPEN_WHY = "What made this possible?"
GAP_TEXT = "The timeline has nothing"
"""How a question about a gap of the timeline ends."""
PLACEHOLDERS = frozenset({_SUMMARY, _EARLIER_SUMMARY, _IMPACT, _HELPED, _NO_FINDING, OPEN_WHY})
"""What a draft asks for where the incident has no data; drafts of an earlier version are stored with its text."""


def draft(template: str, sources: DraftSources) -> str:
    """Return the template filled; where only people know the answer, it asks a question."""
    incident = sources.main
    timeline = sources.timelines.get(incident.id, ())
    values = {
        "ref": incident.ref,
        "title": cell(incident.title),
        "severity": f"SEV{incident.max_severity}",
        "date": f"{incident.declared_at:%d %B %Y}",
        "services": ", ".join(map(cell, sources.services)) or "none named",
        "summary": block(incident.summary) or f"_{_SUMMARY}_",
        "impact": _impact(sources),
        "detected_to_declared": _elapsed(incident.detected_at, incident.declared_at),
        "detected_to_end": _elapsed(incident.detected_at, incident.impact_end),
        "declared_to_closed": _elapsed(incident.declared_at, incident.closed_at),
        "timeline": "{{timeline}}",
        "findings": _whys(sources, timeline),
        "mitigations": "\n".join(f"- {text}" for text in _went_well(sources, timeline)),
        "went_wrong": "\n".join(f"- {text}" for text in _went_wrong(sources)),
    }
    return _BLANK.sub("\n\n", fill(template, values))


def format_minutes(span: timedelta) -> str:
    """Return a duration in whole minutes, such as `1 h 34 min`."""
    hours, minutes = divmod(int(span.total_seconds() // 60), 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes or not hours else ""]
    return " ".join(filter(None, parts))


def draft_gaps(sources: DraftSources) -> list[Gap]:
    """Return the gaps of the timeline that a draft asks about."""
    timeline = sources.timelines.get(sources.main.id, ())
    rows = select(facts(sources)).rows
    return gaps(rows, active_phases(timeline, sources.main), sources.main.max_severity)


def _elapsed(start: datetime | None, end: datetime | None) -> str:
    return format_minutes(end - start) if start and end else "not known"


def _impact(sources: DraftSources) -> str:
    incident = sources.main
    lines = [block(incident.conditions) or f"_{_IMPACT}_"]
    known: list[str] = []
    if incident.impact_start and incident.impact_end and incident.impact_end > incident.impact_start:
        length = format_minutes(incident.impact_end - incident.impact_start)
        known.append(f"Impact: {_clock(incident.impact_start)} to {_clock(incident.impact_end)}, {length}")
    if sources.affected:
        known.append(f"Customers affected: {line(sources.affected)}")
    if sources.status_posts:
        first = min(sources.status_posts, key=lambda post: (post.at, post.id))
        lag = _lag(incident.declared_at, first.at)
        known.append(f"First post on {line(first.page_name)}: {lag} [s:{first.id}]")
    return "\n".join([*lines, "", *(f"- {text}" for text in known)]) if known else lines[0]


def _lag(declared_at: datetime, at: datetime) -> str:
    if at < declared_at:
        return f"{format_minutes(declared_at - at)} before the declaration"
    return f"{format_minutes(at - declared_at)} after the declaration"


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _whys(sources: DraftSources, timeline: Sequence[TimelineEntry]) -> str:
    """Return the findings as candidates under one effect; the tree ends in an open question and claims no root."""
    incident = sources.main
    effect = incident.conditions.strip().split("\n")[0] or incident.title
    root = WhyNode("effect", line(effect), 0)
    for entry in timeline:
        if entry.kind == "finding" and entry.text.split():
            evidence = (EvidenceRef(EvidenceKind.ENTRY, entry.id),)
            root.children.append(WhyNode("why", line(entry.text), 0, evidence))
    question = OPEN_WHY if root.children else _NO_FINDING
    parent = root.children[-1] if root.children else root
    parent.children.append(WhyNode("open", f"_{question}_", 0))
    return whys.write([root])


def _went_well(sources: DraftSources, timeline: Sequence[TimelineEntry]) -> list[str]:
    helped = [line(text) for text in what_helped(timeline)]
    well = helped or [f"_{_HELPED}_"]
    for measure in sources.measures.get(sources.main.id, ()):
        if measure.id == "acknowledge" and measure.taken is not None and measure.is_met:
            well.append(f"The first page was acknowledged after {format_minutes(measure.taken)}.")
    alerted = [page.triggered_at for page in page_times(sources.page_log)]
    reported = [entry.effective_at for entry in timeline if entry.kind in ("report", "reported")]
    if alerted and reported and min(alerted) < min(reported):
        well.append("An alert paged before anyone reported the trouble.")
    return well


def _went_wrong(sources: DraftSources) -> list[str]:
    wrong = [line(text) for text in sources.findings]
    wrong += [
        f"_What happened between {gap.start:%H:%M} and {gap.end:%H:%M}? {GAP_TEXT}._"
        for gap in draft_gaps(sources)
    ]
    escalated = {row.page_id for row in sources.page_log if row.kind == "level" and row.level >= 1}
    wrong += [f"The page escalated to level 2 or higher [p:{page_id}]." for page_id in sorted(escalated)]
    reopened = sources.main.reopen_count
    if reopened:
        wrong.append(
            "The incident was reopened." if reopened == 1 else f"The incident was reopened {reopened} times."
        )
    return wrong
