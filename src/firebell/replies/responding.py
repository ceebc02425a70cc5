"""Act on pages for people who answer through a channel, by the actions that the web calls, and say what is now."""

from dataclasses import dataclass
from datetime import datetime

from firebell.channels.callbacks import PageAction, SignalAnswer
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import FirebellError
from firebell.kit.localtime import zone
from firebell.paging import actions as paging
from firebell.paging.model import AckResult, Page, PageState
from firebell.people.model import Person, Role
from firebell.people.permissions import Rights


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who answers, and through which address of which channel."""

    person: Person
    channel: str
    address: str

    @property
    def actor(self) -> Actor:
        """The person as the actor of what they ask for; the audit entries say through what it came."""
        rights = Rights(Role(self.person.role))
        return Actor("person", self.person.name, self.person.id, rights, {"via": self.channel})


async def respond(
    tx: Tx, answerer: Answerer, action: PageAction, page_id: int, now: datetime
) -> SignalAnswer:
    """Do what was asked for; a refusal is an answer too, and changes nothing."""
    try:
        async with tx.savepoint():
            match action:
                case PageAction.ACK:
                    return await _acknowledge(tx, answerer, page_id, now)
                case PageAction.ESCALATE:
                    page = await paging.escalate(tx, answerer.actor, page_id, now)
                    return SignalAnswer(f"You escalated {page.ref}.")
                case PageAction.RESOLVE:
                    page = await paging.resolve(tx, answerer.actor, page_id, now)
                    return SignalAnswer(f"You resolved {page.ref}.")
    except FirebellError as error:
        return SignalAnswer(f"{error.message}", is_done=False)


async def _acknowledge(tx: Tx, answerer: Answerer, page_id: int, now: datetime) -> SignalAnswer:
    before = await first_acknowledgment(tx, await paging.page(tx, page_id), answerer.person)
    result = await paging.ack(tx, answerer.actor, page_id, now)
    ref = result.page.ref
    if result.page.state is PageState.RESOLVED:
        return SignalAnswer(f"{ref} is resolved.")
    if result.missing:
        return SignalAnswer(f"You acknowledged {ref}. {result.waits_for}")
    return SignalAnswer(f"{before} You own it too." if before else f"You acknowledged {ref}.")


async def first_acknowledgment(tx: Tx, page: Page, person: Person) -> str:
    """Return who else acknowledged a page first and when; empty if no one did."""
    if page.state is not PageState.ACKED:
        return ""
    first = next((e for e in await paging.log(tx, page.id) if e.kind == "acked"), None)
    if first is None or first.actor == person.name:
        return ""
    return f"{first.actor} acknowledged {page.ref} at {first.at.astimezone(zone(person.tz)):%H:%M}."


async def state_of(tx: Tx, page_id: int, person: Person) -> SignalAnswer:
    """Return what a page is now, in one sentence."""
    page = await paging.page(tx, page_id)
    match page.state:
        case PageState.RESOLVED:
            text = f"{page.ref} is resolved."
        case PageState.ACKED:
            text = await first_acknowledgment(tx, page, person) or f"You acknowledged {page.ref}."
        case PageState.SNOOZED:
            text = f"{page.ref} is snoozed."
        case _ if person.id in page.acks:
            text = (
                f"You acknowledged {page.ref}. {AckResult(page, None, missing=page.acks_missing).waits_for}"
            )
        case _:
            text = f"{page.ref} is open."
    return SignalAnswer(text)
