"""The pages that someone can answer, and the requests of providers that were refused."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.paging import queries
from firebell.paging.model import OPEN, Page, PageFilter
from firebell.replies import store

MAX_PAGES = 20
CallbackRefusal = store.CallbackRefusal
callback_refusals = store.callback_refusals


async def open_pages(tx: Tx, person_id: int, now: datetime) -> list[Page]:
    """Return the latest open pages that notified a person."""
    wanted = PageFilter(person_id=person_id)
    states = [str(state) for state in OPEN]
    return (await queries.list_pages(tx, states=states, wanted=wanted, limit=MAX_PAGES, now=now)).pages
