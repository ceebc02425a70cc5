"""How far the setup of an integration is: what arrived first, why it was refused, and its test."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from firebell.alerts import actions as alerts
from firebell.alerts import queries as alert_queries
from firebell.alerts.model import BrokenSource, ChangeEvent, Integration
from firebell.alerts.queries import AlertDetails, IntegrationSummary
from firebell.catalog.model import Service
from firebell.integration_setup import actions
from firebell.kit.db.database import Tx
from firebell.routing import queries as routing
from firebell.routing.model import Explanation, RoutingTest


class TileKind(StrEnum):
    """Which sources are shown as tiles."""

    ALL = "all"
    TOOLS = "tools"
    DROP_IN = "drop-in"

    @property
    def label(self) -> str:
        """What a person reads."""
        return {TileKind.ALL: "All", TileKind.TOOLS: "Tools", TileKind.DROP_IN: "Replace a product"}[self]

    @property
    def is_drop_in(self) -> bool | None:
        """True for addresses of other products, False for tools, None for both."""
        return None if self is TileKind.ALL else self is TileKind.DROP_IN


class SetupState(StrEnum):
    """What is known of the first event of an integration."""

    WAITING = "waiting"
    RECEIVED = "received"
    CHANGED = "changed"
    """A change event arrived, which is never an alert."""
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class SetupProgress:
    """The newest alert of an integration with why it paged someone or no one, and what else arrived.

    `broken` is about unreadable messages of the last two days, `summary` has the tool that sent the last one.
    """

    newest: AlertDetails | None
    explanation: Explanation | None
    broken: BrokenSource | None
    change: ChangeEvent | None
    summary: IntegrationSummary | None
    test: AlertDetails | None

    @property
    def state(self) -> SetupState:
        """The newest of what arrived decides; an unreadable message is an alert too."""
        if self.broken and (self.newest is None or self.broken.at >= self.newest.alert.last_seen):
            return SetupState.UNREADABLE
        if self.newest is not None:
            return SetupState.RECEIVED
        return SetupState.WAITING if self.change is None else SetupState.CHANGED


async def progress(tx: Tx, integration: Integration, now: datetime) -> SetupProgress:
    """Return how far an integration is."""
    newest = await alerts.newest_of_integration(tx, integration.id)
    test = await alerts.running_test(tx, integration.id)
    listed = await alert_queries.alert_details(tx, [each for each in (newest, test) if each])
    details = {each.alert.id: each for each in listed}
    summaries = await alert_queries.integration_summaries(tx, [integration.id], now)
    changes = await alerts.changes(
        tx, [integration.service_id], since=integration.created_at, until=now, limit=1
    )
    return SetupProgress(
        newest=details[newest.id] if newest else None,
        explanation=await routing.explain(tx, newest.id) if newest else None,
        broken=await alerts.broken_source(tx, integration.id, now),
        change=changes[0] if changes else None,
        summary=summaries.get(integration.id),
        test=details[test.id] if test else None,
    )


async def preview_of_test(
    tx: Tx, integration: Integration, service: Service, severity: str, now: datetime
) -> RoutingTest:
    """Return which rule would decide about a test alert, and whom it would page first now."""
    event = actions.event_of_test(integration, severity, "")
    return await routing.try_labels(
        tx,
        await alerts.load_routing(tx),
        title=event.title,
        severity=event.severity,
        labels=event.labels,
        default=service,
        now=now,
    )
