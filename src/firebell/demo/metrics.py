"""Answers about pages and the facts of the whole year, so that metrics have numbers from the start, for the demo."""

from datetime import datetime

from firebell.demo.history import Past
from firebell.incidents import actions as incidents
from firebell.incidents.closing import final_facts_actions
from firebell.incidents.model import Phase
from firebell.kit.db.database import Tx
from firebell.metrics import cost_rate
from firebell.metrics.business_impact import actions as business_impact
from firebell.metrics.facts import projection
from firebell.metrics.facts import store as fact_store
from firebell.metrics.team_rates import actions as team_rates
from firebell.paging import actionable_votes
from firebell.paging import actions as paging
from firebell.paging.model import PageState

JUDGED = 60
NOT_ACTIONABLE_EVERY = 5
"""One in this many pages was not actionable."""
COST_PER_HOUR, CURRENCY = "90", "EUR"
TEAM, TEAM_COST_PER_HOUR = "search", "75"
"""The team that has a rate of its own."""
CUSTOMERS = {0: 4_900, 1: 1_400, 2: 180}
"""Customers that an incident of a severity affected, at least."""
LISTED = 500
NO_CUSTOMERS_EVERY = 6
"""One in this many incidents has no customer count."""
EUR_PER_CUSTOMER = 2.5
IMPACT_SOURCE = "Finance, order ledger"


async def add_metrics(past: Past, now: datetime) -> None:
    """Vote on whether the last pages were actionable, set hourly rates, and compute all facts."""
    async with past.ctx.db.tx() as tx:
        pages = await paging.pages(tx, states=(PageState.RESOLVED,), limit=JUDGED)
        for number, page in enumerate(pages):
            who = past.kestrel.actor("Mara" if number % 2 else "Tomás")
            await actionable_votes.vote(tx, who, page.id, number % NOT_ACTIONABLE_EVERY > 0, now)
        await cost_rate.save(tx, past.kestrel.actor("Mara"), COST_PER_HOUR, CURRENCY, now)
        await team_rates.save(tx, past.kestrel.actor("Mara"), TEAM, TEAM_COST_PER_HOUR, CURRENCY, now)
        await _add_impact(tx, past, now)
    more = True
    while more:
        async with past.ctx.db.tx() as tx:
            if not await fact_store.lock_progress(tx):
                return
            more = await projection.catch_up(tx, now)


async def _add_impact(tx: Tx, past: Past, now: datetime) -> None:
    """Record for most closed incidents how many customers they affected, and for severe ones what they cost."""
    mara = past.kestrel.actor("Mara")
    closed = await incidents.incidents(tx, (Phase.CLOSED, Phase.REVIEWED), False, LISTED)
    for one in closed:
        if one.max_severity > 2 or one.id % NO_CUSTOMERS_EVERY == 0:
            continue
        at = one.closed_at or now
        customers = CUSTOMERS[one.max_severity] + 37 * one.id % 400
        await final_facts_actions.record_final_facts(
            tx, mara, one.id, {}, {}, at, numbers={"customers": customers}
        )
        if one.max_severity <= 1:
            amount = f"{customers * EUR_PER_CUSTOMER:.2f}"
            await business_impact.record(tx, mara, one.id, amount, CURRENCY, IMPACT_SOURCE, at)
