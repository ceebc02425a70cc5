"""What the truthfulness checks of an incident look at, and what it shows over time (spec 7.16; pure)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from firebell.incidents.model import ACTIVE, Incident, Phase, TimelineEntry
from firebell.kit.findings import Evidence
from firebell.status_pages import derived_status, impact
from firebell.status_pages.hosting.model import PageMirror
from firebell.status_pages.model import (
    ComponentStatus,
    Impact,
    PublicIncident,
    PublicUpdate,
    Stage,
    StatusPage,
)


@dataclass(frozen=True, slots=True)
class FiringAlert:
    """A linked alert that fired while a status page said resolved."""

    title: str
    page_ref: str


@dataclass(frozen=True, slots=True)
class PageRecord:
    """What one status page shows of an incident.

    `components` has the names of the components of its services, by id; `others` are the public incidents of
    the page that overlap with it, and `mirrors` its copies on other servers. `firing` and `open_report` contradict
    that it is resolved. A page that published several times about the incident has a record for each, from
    `is_first` to `is_current`.
    """

    page: StatusPage
    components: Mapping[int, str]
    published: PublicIncident | None = None
    others: Sequence[PublicIncident] = ()
    firing: FiringAlert | None = None
    open_report: str = ""
    mirrors: Sequence[PageMirror] = ()
    is_first: bool = True
    is_current: bool = True


@dataclass(frozen=True, slots=True)
class TruthRecord:
    """An incident with its timeline in force, oldest entry first, and the status pages that could show it."""

    incident: Incident
    timeline: Sequence[TimelineEntry]
    pages: Sequence[PageRecord]
    unmapped: Sequence[str] = field(default=())
    """The names of its services that are behind no component of any status page."""

    @property
    def severity_changes(self) -> list[TimelineEntry]:
        """The entries about changes of the severity, oldest first."""
        return [e for e in self.timeline if e.kind == "severity" and isinstance(e.data.get("to"), int)]

    @property
    def declaration(self) -> TimelineEntry | None:
        """The entry of the declaration."""
        return next((e for e in self.timeline if e.kind == "declared"), None)

    @property
    def declared_severity(self) -> int:
        """The severity at the declaration."""
        declared, changes = self.declaration, self.severity_changes
        if declared and isinstance(declared.data.get("severity"), int):
            return int(declared.data["severity"])
        return int(changes[0].data.get("from", self.incident.severity)) if changes else self.incident.severity

    def severity_at(self, at: datetime) -> int:
        """Return the severity at an instant."""
        held = [e.data["to"] for e in self.severity_changes if e.effective_at <= at]
        return int(held[-1]) if held else self.declared_severity

    @property
    def is_active(self) -> bool:
        """True while customers may be impacted."""
        return self.incident.phase in ACTIVE

    @property
    def impact_end(self) -> datetime | None:
        """When the impact ended, None while it lasts."""
        incident = self.incident
        if self.is_active:
            return None
        return incident.impact_end or incident.resolved_at or incident.closed_at

    def evidence(self, *causes: TimelineEntry | PublicUpdate) -> tuple[Evidence, ...]:
        """Return timeline entries and public updates as evidence; without any, the declaration."""
        entries = causes or tuple(filter(None, [self.declaration]))
        return tuple(
            Evidence(f"e-{cause.id}", f"{cause.actor}: {cause.text}"[:200])
            if isinstance(cause, TimelineEntry)
            else self._published(cause)
            for cause in entries
        ) or (Evidence(self.incident.ref, self.incident.title),)

    def _published(self, update: PublicUpdate) -> Evidence:
        """Return the timeline entry of a public update as evidence, the update itself if it has none."""
        text = f"{update.actor}: {update.body}"[:200]
        entry = next((e for e in self.timeline if e.kind == "public" and e.at == update.display_at), None)
        return Evidence(f"e-{entry.id}" if entry else f"update-{update.public_id}", text)


def until(published: PublicIncident, at: datetime) -> PublicIncident | None:
    """Return a public incident as readers saw it at an instant, None if there was nothing to read yet."""
    updates = tuple(update for update in published.updates if update.display_at <= at)
    return replace(published, updates=updates) if updates else None


def progress(published: PublicIncident) -> list[PublicUpdate]:
    """Return the updates that say how it goes on: all but corrections and the post-mortem."""
    return [update for update in published.updates if update.kind.is_progress]


def stage_reached_at(published: PublicIncident, stage: Stage, since: datetime) -> datetime | None:
    """Return the first instant from `since` on at which readers saw this stage or a later one, None for never."""
    before = [update for update in progress(published) if update.display_at <= since]
    if before and before[-1].stage.rank >= stage.rank:
        return since
    later = (u for u in progress(published) if u.display_at > since and u.stage.rank >= stage.rank)
    first = next(later, None)
    return first.display_at if first else None


def impact_reached_at(published: PublicIncident, least: Impact, since: datetime) -> datetime | None:
    """Return the first instant from `since` on at which readers saw this impact or a worse one, None for never."""
    for at in (since, *(u.display_at for u in published.updates if u.display_at > since)):
        shown = until(published, at)
        if shown and impact.impact(shown) >= least:
            return at
    return None


def shown_statuses(record: PageRecord, at: datetime) -> dict[int, ComponentStatus]:
    """Return the status of each component of the incident as readers saw it at an instant."""
    every = [*record.others, *([record.published] if record.published else [])]
    shown = [incident for one in every if (incident := until(one, at))]
    return {each: derived_status.status_at(shown, each, at) for each in record.components}


def promises(published: PublicIncident, now: datetime) -> Iterator[tuple[PublicUpdate, datetime]]:
    """Yield each update that promised the next one, with when that came: now if it has not come yet."""
    for update, after in zip(published.updates, [*published.updates[1:], None], strict=True):
        if update.next_update_at is not None:
            yield update, after.display_at if after else now


def monitoring_since(timeline: Sequence[TimelineEntry]) -> tuple[TimelineEntry, datetime | None] | None:
    """Return the entry of the last move to monitoring, and when it went back to work; None if it never did."""
    moves = [entry for entry in timeline if entry.kind == "phase"]
    position = next(
        (i for i in range(len(moves) - 1, -1, -1) if moves[i].data.get("to") == Phase.MONITORING), None
    )
    if position is None:
        return None
    regressed = next((e.at for e in moves[position + 1 :] if e.data.get("to") in list(ACTIVE)), None)
    return moves[position], regressed
