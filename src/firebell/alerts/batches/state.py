"""The alerts and groups that a batch of events may change, and how they are stored (pure)."""

from dataclasses import dataclass, field
from datetime import datetime

from firebell.alerts.batches.event_order import Order
from firebell.alerts.flap import Flap
from firebell.alerts.model import Alert, Event, EventKind, Group
from firebell.alerts.mutes import Mute, MutesByService
from firebell.alerts.routing_model import Hold


@dataclass(slots=True, eq=False)
class GroupState:
    """A group while a batch is applied; `id` is None until it is stored, `key` is None for a storm.

    `title` and `severity` are those of the alert `lead_key`; `lead_lost` means that a new lead must be chosen. It
    pages no one while it has a `mute_id` or its `hold` is open; `released` means that it pages from now on.
    """

    id: int | None
    integration_id: int
    service_id: int
    key: str | None
    title: str
    urgency: str
    opened_at: datetime
    last_at: datetime
    fresh: bool
    severity: str | None = None
    alerts: int = 0
    firing: int = 0
    events: int = 0
    changed: bool = False
    grown: bool = False
    crossed: bool = False
    raised: bool = False
    acked: bool = False
    lead_key: str | None = None
    lead_lost: bool = False
    stored_title: str = ""
    raised_by: str = ""
    mute_id: int | None = None
    released: bool = False
    hold: Hold | None = None


@dataclass(slots=True, eq=False)
class AlertState:
    """An alert while a batch is applied.

    `hi` is the order of its newest event and `hi_seen` when that arrived; `late` is the order of the last late
    event since.
    """

    id: int | None
    integration_id: int
    dedup_key: str
    group: GroupState | None
    status: str
    event: Event
    starts_at: datetime
    ends_at: datetime | None
    last_seen: datetime
    hi: Order
    ended_by: str | None
    count: int
    hi_seen: datetime
    late: Order | None = None
    missed: bool = False
    changed: bool = False
    message_ids: tuple[int, ...] = ()
    stored_count: int = 0
    flap: Flap | None = None
    began_to_flap: bool = False

    @property
    def is_flapping(self) -> bool:
        """Return True while it flaps."""
        return self.flap is not None and self.flap.is_on

    def advance(self, order: Order, now: datetime) -> None:
        """Set the order that later events are compared with."""
        if order != self.hi:
            self.hi, self.hi_seen, self.late = order, now, None


@dataclass(slots=True)
class Batch:
    """The state that a batch of requests may change; `apply` changes it, the store saves it.

    `room` is the number of groups each service may still open before a storm; `storms` are the storm groups,
    which new alerts join instead of opening a group; `mutes` are those that run; `moved` are stored alerts that changed
    their group; `waiting` are targets of inhibition rules that wait for their sources, with the mutes of that;
    `counted` are the holds of groups that closed before they paged; `flapping_changes` are the changes at which the
    alerts of integrations begin to flap, where that is not the usual number.
    """

    latest: dict[tuple[int, str], AlertState] = field(default_factory=dict)
    loaded: list[AlertState] = field(default_factory=list)
    open_groups: dict[tuple[int, str], GroupState] = field(default_factory=dict)
    room: dict[int, int] = field(default_factory=dict)
    storms: dict[int, GroupState] = field(default_factory=dict)
    created: list[AlertState] = field(default_factory=list)
    groups: list[GroupState] = field(default_factory=list)
    mutes: MutesByService = field(default_factory=dict)
    moved: list[AlertState] = field(default_factory=list)
    waiting: dict[tuple[int, str], Mute] = field(default_factory=dict)
    counted: dict[tuple[int, str], Hold] = field(default_factory=dict)
    flapping_changes: dict[int, int] = field(default_factory=dict)


def group_state(group: Group) -> GroupState:
    """Return the state of a stored group."""
    is_held = group.released_at is None
    return _unmarked(
        group, group.lead_severity, group.mute_id if is_held else None, group.hold if is_held else None
    )


def stored_state(group: GroupState) -> GroupState:
    """Return a copy of the state of a group without the marks of its batch."""
    return _unmarked(group, group.severity, group.mute_id, group.hold)


def mark_stored(group: GroupState) -> None:
    """Remove the marks of a batch from a group that it stored."""
    group.fresh = group.changed = group.grown = group.crossed = group.raised = group.acked = False
    group.lead_lost = group.released = False
    group.stored_title, group.raised_by = group.title, ""


def _unmarked(
    group: Group | GroupState, severity: str | None, mute_id: int | None, hold: Hold | None
) -> GroupState:
    return GroupState(
        id=group.id,
        integration_id=group.integration_id,
        service_id=group.service_id,
        key=group.key,
        title=group.title,
        urgency=group.urgency,
        opened_at=group.opened_at,
        last_at=group.last_at,
        fresh=False,
        severity=severity,
        alerts=group.alerts,
        firing=group.firing,
        events=group.events,
        lead_key=group.lead_key,
        stored_title=group.title,
        mute_id=mute_id,
        hold=hold,
    )


def alert_state(alert: Alert, group: GroupState | None) -> AlertState:
    """Return the state of a stored alert."""
    event = Event(
        kind=EventKind.FIRING,
        dedup_key=alert.dedup_key,
        title=alert.title,
        body=alert.body,
        severity=alert.severity,
        labels=alert.labels,
        annotations=alert.annotations,
        links=alert.links,
    )
    return AlertState(
        id=alert.id,
        integration_id=alert.integration_id,
        dedup_key=alert.dedup_key,
        group=group,
        status=alert.status,
        event=event,
        starts_at=alert.starts_at,
        ends_at=alert.ends_at,
        last_seen=alert.last_seen,
        hi=(alert.hi_at, alert.hi_rank),
        ended_by=alert.ended_by,
        count=alert.count,
        hi_seen=alert.hi_seen,
        late=(alert.late_at, alert.late_rank) if alert.late_at and alert.late_rank is not None else None,
        missed=alert.missed,
        message_ids=alert.message_ids,
        stored_count=alert.count,
        flap=alert.flap,
    )
