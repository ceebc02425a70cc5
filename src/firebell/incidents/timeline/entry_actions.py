"""Actions on timeline entries: files, edits, strikes and key moments. The entries themselves are never overwritten."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from firebell.incidents import lookup, store
from firebell.incidents.text_limits import REASON_MAX_CHARS
from firebell.incidents.timeline import store as timeline_store
from firebell.incidents.timeline.attachment_types import (
    ACCEPTED,
    MAX_BYTES,
    MAX_FILES,
    NewFile,
    media_type,
    safe_name,
)
from firebell.incidents.timeline.entry_history import Attachment, ChangeKind, EntryView
from firebell.incidents.timeline.entry_input import entry_text
from firebell.incidents.update_deadlines import actions as update_actions
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

LABEL_MAX_CHARS = 60


async def entry(tx: Tx, incident_id: int, entry_id: int) -> EntryView:
    """Return an entry of an incident; raise `NotFound`."""
    incident = await lookup.incident(tx, incident_id)
    view = await timeline_store.entry_view(tx, incident_id, entry_id)
    if view is None:
        raise NotFound(f"{incident.ref} has no entry {entry_id}.", hint=f"See /incidents/{incident.ref}.")
    return view


async def attachment(tx: Tx, incident_id: int, attachment_id: int) -> tuple[Attachment, bytes]:
    """Return an attachment of an incident with its content; raise `NotFound`."""
    incident = await lookup.incident(tx, incident_id)
    stored = await timeline_store.attachment(tx, incident_id, attachment_id)
    if stored is None:
        raise NotFound(
            f"{incident.ref} has no attachment {attachment_id}.",
            hint="Attachments are deleted after their retention.",
        )
    return stored


def checked_files(files: Sequence[NewFile]) -> list[tuple[NewFile, str]]:
    """Return the files with their media types; raise `Invalid` naming the first that is not accepted."""
    if len(files) > MAX_FILES:
        raise Invalid(
            f"You selected {len(files)} files.",
            fields={"files": f"Attach at most {MAX_FILES} files per entry."},
        )
    checked = []
    for file in files:
        name = safe_name(file.name, "")
        if not file.content:
            raise Invalid(f"{name} is empty.", fields={"files": "Attach a file with content."})
        if len(file.content) > MAX_BYTES:
            limit = f"Attach files of at most {MAX_BYTES / 1e6:.1f} MB; compress a log with gzip."
            raise Invalid(f"{name} is too large.", fields={"files": limit})
        kind = media_type(file.content)
        if kind is None:
            raise Invalid(f"{name} can't be attached.", fields={"files": f"Attach {ACCEPTED}."})
        checked.append((file, kind))
    return checked


@permits(Verb.INCIDENT_UPDATE)
async def attach(
    tx: Tx, actor: Actor, incident_id: int, entry_id: int, files: Sequence[NewFile], now: datetime
) -> None:
    """Add files to an entry that a person wrote; raise `Invalid` for a file that is not accepted."""
    checked = checked_files(files)
    view = await _written(tx, incident_id, entry_id)
    if len(view.attachments) + len(checked) > MAX_FILES:
        raise Invalid(
            f"The entry has {len(view.attachments)} files already.",
            fields={"files": f"Attach at most {MAX_FILES} files per entry."},
        )
    for file, kind in checked:
        name, digest = safe_name(file.name, kind), hashlib.sha256(file.content).digest()
        await timeline_store.add_attachment(tx, incident_id, entry_id, name, kind, digest, file.content, now)
    if checked:
        names = [safe_name(file.name, kind) for file, kind in checked]
        await tx.audit(
            actor, "incident.files_attached", f"INC-{incident_id}", now, entry=entry_id, files=names
        )
        await _refresh(tx, incident_id)


async def _refresh(tx: Tx, incident_id: int) -> None:
    await tx.live("incidents")
    await tx.live(f"inc-{incident_id}")


async def _locked_entry(tx: Tx, incident_id: int, entry_id: int) -> EntryView:
    """Return an entry and lock its incident until the transaction ends, so that changes have an order."""
    await store.lock(tx, incident_id)
    return await entry(tx, incident_id, entry_id)


async def _written(tx: Tx, incident_id: int, entry_id: int) -> EntryView:
    """Return an entry that a person wrote, with its incident locked; raise `Conflict` for one of Firebell's."""
    view = await _locked_entry(tx, incident_id, entry_id)
    if not view.is_written:
        raise Conflict(
            "Firebell wrote this entry, so it can't be changed.", hint="Add an entry that corrects it."
        )
    return view


