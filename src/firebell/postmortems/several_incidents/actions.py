"""Actions on documents about several incidents: one text, due with the earliest duty, and published for all."""

from datetime import datetime

from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN, Phase
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.jobs import timers
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb
from firebell.postmortems import lookup
from firebell.postmortems.editing.saving import live_topic
from firebell.postmortems.model import Postmortem, PostmortemKind
from firebell.postmortems.reminders import actions as reminders
from firebell.postmortems.several_incidents import store

INCIDENTS_MAX = 20
_DEAD_ENDS = (Phase.DISMISSED, Phase.MERGED)


@permits(Verb.POSTMORTEM_WRITE)
async def add_incident(tx: Tx, actor: Actor, incident_id: int, other_id: int, now: datetime) -> None:
    """Let the post-mortem of an incident be about another one too. Idempotent.

    A draft of the other one that no person has worked on is replaced; raise `Conflict` if someone has, if it is about
    yet another incident, or if the document is published.
    """
    postmortem = await lookup.locked(tx, incident_id)
    main_id = postmortem.incident_id
    about = await lookup.incident_ids(tx, postmortem)
    if other_id in about:
        return
    if postmortem.state in reminders.FINISHED:
        raise Conflict(
            f"The post-mortem of {postmortem.ref} is {postmortem.state}.", hint="Start a revision first."
        )
    if len(about) >= INCIDENTS_MAX:
        raise Invalid(
            "The document covers too many incidents.",
            fields={"incident": f"A document covers at most {INCIDENTS_MAX} incidents."},
        )
    other = await incidents.incident(tx, other_id)
    main = await incidents.incident(tx, main_id)
    if other.phase in _DEAD_ENDS or other.drill != main.drill:
        reason = "is a drill, or the other one is" if other.drill != main.drill else f"was {other.phase}"
        raise Invalid(f"{other.ref} {reason}.", fields={"incident": "Choose another incident."})
    await _replace_draft(tx, other_id, other.ref)
    await store.add(tx, postmortem.id, other_id)
    await store.set_kind(tx, postmortem.id, PostmortemKind.SEVERAL)
    await reminders.renew_due_of_several(tx, postmortem, now)
    await tx.audit(actor, "postmortem.incident_added", postmortem.ref, now, incident=other.ref)
    await tx.live("incidents")
    await tx.live(live_topic(postmortem))


async def _replace_draft(tx: Tx, incident_id: int, ref: str) -> None:
    """Delete the draft of an incident; raise `Conflict` if a person has worked on it, or it covers other incidents."""
    try:
        existing = await lookup.locked(tx, incident_id)
    except NotFound:
        return
    if existing.incident_id != incident_id or existing.kind == PostmortemKind.SEVERAL:
        raise Conflict(f"{ref} is part of the post-mortem of {existing.ref}.", hint="Remove it there first.")
    if not await store.is_untouched(tx, existing.id):
        raise Conflict(
            f"People have worked on the post-mortem of {ref}.",
            hint=f"Add this incident to the post-mortem of {ref} instead.",
        )
    await store.delete(tx, existing.id)
    await timers.cancel(tx, reminders.REMINDER_TIMER, str(existing.id))


@permits(Verb.POSTMORTEM_WRITE)
async def remove_incident(tx: Tx, actor: Actor, incident_id: int, other_id: int, now: datetime) -> None:
    """Let a document be about an incident no more; raise `Conflict` for the main one, `NotFound` for another one."""
    postmortem = await lookup.locked(tx, incident_id)
    if postmortem.incident_id == other_id:
        raise Conflict(f"The document is named after {postmortem.ref}.", hint="Remove the other incidents.")
    if postmortem.state in reminders.FINISHED:
        raise Conflict(
            f"The post-mortem of {postmortem.ref} is {postmortem.state}.", hint="Start a revision first."
        )
    if not await store.remove(tx, postmortem.id, other_id):
        raise NotFound(f"The post-mortem of {postmortem.ref} is not about INC-{other_id}.")
    if len(await lookup.incident_ids(tx, postmortem)) == 1:
        await store.set_kind(tx, postmortem.id, PostmortemKind.INCIDENT)
    await reminders.renew_due_of_several(tx, postmortem, now)
    await tx.audit(actor, "postmortem.incident_removed", postmortem.ref, now, incident=f"INC-{other_id}")
    await tx.live("incidents")
    await tx.live(live_topic(postmortem))


async def _others(tx: Tx, postmortem: Postmortem) -> list[int]:
    if postmortem.kind != PostmortemKind.SEVERAL:
        return []
    return [each for each in await lookup.incident_ids(tx, postmortem) if each != postmortem.incident_id]


async def require_closed(tx: Tx, postmortem: Postmortem) -> None:
    """Raise `Conflict` if one of the other incidents of a document is open."""
    others = await incidents.incidents_by_id(tx, await _others(tx, postmortem))
    if still_open := [one.ref for one in others.values() if one.phase in OPEN]:
        raise Conflict(
            f"{still_open[0]} is still open.",
            hint="Close it, or remove it from the post-mortem, then publish.",
        )


@internal("Part of publishing a document.")
async def review_others(tx: Tx, actor: Actor, postmortem: Postmortem, now: datetime) -> None:
    """Let the other closed incidents of a published document be reviewed."""
    others = await incidents.incidents_by_id(tx, await _others(tx, postmortem))
    for one in sorted(others.values(), key=lambda incident: incident.id):
        if one.phase is Phase.CLOSED:
            await incidents.set_phase(tx, actor, one.id, Phase.REVIEWED, now, published=True)


@internal("Part of undoing a publication.")
async def withdraw_reviews(tx: Tx, actor: Actor, postmortem: Postmortem, now: datetime) -> None:
    """Let the other reviewed incidents of a document be closed again."""
    others = await incidents.incidents_by_id(tx, await _others(tx, postmortem))
    for one in sorted(others.values(), key=lambda incident: incident.id):
        if one.phase is Phase.REVIEWED:
            await incidents.withdraw_review(tx, actor, one.id, now)
