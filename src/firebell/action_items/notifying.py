"""The notices of action items: to a proposed owner, to owners before and after the due day, to leads and managers."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from firebell.action_items import change_effects, reminder_times, rules, store
from firebell.action_items.model import ActionItem, EscalatedTo, PreventionAnswer
from firebell.action_items.reminder_times import Reminder, ReminderKind
from firebell.action_items.settings import actions as settings
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.text import plural
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people import actions as people
from firebell.people.action_permissions import internal
from firebell.people.model import Person, Role

NOTICE_KIND = "action"


async def _readers(
    tx: Tx, item: ActionItem, person_ids: Iterable[int], about: Sequence[Incident] = ()
) -> list[Person]:
    """Return the active people among these who may read the item, and `about`, each once, in their order."""
    ids = list(dict.fromkeys(person_ids))
    by_id = await people.people_by_id(tx, ids)
    active = [by_id[i] for i in ids if i in by_id and by_id[i].active]
    own_id = [] if item.incident_id is None else [item.incident_id]
    own = await incidents.incidents_by_id(tx, own_id)
    return await incidents.readers_among(tx, [*own.values(), *about], active)


async def leads(tx: Tx, item: ActionItem) -> list[int]:
    """Return the leads of an item's team, else of its owner's teams, else the managers, as far as they may read it."""
    team_ids = [item.team_id] if item.team_id is not None else []
    if item.team_id is None and item.owner_id is not None:
        team_ids = await people.team_ids_of(tx, item.owner_id)
    members = await people.members(tx, team_ids)
    ids = [person_id for team_id in team_ids for person_id, role in members[team_id] if role == "manager"]
    readers = [person.id for person in await _readers(tx, item, ids)]
    return readers or await managers(tx, item)


async def managers(tx: Tx, item: ActionItem) -> list[int]:
    """Return the managers in the item's team, else all managers, else all admins."""
    everyone = [person for person in await people.people(tx) if person.active]
    by_role = {role: [p.id for p in everyone if p.role == role] for role in (Role.MANAGER, Role.ADMIN)}
    if item.team_id is not None:
        team = {person_id for person_id, _ in (await people.members(tx, [item.team_id]))[item.team_id]}
        if in_team := [i for i in by_role[Role.MANAGER] if i in team]:
            return in_team
    return by_role[Role.MANAGER] or by_role[Role.ADMIN]


def _when(days_overdue: int) -> str:
    if days_overdue > 0:
        return f"{plural(days_overdue, 'day')} overdue"
    if days_overdue == 0:
        return "due today"
    return "due tomorrow" if days_overdue == -1 else f"due in {plural(-days_overdue, 'day')}"


def _notices(item: ActionItem, recipients: Sequence[int], mark: str, title: str, note: str) -> list[Notice]:
    return [
        Notice(f"action-item:{item.id}:{mark}:{i}", i, NOTICE_KIND, title, note, f"/actions/{item.ref}")
        for i in recipients
    ]


@internal("Called by the actions that propose an owner.")
async def propose(tx: Tx, item: ActionItem, actor: Actor, now: datetime) -> None:
    """Notify an owner who is proposed by someone else, so that they accept the item or pass it on."""
    if item.owner_id is None or item.is_accepted or item.owner_id == actor.person_id:
        return
    recipients = [person.id for person in await _readers(tx, item, [item.owner_id])]
    title = f"You are proposed as the owner of {item.ref}: {item.title}"
    note = f"Due on {item.due.isoformat()}. Accept it, or pass it on."
    await notify.send_notices(tx, _notices(item, recipients, f"proposed:{now.isoformat()}", title, note), now)


async def warn_of_moves(tx: Tx, old: ActionItem, new: ActionItem, now: datetime) -> None:
    """Notify the managers when an item is put off for the third time and each time after it."""
    if new.moved <= old.moved or new.moved < rules.STALE_MOVES:
        return
    title = f"{new.ref} was put off {new.moved} times: {new.title}"
    note = f"It was due on {old.due.isoformat()} and is now due on {new.due.isoformat()}."
    recipients = [p.id for p in await _readers(tx, new, await managers(tx, new))]
    await notify.send_notices(tx, _notices(new, recipients, f"moved:{new.moved}", title, note), now)
    await _record_escalation(tx, new, EscalatedTo.MANAGER, now)


