"""The messages about a published post-mortem: its summary and a link for people, the whole text for others."""

from collections.abc import Sequence
from datetime import datetime

from firebell.channels.base import Message
from firebell.incidents import actions as incidents
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.truncation import cut
from firebell.notify.model import Outgoing
from firebell.postmortems import store, withheld_messages
from firebell.postmortems.document.evidence import REFERENCE
from firebell.postmortems.document.sections import split, titled
from firebell.postmortems.editing import version_store

SUMMARY_MAX_BYTES = 1_500
_EVENT = "postmortem_published"


async def compose(tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime) -> list[Message]:
    """Return the message of each delivery about a published post-mortem."""
    postmortems = await store.by_id(tx, list({one.delivery.subject_id for one in outgoing}))
    listed = await incidents.incidents_by_id(tx, [each.incident_id for each in postmortems.values()])
    bodies = {}
    for postmortem in postmortems.values():
        version = await version_store.version(
            tx, postmortem.id, postmortem.published_version or postmortem.version
        )
        bodies[postmortem.id] = version.body if version else postmortem.body
    withheld = await withheld_messages.withheld(tx, postmortems, outgoing)
    messages = []
    for delivery, _ in outgoing:
        if delivery.id in withheld:
            messages.append(withheld_messages.message(_EVENT, now))
            continue
        postmortem = postmortems[delivery.subject_id]
        incident = listed[postmortem.incident_id]
        lines = (f"{incident.title}.", "", *summary(bodies[postmortem.id]).split("\n"))
        if postmortem.state != "published":
            lines = (f"{incident.title}.", f"It is no longer published: it is {postmortem.stage}.")
        messages.append(
            Message(
                event=_EVENT,
                title=f"Post-mortem of {incident.ref}: what we learned",
                urgency="low",
                composed_at=now,
                ref=incident.ref,
                url=f"{ctx.public_url}/post-mortems/{incident.ref}",
                lines=lines,
            )
        )
    return messages


def summary(body: str) -> str:
    """Return the summary of a document without its references."""
    section = titled(split(body), "Summary")
    return cut(REFERENCE.sub("", section.text if section else "").strip(), SUMMARY_MAX_BYTES)


def whole(ref: str, title: str, body: str, composed_at: datetime) -> Message:
    """Return the message with the whole published text, for someone who cannot sign in."""
    return Message(
        event=_EVENT,
        title=f"Post-mortem of {ref}: {title}",
        urgency="low",
        composed_at=composed_at,
        markdown=REFERENCE.sub("", body).rstrip("\n"),
        mail_subject=f"Post-mortem of {ref}: {title}",
    )
