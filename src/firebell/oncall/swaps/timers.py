"""Timer handlers: expire cover requests and swaps."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.oncall.swaps import covers, requests, swaps


async def run_covers(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Expire cover requests that no one took; return the timers whose schedule is locked."""
    held = await covers.expire(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in held]


async def run_swaps(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Expire swaps that no one accepted; return the timers whose schedule is locked."""
    held = await swaps.expire(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in held]


HANDLERS: dict[str, timers.Handler] = {
    requests.COVER_TIMER: run_covers,
    requests.SWAP_TIMER: run_swaps,
}
