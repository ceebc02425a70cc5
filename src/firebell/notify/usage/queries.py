"""What the channels that cost money sent, and how much of their daily limit is used."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.channels.registry import CHANNELS
from firebell.kit.db.database import Reads
from firebell.notify.hourly_limits import actions as hourly_limit_actions
from firebell.notify.hourly_limits import allowance_store
from firebell.notify.hourly_limits.rules import CodeAllowance
from firebell.notify.receipts import store as receipt_store
from firebell.notify.usage import store as usage_store
from firebell.notify.usage.cost_limits import DAY, limit_of
from firebell.notify.usage.store import Usage

USAGE_DAYS = 30


@dataclass(frozen=True, slots=True)
class ChannelUsage:
    """A channel that costs money: the parts of 24 hours, and its messages of 30 days by provider and country.

    `off_text` says what to set if nothing is sent with it; `daily_limit` is 0 without one.
    """

    kind: str
    label: str
    off_text: str
    daily_limit: int
    daily_parts: int
    usage: tuple[Usage, ...]

    @property
    def used_percent(self) -> int:
        """The share of the daily limit that is used; 0 without a limit."""
        return round(100 * self.daily_parts / self.daily_limit) if self.daily_limit else 0


async def allowances(tx: Reads, now: datetime) -> list[CodeAllowance]:
    """Return the allowances of codes and tests that have not expired, with the names of people."""
    return await hourly_limit_actions.with_names(tx, await allowance_store.in_force(tx, now))


async def channel_usages(tx: Reads, settings: Mapping[str, str], now: datetime) -> list[ChannelUsage]:
    """Return each channel that costs money, in the order in which they are offered."""
    charged = [channel for channel in CHANNELS.values() if channel.daily_parts]
    usage = await usage_store.usage_since(tx, [c.kind for c in charged], now - timedelta(days=USAGE_DAYS))
    return [
        ChannelUsage(
            kind=channel.kind,
            label=channel.label,
            off_text="" if channel.is_ready(settings) else channel.off_text,
            daily_limit=limit_of(channel.kind, settings),
            daily_parts=await receipt_store.parts_since(tx, [channel.kind], now - DAY),
            usage=tuple(row for row in usage if row.channel == channel.kind),
        )
        for channel in charged
    ]
