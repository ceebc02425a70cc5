"""What messages about a page are replaced by, once it waits for no one."""

from collections.abc import Sequence
from datetime import datetime

from firebell.catalog import actions as catalog
from firebell.channels.base import Message
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.notify.model import Outgoing, Recipient
from firebell.paging import store
from firebell.paging.messages import brief, headline, thread_of
from firebell.paging.model import UNANSWERED, Page, PageState
from firebell.people import actions as people

_NAMED_OWNERS = 3


async def compose_retractions(
    tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime
) -> list[Message | None]:
    """Return the outcome of the page of each delivery, without a way to act; None if it waits for someone again."""
    pages = await store.pages_by_id(tx, [one.delivery.subject_id for one in outgoing])
    owners = await store.owners(tx, list(pages))
    persons = await people.people_by_id(tx, [person for ids in owners.values() for person in ids])
    services = await catalog.services_by_id(tx, [p.service_id for p in pages.values() if p.service_id])
    messages: list[Message | None] = []
    for delivery, recipient in outgoing:
        page = pages.get(delivery.subject_id)
        if page is None or page.state in UNANSWERED:
            messages.append(None)
            continue
        names = [persons[person].name for person in owners[page.id]]
        service = services.get(page.service_id or 0)
        messages.append(
            Message(
                event=str(page.state),
                type=f"page.{page.state}",
                title=page.title,
                headline=headline(page, service.name if service else ""),
                urgency="low",
                composed_at=now,
                ref=page.ref,
                url=f"{ctx.public_url}/pages/{page.ref}",
                lines=(_what_happened(page, names, recipient),),
                brief=brief(page, recipient, service.name if service else ""),
                is_neutral=True,
                thread=thread_of(page, delivery),
            )
        )
    return messages


def _what_happened(page: Page, owners: Sequence[str], recipient: Recipient) -> str:
    word = recipient.word
    match page.state:
        case PageState.RESOLVED:
            return word("Resolved.")
        case PageState.SNOOZED if page.snoozed_until:
            return word("Snoozed until {time}.", time=recipient.moment(page.snoozed_until))
        case PageState.SNOOZED:
            return word("Snoozed.")
        case _:
            names = _joined(owners, recipient)
            return word("Acknowledged by {names}.", names=names) if owners else word("Acknowledged.")


def _joined(names: Sequence[str], recipient: Recipient) -> str:
    """Return names as in a sentence, at most three of them."""
    more = len(names) - _NAMED_OWNERS
    listed = [*names[:_NAMED_OWNERS], *([recipient.word("{count} more", count=more)] if more > 0 else [])]
    return f" {recipient.word('and')} ".join(filter(None, (", ".join(listed[:-1]), *listed[-1:])))
