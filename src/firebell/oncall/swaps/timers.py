"""Timer handlers: expire cover requests and swaps."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.oncall.swaps import cover_actions, request_opening, swap_actions


async def run_covers(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Expire cover requests that no one took; return the timers whose schedule is locked."""
    held = await cover_actions.expire(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in held]


async def run_swaps(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Expire swaps that no one accepted; return the timers whose schedule is locked."""
    held = await swap_actions.expire(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in held]


HANDLERS: dict[str, timers.Handler] = {
    request_opening.COVER_TIMER: run_covers,
    request_opening.SWAP_TIMER: run_swaps,
}
