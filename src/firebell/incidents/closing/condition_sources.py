"""The closing conditions that slices above incidents declare with `Slice.closing_conditions`."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from firebell.incidents.closing.rules import ClosingCondition
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx

ConditionSource = Callable[[Tx, Incident, datetime], Awaitable[Sequence[ClosingCondition]]]
"""Returns the conditions that a slice adds to those of an incident, met or not."""

_sources: list[ConditionSource] = []


def register(sources: Sequence[ConditionSource]) -> None:
    """Replace the sources of conditions; `firebell.event_subscriptions` calls it with those of all slices."""
    _sources[:] = sources


async def conditions(tx: Tx, incident: Incident, now: datetime) -> list[ClosingCondition]:
    """Return the conditions that slices above add, in the order of the slices."""
    return [condition for source in _sources for condition in await source(tx, incident, now)]
