"""What messages may cost a day: beyond the limit, those that can wait fail; urgent pages are still sent (spec 10.7)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from firebell.channels.base import Failed, Message, Outcome
from firebell.channels.registry import CHANNELS
from firebell.kit.db.database import Reads, Tx
from firebell.notify import actions
from firebell.notify.model import Delivery, Notice
from firebell.notify.receipts import store as receipt_store
from firebell.people import actions as people
from firebell.people.permissions import ADMINS

WARNED_PERCENTS = (50, 80, 100)
DAY = timedelta(days=1)


def limit_of(channel: str, settings: Mapping[str, str]) -> int:
    """Return how many parts a day a channel may send before messages that can wait fail; 0 for no limit."""
    declared = CHANNELS.get(channel)
    return declared.daily_parts(settings) if declared and declared.daily_parts else 0


def reached_percents(parts: int, limit: int) -> list[int]:
    """Return the shares of the limit that are reached and warned of."""
    return [percent for percent in WARNED_PERCENTS if limit and 100 * parts >= percent * limit]


async def over_limit(
    tx: Reads, settings: Mapping[str, str], claimed: Sequence[Delivery], now: datetime
) -> dict[int, Message | Outcome]:
    """Return the failure of each message that can wait and would go beyond its channel's limit of 24 hours."""
    can_wait = [d for d in claimed if d.rank == 2 and limit_of(d.channel, settings)]
    refused: dict[int, Message | Outcome] = {}
    for channel in sorted({d.channel for d in can_wait}):
        limit = limit_of(channel, settings)
        left = limit - await receipt_store.parts_since(tx, [channel], now - DAY)
        for delivery in [d for d in can_wait if d.channel == channel][max(0, left) :]:
            text = f"The daily limit of {limit} parts is reached; only urgent pages are sent this way."
            refused[delivery.id] = Failed(text, suspect=False)
    return refused


async def warn(tx: Tx, settings: Mapping[str, str], channels: Collection[str], now: datetime) -> None:
    """Notify the admins when a channel reaches half, 80% and all of its daily limit, once a day for each."""
    for channel in sorted(channels):
        limit = limit_of(channel, settings)
        if not limit:
            continue
        parts = await receipt_store.parts_since(tx, [channel], now - DAY)
        if not (percents := reached_percents(parts, limit)):
            continue
        label, percent = CHANNELS[channel].label, percents[-1]
        consequence = (
            " Tests, codes and low-urgency messages fail until usage drops below the limit."
            if percent == WARNED_PERCENTS[-1]
            else ""
        )
        notices = [
            Notice(
                key=f"cost:{channel}:{now:%Y-%m-%d}:{percent}:{person.id}",
                person_id=person.id,
                kind="cost",
                title=f"{label}: {percent}% of the daily limit is used",
                note=f"{parts} of {limit} parts were sent in the last 24 hours."
                f"{consequence} Urgent pages are always sent.",
                link="/settings/phone",
            )
            for person in await people.people_with_role(tx, ADMINS)
        ]
        await actions.send_notices(tx, notices, now)
