"""Silences with what they silence, for the web and the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts.silences import store
from firebell.alerts.silences.model import Silence, SilenceState
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit.db.database import Tx

between = store.between
newest = store.newest
silenced_counts = store.silenced_counts


@dataclass(frozen=True, slots=True)
class SilenceView:
    """A silence: `firing` alerts that it silences now, and all `alerts` that it ever silenced."""

    silence: Silence
    state: SilenceState
    services: tuple[Service, ...]
    firing: int
    alerts: int


async def views(tx: Tx, silences: Sequence[Silence], now: datetime) -> list[SilenceView]:
    """Return the silences with their services and alerts, in two statements."""
    counts = await store.silenced_counts(tx, [each.id for each in silences])
    ids = {service_id for each in silences for service_id in each.service_ids}
    services = await catalog.services_by_id(tx, sorted(ids)) if ids else {}
    return [
        SilenceView(
            each,
            each.state(now),
            tuple(services[service_id] for service_id in each.service_ids if service_id in services),
            *counts.get(each.id, (0, 0)),
        )
        for each in silences
    ]
