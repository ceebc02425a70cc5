"""Read the graph of incidents, for their own page and for their post-mortem."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents.model import Incident
from firebell.incidents.timeline import graph_store
from firebell.incidents.timeline.impact_graph import ImpactGraph, graph
from firebell.kit.db.database import Tx


async def impact_graph(tx: Tx, incidents: Sequence[Incident], now: datetime) -> ImpactGraph | None:
    """Return the graph of incidents that the caller has looked up, the main one first.

    None if neither an alert nor the impact is known.
    """
    ids = [incident.id for incident in incidents]
    return graph(incidents, await graph_store.firing(tx, ids), await graph_store.page_times(tx, ids), now)
