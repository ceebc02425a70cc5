"""Actions on action items. Each writes an event for each field, an audit entry, and updates open browsers.

`via` is through what a change comes: empty for the app and the API, `tracker:` with an id for a tracker.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from firebell.action_items import (
    change_effects,
    lookup,
    notifying,
    queries,
    rules,
    store,
    text_limits,
    validation,
    working_days,
)
from firebell.action_items.model import ActionItem, EscalatedTo, ItemKind, ItemState, Priority, Strength
from firebell.action_items.rules import StateChange
from firebell.action_items.settings import actions as settings
from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentMerged
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.text import clean_text
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.model import PersonLeft
from firebell.people.permissions import Verb

ENTRY_KIND = "action_item"
"""The kind of the timeline entries of this slice."""
item = lookup.item
locked = lookup.locked
items_by_id = store.by_id
of_incidents = store.of_incidents
events = store.events
save_settings = settings.save_settings
due_of_team = queries.due_of_team
names = queries.names
TITLE_MAX_CHARS = text_limits.TITLE_MAX_CHARS
DETAIL_MAX_CHARS = text_limits.DETAIL_MAX_CHARS
QUOTE_MAX_CHARS = text_limits.QUOTE_MAX_CHARS


@permits(Verb.ACTION_ITEM_WRITE)
async def add_item(
    tx: Tx,
    actor: Actor,
    title: str,
    now: datetime,
    *,
    incident_id: int | None = None,
    postmortem_id: int | None = None,
    task_id: int | None = None,
    detail: str = "",
    kind: ItemKind = ItemKind.PREVENT,
    strength: Strength = Strength.GUARD,
    priority: Priority = Priority.P2,
    owner_id: int | None = None,
    team_id: int | None = None,
    due: date | None = None,
    source_quote: str = "",
    via: str = "",
) -> ActionItem:
    """Add an item; its owner is proposed, unless they add it themselves. A task becomes one item at most.

    Without a due day, it is due after 14, 30 or 90 days by its priority, on a working day; without a team, it is of
    the team of the incident's first service.
    """
    if incident_id is not None:
        await incidents.locked(tx, incident_id)
    if task_id is not None and (existing := await store.of_task(tx, task_id)):
        return existing
    owner = await validation.owner(tx, owner_id, incident_id) if owner_id is not None else None
    if team_id is not None:
        await people.team(tx, team_id)
    elif incident_id is not None:
        team_id = await _team_of_incident(tx, incident_id)
    working = await settings.load(tx)
    today = working_days.local_day(now, owner.tz if owner else "UTC")
    new = await store.insert(
        tx,
        {
            "incident_id": incident_id,
            "postmortem_id": postmortem_id,
            "task_id": task_id,
            "title": validation.title(title),
            "detail": clean_text(detail, text_limits.DETAIL_MAX_CHARS, "detail"),
            "kind": kind,
            "strength": strength,
            "priority": priority,
            "owner_id": owner_id,
            "is_accepted": owner_id is not None and owner_id == actor.person_id,
            "proposed_at": now if owner_id is not None else None,
            "team_id": team_id,
            "due": validation.due(working, due, by_person=not via)
            if due
            else working_days.default_due(working, priority, today),
            "source_quote": clean_text(
                " ".join(source_quote.split()), text_limits.QUOTE_MAX_CHARS, "source_quote", name="quote"
            ),
            "created_at": now,
            "created_by": actor.label,
            "changed_at": now,
            "reminded_until": now,
        },
    )
    await change_effects.record_added(tx, actor, new, now, via)
    if incident_id is not None:
        text = f"added the action item {new.ref} “{new.title}”"
        await incidents.record_entry(tx, actor, incident_id, ENTRY_KIND, text, {"item": new.id}, now)
    await notifying.propose(tx, new, actor, now)
    return new


async def _team_of_incident(tx: Tx, incident_id: int) -> int | None:
    service_ids = (await incidents.services(tx, [incident_id])).get(incident_id, [])
    services = await catalog.services_by_id(tx, service_ids[:1])
    return next((service.team_id for service in services.values()), None)


@permits(Verb.ACTION_ITEM_WRITE)
async def change_item(
    tx: Tx, actor: Actor, item_id: int, values: Mapping[str, Any], now: datetime, *, via: str = ""
) -> ActionItem:
    """Change title, detail, kind, strength, priority, team, blocked reason or evidence, as `values` names them.

    Idempotent.
    """
    old = await lookup.locked(tx, item_id)
    checked = dict(values)
    if "title" in values:
        checked["title"] = validation.title(values["title"])
    if "detail" in values:
        checked["detail"] = clean_text(values["detail"], text_limits.DETAIL_MAX_CHARS, "detail")
    if "blocked_reason" in values:
        checked["blocked_reason"] = clean_text(
            values["blocked_reason"], text_limits.REASON_MAX_CHARS, "blocked_reason"
        )
    if "evidence" in values:
        checked["evidence"] = validation.evidence(values["evidence"])
    if checked.get("team_id") is not None:
        await people.team(tx, checked["team_id"])
    validation.choice(checked)
    return await change_effects.save_item_changes(tx, actor, old, checked, "changed", now, via=via)


@permits(Verb.ACTION_ITEM_WRITE)
async def assign_item(
    tx: Tx,
    actor: Actor,
    item_id: int,
    owner_id: int | None,
    now: datetime,
    *,
    note: str = "",
    is_accepted: bool = False,
    via: str = "",
) -> ActionItem:
    """Propose an owner, who accepts it or passes it on; someone who takes it themselves has accepted it. Idempotent."""
    old = await lookup.locked(tx, item_id)
    _require_unfinished(old)
    if owner_id == old.owner_id and not (owner_id is not None and owner_id == actor.person_id):
        return old
    if owner_id is not None:
        await validation.owner(tx, owner_id, old.incident_id)
    accepted = owner_id is not None and (is_accepted or owner_id == actor.person_id)
    changes = {
        "owner_id": owner_id,
        "is_accepted": accepted,
        "proposed_at": now if owner_id is not None else None,
        "reminded_until": now,
    }
    new = await change_effects.save_item_changes(
        tx, actor, old, changes, "assigned", now, note=validation.reason(note), via=via
    )
    await notifying.propose(tx, new, actor, now)
    return new


@permits(Verb.ACTION_ITEM_WRITE)
async def accept_item(tx: Tx, actor: Actor, item_id: int, now: datetime) -> ActionItem:
    """Accept an item that was proposed to the actor, or that no one owns. Idempotent."""
    old = await lookup.locked(tx, item_id)
    _require_unfinished(old)
    if actor.person_id is None or old.owner_id not in (None, actor.person_id):
        raise Conflict(f"{old.ref} is proposed to someone else.", hint="Assign it to yourself instead.")
    if old.owner_id is None:
        return await assign_item(tx, actor, item_id, actor.person_id, now)
    return await change_effects.save_item_changes(tx, actor, old, {"is_accepted": True}, "accepted", now)


@permits(Verb.ACTION_ITEM_WRITE)
async def set_item_state(
    tx: Tx,
    actor: Actor,
    item_id: int,
    to: ItemState,
    now: datetime,
    *,
    reason: str = "",
    evidence: Sequence[Mapping[str, str]] = (),
    accepts_risk: bool = False,
    duplicate_of: int | None = None,
    via: str = "",
) -> ActionItem:
    """Start, finish, drop or reopen an item, or mark it as a duplicate of another one. Idempotent.

    Finishing takes links as evidence; without any, the item is done and flagged.
    """
    ids = [item_id, *([duplicate_of] if duplicate_of is not None else [])]
    items = await store.lock(tx, ids)
    old = lookup.existing(items, item_id)
    links = validation.evidence(evidence)
    if old.state is to and (to is not ItemState.DUPLICATE or old.duplicate_of == duplicate_of):
        return await change_effects.save_item_changes(
            tx, actor, old, {"evidence": links or old.evidence}, "changed", now, via=via
        )
    original = lookup.existing(items, duplicate_of) if duplicate_of is not None else None
    change = StateChange(
        to,
        validation.reason(reason),
        actor.person_id,
        accepts_risk,
        original,
        await store.originals(tx, original.id) if original else {},
    )
    if refusal := rules.refusal(old, change):
        raise refusal
    is_done, is_dropped = to is ItemState.DONE, to is ItemState.DROPPED
    today, _ = await change_effects.today_of(tx, old, now)
    takes = to is ItemState.IN_PROGRESS and old.owner_id == actor.person_id
    changes: dict[str, Any] = {
        "state": to,
        "duplicate_of": original.id if original else None,
        "done_at": now if is_done else None,
        "done_on": today if is_done else None,
        "evidence": links or old.evidence,
        "dropped_reason": change.reason if is_dropped else "",
        "risk_accepted_by": actor.label if is_dropped and rules.accepts_risk(old, change) else "",
        "is_accepted": old.is_accepted or takes,
        "blocked_reason": old.blocked_reason if to in (ItemState.OPEN, ItemState.IN_PROGRESS) else "",
    }
    if to is ItemState.OPEN:
        changes["reminded_until"] = now
    return await change_effects.save_item_changes(
        tx, actor, old, changes, "moved", now, note=change.reason, via=via
    )


@permits(Verb.ACTION_ITEM_WRITE)
async def set_due(
    tx: Tx, actor: Actor, item_id: int, due: date, now: datetime, *, reason: str = "", via: str = ""
) -> ActionItem:
    """Change the due day; a later day counts as moved, and needs a reason from the second time on. Idempotent."""
    old = await lookup.locked(tx, item_id)
    return await _move(tx, actor, old, due, now, validation.reason(reason), via)


async def _move(
    tx: Tx, actor: Actor, old: ActionItem, due: date, now: datetime, reason: str, via: str
) -> ActionItem:
    if due == old.due:
        return old
    checked = validation.due(await settings.load(tx), due, by_person=not via)
    if not via and (refusal := rules.due_refusal(old, checked, reason)):
        raise refusal
    changes = {
        "due": checked,
        "moved": rules.moves(old, checked),
        "reminded_until": now,
        "escalated_to": EscalatedTo.NO_ONE,
        "escalated_at": None,
    }
    new = await change_effects.save_item_changes(tx, actor, old, changes, "due", now, note=reason, via=via)
    await notifying.warn_of_moves(tx, old, new, now)
    return new


async def _many(tx: Tx, ids: Sequence[int]) -> list[ActionItem]:
    """Lock many items and return them in the order of their ids; raise an error if there are none, or too many."""
    wanted = sorted(set(ids))
    if not wanted:
        raise Invalid(
            "Select at least one action item.", fields={"items": "Select at least one action item."}
        )
    if len(wanted) > text_limits.BULK_MAX:
        text = f"Select at most {text_limits.BULK_MAX:,} action items; you selected {len(wanted):,}."
        raise Invalid(text, fields={"items": text})
    items = await store.lock(tx, wanted)
    return [lookup.existing(items, item_id) for item_id in wanted]


@permits(Verb.ACTION_ITEM_WRITE)
async def set_due_of_many(
    tx: Tx, actor: Actor, ids: Sequence[int], due: date, reason: str, now: datetime
) -> list[ActionItem]:
    """Change the due day of many items, all or none; the reason is required and kept with each."""
    because = validation.reason(reason)
    if not because:
        text = "Enter why the due days change."
        raise Invalid(text, fields={"reason": text})
    return [await _move(tx, actor, one, due, now, because, "") for one in await _many(tx, ids)]


@permits(Verb.ACTION_ITEM_WRITE)
async def assign_many(
    tx: Tx, actor: Actor, ids: Sequence[int], owner_id: int, now: datetime
) -> list[ActionItem]:
    """Propose one owner for many items, all or none."""
    return [await assign_item(tx, actor, one.id, owner_id, now) for one in await _many(tx, ids)]


@permits(Verb.ACTION_ITEM_WRITE)
async def drop_many(tx: Tx, actor: Actor, ids: Sequence[int], reason: str, now: datetime) -> list[ActionItem]:
    """Drop many items with one reason, all or none."""
    dropped = ItemState.DROPPED
    return [
        await set_item_state(tx, actor, one.id, dropped, now, reason=reason) for one in await _many(tx, ids)
    ]


def _require_unfinished(item: ActionItem) -> None:
    if not item.is_unfinished:
        raise Conflict(f"{item.ref} is {item.state}.", hint="Reopen it first.")


async def merge_items(tx: Tx, event: IncidentMerged, now: datetime) -> None:
    """Move the items of a merged incident."""
    await store.move_to_incident(tx, event.incident_id, event.into_id)


async def reassign_items(tx: Tx, event: PersonLeft, now: datetime) -> None:
    """Propose the unfinished items of a person who left to their team lead; without one, they have no owner."""
    ids = await store.unfinished_of_owner(tx, event.person_id)
    for old in (await store.lock(tx, ids)).values() if ids else ():
        leads = [i for i in await notifying.leads(tx, old) if i != event.person_id]
        lead_id = leads[0] if leads else None
        changes = {
            "owner_id": lead_id,
            "is_accepted": False,
            "proposed_at": now if lead_id is not None else None,
            "reminded_until": now,
        }
        new = await change_effects.save_item_changes(
            tx, SYSTEM, old, changes, "assigned", now, note="The owner was deactivated."
        )
        await notifying.propose(tx, new, SYSTEM, now)
