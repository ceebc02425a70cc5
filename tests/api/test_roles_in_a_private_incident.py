"""Roles of a private incident: people who are offered one can answer, and giving one up isn't a 404."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, IncidentType
from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.stories.test_an_incident_gets_its_response import person
from tests.world import World

INC = "/incidents/INC-1"


@dataclass(frozen=True, slots=True)
class Private:
    """A private incident that Mara declared and Jun commands; Kim isn't involved."""

    w: World
    kim_id: int
    mara: Api
    jun: Api
    kim: Api

    async def roles(self) -> list[tuple[str, int]]:
        """Return the current holders of each role."""
        async with self.w.ctx.db.tx() as tx:
            return [(a.role, a.person_id) for a in (await incidents.roles(tx, [1]))[1]]

    async def offer(self, to: int) -> Any:
        """Offer the commander role as Jun."""
        body = {"role": "commander", "person_id": to, "note": "The tokens are revoked"}
        return await self.jun("POST", f"{INC}/handovers", body, status=201)


@asynccontextmanager
async def private(dsn: str, clock: FakeClock) -> AsyncIterator[Private]:
    async with organization(dsn, clock) as (w, mara):
        kim_id = await person(w, "Kim Ito")
        async with w.ctx.db.tx() as tx:
            await incidents.declare(
                tx,
                await w.actor(w.mara),
                title="Tokens copied",
                severity=3,
                commander_id=w.jun,
                incident_type=IncidentType.SECURITY,
                now=w.now,
            )
        jun, kim = [mara.with_key(await key_of(w.ctx.db, clock, i)) for i in (w.jun, kim_id)]
        yield Private(w, kim_id, mara, jun, kim)


async def test_bug_no_one_outside_a_private_incident_could_accept_its_command(
    dsn: str, clock: FakeClock
) -> None:
    async with private(dsn, clock) as p:
        await p.kim("GET", INC, status=404)
        offer = await p.offer(p.kim_id)
        assert (await p.kim("GET", INC))["title"] == "Tokens copied"
        assert [o["id"] for o in await p.kim("GET", f"{INC}/handovers")] == [offer["id"]]
        await p.kim("POST", f"{INC}/handovers/{offer['id']}", {"answer": "accepted"})
        assert await p.roles() == [("commander", p.kim_id)]
        assert (await p.kim("GET", INC))["title"] == "Tokens copied"
        # someone who handed over their last role is no longer involved
        await p.jun("GET", INC, status=404)


async def test_someone_who_declines_a_role_can_no_longer_read_the_private_incident(
    dsn: str, clock: FakeClock
) -> None:
    async with private(dsn, clock) as p:
        offer = await p.offer(p.kim_id)
        await p.kim("POST", f"{INC}/handovers/{offer['id']}", {"answer": "declined"})
        await p.kim("GET", INC, status=404)
        offer = await p.offer(p.kim_id)
        async with browser(p.w) as http:
            csrf = await sign_in(p.w, http, p.kim_id)
            form = {"csrf": csrf, "offer": str(offer["id"])}
            declined = await http.post(f"{INC}/roles/decline", data=form)
            assert (declined.status_code, declined.headers["location"]) == (303, "/incidents")
            assert "Offer declined." in (await http.get("/incidents")).text
        assert await p.roles() == [("commander", p.w.jun)]
        texts = [e["text"] for e in await p.mara("GET", f"{INC}/timeline") if e["kind"] == "handover"]
        assert len([text for text in texts if "declined" in text]) == 2
        await p.offer(p.kim_id)
        await p.mara("POST", f"{INC}/phase", {"phase": "dismissed", "reason": "A false alarm"})
        await p.kim("GET", INC, status=404)


async def test_bug_no_one_could_release_their_only_role_of_a_private_incident(
    dsn: str, clock: FakeClock
) -> None:
    async with private(dsn, clock) as p:
        released = await p.jun("POST", f"{INC}/roles/release", {"role": "commander"})
        assert released["roles"] == []
        await p.jun("GET", INC, status=404)
        assert await p.roles() == []
        await p.mara("POST", f"{INC}/roles", {"role": "scribe", "person_id": p.w.jun})
        async with browser(p.w) as http:
            csrf = await sign_in(p.w, http, p.w.jun)
            form = {"csrf": csrf, "held": "scribe"}
            answer = await http.post(f"{INC}/roles/release", data=form)
            assert (answer.status_code, answer.headers["location"]) == (303, "/incidents")
        assert await p.roles() == []


async def test_bug_a_commander_could_not_give_a_private_incident_to_someone_else(
    dsn: str, clock: FakeClock
) -> None:
    async with private(dsn, clock) as p:
        given = await p.jun("POST", f"{INC}/roles", {"role": "commander", "person_id": p.kim_id})
        assert [role["id"] for role in given["roles"]] == [p.kim_id]
        assert await p.roles() == [(IncidentRole.COMMANDER, p.kim_id)]
        async with browser(p.w) as http:
            csrf = await sign_in(p.w, http, p.kim_id)
            form = {"csrf": csrf, "role": "commander", "person": str(p.w.jun)}
            answer = await http.post(f"{INC}/roles", data=form)
            assert (answer.status_code, answer.headers["location"]) == (303, "/incidents")
        assert await p.roles() == [(IncidentRole.COMMANDER, p.w.jun)]


async def test_a_task_of_a_private_incident_is_not_assigned_to_someone_who_cannot_see_it(
    dsn: str, clock: FakeClock
) -> None:
    async with private(dsn, clock) as p:
        new = {"text": "Rotate the tokens", "owner_id": p.kim_id}
        refused = await p.jun("POST", f"{INC}/tasks", new, status=409)
        assert [error["field"] for error in refused["errors"]] == ["owner_id"]
        task = await p.jun("POST", f"{INC}/tasks", {**new, "owner_id": p.w.mara}, status=201)
        path = f"{INC}/tasks/{task['id']}"
        await p.jun("PATCH", path, {"owner_id": p.kim_id}, status=409)
        await p.jun("PATCH", path, {"owner_id": p.w.jun})
        assert [t["id"] for t in await p.jun("GET", "/tasks")] == [task["id"]]


async def test_bug_an_incident_that_was_declared_again_as_private_stayed_open_to_everyone(
    dsn: str, clock: FakeClock
) -> None:
    async with private(dsn, clock) as p:
        body = {"title": "Keys copied", "severity": "SEV3"}
        first = await p.jun("POST", "/incidents", body, status=201)
        again = await p.jun("POST", "/incidents", {**body, "type": "security"}, status=201)
        assert (again["ref"], again["visibility"], again["type"]) == (first["ref"], "private", "security")
        await p.kim("GET", f"/incidents/{first['ref']}", status=404)
        third = await p.jun("POST", "/incidents", body, status=201)
        assert (third["ref"], third["visibility"]) == (first["ref"], "private")
