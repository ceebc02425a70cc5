"""Messages about no page: a test that somebody asked for, a source whose messages cannot be read, a word."""

from dataclasses import dataclass
from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.kit.db import Tx
from firebell.paging import store

TEST = "test"
SOURCE = "source"


@dataclass(frozen=True, slots=True)
class NoticeContent:
    """What such a message says: a line, a paragraph, and the path of the page to open."""

    title: str
    note: str
    urgency: str = "low"
    link: str = ""


def source(integration_id: int) -> str:
    """Return the reason of a message about an integration."""
    return f"{SOURCE}-{integration_id}"


async def notice_content(tx: Tx, reason: str, now: datetime) -> NoticeContent:
    """Return what a message of this reason says now."""
    kind, _, about = reason.partition("-")
    if kind == TEST:
        return NoticeContent("Firebell test message", "This is how Firebell reaches you. Nothing is wrong.")
    if kind != SOURCE:
        word = await store.word(tx, int(about))
        return NoticeContent(word.title, word.note, word.urgency, word.link)
    broken = await alerts.broken_source(tx, int(about), now)
    if broken is None:
        return NoticeContent(
            "A source can be read again", "What it sends is understood by now. Nothing is wrong."
        )
    service = (await catalog.services_by_id(tx, [broken.service_id]))[broken.service_id]
    return NoticeContent(
        f"{service.name}: what {broken.name} sends cannot be read",
        f"{broken.count} message{'' if broken.count == 1 else 's'} of {broken.name} could not be read in full."
        f" What could be read was taken, and the rest opened a page. The newest: {broken.error}"
        " Look at the service's page, and repair what the sender is set to send.",
    )
