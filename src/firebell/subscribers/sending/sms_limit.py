"""What text messages to subscribers may cost a day: a limit of their own, of which codes get half (spec 7.12)."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from firebell.channels.phone import settings as phone_settings
from firebell.kit.db.database import Tx
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people import actions as people
from firebell.people.permissions import MANAGERS
from firebell.subscribers.model import Purpose
from firebell.subscribers.sending import sms_store

WARNED_PERCENTS = (80, 100)
DAY = timedelta(days=1)
REFUSED = "The daily limit of text messages is reached."


def is_within(used: int, limit: int, purpose: Purpose) -> bool:
    """Return True if one more message may be sent; requests of strangers use up at most half of the limit."""
    return not limit or used < (limit if purpose is Purpose.BROADCAST else limit / 2)


def reached_percent(used: int, limit: int) -> int:
    """Return the largest share of the limit that is reached and warned of, 0 for none."""
    return max((p for p in WARNED_PERCENTS if limit and 100 * used >= p * limit), default=0)


async def warn(tx: Tx, settings: Mapping[str, str], now: datetime) -> None:
    """Notify managers and admins when 80% and all of the daily limit are used, once a day for each."""
    limit = phone_settings.public_daily_parts(settings)
    used = await sms_store.parts_since(tx, now - DAY)
    if not (percent := reached_percent(used, limit)):
        return
    consequence = (
        "Nothing more is sent until it is below the limit." if percent == WARNED_PERCENTS[-1] else ""
    )
    notices = [
        Notice(
            key=f"subscriber-sms:{now:%Y-%m-%d}:{percent}:{person.id}",
            person_id=person.id,
            kind="subscribers",
            title=f"Text messages to subscribers: {percent}% of the daily limit is used",
            note=f"{used} of {limit} parts were sent in the last 24 hours. {consequence}".strip(),
            link="/status-pages",
        )
        for person in await people.people_with_role(tx, MANAGERS)
    ]
    await notify.send_notices(tx, notices, now)
