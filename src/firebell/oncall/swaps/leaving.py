"""Withdraw the requests and swaps of a person who left, and announce their changed shifts."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.oncall.model import CoverDeclined, CoverState
from firebell.oncall.schedules import changes, store
from firebell.oncall.swaps import schedule_changes
from firebell.oncall.swaps import store as swaps_store
from firebell.people import actions as people
from firebell.people.model import PersonLeft


async def withdraw(tx: Tx, event: PersonLeft, now: datetime) -> None:
    """Withdraw the person's requests and swaps, and decline the cover requests that name them."""
    ids = await store.lock(tx, await swaps_store.schedules_with(tx, event.person_id))
    for schedule in await store.schedules(tx, ids, since=now):
        await schedule_changes.withdraw_stale(tx, SYSTEM, schedule, now)
    for cover in await swaps_store.covers(tx, schedule_ids=ids, state=CoverState.OPEN, since=now):
        if event.person_id in cover.asked and event.person_id not in cover.declined:
            await swaps_store.save_cover(tx, replace(cover, declined=(*cover.declined, event.person_id)))
            await tx.emit(CoverDeclined(cover.id, event.person_id), now)


async def announce_left(tx: Tx, payload: Mapping[str, int], now: datetime) -> None:
    """Announce how the shifts of a person who left change, and withdraw requests they made meanwhile."""
    person = await people.person(tx, payload["person_id"])
    affected = {*await store.ids_naming(tx, person.id, now), *await swaps_store.schedules_with(tx, person.id)}
    ids = await store.lock(tx, list(affected))
    before = {s.id: s for s in await store.schedules(tx, ids, since=now, as_if_active=person.id)}
    for after in await store.schedules(tx, ids, since=now):
        await schedule_changes.withdraw_stale(tx, SYSTEM, after, now)
        await changes.announce(tx, before[after.id], after, person.name, now, f"{person.name} left")
