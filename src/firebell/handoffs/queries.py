"""Read models of handoffs, shared by the web and the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.handoffs import actions, milestones
from firebell.handoffs.model import Handoff
from firebell.kit.db.database import Tx
from firebell.oncall.model import Schedule
from firebell.oncall.schedules import queries as oncall
from firebell.people import actions as people
from firebell.people.model import Person


@dataclass(frozen=True, slots=True)
class HandoffAck:
    """One person of a handoff, and when they acknowledged it, if they did."""

    person: Person
    at: datetime | None


@dataclass(frozen=True, slots=True)
class HandoffDetails:
    """A document with its schedule, its outgoing and incoming people, and whether both sides acknowledged."""

    doc: Handoff
    schedule: Schedule
    leaving: tuple[HandoffAck, ...]
    entering: tuple[HandoffAck, ...]
    complete: bool

    @property
    def path(self) -> str:
        """The path of its web page."""
        return f"/oncall/handoffs/{self.schedule.slug}/{self.doc.day}"

    def waits_for(self, person_id: int) -> bool:
        """Return True if this person has yet to acknowledge."""
        return any(a.person.id == person_id and a.at is None for a in (*self.leaving, *self.entering))


async def details(tx: Tx, docs: Sequence[Handoff]) -> list[HandoffDetails]:
    """Return the details of each document, in the same order."""
    schedules = await oncall.schedules_by_id(tx, list({d.schedule_id for d in docs}))
    acknowledgments = await actions.acknowledged(tx, [d.id for d in docs])
    people_by_id = await people.people_by_id(tx, list({u for s in schedules.values() for u in s.people}))
    handoffs = []
    for doc in docs:
        schedule = schedules[doc.schedule_id]
        acknowledged_at = {a.person_id: a.at for a in acknowledgments[doc.id]}
        leaving, entering = (
            tuple(HandoffAck(people_by_id[u], acknowledged_at.get(u)) for u in side)
            for side in milestones.people_of(schedule, doc.at)
        )
        complete = all(not side or any(a.at for a in side) for side in (leaving, entering))
        handoffs.append(HandoffDetails(doc, schedule, leaving, entering, complete))
    return handoffs
