"""Story: someone who becomes a viewer loses their roles in incidents, and their duties."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, Phase
from firebell.incidents.roles import handover_actions
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.people import actions as people
from tests.actions.test_incidents import closed
from tests.lock_waits import until_blocked
from tests.stories.test_an_incident_gets_its_response import person
from tests.world import World, world


@pytest.fixture
async def w(dsn: str, clock: FakeClock) -> AsyncIterator[World]:
    async with world(dsn, clock) as opened:
        yield opened


async def declared(w: World, *, commander: int | None = None) -> int:
    """Declare a SEV1 as Mara and return its number."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        incident = await incidents.declare(
            tx, mara, title="Card payments fail", severity=1, commander_id=commander, now=w.now
        )
    await w.settle()
    return incident.id


async def set_role(w: World, person_id: int, role: str) -> None:
    async with w.ctx.db.tx() as tx:
        await people.update_person(tx, SYSTEM, person_id, role=role, now=w.now)


async def holders(w: World, incident_id: int) -> list[tuple[str, int]]:
    async with w.ctx.db.tx() as tx:
        return [(a.role, a.person_id) for a in (await incidents.roles(tx, [incident_id]))[incident_id]]


async def test_bug_a_commander_who_became_a_viewer_stayed_commander(w: World) -> None:
    incident_id, jun = await declared(w, commander=w.jun), await w.actor(w.jun)
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await incidents.take_role(tx, mara, incident_id, IncidentRole.SCRIBE, w.mara, w.now)
        await handover_actions.offer_role(tx, jun, incident_id, IncidentRole.COMMANDER, w.mara, "", w.now)
        await handover_actions.offer_role(tx, mara, incident_id, IncidentRole.SCRIBE, w.jun, "", w.now)
    await set_role(w, w.jun, "viewer")
    await w.settle()
    assert await holders(w, incident_id) == [(IncidentRole.SCRIBE, w.mara)]
    async with w.ctx.db.tx() as tx:
        assert await handover_actions.waiting(tx, incident_id) == []
        last = (await incidents.timeline(tx, incident_id))[-1]
    assert last.text == "Jun Okafor became a viewer and is no longer commander."


async def test_a_responder_who_becomes_a_manager_keeps_their_roles(w: World) -> None:
    incident_id = await declared(w, commander=w.jun)
    await set_role(w, w.jun, "manager")
    await w.settle()
    assert await holders(w, incident_id) == [(IncidentRole.COMMANDER, w.jun)]


async def test_a_viewer_has_no_role_in_an_incident_that_is_reopened(w: World) -> None:
    incident = await closed(w)
    await set_role(w, w.jun, "admin")
    await set_role(w, w.mara, "viewer")
    await w.settle()
    assert await holders(w, incident.id) == [(IncidentRole.COMMANDER, w.mara)]
    jun = await w.actor(w.jun)
    async with w.ctx.db.tx() as tx:
        await incidents.set_phase(tx, jun, incident.id, Phase.INVESTIGATING, w.now, reason="It is back")
    assert await holders(w, incident.id) == []


async def test_bug_questions_of_a_response_went_to_a_viewer_who_cannot_answer_them(w: World) -> None:
    jun = await w.actor(w.jun)
    async with w.ctx.db.tx() as tx:
        await people.set_fallback_responders(tx, SYSTEM, [w.mara], w.now)
        await incidents.declare(
            tx, jun, title="Card payments fail", severity=1, commander_id=w.jun, now=w.now
        )
    await w.settle()
    await set_role(w, w.jun, "viewer")
    await w.after(minutes=40)
    async with w.ctx.db.tx() as tx:
        asked = await tx.fetch("select distinct person_id from notice where key like 'response:1:ask:%'")
    assert [row["person_id"] for row in asked] == [w.mara]


@pytest.mark.parametrize("how", ["viewer", "deactivated"])
async def test_a_role_that_is_assigned_while_its_holder_loses_their_rights_ends_too(
    w: World, how: str
) -> None:
    kim, incident_id, mara = await person(w, "Kim Ito"), await declared(w), await w.actor(w.mara)

    async def change() -> None:
        changed = {"role": "viewer"} if how == "viewer" else {"active": False}
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, SYSTEM, kim, **changed, now=w.now)

    async with w.ctx.db.tx() as tx:
        await incidents.take_role(tx, mara, incident_id, IncidentRole.COMMANDER, kim, w.now)
        changing = asyncio.create_task(change())
        await until_blocked(w.ctx.db, changing)
    await changing
    await w.settle()
    assert await holders(w, incident_id) == []
