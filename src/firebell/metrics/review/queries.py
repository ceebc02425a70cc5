"""Reads the quarterly review; private incidents are in none, so that everyone reads the same document."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.action_items import queries as action_items
from firebell.action_items.model import ItemFilter
from firebell.drills import queries as drills
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.localtime import to_local
from firebell.metrics import queries
from firebell.metrics.business_impact import store as impact_store
from firebell.metrics.business_impact.model import with_people
from firebell.metrics.figures import total_store
from firebell.metrics.model import Scope
from firebell.metrics.presentation.results import Result
from firebell.metrics.review import document, quarters
from firebell.metrics.review.document import HeldDrill, OverdueItem, Practice, Review, ReviewCost
from firebell.metrics.team_rates import actions as team_rates
from firebell.people import actions as people
from firebell.readiness import queries as readiness

DRILLS_LISTED = 20


async def review(tx: Tx, quarter: str, team: str, now: datetime, *, with_amounts: bool = False) -> Review:
    """Return the review of a quarter, of one team if `team` is its slug; raise `Invalid` or `NotFound`.

    Pass `with_amounts` only for readers who may see what incidents cost.
    """
    owner = await people.team_by_slug(tx, team) if team else None
    window = quarters.window(quarter, now)
    with private_reader.as_reader(private_reader.NO_ONE):
        scope = await queries.team_scope(tx, window, owner.id if owner else None, now)
    results = await queries.results(tx, scope)
    lines = [document.line(one) for one in results]
    both = replace(scope, window=replace(window, start=window.before_start))
    declared = await total_store.declared_by_month(tx, both, [window.before_start, window.start])
    factors = document.factors(
        await total_store.factors(tx, scope), await total_store.factors(tx, scope, before=True)
    )
    rules = (await total_store.pages_by_hour_and_rule(tx, scope)).rules[: document.RULES_LISTED]
    practice = await _practice(tx, scope)
    asked = document.questions(lines, factors, rules, practice if now >= window.end else None)
    return Review(
        window,
        is_over=now >= window.end,
        team=owner.name if owner else "",
        lines=lines,
        severities=[
            document.severity(number, declared.get((1, number), 0), declared.get((0, number), 0), scope)
            for number in queries.SEVERITIES
        ],
        factors=factors,
        rules=rules,
        questions=asked,
        practice=practice,
        overdue=await _overdue(tx, scope),
        cost=await _cost(tx, scope, results) if with_amounts else None,
    )


async def _cost(tx: Tx, scope: Scope, results: Sequence[Result]) -> ReviewCost:
    """Return what the incidents of the quarter and of the one before cost, by currency."""
    people_time = next(one for one in results if one.definition.slug == "cost")
    rates = await team_rates.rates(tx)
    time = await team_rates.cost_of_scope(tx, rates, scope, people_time.seconds or 0)
    time_before = await team_rates.cost_of_scope(
        tx, rates, scope, people_time.seconds_before or 0, before=True
    )
    impacts = await impact_store.totals(tx, scope)
    before = await impact_store.totals(tx, scope, before=True)
    return ReviewCost(impacts, with_people(time, impacts), with_people(time_before, before), time.unpriced_s)


async def _overdue(tx: Tx, scope: Scope) -> list[OverdueItem]:
    """Return the action items that are long overdue now, without those of private incidents."""
    today = to_local(scope.now, scope.window.zone).date()
    wanted = ItemFilter(team_ids=(scope.team_id,) if scope.team_id is not None else ())
    with private_reader.as_reader(private_reader.NO_ONE):
        items = await action_items.overdue(tx, wanted, today, document.OVERDUE_LISTED)
        named = await action_items.names(tx, items)
    return [
        OverdueItem(item.ref, item.title, named.owner(item), item.overdue_days(today))
        for item in items
        if item.overdue_days(today) > document.LONG_OVERDUE_DAYS
    ]


async def _practice(tx: Tx, scope: Scope) -> Practice:
    """Return the drills of the quarter, and the readiness at its end and at its beginning."""
    window = scope.window
    held = await drills.finished_between(tx, window.start, window.end, scope.team_id, DRILLS_LISTED)
    return Practice(
        [
            HeldDrill(one.ref, one.title, one.finished_at.date(), one.score)
            for one in held
            if one.finished_at is not None
        ],
        await readiness.score_before(tx, window.last_day + timedelta(days=1)),
        await readiness.score_before(tx, window.first_day),
    )
