"""Decide about a version for customers, write it, let the comms lead approve it, and publish it."""

from datetime import datetime

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.kit.text import clean_text, required_text
from firebell.people import actions as people
from firebell.people import permissions
from firebell.people.action_permissions import permits, rights_of
from firebell.people.permissions import Verb
from firebell.postmortems import lookup
from firebell.postmortems.document.blocks import chosen_entries
from firebell.postmortems.drafting.facts import facts
from firebell.postmortems.drafting.queries import load_sources
from firebell.postmortems.editing.saving import live_topic
from firebell.postmortems.external import leak_scan, leak_settings, store
from firebell.postmortems.external.first_text import first_text
from firebell.postmortems.external.leak_scan import Leak
from firebell.postmortems.external.model import ExternalVersion
from firebell.postmortems.model import ExternalPostmortemPublished, Postmortem

TEXT_MAX_CHARS = 25_000
"""As long as an update of a status page may be."""
REASON_MAX_CHARS = 500


async def external_of(tx: Tx, incident_id: int) -> ExternalVersion | None:
    """Return the version for customers of an incident's post-mortem, None if no one decided about it."""
    return await store.external(tx, (await lookup.of_incident(tx, incident_id)).id)


async def leaks(tx: Tx, text: str, public_url: str) -> list[Leak]:
    """Return what a text gives away."""
    return leak_scan.scan(text, await leak_settings.terms(tx, public_url))


@permits(Verb.POSTMORTEM_WRITE)
async def decide_external(
    tx: Tx, actor: Actor, incident_id: int, is_needed: bool, reason: str, now: datetime
) -> ExternalVersion:
    """Decide whether customers get a version; without one the reason is kept, with one its first text is written."""
    postmortem = await lookup.locked(tx, incident_id)
    existing = await store.external(tx, postmortem.id)
    text = clean_text(reason, REASON_MAX_CHARS, "reason")
    if not is_needed and not text:
        raise Invalid("Enter why customers need no version.", fields={"reason": "Enter the reason."})
    if existing and existing.published_version and not is_needed:
        raise Conflict("The version for customers is published.", hint="Publish a correction of it instead.")
    await store.decide(tx, postmortem.id, is_needed, text, actor, now)
    if is_needed and (existing is None or not existing.version):
        incident = await incidents.incident(tx, postmortem.incident_id)
        person = await people.person(tx, actor.person_id) if actor.person_id else None
        sources = await load_sources(tx, await lookup.incident_ids(tx, postmortem), now)
        hidden = chosen_entries(postmortem.body).hidden
        recorded = [fact for fact in facts(sources) if fact.key not in hidden]
        body = first_text(incident.title, postmortem.body, recorded, person.tz if person else "UTC")
        await store.insert_version(
            tx, postmortem.id, 1, body[:TEXT_MAX_CHARS], Actor("system", "Firebell"), now
        )
    await tx.audit(actor, "postmortem.external_decided", postmortem.ref, now, needed=is_needed)
    return await _refreshed(tx, postmortem)


@permits(Verb.POSTMORTEM_WRITE)
async def save_external(
    tx: Tx, actor: Actor, incident_id: int, text: str, version: int, now: datetime
) -> ExternalVersion:
    """Save the text for customers that was edited from a version; raise `Conflict` if another was saved meanwhile.

    It may still have leaks, which are listed; it cannot be approved or published with them.
    """
    postmortem, external = await _locked(tx, incident_id)
    body = required_text(text, TEXT_MAX_CHARS, name="text", hint="Write what customers should know.") + "\n"
    if version != external.version:
        raise Conflict(
            f"Someone else has saved version {external.version}.",
            hint="Copy your text, then reload the page.",
        )
    if body == external.body:
        return external
    await store.insert_version(tx, postmortem.id, external.version + 1, body, actor, now)
    await tx.audit(actor, "postmortem.external_saved", postmortem.ref, now, version=external.version + 1)
    return await _refreshed(tx, postmortem)


@permits(Verb.POSTMORTEM_WRITE)
async def ask_external_review(tx: Tx, actor: Actor, incident_id: int, now: datetime) -> ExternalVersion:
    """Ask the comms lead to approve the current text. Idempotent."""
    postmortem, external = await _locked(tx, incident_id)
    if external.stage in ("approved", "published"):
        raise Conflict(f"The version for customers is {external.stage}.")
    if external.stage == "draft":
        await store.change(tx, postmortem.id, asked_version=external.version)
        await tx.audit(actor, "postmortem.external_asked", postmortem.ref, now, version=external.version)
    return await _refreshed(tx, postmortem)


