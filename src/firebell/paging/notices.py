"""The texts of messages that are not about a page: tests, sources that cannot be read, stored notices."""

from dataclasses import dataclass, field
from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.signing import Signer
from firebell.kit.text import plural
from firebell.paging import store
from firebell.people import actions as people

TEST = "test"
VERIFICATION = "verification"
SOURCE = "source"
_CONTACT = "/settings/contact"


@dataclass(frozen=True, slots=True)
class NoticeContent:
    """The content of a notice: a line, a paragraph, and the path of the screen to open."""

    title: str
    note: str
    urgency: str = "low"
    link: str = ""
    code: str = field(default="", repr=False)
    """A verification code, which is also in the title."""


def verification(code_id: int) -> str:
    """Return the reason of a message that carries a code of this request."""
    return f"{VERIFICATION}-{code_id}"


def is_requested(reason: str) -> bool:
    """Return True if its recipient requested the message: a test or a code."""
    return reason.partition("-")[0] in (TEST, VERIFICATION)


def source(integration_id: int) -> str:
    """Return the reason of a message about an integration."""
    return f"{SOURCE}-{integration_id}"


async def notice_content(tx: Tx, signer: Signer, reason: str, now: datetime) -> NoticeContent:
    """Return the content of a message with this reason as of now."""
    kind, _, about = reason.partition("-")
    if kind == TEST:
        return NoticeContent(
            "Firebell test message", "This is how Firebell reaches you. No action is needed."
        )
    if kind == VERIFICATION:
        return _verification(await people.issue_code(tx, signer, int(about), now))
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


def _verification(code: str) -> NoticeContent:
    if not code:
        return NoticeContent(
            "Your Firebell code expired", "This code can't be used any more. Send a new one.", link=_CONTACT
        )
    return NoticeContent(
        f"{code} is your Firebell code",
        f"Enter {code} in Firebell within 10 minutes to receive pages here."
        " If you didn't ask for it, ignore this message.",
        urgency="high",
        link=_CONTACT,
        code=code,
    )
