"""The process checks of incidents: functions of everything that happened so far (spec 4.4); pure.

Levels are for SEV0 and SEV1; at SEV2 and SEV3 they are one lower.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from firebell.incidents.checks.cadence_checks import no_progress, no_timeline, updates
from firebell.incidents.checks.finding_builder import clock, finding, held_at, lowered
from firebell.incidents.checks.history import HistoryStep, Vacancy, steps, vacancies
from firebell.incidents.checks.model import CheckRecord, IncidentFinding
from firebell.incidents.model import ROLE_NAMES, IncidentRole, Phase, TimelineEntry
from firebell.incidents.roles.role_requirements import role_deadline
from firebell.incidents.severity import FACTS
from firebell.kit.findings import FindingLevel, FixButton, Passed, length_text, severest_first
from firebell.kit.intervals import overlap

Results = Iterator[IncidentFinding | Passed]

LATE_DECLARATION = {0: timedelta(minutes=5), 1: timedelta(minutes=15)}
"""How long after the first alert an incident of each severity may be declared."""
MANY_RESPONDERS = 3
HANDOVER_WITHIN = timedelta(minutes=5)
PROVISIONAL_FOR = timedelta(minutes=15)
SEVERITY_CHANGES, SEVERITY_CHANGES_WITHIN = 3, timedelta(minutes=30)
LOWERED_WITHIN = timedelta(minutes=15)
STABLE_FOR = timedelta(minutes=30)
HANDOVER_KIND = "handover"
"""The kind of the entry that an accepted handover writes."""
_HANDOVER_WORDS = ("hand over", "handed over", "handing over", "handover", "new commander", "take command")
MAJOR = frozenset({0, 1})


def findings(record: CheckRecord, now: datetime, tz: str = "UTC") -> list[IncidentFinding]:
    """Return the problems of an incident until now, errors first; clock times in messages are in `tz`."""
    return severest_first(r for r in _results(record, now, tz) if isinstance(r, IncidentFinding))


def passed(record: CheckRecord, now: datetime) -> list[Passed]:
    """Return the checks that apply to an incident and found no problem."""
    return [r for r in _results(record, now, "UTC") if isinstance(r, Passed)]


def _results(record: CheckRecord, now: datetime, tz: str) -> Results:
    history = steps(record, now)
    if not history or record.incident.phase is Phase.DISMISSED:
        return
    yield from _declared_late(record, history)
    yield from _commander(record, history, now, tz)
    yield from _roles(record, history, now, tz)
    yield from _hands_on(record, history, now, tz)
    yield from _handovers(record, history, now)
    yield from updates(record, history, now, tz)
    yield from no_progress(record, history, now, tz)
    yield from _debated(record, history)
    yield from _closed_early(record, history)
    yield from _provisional(record, history, now)
    yield from no_timeline(record, history, now, tz)
    yield from _runbooks(record, history)


def _declared_late(record: CheckRecord, history: Sequence[HistoryStep]) -> Results:
    incident, first = record.incident, history[0]
    delay, limit = incident.declared_at - incident.detected_at, LATE_DECLARATION.get(first.severity)
    is_late = limit is not None and delay > limit
    if not is_late and record.responders_before < MANY_RESPONDERS:
        yield Passed("I-LATE", "Declared in time")
        return
    level = FindingLevel.ERROR if limit and delay > 3 * limit else FindingLevel.WARNING
    text = f"Declared {length_text(delay)} after the first alert"
    if record.responders_before >= MANY_RESPONDERS:
        text += f"; {record.responders_before} people were already working on it"
    yield finding(
        record,
        "I-LATE",
        lowered(level, first.severity),
        text,
        "Declare early: you can lower the severity later.",
        first.cause,
    )


def _commander(record: CheckRecord, history: Sequence[HistoryStep], now: datetime, tz: str) -> Results:
    gaps = vacancies(record, history, IncidentRole.COMMANDER, MAJOR, now)
    yield from _vacant(record, IncidentRole.COMMANDER, gaps, "I-NOIC", tz)
    commanders = sorted(
        (r for r in record.roles if r.role is IncidentRole.COMMANDER), key=lambda role: role.from_at
    )
    for one, other in pairwise(commanders):
        if overlap((one.from_at, one.until_at or now), (other.from_at, other.until_at or now)):
            text = f"{one.name} and {other.name} were commander at the same time"
            cause = _entry_at(record, "role", other.from_at)
            yield finding(
                record, "I-NOIC", FindingLevel.ERROR, text, "Agree on one commander.", cause, key="two"
            )
    if commanders and not gaps:
        yield Passed("I-ROLE", "Commander assigned")


def _roles(record: CheckRecord, history: Sequence[HistoryStep], now: datetime, tz: str) -> Results:
    for role in IncidentRole:
        requires = frozenset(int(sev) for sev, facts in FACTS.items() if role in facts.roles)
        if role is IncidentRole.COMMANDER or not any(s.is_open and s.severity in requires for s in history):
            continue
        gaps = vacancies(record, history, role, requires, now)
        yield from _vacant(record, role, gaps, "I-ROLE", tz)
        if not gaps:
            yield Passed("I-ROLE", f"{ROLE_NAMES[role]} assigned")


def _vacant(
    record: CheckRecord, role: IncidentRole, gaps: Sequence[Vacancy], code: str, tz: str
) -> Iterator[IncidentFinding]:
    """Yield the vacancies of a required role that lasted too long, and one that lasts, as a warning before that."""
    name = ROLE_NAMES[role].lower()
    for gap in gaps:
        deadline = role_deadline(gap.severity, role)
        is_late = deadline is not None and gap.end - gap.start > deadline
        if not is_late and not gap.is_now:
            continue
        if not gap.is_now:
            text = f"No {name} from {clock(gap.start, tz)} to {clock(gap.end, tz)}"
        elif is_late:
            text = f"No {name} for {length_text(gap.end - gap.start)}"
        else:
            text = f"No {name} yet"
        within = f" within {length_text(deadline)}" if deadline else ""
        level = lowered(FindingLevel.ERROR if is_late else FindingLevel.WARNING, gap.severity)
        yield finding(
            record,
            code if is_late else "I-ROLE",
            FindingLevel.WARNING if gap.is_now and level is FindingLevel.INFO else level,
            text,
            f"A SEV{gap.severity} needs one{within}.",
            gap.cause,
            key=role if gap.start == gap.cause.effective_at else f"{role}:{int(gap.start.timestamp())}",
            role=role if gap.is_now else None,
            fix=FixButton("Assign to me", "/roles", {"role": role.value}) if gap.is_now else None,
        )


def _hands_on(record: CheckRecord, history: Sequence[HistoryStep], now: datetime, tz: str) -> Results:
    major = [(s.start, s.end) for s in history if s.is_open and s.severity in MAJOR]
    commanders = [r for r in record.roles if r.role is IncidentRole.COMMANDER]
    if not major or not commanders:
        return
    problems = []
    for commander in commanders:
        for expert in (r for r in record.roles if r.role is IncidentRole.SME):
            if expert.person_id != commander.person_id:
                continue
            both = overlap(
                (commander.from_at, commander.until_at or now), (expert.from_at, expert.until_at or now)
            )
            times = [o for span in major if both and (o := overlap(both, span))]
            if times:
                is_now = times[-1].end == now and history[-1].is_open
                problems.append(
                    finding(
                        record,
                        "I-HANDSON",
                        FindingLevel.ERROR,
                        f"{commander.name} {'is' if is_now else 'was'} commander and subject matter expert",
                        "A commander delegates and doesn't debug. Hand one role over.",
                        _entry_at(record, "role", max(commander.from_at, expert.from_at)),
                        key=f"{commander.person_id}",
                        fix=FixButton("Hand a role over", href="#roles") if is_now else None,
                    )
                )
    for entry in record.timeline:
        if entry.kind not in ("mitigation", "deploy", "command"):
            continue
        ic = held_at(record, IncidentRole.COMMANDER, entry.effective_at)
        if ic and ic.person_id == entry.actor_id and any(a <= entry.effective_at < b for a, b in major):
            problems.append(
                finding(
                    record,
                    "I-HANDSON",
                    FindingLevel.WARNING,
                    f"{ic.name} was commander and acted at {clock(entry.effective_at, tz)}",
                    "Let an expert act and record it, so that the commander keeps the overview.",
                    entry,
                )
            )
    yield from problems
    if not problems:
        yield Passed("I-HANDSON", "Commander is not hands-on")


def _handovers(record: CheckRecord, history: Sequence[HistoryStep], now: datetime) -> Results:
    commanders = sorted(
        (r for r in record.roles if r.role is IncidentRole.COMMANDER), key=lambda role: role.from_at
    )
    for before, after in pairwise(commanders):
        if before.person_id == after.person_id or now - after.from_at <= HANDOVER_WITHIN:
            continue
        spoken = (e for e in record.timeline if abs(e.effective_at - after.from_at) <= HANDOVER_WITHIN)
        if any(_is_handover(entry) for entry in spoken):
            yield Passed("I-HANDOVER", f"{before.name} handed command over to {after.name}")
            continue
        severity = next((s.severity for s in history if s.start <= after.from_at < s.end), 1)
        yield finding(
            record,
            "I-HANDOVER",
            lowered(FindingLevel.WARNING, severity),
            f"{after.name} took command from {before.name} without a handover",
            "Say it aloud and write it down: who commands, what is known, what comes next.",
            _entry_at(record, "role", after.from_at),
            fix=FixButton("Write handover", compose="update") if history[-1].is_open else None,
        )


def _is_handover(entry: TimelineEntry) -> bool:
    text = entry.text.casefold()
    is_said = entry.kind in ("note", "update", "decision") and any(w in text for w in _HANDOVER_WORDS)
    return entry.kind == HANDOVER_KIND or is_said


def _debated(record: CheckRecord, history: Sequence[HistoryStep]) -> Results:
    changes = [e for e in record.timeline if e.kind == "severity"]
    advice = "Treat it as the higher severity; decide after the incident."
    for at, change in enumerate(changes):
        burst = changes[max(0, at - SEVERITY_CHANGES + 1) : at + 1]
        if (
            len(burst) == SEVERITY_CHANGES
            and change.effective_at - burst[0].effective_at <= SEVERITY_CHANGES_WITHIN
        ):
            yield finding(
                record,
                "I-SEVDEBATE",
                FindingLevel.INFO,
                f"Severity changed {SEVERITY_CHANGES} times in {length_text(SEVERITY_CHANGES_WITHIN)}",
                advice,
                *burst,
                key="many",
            )
            break
    for raised, after in pairwise(changes):
        is_raise = raised.data.get("to", 0) < raised.data.get("from", 0)
        is_lowered = after.data.get("to", 0) > after.data.get("from", 0)
        if is_raise and is_lowered and after.effective_at - raised.effective_at < LOWERED_WITHIN:
            yield finding(
                record,
                "I-SEVDEBATE",
                FindingLevel.INFO,
                f"Lowered {length_text(after.effective_at - raised.effective_at)} after it was raised",
                advice,
                after,
                raised,
            )


def _closed_early(record: CheckRecord, history: Sequence[HistoryStep]) -> Results:
    monitored: datetime | None = None
    for entry in record.timeline:
        if entry.kind != "phase":
            continue
        to = entry.data.get("to")
        if to == Phase.CLOSED and entry.data.get("from") == Phase.MONITORING:
            is_short = monitored is not None and entry.effective_at - monitored < STABLE_FOR
            if is_short or entry.data.get("forced") or "skipping a check" in entry.text:
                yield finding(
                    record,
                    "I-EARLYCLOSE",
                    lowered(FindingLevel.ERROR, record.incident.max_severity),
                    "Closed although a closing condition was missing",
                    "Keep watching for 30 minutes, and reopen it if it comes back.",
                    entry,
                )
            else:
                yield Passed("I-EARLYCLOSE", "Stable for 30 minutes before it was closed")
        monitored = entry.effective_at if to == Phase.MONITORING else None


def _provisional(record: CheckRecord, history: Sequence[HistoryStep], now: datetime) -> Results:
    incident = record.incident
    if incident.provisional and history[-1].is_open and now - incident.declared_at > PROVISIONAL_FOR:
        yield finding(
            record,
            "I-PROVISIONAL",
            lowered(FindingLevel.WARNING, incident.severity),
            f"Severity not confirmed for {length_text(now - incident.declared_at)}",
            "Set the severity once you know more.",
            history[0].cause,
            fix=FixButton("Set severity", href="#steering"),
        )


def _runbooks(record: CheckRecord, history: Sequence[HistoryStep]) -> Results:
    missing = [page for page in record.pages if not page.has_runbook]
    for page in missing:
        linked = next((e for e in record.timeline if page.ref in e.text), history[0].cause)
        yield finding(
            record,
            "I-NORUNBOOK",
            lowered(FindingLevel.WARNING, record.incident.severity),
            f"{page.ref} links no runbook",
            "Give the alert a runbook link, or the service a runbook.",
            linked,
            key=page.ref,
        )
    if record.pages and not missing:
        yield Passed("I-NORUNBOOK", "Every page links a runbook")


def _entry_at(record: CheckRecord, kind: str, at: datetime) -> TimelineEntry:
    """Return the entry of a kind at an instant, else the last one before it, else the first of all."""
    before = [e for e in record.timeline if e.kind == kind and e.effective_at <= at]
    return before[-1] if before else record.timeline[0]
