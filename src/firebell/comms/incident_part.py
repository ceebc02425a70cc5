"""What the incident page shows of posts: the composer, and what waits or was not sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.comms import store
from firebell.comms.first_update import queries as first_updates
from firebell.comms.first_update.queries import FirstUpdateState
from firebell.comms.model import POST_STATE_LABELS, CommsPost, PostState
from firebell.incidents.model import UNDECLARED, Incident, Phase
from firebell.kit.db.database import Tx
from firebell.kit.slice import IncidentPart

NEEDS_SOMEONE = (PostState.WAITING, PostState.PARTLY, PostState.RETURNED)
MAX_SHOWN = 5


@dataclass(frozen=True, slots=True)
class CommsPart:
    """The draft of an incident, and the posts that someone should look at."""

    draft: CommsPost | None
    open_posts: Sequence[CommsPost]
    labels: Mapping[PostState, str]
    first_update: FirstUpdateState


async def load(tx: Tx, incident: Incident, now: datetime) -> CommsPart | None:
    """Return the posts of an incident; None before it is declared, and for a dismissed one."""
    if incident.phase in (*UNDECLARED, Phase.DISMISSED, Phase.MERGED):
        return None
    newest = await store.posts(tx, incident.id, MAX_SHOWN)
    waiting = [post for post in newest if post.state in NEEDS_SOMEONE]
    return CommsPart(
        await store.draft(tx, incident.id),
        waiting,
        POST_STATE_LABELS,
        await first_updates.state(tx, incident, now),
    )


PART = IncidentPart(load, "comms/incident_part.html", "rest")
