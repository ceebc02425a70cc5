"""Read a scenario file: YAML with an exact line for each problem (pure, spec 11.15)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from firebell.alerts.model import SEVERITIES
from firebell.drills.model import (
    ANSWERABLE,
    DrillKind,
    Expectation,
    ExpectedEvent,
    Inject,
    InjectKind,
    Scenario,
    TrayTarget,
)
from firebell.drills.yaml_reading import FileProblem, Mapped, Reader, read_root
from firebell.incidents.model import ENTRY_KINDS, IncidentRole, IncidentType
from firebell.kit import yaml_limits

MAX_BYTES = 64 * 1024
INJECTS_MAX = 100
EXPECTATIONS_MAX = 100
TEXT_MAX_CHARS = 500
MINUTES_MAX = 480
SPEED_MAX = 10
WEIGHT_MAX = 10
ROLES = tuple(IncidentRole)
PHASES = ("declared", "investigating", "mitigating", "monitoring", "closed")
MOMENTS = (*PHASES, *ENTRY_KINDS)
"""What an inject can wait for: phases and the kinds of timeline entries."""
_DURATION = re.compile(r"(\d{1,5})(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SEVERITY = re.compile(r"SEV([0-3])")
_CHECK = re.compile(r"[A-Z]-[A-Z0-9]+")
_OWN_KEYS = {
    InjectKind.ALERT: ("labels", "severity"),
    InjectKind.RESOLVE: ("ref",),
    InjectKind.MESSAGE: ("from", "text", "to"),
    InjectKind.QUESTION: ("to", "ask"),
    InjectKind.COMPLICATION: ("text",),
    InjectKind.CHANGE_EVENT: ("text", "service"),
    InjectKind.PERSON_AWAY: ("to", "text"),
    InjectKind.CHANNEL_DOWN: ("channel", "text"),
}
_EVENT_KEYS = {
    ExpectedEvent.PAGE_ACKED: ("within", "of"),
    ExpectedEvent.DECLARED: ("severity", "within", "of"),
    ExpectedEvent.UPDATE_POSTED: ("every", "within", "of"),
    ExpectedEvent.ROLE_TAKEN: ("role", "within", "of"),
    ExpectedEvent.PHASE: ("phase", "within", "of"),
    ExpectedEvent.ANSWERED: ("within", "of"),
    ExpectedEvent.DRAFT_POSTED: ("target", "within", "of"),
    ExpectedEvent.PRIVATE: ("within", "of"),
    ExpectedEvent.OBSERVED: (),
}


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """The result of reading a file: its scenario, or None and what is wrong with it."""

    scenario: Scenario | None
    problems: tuple[FileProblem, ...]


def read_scenario(text: str) -> ScenarioFile:
    """Read a scenario file. Never raises: a file with any problem has no scenario."""
    if len(text.encode()) > MAX_BYTES:
        problem = FileProblem(1, f"The file is larger than {MAX_BYTES // 1024} KiB.", "Shorten it.")
        return ScenarioFile(None, (problem,))
    reader = Reader()
    try:
        root = read_root(text, reader)
        scenario = _scenario(root, reader) if root else None
    except yaml.YAMLError as error:
        line, reason = yaml_limits.problem_of(error)
        reader.add(line, f"The file is not valid YAML: {reason}.", "Correct the YAML.")
        scenario = None
    problems = tuple(sorted(reader.problems, key=lambda problem: problem.line))
    return ScenarioFile(None if problems else scenario, problems)


def _scenario(root: Mapped, reader: Reader) -> Scenario | None:
    root.refuse_others(("scenario", "needs", "allow_commands", "injects", "expect", "debrief"))
    head, needs = root.mapping("scenario"), root.mapping("needs", required=False)
    if head is None:
        return None
    head.refuse_others(("slug", "title", "kind", "minutes", "speed", "type", "private"))
    kind = head.choice("kind", tuple(DrillKind))
    minutes = head.whole("minutes", least=5, most=MINUTES_MAX)
    roles: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    runbook = ""
    if needs:
        needs.refuse_others(("roles", "services", "runbook"))
        roles, services = needs.texts("roles", among=ROLES), needs.texts("services")
        runbook = needs.text("runbook", required=False, most=80)
    injects = _injects(root, reader, minutes * 60, services)
    expectations = _expectations(root, reader, injects)
    return Scenario(
        slug=head.matching("slug", _SLUG, "lower-case words with hyphens, such as db-primary-lost"),
        title=head.text("title", most=120),
        kind=DrillKind(kind) if kind else DrillKind.GAME_DAY,
        minutes=minutes,
        speed=head.whole("speed", least=1, most=SPEED_MAX, default=1),
        incident_type=head.choice("type", tuple(IncidentType), default=IncidentType.OPERATIONAL),
        private=head.truth("private"),
        roles=roles,
        services=services,
        runbook=runbook,
        allow_commands=root.truth("allow_commands"),
        injects=injects,
        expectations=expectations,
        debrief=root.texts("debrief"),
    )


def duration_s(text: str) -> int | None:
    """Return the seconds of a duration such as 90s, 6m or 1h; None if it is invalid."""
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _SECONDS[match[2]] if match else None


def _duration(entry: Mapped, key: str, *, required: bool = False, least: int = 0) -> int | None:
    text = entry.text(key, required=required, most=20)
    if not text:
        return None
    seconds = duration_s(text)
    if seconds is None:
        entry.problem(key, f"{text} is not a duration.", "Write it like 90s, 6m or 1h.")
    elif seconds < least:
        entry.problem(key, f"{key} is too short.", f"Use at least {least} s.")
    elif seconds > MINUTES_MAX * 60:
        entry.problem(key, f"{key} is longer than any drill.", f"Use at most {MINUTES_MAX // 60}h.")
        return None
    return seconds


def _unique(entries: Iterator[Mapped], reader: Reader) -> Iterator[tuple[str, Mapped]]:
    """Yield the entries of a list with their ids; each id occurs once."""
    used: set[str] = set()
    for entry in entries:
        own = entry.text("id", most=40)
        if own in used:
            entry.problem("id", f"The id {own} is used twice.", "Give each entry its own id.")
        used.add(own)
        yield own, entry


def _injects(root: Mapped, reader: Reader, length_s: int, services: tuple[str, ...]) -> tuple[Inject, ...]:
    read: list[tuple[Inject, Mapped]] = []
    for inject_id, entry in _unique(root.entries("injects", most=INJECTS_MAX), reader):
        name = entry.choice("do", tuple(InjectKind))
        if not name:
            continue
        kind = InjectKind(name)
        entry.refuse_others(("id", "do", "at", "when", "after", *_OWN_KEYS[kind]))
        at_s, after_s = _duration(entry, "at"), _duration(entry, "after")
        when = entry.choice("when", MOMENTS, default="")
        if ("at" in entry) == ("when" in entry):
            entry.problem("id", f"{inject_id} needs either at or when.", "Write at: 6m, or when: declared.")
        if at_s is not None and at_s > length_s:
            entry.problem("at", "at is after the end of the drill.", f"It ends after {length_s // 60} min.")
        read.append((_inject(inject_id, kind, entry, at_s, when, after_s or 0, services), entry))
    alerts = {inject.id for inject, _ in read if inject.kind is InjectKind.ALERT}
    for inject, entry in read:
        if inject.kind is InjectKind.RESOLVE and inject.ref not in alerts:
            entry.problem(
                "ref", f"There is no alert {inject.ref}.", "Name the id of an inject with do: alert."
            )
    if not read and not reader.problems:
        root.problem("injects", "The scenario has no injects.", "Add at least one.")
    return tuple(inject for inject, _ in read)


def _inject(
    inject_id: str,
    kind: InjectKind,
    entry: Mapped,
    at_s: int | None,
    when: str,
    after_s: int,
    services: tuple[str, ...],
) -> Inject:
    labels: tuple[tuple[str, str], ...] = ()
    service = text = ref = severity = to = sender = ""
    match kind:
        case InjectKind.ALERT:
            pairs = entry.mapping("labels")
            labels = pairs.pairs() if pairs else ()
            service = dict(labels).get("service", "")
            text = dict(labels).get("alertname", "")
            severity = entry.choice("severity", SEVERITIES, default="critical")
            if pairs and not text:
                entry.problem("labels", "The label alertname is missing.", "Name the alert.")
        case InjectKind.RESOLVE:
            ref = entry.text("ref", most=40)
        case InjectKind.QUESTION:
            to, text = entry.choice("to", ROLES), entry.text("ask", most=TEXT_MAX_CHARS)
        case InjectKind.CHANNEL_DOWN:
            text = entry.text("text", required=False, most=TEXT_MAX_CHARS)
            text = text or f"{entry.text('channel', most=40)} does not work"
        case _:
            text = entry.text("text", most=TEXT_MAX_CHARS)
            sender = entry.text("from", most=60) if kind is InjectKind.MESSAGE else ""
            service = entry.text("service", required=False, most=80)
            is_named = kind is InjectKind.PERSON_AWAY
            to = entry.choice("to", ROLES, default=None if is_named else "")
    if service and service not in services:
        key = "labels" if kind is InjectKind.ALERT else "service"
        entry.problem(key, f"The service {service} is not in needs.", "Add it to needs: {services: [...]}.")
    return Inject(inject_id, kind, text, at_s, when, after_s, sender, to, service, severity, ref, labels)


def _expectations(root: Mapped, reader: Reader, injects: tuple[Inject, ...]) -> tuple[Expectation, ...]:
    kinds = {inject.id: inject.kind for inject in injects}
    expectations = []
    for own, entry in _unique(root.entries("expect", most=EXPECTATIONS_MAX, required=False), reader):
        weight = entry.whole("weight", least=1, most=WEIGHT_MAX, default=1)
        text = entry.text("text", required=False, most=TEXT_MAX_CHARS)
        if ("event" in entry) == ("check" in entry):
            entry.problem("id", f"{own} needs either an event or a check.", "Write event: page_acked.")
            continue
        if "check" in entry:
            entry.refuse_others(("id", "check", "absent", "weight", "text"))
            code = entry.matching("check", _CHECK, "the code of a process check, such as I-HANDSON")
            expectations.append(Expectation(own, weight, check=code, absent=entry.truth("absent"), text=text))
            continue
        name = entry.choice("event", tuple(ExpectedEvent))
        if name:
            expectations.append(_expected(own, weight, text, ExpectedEvent(name), entry, kinds))
    return tuple(expectations)


def _expected(
    own: str, weight: int, text: str, event: ExpectedEvent, entry: Mapped, kinds: dict[str, InjectKind]
) -> Expectation:
    keys = _EVENT_KEYS[event]
    entry.refuse_others(("id", "event", "weight", "text", *keys))
    of = entry.text("of", required=event in (ExpectedEvent.PAGE_ACKED, ExpectedEvent.ANSWERED), most=40)
    if of and of not in kinds:
        entry.problem("of", f"There is no inject {of}.", "Name the id of an inject.")
    elif event is ExpectedEvent.PAGE_ACKED and of and kinds[of] is not InjectKind.ALERT:
        entry.problem("of", f"{of} is not an alert.", "Name the id of an inject with do: alert.")
    elif event is ExpectedEvent.ANSWERED and of and kinds[of] not in ANSWERABLE:
        entry.problem("of", f"{of} is not a message or a question.", "Name one that players can answer.")
    if event is ExpectedEvent.OBSERVED and not text:
        entry.problem("id", f"{own} does not say what to observe.", "Add a text.")
    level = None
    if "severity" in keys and "severity" in entry:
        severity = _SEVERITY.fullmatch(entry.text("severity", most=10))
        level = int(severity[1]) if severity else None
        if severity is None:
            entry.problem("severity", "The severity is not SEV0 to SEV3.", "Write severity: SEV1.")
    return Expectation(
        own,
        weight,
        event,
        within_s=_duration(entry, "within", least=1),
        every_s=_duration(entry, "every", least=60),
        of=of,
        severity=level,
        role=entry.choice("role", ROLES) if event is ExpectedEvent.ROLE_TAKEN else "",
        phase=entry.choice("phase", PHASES) if event is ExpectedEvent.PHASE else "",
        target=entry.choice("target", tuple(TrayTarget), default="") if "target" in keys else "",
        text=text,
    )
