"""What is done for intents about incidents, by the actions that the web calls."""

from collections.abc import Sequence
from datetime import datetime

from firebell.chat import store
from firebell.chat.handlers import incident_queries, task_queries, timeline_capture
from firebell.chat.handlers.incident_queries import visible_incident
from firebell.chat.intents import status_texts
from firebell.chat.intents.commands import plain
from firebell.chat.intents.model import (
    AddEntry,
    CaptureMessage,
    ChangeRole,
    ChangeSeverity,
    CloseIncident,
    DeclareIncident,
    DismissIncident,
    ForcePhase,
    JoinRoom,
    ListIncidents,
    OpenModal,
    ReopenIncident,
    ResolveIncident,
    ShowRoles,
    ShowStatus,
    ShowSummary,
    SubmitDeclaration,
)
from firebell.chat.intents.reply_model import Reply, ReplyButton, refusal
from firebell.chat.linked_users import linking
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.chat.mirror import desired_state
from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN, ROLE_NAMES, Incident, IncidentRole, Phase
from firebell.kit.db.database import Tx
from firebell.kit.errors import Conflict
from firebell.paging import actions as paging
from firebell.people.model import Role
from firebell.people.permissions import Rights, Verb, allows

_RECORDED = {
    "update": "Update posted",
    "note": "Note added",
    "finding": "Finding added",
    "decision": "Decision added",
    "mitigation": "Mitigation added",
}


def _open_button(context: ChatContext, incident: Incident) -> ReplyButton:
    return ReplyButton("Open room", url=context.url(f"/incidents/{incident.ref}"))


async def declare(tx: Tx, context: ChatContext, intent: DeclareIncident, now: datetime) -> Reply:
    """Declare an incident; its pages start in the same transaction."""
    similar = await incidents.similar_incidents(tx, intent.title, now)
    incident = await incidents.declare(
        tx, context.actor, title=intent.title, severity=intent.severity, now=now
    )
    return declared(context, incident, [each for each in similar if each.id != incident.id])


async def submit_declaration(tx: Tx, context: ChatContext, intent: SubmitDeclaration, now: datetime) -> Reply:
    """Declare an incident by the form, with the classifier of the web."""
    if intent.page is not None:
        context.check_known((await paging.page(tx, intent.page)).triggered_at)
    incident = await incidents.declare(
        tx,
        context.actor,
        title=intent.title,
        severity=intent.severity,
        answers=intent.answers,
        cap_unknown=True,
        service_ids=intent.service_ids,
        page_id=intent.page,
        summary=intent.summary,
        commander_id=_commander(context) if intent.command else None,
        drill=intent.drill,
        incident_type=intent.incident_type,
        private=intent.private,
        now=now,
    )
    return declared(context, incident)


def _commander(context: ChatContext) -> int | None:
    """Return who declares as the commander, None for someone who may not act in incidents."""
    return context.person.id if context.person and _may_respond(context) else None


def _may_respond(context: ChatContext) -> bool:
    """Return True for someone who may act in incidents."""
    return context.person is not None and allows(Rights(Role(context.person.role)), Verb.INCIDENT_UPDATE)


async def capture_message(tx: Tx, context: ChatContext, intent: CaptureMessage, now: datetime) -> Reply:
    """Add a message of the chat to the timeline."""
    captured = await timeline_capture.capture(tx, context, intent.incident, intent.kind, intent.message, now)
    return Reply(f"Added to the timeline of INC-{captured.incident_id} as a {captured.kind}.")


async def force_phase(tx: Tx, context: ChatContext, intent: ForcePhase, now: datetime) -> Reply:
    """Move an incident to a phase although a check says no; the timeline shows the reason."""
    return await change_phase(tx, context, intent.incident, intent.phase, intent.reason, now, force=True)


def declared(context: ChatContext, incident: Incident, similar: Sequence[Incident] = ()) -> Reply:
    """Return the answer to a declaration, with the incidents that may be the same."""
    parts = [f"{incident.ref} (SEV{incident.severity}) declared."]
    if incident.severity <= 1 and not incident.drill:
        parts.append("The people on call are paged.")
    if incident.is_private:
        parts.append("Only those involved see it.")
    lines = [" ".join(parts)]
    if similar:
        lines += ["These may be the same:", *(status_texts.heading(each) for each in similar)]
    buttons = [_open_button(context, incident)]
    buttons += [ReplyButton(f"Join {each.ref} instead", JoinRoom(each.id)) for each in similar]
    if context.person is None:
        buttons.append(ReplyButton("Link my account", url=context.link_url))
    return Reply("\n".join(lines), tuple(buttons))


