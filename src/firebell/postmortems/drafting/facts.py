"""What a draft is made of (pure): everything that was recorded about the incidents of a document, in one order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from firebell.alerts.model import ChangeEvent
from firebell.incidents.measures import Measure, PageTimes
from firebell.incidents.model import ACTIVE, Incident, Phase, TimelineEntry
from firebell.postmortems.document.evidence import EvidenceKind, EvidenceRef


class Marker(StrEnum):
    """What a row of the timeline was: detection, diagnosis, repair or a key moment."""

    DETECTION = "D"
    DIAGNOSIS = "G"
    REPAIR = "R"
    KEY = "K"


MARKER_NAMES = {
    Marker.DETECTION: "Detection",
    Marker.DIAGNOSIS: "Diagnosis",
    Marker.REPAIR: "Repair",
    Marker.KEY: "Key moment",
}


@dataclass(frozen=True, slots=True)
class PageLogRow:
    """An entry of the log of a page: triggered, acked, level or exhausted."""

    id: int
    page_id: int
    at: datetime
    kind: str
    actor: str
    actor_id: int | None
    text: str
    level: int


@dataclass(frozen=True, slots=True)
class StatusPostRow:
    """A post on a public status page about an incident."""

    id: int
    incident_id: int
    at: datetime
    stage: str
    page_name: str


@dataclass(frozen=True, slots=True)
class RunStepRow:
    """A step of a run that was done, failed or was skipped; `number` counts the steps of the run from 1."""

    run_id: int
    number: int
    incident_id: int
    at: datetime
    state: str
    runbook: str
    part: str
    label: str
    title: str
    who: str
    exit: int | None

    @property
    def text(self) -> str:
        """What happened, such as `Step 3 of Fail over the database failed (exit 1): Promote the replica`."""
        name = {"Steps": "Step", "Prerequisites": "Prerequisite"}.get(self.part, self.part)
        place = f"{name} {self.label}".strip()
        code = f" (exit {self.exit})" if self.exit else ""
        return f"{place} of {self.runbook} {_STEP_VERBS[self.state]}{code}: {self.title}"


_STEP_VERBS = {"done": "was done", "failed": "failed", "skipped": "was skipped"}


@dataclass(frozen=True, slots=True)
class TrackedAction:
    """An action item of the incidents of a document, with the name of its owner, empty without one."""

    id: int
    title: str
    owner: str
    due: date
    state: str

    @property
    def ref(self) -> str:
        """The reference, such as `ACT-7`."""
        return f"ACT-{self.id}"


@dataclass(frozen=True, slots=True)
class DraftFact:
    """One thing that happened; `rank` orders what happened at one instant by its source."""

    at: datetime
    rank: int
    ref: EvidenceRef
    kind: str
    who: str
    text: str
    marker: Marker | None
    is_human: bool = False
    incident_id: int = 0
    log_id: int = 0
    """The entry of the log of a page, which has several facts; 0 for all others."""

    @property
    def key(self) -> str:
        """What a choice of entries calls the fact: its reference, with the entry of the log for a page."""
        return f"{self.ref}.{self.log_id}" if self.log_id else str(self.ref)

    @property
    def order(self) -> tuple[datetime, int, int, int]:
        """The order of facts: when it happened, then the source, then the id."""
        return (self.at, self.rank, self.ref.number, self.ref.step)


@dataclass(frozen=True, slots=True)
class DraftSources:
    """What was recorded about the incidents of a document; `incidents` has the main one first."""

    incidents: Sequence[Incident]
    timelines: dict[int, Sequence[TimelineEntry]]
    services: Sequence[str] = ()
    page_log: Sequence[PageLogRow] = ()
    status_posts: Sequence[StatusPostRow] = ()
    run_steps: Sequence[RunStepRow] = ()
    changes: Sequence[ChangeEvent] = ()
    measures: dict[int, Sequence[Measure]] = field(default_factory=dict)
    findings: Sequence[str] = ()
    """The messages of the findings about the process that stand."""
    affected: str = ""
    """How many customers were affected, as someone entered it."""
    actions: Sequence[TrackedAction] = ()
    """The action items of the incidents, in the order in which they were added."""

    @property
    def main(self) -> Incident:
        """The incident that the document is named after."""
        return self.incidents[0]


HUMAN_KINDS = ("note", "update", "finding", "decision", "mitigation")
_KEY_KINDS = frozenset({"declared", "severity", "phase", "decision", "role"})
_STEP_EVENTS = frozenset({"step.done", "step.failed", "step.skipped"})
_MARKERS = {
    "report": Marker.DETECTION,
    "reported": Marker.DETECTION,
    "finding": Marker.DIAGNOSIS,
    "note": Marker.DIAGNOSIS,
    "mitigation": Marker.REPAIR,
}


def facts(sources: DraftSources) -> list[DraftFact]:
    """Return every fact in order; equal instants are ordered by source and id, so that the same rows give one order."""
    everything = [
        *_entries(sources),
        *_pages(sources.page_log),
        *(
            DraftFact(
                post.at,
                2,
                EvidenceRef(EvidenceKind.STATUS_POST, post.id),
                "status_post",
                post.page_name,
                f"Posted {post.stage}",
                None,
                incident_id=post.incident_id,
            )
            for post in sources.status_posts
        ),
        *map(_run_step, sources.run_steps),
        *(_change(change, sources.main) for change in sources.changes),
    ]
    return sorted(everything, key=lambda fact: fact.order)


def page_times(log: Iterable[PageLogRow]) -> list[PageTimes]:
    """Return when each page was triggered and first acknowledged by a person."""
    triggered: dict[int, datetime] = {}
    acknowledged: dict[int, datetime] = {}
    for row in sorted(log, key=lambda row: (row.at, row.id)):
        if row.kind == "triggered":
            triggered.setdefault(row.page_id, row.at)
        elif row.kind == "acked" and row.actor_id is not None:
            acknowledged.setdefault(row.page_id, row.at)
    return [PageTimes(at, acknowledged.get(page_id)) for page_id, at in triggered.items()]


def active_phases(timeline: Sequence[TimelineEntry], incident: Incident) -> list[tuple[datetime, datetime]]:
    """Return the intervals in which an incident was in one active phase, from its declaration on."""
    moments = [(incident.declared_at, Phase.DECLARED.value)]
    moments += [
        (entry.effective_at, str(entry.data.get("to", ""))) for entry in timeline if entry.kind == "phase"
    ]
    ends = [at for at, _ in moments[1:]] + [incident.resolved_at or incident.closed_at or moments[-1][0]]
    return [
        (at, end)
        for (at, phase), end in zip(moments, ends, strict=True)
        if phase in list(map(str, ACTIVE)) and end > at
    ]


def _entries(sources: DraftSources) -> Iterable[DraftFact]:
    """Yield the entries of the timelines; what Firebell wrote after an incident was closed is not about it.

    A step of a run is a fact of its own: an entry about it is left out.
    """
    closed_at = {incident.id: incident.closed_at for incident in sources.incidents}
    for incident_id, timeline in sources.timelines.items():
        for entry in timeline:
            is_human = entry.kind in HUMAN_KINDS
            is_key = bool(entry.key_moment) or entry.kind in _KEY_KINDS
            end = closed_at.get(incident_id)
            if end and entry.effective_at > end and not is_human and not is_key:
                continue
            is_step = entry.kind == "runbook" and entry.data.get("event") in _STEP_EVENTS
            if is_step and sources.run_steps and not is_key:
                continue
            yield DraftFact(
                entry.effective_at,
                0,
                EvidenceRef(EvidenceKind.ENTRY, entry.id),
                entry.kind,
                entry.actor,
                f"**{entry.key_moment}**: {entry.text}" if entry.key_moment else entry.text,
                Marker.KEY if is_key else _MARKERS.get(entry.kind),
                is_human,
                incident_id,
            )


def _pages(log: Iterable[PageLogRow]) -> Iterable[DraftFact]:
    seen_kinds: set[tuple[int, str]] = set()
    for row in sorted(log, key=lambda row: (row.at, row.id)):
        is_first = (row.page_id, row.kind) not in seen_kinds
        seen_kinds.add((row.page_id, row.kind))
        is_detection = is_first and row.kind in ("triggered", "acked")
        yield DraftFact(
            row.at,
            1,
            EvidenceRef(EvidenceKind.PAGE, row.page_id),
            f"page_{row.kind}" if is_first or row.kind not in ("triggered", "acked") else "page_again",
            row.actor,
            row.text,
            Marker.DETECTION if is_detection else None,
            log_id=row.id,
        )


def _run_step(step: RunStepRow) -> DraftFact:
    return DraftFact(
        step.at,
        3,
        EvidenceRef(EvidenceKind.RUN_STEP, step.run_id, step.number),
        f"run_{step.state}",
        step.who,
        step.text,
        Marker.REPAIR,
        incident_id=step.incident_id,
    )


def _change(change: ChangeEvent, incident: Incident) -> DraftFact:
    began_at = incident.impact_start or incident.detected_at
    return DraftFact(
        change.at,
        4,
        EvidenceRef(EvidenceKind.CHANGE, change.id),
        "change_before" if change.at < began_at else "change",
        change.source,
        change.summary,
        None if change.at < began_at else Marker.REPAIR,
    )
