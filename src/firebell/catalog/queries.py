"""The services that a form offers: all, or in a large organization the likely ones and search results."""

from collections.abc import Iterable
from dataclasses import dataclass

from firebell.catalog import store
from firebell.catalog.model import Service
from firebell.kit.db.database import Tx

OFFER_ALL_LIMIT = 40
"""Up to this number of services, a form offers all of them."""
SEARCH_LIMIT = 50
"""The most services that one search adds."""


@dataclass(frozen=True, slots=True)
class ServiceOffer:
    """Services to choose from, by name; `partial` if there are others, which a search can add."""

    services: list[Service]
    partial: bool
    matches: int

    @property
    def truncated(self) -> bool:
        """True if the search may have more matches."""
        return self.matches == SEARCH_LIMIT


async def offer_services(
    tx: Tx, near: Iterable[int], search: str, *, chosen: Iterable[int] = ()
) -> ServiceOffer:
    """Return all services, or in a large organization those in `chosen` and `near` and the matches of `search`."""
    services = await store.search(tx, "", OFFER_ALL_LIMIT + 1)
    if len(services) <= OFFER_ALL_LIMIT:
        return ServiceOffer(services, partial=False, matches=0)
    matches = await store.search(tx, search, SEARCH_LIMIT) if search else []
    likely_ids = list(dict.fromkeys([*chosen, *near]))[:OFFER_ALL_LIMIT]
    offered = {s.id: s for s in (*matches, *(await store.services_by_id(tx, likely_ids)).values())}
    return ServiceOffer(
        sorted(offered.values(), key=lambda s: (s.name, s.id)), partial=True, matches=len(matches)
    )
