"""The pages that someone can answer, and the requests of providers that were refused."""

from datetime import datetime, timedelta

from firebell.kit.db.database import Reads, Tx
from firebell.paging import queries
from firebell.paging.model import OPEN, Page, PageFilter
from firebell.replies import poll_store, store

MAX_PAGES = 20
CallbackRefusal = store.CallbackRefusal
callback_refusals = store.callback_refusals
TAKEN_OVER_WITHIN = timedelta(seconds=20)
"""Maximum time after a lease ends until another process claims it, if one fetches."""
ABANDONED_FOR = timedelta(days=1)
"""How long a channel counts as abandoned: afterward, it was probably turned off."""


async def abandoned_channels(tx: Reads, now: datetime) -> dict[str, datetime]:
    """Return the channels whose process died and was not replaced, with the end of its lease."""
    return await poll_store.leases_ended(tx, now - ABANDONED_FOR, now - TAKEN_OVER_WITHIN)


async def open_pages(tx: Tx, person_id: int, now: datetime) -> list[Page]:
    """Return the latest open pages that notified a person."""
    wanted = PageFilter(person_id=person_id)
    states = [str(state) for state in OPEN]
    return (await queries.list_pages(tx, states=states, wanted=wanted, limit=MAX_PAGES, now=now)).pages
