"""Answers about pages and the facts of the whole year, so that metrics have numbers from the start, for the demo."""

from datetime import datetime

from firebell.demo.history import Past
from firebell.metrics import cost, fact_store, projection
from firebell.paging import actionable_votes
from firebell.paging import actions as paging
from firebell.paging.model import PageState

JUDGED = 60
NOT_ACTIONABLE_EACH = 5
"""Every so many pages were not worth it."""
COST_PER_HOUR, CURRENCY = "90", "EUR"


async def add_metrics(past: Past, now: datetime) -> None:
    """Say of the last pages whether they were actionable, set what an hour costs, and compute all facts."""
    async with past.ctx.db.tx() as tx:
        pages = await paging.pages(tx, states=(PageState.RESOLVED,), limit=JUDGED)
        for number, page in enumerate(pages):
            who = past.kestrel.actor("Mara" if number % 2 else "Tomás")
            await actionable_votes.vote(tx, who, page.id, number % NOT_ACTIONABLE_EACH > 0, now)
        await cost.save(tx, past.kestrel.actor("Mara"), COST_PER_HOUR, CURRENCY, now)
    more = True
    while more:
        async with past.ctx.db.tx() as tx:
            if not await fact_store.lock_progress(tx):
                return
            more = await projection.catch_up(tx, now)
