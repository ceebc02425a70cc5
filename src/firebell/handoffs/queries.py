"""What readers need around a handoff, gathered once for page and API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.handoffs import actions, milestones
from firebell.handoffs.model import Handoff
from firebell.kit.db import Tx
from firebell.oncall import actions as oncall
from firebell.oncall.model import Schedule
from firebell.people import actions as people
from firebell.people.model import Person


@dataclass(frozen=True, slots=True)
class Ack:
    """Whether and when one of those whom the handoff is between acknowledged it."""

    person: Person
    at: datetime | None


@dataclass(frozen=True, slots=True)
class HandoffDetails:
    """A document with its schedule, who leaves, who enters, and whether both sides agree."""

    doc: Handoff
    schedule: Schedule
    leaving: tuple[Ack, ...]
    entering: tuple[Ack, ...]
    complete: bool

    @property
    def path(self) -> str:
        """Where its page is."""
        return f"/oncall/handoffs/{self.schedule.slug}/{self.doc.day}"

    def waits_for(self, person_id: int) -> bool:
        """Say whether this person has yet to acknowledge."""
        return any(a.person.id == person_id and a.at is None for a in (*self.leaving, *self.entering))


async def seen(tx: Tx, docs: Sequence[Handoff]) -> list[HandoffDetails]:
    """Return each document with what a reader needs around it."""
    schedules = await oncall.schedules_by_id(tx, list({d.schedule_id for d in docs}))
    done = await actions.acknowledged(tx, [d.id for d in docs])
    everyone = {p.id: p for p in await people.people(tx)}
    found = []
    for doc in docs:
        schedule = schedules[doc.schedule_id]
        at = {a.person_id: a.at for a in done[doc.id]}
        leaving, entering = (
            tuple(Ack(everyone[int(u)], at.get(int(u))) for u in side)
            for side in milestones.people_of(schedule, doc.at)
        )
        complete = all(not side or any(a.at for a in side) for side in (leaving, entering))
        found.append(HandoffDetails(doc, schedule, leaving, entering, complete))
    return found
