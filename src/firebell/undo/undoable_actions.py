"""The table of actions that can be undone, with how each is undone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.comms import actions as comms
from firebell.handbook import actions as handbook
from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.signing import Signer
from firebell.oncall.calendars import actions as calendars
from firebell.oncall.schedules import change_undo
from firebell.paging import actions as paging
from firebell.paging.policies import actions as policy_actions
from firebell.people import actions as people
from firebell.people import permissions
from firebell.people.permissions import Rights, Verb
from firebell.postmortems import actions as postmortems
from firebell.runbooks import actions as runbooks
from firebell.saved_views import actions as saved_views


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo restored, as a sentence, and the page that shows it."""

    text: str
    url: str


async def _policy(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    policy = await policy_actions.restore_policy(tx, actor, entry, now)
    return Undone(f"{policy.name} restored.", f"/escalation/{policy.slug}")


async def _service(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    service = await catalog.restore_service(tx, actor, entry, now)
    return Undone(f"{service.name} restored.", f"/services/{service.slug}")


async def _deleted_service(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    service = await catalog.undo_deletion(tx, actor, entry, now)
    return Undone(f"{service.name} restored.", f"/services/{service.slug}")


async def _dependencies(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    service = await catalog.restore_dependencies(tx, actor, entry, now)
    return Undone(f"Dependencies of {service.name} restored.", f"/services/{service.slug}#dependencies")


async def _integration(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    name = await alerts.restore_integration(tx, actor, entry, now)
    service = (await catalog.services_by_id(tx, [entry.subject_id]))[entry.subject_id]
    return Undone(f"Key {name} restored.", f"/services/{service.slug}")


async def _contact_method(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    await people.restore_contact_method(tx, actor, entry, now)
    return Undone("Contact method restored.", "/settings/contact")


async def _api_key(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    await people.restore_api_key(tx, actor, entry, now)
    return Undone("API key restored.", "/settings/keys")


async def _person(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    person = await people.reactivate_person(tx, actor, entry, now)
    text = f"{person.name} reactivated. Their API keys and calendar feeds stay revoked."
    return Undone(text, "/settings/people")


async def _team(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    team = await people.restore_team_members(tx, actor, entry, now)
    return Undone(f"Members of {team.name} restored.", "/settings/teams")


async def _fallback(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    await people.restore_fallback_responders(tx, actor, entry, now)
    return Undone("Fallback responders restored.", "/settings/teams#catch-all")


async def _postmortem(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    await postmortems.unpublish(tx, actor, entry, now)
    return Undone(f"The post-mortem of {entry.subject} is a draft again.", f"/post-mortems/{entry.subject}")


async def _runbook(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    slug = await runbooks.restore_removed(tx, actor, entry, now)
    return Undone(f"Runbook {slug} restored.", f"/runbooks/{slug}")


async def _template(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    template_id = await handbook.restore_own(tx, actor, entry, now)
    return Undone(f"Your text of {template_id} restored.", f"/handbook/templates/{template_id}")


async def _override(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    schedule = await change_undo.restore_override(tx, actor, entry, now)
    return Undone(f"Override on {schedule.name} restored.", f"/oncall/{schedule.slug}")


async def _shadow(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    schedule = await change_undo.restore_shadow(tx, actor, entry, now)
    return Undone(f"Shadow shift on {schedule.name} restored.", f"/oncall/{schedule.slug}")


async def _feed(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    await calendars.restore_feed(tx, actor, entry, now)
    return Undone("Calendar feed restored.", "/settings/calendars")


async def _saved_view(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    view = await saved_views.restore_saved_view(tx, actor, entry, now)
    return Undone(f"View {view.name} restored.", view.path)


async def _manual_page(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    page = await paging.retract_manual_page(tx, actor, entry, now)
    return Undone(f"{page.ref} resolved as a mistake.", f"/pages/{page.ref}")


async def _comms_post(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Undone:
    post = await comms.recall(tx, actor, entry, now)
    return Undone("Update recalled. Its text is your draft.", f"/incidents/INC-{post.incident_id}/comms")


@dataclass(frozen=True, slots=True)
class Way:
    """How one kind of audit entry is undone: permission, function, and the hint once it is too late."""

    verb: Verb
    restore: Callable[[Tx, Actor, undo.Entry, datetime], Awaitable[Undone]]
    late: str


WAYS = {
    "comms.published": Way(Verb.INCIDENT_UPDATE, _comms_post, "Publish a correction instead."),
    "page.manual": Way(Verb.PAGE_START, _manual_page, "Resolve the page instead."),
    "policy.deleted": Way(Verb.POLICY_WRITE, _policy, "Create the policy again in Escalation."),
    "saved_view.deleted": Way(Verb.SAVED_VIEW_WRITE, _saved_view, "Save the view again."),
    "service.changed": Way(Verb.SERVICE_WRITE, _service, "Change it on its page."),
    "service.deleted": Way(Verb.SERVICE_WRITE, _deleted_service, "Restore it on its page."),
    "service.dependencies": Way(Verb.SERVICE_WRITE, _dependencies, "Add it again on the service's page."),
    "integration.revoked": Way(Verb.INTEGRATION_REVOKE, _integration, "Add a new key to the service."),
    "contact.removed": Way(Verb.CONTACT_METHOD_WRITE, _contact_method, "Add the contact method again."),
    "key.revoked": Way(Verb.API_KEY_REVOKE, _api_key, "Create a new key in Settings, API keys."),
    "person.left": Way(Verb.PERSON_WRITE, _person, "Reactivate them in Settings, People."),
    "team.members": Way(Verb.TEAM_WRITE, _team, "Open the team and change it there."),
    "catch_all.set": Way(Verb.FALLBACK_WRITE, _fallback, "Change them in Settings, Teams."),
    "postmortem.published": Way(Verb.POSTMORTEM_PUBLISH, _postmortem, "Edit the published text instead."),
    "runbook.removed": Way(Verb.RUNBOOK_WRITE, _runbook, "Restore it in Runbooks, or write it again."),
    "runbook.restored": Way(Verb.RUNBOOK_WRITE, _runbook, "Your text is in the audit log: save it again."),
    "template.reset": Way(Verb.TEMPLATE_WRITE, _template, "Your text is in the audit log: save it again."),
    "schedule.override_removed": Way(Verb.OVERRIDE_WRITE, _override, "Create the override again."),
    "schedule.shadow_removed": Way(Verb.SCHEDULE_WRITE, _shadow, "Add the shadow shift again."),
    "calendar.feed_revoked": Way(Verb.OWN_CALENDAR_WRITE, _feed, "Create a new feed in Settings, Calendars."),
}
"""The undoable actions, by the action of their audit entry."""


async def carry_out(
    tx: Tx, signer: Signer, actor: Actor, rights: Rights, token: str, now: datetime
) -> Undone:
    """Undo the action of a token; raise `Conflict` with the next step when it can no longer be undone."""
    entry = await undo.find(tx, signer, actor, token, WAYS, now)
    way = WAYS[entry.action]
    permissions.check(rights, way.verb)
    await undo.check(tx, actor, entry, now, way.late)
    undone = await way.restore(tx, actor, entry, now)
    await undo.record(tx, actor, entry, now)
    return undone
