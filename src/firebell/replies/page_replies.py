"""Act on pages for people who answer through a channel, by the actions that the web calls, and say how the page is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.channels.base import Channel
from firebell.channels.callbacks import PageAction, Press, RepeatRequest, SignalAnswer, TextReply
from firebell.channels.languages import text
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import FirebellError
from firebell.kit.localtime import zone
from firebell.notify import actions as notify
from firebell.notify.model import Delivery
from firebell.paging import actions as paging
from firebell.paging.model import SUBJECT_KIND, UNANSWERED, Page, PageState
from firebell.people import actions as people
from firebell.people.model import Person, Role
from firebell.people.permissions import Rights

NAMED_PAGES = 4
"""Number of pages that an answer names; the others are counted."""
_ACKNOWLEDGING = ("acked", "acked_in_part")
"""The kinds of the log entries of those who acknowledged before anyone joined them."""


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who answers, and through which address of which channel."""

    person: Person
    channel: str
    address: str
    language: str
    """The language of the contact method."""

    def word(self, english: str, /, **values: object) -> str:
        """Return a string in the language of the answers, with its placeholders filled in."""
        return text(self.language, english, **values)

    @property
    def actor(self) -> Actor:
        """The person as the actor of what they ask for; the audit entries say through what it came."""
        rights = Rights(Role(self.person.role))
        return Actor("person", self.person.name, self.person.id, rights, {"via": self.channel})


async def answered_delivery(
    tx: Tx, ctx: Context, channel: Channel, answer: Press | RepeatRequest | TextReply, sender: str
) -> Delivery | None:
    """Return the message about a page that is answered; None if it went to another address or is unknown.

    What was composed before an old backup was restored is unknown, even if another message has its number now.
    """
    delivery = await notify.delivery(tx, answer.delivery_id) if answer.delivery_id else None
    if delivery is None or delivery.channel != channel.kind or not delivery.is_of_message(answer.composed_at):
        return None
    if notify.answered_as(ctx, delivery) != SUBJECT_KIND:
        return None
    return delivery if sender in ("", delivery.address) else None


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
                    return SignalAnswer(answerer.word("You escalated {ref}.", ref=page.ref))
                case PageAction.RESOLVE:
                    page = await paging.resolve(tx, answerer.actor, page_id, now)
                    return SignalAnswer(answerer.word("You resolved {ref}.", ref=page.ref))
    except FirebellError as error:
        return SignalAnswer(f"{error.message}", is_done=False)


ONLY_TOGETHER = "Several pages can only be acknowledged together. Open Firebell."


async def respond_to_all(
    tx: Tx, answerer: Answerer, action: PageAction, page_ids: Sequence[int], now: datetime
) -> tuple[SignalAnswer, list[int]]:
    """Do what was asked for with the pages of one message, and return those with which it was done.

    Several can only be acknowledged, whatever became of them since: the one that is left may not be the one meant.
    """
    if len(page_ids) == 1:
        answer = await respond(tx, answerer, action, page_ids[0], now)
        return answer, list(page_ids) if answer.is_done else []
    if action is not PageAction.ACK:
        return SignalAnswer(answerer.word(ONLY_TOGETHER), is_done=False), []
    return await _acknowledge_all(tx, answerer, page_ids, now)


async def _acknowledge_all(
    tx: Tx, answerer: Answerer, page_ids: Sequence[int], now: datetime
) -> tuple[SignalAnswer, list[int]]:
    """Acknowledge those of several pages that wait for someone: what ended or was acknowledged since is left out."""
    pages = await paging.pages_by_id(tx, page_ids)
    waiting = [i for i in page_ids if i in pages and pages[i].state in UNANSWERED]
    if not waiting:
        return await state_of(tx, page_ids[0], answerer), []
    # in one order everywhere, so that no two answers wait for each other
    answers = await _acknowledge_together(tx, answerer, sorted(waiting), now)
    for page_id in sorted(set(waiting) - answers.keys()):
        answers[page_id] = await respond(tx, answerer, PageAction.ACK, page_id, now)
    done = [i for i in waiting if answers[i].is_done]
    refused = next((answers[i] for i in waiting if not answers[i].is_done), None)
    if len(waiting) == 1 or not done:
        return answers[waiting[0]], done
    acknowledged = answerer.word("You acknowledged {ref}.", ref=refs(answerer, [pages[i].ref for i in done]))
    text = f"{acknowledged} {refused.text}" if refused else acknowledged
    return SignalAnswer(text, is_done=refused is None), done


