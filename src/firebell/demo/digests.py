"""Who gets weekly digests in the demo: the organization's for Mara, the payments team's for its members."""

from datetime import datetime

from firebell.demo.history import Past
from firebell.digests import actions
from firebell.people import actions as people


async def choose(past: Past, now: datetime) -> None:
    """Turn on the digests; the first ones are sent next Monday."""
    mara = past.kestrel.actor("Mara")
    async with past.ctx.db.tx() as tx:
        await actions.choose_digest(tx, mara, mara.person_id or 0, None, now, is_on=True)
        await actions.set_team_digest(tx, mara, (await people.teams(tx))[0], now, is_on=True)