async def _record_change(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    entry_id: int,
    kind: ChangeKind,
    text: str,
    action: str,
    now: datetime,
    **detail: Any,
) -> None:
    await timeline_store.add_change(tx, incident_id, entry_id, kind, text, actor.label, actor.person_id, now)
    await tx.audit(actor, f"incident.{action}", f"INC-{incident_id}", now, entry=entry_id, **detail)
    await _refresh(tx, incident_id)


@permits(Verb.INCIDENT_UPDATE)
async def edit_entry(
    tx: Tx, actor: Actor, incident_id: int, entry_id: int, text: str, version: int, now: datetime
) -> None:
    """Give an entry a new text; the earlier ones stay readable.

    Raise `Conflict` if `version` is not the number of texts that it has, or if it is struck. Saving the text
    that it has changes nothing.
    """
    view = await _written(tx, incident_id, entry_id)
    text = entry_text(text)
    if view.version != version:
        raise Conflict(
            f"{view.versions[-1].actor} edited this entry while you did.",
            hint="Their text is shown above yours. Combine the two and save again.",
        )
    if view.struck:
        raise Conflict("This entry is struck.", hint="Restore it first, then edit it.")
    if text != view.entry.text:
        await _record_change(
            tx,
            actor,
            incident_id,
            entry_id,
            ChangeKind.EDIT,
            text,
            "entry_edited",
            now,
            version=view.version + 1,
        )


@permits(Verb.INCIDENT_UPDATE)
async def strike_entry(
    tx: Tx, actor: Actor, incident_id: int, entry_id: int, reason: str, now: datetime
) -> None:
    """Strike a wrong entry: it stays readable, with the reason, but nothing cites it anymore. Idempotent."""
    view = await _written(tx, incident_id, entry_id)
    reason = clean_text(reason, REASON_MAX_CHARS, "reason")
    if not reason:
        raise Invalid("The reason is missing.", fields={"reason": "Enter what is wrong about this entry."})
    if not view.struck:
        await _record_change(
            tx, actor, incident_id, entry_id, ChangeKind.STRIKE, reason, "entry_struck", now, reason=reason
        )
        await _recount(tx, incident_id, view.entry.kind)


@permits(Verb.INCIDENT_UPDATE)
async def restore_entry(tx: Tx, actor: Actor, incident_id: int, entry_id: int, now: datetime) -> None:
    """Restore a struck entry. Idempotent."""
    view = await _written(tx, incident_id, entry_id)
    if view.struck:
        await _record_change(tx, actor, incident_id, entry_id, ChangeKind.RESTORE, "", "entry_restored", now)
        await _recount(tx, incident_id, view.entry.kind)


async def _recount(tx: Tx, incident_id: int, kind: str) -> None:
    """Set when mitigation began, or when the next update is due, from the entries that are not struck."""
    if kind not in ("update", "mitigation"):
        return
    incident = await lookup.incident(tx, incident_id)
    entries = (await timeline_store.timelines(tx, [incident_id], [kind]))[incident_id]
    times = [one.effective_at for one in entries]
    if kind == "mitigation":
        if (first := min(times, default=None)) != incident.mitigated_at:
            await store.change(tx, incident_id, mitigated_at=first)
    elif (latest := max(times, default=None)) != incident.last_update_at:
        changed = await store.change(tx, incident_id, last_update_at=latest)
        await update_actions.schedule_next_update(tx, changed)


@permits(Verb.INCIDENT_UPDATE)
async def mark_key_moment(
    tx: Tx, actor: Actor, incident_id: int, entry_id: int, label: str, now: datetime
) -> None:
    """Mark an entry as a key moment, which the post-mortem's timeline shows. Idempotent."""
    view = await _locked_entry(tx, incident_id, entry_id)
    label = clean_text(" ".join(label.split()), LABEL_MAX_CHARS, "label")
    if view.struck:
        raise Conflict("This entry is struck.", hint="Restore it first.")
    if not view.entry.key_moment or (label and view.entry.key_moment != label):
        await _record_change(
            tx, actor, incident_id, entry_id, ChangeKind.MARK, label, "key_moment_marked", now, label=label
        )


@permits(Verb.INCIDENT_UPDATE)
async def unmark_key_moment(tx: Tx, actor: Actor, incident_id: int, entry_id: int, now: datetime) -> None:
    """Remove the mark of a key moment. Idempotent."""
    if (await _locked_entry(tx, incident_id, entry_id)).entry.key_moment:
        await _record_change(
            tx, actor, incident_id, entry_id, ChangeKind.UNMARK, "", "key_moment_removed", now
        )
