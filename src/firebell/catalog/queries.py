"""Which services a form offers: all of them, or in a large organization the near ones and what a search adds."""

from collections.abc import Iterable
from dataclasses import dataclass

from firebell.catalog import store
from firebell.catalog.model import Service
from firebell.kit.db import Tx

OFFERED_WHOLE = 40
"""Number of services up to which a form offers every one of them."""
SEARCHED = 50
"""Number of services that one search adds at most."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Services to choose from, by name; `partial` when there are others that a search can add."""

    services: list[Service]
    partial: bool
    matches: int

    @property
    def truncated(self) -> bool:
        """Return True if the search may have had more matches."""
        return self.matches == SEARCHED


async def offer(tx: Tx, near: Iterable[int], search: str, *, chosen: Iterable[int] = ()) -> Offer:
    """Return every service, or when there are many those `near` or `chosen` and what `search` matches."""
    services = await store.search(tx, "", OFFERED_WHOLE + 1)
    if len(services) <= OFFERED_WHOLE:
        return Offer(services, partial=False, matches=0)
    matches = await store.search(tx, search, SEARCHED) if search else []
    close = list(dict.fromkeys([*chosen, *near]))[:OFFERED_WHOLE]
    known = {s.id: s for s in (*matches, *(await store.services_by_id(tx, close)).values())}
    return Offer(sorted(known.values(), key=lambda s: (s.name, s.id)), partial=True, matches=len(matches))
