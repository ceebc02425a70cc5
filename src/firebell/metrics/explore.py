"""A metric split by a dimension: one row for each group, with its sample and its interval."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from firebell.incidents.model import TYPE_NAMES
from firebell.kit.calendar_periods import next_month
from firebell.kit.db.database import Tx
from firebell.metrics import export, queries, windows
from firebell.metrics.definitions import CUSTOMER_MINUTES, Definition, Kind
from firebell.metrics.dimensions import WEEKDAYS, Dimension
from firebell.metrics.figures import dimension_store
from firebell.metrics.figures.dimension_store import GROUPS_MAX, GroupTotals
from firebell.metrics.model import Scope
from firebell.metrics.presentation import summaries
from firebell.metrics.presentation.results import Count, Result, ServiceFigure
from firebell.metrics.presentation.summaries import Share
from firebell.metrics.presentation.tables import Cell
from firebell.people import actions as people


@dataclass(frozen=True, slots=True)
class Group:
    """One group: `key` is its value in the filter of the same name, blank for facts without one."""

    key: str
    label: str
    result: Result

    @property
    def value(self) -> float | None:
        """The number that the bar of the group shows, None if the sample is too small for it."""
        result = self.result
        if result.summary:
            return result.summary.median if result.summary.sample in ("few", "enough") else None
        if result.share:
            return result.share.value
        sums = (result.customer_minutes, result.seconds)
        return float(next((each for each in sums if each is not None), result.n))


@dataclass(frozen=True, slots=True)
class Exploration:
    """The groups of a metric; `is_cut` if there are more than are shown."""

    what: Definition
    by: Dimension
    scope: Scope
    groups: Sequence[Group]
    is_cut: bool = False

    def bar(self, group: Group) -> int | None:
        """Return the length of a group's bar from 0 to 100, None without a value; a share has its own scale."""
        if group.value is None:
            return None
        most = 1.0 if self.what.kind is Kind.SHARE else max(each.value or 0 for each in self.groups)
        return round(100 * group.value / most) if most else 0

    def records(self) -> list[dict[str, Cell]]:
        """Return the groups as CSV and JSON have them."""
        return [
            {"by": str(self.by), "key": each.key, "label": each.label, **export.figures(each.result)}
            for each in self.groups
        ]


COLUMNS = ("by", "key", "label", *export.FIGURES)


async def explore(tx: Tx, what: Definition, by: Dimension, scope: Scope) -> Exploration:
    """Return a metric split by a dimension that it has."""
    if what.slug == "actions":
        return Exploration(what, by, scope, await _action_items(tx, what, by, scope))
    if what.kind is Kind.SERVICES:
        return Exploration(what, by, scope, await _unions(tx, what, by, scope))
    if what.slug == "nights":
        totals = await dimension_store.nights(tx, scope, by)
    else:
        totals = await dimension_store.groups(tx, what.slug, scope, by)
    groups = [Group(each.key, label_of(by, each), result_of(what, scope, by, each)) for each in totals]
    return Exploration(what, by, scope, ordered(by, groups), len(totals) == GROUPS_MAX)


def label_of(by: Dimension, totals: GroupTotals) -> str:
    """Return how people read the name of a group."""
    if not totals.key:
        return f"No {by}"
    match by:
        case Dimension.SEVERITY:
            return f"SEV{totals.key}"
        case Dimension.WEEKDAY:
            return WEEKDAYS[int(totals.key)]
        case Dimension.TYPE:
            return {str(name): label for name, label in TYPE_NAMES.items()}.get(totals.key, totals.key)
        case _:
            return totals.label or totals.key


def ordered(by: Dimension, groups: Sequence[Group]) -> list[Group]:
    """Return the groups in their own order if they have one, else those with the most cases first."""
    if by in (Dimension.SEVERITY, Dimension.WEEKDAY, Dimension.MONTH):
        return sorted(groups, key=lambda each: (not each.key, each.key))
    return sorted(groups, key=lambda each: (not each.key, -each.result.n, each.label))


