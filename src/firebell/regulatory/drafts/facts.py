"""The dated facts that fill the fields of drafts, each with where it comes from; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from firebell.incidents.model import CAUSE_KNOWN, OPEN, TYPE_NAMES, Incident, TimelineEntry
from firebell.incidents.severity import FACTS, Severity
from firebell.incidents.timeline.mitigation_effects import what_helped
from firebell.regulatory.drafts.model import DraftTemplate, FieldAnswer, FilledField, KnownFact
from firebell.regulatory.model import SUBMITTED, Answer, FactDefinition, FactRecord, FactType

INCIDENT_FILLS = frozenset(
    [
        *("organization", "reference", "commander", "services", "summary", "severity", "type", "state"),
        *("detected", "impact_start", "impact_end", "resolved", "discovery", "affected", "cause", "measures"),
        "other_submissions",
    ]
)
"""The names of the facts that come from the incident itself."""
PREFIXES = ("fact", "reason", "submitted")
"""Facts that people recorded: when it was, why, or when a notification was sent."""
SETTINGS = "Settings"


@dataclass(frozen=True, slots=True)
class DraftSources:
    """Everything that drafts are filled from; `affected` and `cause` are final facts, empty if not recorded."""

    incident: Incident
    timeline: Sequence[TimelineEntry]
    records: Mapping[str, FactRecord]
    definitions: Mapping[str, FactDefinition]
    services: Sequence[str]
    commander: str
    organization: str
    affected: str = ""
    cause: str = ""


def utc(at: datetime) -> str:
    """Return an instant as notifications state it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def fill(
    template: DraftTemplate, sources: DraftSources, answers: Mapping[str, FieldAnswer]
) -> list[FilledField]:
    """Return the fields of a template with what is known: what a person wrote, else the fact behind the field."""
    filled = []
    for one in template.fields:
        answer = answers.get(one.id)
        if answer and answer.text:
            typed = KnownFact(answer.text, answer.actor, answer.at)
            filled.append(FilledField(one, typed, is_typed=True))
        else:
            filled.append(FilledField(one, known_fact(one.fill, sources)))
    return filled


def known_fact(name: str, sources: DraftSources) -> KnownFact | None:
    """Return the fact with this name, None if it is not known."""
    prefix, _, rest = name.rpartition(":")
    if prefix:
        return _recorded(prefix, rest, sources)
    incident = sources.incident
    instants = {
        "detected": (incident.detected_at, "Detection of the incident", "detected_at"),
        "impact_start": (incident.impact_start, "Start of the impact", "impact_start"),
        "impact_end": (incident.impact_end, "End of the impact", "impact_end"),
        "resolved": (incident.resolved_at, "Resolution of the incident", "resolved_at"),
    }
    if name in instants:
        at, source, key = instants[name]
        return _instant(at, source, _entry(sources, "facts", key)) if at else None
    match name:
        case "organization":
            return KnownFact(sources.organization, SETTINGS) if sources.organization else None
        case "reference":
            return KnownFact(
                incident.ref, "Declaration", incident.declared_at, _id(_entry(sources, "declared"))
            )
        case "commander":
            return _of_entry(sources.commander, "Commander", _entry(sources, "role"))
        case "services":
            declared = _entry(sources, "declared")
            return _of_entry(", ".join(sources.services), "Services of the incident", declared)
        case "summary":
            return _summary(sources)
        case "severity":
            text = f"SEV{incident.severity}: {FACTS[Severity(incident.severity)].meaning}"
            source = "Severity" if not incident.provisional else "Severity, not confirmed yet"
            entry = _entry(sources, "severity") or _entry(sources, "declared")
            return KnownFact(text, source, incident.severity_at, _id(entry))
        case "type":
            return KnownFact(
                TYPE_NAMES[incident.type],
                "Type of the incident",
                incident.declared_at,
                _id(_entry(sources, "declared")),
            )
        case "state":
            return _state(sources)
        case "discovery":
            return _discovery(sources)
        case "affected":
            return _of_entry(sources.affected, "Final facts", _entry(sources, "facts", "affected"))
        case "cause":
            return _cause(sources)
        case "measures":
            return _measures(sources)
        case "other_submissions":
            return _submissions(sources)
    return None


def _id(entry: TimelineEntry | None) -> int | None:
    return entry.id if entry else None


