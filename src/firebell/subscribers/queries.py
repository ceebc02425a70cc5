"""Read models of the subscribers of a status page, shared by web and API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import Component, ComponentGroup, StatusPage
from firebell.subscribers import broadcast_store, request_store, store
from firebell.subscribers.broadcast_store import Progress
from firebell.subscribers.model import StatusSubscriber, SubscriberState

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
