"""Read models of readiness: the current assessment as a reader may see it, and its history."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.findings import Finding, FindingLevel
from firebell.readiness import day_store, fact_queries
from firebell.readiness.assessment import assess
from firebell.readiness.model import BY_ID, Assessment, ItemState, ReadinessDay

HISTORY_DAYS = 180
HOLDS = (ItemState.MET, ItemState.EXPIRING)


@dataclass(frozen=True, slots=True)
class Loss:
    """An item that was met on the day before, and is not anymore; `why` is what it lacks first."""

    day: date
    item_id: str
    name: str
    why: str


def losses(days: Sequence[ReadinessDay]) -> list[Loss]:
    """Return the items that were lost, day by day; an item that is waived instead is not lost."""
    lost = []
    for before, after in pairwise(days):
        for item_id, state in after.states.items():
            if state == ItemState.MISSING and before.states.get(item_id) in HOLDS and item_id in BY_ID:
                lost.append(Loss(after.day, item_id, BY_ID[item_id].name, after.missing.get(item_id, "")))
    return lost


def lost_findings(days: Sequence[ReadinessDay]) -> list[Finding]:
    """Return a finding for each item that the last day lost."""
    if not days:
        return []
    return [
        Finding(
            f"Y-LOST:{loss.item_id}:{loss.day.isoformat()}",
            "Y-LOST",
            FindingLevel.WARNING,
            f"{loss.name} is no longer met: {loss.why}.",
            subject=f"readiness:{loss.item_id}",
            advice="Meet it again, or waive it with a reason.",
        )
        for loss in losses(days)
        if loss.day == days[-1].day
    ]


def since_day(days: Sequence[ReadinessDay], item_id: str, state: ItemState) -> date | None:
    """Return the first of the last days on which an item had its present state without a break."""
    first = None
    for day in reversed(days):
        if day.states.get(item_id) != state:
            break
        first = day.day
    return first


score_before = day_store.score_before


async def history(tx: Tx, now: datetime) -> list[ReadinessDay]:
    """Return the recorded days of the last 180, oldest first."""
    return await day_store.days(tx, (now - timedelta(days=HISTORY_DAYS)).date())


async def current(tx: Tx, days: Sequence[ReadinessDay], now: datetime) -> Assessment:
    """Return the assessment at an instant, with how long each state has held by the history.

    Evidence of incidents that the reader may not read is left out.
    """
    facts = await fact_queries.load_facts(tx, now)
    assessed = assess(facts, await day_store.waivers(tx, now), now)
    hidden = set(await incidents.hidden_ids(tx))
    return replace(
        assessed,
        items=tuple(
            replace(
                item,
                since=since_day(days, item.id, item.state),
                evidence=[row for row in item.evidence if row.incident_id not in hidden],
                conditions=tuple(
                    replace(condition, have="yes")
                    if condition.ok
                    and any(r.incident_id in hidden and r.text == condition.have for r in item.evidence)
                    else condition
                    for condition in item.conditions
                ),
            )
            for item in assessed.items
        ),
    )


def day_of(assessed: Assessment, now: datetime) -> ReadinessDay:
    """Return the row of a day."""
    return ReadinessDay(
        now.date(),
        assessed.score,
        {item.id: str(item.state) for item in assessed.items},
        {
            item.id: item.lacks.shortfall
            for item in assessed.items
            if item.state is ItemState.MISSING and item.lacks is not None
        },
    )
