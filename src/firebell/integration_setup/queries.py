"""How far the setup of an integration is: what arrived first, why it was refused, and its test."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from firebell.alerts import actions as alerts
from firebell.alerts import queries as alert_queries
from firebell.alerts.model import BrokenSource, ChangeEvent, Integration
from firebell.alerts.queries import AlertDetails
from firebell.catalog.model import Service
from firebell.integration_setup import actions
from firebell.kit.db.database import Tx
from firebell.routing import queries as routing
from firebell.routing.model import Explanation, RoutingTest


class SetupState(StrEnum):
    """What is known of the first event of an integration."""

    WAITING = "waiting"
    RECEIVED = "received"
    CHANGED = "changed"
    """A change event arrived, which is never an alert."""
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class SetupProgress:
    """The newest alert of an integration with the name of its source, if known, and what else arrived with its key.

    `explanation` is why that alert paged someone or no one, None unless it is what arrived last. `broken` is about
    unreadable messages of the last two days.
    """

    newest: AlertDetails | None
    source: str
    broken: BrokenSource | None
    change: ChangeEvent | None
    test: AlertDetails | None
    explanation: Explanation | None = None

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
    source = await alert_queries.source_of_alert(tx, newest) if newest else None
    shown = SetupProgress(
        newest=details[newest.id] if newest else None,
        source=source.name if source else "",
        broken=await alerts.broken_source(tx, integration.id, now),
        change=await alerts.newest_change_of_integration(tx, integration.id),
        test=details[test.id] if test else None,
    )
    if newest is None or shown.state is not SetupState.RECEIVED:
        return shown
    return replace(shown, explanation=await routing.explain(tx, newest.id))


async def preview_of_test(
    tx: Tx, integration: Integration, service: Service, severity: str, now: datetime
) -> RoutingTest:
    """Return which rule would decide about a test alert, and who would be paged first now."""
    event = actions.event_of_test(integration, severity, "")
    return await routing.try_labels(
        tx,
        await alerts.load_routing(tx),
        title=event.title,
        severity=event.severity,
        labels=event.labels,
        default=service,
        now=now,
        dedup_key=event.dedup_key,
    )
