"""The message that asks someone for a review, from the state of the document when it is sent."""

from collections.abc import Sequence
from datetime import datetime

from firebell.channels.base import Message
from firebell.incidents import actions as incidents
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.notify.model import Outgoing
from firebell.people import actions as people
from firebell.postmortems import store, withheld_messages

_EVENT = "postmortem_review"


async def compose(tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime) -> list[Message]:
    """Return the message of each delivery about a review."""
    postmortems = await store.by_id(tx, list({one.delivery.subject_id for one in outgoing}))
    listed = await incidents.incidents_by_id(tx, [each.incident_id for each in postmortems.values()])
    authors = await people.people_by_id(tx, [p.author_id for p in postmortems.values() if p.author_id])
    withheld = await withheld_messages.withheld(tx, postmortems, outgoing)
    messages = []
    for delivery, _ in outgoing:
        if delivery.id in withheld:
            messages.append(withheld_messages.message(_EVENT, now))
            continue
        postmortem = postmortems[delivery.subject_id]
        incident = listed[postmortem.incident_id]
        author = authors.get(postmortem.author_id or 0)
        lines: tuple[str, ...] = (
            f"{incident.title}.",
            f"Version {postmortem.version}, written by {author.name}."
            if author
            else f"Version {postmortem.version}.",
            "Approve it, or say what should change.",
        )
        if postmortem.stage != "review":
            lines = (f"{incident.title}.", f"Nothing is left to review: it is {postmortem.stage}.")
        messages.append(
            Message(
                event=_EVENT,
                title=f"Review the post-mortem of {incident.ref}",
                urgency="low",
                composed_at=now,
                ref=incident.ref,
                url=f"{ctx.public_url}/post-mortems/{incident.ref}/publication",
                lines=lines,
            )
        )
    return messages
