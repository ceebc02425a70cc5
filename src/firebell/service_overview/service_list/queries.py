"""The list of services: unhealthy ones first, each with who is on call, its policy and its recent alerts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit import label_comparison, matcher_query
from firebell.kit.db.database import Tx
from firebell.kit.search_terms import tsquery
from firebell.kit.web.filters import search_words
from firebell.paging import actions as paging
from firebell.paging import queries as page_queries
from firebell.paging.model import Policy
from firebell.service_overview import state_queries
from firebell.service_overview.health import ServiceHealth
from firebell.service_overview.service_list import store as list_store
from firebell.service_overview.service_list.alert_bars import alert_bars
from firebell.service_overview.service_list.store import ServiceCounts, ServiceFilter
from firebell.service_overview.state_queries import HEALTHY, CurrentState

SERVICES_LISTED = 50
"""Services on one screen of the list."""
MAX_MATCHING = 100_000
"""More services than any organization has."""
HOURS = 24
"""Hours of which the list shows the alerts."""
QUERY_EXAMPLE = 'Use matchers of labels such as region="eu-north", and words of the name or description.'


class HealthFilter(StrEnum):
    """Which services a list shows."""

    ALL = "all"
    UNHEALTHY = "unhealthy"
    NOT_READY = "not-ready"
    DELETED = "deleted"
    """Instead of those that exist."""


@dataclass(frozen=True, slots=True)
class ListedService:
    """A row of the list; `hours` are the alerts of each hour, the oldest first."""

    service: Service
    health: ServiceHealth
    open_pages: int
    snoozed_pages: int
    policy: Policy | None
    on_call: list[tuple[int, str]]
    hours: tuple[int, ...]
    last_alert_at: datetime | None


@dataclass(frozen=True, slots=True)
class ServiceList:
    """A part of the list; `is_last` is False if more services follow."""

    unhealthy: list[ListedService]
    healthy: list[ListedService]
    counts: ServiceCounts
    is_last: bool

    @property
    def rows(self) -> list[ListedService]:
        """The rows in their order."""
        return [*self.unhealthy, *self.healthy]


@dataclass(frozen=True, slots=True)
class ServiceSearch:
    """Which services a person asks for; `q` has matchers of labels, and words of the name or description."""

    q: str = ""
    team_id: int | None = None
    tier: int | None = None
    health: HealthFilter = HealthFilter.ALL


async def _filter(tx: Tx, search: ServiceSearch) -> ServiceFilter:
    query = matcher_query.parse(search.q, QUERY_EXAMPLE)
    words = search_words(query.words)
    labeled_ids = None
    if query.conditions:
        labels_by_id = await catalog.labels_by_id(tx)
        labeled_ids = await label_comparison.matching_labels(labels_by_id, query.conditions)
    return ServiceFilter(
        tsquery(words) if words else "",
        search.team_id,
        search.health is HealthFilter.NOT_READY,
        search.tier,
        labeled_ids,
        is_deleted=search.health is HealthFilter.DELETED,
    )


async def service_list(
    tx: Tx,
    search: ServiceSearch,
    now: datetime,
    *,
    after_id: int | None = None,
    after_healthy: bool = False,
    limit: int = SERVICES_LISTED,
) -> ServiceList:
    """Return a part of the list after a service; `after_healthy` says in which of its two groups that stands.

    Raise Invalid for a search that can't be read. The number of statements depends on neither services nor alerts.
    """
    wanted = await _filter(tx, search)
    states = await state_queries.unhealthy(tx)
    unhealthy_ids: list[int] = []
    if not after_healthy:
        unhealthy_ids = await list_store.service_ids(
            tx, wanted, states.keys(), unhealthy=True, after_id=after_id, limit=limit + 1
        )
    healthy_ids: list[int] = []
    if len(unhealthy_ids) <= limit and search.health is not HealthFilter.UNHEALTHY:
        healthy_ids = await list_store.service_ids(
            tx,
            wanted,
            states.keys(),
            unhealthy=False,
            after_id=after_id if after_healthy else None,
            limit=limit + 1 - len(unhealthy_ids),
        )
    ids = [*unhealthy_ids, *healthy_ids]
    rows = await _rows(tx, ids[:limit], states, now)
    return ServiceList(
        rows[: len(unhealthy_ids)],
        rows[len(unhealthy_ids) :],
        await list_store.counts(tx, wanted, states.keys()),
        is_last=len(ids) <= limit,
    )


async def matching(
    tx: Tx, search: ServiceSearch, *, with_incidents: bool
) -> list[tuple[Service, CurrentState]]:
    """Return all services that match, each with its state; in no order."""
    states = await state_queries.unhealthy(tx, with_incidents=with_incidents)
    services = await catalog.services_by_id(tx, await matching_ids(tx, search, states.keys()))
    return [(service, states.get(service.id, HEALTHY)) for service in services.values()]


async def matching_ids(tx: Tx, search: ServiceSearch, unhealthy_ids: Collection[int]) -> list[int]:
    """Return all services that match, in no order; raise Invalid for a search that can't be read."""
    wanted = await _filter(tx, search)
    ids = await list_store.service_ids(
        tx, wanted, unhealthy_ids, unhealthy=True, after_id=None, limit=MAX_MATCHING
    )
    if search.health is not HealthFilter.UNHEALTHY:
        ids += await list_store.service_ids(
            tx, wanted, unhealthy_ids, unhealthy=False, after_id=None, limit=MAX_MATCHING
        )
    return ids


async def _rows(
    tx: Tx, ids: Sequence[int], states: dict[int, CurrentState], now: datetime
) -> list[ListedService]:
    services = await catalog.services_by_id(tx, ids)
    policies = await paging.policies_by_id(tx, list({s.policy_id for s in services.values() if s.policy_id}))
    on_call = await page_queries.first_reached(tx, list(policies.values()), now)
    hours = await alert_bars(tx, ids, timedelta(hours=1), HOURS, now)
    last_alerts = await list_store.last_alerts(tx, ids)
    result = []
    for service in (services[i] for i in ids):
        state = states.get(service.id, HEALTHY)
        result.append(
            ListedService(
                service=service,
                health=state.health,
                open_pages=state.open_pages,
                snoozed_pages=state.snoozed_pages,
                policy=policies.get(service.policy_id or 0),
                on_call=on_call.get(service.policy_id or 0, []),
                hours=hours[service.id],
                last_alert_at=last_alerts.get(service.id),
            )
        )
    return result
