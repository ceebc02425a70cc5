"""Sending posts to audiences: one message to each address, which can be recalled for half a minute."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.audiences import store
from firebell.audiences.model import (
    AudienceDefinition,
    AudiencePost,
    AudienceSettings,
    AudienceText,
    DeliveryState,
    Moment,
)
from firebell.audiences.posts import delivery_store, recipients
from firebell.audiences.settings import queries as settings_queries
from firebell.handbook import templates
from firebell.incidents import actions as incidents
from firebell.incidents.model import UNDECLARED, Incident, IncidentRole
from firebell.kit import signing
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.kit.text import clean_text, plural
from firebell.people import permissions
from firebell.people.action_permissions import permits, rights_of
from firebell.people.permissions import Verb
from firebell.response import actions as response
from firebell.response.actions import CUSTOMER_KIND

SUBJECT_MAX_CHARS = 150
BODY_MAX_CHARS = 25_000
KEY_MAX_CHARS = 64
HOLD = timedelta(seconds=30)
"""How long messages wait after someone sends them, so that they can be recalled."""
ENTRY_KIND = "audience"
"""The kind of the timeline entries about posts to colleagues."""
MAIL_LANE = "audience_mail"
"""The lane of the worker that sends the messages."""
_SENDERS = (IncidentRole.COMMANDER, IncidentRole.COMMS)


@permits(Verb.AUDIENCE_SEND)
async def send_post(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    moment: Moment,
    texts: Sequence[AudienceText],
    now: datetime,
    *,
    key: str = "",
) -> AudiencePost:
    """Queue a post to audiences and return it; each address gets one message, whatever audiences it is in.

    The same `key` sends once. Raise `Invalid` for a text that is not finished, `Conflict` if no one would get
    it. Of a drill everything is stored and nothing is sent.
    """
    incident = await incidents.locked(tx, incident_id)
    if key and (sent_id := await store.post_by_key(tx, incident_id, key[:KEY_MAX_CHARS])):
        return await post(tx, incident_id, sent_id)
    await _check_sender(tx, actor, incident)
    settings = await settings_queries.of_incident(tx, incident_id)
    finished = [_finished(each) for each in texts]
    audiences = _chosen(settings, finished)
    if incident.phase in UNDECLARED:
        raise Conflict(f"{incident.ref} is not declared yet, so nothing is sent.")
    if incident.is_private and any(each.is_external for each in audiences):
        raise Conflict(f"{incident.ref} is private: nothing of it goes outside.")
    members = await recipients.recipients_of(tx, incident, audiences, now)
    if not any(members.values()):
        raise Conflict(
            f"No one in {', '.join(each.name for each in audiences)} would get this.",
            hint="Add members to the audience, or contacts to the customers.",
        )
    key = key[:KEY_MAX_CHARS] or signing.random_token(16)
    post_id = await store.insert_post(
        tx, incident_id, moment, key, actor.label, actor.person_id, now, is_drill=incident.drill
    )
    assert post_id is not None, "the incident is locked"
    state = DeliveryState.VOID if incident.drill else DeliveryState.QUEUED
    for audience, text in zip(audiences, finished, strict=True):
        reached = members[audience.slug]
        text_id = await store.insert_text(
            tx,
            post_id,
            audience.slug,
            audience.name,
            text.subject,
            text.body,
            len(reached),
            is_external=audience.is_external,
            translations=text.translations,
        )
        await delivery_store.insert_deliveries(tx, post_id, text_id, reached, state, now + HOLD, now)
        await _record(tx, actor, incident, audience, text, len(reached), post_id, now)
    counts = {each.slug: len(members[each.slug]) for each in audiences}
    await tx.audit(actor, "audience.sent", incident.ref, now, moment=str(moment), recipients=counts)
    await tx.wake(MAIL_LANE)
    return await post(tx, incident_id, post_id)


def _finished(text: AudienceText) -> AudienceText:
    """Return a text as it is sent; raise `Invalid` if it is empty, too long, or has an open placeholder."""
    if "\n" in text.subject.strip() or "\r" in text.subject.strip():
        raise Invalid("The subject has several lines.", fields={"subject": "Enter one line."})
    subject = " ".join(clean_text(text.subject, 10 * SUBJECT_MAX_CHARS).split())
    if not subject or len(subject) > SUBJECT_MAX_CHARS:
        what = "is empty" if not subject else "is too long"
        raise Invalid(
            f"The subject {what}.", fields={"subject": f"Enter 1 to {SUBJECT_MAX_CHARS} characters."}
        )
    if len(text.body) > BODY_MAX_CHARS:
        raise Invalid(
            "The text is too long.", fields={"body": f"Enter at most {BODY_MAX_CHARS:,} characters."}
        )
    body = clean_text(text.body, BODY_MAX_CHARS)
    if not body:
        raise Invalid("The text is empty.", fields={"body": "Write what they should know."})
    for name, value in (("subject", subject), ("body", body)):
        if missing := templates.slots(value):
            listed = ", ".join(f"{{{{{each}}}}}" for each in missing)
            raise Invalid("The draft is not finished.", fields={name: f"Fill in or remove {listed}."})
    return AudienceText(text.audience, subject, body, text.translations)


def _chosen(settings: AudienceSettings, texts: Sequence[AudienceText]) -> list[AudienceDefinition]:
    """Return the audiences of texts; raise `NotFound` or `Invalid`."""
    audiences = []
    for text in texts:
        audience = settings.audience(text.audience)
        if audience is None:
            raise NotFound(f"There is no audience {text.audience[:40]!r}.", hint="See /settings/audiences.")
        audiences.append(audience)
    if not audiences:
        raise Invalid("No audience is chosen.", fields={"audience": "Choose at least one."})
    if len({each.slug for each in audiences}) < len(audiences):
        raise Invalid("Each audience can have only one text.", fields={"audience": "Choose each once."})
    return audiences


async def _check_sender(tx: Tx, actor: Actor, incident: Incident) -> None:
    """Raise `Forbidden` unless the actor is the commander, the comms lead or a manager."""
    if actor.person_id is None or permissions.allows(await rights_of(tx, actor), Verb.AUDIENCE_WRITE):
        return
    holders = (await incidents.roles(tx, [incident.id]))[incident.id]
    if actor.person_id not in {held.person_id for held in holders if held.role in _SENDERS}:
        raise Forbidden(
            "The commander or the comms lead sends this.",
            hint="Take the role of comms lead, or ask one of them.",
        )


async def _record(
    tx: Tx,
    actor: Actor,
    incident: Incident,
    audience: AudienceDefinition,
    text: AudienceText,
    count: int,
    post_id: int,
    now: datetime,
) -> None:
    """Add the post to the timeline; an email to customers is an update for them."""
    kind = CUSTOMER_KIND if audience.is_external else ENTRY_KIND
    noun = "contact" if audience.is_external else "recipient"
    drill = ", but nothing is sent in a drill" if incident.drill else ""
    line = f"sent “{text.subject}” to {audience.name} ({plural(count, noun)}){drill}"
    data = {"post": post_id, "audience": audience.slug}
    await incidents.record_entry(tx, actor, incident.id, kind, line, data, now)
    if audience.is_external:
        await response.record_customer_mail(tx, incident.id, now)


async def post(tx: Tx, incident_id: int, post_id: int) -> AudiencePost:
    """Return a post of an incident; raise `NotFound`."""
    incident = await incidents.incident(tx, incident_id)
    for each in (await store.posts(tx, [incident_id]))[incident_id]:
        if each.id == post_id:
            return each
    raise NotFound(f"{incident.ref} has no post {post_id}.")


@permits(Verb.AUDIENCE_SEND)
async def recall_post(tx: Tx, actor: Actor, incident_id: int, post_id: int, now: datetime) -> int:
    """Void the messages of a post that were not sent yet, and return their number; raise `Conflict` if all were.

    In a drill nothing is sent, so its posts can be recalled at any time, once.
    """
    incident = await incidents.locked(tx, incident_id)
    one = await post(tx, incident_id, post_id)
    await _check_sender(tx, actor, incident)
    voided = await delivery_store.void_unsent(tx, post_id, "Recalled.")
    if one.is_drill:
        voided = sum(text.recipients for text in one.texts) if one.recalled_at is None else 0
    if not voided:
        raise Conflict("Everything was sent already.", hint="Send a correction instead.")
    await store.recall(tx, post_id, now)
    text = f"recalled a post before {plural(voided, 'message')} went out"
    await incidents.record_entry(tx, actor, incident_id, ENTRY_KIND, text, {"post": post_id}, now)
    await tx.audit(actor, "audience.recalled", incident.ref, now, messages=voided)
    return voided


@permits(Verb.AUDIENCE_SEND)
async def retry_post(tx: Tx, actor: Actor, incident_id: int, post_id: int, now: datetime) -> int:
    """Send the messages of a post that failed again, and return their number; raise `Conflict` without any."""
    incident = await incidents.locked(tx, incident_id)
    one = await post(tx, incident_id, post_id)
    await _check_sender(tx, actor, incident)
    queued = await delivery_store.retry_failed(tx, post_id, now, external=not incident.is_private)
    if not queued and incident.is_private and any(text.is_external for text in one.texts):
        raise Conflict(f"{incident.ref} is private: nothing of it goes outside.")
    if not queued:
        raise Conflict("No message of this post failed.")
    await tx.audit(actor, "audience.retried", incident.ref, now, messages=queued)
    await tx.live(f"inc-{incident_id}")
    await tx.wake(MAIL_LANE)
    return queued
