"""The possible targets of levels and their names, for the pages of policies."""

from collections.abc import Iterable, Sequence

from firebell.kit.db.database import Tx
from firebell.oncall.schedules import queries as oncall
from firebell.paging.model import Plan, TargetKind
from firebell.people import actions as people

Options = list[tuple[str, str]]


async def options(tx: Tx, persons: Sequence[tuple[int, str]]) -> list[tuple[str, Options]]:
    """Return the possible targets of a level by kind, as (value, label); `persons` are those to offer."""
    schedules = [(f"schedule:{i}", name) for i, name in (await oncall.names_by_id(tx)).items()]
    teams = [(f"team:{t.id}", f"Everyone in {t.name}") for t in await people.teams(tx)]
    return [("Schedules", schedules), ("Teams", teams), ("People", [(f"person:{i}", n) for i, n in persons])]


async def names(tx: Tx, plans: Iterable[Plan]) -> dict[str, str]:
    """Return the labels of all possible targets of these plans that still exist, by kind and id."""
    targets = [target for plan in plans for level in plan.levels for target in level.targets]
    named = [target.id for target in targets if target.kind is TargetKind.PERSON]
    persons = (await people.people_by_id(tx, named)).values()
    offered = await options(tx, [(p.id, p.name) for p in persons if p.active])
    return {value: label for _, of_kind in offered for value, label in of_kind}
