"""The audiences of an incident by email: colleagues and customers.

The audiences of one kind of reader share a post, so that each address gets one message, whatever audiences it is in.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.audiences import actions as audiences
from firebell.audiences.model import AudienceText, Moment
from firebell.comms.target import Destination, PostTarget, Reference, Sending
from firebell.comms.tone.model import ReaderKind
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.people.action_permissions import internal

KIND = "audience"


def _reader(*, is_external: bool) -> ReaderKind:
    return ReaderKind.CUSTOMER if is_external else ReaderKind.INTERNAL


async def _destinations(tx: Tx, incident: Incident, now: datetime) -> Sequence[Destination]:
    """Return the audiences that anyone stands behind, but for the one that reads the updates of the room."""
    return [
        Destination(
            f"{KIND}:{clock.audience.slug}",
            clock.audience.name,
            "Email, due now" if clock.is_overdue(now) else "Email",
            _reader(is_external=clock.audience.is_external),
            is_suggested=clock.is_overdue(now),
            is_first=not clock.sent,
            refusal="Nothing of a private incident goes outside."
            if clock.audience.is_external and incident.is_private
            else "",
        )
        for clock in (await audiences.of_incident(tx, incident)).clocks
        if not clock.is_empty and not clock.audience.follows_updates
    ]


@internal("Part of publishing a post.")
async def _send(tx: Tx, actor: Actor, sending: Sending, now: datetime) -> Reference:
    """Send to all chosen audiences of the same reader; for each after the first, that is done already."""
    incident, content = sending.incident, sending.content
    current = await audiences.of_incident(tx, incident)
    chosen = [clock for clock in current.clocks if f"{KIND}:{clock.audience.slug}" in content.targets]
    own = next(clock for clock in chosen if f"{KIND}:{clock.audience.slug}" == sending.destination)
    together = [clock for clock in chosen if clock.audience.is_external == own.audience.is_external]
    subject = content.subject(incident.title)
    if not own.audience.is_external:
        subject = f"{incident.marked_ref}: {incident.title}"
    translations = _translations(sending) if own.audience.is_external else {}
    texts = [AudienceText(clock.audience.slug, subject, sending.body, translations) for clock in together]
    moment = Moment.UPDATE if own.sent else Moment.FIRST
    if incident.closed_at is not None or content.stage == "resolved":
        moment = Moment.END
    key = f"post-{sending.post_id}-{_reader(is_external=own.audience.is_external)}"
    post = await audiences.send_post(tx, actor, incident.id, moment, texts, now, key=key)
    return {"audience_post": post.id, "is_first": own is together[0]}


def _translations(sending: Sending) -> Mapping[str, str]:
    """Return the translations of the text, which customers get in their language if it is the whole public one."""
    is_public = sending.body == sending.content.bodies.get(ReaderKind.PUBLIC, "")
    return sending.content.translations if is_public else {}


@internal("Part of recalling a post.")
async def _recall(tx: Tx, actor: Actor, incident: Incident, reference: Reference, now: datetime) -> None:
    if reference["is_first"]:
        await audiences.recall_post(tx, actor, incident.id, reference["audience_post"], now)


TARGET = PostTarget(KIND, False, _destinations, _send, _recall)
