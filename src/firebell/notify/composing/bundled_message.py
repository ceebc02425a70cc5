"""One message that stands for several pages, and their order (spec 10.4; pure)."""

from collections.abc import Sequence
from dataclasses import replace

from firebell.channels.base import Action, Message
from firebell.notify.model import Delivery

_NO_SEVERITY = 9


def by_severity(pages: Sequence[tuple[Delivery, Message]]) -> list[tuple[Delivery, Message]]:
    """Return deliveries and their messages, the most severe page first."""

    def place(page: tuple[Delivery, Message]) -> tuple[int, int, int]:
        delivery, message = page
        severity = message.data.get("severity")
        return (delivery.rank, severity if isinstance(severity, int) else _NO_SEVERITY, delivery.id)

    return sorted(pages, key=place)


def bundled_message(messages: Sequence[Message], code: int, inbox_url: str) -> Message:
    """Return one message that stands for several, the most severe first; one answer is for all of them."""
    first, count = messages[0], len(messages)
    text = first.word("{count} pages, most severe: {title}", count=count, title=first.first_line)
    return replace(
        first,
        type="page.bundled",
        title=text,
        headline=text,
        ref="",
        url=inbox_url,
        lead="",
        facts=(),
        items=(),
        item_count=0,
        actions=(Action(first.word("Acknowledge all"), inbox_url),),
        reply_code=code,
        rank=min(message.rank for message in messages),
        pages=tuple(messages),
    )
