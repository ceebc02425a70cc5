"""What becomes of the pages that a person who leaves has acknowledged (spec 2.3, I8)."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.paging import log_writer, store
from firebell.paging.escalation import state_machine as escalation
from firebell.paging.model import UNANSWERED, NewLogEntry, Page, PageState, escalates_until
from firebell.paging.page_steps import log_all, step_all
from firebell.people import actions as people
from firebell.people.model import PersonLeft


def _event(page: Page, person_id: int) -> escalation.Event:
    # who has acknowledged is not known of older pages: those that are selected have no other active owner
    return escalation.Leave(person_id) if page.acks else escalation.Unack()


async def release_pages(tx: Tx, event: PersonLeft, now: datetime) -> None:
    """Stop counting the acknowledgments of a person who left; page again where too few remain."""
    counted = await store.acknowledged_by(tx, event.person_id)
    # lock the pages whose messages are voided next, too: a transaction locks its pages once, in id order
    waiting = await store.pages_waiting_for(tx, event.person_id)
    held = [page for page in await store.lock(tx, [*counted, *waiting]) if page.id in counted]
    acked = {page.id for page in held if page.state is PageState.ACKED}
    changed = await step_all(tx, held, lambda page: _event(page, event.person_id), now)
    reopened = [page for page in changed if page.id in acked and page.state is not PageState.ACKED]
    await log_all(tx, reopened, "again", "The acknowledging responder was deactivated.", now)
    kept = [page for page in changed if page not in reopened]
    if kept:
        name = (await people.person(tx, event.person_id)).name
        entries = [NewLogEntry.by(SYSTEM, page.id, "ack_withdrawn", _withdrawn(page, name)) for page in kept]
        await log_writer.add_log(tx, entries, now)


def _withdrawn(page: Page, name: str) -> str:
    text = f"{name} was deactivated and no longer counts."
    if page.state in UNANSWERED:
        text += f" {escalates_until(page.acks_missing)}"
    return text


async def pages_released_by(tx: Tx, person_id: int, now: datetime) -> list[Page]:
    """Return the acknowledged pages that page again if a person leaves now, in id order."""
    pages = await store.pages_by_id(tx, await store.acknowledged_by(tx, person_id))
    outcomes = {
        page.id: escalation.step(page, _event(page, person_id), now)
        for page in pages.values()
        if page.state is PageState.ACKED
    }
    released = {
        i for i, page in outcomes.items() if isinstance(page, Page) and page.state is not PageState.ACKED
    }
    return [pages[i] for i in sorted(released)]