async def _acknowledge_together(
    tx: Tx, answerer: Answerer, page_ids: Sequence[int], now: datetime
) -> dict[int, SignalAnswer]:
    """Acknowledge those of these pages that need one more acknowledgment, and return the answer for each.

    If that is refused, return none: the caller then asks for each page alone, and gets its refusal.
    """
    try:
        async with tx.savepoint():
            pages = await paging.ack_waiting(tx, answerer.actor, page_ids, now)
    except FirebellError:
        return {}
    return {page.id: SignalAnswer(answerer.word("You acknowledged {ref}.", ref=page.ref)) for page in pages}


def refs(answerer: Answerer, page_refs: Sequence[str]) -> str:
    """Return the references of pages in a sentence, at most four of them."""
    more = len(page_refs) - NAMED_PAGES
    listed = [*page_refs[:NAMED_PAGES], *([answerer.word("{count} more", count=more)] if more > 0 else [])]
    return ", ".join(listed)


async def _acknowledge(tx: Tx, answerer: Answerer, page_id: int, now: datetime) -> SignalAnswer:
    before = await first_acknowledgment(tx, await paging.page(tx, page_id), answerer)
    result = await paging.ack(tx, answerer.actor, page_id, now)
    ref = result.page.ref
    if result.page.state is PageState.RESOLVED:
        return SignalAnswer(answerer.word("{ref} is resolved.", ref=ref))
    if result.missing:
        return SignalAnswer(_still_needed(answerer, result.page))
    if before:
        return SignalAnswer(f"{before} {answerer.word('You own it too.')}")
    return SignalAnswer(answerer.word("You acknowledged {ref}.", ref=ref))


def _still_needed(answerer: Answerer, page: Page) -> str:
    """Return that the person acknowledged, and how many more people must so that the page stops."""
    needed = answerer.word("Still needed to stop the escalation: {count}.", count=page.acks_missing)
    return f"{answerer.word('You acknowledged {ref}.', ref=page.ref)} {needed}"


async def first_acknowledgment(tx: Tx, page: Page, answerer: Answerer) -> str:
    """Return who else acknowledged a page first since it was last triggered, and when; empty if no one did.

    An owner is known by id, because two people can have the same name.
    """
    if page.state is not PageState.ACKED:
        return ""
    owner_ids = (await paging.owners(tx, [page.id]))[page.id]
    owners = {person.name for person in (await people.people_by_id(tx, owner_ids)).values()}
    first = next(
        (
            entry
            for entry in reversed(await paging.log(tx, page.id))
            if entry.kind in _ACKNOWLEDGING and (entry.actor in owners or not owners)
        ),
        None,
    )
    is_own = answerer.person.id in owner_ids and first is not None and first.actor == answerer.person.name
    if first is None or is_own:
        return ""
    at = f"{first.at.astimezone(zone(answerer.person.tz)):%H:%M}"
    return answerer.word("{name} acknowledged {ref} at {time}.", name=first.actor, ref=page.ref, time=at)


async def state_of(tx: Tx, page_id: int, answerer: Answerer) -> SignalAnswer:
    """Return what a page is now, in one sentence."""
    page = await paging.page(tx, page_id)
    match page.state:
        case PageState.ACKED:
            if before := await first_acknowledgment(tx, page, answerer):
                return SignalAnswer(before)
            if answerer.person.id not in (await paging.owners(tx, [page_id]))[page_id]:
                return SignalAnswer(f"{page.ref}: {answerer.word('Acknowledged.')}")
            state = "You acknowledged {ref}."
        case PageState.RESOLVED:
            state = "{ref} is resolved."
        case PageState.SNOOZED:
            state = "{ref} is snoozed."
        case _ if answerer.person.id in page.acks:
            return SignalAnswer(_still_needed(answerer, page))
        case _:
            state = "{ref} is open."
    return SignalAnswer(answerer.word(state, ref=page.ref))
