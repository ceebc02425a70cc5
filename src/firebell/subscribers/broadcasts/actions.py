"""Broadcasts: each published update is stored once, then queued for its subscribers in steps."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from firebell.kit.db.database import Tx
from firebell.status_pages import actions as status_pages
from firebell.status_pages.maintenance_windows.model import MaintenanceUpdate
from firebell.status_pages.model import (
    POSTMORTEM_LABEL,
    STAGE_LABELS,
    Announcement,
    ComponentChange,
    PageVisibility,
    PublicUpdate,
    Stage,
    UpdateKind,
    UpdatePublished,
    UpdateRecalled,
)
from firebell.subscribers import store, subscription_rules
from firebell.subscribers.broadcasts import component_broadcasts, maintenance_numbers
from firebell.subscribers.broadcasts import store as broadcast_store
from firebell.subscribers.deliveries import store as delivery_store
from firebell.subscribers.deliveries import superseding_store
from firebell.subscribers.deliveries.store import QueuedDelivery
from firebell.subscribers.messages import update_texts
from firebell.subscribers.model import (
    Broadcast,
    BroadcastKind,
    NewBroadcast,
    Priority,
    SubscriberChannel,
)

STEP = 5_000
"""Subscribers for whom deliveries are queued in one transaction."""


async def announce_update(tx: Tx, event: UpdatePublished, now: datetime) -> None:
    """Store the broadcast of a published update, in the transaction that published it.

    An edit and a quiet update notify no one; what was not sent yet of an edited update has its new text.
    """
    if event.version != 1:
        await _replace_edited_text(tx, event, now)
        return
    if event.is_quiet:
        return
    announcement = await status_pages.announcement(
        *(tx, event.status_page_id, event.public_id, event.seq, now),
        has_document=await store.has_webhooks(tx, event.status_page_id),
    )
    if announcement is not None:
        new = replace(_broadcast_of(announcement), hold_s=event.hold_s)
        await queue_broadcast(tx, new, now)
        await queue_changes(tx, new, announcement.changes, announcement.update.id, now)


async def _replace_edited_text(tx: Tx, event: UpdatePublished, now: datetime) -> None:
    announcement = await status_pages.announcement(
        tx, event.status_page_id, event.public_id, event.seq, now, has_document=False
    )
    if announcement is not None:
        await replace_text(tx, event.status_page_id, event.public_id, announcement.update)


async def replace_text(
    tx: Tx, status_page_id: int, public_id: str, update: PublicUpdate | MaintenanceUpdate
) -> None:
    """Put the text of an edited, recalled or retracted update into messages that were not sent yet.

    `public_id` is that of the incident or maintenance.
    """
    for each in await broadcast_store.lock_from(tx, status_page_id, public_id, update.seq):
        is_own = (
            maintenance_numbers.has_text_of(each.seq, update.seq)
            if isinstance(update, MaintenanceUpdate)
            else each.seq == update.seq
        )
        await broadcast_store.set_content(tx, each.id, with_text_of(each.content, update, is_own=is_own))


async def recall_update(tx: Tx, event: UpdateRecalled, now: datetime) -> None:
    """Void what was not sent yet of an update; a message that carries earlier ones too has the notice instead.

    The edit that published the notice has put it there. The next update is mailed as if this one had not been.
    """
    for each in await broadcast_store.lock_from(tx, event.status_page_id, event.public_id, event.seq):
        if each.seq == event.seq:
            await delivery_store.void_recalled(tx, each.id, now)
            await broadcast_store.stop(tx, each.id, now)


async def queue_broadcast(tx: Tx, new: NewBroadcast, now: datetime) -> None:
    """Store a broadcast and wake the worker; idempotent by its status page, subject and number.

    Messages about a private page carry a link and no text (spec 7.9). Who follows a group that an earlier broadcast of
    the subject was about hears the rest too, even if its component has left the group.
    """
    page = await status_pages.page_by_id(tx, new.status_page_id)
    if page is not None and page.visibility is PageVisibility.PRIVATE:
        new = replace(new, content=update_texts.without_text(new.content))
    earlier = await broadcast_store.groups_of_subject(tx, new.status_page_id, new.subject)
    new = replace(new, group_ids=new.group_ids | earlier)
    last_mailed_at = await broadcast_store.last_mailed_at(tx, new.status_page_id, new.subject)
    reaches_email = subscription_rules.reaches_email(
        is_progress=new.is_progress, last_mailed_at=last_mailed_at, now=now
    )
    await broadcast_store.insert(tx, new, reaches_email=reaches_email, now=now)
    await tx.wake("subscribers")


async def queue_changes(
    tx: Tx, cause: NewBroadcast, changes: Sequence[ComponentChange], update_id: int, now: datetime
) -> None:
    """Store a broadcast for webhooks of each component that an update changed; of a private page, none."""
    page = await status_pages.page_by_id(tx, cause.status_page_id)
    if page is None or page.visibility is PageVisibility.PRIVATE:
        return
    for new in component_broadcasts.of_changes(cause, changes, update_id):
        await broadcast_store.insert(tx, new, reaches_email=False, now=now)


def _broadcast_of(announcement: Announcement) -> NewBroadcast:
    incident, update = announcement.incident, announcement.update
    position = incident.updates.index(update)
    before = incident.updates[position - 1] if position else None
    if before is None:
        kind, priority = "incident.created", Priority.FIRST_UPDATE
    elif update.kind is UpdateKind.POSTMORTEM:
        kind, priority = "postmortem.published", Priority.POSTMORTEM
    elif update.kind is UpdateKind.CORRECTION:
        kind, priority = "incident.corrected", Priority.CORRECTION
    elif update.stage is Stage.RESOLVED:
        kind, priority = "incident.resolved", Priority.RESOLVED
    else:
        kind, priority = "incident.updated", Priority.UPDATE
    return NewBroadcast(
        announcement.page.id,
        BroadcastKind.POSTMORTEM if update.kind is UpdateKind.POSTMORTEM else BroadcastKind.INCIDENT,
        incident.public_id,
        update.seq,
        kind,
        priority,
        int(announcement.impact),
        incident.component_ids,
        frozenset(c.group_id for c in announcement.components if c.group_id is not None),
        content_of(announcement),
        is_progress=before is not None and update.kind is UpdateKind.UPDATE and update.stage is before.stage,
    )


def content_of(announcement: Announcement) -> dict[str, Any]:
    """Return what mails and webhooks say about an update; `path` begins at the status page."""
    incident, update = announcement.incident, announcement.update
    labels = {UpdateKind.CORRECTION: "Correction", UpdateKind.POSTMORTEM: POSTMORTEM_LABEL}
    label = labels.get(update.kind, STAGE_LABELS[update.stage])
    return {
        "page": announcement.page.name,
        "title": incident.name,
        "label": label,
        "body": update.body,
        "translations": dict(update.translations),
        "at": update.display_at.isoformat(),
        "next_update_at": update.next_update_at.isoformat() if update.next_update_at else None,
        "eta_at": update.eta_at.isoformat() if update.eta_at else None,
        "path": f"/incidents/{incident.public_id}",
        "components": [component.name for component in announcement.components],
        "component_translations": status_pages.named_parts(announcement.components),
        "document": dict(announcement.document),
    }


def with_text_of(
    content: Mapping[str, Any], update: PublicUpdate | MaintenanceUpdate, *, is_own: bool
) -> dict[str, Any]:
    """Return what a broadcast says with the text that an edited, recalled or retracted update has now.

    The text is its own, or one that its document for webhooks repeats. A broadcast about a private page has no text.
    """
    if content.get("is_private"):
        return dict(content)
    document = dict(content["document"])
    if "incident_updates" in document:
        document["incident_updates"] = [
            {**each, "body": update.body} if each["id"] == update.public_id else each
            for each in document["incident_updates"]
        ]
    own = {"body": update.body, "translations": {}} if is_own else {}
    return {**content, **own, "document": document}


async def fan_out_step(tx: Tx, now: datetime) -> int:
    """Queue the deliveries of the oldest broadcast for its next subscribers; return how many were looked at.

    Earlier news about the same subject that a reader did not get yet are void, and carried by the new one. A broadcast
    that was paused so long that a reader has later news is not queued for that reader; later news that wait carry it.
    A webhook gets all of them. The cursor moves in the same transaction, so a kill repeats nothing and skips no one.
    """
    broadcast = await broadcast_store.lock_unfinished(tx)
    if broadcast is None:
        return 0
    candidates = await store.candidates(
        *(tx, broadcast.status_page_id, broadcast.cursor, broadcast.published_at, STEP),
        only_webhooks=broadcast.type == component_broadcasts.TYPE,
    )
    wanted = [each for each in candidates if _wants(each, broadcast)]
    turn = broadcast.queued
    readers = [each.id for each in wanted if each.channel is not SubscriberChannel.WEBHOOK]
    overtaken = await superseding_store.add_to_later(tx, broadcast, readers)
    wanted = [each for each in wanted if each.id not in overtaken]
    readers = [reader for reader in readers if reader not in overtaken]
    carried = await superseding_store.void_earlier(tx, broadcast, readers, now)
    deliveries = [
        QueuedDelivery(
            each.id,
            each.channel.lane,
            each.host,
            turn + i,
            carried.get(each.id, ()),
        )
        for i, each in enumerate(wanted)
    ]
    await delivery_store.queue_broadcast(tx, broadcast, deliveries, now)
    is_over = len(candidates) < STEP
    cursor = candidates[-1].id if candidates else broadcast.cursor
    await broadcast_store.move_cursor(
        tx, broadcast.id, cursor, turn + len(deliveries), now if is_over else None
    )
    lanes = {delivery.lane for delivery in deliveries}
    if "mail" in lanes and broadcast.kind is BroadcastKind.INCIDENT:
        await status_pages.note_mailed(tx, broadcast.status_page_id, broadcast.subject, broadcast.seq, now)
    for lane in lanes:
        await tx.wake(f"subscriber_{lane}")
    return max(1, len(candidates))


def _wants(candidate: store.ActiveSubscriber, broadcast: Broadcast) -> bool:
    if candidate.channel.lane != "hook" and not broadcast.reaches_email:
        return False
    return subscription_rules.wants(
        candidate.scope, broadcast.kind, broadcast.impact, broadcast.component_ids, broadcast.group_ids
    )