@permits(Verb.POSTMORTEM_PUBLISH)
async def approve_external(
    tx: Tx, actor: Actor, incident_id: int, version: int, public_url: str, now: datetime
) -> ExternalVersion:
    """Approve the text for customers: the comms lead of the incident does it, or a manager, who wrote none of it.

    Raise `Conflict` while the scan finds something, or if the text changed meanwhile.
    """
    postmortem, external = await _locked(tx, incident_id)
    if version != external.version:
        raise Conflict(
            f"The text is now at version {external.version}.", hint="Read it, then approve that one."
        )
    if external.stage == "draft":
        raise Conflict("No one asked for a review of the version for customers.", hint="Ask for it first.")
    await _check_speaker(tx, actor, postmortem.incident_id)
    if actor.person_id in await store.writer_ids(tx, postmortem.id):
        raise Forbidden("You wrote part of this text, so someone else approves it.")
    await _check_clean(tx, external, public_url)
    await store.change(tx, postmortem.id, approved_version=version, approver=actor.label)
    await tx.audit(actor, "postmortem.external_approved", postmortem.ref, now, version=version)
    return await _refreshed(tx, postmortem)


@permits(Verb.POSTMORTEM_PUBLISH)
async def publish_external(
    tx: Tx, actor: Actor, incident_id: int, public_url: str, now: datetime
) -> ExternalVersion:
    """Publish the approved text: each status page that shows the incident gets it as its post-mortem.

    Raise `Conflict` while the internal document is not published, the text not approved, or the scan finds something.
    """
    postmortem, external = await _locked(tx, incident_id)
    if external.stage == "published":
        raise Conflict("The version for customers is already published.")
    if postmortem.published_version is None or postmortem.state == "withdrawn":
        raise Conflict(
            f"The post-mortem of {postmortem.ref} is not published.",
            hint="Publish it inside the organization first.",
        )
    if external.stage != "approved":
        raise Conflict("The comms lead has not approved this text.", hint="Ask for a review of it.")
    await _check_speaker(tx, actor, postmortem.incident_id)
    await _check_clean(tx, external, public_url)
    await store.change(
        tx, postmortem.id, published_version=external.version, published_at=now, publisher=actor.label
    )
    await tx.audit(actor, "postmortem.external_published", postmortem.ref, now, version=external.version)
    body = leak_scan.public_text(external.body)
    await tx.emit(ExternalPostmortemPublished(postmortem.incident_id, body, actor), now)
    return await _refreshed(tx, postmortem)


async def _check_clean(tx: Tx, external: ExternalVersion, public_url: str) -> None:
    listed = await leaks(tx, external.body, public_url)
    if listed:
        raise Conflict(
            "The text contains internal details.",
            hint="Remove the listed passages, then ask again.",
            fields={"text": "; ".join(f"line {leak.line}: {leak.text}" for leak in listed[:10])},
        )
    if not leak_scan.public_text(external.body).strip():
        raise Conflict("Nothing in the text is public.", hint="Write what customers should know.")


async def _check_speaker(tx: Tx, actor: Actor, incident_id: int) -> None:
    """Raise `Forbidden` unless the actor is the comms lead of the incident or a manager."""
    if actor.person_id is None:
        raise Forbidden("Only a person can do this.")
    holders = (await incidents.roles(tx, [incident_id]))[incident_id]
    is_comms = any(h.role is IncidentRole.COMMS and h.person_id == actor.person_id for h in holders)
    if not is_comms and not permissions.allows(await rights_of(tx, actor), Verb.STATUS_PAGE_WRITE):
        raise Forbidden("The comms lead of the incident or a manager does this.", hint="Ask one of them.")


async def _locked(tx: Tx, incident_id: int) -> tuple[Postmortem, ExternalVersion]:
    postmortem = await lookup.locked(tx, incident_id)
    external = await store.external(tx, postmortem.id)
    if external is None or not external.is_needed:
        raise NotFound(
            f"The post-mortem of {postmortem.ref} has no version for customers.",
            hint="Decide first that customers get one.",
        )
    return postmortem, external


async def _refreshed(tx: Tx, postmortem: Postmortem) -> ExternalVersion:
    await tx.live(live_topic(postmortem))
    external = await store.external(tx, postmortem.id)
    assert external
    return external
