"""Alerts by the words of their titles, as the list of alerts finds them."""

from firebell.alerts.alert_list import listing
from firebell.alerts.model import Alert, AlertFilter
from firebell.kit.db.database import Tx
from firebell.kit.matcher_query import MatcherQuery


async def search(tx: Tx, words: str, wanted: AlertFilter | None = None, limit: int = 5) -> list[Alert]:
    """Return the newest alerts with these words, or all if there are none."""
    query = MatcherQuery(words=words)
    listed = await listing.listing(tx, query, None, limit, wanted or AlertFilter(), with_facets=False)
    return listed.alerts