def _entry(sources: DraftSources, kind: str, *keys: str) -> TimelineEntry | None:
    """Return the latest timeline entry of a kind, with one of the keys in its data if any are given."""
    return next(
        (
            entry
            for entry in reversed(sources.timeline)
            if entry.kind == kind and (not keys or any(key in entry.data for key in keys))
        ),
        None,
    )


def _instant(at: datetime, source: str, entry: TimelineEntry | None) -> KnownFact:
    return KnownFact(utc(at), source, entry.at if entry else at, _id(entry), instant=at)


def _of_entry(text: str, source: str, entry: TimelineEntry | None) -> KnownFact | None:
    if not text.strip():
        return None
    by = f"{source}, {entry.actor}" if entry else source
    return KnownFact(text.strip(), by, entry.at if entry else None, _id(entry))


def _summary(sources: DraftSources) -> KnownFact | None:
    incident = sources.incident
    canvas = _entry(sources, "canvas", "conditions")
    if incident.conditions and canvas:
        return _of_entry(f"{incident.title}. {incident.conditions}", "Conditions", canvas)
    text = f"{incident.title}. {incident.summary}" if incident.summary else incident.title
    return _of_entry(text, "Declaration", _entry(sources, "declared"))


def _state(sources: DraftSources) -> KnownFact:
    incident, move = sources.incident, _entry(sources, "phase") or _entry(sources, "declared")
    text = f"Under way: {incident.phase}" if incident.phase in OPEN else "Over"
    if incident.impact_end:
        text = f"{text}; the impact ended at {utc(incident.impact_end)}"
    return KnownFact(text, "Phase of the incident", move.at if move else incident.declared_at, _id(move))


def _discovery(sources: DraftSources) -> KnownFact | None:
    declared = _entry(sources, "declared")
    if declared is None:
        return None
    text = f"Detected at {utc(sources.incident.detected_at)}; {declared.actor} {declared.text}"
    return KnownFact(text, "Declaration", declared.at, declared.id)


def _cause(sources: DraftSources) -> KnownFact | None:
    if sources.cause:
        return _of_entry(sources.cause, "Final facts", _entry(sources, "facts", "cause"))
    entry = next((e for e in reversed(sources.timeline) if e.key_moment == CAUSE_KNOWN), None)
    return _of_entry(entry.text, "Timeline", entry) if entry else None


def _measures(sources: DraftSources) -> KnownFact | None:
    """Return the mitigations with their times: once the impact is over, those that helped."""
    entries = [entry for entry in sources.timeline if entry.kind == "mitigation"]
    helped = what_helped(sources.timeline)
    shown = [e for e in entries if e.text in helped] if sources.incident.impact_end else entries
    listed = shown or entries
    if not listed:
        return None
    text = "\n".join(f"{utc(entry.effective_at)}: {entry.text.strip()}" for entry in listed)
    return KnownFact(text, f"Timeline, {listed[-1].actor}", listed[-1].at, listed[-1].id)


def _recorded(prefix: str, name: str, sources: DraftSources) -> KnownFact | None:
    """Return a fact that a person recorded: when it was, its reason, or when a notification was sent."""
    fact = f"{SUBMITTED}{name}" if prefix == "submitted" else name
    record, definition = sources.records.get(fact), sources.definitions.get(fact)
    if record is None:
        if prefix == "fact" and definition and definition.has_default:
            return _instant(sources.incident.detected_at, "Detection; no one recorded it", None)
        return None
    source = f"{definition.label.rstrip('?') if definition else 'Submission'}, {record.actor}"
    if prefix == "reason":
        return KnownFact(record.reason, source, record.recorded_at) if record.reason else None
    if record.answer is Answer.YES and record.effective_at:
        is_time = definition is None or definition.type is FactType.TIME
        text = utc(record.effective_at) if is_time else f"Yes, {utc(record.effective_at)}"
        return KnownFact(text, source, record.recorded_at, instant=record.effective_at)
    return KnownFact("No", source, record.recorded_at) if record.answer is Answer.NO else None


def _submissions(sources: DraftSources) -> KnownFact | None:
    sent = [
        (record.effective_at, fact.removeprefix(SUBMITTED), record)
        for fact, record in sources.records.items()
        if fact.startswith(SUBMITTED) and record.answer is Answer.YES and record.effective_at
    ]
    if not sent:
        return None
    last = max(sent, key=lambda one: one[2].id)[2]
    text = "\n".join(f"{name} at {utc(at)}" for at, name, _ in sorted(sent, key=lambda one: one[0]))
    return KnownFact(text, f"Submissions, {last.actor}", last.recorded_at)
