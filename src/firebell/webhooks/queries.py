"""Read models of endpoints, for the web pages, the API and `firebell doctor`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.people import actions as people
from firebell.webhooks import actions, endpoint_store
from firebell.webhooks.model import DeliveryCounts, Endpoint, EndpointState

COUNTED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint with its numbers, and the slugs and names of its teams and services, deleted ones too."""

    endpoint: Endpoint
    counts: DeliveryCounts
    teams: tuple[tuple[str, str], ...]
    services: tuple[tuple[str, str], ...]

    @property
    def host(self) -> str:
        """The host of its address, whose rest can be a secret."""
        return urlsplit(self.endpoint.settings.url).hostname or ""

    @property
    def masked_url(self) -> str:
        """Its address without what can be a secret."""
        parts = urlsplit(self.endpoint.settings.url)
        return f"{parts.scheme}://{parts.hostname}/…"

    @property
    def state_text(self) -> str:
        """Its state in words."""
        if self.endpoint.is_resting:
            return "Failing"
        return self.endpoint.state.capitalize()

    @property
    def glyph(self) -> str:
        """The look of its state."""
        if self.endpoint.state is EndpointState.DISABLED:
            return "late"
        if self.endpoint.state is EndpointState.PAUSED:
            return "idle"
        return "warn" if self.endpoint.failures else "ok"


async def views(tx: Tx, now: datetime) -> list[EndpointView]:
    """Return all endpoints by name."""
    return await _views(tx, await endpoint_store.endpoints(tx), now)


async def view(tx: Tx, endpoint_id: int, now: datetime) -> EndpointView:
    """Return one endpoint; raise `NotFound`."""
    return (await _views(tx, [await actions.endpoint(tx, endpoint_id)], now))[0]


async def _views(tx: Tx, endpoints: Sequence[Endpoint], now: datetime) -> list[EndpointView]:
    counts = await endpoint_store.delivery_counts(tx, [each.id for each in endpoints], now - COUNTED)
    teams = {each.id: (each.slug, each.name) for each in await people.teams(tx)}
    services = {each.id: (each.slug, each.name) for each in await catalog.services(tx, with_deleted=True)}
    return [
        EndpointView(
            each,
            counts.get(each.id, DeliveryCounts()),
            tuple(teams[i] for i in each.settings.team_ids if i in teams),
            tuple(services[i] for i in each.settings.service_ids if i in services),
        )
        for each in endpoints
    ]
