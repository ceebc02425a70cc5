"""The list of alerts: by matchers and words, with the values of their labels, at a bounded cost (decision 0096)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firebell.alerts import read_store
from firebell.alerts.alert_list import facets as label_facets
from firebell.alerts.alert_list import filter_store as list_filter_store
from firebell.alerts.alert_list import histogram as bars
from firebell.alerts.alert_list import histogram_store
from firebell.alerts.alert_list.facets import Facet
from firebell.alerts.alert_list.filter_store import Compared
from firebell.alerts.alert_list.histogram import AlertListHistogram
from firebell.alerts.model import Alert, AlertFilter
from firebell.kit import search_terms
from firebell.kit.db.database import Tx
from firebell.kit.matcher_query import MatcherQuery
from firebell.kit.text import MAX_ID

QUERY_EXAMPLE = 'Use matchers such as severity="critical", and words of the title.'
COMPARED = 20_000
"""Alerts that one request compares with the matchers."""
COUNTED = 2_000
"""Matching alerts whose labels are counted."""
LEAST_COUNTED = 100
"""Alerts with the words of a query whose labels are counted at least, if there are as many: of a common word, only the
newest alerts are searched."""
WORDS_COMPARED = 200
"""Alerts with the words of a query that are compared with its matchers."""


@dataclass(frozen=True, slots=True)
class HistogramClock:
    """The current time, and the UTC offset of the reader's clock, to whose round times bars are aligned."""

    now: datetime
    utc_offset: timedelta


@dataclass(frozen=True, slots=True)
class AlertListing:
    """A part of the list, newest first. `older` continues it, None at its end.

    `is_partial` means that more alerts may match than the `counted` ones. Only its first part has a `histogram`, if one
    was asked for.
    """

    alerts: list[Alert]
    older: int | None
    counted: int
    is_partial: bool
    facets: tuple[Facet, ...]
    histogram: AlertListHistogram | None = None


async def listing(
    tx: Tx,
    query: MatcherQuery,
    before: int | None,
    limit: int,
    wanted: AlertFilter,
    *,
    with_facets: bool,
    histogram_at: HistogramClock | None = None,
) -> AlertListing:
    """Return the alerts that a query matches; fewer than `limit` before its end if few of many match.

    Only `with_facets` are labels counted, and only with `histogram_at` are alerts counted by time; both read many more
    alerts.
    """
    below, wanted = await _within_range(tx, before, wanted)
    most = max(limit, COUNTED if with_facets or histogram_at else 0)
    compared = await _compared(tx, query, below, limit, most, wanted)
    shown, counted = compared.ids[:limit], compared.ids[:COUNTED] if with_facets else []
    if len(compared.ids) > limit:
        older: int | None = shown[-1]
    else:
        older = compared.lowest_id if compared.is_partial else None
    labels = await list_filter_store.labels_of(tx, counted) if counted else []
    histogram = None
    if histogram_at is not None and before is None:
        histogram = await _histogram(tx, query, compared, below, wanted, histogram_at)
    return AlertListing(
        alerts=await read_store.alerts_by_id(tx, shown),
        older=older,
        counted=len(counted),
        is_partial=compared.is_partial or len(compared.ids) > len(counted),
        facets=label_facets.facets(labels, query),
        histogram=histogram,
    )


async def _histogram(
    tx: Tx, query: MatcherQuery, compared: Compared, below: int, wanted: AlertFilter, at: HistogramClock
) -> AlertListHistogram:
    """Count the alerts that match by when they began: of the newest `COMPARED` ones, or `COUNTED` with these words.

    The bars cover the range of the filter. Without a start, or if only the newest are counted, they begin at the
    oldest counted alert; without an end, they end now.
    """
    if query.words or query.conditions:
        # a search for words alone reads one more, to see whether there are more
        matching = compared.ids if query.conditions else compared.ids[:COUNTED]
        selection, is_partial = histogram_store.of_ids(matching), compared.is_partial
    else:
        selection, is_partial = histogram_store.newest(below, COMPARED, wanted), False
    extent = await histogram_store.extent(tx, selection)
    if extent is None:
        return AlertListHistogram(is_partial=is_partial)
    counted, earliest, latest = extent
    is_partial = is_partial or counted >= COMPARED
    start = earliest if is_partial else wanted.started.start or earliest
    end = wanted.started.end or max(at.now, latest + timedelta(microseconds=1))
    grid = bars.grid(start, end, at.utc_offset)
    counts = await histogram_store.counts(tx, selection, grid)
    return AlertListHistogram(bars.bars(grid, start, end, counts), counted, is_partial)


async def _within_range(tx: Tx, before: int | None, wanted: AlertFilter) -> tuple[int, AlertFilter]:
    """Return the id below which alerts are listed, and the filter with the id above which they are."""
    below = MAX_ID if before is None else before
    if not wanted.started.is_limited:
        return below, wanted
    above_id, end_id = await read_store.ids_of_range(tx, wanted.started)
    return min(below, end_id), replace(wanted, above_id=above_id)


async def _compared(
    tx: Tx, query: MatcherQuery, below: int, limit: int, most: int, wanted: AlertFilter
) -> Compared:
    if not query.words:
        # without conditions, all that are compared match
        compared = COMPARED if query.conditions else most + 1
        return await list_filter_store.newest_matching(tx, query.conditions, below, compared, wanted)
    enough = max(limit, WORDS_COMPARED if query.conditions else 0, min(most, LEAST_COUNTED)) + 1
    searched = max(most + 1, enough)
    terms = search_terms.parse(query.words)
    ids = await list_filter_store.ids_by_key(tx, query.words, below, searched, wanted)
    is_partial = False
    if terms.words:
        titles = await list_filter_store.by_title(tx, terms.tsquery, below, searched, wanted, enough=enough)
        is_partial = titles.is_partial
        # an older alert with this key follows in the part in which older titles follow
        ids = [*titles.ids, *(i for i in ids if not is_partial or i > titles.lowest_id)]
    ids = sorted(set(ids), reverse=True)[:searched]
    is_partial = is_partial or len(ids) == searched
    with_words = Compared(ids, ids[-1] if ids else 0, is_partial)
    if not query.conditions:
        return with_words
    matching = await list_filter_store.matching_of(tx, query.conditions, ids)
    return matching if matching.is_partial else replace(with_words, ids=matching.ids)
