"""A metric split by a dimension: one row for each group, with its sample and its interval."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from firebell.incidents.model import TYPE_NAMES
from firebell.kit.calendar_periods import next_month
from firebell.kit.db.database import Tx
from firebell.metrics import dimension_store, export, queries, summaries, windows
from firebell.metrics.definitions import Definition, Kind
from firebell.metrics.dimension_store import GROUPS_MAX, GroupTotals
from firebell.metrics.dimensions import WEEKDAYS, Dimension
from firebell.metrics.model import Scope
from firebell.metrics.results import Count, Result
from firebell.metrics.summaries import Share
from firebell.metrics.tables import Cell
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
        return float(result.seconds if result.seconds is not None else result.n)


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
    return Result(what, scope, excluded, count=Count(totals.n), seconds=seconds)


async def _action_items(tx: Tx, what: Definition, by: Dimension, scope: Scope) -> list[Group]:
    """Return the action items of each team or month, counted separately."""
    groups = []
    if by is Dimension.TEAM:
        for team in (await people.teams(tx))[:GROUPS_MAX]:
            if scope.team_id in (None, team.id):
                of = replace(scope, team_id=team.id)
                groups.append(Group(team.slug, team.name, await _items(tx, what, of)))
    else:
        window = scope.window
        for month, _ in windows.months(window.first_day, window.last_day, window.zone)[-GROUPS_MAX:]:
            last = next_month(month) - timedelta(days=1)
            days = windows.between(max(month, window.first_day), min(last, window.last_day), window.zone)
            name = f"{month:%Y-%m}"
            groups.append(Group(name, name, await _items(tx, what, replace(scope, window=days))))
    return ordered(by, [group for group in groups if group.result.n or group.result.beside])


async def _items(tx: Tx, what: Definition, of: Scope) -> Result:
    return await queries.result(tx, what.slug, of, with_tables=False, is_compared=False)
