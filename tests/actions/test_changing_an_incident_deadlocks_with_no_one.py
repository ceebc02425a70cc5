"""People who acknowledge pages one by one, or apply a policy, never deadlock with a change of an incident."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentType, Phase
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict
from firebell.paging import actions as paging
from firebell.paging.model import ManualTarget, ManualTargetKind
from firebell.paging.policies import store as policy_store
from firebell.people import actions as people
from firebell.response import actions as response
from tests.lock_waits import until_blocked
from tests.stories.test_a_person_pages_someone_by_hand import start
from tests.stories.test_an_incident_gets_its_response import DAY, organized
from tests.world import World, world

Change = Callable[[Tx, Actor], Awaitable[object]]


async def _declared(w: World, title: str, severity: int = 1) -> Incident:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        return await incidents.declare(
            tx, mara, title=title, severity=severity, service_ids=[w.service], now=w.now
        )


async def _own_page(w: World, incident: Incident) -> int:
    """Return the page of an incident itself."""
    subject = ("incident", incident.id)
    return next(p.id for p in await w.pages() if (p.subject_kind, p.subject_id) == subject)


async def _run(w: World, change: Change) -> None:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await change(tx, mara)


async def _change_while_acknowledging(w: World, first: int, second: int, change: Change) -> None:
    """Run a change while someone acknowledges two pages in the order of their ids, in one transaction."""
    assert first < second
    jun = await w.actor(w.jun)
    async with w.ctx.db.tx() as tx:
        await paging.ack(tx, jun, first, w.now)
        changing = asyncio.create_task(_run(w, change))
        await until_blocked(w.ctx.db, changing)
        # had the change locked the second page before the first, each would wait for the other
        await tx.execute("set local lock_timeout = '500ms'")
        await paging.ack(tx, jun, second, w.now)
    await changing


async def _change_while_applying_the_policy(w: World, change: Change) -> None:
    """Run a change while someone applies the policy, which locks it and then its pages."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        (policy,) = await policy_store.policies(tx)
        await policy_store.lock_policy(tx, policy.id)
        changing = asyncio.create_task(_run(w, change))
        await until_blocked(w.ctx.db, changing)
        # had the change locked a page before the policy, each would wait for the other
        await tx.execute("set local lock_timeout = '500ms'")
        await paging.apply_policy(tx, mara, policy, w.now)
    await changing


async def test_a_merge_waits_for_a_person_who_acknowledges_pages_of_both_incidents(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        into, old = await _declared(w, "Checkout is down"), await _declared(w, "Cards are refused")
        first, second = await _own_page(w, into), await _own_page(w, old)
        await _change_while_acknowledging(
            w, first, second, lambda tx, mara: incidents.merge(tx, mara, old.id, into.id, w.now)
        )


async def test_an_incident_becomes_private_while_a_person_acknowledges_its_pages(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        incident = await _declared(w, "Odd logins", severity=3)
        manual = await start(w, incident_id=incident.id)
        async with w.ctx.db.tx() as tx:
            await incidents.set_severity(tx, await w.actor(w.mara), incident.id, 1, "Worse", w.now)
        own = await _own_page(w, incident)
        kind = IncidentType.SECURITY
        await _change_while_acknowledging(
            w,
            manual,
            own,
            lambda tx, mara: incidents.set_type(tx, mara, incident.id, kind, w.now, private=True),
        )


async def test_an_incident_is_resolved_while_a_person_acknowledges_its_pages(
    dsn: str, clock: FakeClock
) -> None:
    clock.set(DAY)
    async with world(dsn, clock) as w:
        await organized(w)
        incident = await _declared(w, "Checkout is slow", severity=2)
        async with w.ctx.db.tx() as tx:
            await response.request_expertise(tx, await w.actor(w.mara), incident.id, "PostgreSQL", w.now)
        await w.after(minutes=15)
        (first,) = [page.id for page in await w.pages()]
        async with w.ctx.db.tx() as tx:
            await incidents.set_severity(tx, await w.actor(w.mara), incident.id, 1, "Worse", w.now)
        own = await _own_page(w, incident)
        await _change_while_acknowledging(
            w,
            first,
            own,
            lambda tx, mara: incidents.set_phase(
                tx, mara, incident.id, Phase.MONITORING, w.now, reason="Recovered", force=True
            ),
        )


async def test_an_incident_is_declared_from_a_page_while_its_policy_is_applied(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert("a")
        (page,) = await w.pages()
        await _change_while_applying_the_policy(
            w,
            lambda tx, mara: incidents.declare(
                tx, mara, title="Down", severity=1, page_id=page.id, now=w.now
            ),
        )


async def test_incidents_are_merged_while_the_policy_of_their_pages_is_applied(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        into, old = await _declared(w, "Checkout is down"), await _declared(w, "Cards are refused")
        await _change_while_applying_the_policy(
            w, lambda tx, mara: incidents.merge(tx, mara, old.id, into.id, w.now)
        )


async def test_bug_a_declaration_deadlocked_with_the_deactivation_of_its_commander(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        page_id = await start(w, ManualTarget(ManualTargetKind.PERSON, w.mara))
        mara = await w.actor(w.mara)

        async def declare() -> None:
            async with w.ctx.db.tx() as tx:
                await incidents.declare(
                    *(tx, mara),
                    title="Odd logins",
                    severity=3,
                    page_id=page_id,
                    commander_id=w.jun,
                    now=w.now,
                )

        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, SYSTEM, w.jun, active=False, now=w.now)
            declaring = asyncio.create_task(declare())
            await until_blocked(w.ctx.db, declaring)
            # if the declaration locked the page before the account, each would wait for the other
            await tx.execute("set local lock_timeout = '500ms'")
            await paging.ack(tx, mara, page_id, w.now)
        with pytest.raises(Conflict, match="Jun Okafor is deactivated"):
            await declaring