async def add_entry(tx: Tx, context: ChatContext, intent: AddEntry, now: datetime) -> Reply:
    """Add an entry to the timeline."""
    incident = await visible_incident(tx, context, intent.incident)
    text = plain(intent.text)
    await incidents.add_entry(tx, context.actor, incident.id, intent.kind, text, now)
    changed = await incidents.incident(tx, incident.id)
    due = f" Next update {context.at(changed.update_due_at)}." if changed.update_due_at else ""
    return Reply(f"{_RECORDED[intent.kind]} in {incident.ref}.{due}")


async def change_severity(tx: Tx, context: ChatContext, intent: ChangeSeverity, now: datetime) -> Reply:
    """Change the severity; lowering it without a reason asks for one."""
    incident = await visible_incident(tx, context, intent.incident)
    if intent.severity > incident.severity and not intent.reason:
        return Reply(modal=OpenModal("severity", incident.id, severity=intent.severity))
    reason = plain(intent.reason)
    changed = await incidents.set_severity(tx, context.actor, incident.id, intent.severity, reason, now)
    return Reply(f"{incident.ref} is now SEV{changed.severity}.", (_open_button(context, incident),))


async def change_role(tx: Tx, context: ChatContext, intent: ChangeRole, now: datetime) -> Reply:
    """Take a role, or give it to a user who is linked to a person."""
    incident = await visible_incident(tx, context, intent.incident)
    role, name = intent.role, ROLE_NAMES[intent.role].lower()
    assert context.person is not None
    if intent.change == "drop":
        return await _release_role(tx, context, incident, role, now)
    person_id, who = context.person.id, "You are"
    if intent.user is not None:
        person_id = (await linking.linked_person(tx, context, intent.user)).id
        who = f"{intent.user.label or 'They'} is" if intent.user.label else "They are"
    await incidents.take_role(tx, context.actor, incident.id, role, person_id, now)
    return Reply(f"{who} now {name} of {incident.ref}.")


async def _release_role(
    tx: Tx, context: ChatContext, incident: Incident, role: IncidentRole, now: datetime
) -> Reply:
    assert context.person is not None
    name = ROLE_NAMES[role].lower()
    holders = (await incidents.roles(tx, [incident.id]))[incident.id]
    if not any(each.role is role and each.person_id == context.person.id for each in holders):
        raise Conflict(f"You are not {name} of {incident.ref}.")
    await incidents.release_role(tx, context.actor, incident.id, role, context.person.id, now)
    offer = OpenModal("role", incident.id)
    return Reply(
        f"You are no longer {name} of {incident.ref}.", (ReplyButton("Assign role", offer, primary=True),)
    )


async def change_phase(
    tx: Tx,
    context: ChatContext,
    incident_id: int,
    phase: Phase,
    reason: str,
    now: datetime,
    *,
    force: bool = False,
) -> Reply:
    """Move an incident to a phase; a refusal says what is missing, with a button for it."""
    incident = await visible_incident(tx, context, incident_id)
    try:
        async with tx.savepoint():
            changed = await incidents.set_phase(
                tx, context.actor, incident.id, phase, now, reason=plain(reason), force=force
            )
    except Conflict as error:
        return refusal(error, *_ways_on(context, incident, phase, reason, error))
    return Reply(f"{incident.ref} is now {changed.phase}.", (_open_button(context, incident),))


def _ways_on(
    context: ChatContext, incident: Incident, phase: Phase, reason: str, error: Conflict
) -> list[ReplyButton]:
    buttons = []
    if "mitigation" in error.message and phase is Phase.MONITORING:
        known = AddEntry(incident.id, "mitigation", reason) if reason else None
        label = "Record this as the mitigation" if known else "Record a mitigation"
        buttons.append(ReplyButton(label, known or OpenModal("mitigation", incident.id), primary=True))
    if error.hint:
        buttons.append(ReplyButton("Skip with a reason", OpenModal(f"force-{phase}", incident.id)))
    return [*buttons, _open_button(context, incident)]


