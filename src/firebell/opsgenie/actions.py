"""The writes of Opsgenie's API: each changes an alert or its page and leaves its result, in one transaction."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.alerts.model import (
    Alert,
    Event,
    EventKind,
    GroupsAcknowledged,
    InboundRequest,
    Integration,
    Json,
)
from firebell.alerts.sources import opsgenie as source
from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.opsgenie import responders, store
from firebell.opsgenie.model import ApiError, Identifier, IdentifierType, RequestResult
from firebell.paging import actions as paging
from firebell.paging.model import NotChanged, Page, PageState

UNKNOWN_ALERT = "Alert does not exist"
CLOSED_ALERT = "Alert is already closed"
NO_PAGE = "Alert has no page"


@dataclass(frozen=True, slots=True)
class Write:
    """A write about an existing alert, as received."""

    request_id: str
    integration: Integration
    identifier: Identifier
    verb: str
    raw: bytes
    data: dict[str, Json] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    """The last segment of the address, for an action with a name of its own."""

    @property
    def user(self) -> str:
        """The user who acts, as the client names them."""
        return source.text_of(self.data.get("user")) or source.text_of(self.query.get("user"))

    @property
    def note(self) -> str:
        """The note that comes with the write."""
        return source.note_of(self.data.get("note")) or source.note_of(self.query.get("note"))


@dataclass(frozen=True, slots=True)
class WriteContext:
    """A write with the alert that it is about, its page, and who acts."""

    write: Write
    alert: Alert
    page: Page | None
    actor: Actor
    now: datetime

    @property
    def open_page(self) -> Page:
        """The page that the write acts on; raise `_Failed` if there is none, or if it is resolved."""
        if self.alert.status != "firing":
            raise _Failed(CLOSED_ALERT)
        if self.page is None or self.page.state is PageState.RESOLVED:
            raise _Failed(NO_PAGE)
        return self.page

    @property
    def current(self) -> Event:
        """What the alert says now, to be changed."""
        return source.current(self.alert)


class _Failed(Exception):  # noqa: N818 - it becomes the status of the result
    """The write does not apply; its message is the status of the result."""


Handler = Callable[[Tx, WriteContext], Awaitable[Event | None]]


async def record_created(
    tx: Tx, request_id: str, integration: Integration, alias: str, now: datetime
) -> None:
    """Store the result of a creation, whose alert is committed."""
    alert_id = await store.find_alert_id(tx, integration.id, Identifier(alias, IdentifierType.ALIAS))
    created = RequestResult(request_id, "Create", True, "Created alert", now, alert_id, alias)
    await store.insert_result(tx, integration.id, created)


async def apply(tx: Tx, write: Write, now: datetime) -> RequestResult:
    """Apply a write, store its message and its result, and return the result; raise ApiError for a wrong field.

    What is true of the page and forbids the write is a result without success, as it is at Opsgenie.
    """
    verb = VERBS[write.verb]
    # service before alert and page: the order in which ingest locks them
    elsewhere = await alerts.services_of_firing(tx, [write.integration.id])
    await catalog.lock_services(tx, sorted({write.integration.service_id, *elsewhere}))
    alert_id = await store.find_alert_id(tx, write.integration.id, write.identifier)
    events: tuple[Event, ...] = ()
    status, is_success, alias = UNKNOWN_ALERT, False, ""
    if alert_id is not None:
        context = await _context_of(tx, write, alert_id, now)
        alias = context.alert.dedup_key
        try:
            changed = await verb.handler(tx, context)
            if changed is not None:
                await _check_newest(tx, context)
            await _add_note(tx, context)
            status, is_success = verb.status, True
        except _Failed as failure:
            changed, status = None, str(failure)
        except NotChanged as refusal:
            changed, status = None, refusal.reason
        events = (changed or Event(EventKind.NOTE, alias, context.alert.title),)
    received = InboundRequest(
        write.integration.id, write.integration.service_id, source.NAME, write.raw, events
    )
    await alerts.receive_own(tx, [received], now, are_services_kept=True)
    result = RequestResult(write.request_id, verb.action, is_success, status, now, alert_id, alias)
    await store.insert_result(tx, write.integration.id, result)
    return result


async def _context_of(tx: Tx, write: Write, alert_id: int, now: datetime) -> WriteContext:
    alert = await alerts.alert(tx, alert_id)
    shown = await store.alert(tx, write.integration.id, alert_id)
    assert shown is not None  # found within this transaction
    page = await paging.page(tx, shown.page_id) if shown.page_id is not None else None
    return WriteContext(write, alert, page, await responders.actor_of(tx, write.user), now)


async def _check_newest(tx: Tx, context: WriteContext) -> None:
    """Raise `_Failed` if the alias of an ended alert fired again: the events would change the newer alert."""
    newest = Identifier(context.alert.dedup_key, IdentifierType.ALIAS)
    if await store.find_alert_id(tx, context.write.integration.id, newest) != context.alert.id:
        raise _Failed(CLOSED_ALERT)


async def _add_note(tx: Tx, context: WriteContext) -> None:
    if context.write.note and context.page is not None and context.write.verb != "notes":
        await paging.add_note(tx, context.actor, context.page.id, context.write.note, context.now)


async def _acknowledge(tx: Tx, context: WriteContext) -> None:
    page = context.open_page
    if context.actor.person_id is not None:
        await paging.ack(tx, context.actor, page.id, context.now)
    elif context.alert.group_id is not None:
        # without a person behind it, the acknowledgment times out
        acknowledged = GroupsAcknowledged((context.alert.group_id,), context.actor.label)
        await paging.acknowledge_groups(tx, acknowledged, context.now)


async def _unacknowledge(tx: Tx, context: WriteContext) -> None:
    await paging.unacknowledge(tx, context.actor, context.open_page.id, context.now)


async def _close(tx: Tx, context: WriteContext) -> Event:
    return Event(EventKind.RESOLVED, context.alert.dedup_key, context.alert.title)


async def _snooze(tx: Tx, context: WriteContext) -> None:
    until = source.instant_of(context.write.data.get("endTime"))
    if until is None:
        raise ApiError(422, "endTime is not a time.", {"endTime": "Send a time of ISO 8601 with an offset."})
    page = context.open_page
    try:
        await paging.snooze(tx, context.actor, page.id, until, context.now)
    except NotChanged as refusal:
        raise ApiError(422, f"SNOOZE: {refusal.reason}.", {"endTime": f"{refusal.reason}."}) from refusal


async def _escalate(tx: Tx, context: WriteContext) -> None:
    page = context.open_page
    await paging.escalate(tx, context.actor, page.id, context.now)
    wanted = responders.name_of(context.write.data.get("escalation"))
    if wanted and wanted.casefold() != page.plan.name.casefold():
        text = f"The client named the escalation {wanted}; the page follows {page.plan.name}."
        await paging.add_note(tx, context.actor, page.id, text, context.now)


async def _assign(tx: Tx, context: WriteContext) -> Event:
    owner = responders.name_of(context.write.data.get("owner"))
    person = await responders.person(tx, owner)
    if person is None:
        raise ApiError(422, "The owner is unknown.", {"owner": f"No active person is called {owner!r}."})
    page = context.open_page
    if person.id not in (await paging.owners(tx, [page.id]))[page.id]:
        await responders.page_responder(
            tx, context.actor, responders.target_of(person), page, "is assigned to you", context.now
        )
    return source.with_owner(context.current, person.email)


async def _add_responder(tx: Tx, context: WriteContext) -> None:
    page, data = context.open_page, context.write.data
    wanted = data.get("responder") or data.get("team")
    kind = "team" if "team" in data else ""
    target = await responders.resolve(tx, wanted, kind)
    if target is None:
        name = responders.name_of(wanted)
        text = f"The client asked for an unknown responder: {name or 'no name'}."
        await paging.add_note(tx, context.actor, page.id, text, context.now)
        raise _Failed("Responder does not exist")
    await responders.page_responder(tx, context.actor, target, page, "needs you", context.now)


async def _add_alert_note(tx: Tx, context: WriteContext) -> None:
    if not context.write.note:
        raise ApiError(422, "The note is empty.", {"note": "Note can not be empty."})
    if context.page is None:
        raise _Failed(NO_PAGE)
    await paging.add_note(tx, context.actor, context.page.id, context.write.note, context.now)


async def _add_tags(tx: Tx, context: WriteContext) -> Event:
    return source.with_tags(context.current, added=source.tags_in(context.write.data.get("tags")))


async def _remove_tags(tx: Tx, context: WriteContext) -> Event:
    return source.with_tags(context.current, removed=context.write.query.get("tags", "").split(","))


async def _add_details(tx: Tx, context: WriteContext) -> Event:
    return source.with_details(context.current, added=context.write.data.get("details"))


async def _remove_details(tx: Tx, context: WriteContext) -> Event:
    return source.with_details(context.current, removed=context.write.query.get("keys", "").split(","))


async def _set_message(tx: Tx, context: WriteContext) -> Event:
    changed = source.with_message(context.current, context.write.data.get("message"))
    if not changed.title:
        raise ApiError(422, "The message is empty.", {"message": "Message can not be empty."})
    return changed


async def _set_description(tx: Tx, context: WriteContext) -> Event:
    return source.with_description(context.current, context.write.data.get("description"))


async def _set_priority(tx: Tx, context: WriteContext) -> Event:
    priority = context.write.data.get("priority")
    errors = source.priority_errors(priority)
    if errors or not priority:
        text = errors.get("priority", "Priority can not be empty.")
        raise ApiError(422, "The priority is wrong.", {"priority": text})
    return source.with_priority(context.current, priority)


async def _note_attachment(tx: Tx, context: WriteContext) -> None:
    if context.page is not None:
        text = "The client attached a file, which Firebell did not store."
        await paging.add_note(tx, context.actor, context.page.id, text, context.now)


async def _refuse_action(tx: Tx, context: WriteContext) -> None:
    raise _Failed("Action not supported")


@dataclass(frozen=True, slots=True)
class Verb:
    """A write: its name in results, the status of one that succeeded, and what it does."""

    action: str
    status: str
    handler: Handler


VERBS: dict[str, Verb] = {
    "acknowledge": Verb("Acknowledge", "Acknowledged alert", _acknowledge),
    "unacknowledge": Verb("UnAcknowledge", "Unacknowledged alert", _unacknowledge),
    "close": Verb("Close", "Closed alert", _close),
    "delete": Verb("Delete", "Deleted alert", _close),
    "snooze": Verb("Snooze", "Snoozed alert", _snooze),
    "escalate": Verb("EscalateToNext", "Escalated alert", _escalate),
    "assign": Verb("Assign", "Assigned alert", _assign),
    "responders": Verb("AddResponder", "Added responder to alert", _add_responder),
    "teams": Verb("AddTeam", "Added team to alert", _add_responder),
    "notes": Verb("AddNote", "Added note to alert", _add_alert_note),
    "tags": Verb("AddTags", "Added tags to alert", _add_tags),
    "remove tags": Verb("RemoveTags", "Removed tags from alert", _remove_tags),
    "details": Verb("AddDetails", "Added details to alert", _add_details),
    "remove details": Verb("RemoveDetails", "Removed details from alert", _remove_details),
    "message": Verb("UpdateMessage", "Updated message of alert", _set_message),
    "description": Verb("UpdateDescription", "Updated description of alert", _set_description),
    "priority": Verb("UpdatePriority", "Updated priority of alert", _set_priority),
    "attachments": Verb("AddAttachment", "Added attachment to alert", _note_attachment),
    "actions": Verb("ExecuteAction", "Executed action", _refuse_action),
}
"""Every write about an existing alert, by the end of its address."""