def result_of(what: Definition, scope: Scope, by: Dimension, totals: GroupTotals) -> Result:
    """Return the result of a group."""
    excluded = dict(totals.excluded)
    if what.kind is Kind.DURATION:
        of = scope
        if by is Dimension.SEVERITY and totals.key:
            of = replace(scope, severity=int(totals.key))
        summary = summaries.summary(
            totals.durations, queries.target_s(what, of), is_censored=queries.may_be_censored(what, of)
        )
        return Result(what, of, excluded, summary=summary)
    if what.kind is Kind.SHARE:
        beside = excluded.pop("not_due", 0)
        return Result(what, scope, excluded, share=Share(totals.hits, totals.parts), beside=beside)
    seconds = totals.total_s if what.slug == "cost" else None
    minutes = totals.hits if what.slug == CUSTOMER_MINUTES else None
    return Result(what, scope, excluded, count=Count(totals.n), seconds=seconds, customer_minutes=minutes)


async def _unions(tx: Tx, what: Definition, by: Dimension, scope: Scope) -> list[Group]:
    """Return the unions of impacts of each group, added up over its services."""
    if by is Dimension.SERVICE or by is Dimension.TEAM:
        result = await _alone(tx, what, scope)
        return ordered(by, [group for group in _by_owner(result, by) if group.value or group.result.n])
    groups = []
    for key, label, of in _parts(by, scope):
        result = await _alone(tx, what, of)
        if result.seconds or result.n:
            groups.append(Group(key, label, result))
    return ordered(by, groups)


def _by_owner(result: Result, by: Dimension) -> list[Group]:
    """Return the services of a result as groups, or their teams."""
    owned: dict[tuple[str, str], list[ServiceFigure]] = {}
    for one in result.services:
        owner = (one.slug, one.name) if by is Dimension.SERVICE else (one.team_slug, one.team)
        owned.setdefault(owner, []).append(one)
    is_impact = result.definition.slug == "impact"
    return [
        Group(
            key,
            label,
            replace(
                result,
                services=services,
                seconds=sum(one.impact_s if is_impact else one.between.seconds for one in services),
            ),
        )
        for (key, label), services in owned.items()
    ][:GROUPS_MAX]


def _parts(by: Dimension, scope: Scope) -> Iterator[tuple[str, str, Scope]]:
    """Yield the key, the label and the scope of each part that a scope has by severity, type or month."""
    match by:
        case Dimension.SEVERITY:
            for severity in queries.SEVERITIES:
                if scope.severity in (None, severity):
                    yield str(severity), f"SEV{severity}", replace(scope, severity=severity)
        case Dimension.TYPE:
            for kind, label in TYPE_NAMES.items():
                if scope.type in ("", kind):
                    yield str(kind), label, replace(scope, type=str(kind))
        case _:
            yield from _months(scope)


def _months(scope: Scope) -> Iterator[tuple[str, str, Scope]]:
    window = scope.window
    for month, _ in windows.months(window.first_day, window.last_day, window.zone)[-GROUPS_MAX:]:
        last = next_month(month) - timedelta(days=1)
        days = windows.between(max(month, window.first_day), min(last, window.last_day), window.zone)
        yield f"{month:%Y-%m}", f"{month:%Y-%m}", replace(scope, window=days)


async def _action_items(tx: Tx, what: Definition, by: Dimension, scope: Scope) -> list[Group]:
    """Return the action items of each team or month, counted separately."""
    groups = []
    if by is Dimension.TEAM:
        for team in (await people.teams(tx))[:GROUPS_MAX]:
            if scope.team_id in (None, team.id):
                of = replace(scope, team_id=team.id)
                groups.append(Group(team.slug, team.name, await _alone(tx, what, of)))
    else:
        for key, label, of in _months(scope):
            groups.append(Group(key, label, await _alone(tx, what, of)))
    return ordered(by, [group for group in groups if group.result.n or group.result.beside])


async def _alone(tx: Tx, what: Definition, of: Scope) -> Result:
    """Return a metric without its tables and the period before."""
    return await queries.result(tx, what.slug, of, with_tables=False, is_compared=False)
