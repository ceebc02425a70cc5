"""Decide about a batch before its state is loaded (pure), from what this process saw last.

The decision is that of `dedup_and_grouping.apply`; the database checks what it assumes, and a wrong one costs a
round trip.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firebell.alerts import event_placement
from firebell.alerts.batches import dedup_and_grouping
from firebell.alerts.batches import state as batch_state
from firebell.alerts.batches.dedup_and_grouping import STORM_WINDOW
from firebell.alerts.batches.state import Batch, GroupState
from firebell.alerts.model import EXPIRING_SOURCES, EventKind, InboundRequest

MAX_KNOWN_GROUPS = 20_000
MAX_KNOWN_ALERTS = 100_000

Key = tuple[int, str]
"""A service and the key of a group, or an integration and the key of an alert."""


@dataclass(slots=True)
class Joined:
    """An open group that new alerts join: `count` of them, if it had at most `alerts_limit` alerts before."""

    group: GroupState
    count: int
    alerts_limit: int


@dataclass(slots=True)
class Assumed:
    """The outcome of a batch whose events are all of new firing alerts, and what must be true for it."""

    requests: Sequence[InboundRequest]
    event_ids: Sequence[bytes]
    batch: Batch
    joined: list[Joined] = field(default_factory=list)
    opened: list[GroupState] = field(default_factory=list)
    absent_groups: set[Key] = field(default_factory=set)
    """The groups that must not be open."""
    opening_limits: dict[int, int] = field(default_factory=dict)
    """The most groups that each service may have opened within `STORM_WINDOW`, without a storm."""


class KnownState:
    """What this process saw last of its services: open groups, storms, and keys that have an alert.

    It may be out of date: another process, a person or another batch may have changed anything.
    """

    def __init__(self) -> None:
        self._rooms: dict[int, int] = {}
        self._storms: dict[int, GroupState] = {}
        self._groups: dict[Key, GroupState] = {}
        self._alerts: set[int] = set()
        """Hashes of the keys that have an alert; one that is there by accident costs a round trip."""

    def assume(
        self, requests: Sequence[InboundRequest], ids_by_request: Sequence[Sequence[bytes]], now: datetime
    ) -> Assumed | None:
        """Return the outcome of a batch if all its events seem to be of new firing alerts, else None."""
        if not self._seem_new(requests):
            return None
        batch = Batch()
        for service_id in event_placement.services(requests):
            storm, room = self._storms.get(service_id), self._rooms.get(service_id, 0)
            if storm is not None and storm.opened_at > now - STORM_WINDOW:
                batch.storms[service_id], batch.room[service_id] = batch_state.stored_state(storm), 0
            elif room > 0:
                batch.room[service_id] = room
            else:
                return None
        for request in requests:
            for event in request.incoming:
                key = (event_placement.service_of(request, event), event_placement.group_key(event))
                if key not in batch.open_groups and (known := self._groups.get(key)) is not None:
                    batch.open_groups[key] = batch_state.stored_state(known)
        batch.groups = [*batch.open_groups.values(), *batch.storms.values()]
        event_ids = [event_id for ids in ids_by_request for event_id in ids]
        dedup_and_grouping.apply(batch, zip(requests, ids_by_request, strict=True), set(event_ids), now)
        return self._outcome(Assumed(requests, event_ids, batch))

    def _seem_new(self, requests: Sequence[InboundRequest]) -> bool:
        keys: set[Key] = set()
        for request in requests:
            # that a source of expiring alerts lives is stored too, and when they expire
            if request.error is not None or request.source in EXPIRING_SOURCES:
                return False
            for event in request.incoming:
                key = (request.integration_id, event.dedup_key)
                if event.kind is not EventKind.FIRING or key in keys or hash(key) in self._alerts:
                    return False
                if event.route is not None and event.route.hold is not None:
                    return False
                keys.add(key)
        return bool(keys)

    def _outcome(self, assumed: Assumed) -> Assumed | None:
        """Return `assumed` with what it assumes, or None if a page or a title would change."""
        for group in assumed.batch.groups:
            if group.fresh:
                if group.key is None:
                    return None
                assumed.opened.append(group)
                limit = assumed.opening_limits.get(group.service_id, dedup_and_grouping.STORM_GROUPS)
                assumed.opening_limits[group.service_id] = limit - 1
            elif group.changed:
                known = self._known(group)
                if group.crossed or group.raised or group.lead_lost or group.lead_key != known.lead_key:
                    return None
                count = group.alerts - known.alerts
                assumed.joined.append(
                    Joined(group, count, dedup_and_grouping.next_milestone(known.alerts) - 1 - count)
                )
        for alert in assumed.batch.created:
            joined = alert.group
            assert joined is not None
            if joined.fresh or joined.key is None:
                assumed.absent_groups.add((joined.service_id, event_placement.group_key(alert.event)))
        return assumed

    def _known(self, group: GroupState) -> GroupState:
        if group.key is None:
            return self._storms[group.service_id]
        return self._groups[group.service_id, group.key]

    def learn(self, batch: Batch) -> None:
        """Remember the state that a committed batch left, which is used for nothing else."""
        for group in batch.groups:
            batch_state.mark_stored(group)
        if len(self._groups) + len(self._rooms) > MAX_KNOWN_GROUPS:
            self._rooms, self._storms, self._groups = {}, {}, {}
        if len(self._alerts) > MAX_KNOWN_ALERTS:
            self._alerts.clear()
        self._alerts.update(map(hash, batch.latest))
        self._rooms.update(batch.room)
        for service_id in batch.room:
            if storm := batch.storms.get(service_id):
                self._storms[service_id] = storm
            else:
                self._storms.pop(service_id, None)
        for group in batch.groups:
            if group.key is None:
                continue
            if group.firing > 0:
                self._groups[group.service_id, group.key] = group
            else:
                self._groups.pop((group.service_id, group.key), None)
