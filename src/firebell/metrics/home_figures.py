"""The numbers of the home page, in the memory of this process until a fact changes, and for a minute at most."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from weakref import WeakKeyDictionary

from firebell.incidents import actions as incidents
from firebell.kit import private_reader
from firebell.kit.db.database import Db, Tx
from firebell.metrics import queries
from firebell.metrics.definitions import CUSTOMER_MINUTES
from firebell.metrics.facts import store as fact_store
from firebell.metrics.figures.page_totals import PageTotals
from firebell.metrics.model import Scope
from firebell.metrics.presentation.results import Result
from firebell.metrics.presentation.summaries import Share
from firebell.metrics.presentation.tables import Table

TARGETS = ("acknowledge", "resolve", "mtbf", "actions")
DRIFT_CODE = "M-DRIFT"
"""The code of the finding that facts differed from what was recorded."""
DRIFT_SHOWN = timedelta(days=7)
MAX_KEPT = 64
KEPT_S = 60


@dataclass(frozen=True, slots=True)
class Home:
    """What the home page of metrics shows."""

    results: dict[str, Result]
    """By metric: what customers and people feel, and the targets of SEV1."""
    severe: dict[str, Result]
    """The targets of SEV0, if there was any."""
    frequency: Table
    trend: Table
    trend_scope: Scope
    pages: PageTotals
    refreshed_at: datetime | None
    drifted: int


_kept: WeakKeyDictionary[Db, OrderedDict[Hashable, Home]] = WeakKeyDictionary()


async def home(db: Db, tx: Tx, scope: Scope) -> Home:
    """Return the numbers of the home page.

    Numbers with a private incident are never kept: only those that everyone may read are.
    """
    with private_reader.as_reader(private_reader.NO_ONE):
        private = await incidents.hidden_ids(tx)
    if not set(private) <= set(scope.hidden):
        return await _read(tx, scope)
    progress = await fact_store.progress(tx)
    window = scope.window
    key = (
        *(
            progress.version,
            int(scope.now.timestamp()) // KEPT_S,
            window.start,
            window.end,
            window.before_start,
        ),
        *(window.zone, scope.team_id, scope.service_id, scope.severity, scope.type, tuple(sorted(private))),
    )
    kept = _kept.setdefault(db, OrderedDict())
    if key in kept:
        kept.move_to_end(key)
        return kept[key]
    kept[key] = await _read(tx, scope)
    while len(kept) > MAX_KEPT:
        kept.popitem(last=False)
    return kept[key]


async def _read(tx: Tx, of: Scope) -> Home:
    year = queries.last_year(of)
    figures = partial(queries.result, tx, with_tables=False, is_compared=False)
    # over a year at most, as hours and rules are; their statement also counts the noise
    pages = await queries.pages_of_a_year(tx, of)
    results = {
        "nights": await figures("nights", year),
        "noise": Result(queries.definition("noise"), year, share=Share(pages.noise, pages.pages)),
    }
    for slug in (CUSTOMER_MINUTES, "impact", "repeats", "postmortems"):
        results[slug] = await figures(slug, of)
    sev1 = of if of.severity is not None else replace(of, severity=1)
    for slug in TARGETS:
        scope_ = sev1 if slug in ("acknowledge", "resolve") else of
        results[slug] = await figures(slug, scope_)
    severe = {}
    if of.severity is None:
        for slug in ("acknowledge", "resolve"):
            zero = await figures(slug, replace(of, severity=0))
            if zero.n:
                severe[slug] = zero
    progress = await fact_store.progress(tx)
    is_drift_recent = progress.drifted_at is not None and of.now < progress.drifted_at + DRIFT_SHOWN
    return Home(
        results,
        severe,
        await queries.frequency(tx, of),
        await queries.trend(tx, "resolve", sev1),
        sev1,
        pages,
        progress.refreshed_at,
        progress.drifted if is_drift_recent else 0,
    )
