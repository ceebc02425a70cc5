"""Messages about post-mortems that became private while waiting: they tell others none of the text."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.channels.base import Message
from firebell.kit.db.database import Tx
from firebell.notify.model import Outgoing
from firebell.people import actions as people
from firebell.postmortems import lookup
from firebell.postmortems.model import Postmortem


async def withheld(tx: Tx, postmortems: Mapping[int, Postmortem], outgoing: Sequence[Outgoing]) -> set[int]:
    """Return the ids of deliveries to recipients who may no longer read the document; documents are by id."""
    persons = await people.people_by_id(tx, list({one.recipient.id for one in outgoing}))
    readers = await lookup.readers_by_document(tx, postmortems.values(), list(persons.values()))
    return {
        delivery.id for delivery, recipient in outgoing if recipient.id not in readers[delivery.subject_id]
    }


def message(event: str, now: datetime) -> Message:
    """Return the message that these recipients get instead."""
    return Message(
        event=event,
        title="A post-mortem became private",
        urgency="low",
        composed_at=now,
        lines=("It covers an incident that only the people involved and managers can see now.",),
    )
