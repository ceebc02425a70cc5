"""The list of alerts: by matchers and words, with the values of their labels, at a bounded cost (decision 0097)."""

from collections.abc import Sequence
from dataclasses import dataclass

from firebell.alerts import facets as label_facets
from firebell.alerts import list_filter_store, read_store
from firebell.alerts.facets import Facet
from firebell.alerts.list_filter_store import Compared, ComparedAlert
from firebell.alerts.list_query import AlertQuery
from firebell.alerts.model import Alert, AlertFilter, matched_labels
from firebell.kit import search_terms
from firebell.kit.db.database import Tx
from firebell.kit.matchers import matches_all
from firebell.kit.text import MAX_ID

COMPARED = 20_000
"""Alerts that one request compares with the matchers."""
COUNTED = 2_000
"""Matching alerts whose labels are counted."""
WORDS_COMPARED = 200
"""Alerts with the words of a query that are compared with its matchers."""


@dataclass(frozen=True, slots=True)
class AlertListing:
    """A part of the list, newest first. `older` continues it, None at its end.

    `is_partial` means that more alerts may match than the `counted` ones.
    """

    alerts: list[Alert]
    older: int | None
    counted: int
    is_partial: bool
    facets: tuple[Facet, ...]


async def listing(
    tx: Tx, query: AlertQuery, before: int | None, limit: int, wanted: AlertFilter
) -> AlertListing:
    """Return the alerts that a query matches; fewer than `limit` before its end if few of many match."""
    below = MAX_ID if before is None else before
    compared = await _compared(tx, query, below, limit, wanted)
    matching = [
        (alert, labels)
        for alert, labels in _labeled(compared.alerts)
        if matches_all(query.conditions, labels)
    ]
    shown = [alert.id for alert, _ in matching[:limit]]
    if len(matching) > limit:
        older: int | None = shown[-1]
    else:
        older = compared.lowest_id if compared.is_partial else None
    return AlertListing(
        alerts=await read_store.alerts_by_id(tx, shown),
        older=older,
        counted=len(matching),
        is_partial=compared.is_partial,
        facets=label_facets.facets([labels for _, labels in matching], query),
    )


def _labeled(alerts: Sequence[ComparedAlert]) -> list[tuple[ComparedAlert, dict[str, str]]]:
    return [(alert, matched_labels(alert.title, alert.severity, alert.labels)) for alert in alerts]


async def _compared(tx: Tx, query: AlertQuery, below: int, limit: int, wanted: AlertFilter) -> Compared:
    if not query.words:
        return await list_filter_store.newest_matching(tx, query.conditions, below, COMPARED, COUNTED, wanted)
    most = max(limit, WORDS_COMPARED if query.conditions else 0) + 1
    terms = search_terms.parse(query.words)
    ids = await list_filter_store.ids_by_key(tx, query.words, below, most, wanted)
    if terms.words:
        ids += await list_filter_store.ids_by_title(tx, terms.tsquery, below, most, wanted)
    ids = sorted(set(ids), reverse=True)[:most]
    matching = await list_filter_store.matching_of(tx, query.conditions, ids, most)
    return Compared(matching.alerts, ids[-1] if ids else 0, is_partial=len(ids) == most)
