"""Hand a role over to someone who must accept it, and release a role."""

from datetime import datetime
from enum import StrEnum

from firebell.incidents import lookup, store, timeline_writer
from firebell.incidents.model import OPEN, ROLE_NAMES, Incident, IncidentRole
from firebell.incidents.roles import actions as role_actions
from firebell.incidents.roles import ending, handover_store
from firebell.incidents.roles.handover_store import RoleOffer
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.kit.text import clean_text
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

NOTE_MAX_CHARS = 1_000
HANDOVER_KIND = "handover"
"""The kind of the timeline entries about offers and handovers."""

release_role = role_actions.release_role
waiting = handover_store.waiting


class OfferAnswer(StrEnum):
    """How an offer ends: the other person accepts or declines it, or the holder cancels it."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    CANCELED = "canceled"


async def _open_incident(tx: Tx, incident_id: int) -> Incident:
    await store.lock(tx, incident_id)
    incident = await lookup.incident(tx, incident_id)
    if incident.phase not in OPEN:
        raise Conflict(f"{incident.ref} is {incident.phase}, so its roles can't be changed.")
    return incident


async def _held(tx: Tx, incident_id: int, person_id: int | None) -> set[IncidentRole]:
    assignments = (await store.roles(tx, [incident_id]))[incident_id]
    return {a.role for a in assignments if a.person_id == person_id}


async def _holds(tx: Tx, incident_id: int, role: IncidentRole, person_id: int | None) -> bool:
    return role in await _held(tx, incident_id, person_id)


@permits(Verb.INCIDENT_UPDATE)
async def offer_role(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    role: IncidentRole,
    to_id: int,
    note: str,
    now: datetime,
) -> RoleOffer:
    """Offer the actor's role to someone and notify them at once; it stays the actor's until they accept.

    A new offer of the same role replaces the one before.
    """
    incident = await _open_incident(tx, incident_id)
    name, note = ROLE_NAMES[role].lower(), clean_text(note, NOTE_MAX_CHARS, "note")
    if actor.person_id is None or not await _holds(tx, incident_id, role, actor.person_id):
        raise Conflict(
            f"You aren't {name} of {incident.ref}.", hint="Only someone with a role can hand it over."
        )
    person = await role_actions.account_held(tx, to_id)
    held = await _held(tx, incident_id, to_id)
    if role in held:
        raise Invalid(f"{person.name} is {name} already.", fields={"person": "Choose someone else."})
    role_actions.check_can_take(incident, person, role, held)
    await handover_store.cancel_of(tx, incident_id, role, actor.person_id, now)
    offer = await handover_store.insert(tx, incident_id, role, actor.person_id, to_id, note, now)
    suffix = f": {note}" if note else ""
    await _note(tx, actor, offer, f"offered the role {name} to {person.name}{suffix}", now)
    notice = Notice(
        key=f"handover:{offer.id}",
        person_id=to_id,
        kind="handover",
        title=f"{incident.marked_ref}: {actor.label} offers you the role {name}",
        note=note or f"Accept or decline it on the page of {incident.ref}.",
        link=f"/incidents/{incident.ref}#roles",
        urgency="high",
        incident_id=incident.id,
    )
    await notify.send_notices(tx, [notice], now)
    return offer


async def _note(tx: Tx, actor: Actor, offer: RoleOffer, text: str, now: datetime) -> None:
    data = {"offer": offer.id, "role": offer.role, "from": offer.from_id, "to": offer.to_id}
    await timeline_writer.add_timeline_entry(tx, actor, offer.incident_id, HANDOVER_KIND, text, now, **data)


@permits(Verb.INCIDENT_UPDATE)
async def answer_offer(
    tx: Tx, actor: Actor, incident_id: int, offer_id: int, given: OfferAnswer, now: datetime
) -> None:
    """Answer an offer: the person it was made to accepts or declines it, the holder cancels it.

    Accepting moves the role and writes the handover into the timeline.
    """
    incident = await _open_incident(tx, incident_id)
    offer = next((o for o in await handover_store.waiting(tx, incident_id) if o.id == offer_id), None)
    if offer is None:
        raise NotFound(f"This offer of {incident.ref} was answered or canceled.")
    asked = offer.from_id if given is OfferAnswer.CANCELED else offer.to_id
    if actor.person_id != asked:
        person = await people.person(tx, asked)
        raise Forbidden(f"Only {person.name} can answer this.", hint=f"Ask {person.name}.")
    name = ROLE_NAMES[offer.role].lower()
    holder = await people.person(tx, offer.from_id)
    await handover_store.answer(tx, offer.id, given, now)
    if given is OfferAnswer.ACCEPTED:
        if await _holds(tx, incident_id, offer.role, offer.from_id):
            await ending.end_role(tx, incident_id, offer.role, offer.from_id, now)
        # the offer that let them read a private incident is answered
        with private_reader.as_reader(None):
            await role_actions.take_role(tx, actor, incident_id, offer.role, offer.to_id, now)
        suffix = f". {holder.name} said: {offer.note}" if offer.note else ""
        await _note(tx, actor, offer, f"accepted the handover as {name} from {holder.name}{suffix}", now)
    elif given is OfferAnswer.DECLINED:
        await _note(tx, actor, offer, f"declined the role {name} from {holder.name}", now)
    else:
        await _note(tx, actor, offer, f"canceled the offer of the role {name}", now)
    await tx.audit(
        actor, "incident.handover", incident.ref, now, role=offer.role, offer=offer.id, answer=given
    )
