"""Captures messages of a chat into the timeline: each once, with its author and time (spec 8.12)."""

from dataclasses import replace
from datetime import datetime

from firebell.chat.handlers.incident_queries import visible_incident
from firebell.chat.intents.captured_messages import WITHDRAW_WITHIN, CapturedMessage, origin, sent_at
from firebell.chat.linked_users import linking
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.chat.received import store as inbound_store
from firebell.chat.received.store import Capture
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

CORRECTION = "correction"
"""The kind of an entry that changes what an entry before it says; the one before it stays."""


async def capture(
    tx: Tx, context: ChatContext, incident_id: int, kind: str, message: CapturedMessage, now: datetime
) -> Capture:
    """Add a message to a timeline; the first capture makes the entry, another kind corrects it.

    Raise `NotFound` for an incident that this person may not see, `Forbidden` for who may not write to it.
    """
    incident = await visible_incident(tx, context, incident_id)
    known = await inbound_store.lock_capture(tx, context.account.id, message.channel, message.ts)
    if known is not None:
        return known if known.kind == kind else await _change_kind(tx, context, known, kind, now)
    author = await _author(tx, context, message)
    data = {"origin": origin(message, context.account.kind, context.account.external_id, context.actor.label)}
    entry_id = await incidents.add_entry(
        tx,
        author,
        incident.id,
        kind,
        message.text or "(no text)",
        now,
        effective_at=message.sent_at or sent_at(message.ts, now),
        data=data,
    )
    made = Capture(
        account_id=context.account.id,
        channel=message.channel,
        ts=message.ts,
        incident_id=incident.id,
        entry_id=entry_id,
        kind=kind,
        captured_by=context.user,
        captured_at=now,
        text=message.text,
    )
    await inbound_store.save_capture(tx, made)
    return made


async def _author(tx: Tx, context: ChatContext, message: CapturedMessage) -> Actor:
    """Return the author of a message as the actor of its entry, with the rights of who captures it."""
    actor = context.actor
    if message.author in ("", context.user):
        return actor
    user = await inbound_store.user(tx, context.account.id, message.author)
    person = await linking.person_of(tx, user)
    if person is not None:
        return replace(actor, label=person.name, person_id=person.id)
    other = replace(context, user=message.author, user_name=user.name if user else "", person=None)
    # the person stays that of who captures it: the author is no one whose rights could be asked
    return Actor(actor.kind, other.actor.label, None, actor.rights, actor.via)


async def _change_kind(tx: Tx, context: ChatContext, known: Capture, kind: str, now: datetime) -> Capture:
    text = f"Marked as {kind}: {known.text}"[:10_000]
    await _correct(tx, context.actor, known, text, now, new_kind=kind)
    changed = replace(known, kind=kind)
    await inbound_store.save_capture(tx, changed)
    return changed


async def _correct(tx: Tx, actor: Actor, known: Capture, text: str, now: datetime, **data: object) -> None:
    await incidents.record_entry(
        tx, actor, known.incident_id, CORRECTION, text, {"corrects": known.entry_id, **data}, now
    )


@permits(Verb.INCIDENT_UPDATE)
async def withdraw(
    tx: Tx, actor: Actor, user: str, account_id: int, channel: str, ts: str, kind: str, now: datetime
) -> bool:
    """Strike a captured message, if who captured it takes the emoji back within a minute; return True if so."""
    known = await inbound_store.lock_capture(tx, account_id, channel, ts)
    if known is None or known.kind != kind or known.captured_by != user:
        return False
    if now - known.captured_at > WITHDRAW_WITHIN or known.deleted_at is not None:
        return False
    await _correct(tx, actor, known, f"Withdrawn: {known.text}"[:10_000], now, struck=True)
    await inbound_store.save_capture(tx, replace(known, deleted_at=now))
    return True


@permits(Verb.INCIDENT_UPDATE)
async def record_edit(
    tx: Tx, actor: Actor, account_id: int, channel: str, ts: str, text: str, now: datetime
) -> bool:
    """Record that a captured message was edited, with its old and new text; return True if it was captured."""
    known = await inbound_store.lock_capture(tx, account_id, channel, ts)
    if known is None or known.text == text:
        return False
    await _correct(
        tx,
        actor,
        known,
        f"Edited: {text}"[:10_000],
        now,
        old=known.text,
        new=text,
    )
    await inbound_store.save_capture(tx, replace(known, text=text, edited_at=now))
    return True


@permits(Verb.INCIDENT_UPDATE)
async def record_deletion(
    tx: Tx, actor: Actor, account_id: int, channel: str, ts: str, now: datetime
) -> bool:
    """Record that a captured message was deleted; its entry stays."""
    known = await inbound_store.lock_capture(tx, account_id, channel, ts)
    if known is None or known.deleted_at is not None:
        return False
    await _correct(
        tx, actor, known, "The message was deleted in the chat. Its entry stays.", now, deleted=True
    )
    await inbound_store.save_capture(tx, replace(known, deleted_at=now))
    return True
