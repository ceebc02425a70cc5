"""What becomes of the shifts, the requests and the offers of somebody who left."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from firebell.kit.db import Tx
from firebell.kit.events import SYSTEM
from firebell.oncall.model import CoverDeclined, CoverState
from firebell.oncall.schedules import changes, store
from firebell.oncall.swaps import store as swaps_store
from firebell.people import actions as people
from firebell.people.model import PersonLeft


async def withdraw(tx: Tx, event: PersonLeft, now: datetime) -> None:
    """Withdraw what they asked for and offered; who asked them for cover hears that they cannot."""
    ids = await store.lock(tx, await swaps_store.schedules_with(tx, event.person_id))
    for schedule in await store.schedules(tx, ids, since=now):
        await changes.withdraw_stale(tx, SYSTEM, schedule, now)
    for cover in await swaps_store.covers(tx, schedule_ids=ids, state=CoverState.OPEN, since=now):
        if event.person_id in cover.asked and event.person_id not in cover.declined:
            await swaps_store.save_cover(tx, replace(cover, declined=(*cover.declined, event.person_id)))
            await tx.emit(CoverDeclined(cover.id, event.person_id), now)


async def tell(tx: Tx, payload: Mapping[str, int], now: datetime) -> None:
    """Tell whom it concerns that the shifts of somebody who left are now others', or nobody's.

    What they asked for while they were leaving is withdrawn too.
    """
    who = await people.person(tx, payload["person_id"])
    theirs = {*await store.ids_naming(tx, who.id, now), *await swaps_store.schedules_with(tx, who.id)}
    ids = await store.lock(tx, list(theirs))
    before = {s.id: s for s in await store.schedules(tx, ids, since=now, still=who.id)}
    for after in await store.schedules(tx, ids, since=now):
        await changes.withdraw_stale(tx, SYSTEM, after, now)
        await changes.announce(tx, before[after.id], after, who.name, now, f"{who.name} left")
