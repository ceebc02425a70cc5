"""What the timer of a schedule does: tell of shifts, draft the documents of handoffs."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.handoffs import marks, store, telling
from firebell.handoffs.actions import SINCE, draft_change
from firebell.handoffs.model import Change
from firebell.kit import due
from firebell.kit.db import Tx
from firebell.oncall import actions as oncall
from firebell.oncall.model import Schedule

LOOK = timedelta(days=7)
"""How far ahead the next thing to tell is looked for: a timer runs once a week at least."""


async def run_shifts(tx: Tx, timers: Sequence[due.Timer], now: datetime) -> Sequence[due.Timer]:
    """Tell of the shifts of these schedules what is due, draft what is due, and look again when more is.

    Twice is once: what was told is remembered per schedule in the same transaction, and each word by its
    key for ever. A clock that went back tells nothing again.
    """
    found = await oncall.schedules_by_id(tx, [int(t.key) for t in timers], since=now - SINCE)
    told = await store.told(tx, list(found))
    marked = [(s, marks.due_now(s, told.get(int(s.id)), now)) for s in found.values()]
    await telling.of_shifts(tx, marked, now)
    for schedule, change in _changes(marked):
        await draft_change(tx, schedule, change, now)
    await store.set_told(tx, list(found), now)
    await due.schedule_many(
        tx, telling.TIMER, [(str(s.id), marks.next_mark(s, now, LOOK), 0) for s in found.values()]
    )
    return []


def _changes(
    marked: Sequence[tuple[Schedule, Sequence[marks.Mark]]],
) -> Sequence[tuple[Schedule, Change]]:
    """Return each change to draft once, in order, even when both of its marks are due."""
    return list({(s.id, m.change): (s, m.change) for s, found in marked for m in found if m.change}.values())


HANDLERS: dict[str, due.Handler] = {telling.TIMER: run_shifts}
