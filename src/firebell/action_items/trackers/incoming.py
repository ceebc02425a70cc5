"""Takes over what changed in a tracker, by the actions that people use (spec 11.10)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from firebell.action_items import actions, change_effects, rules
from firebell.action_items.model import UNFINISHED, ActionItem, ItemState
from firebell.action_items.trackers.model import (
    FIELD_NAMES,
    ITEM_COLUMNS,
    NO_ONE,
    UNKNOWN_PERSON,
    Proof,
    RemoteIssue,
    SyncField,
    Tracker,
    Value,
)
from firebell.action_items.trackers.three_way import Conflict
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import FirebellError, Invalid

_ORDER = (SyncField.ASSIGNEE, SyncField.TITLE, SyncField.DUE, SyncField.PRIORITY)


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken over, and why the other values were refused."""

    item: ActionItem
    values: Mapping[SyncField, Value] = field(default_factory=dict)
    refused: Mapping[SyncField, str] = field(default_factory=dict)


def actor_of(tracker: Tracker) -> Actor:
    """Return the actor of what comes from a tracker."""
    return Actor("system", tracker.name)


async def take(
    tx: Tx,
    tracker: Tracker,
    item: ActionItem,
    issue: RemoteIssue,
    wanted: Mapping[SyncField, Value],
    person_of: Mapping[str, int],
    proofs: Sequence[Proof],
    now: datetime,
) -> Taken:
    """Apply values to a locked item, each on its own: what is refused is left out with its reason.

    A reopened item is reopened first, because a finished one can't be assigned; any other state comes last, because an
    item without an owner can't be started.
    """
    reopens = not item.is_unfinished and wanted.get(SyncField.STATE) in UNFINISHED
    order = [SyncField.STATE, *_ORDER] if reopens else [*_ORDER, SyncField.STATE]
    applied: dict[SyncField, Value] = {}
    refused: dict[SyncField, str] = {}
    for name in order:
        if name not in wanted:
            continue
        try:
            async with tx.savepoint():
                item = await _apply(tx, tracker, item, name, wanted[name], issue, person_of, proofs, now)
        except FirebellError as error:
            refused[name] = " ".join([error.message, *error.fields.values()])
        else:
            applied[name] = wanted[name]
    return Taken(item, applied, refused)


async def _apply(
    tx: Tx,
    tracker: Tracker,
    item: ActionItem,
    name: SyncField,
    value: Value,
    issue: RemoteIssue,
    person_of: Mapping[str, int],
    proofs: Sequence[Proof],
    now: datetime,
) -> ActionItem:
    actor, via = actor_of(tracker), tracker.via
    match name:
        case SyncField.TITLE:
            return await actions.change_item(tx, actor, item.id, {"title": value}, now, via=via)
        case SyncField.PRIORITY:
            return await actions.change_item(tx, actor, item.id, {"priority": int(value)}, now, via=via)
        case SyncField.DUE:
            if not value:
                raise Invalid("An action item needs a due day; it was removed there.")
            return await actions.set_due(tx, actor, item.id, date.fromisoformat(value), now, via=via)
        case SyncField.ASSIGNEE:
            return await actions.assign_item(
                tx, actor, item.id, _person(tracker, issue, value, person_of), now, via=via
            )
        case SyncField.STATE:
            return await _set_state(tx, tracker, item, ItemState(value), proofs, now)


def _person(tracker: Tracker, issue: RemoteIssue, value: Value, person_of: Mapping[str, int]) -> int | None:
    if value == NO_ONE:
        return None
    if value not in person_of:
        handle = next((user.handle for user in issue.assignees if user.id == value), "") or value
        raise Invalid(f"No one in Firebell is {handle} in {tracker.name}.")
    return person_of[value]


async def _set_state(
    tx: Tx, tracker: Tracker, item: ActionItem, to: ItemState, proofs: Sequence[Proof], now: datetime
) -> ActionItem:
    actor, via = actor_of(tracker), tracker.via
    if to not in rules.TRANSITIONS[item.state] and to is not item.state:
        reason = f"Reopened in {tracker.name}"
        item = await actions.set_item_state(tx, actor, item.id, ItemState.OPEN, now, reason=reason, via=via)
    reason = {
        ItemState.OPEN: f"Reopened in {tracker.name}",
        ItemState.DROPPED: f"Closed as not planned in {tracker.name}",
    }.get(to, "")
    evidence = [{"kind": proof.kind, "url": proof.url, "label": ""} for proof in proofs]
    links = evidence if to is ItemState.DONE and not item.evidence else []
    return await actions.set_item_state(tx, actor, item.id, to, now, reason=reason, evidence=links, via=via)


async def record_conflict(
    tx: Tx,
    tracker: Tracker,
    item: ActionItem,
    conflict: Conflict,
    person_of: Mapping[str, int],
    now: datetime,
) -> None:
    """Keep the value that was not kept in the history of a locked item."""
    kept_by = tracker.name if conflict.tracker_wins else "Firebell"
    note = f"{FIELD_NAMES[conflict.field]} changed here and in {tracker.name}; {kept_by}’s value was kept."
    await change_effects.record_event(
        tx,
        actor_of(tracker),
        item,
        ITEM_COLUMNS[conflict.field],
        _shown(conflict.field, conflict.lost, person_of),
        _shown(conflict.field, conflict.kept, person_of),
        now,
        note=note,
        via=tracker.via,
        is_conflict=True,
    )


def _shown(name: SyncField, value: Value, person_of: Mapping[str, int]) -> str:
    """Return a value as it stands in an item's history: an owner by the person's id."""
    if name is not SyncField.ASSIGNEE:
        return value
    return str(person_of[value]) if value in person_of else value.removeprefix(UNKNOWN_PERSON)