async def resolve(tx: Tx, context: ChatContext, intent: ResolveIncident, now: datetime) -> Reply:
    """End the impact: the incident is monitored."""
    return await change_phase(tx, context, intent.incident, Phase.MONITORING, intent.text, now)


async def close(tx: Tx, context: ChatContext, intent: CloseIncident, now: datetime) -> Reply:
    """Close the incident if its guard allows it."""
    return await change_phase(tx, context, intent.incident, Phase.CLOSED, intent.text, now)


async def reopen(tx: Tx, context: ChatContext, intent: ReopenIncident, now: datetime) -> Reply:
    """Reopen a closed incident."""
    return await change_phase(tx, context, intent.incident, Phase.INVESTIGATING, "", now)


async def dismiss(tx: Tx, context: ChatContext, intent: DismissIncident, now: datetime) -> Reply:
    """Dismiss the incident as a false alarm."""
    return await change_phase(tx, context, intent.incident, Phase.DISMISSED, intent.reason, now)


def _due(context: ChatContext, incident: Incident) -> str:
    return context.at(incident.update_due_at) if incident.update_due_at else ""


async def show_status(tx: Tx, context: ChatContext, intent: ShowStatus, now: datetime) -> Reply:
    """Show the status."""
    known = await incident_queries.facts(tx, context, intent.incident)
    text = status_texts.status(known.incident, known.holders, _due(context, known.incident), now)
    return Reply(text, (_open_button(context, known.incident),))


async def show_summary(tx: Tx, context: ChatContext, intent: ShowSummary, now: datetime) -> Reply:
    """Show what a person who joins needs to know."""
    known = await incident_queries.facts(tx, context, intent.incident)
    due = _due(context, known.incident)
    doing = await task_queries.in_progress(tx, known.incident, now)
    text = status_texts.summary(
        known.incident, known.holders, known.services, known.timeline, due, now, doing
    )
    buttons = [_open_button(context, known.incident)]
    if context.person is None:
        return Reply(text, (*buttons, ReplyButton("Link my account", url=context.link_url)))
    for role, label in ((IncidentRole.COMMANDER, "Take command"), (IncidentRole.COMMS, "Be comms lead")):
        if known.incident.phase in OPEN and _may_respond(context) and not known.holders.get(role):
            take = ChangeRole(known.incident.id, role, "take")
            buttons.insert(0, ReplyButton(label, take, primary=True))
            break
    return Reply(text, tuple(buttons))


async def show_roles(tx: Tx, context: ChatContext, intent: ShowRoles, now: datetime) -> Reply:
    """Show who holds which role."""
    known = await incident_queries.facts(tx, context, intent.incident)
    return Reply(status_texts.roles(known.incident, known.holders), (_open_button(context, known.incident),))


async def join(tx: Tx, context: ChatContext, intent: JoinRoom, now: datetime) -> Reply:
    """Add the person to the incident as a responder, which invites them to its channel, and link to it."""
    incident = await visible_incident(tx, context, intent.incident)
    person = context.person
    if person is not None and incident.phase in OPEN and _may_respond(context):
        roles = (await incidents.roles(tx, [incident.id]))[incident.id]
        if all(each.person_id != person.id for each in roles):
            await incidents.take_role(tx, context.actor, incident.id, IncidentRole.RESPONDER, person.id, now)
    room = await store.room(tx, context.account.id, incident.id)
    buttons = [_open_button(context, incident)]
    if room is not None and (url := desired_state.room_url(context.account, room)):
        buttons.insert(0, ReplyButton("Open channel", url=url, primary=True))
    return Reply(status_texts.heading(incident), tuple(buttons))


async def list_incidents(tx: Tx, context: ChatContext, intent: ListIncidents, now: datetime) -> Reply:
    """List up to 20 incidents."""
    rows = await incident_queries.listed(tx, context, plain(intent.search), now)
    link = ReplyButton("All incidents", url=context.url("/incidents"))
    if not rows:
        text = "No incident matches." if intent.search not in ("", "mine") else "No incident is open."
        return Reply(text, (link,))
    lines = [
        f"{status_texts.heading(row.incident)}, {row.phase}, "
        f"commander {row.commander[0] if row.commander else 'not assigned'}"
        for row in rows
    ]
    return Reply("\n".join(lines), (link,))
