"""Actions on post-mortems."""

from datetime import datetime
from typing import Any

from firebell.handbook import actions as handbook
from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN, IncidentRole, Phase
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.references import parse_ref
from firebell.kit.web import undo
from firebell.people.action_guards import permits
from firebell.people.permissions import Verb
from firebell.postmortems import lookup, store
from firebell.postmortems.document.blocks import expand
from firebell.postmortems.drafting.block_texts import block_texts
from firebell.postmortems.drafting.draft import draft
from firebell.postmortems.drafting.queries import load_sources
from firebell.postmortems.editing import comments, presence, saving, version_store
from firebell.postmortems.list_position import PostmortemPosition
from firebell.postmortems.model import ListedPostmortem, Postmortem, VersionReason
from firebell.postmortems.open_placeholders import unfinished
from firebell.postmortems.reminders import actions as reminders

add_comment = comments.add_comment
assign_author = reminders.assign_author
find = store.of_incident
note_presence = presence.note_presence
of_incident = lookup.of_incident
reply = comments.reply
restore = saving.restore
save = saving.save
save_section = saving.save_section
set_resolved = comments.set_resolved
version = saving.version


async def postmortems(tx: Tx, after: PostmortemPosition | None, limit: int) -> list[ListedPostmortem]:
    """Return post-mortems after a position: unpublished ones first, each part in descending order of due time."""
    return await store.postmortems(tx, after, limit, await incidents.hidden_ids(tx))


async def unpublished(tx: Tx) -> list[ListedPostmortem]:
    """Return up to 500 unpublished post-mortems in descending order of their due time."""
    return await store.unpublished(tx, await incidents.hidden_ids(tx))


async def newest(tx: Tx, before: int | None, limit: int) -> list[Postmortem]:
    """Return the post-mortems of incidents with an id below `before`, newest incident first."""
    return await store.newest(tx, before, limit, await incidents.hidden_ids(tx))


async def draft_for(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Draft the post-mortem of a closed incident that requires one."""
    incident = await incidents.incident(tx, payload["incident_id"])
    if incidents.postmortem_required(incident):
        await start(tx, SYSTEM, incident.id, now)
    if postmortem := await store.of_incident(tx, incident.id):
        await reminders.renew_due(tx, incident, postmortem, now)


@permits(Verb.POSTMORTEM_WRITE)
async def start(tx: Tx, actor: Actor, incident_id: int, now: datetime) -> Postmortem:
    """Draft a post-mortem from the timeline, due 48 hours after closing, for a SEV2 or SEV3 a week. Idempotent."""
    incident = await incidents.incident(tx, incident_id)
    roles = (await incidents.roles(tx, [incident_id]))[incident_id]
    author = next((a.person_id for a in roles if a.role is IncidentRole.COMMANDER), incident.declared_by)
    template = await handbook.template(tx, "postmortem")
    body = draft(template.body, await load_sources(tx, [incident_id], now))
    due_at = await reminders.due_of(tx, incident, author, now)
    if await store.insert(tx, incident_id, body, due_at, author, now):
        postmortem = await of_incident(tx, incident_id)
        await reminders.schedule(tx, postmortem.id, now)
        await tx.audit(actor, "postmortem.started", incident.ref, now)
        await tx.live("incidents")
    return await of_incident(tx, incident_id)


async def placeholders(tx: Tx, postmortem: Postmortem) -> list[str]:
    """Return the placeholders of the template that the post-mortem still has."""
    return unfinished(postmortem.body, (await handbook.template(tx, "postmortem")).body)


@permits(Verb.POSTMORTEM_PUBLISH)
async def publish(tx: Tx, actor: Actor, incident_id: int, now: datetime) -> None:
    """Publish the post-mortem of an incident that is not open, with its live blocks frozen.

    A closed incident becomes reviewed. A published one that was edited since is published again.

    Raise `Invalid` naming the placeholders that are left, `Conflict` if it is published.
    """
    incident, postmortem = await incidents.incident(tx, incident_id), await lookup.locked(tx, incident_id)
    if incident.phase in OPEN:
        raise Conflict(
            f"{postmortem.ref} is still open.", hint="Close the incident, then publish the post-mortem."
        )
    if remaining := await placeholders(tx, postmortem):
        raise Invalid(
            "The post-mortem still has placeholders.",
            hint="Replace or delete them, then publish it.",
            fields={"body": "; ".join(remaining)},
        )
    if postmortem.state == "published" and postmortem.version == postmortem.published_version:
        raise Conflict("The post-mortem is already published.")
    sources = await load_sources(tx, await lookup.incident_ids(tx, postmortem), now)
    frozen = expand(postmortem.body, block_texts(postmortem.body, sources))
    number = await saving.store_version(
        tx,
        actor,
        postmortem,
        frozen,
        VersionReason.PUBLISH,
        now,
        base_n=postmortem.version,
        is_audited=False,
    )
    await store.publish(tx, postmortem.id, now)
    await tx.audit(actor, "postmortem.published", postmortem.ref, now, version=number)
    if incident.phase is Phase.CLOSED:
        await incidents.set_phase(tx, actor, incident_id, Phase.REVIEWED, now, published=True)


@permits(Verb.POSTMORTEM_PUBLISH)
async def unpublish(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> None:
    """Make a published post-mortem a draft again; raise `Conflict` if someone changed it since."""
    incident_id = parse_ref("INC", entry.subject)
    incident, postmortem = await incidents.incident(tx, incident_id), await lookup.locked(tx, incident_id)
    published = await version_store.version(tx, postmortem.id, entry.detail["version"])
    if postmortem.state != "published" or postmortem.version != entry.detail["version"]:
        raise undo.changed_since(
            f"the post-mortem of {postmortem.ref} was changed since you published it.", "Edit it instead."
        )
    before = (
        published and published.base_n and await version_store.version(tx, postmortem.id, published.base_n)
    )
    if before:
        await saving.store_version(
            tx, actor, postmortem, before.body, VersionReason.RESTORE, now, base_n=before.n, is_audited=False
        )
    await store.unpublish(tx, postmortem.id)
    await reminders.schedule(tx, postmortem.id, now)
    await tx.audit(actor, "postmortem.unpublished", postmortem.ref, now)
    if incident.phase is Phase.REVIEWED:
        await incidents.withdraw_review(tx, actor, incident_id, now)
