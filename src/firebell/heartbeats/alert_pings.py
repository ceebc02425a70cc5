"""Alerts that always fire, such as Prometheus' Watchdog, as pings: they never page, and their absence does."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from firebell.alerts.model import Event, EventKind, InboundRequest, matched_labels
from firebell.heartbeats import actions
from firebell.heartbeats.model import NewPing
from firebell.kit import matchers
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.errors import NotFound
from firebell.kit.log import OncePerMinute
from firebell.kit.matchers import Matcher

log = logging.getLogger(__name__)
_unreadable = OncePerMinute(log, "the matchers of a heartbeat can't be read, so alerts don't ping it")

PING_SOURCE = "alert"


@dataclass(frozen=True, slots=True)
class WatchingHeartbeat:
    """A heartbeat that some alerts of its service are pings of."""

    id: int
    service_id: int
    matchers: Sequence[Matcher]

    def matches(self, event: Event) -> bool:
        """Return True if an event is a ping, or the end of one."""
        labels = matched_labels(event.title, event.severity, event.labels)
        return matchers.matches_all(self.matchers, labels)


def split(
    received: InboundRequest, watching: Sequence[WatchingHeartbeat]
) -> tuple[InboundRequest, list[int]]:
    """Return the message without the events that are pings, and the heartbeats that they are pings of (pure).

    What ends such an alert is dropped: only silence counts. A message that could not be read keeps everything.
    """
    if received.error is not None:
        return received, []
    kept, pinged = [], set()
    for event in received.incoming:
        matching = [each.id for each in watching if each.matches(event)]
        if not matching:
            kept.append(event)
        elif event.kind is EventKind.FIRING:
            pinged.update(matching)
    return msgspec.structs.replace(received, incoming=tuple(kept)), sorted(pinged)


class AlertPings:
    """Records the pings among the alerts of a message before the rest of it is stored."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._watching: dict[int, list[WatchingHeartbeat]] = {}

    async def load(self, tx: Tx) -> frozenset[int]:
        """Load the heartbeats with readable matchers; return their services."""
        self._watching = {}
        for each in await actions.watching(tx):
            try:
                conditions = matchers.parse(each.settings.matchers)
            except matchers.MatcherError as error:
                _unreadable.add(f"heartbeat {each.id}: {error}")
                continue
            watching = WatchingHeartbeat(each.id, each.service_id, conditions)
            self._watching.setdefault(each.service_id, []).append(watching)
        return frozenset(self._watching)

    async def divert(self, received: InboundRequest) -> InboundRequest:
        """Commit the pings of a message, and return what is left of it; all of it if a heartbeat was deleted."""
        rest, pinged = split(received, self._watching.get(received.service_id, ()))
        if not pinged:
            return rest
        ping = NewPing(source=PING_SOURCE)
        try:
            # one transaction each: two heartbeats at once would lock the timer of the second after the service
            for heartbeat_id in pinged:
                async with self._ctx.ingest_db.tx() as tx:
                    await actions.receive_ping(tx, heartbeat_id, ping, self._ctx.clock.now())
        except NotFound:
            return received
        return rest
