"""The warning before an acknowledgment runs out, to those who would be paged again (spec 2.1)."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.kit.jobs import timers
from firebell.notify import actions as notify
from firebell.paging import log_writer, store
from firebell.paging.escalation import state_machine as escalation
from firebell.paging.model import ACK_ENDING_KIND, ACK_WARNING_TIMER, NewLogEntry, Page
from firebell.people.model import URGENCIES


async def schedule(tx: Tx, pages: Sequence[Page]) -> None:
    """Set the timer of the warning for each page that has one; a later acknowledgment moves it."""
    warned = ((page, escalation.ack_warning_at(page)) for page in pages)
    rows = [(str(page.id), at, page.epoch) for page, at in warned if at is not None]
    await timers.schedule_many(tx, ACK_WARNING_TIMER, rows)


async def warn(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Warn the owners of pages whose acknowledgment is about to run out; one that was renewed has a later timer."""
    pages = await store.pages_by_id(tx, [int(timer.key) for timer in due_timers])
    ending = {
        page.id: page
        for page in pages.values()
        if (at := escalation.ack_warning_at(page)) is not None
        and at <= now
        and page.due_at
        and now < page.due_at
    }
    owners = {page_id: ids for page_id, ids in (await store.owners(tx, list(ending))).items() if ids}
    for urgency in URGENCIES:
        recipients = {i: ids for i, ids in owners.items() if ending[i].urgency == urgency}
        await notify.send_about(tx, ACK_ENDING_KIND, recipients, now, urgency=urgency)
    if owners:
        text = "Warned the owners that the acknowledgment is about to run out."
        await log_writer.add_log(tx, [NewLogEntry.by(SYSTEM, i, "ack_ending", text) for i in owners], now)
        for page_id in owners:
            await tx.live(f"pg-{page_id}")
    return ()


HANDLERS: dict[str, timers.Handler] = {ACK_WARNING_TIMER: warn}
