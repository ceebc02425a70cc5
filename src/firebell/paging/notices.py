"""The texts of messages that are not about a page: tests, sources that cannot be read, stored notices."""

from dataclasses import dataclass
from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.text import plural
from firebell.paging import store

TEST = "test"
SOURCE = "source"


@dataclass(frozen=True, slots=True)
class NoticeContent:
    """The content of a notice: a line, a paragraph, and the path of the screen to open."""

    title: str
    note: str
    urgency: str = "low"
    link: str = ""


def source(integration_id: int) -> str:
    """Return the reason of a message about an integration."""
    return f"{SOURCE}-{integration_id}"


async def notice_content(tx: Tx, reason: str, now: datetime) -> NoticeContent:
    """Return the content of a message with this reason as of now."""
    kind, _, about = reason.partition("-")
    if kind == TEST:
        return NoticeContent(
            "Firebell test message", "This is how Firebell reaches you. No action is needed."
        )
    if kind != SOURCE:
        notice = await store.notice(tx, int(about))
        return NoticeContent(notice.title, notice.note, notice.urgency, notice.link)
    broken = await alerts.broken_source(tx, int(about), now)
    if broken is None:
        return NoticeContent(
            "Alerts can be read again", "Firebell can read what the source sends now. No action is needed."
        )
    service = (await catalog.services_by_id(tx, [broken.service_id]))[broken.service_id]
    return NoticeContent(
        f"{service.name}: can't read alerts from {broken.name}",
        f"{plural(broken.count, 'message')} from {broken.name} could not be read in full."
        f" What could be read was accepted, and the rest opened a page. Latest error: {broken.error}"
        " Open the service to see the messages, then correct the sender's configuration.",
    )
