"""The message about a post-mortem that is due, from its state and its guided step when it is sent."""

from collections.abc import Sequence
from datetime import datetime

from firebell.channels.base import Message
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.context import Context
from firebell.kit.countdown import stopwatch
from firebell.kit.db.database import Tx
from firebell.kit.localtime import format_local
from firebell.notify.model import Outgoing, Recipient
from firebell.people import actions as people
from firebell.postmortems import store as postmortem_store
from firebell.postmortems import withheld_messages
from firebell.postmortems.progress import queries
from firebell.postmortems.progress.current_steps import CurrentStep
from firebell.postmortems.reminders import store
from firebell.postmortems.reminders.store import DuePostmortem

_EVENT = "postmortem"
HIGH_RANK = 1
READING_LIMIT_S = 1.0
"""How long documents are read for their step: pages that were claimed with these messages wait as long."""


async def compose(tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime) -> list[Message]:
    """Return the message of each delivery about a due post-mortem, in the recipient's time zone.

    A message is without the step of a document that takes too long to read.
    """
    ids = list({one.delivery.subject_id for one in outgoing})
    postmortems = await store.due_postmortems(tx, ids)
    listed = await incidents.incidents_by_id(
        tx, [p.incident_id for p in postmortems.values() if p.incident_id]
    )
    steps = await queries.current_steps(tx, ids, ctx.pace.timeout(READING_LIMIT_S))
    authors = await people.people_by_id(tx, [p.author_id for p in postmortems.values() if p.author_id])
    documents = await postmortem_store.by_id(tx, ids)
    withheld = await withheld_messages.withheld(tx, documents, outgoing)
    return [
        withheld_messages.message(_EVENT, now)
        if delivery.id in withheld
        else _message(
            postmortem := postmortems[delivery.subject_id],
            listed.get(postmortem.incident_id or 0),
            steps.get(postmortem.id),
            authors[postmortem.author_id].name if postmortem.author_id in authors else "",
            recipient,
            ctx.public_url,
            delivery.rank == HIGH_RANK,
            now,
        )
        for delivery, recipient in outgoing
    ]


def _message(
    postmortem: DuePostmortem,
    incident: Incident | None,
    step: CurrentStep | None,
    author: str,
    recipient: Recipient,
    public_url: str,
    is_urgent: bool,
    now: datetime,
) -> Message:
    left = postmortem.due_at - now
    is_overdue = left.total_seconds() <= 0
    when = f"overdue {stopwatch(left)}" if is_overdue else f"due in {stopwatch(left)}"
    is_author = postmortem.author_id == recipient.id
    writes = "You write it." if is_author else f"{author} writes it." if author else "It has no author yet."
    if incident:
        ref, title, what, path = incident.ref, incident.title, "Post-mortem of ", "post-mortems"
    else:
        ref, title = f"NM-{postmortem.near_miss}", postmortem.near_miss_title
        what, path = "Near miss ", "near-misses"
    lines = (
        f"{title}.",
        f"Due {format_local(postmortem.due_at, recipient.tz)}, state {postmortem.state}. {writes}",
        *([f"Next: {step.text}. {step.missing}."] if step else []),
    )
    if postmortem.state == "published":
        when, lines = "published", (f"{title}.", "Nothing is left to do.")
    return Message(
        event=_EVENT,
        title=f"{what}{ref}: {when}",
        urgency="high" if is_urgent else "low",
        composed_at=now,
        ref=ref,
        url=f"{public_url}/{path}/{ref}",
        lines=lines,
    )
