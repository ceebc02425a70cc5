"""What the timers of on-call do."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit import due
from firebell.kit.db import Tx
from firebell.oncall import changing, covers, swaps


async def run_covers(tx: Tx, timers: Sequence[due.Timer], now: datetime) -> Sequence[due.Timer]:
    """End requests for cover that nobody took."""
    held = await covers.expire(tx, [int(timer.key) for timer in timers], now)
    return [timer for timer in timers if int(timer.key) in held]


async def run_swaps(tx: Tx, timers: Sequence[due.Timer], now: datetime) -> Sequence[due.Timer]:
    """End swaps that nobody accepted."""
    held = await swaps.expire(tx, [int(timer.key) for timer in timers], now)
    return [timer for timer in timers if int(timer.key) in held]


async def run_clocks(tx: Tx, timers: Sequence[due.Timer], now: datetime) -> Sequence[due.Timer]:
    """Compare the time zone data with what schedules were saved with, once a day."""
    await changing.look_at_clocks(tx, now)
    return []


HANDLERS: dict[str, due.Handler] = {
    changing.CLOCKS_TIMER: run_clocks,
    changing.COVER_TIMER: run_covers,
    changing.SWAP_TIMER: run_swaps,
}
