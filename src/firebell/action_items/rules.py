"""The states of an action item, and what each change requires (pure; spec 11.9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from firebell.action_items.model import UNFINISHED, ActionItem, ItemState, Priority
from firebell.kit.errors import Conflict, FirebellError, Invalid

FREE_MOVES = 1
"""How often a due day can be put off without a reason."""
STALE_DAYS = 14
"""Days overdue after which an item is ignored: an error, and its manager is notified."""
STALE_MOVES = 3
"""Number of times that a due day is put off after which an item is ignored."""
EARLIEST_DUE = date(2000, 1, 1)
LATEST_DUE = date(2100, 1, 1)

TRANSITIONS: Mapping[ItemState, frozenset[ItemState]] = {
    ItemState.OPEN: frozenset(
        {ItemState.IN_PROGRESS, ItemState.DONE, ItemState.DROPPED, ItemState.DUPLICATE}
    ),
    ItemState.IN_PROGRESS: frozenset(
        {ItemState.OPEN, ItemState.DONE, ItemState.DROPPED, ItemState.DUPLICATE}
    ),
    ItemState.DONE: frozenset({ItemState.OPEN}),
    ItemState.DROPPED: frozenset({ItemState.OPEN}),
    ItemState.DUPLICATE: frozenset({ItemState.OPEN}),
}
"""The states that may follow each state; a duplicate of an item that proves to be another one can be reopened."""
_VERBS = {
    ItemState.OPEN: "reopened",
    ItemState.IN_PROGRESS: "started",
    ItemState.DONE: "marked as done",
    ItemState.DROPPED: "dropped",
    ItemState.DUPLICATE: "marked as a duplicate",
}


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of the state of an item, as someone wants it.

    `by_id` is the person who makes it, None for a tracker and for Firebell. `original` is the item of which this one
    is a duplicate, and `originals` are the duplicates in force, as item to original.
    """

    to: ItemState
    reason: str = ""
    by_id: int | None = None
    accepts_risk: bool = False
    original: ActionItem | None = None
    originals: Mapping[int, int] | None = None


def refusal(item: ActionItem, change: StateChange) -> FirebellError | None:
    """Return why an item may not change its state so, None if it may."""
    if change.to not in TRANSITIONS[item.state]:
        state = item.state.replace("_", " ")
        return Conflict(
            f"{item.ref} is {state} and can't be {_VERBS[change.to]}.",
            hint="" if item.is_unfinished else "Reopen it first.",
        )
    match change.to:
        case ItemState.IN_PROGRESS if item.owner_id is None:
            return Conflict(
                f"{item.ref} has no owner.", fields={"owner_id": "Choose an owner before you start it."}
            )
        case ItemState.OPEN if not item.is_unfinished and not change.reason:
            return _missing_reason("Enter why it is reopened.")
        case ItemState.DROPPED:
            return _drop_refusal(item, change)
        case ItemState.DUPLICATE:
            return _duplicate_refusal(item, change)
    return None


def _missing_reason(text: str) -> Invalid:
    return Invalid(text, fields={"reason": text})


def _drop_refusal(item: ActionItem, change: StateChange) -> FirebellError | None:
    if not change.reason:
        return _missing_reason("Enter why it is dropped.")
    is_own = change.by_id is not None and change.by_id == item.owner_id
    if is_own and item.priority is Priority.P1:
        return Conflict(
            f"You own {item.ref}, and its priority is 1.", hint="Ask someone else to accept the risk."
        )
    if is_own and change.accepts_risk:
        return Conflict(
            f"You own {item.ref} and can't accept its risk.",
            hint="Ask someone else to accept the risk.",
            fields={"accepts_risk": "Ask someone else to accept the risk."},
        )
    return None


def _duplicate_refusal(item: ActionItem, change: StateChange) -> FirebellError | None:
    original = change.original
    if original is None:
        text = "Enter the item of which it is a duplicate, such as ACT-7."
        return Invalid(text, fields={"duplicate_of": text})
    if original.id == item.id:
        text = "An item can’t be a duplicate of itself."
        return Conflict(text, fields={"duplicate_of": text})
    if item.id in chain(original.id, change.originals or {}):
        text = f"{original.ref} is a duplicate of {item.ref}."
        return Conflict(text, fields={"duplicate_of": text})
    if not original.is_unfinished:
        text = f"{original.ref} is {original.state.replace('_', ' ')}. Choose one that is open."
        return Conflict(text, fields={"duplicate_of": text})
    return None


def chain(item_id: int, originals: Mapping[int, int]) -> list[int]:
    """Return an item, its original, the original of that and so on; a cycle ends at its first repetition."""
    ids = [item_id]
    while (following := originals.get(ids[-1])) is not None and following not in ids:
        ids.append(following)
    return ids


def accepts_risk(item: ActionItem, change: StateChange) -> bool:
    """Return True if dropping accepts the risk: always for priority 1, else if the person says so."""
    by_someone = change.by_id is not None and change.by_id != item.owner_id
    return by_someone and (item.priority is Priority.P1 or change.accepts_risk)


def moves(item: ActionItem, due: date) -> int:
    """Return how often the due day was put off after it changes to `due`; an earlier day does not count."""
    return item.moved + (due > item.due)


def due_refusal(item: ActionItem, due: date, reason: str) -> FirebellError | None:
    """Return why the due day may not change so, None if it may: from the second time on, a later day has a reason."""
    if not item.is_unfinished:
        return Conflict(f"{item.ref} is {item.state}.", hint="Reopen it first.")
    if moves(item, due) > max(item.moved, FREE_MOVES) and not reason:
        times = "once" if item.moved == 1 else f"{item.moved} times"
        return Invalid(
            f"{item.ref} was put off {times} before.",
            fields={"reason": f"Enter why {item.ref} is put off again."},
        )
    return None


def is_stale(item: ActionItem, today: date) -> bool:
    """Return True if an unfinished item is ignored: overdue for more than 14 days, or put off 3 times."""
    return item.state in UNFINISHED and (item.overdue_days(today) > STALE_DAYS or item.moved >= STALE_MOVES)


def age_band(days: int) -> int:
    """Return the band of an age in days: 0 up to 7, 1 up to 30, 2 up to 90, 3 above."""
    return sum(days > limit for limit in (7, 30, 90))
