"""Alerts with their services, pages and incidents, and the sources, for the web and the API."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.alerts import read_store, related_store
from firebell.alerts.integrations import store as integration_store
from firebell.alerts.model import Alert, IntegrationActivity
from firebell.alerts.muting import store as mute_store
from firebell.alerts.muting.store import MuteMark
from firebell.alerts.routing_model import Hold
from firebell.alerts.routing_rules import store as routing_store
from firebell.alerts.source_base import recognition
from firebell.alerts.source_base.registry import registry
from firebell.alerts.source_base.source import Source
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit.db.database import Tx

incidents_of_pages = related_store.incidents_of_pages


@dataclass(frozen=True, slots=True)
class AlertDetails:
    """An alert with its service and references.

    `page` is None if it paged no one, `mute` is what muted it, such as a silence, `hold` is why if a rule holds it.
    """

    alert: Alert
    service: Service
    page: str | None
    incidents: list[str]
    mute: MuteMark | None = None
    hold: Hold | None = None


async def alert_details(tx: Tx, alerts: Sequence[Alert]) -> list[AlertDetails]:
    """Return the alerts with their services, pages and incidents; the number of statements is constant."""
    service_ids = await integration_store.services_of_integrations(tx, {a.integration_id for a in alerts})
    routed_ids = {a.routed_service_id for a in alerts if a.routed_service_id is not None}
    services = await catalog.services_by_id(tx, list(set(service_ids.values()) | routed_ids))
    group_ids = {a.group_id for a in alerts if a.group_id}
    pages = await related_store.pages_of_groups(tx, group_ids)
    mutes = await mute_store.marks_of_groups(tx, group_ids)
    holds = await routing_store.open_holds(tx, group_ids)
    incidents = await related_store.incidents_of_pages(tx, set(pages.values()))
    return [
        AlertDetails(
            alert,
            services[alert.routed_service_id or service_ids[alert.integration_id]],
            f"PG-{pages[alert.group_id]}" if alert.group_id in pages else None,
            [f"INC-{i}" for i in incidents.get(pages.get(alert.group_id or 0, 0), [])],
            mutes.get(alert.group_id or 0),
            holds.get(alert.group_id or 0),
        )
        for alert in alerts
    ]


def sources(*, with_address: bool) -> list[Source]:
    """Return the sources that have an address of their own, or those that the generic address recognizes."""
    return [source for source in registry().sources if (source.address is not None) is with_address]


def all_sources() -> tuple[Source, ...]:
    """Return all sources by title."""
    return registry().sources


def search_sources(text: str, *, is_drop_in: bool | None = None) -> list[Source]:
    """Return the sources whose title or name has every word of a search, only drop-in addresses or only others."""
    words = text.casefold().split()
    return [
        source
        for source in all_sources()
        if is_drop_in is None or source.is_drop_in is is_drop_in
        if all(word in f"{source.title} {source.name}".casefold() for word in words)
    ]


def find_source(name: str) -> Source | None:
    """Return a source by its name, None for an unknown one: an address may be of another release."""
    return registry().by_name.get(name)


def source_by_name(name: str) -> Source:
    """Return a source by its name; raise KeyError if there is none."""
    return registry().by_name[name]


async def source_of_alert(tx: Tx, alert: Alert) -> Source | None:
    """Return the source that sent the newest message of an alert, None if it was deleted or is unknown."""
    stored = await read_store.messages(
        tx, alert.integration_id, alert.message_ids[-1:], integration_store.MESSAGE_BYTES
    )
    return recognition.source_of(stored[-1].source, stored[-1].body) if stored else None


@dataclass(frozen=True, slots=True)
class IntegrationSummary:
    """What an integration received recently, and the source that sent it; None if its messages were deleted."""

    activity: IntegrationActivity
    source: Source | None


async def integration_summaries(tx: Tx, ids: Collection[int], now: datetime) -> dict[int, IntegrationSummary]:
    """Return what these integrations received, by id, without those that never opened an alert."""
    listed = await integration_store.activity(tx, ids, now - timedelta(days=1))
    return {
        each.integration_id: IntegrationSummary(each, recognition.source_of(each.source, each.body))
        for each in listed
    }
