"""Timers of alerts: notices about unreadable messages, the ends of mutes, holds and flapping, alerts that expire."""

from collections.abc import Sequence
from datetime import datetime

from firebell.alerts import actions
from firebell.alerts.expiry import actions as expiry_actions
from firebell.alerts.muting import actions as mute_actions
from firebell.alerts.routing_rules import actions as routing_actions
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers


async def run_broken(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Notify owners of integrations that send unreadable messages, once a day for as long as they do."""
    for timer in due_timers:
        if await actions.notify_broken(tx, int(timer.key), now):
            await timers.schedule(
                tx, actions.BROKEN_SOURCE_TIMER, timer.key, now + actions.BROKEN_SOURCE_WINDOW
            )
    return ()


async def run_mutes(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Page for what still fires of the mutes that have ended."""
    left = await actions.release_mutes(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in left]


async def run_inhibition(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """End the mutes of inhibition rules whose sources no longer fire."""
    await actions.check_inhibition(tx, now)
    return ()


async def run_holds(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Page for what still fires of the groups that have waited."""
    await actions.release_holds(tx, [int(timer.key) for timer in due_timers], now)
    return ()


async def run_expiries(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """End alerts that are no longer sent, once a minute for as long as an integration has alerts that may expire."""
    waiting = await actions.check_expiries(tx, sorted(int(timer.key) for timer in due_timers), now)
    await timers.schedule_many(
        tx,
        actions.EXPIRY_TIMER,
        [(str(integration_id), now + expiry_actions.INTERVAL, 0) for integration_id in waiting],
    )
    return ()


async def run_flapping(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """End the flapping of alerts that have been calm for long enough."""
    await actions.settle_flapping(tx, [timer.key for timer in due_timers], now)
    return ()


HANDLERS: dict[str, timers.Handler] = {
    actions.BROKEN_SOURCE_TIMER: run_broken,
    mute_actions.MUTE_TIMER: run_mutes,
    routing_actions.HOLD_TIMER: run_holds,
    actions.INHIBITION_TIMER: run_inhibition,
    actions.EXPIRY_TIMER: run_expiries,
    actions.FLAPPING_TIMER: run_flapping,
}
