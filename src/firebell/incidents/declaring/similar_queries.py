"""The incidents that may be the one that someone is about to declare, for the form, the API and chat."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents import store
from firebell.incidents.declaring import similar, similar_store
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx


async def similar_incidents(
    tx: Tx, title: str, now: datetime, *, answered: bool = False, service_ids: Sequence[int] = ()
) -> list[Incident]:
    """Return up to three open or recently ended incidents that a title may mean; none for too few words."""
    if not similar.is_comparable(title, answered=answered):
        return []
    prefixes = similar.search_prefixes(title)
    if not prefixes:
        return []
    candidates = await similar_store.candidates(tx, prefixes, now - similar.ENDED_WITHIN)
    services = await store.services(tx, [incident.id for incident in candidates])
    return similar.most_similar(title, candidates, services, service_ids)
