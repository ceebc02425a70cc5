"""What an incident is about, and who may see it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from firebell.incidents import linked_pages, lookup, store, timeline_writer, visibility_store
from firebell.incidents.model import TYPE_NAMES, Incident, IncidentType, MergedIncident, Visibility
from firebell.incidents.text_limits import REASON_MAX_CHARS
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.text import clean_text
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb


def visibility_of(incident_type: IncidentType, *, private: bool) -> Visibility:
    """Return the visibility of a new incident: security incidents and those marked private are private."""
    is_private = private or incident_type is IncidentType.SECURITY
    return Visibility.PRIVATE if is_private else Visibility.OPEN


@permits(Verb.INCIDENT_UPDATE)
async def set_type(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    incident_type: IncidentType,
    now: datetime,
    *,
    private: bool,
    reason: str = "",
) -> Incident:
    """Change what an incident is about and who sees it; showing a private one to everyone requires a reason.

    The pages of a private incident, which everyone sees, lose its title and reference. What was merged into it becomes
    private with it, and open again with it. Idempotent.
    """
    await lock_with_merged(tx, [incident_id])
    old = await lookup.locked(tx, incident_id)
    if incident_type is IncidentType.SECURITY and not private:
        raise Conflict("A security incident is private.", hint="Choose another type to show it to everyone.")
    visibility = Visibility.PRIVATE if private else Visibility.OPEN
    if (old.type, old.visibility) == (incident_type, visibility):
        return old
    reason = clean_text(reason, REASON_MAX_CHARS, "reason")
    if old.is_private and not private and not reason:
        raise Invalid("Enter why everyone may see it.", fields={"reason": "Enter why everyone may see it."})
    new = await store.change(tx, incident_id, type=incident_type, visibility=visibility)
    change: dict[str, Any] = {"type": incident_type, "visibility": visibility}
    text = f"set the type to {TYPE_NAMES[incident_type].lower()}"
    if old.visibility is not visibility:
        text += ", visible only to those involved and managers" if private else ", visible to everyone"
        followers = await followers_of(tx, incident_id, private=private)
        await linked_pages.lock_pages(tx, [incident_id, *followers])
        await linked_pages.follow_visibility(tx, new, now)
        await follow(tx, actor, followers, new, now)
    because = f": {reason}" if reason else ""
    await timeline_writer.add_timeline_entry(
        tx, actor, incident_id, "type", f"{text}{because}", now, **change
    )
    await tx.audit(actor, "incident.type", old.ref, now, **change)
    return new


@internal("Part of changing who sees an incident, and of merging it.")
async def lock_with_merged(tx: Tx, incident_ids: Sequence[int]) -> None:
    """Lock incidents and what was merged into them, in the order of their ids, no matter who may read them.

    If another transaction merges something meanwhile, release the locks and start over, so that the order holds.
    """
    ids = await _with_merged(tx, incident_ids)
    while True:
        try:
            async with tx.savepoint():
                with private_reader.as_reader(None):
                    for incident_id in sorted(ids):
                        await store.lock(tx, incident_id)
                locked, ids = ids, ids | await _with_merged(tx, incident_ids)
                if ids != locked:
                    raise _MergedMeanwhileError
                return
        except _MergedMeanwhileError:
            # leaving the savepoint has released the locks
            continue


class _MergedMeanwhileError(Exception):
    """Something was merged while the locks were waited for."""


async def _with_merged(tx: Tx, incident_ids: Sequence[int]) -> set[int]:
    ids = set(incident_ids)
    for incident_id in incident_ids:
        ids |= {merged.id for merged in await visibility_store.merged_into(tx, incident_id)}
    return ids


async def followers_of(tx: Tx, incident_id: int, *, private: bool) -> list[int]:
    """Return the merged incidents whose visibility changes with that of an incident."""
    merged = await visibility_store.merged_into(tx, incident_id)
    return list(_followers(incident_id, merged, private=private))


def _followers(incident_id: int, merged: Sequence[MergedIncident], *, private: bool) -> Iterator[int]:
    """Yield the incidents merged into one, directly or not, whose visibility changes with it.

    All of them become private. Only those open again that are private for no other reason.
    """
    for incident in merged:
        if incident.merged_into != incident_id:
            continue
        if private or (incident.is_private and incident.follows):
            if incident.is_private is not private:
                yield incident.id
            yield from _followers(incident.id, merged, private=private)


@internal("Part of changing who sees an incident, and of merging it.")
async def follow(tx: Tx, actor: Actor, incident_ids: Sequence[int], into: Incident, now: datetime) -> None:
    """Give merged incidents, whose pages are locked, the visibility of the incident that they are part of."""
    audience = "only to those involved and managers" if into.is_private else "to everyone"
    text = f"made it visible {audience}, with the incident that it was merged into"
    change = {"visibility": into.visibility, "with": into.id}
    with private_reader.as_reader(None):
        for incident_id in incident_ids:
            new = await store.change(tx, incident_id, visibility=into.visibility)
            await linked_pages.follow_visibility(tx, new, now)
            await timeline_writer.add_timeline_entry(tx, actor, incident_id, "type", text, now, **change)
