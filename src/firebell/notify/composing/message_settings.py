"""Messages in the language and with the privacy of the contact method that gets them (spec 10.4)."""

from collections.abc import Sequence
from dataclasses import replace

from firebell.channels.base import Message
from firebell.kit.db.database import Tx
from firebell.notify.model import ANSWER, REQUESTED, Delivery, Recipient
from firebell.people import actions as people
from firebell.people.model import MessagePrivacy, MessageSettings

_NEUTRAL_DATA = frozenset(
    ("page", "state", "severity", "service", "team", "triggered_at", "level", "page_url", "ack_url")
)
"""The fields for webhooks that say nothing of what a page is about."""


async def recipients(tx: Tx, deliveries: Sequence[Delivery]) -> dict[int, Recipient]:
    """Return who each delivery is for, by its id."""
    persons = await people.people_by_id(tx, [d.person_id for d in deliveries])
    settings = await people.message_settings(tx, [d.method_id for d in deliveries])
    by_id = {}
    for delivery in deliveries:
        person, own = persons[delivery.person_id], settings.get(delivery.method_id, MessageSettings())
        by_id[delivery.id] = Recipient(
            id=person.id,
            name=person.name,
            tz=person.tz,
            language=own.language,
            title_hidden=own.privacy is MessagePrivacy.TITLE_HIDDEN and not _is_neutral(delivery),
        )
    return by_id


def _is_neutral(delivery: Delivery) -> bool:
    """Return True for codes, tests and answers, which name no more than the number of a page."""
    return delivery.subject_kind in REQUESTED or delivery.reason == ANSWER


def as_set(message: Message, recipient: Recipient) -> Message:
    """Return a message in the language of its recipient, without its title if others may see it; pure."""
    message = replace(message, language=recipient.language)
    return without_title(message) if recipient.title_hidden else message


def without_title(message: Message) -> Message:
    """Return a message that says which page it is about, how severe it is and where, and how to answer; pure."""
    brief = message.brief or message.word("Firebell: you have a message")
    lines = message.lines if message.is_neutral else (message.word("Open Firebell to read it."),)
    return replace(
        message,
        title=brief,
        headline=brief,
        title_hidden=True,
        mail_subject=brief,
        markdown="",
        lines=lines if message.is_text else (),
        lead="",
        facts=(),
        items=(),
        item_count=0,
        data={name: value for name, value in message.data.items() if name in _NEUTRAL_DATA},
    )
