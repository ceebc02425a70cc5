"""Which waiting messages are not sent because their incident became private after they were queued."""

from collections.abc import Sequence

from firebell.audiences.posts.delivery_store import ClaimedMail
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.people import actions as people

REASON = "The incident became private."
"""Why such a message is void."""


async def withheld(tx: Tx, claimed: Sequence[ClaimedMail]) -> set[int]:
    """Return the ids of messages about private incidents whose recipients may not read them.

    Customers and bare addresses never may; colleagues may if they are among the readers of the incident.
    """
    listed = await incidents.incidents_by_id(tx, list({mail.incident_id for mail in claimed}))
    ids: set[int] = set()
    for mail in claimed:
        incident = listed[mail.incident_id]
        if not incident.is_private:
            continue
        person = None if mail.is_external else await people.person_by_email(tx, mail.address)
        if person is None or not await incidents.readers_among(tx, [incident], [person]):
            ids.add(mail.id)
    return ids
