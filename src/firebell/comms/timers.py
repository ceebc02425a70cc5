"""Sends posts whose approval was not answered in time, as their rules say."""

from collections.abc import Sequence
from datetime import datetime

from firebell.comms import sending, store
from firebell.comms.targets import status_page
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.jobs.timers import Handler, Timer


async def end_waits(tx: Tx, timers: Sequence[Timer], now: datetime) -> Sequence[Timer]:
    """Continue the posts whose wait is over; return the timers of those whose incident or status page is locked."""
    incident_of = await store.waiting(tx, [int(timer.key) for timer in timers])
    unlocked = {one.id for one in await incidents.lock_free(tx, sorted(set(incident_of.values())))}
    busy = []
    for timer in timers:
        post_id = int(timer.key)
        if post_id not in incident_of:
            continue
        one = await sending.post(tx, post_id)
        if one.incident_id not in unlocked or not await status_page.lock_free_pages(tx, one.content.targets):
            busy.append(timer)
            continue
        incident = await incidents.incident(tx, one.incident_id)
        await sending.continue_post(tx, sending.author_of(one), incident, post_id, now)
    return busy


HANDLERS: dict[str, Handler] = {sending.APPROVAL_TIMER: end_waits}
