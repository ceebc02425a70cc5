"""Read models of the subscribers of a status page, shared by web and API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.incidents.model import Incident, TimelineEntry
from firebell.kit.db.database import Tx
from firebell.kit.findings import ProcessFinding
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import Component, ComponentGroup, StatusPage
from firebell.subscribers import store
from firebell.subscribers.broadcasts import store as broadcast_store
from firebell.subscribers.broadcasts.store import Progress
from firebell.subscribers.deliveries import check_store as delivery_check_store
from firebell.subscribers.deliveries import process_checks
from firebell.subscribers.deliveries.process_checks import BroadcastRecord
from firebell.subscribers.model import StatusSubscriber, SubscriberState
from firebell.subscribers.subscribing import request_store

LATEST_BROADCASTS = 5


@dataclass(frozen=True, slots=True)
class SubscriberNumbers:
    """How many subscribers a status page has, and what needs attention."""

    by_state: dict[SubscriberState, int]
    new_today: int
    waiting_requests: int
    """Requests above the limit of the page, a sign of a flood."""
    failing: Sequence[StatusSubscriber]
    broadcasts: Sequence[Progress]
    groups: Sequence[ComponentGroup]
    components: Sequence[Component]

    @property
    def total(self) -> int:
        """All subscribers that are listed."""
        return sum(n for state, n in self.by_state.items() if state is not SubscriberState.ERASED)

    @property
    def last(self) -> Progress | None:
        """The latest broadcast that was sent to anyone."""
        return next((each for each in self.broadcasts if each.sent or each.failed), None)


async def load_findings(
    tx: Tx, listed: Sequence[Incident], _: Mapping[int, Sequence[TimelineEntry]], now: datetime
) -> Mapping[int, Sequence[ProcessFinding]]:
    """Return the findings about what subscribers were sent of each incident."""
    real = [incident for incident in listed if not (incident.drill or incident.backfilled)]
    if not real:
        return {}
    records: dict[int, list[BroadcastRecord]] = {}
    for record in await delivery_check_store.broadcasts(tx, [incident.id for incident in real], now):
        records.setdefault(record.incident_id, []).append(record)
    spans = [(each.id, each.declared_at, each.closed_at or now) for each in real]
    floods = await delivery_check_store.floods(tx, spans)
    return {
        each.id: process_checks.findings(each, records.get(each.id, ()), floods.get(each.id, ()), now)
        for each in real
    }


async def numbers(tx: Tx, page: StatusPage, now: datetime) -> SubscriberNumbers:
    """Return the numbers of the subscribers of a status page."""
    by_state, new_today = await store.counts(tx, page.id, now - timedelta(days=1))
    groups, components = await status_pages.parts(tx, page)
    return SubscriberNumbers(
        by_state,
        new_today,
        await request_store.waiting_requests(tx, page.id, now),
        await store.failing_hooks(tx, page.id),
        await broadcast_store.latest(tx, page.id, LATEST_BROADCASTS),
        groups,
        components,
    )