async def report_answer(
    tx: Tx, item: ActionItem, incident: Incident, answer: PreventionAnswer, now: datetime
) -> None:
    """Notify the owner and the managers that an item would have prevented or shortened an incident."""
    ids = [*([item.owner_id] if item.owner_id is not None else []), *await managers(tx, item)]
    title = f"{item.ref} would have {answer} {incident.ref}: {item.title}"
    note = "Its priority is now 1."
    recipients = [person.id for person in await _readers(tx, item, ids, [incident])]
    await notify.send_notices(tx, _notices(item, recipients, f"answer:{incident.id}", title, note), now)


@internal("Called by the sync with trackers.")
async def report_deleted_issue(
    tx: Tx, item: ActionItem, tracker_name: str, link_id: int, now: datetime
) -> None:
    """Notify the owner and the lead that the issue of an unfinished item was deleted in a tracker."""
    if not item.is_unfinished:
        return
    ids = [*([item.owner_id] if item.owner_id is not None else []), *await leads(tx, item)]
    recipients = [person.id for person in await _readers(tx, item, ids)]
    title = f"The issue of {item.ref} was deleted in {tracker_name}: {item.title}"
    note = "The action item stays open. Link it to another issue, or drop it."
    mark = f"issue-deleted:{link_id}:{now.isoformat()}"
    await notify.send_notices(tx, _notices(item, recipients, mark, title, note), now)


async def _record_escalation(tx: Tx, item: ActionItem, to: EscalatedTo, now: datetime) -> ActionItem:
    changes = {"escalated_to": to, "escalated_at": now}
    return await change_effects.save_item_changes(tx, SYSTEM, item, changes, "escalated", now)


async def send_due(tx: Tx, ids: Sequence[int], now: datetime) -> set[int]:
    """Send the reminders that are due, and schedule the next; return the items that are locked."""
    unlocked = await store.lock_free(tx, ids)
    for item in unlocked:
        await _remind(tx, item, now)
    locked = set(ids) - {item.id for item in unlocked}
    return locked & await store.existing_ids(tx, list(locked)) if locked else set()


async def _remind(tx: Tx, item: ActionItem, now: datetime) -> None:
    today, tz = await change_effects.today_of(tx, item, now)
    due = reminder_times.due_reminders(item, await settings.load(tx), tz, now)
    for reminder in due:
        item = await _send(tx, item, reminder, today, now)
    if due:
        item = await store.change(tx, item.id, reminded_until=now)
    await change_effects.schedule_reminder(tx, item, now)


async def _send(tx: Tx, item: ActionItem, reminder: Reminder, today: date, now: datetime) -> ActionItem:
    days = (today - item.due).days
    mark = f"{reminder.kind}:{item.due.isoformat()}:{reminder.days_overdue}"
    title = f"{item.ref} is {_when(days)}: {item.title}"
    match reminder.kind:
        case ReminderKind.OWNER:
            ids = [item.owner_id] if item.owner_id is not None else await leads(tx, item)
            note = "Finish it, or change its due day with a reason." if days >= 0 else ""
        case ReminderKind.LEAD:
            ids, note = await leads(tx, item), "Help its owner, or change its owner or due day."
        case ReminderKind.MANAGER:
            ids, note = await managers(tx, item), "No one finished it for two weeks."
        case ReminderKind.UNANSWERED:
            ids = await leads(tx, item)
            title = f"No one accepts {item.ref}: {item.title}"
            note = "It was proposed three working days ago. Choose an owner."
    recipients = [person.id for person in await _readers(tx, item, ids)]
    await notify.send_notices(tx, _notices(item, recipients, mark, title, note), now)
    if reminder.kind is ReminderKind.MANAGER:
        return await _record_escalation(tx, item, EscalatedTo.MANAGER, now)
    if reminder.kind is not ReminderKind.OWNER and item.escalated_to is not EscalatedTo.MANAGER:
        return await _record_escalation(tx, item, EscalatedTo.LEAD, now)
    return item
