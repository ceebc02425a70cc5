"""Save a section or a whole document: what others saved meanwhile is merged, and every text is a version."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, NotFound
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb
from firebell.postmortems import lookup, store
from firebell.postmortems.document import sections
from firebell.postmortems.document.sections import DocumentSection
from firebell.postmortems.editing import version_store
from firebell.postmortems.editing.edit_refusal import EditConflict, edit_conflict
from firebell.postmortems.editing.three_way_merge import merge
from firebell.postmortems.model import DocumentVersion, Postmortem, VersionReason
from firebell.postmortems.postmortem_list import indexing
from firebell.postmortems.text_limits import clean_body, clean_section

ONE_VERSION_WITHIN = timedelta(minutes=5)
"""Saves of one person to one section within this time are one version of the history."""


@dataclass(frozen=True, slots=True)
class SavedSection:
    """A section as it is saved now; `is_merged` if it has changes of others that the writer did not have."""

    version: int
    hash: str
    text: str
    is_merged: bool


def live_topic(postmortem: Postmortem) -> str:
    """Return the live topic of a document."""
    return f"pm-{postmortem.id}"


@permits(Verb.POSTMORTEM_WRITE)
async def save_section(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    slug: str,
    text: str,
    base_version: int,
    base_hash: str,
    now: datetime,
) -> SavedSection:
    """Save the text of a section that was edited from a version; changes that others saved meanwhile are merged.

    Raise `EditConflict` if both changed the same lines, or if the section was removed or renamed meanwhile.
    """
    text = clean_section(text)
    postmortem = await lookup.locked(tx, incident_id)
    parts = sections.split(postmortem.body)
    current = sections.by_slug(parts, slug)
    if current is None:
        if await _base(tx, postmortem, base_version, slug) is None:
            raise NotFound(f"The post-mortem of {postmortem.ref} has no section {slug}.")
        raise EditConflict(
            "Someone removed or renamed this section while you edited it.",
            hint="Copy your text, then reload the document.",
        )
    is_merged = current.hash != base_hash
    mine = replace(current, text=text)
    if is_merged and current.text != text:
        base = await _base(tx, postmortem, base_version, slug)
        texts = (base.text if base and base.hash == base_hash else "", current.text, text)
        merged = merge(*texts)
        if merged.conflicts:
            raise edit_conflict(slug, postmortem.version, current.hash, merged, texts)
        mine = replace(current, text=merged.text)
    if mine.text == current.text:
        return SavedSection(postmortem.version, current.hash, current.text, is_merged)
    body = clean_body(sections.join([mine if part is current else part for part in parts]))
    reason = VersionReason.MERGE if is_merged else VersionReason.SAVE
    version = await store_version(
        tx, actor, postmortem, body, reason, now, section=slug, base_n=base_version if is_merged else None
    )
    return SavedSection(version, mine.hash, mine.text, is_merged)


@permits(Verb.POSTMORTEM_WRITE)
async def save(tx: Tx, actor: Actor, incident_id: int, body: str, version: int, now: datetime) -> int:
    """Save a whole text that was edited from a version and return the number of the new one; merge as sections do.

    Raise `EditConflict` if others changed the same lines meanwhile.
    """
    body = clean_body(body)
    postmortem = await lookup.locked(tx, incident_id)
    is_merged = version != postmortem.version
    if is_merged and body != postmortem.body:
        base = await version_store.version(tx, postmortem.id, version)
        texts = (base.body if base else "", postmortem.body, body)
        merged = merge(*texts)
        if merged.conflicts:
            raise edit_conflict("", postmortem.version, "", merged, texts)
        body = clean_body(merged.text)
    reason = VersionReason.MERGE if is_merged else VersionReason.SAVE
    return await store_version(
        tx, actor, postmortem, body, reason, now, base_n=version if is_merged else None
    )


@permits(Verb.POSTMORTEM_WRITE)
async def restore(tx: Tx, actor: Actor, incident_id: int, n: int, now: datetime) -> int:
    """Make the text of an earlier version the current one, as a new version, and return its number."""
    postmortem = await lookup.locked(tx, incident_id)
    earlier = await version_store.version(tx, postmortem.id, n)
    if earlier is None:
        raise NotFound(f"The post-mortem of {postmortem.ref} has no version {n}.")
    version = await store_version(
        tx, actor, postmortem, earlier.body, VersionReason.RESTORE, now, base_n=n, is_audited=False
    )
    await tx.audit(actor, "postmortem.restored", postmortem.ref, now, version=version, restored=n)
    return version


async def version(tx: Tx, incident_id: int, n: int) -> DocumentVersion:
    """Return a version of the post-mortem of an incident with its text; raise `NotFound` without one."""
    postmortem = await lookup.of_incident(tx, incident_id)
    stored = await version_store.version(tx, postmortem.id, n)
    if stored is None:
        raise NotFound(f"The post-mortem of {postmortem.ref} has no version {n}.")
    return stored


@internal("The callers check permissions: saving, restoring and publishing.")
async def store_version(
    tx: Tx,
    actor: Actor,
    postmortem: Postmortem,
    body: str,
    reason: VersionReason,
    now: datetime,
    *,
    section: str = "",
    base_n: int | None = None,
    is_audited: bool = True,
) -> int:
    """Store the next version of a locked document and return its number; the same text is not a new version.

    A document in review or approved becomes a draft: approvals are for a version. A published one stays published
    in its published version.
    """
    if body == postmortem.body and reason is not VersionReason.PUBLISH:
        return postmortem.version
    if postmortem.state == "withdrawn":
        raise Conflict(f"The post-mortem of {postmortem.ref} is withdrawn, so its text can’t be changed.")
    await version_store.ensure(tx, postmortem)
    version = postmortem.version + 1
    continued = await _continued(tx, actor, postmortem, reason, section, now)
    if continued:
        await version_store.supersede(tx, postmortem.id, postmortem.version)
    await version_store.insert(
        tx, postmortem.id, version, body, reason, actor, now, section=section, base_n=base_n
    )
    state = "published" if postmortem.state == "published" else "draft"
    await store.set_body(tx, postmortem.id, body, version, state, now)
    await indexing.index(tx, postmortem.id)
    if is_audited and not continued:
        await tx.audit(actor, "postmortem.saved", postmortem.ref, now)
    await tx.live(live_topic(postmortem))
    return version


async def _continued(
    tx: Tx, actor: Actor, postmortem: Postmortem, reason: VersionReason, section: str, now: datetime
) -> bool:
    """Return True if the save continues the last one: by the same person, in the same section, minutes later."""
    if not section or actor.person_id is None or reason is not VersionReason.SAVE:
        return False
    last = await version_store.version(tx, postmortem.id, postmortem.version)
    if last is None or (last.by_id, last.section, last.reason) != (actor.person_id, section, reason):
        return False
    began_at = await version_store.run_began_at(tx, postmortem.id, last.n)
    return began_at is not None and now - began_at < ONE_VERSION_WITHIN


async def _base(tx: Tx, postmortem: Postmortem, n: int, slug: str) -> DocumentSection | None:
    """Return a section as it was in a version, None if it had none."""
    version = await version_store.version(tx, postmortem.id, n)
    return sections.by_slug(sections.split(version.body), slug) if version else None
