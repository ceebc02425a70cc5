"""The pages that someone can answer."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.paging import queries
from firebell.paging.model import OPEN, Page, PageFilter

MAX_PAGES = 20


async def open_pages(tx: Tx, person_id: int, now: datetime) -> list[Page]:
    """Return the latest open pages that notified a person."""
    wanted = PageFilter(person_id=person_id)
    states = [str(state) for state in OPEN]
    return (await queries.list_pages(tx, states=states, wanted=wanted, limit=MAX_PAGES, now=now)).pages
