"""Actions on post-mortems."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from firebell.handbook import actions as handbook
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.postmortems import lookup, store
from firebell.postmortems.document import factors as document_factors
from firebell.postmortems.drafting import block_texts as drafting_blocks
from firebell.postmortems.drafting.draft import draft
from firebell.postmortems.drafting.queries import load_sources
from firebell.postmortems.editing import actions_from_text, comments, presence, saving, timeline_choices
from firebell.postmortems.external import actions as external_actions
from firebell.postmortems.external import leak_settings
from firebell.postmortems.model import ListedPostmortem, Postmortem, PostmortemKind
from firebell.postmortems.open_placeholders import unfinished
from firebell.postmortems.postmortem_list import indexing
from firebell.postmortems.publication import actions as publication
from firebell.postmortems.publication import distribution_settings
from firebell.postmortems.reminders import actions as reminders
from firebell.postmortems.review import actions as review
from firebell.postmortems.several_incidents import actions as several_incidents

acknowledge = publication.acknowledge
NewAction = actions_from_text.NewAction
add_action = actions_from_text.add_action
add_comment = comments.add_comment
approve = review.approve
approve_external = external_actions.approve_external
ask_external_review = external_actions.ask_external_review
ask_for_review = review.ask_for_review
add_incident = several_incidents.add_incident
factor_label = document_factors.label
factors = drafting_blocks.factors
choosable_entries = timeline_choices.choosable_entries
choose_entries = timeline_choices.choose_entries
assign_author = reminders.assign_author
decide_external = external_actions.decide_external
external_of = external_actions.external_of
find = store.of_incident
note_presence = presence.note_presence
of_incident = lookup.of_incident
publish = publication.publish
publish_external = external_actions.publish_external
remove_incident = several_incidents.remove_incident
reply = comments.reply
restore = saving.restore
save = saving.save
save_distribution_settings = distribution_settings.save_distribution_settings
save_external = external_actions.save_external
save_leak_settings = leak_settings.save_leak_settings
save_section = saving.save_section
set_distribution = publication.set_distribution
set_resolved = comments.set_resolved
unpublish = publication.unpublish
version = saving.version
want_changes = review.want_changes
withdraw = review.withdraw


async def unpublished(tx: Tx, service_ids: Collection[int]) -> list[ListedPostmortem]:
    """Return the post-mortems about incidents of these services that have to be published, earliest due first."""
    return await store.unpublished(tx, await incidents.hidden_ids(tx), service_ids)


async def unpublished_of_author(tx: Tx, person_id: int, limit: int) -> list[ListedPostmortem]:
    """Return the post-mortems that a person still has to publish, earliest due first, then those without an author."""
    return await store.unpublished_of_author(tx, person_id, await incidents.hidden_ids(tx), limit)


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
async def start(tx: Tx, actor: Actor, incident_id: int, now: datetime, *, appendix: str = "") -> Postmortem:
    """Draft a post-mortem from the timeline, due 48 hours after closing, for a SEV2 or SEV3 a week. Idempotent.

    That of a drill is of its own kind. `appendix` is Markdown that follows the draft.
    """
    incident = await incidents.incident(tx, incident_id)
    if await store.of_incident(tx, incident_id):
        return await of_incident(tx, incident_id)
    roles = (await incidents.roles(tx, [incident_id]))[incident_id]
    author = next((a.person_id for a in roles if a.role is IncidentRole.COMMANDER), incident.declared_by)
    template = await handbook.template(tx, "postmortem")
    body = draft(template.body, await load_sources(tx, [incident_id], now))
    body = f"{body.rstrip()}\n\n{appendix}" if appendix else body
    due_at = await reminders.due_of(tx, incident, author, now)
    kind = PostmortemKind.DRILL if incident.drill else PostmortemKind.INCIDENT
    if await store.insert(tx, incident_id, body, due_at, author, now, kind=kind):
        postmortem = await of_incident(tx, incident_id)
        await indexing.index(tx, postmortem.id)
        await reminders.schedule(tx, postmortem.id, now)
        await tx.audit(actor, "postmortem.started", incident.ref, now)
        await tx.live("incidents")
    return await of_incident(tx, incident_id)


async def placeholders(tx: Tx, postmortem: Postmortem) -> list[str]:
    """Return the placeholders of the template that the post-mortem still has."""
    return unfinished(postmortem.body, (await handbook.template(tx, "postmortem")).body)
