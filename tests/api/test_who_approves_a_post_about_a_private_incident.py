"""Approvers of a post about a private incident can read and answer it while it waits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentType
from firebell.kit.clock import FakeClock
from firebell.response import settings_actions
from firebell.response.defaults import SHIPPED
from firebell.response.model import ResponseGroup
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.stories.test_an_incident_gets_its_response import person
from tests.world import World

COMMS = "/incidents/INC-1/comms"
FIRST = "We are sorry: sign-in fails since 03:00 UTC. We are looking into it. Please try again later."
TEXT = (
    "Someone copied tokens of ours at 03:00 UTC. We revoked all of them at 03:20 UTC. Please sign in again."
)


@asynccontextmanager
async def security_incident(dsn: str, clock: FakeClock) -> AsyncIterator[tuple[World, Api, int, int]]:
    """Tell customers about an incident as Mara, then make it a security incident; Jun is legal, Kim an executive."""
    async with organization(dsn, clock) as (w, mara):
        kim = await person(w, "Kim Ito")
        groups = {
            **SHIPPED.groups,
            ResponseGroup.LEGAL: (f"person:{w.jun}",),
            ResponseGroup.EXECUTIVES: (f"person:{kim}",),
        }
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await settings_actions.replace_settings(tx, actor, replace(SHIPPED, groups=groups), w.now)
            await incidents.declare(
                *(tx, actor),
                title="Tokens copied",
                severity=3,
                service_ids=[w.service],
                now=w.now,
            )
        page = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC", "service_ids": [w.service]}
        await mara("POST", "/status-pages", page, status=201)
        assert (await publish(w, mara, FIRST))["state"] == "published"
        async with w.ctx.db.tx() as tx:
            await incidents.set_type(tx, actor, 1, IncidentType.SECURITY, w.now, private=True)
        clock.advance(timedelta(minutes=10))
        yield w, mara, w.jun, kim


async def publish(w: World, mara: Api, text: str) -> dict[str, Any]:
    revision = (await mara("GET", COMMS))["revision"]
    body = {
        "bodies": {"public": text},
        "targets": ["status_page:kestrel"],
        "revision": revision,
        "stage": "investigating",
        "next_update_at": (w.now + timedelta(minutes=30)).isoformat(),
        "reason": "Known",
    }
    post: dict[str, Any] = await mara("POST", COMMS, body, status=201)
    return post


async def test_bug_a_post_about_a_security_incident_waited_forever_for_people_who_could_not_read_it(
    dsn: str, clock: FakeClock
) -> None:
    async with security_incident(dsn, clock) as (w, mara, legal, executive):
        post = await publish(w, mara, TEXT)
        path = f"{COMMS}/posts/{post['id']}"
        assert (post["state"], [a["asked_ids"] for a in post["approvals"]]) == (
            "waiting",
            [[legal], [executive]],
        )
        api = mara.with_key(await key_of(w.ctx.db, clock, legal))
        assert (await api("GET", path))["content"]["bodies"]["public"] == TEXT
        # the incident itself stays private
        await api("GET", "/incidents/INC-1", status=404)
        await api("GET", COMMS, status=404)
        await api("GET", f"{COMMS}/posts", status=404)
        await api("POST", f"{path}/ask", status=404)
        answer = {"answer": "approved", "sha256": post["sha256"]}
        assert (await api("POST", f"{path}/answer", answer))["state"] == "waiting"
        async with browser(w) as http:
            csrf = await sign_in(w, http, executive)
            page = await http.get(f"{COMMS}/{post['id']}")
            assert page.status_code == 200
            assert TEXT in page.text
            assert "Tokens copied" not in page.text
            assert 'href="/incidents/INC-1' not in page.text
            form = {"csrf": csrf, "answer": "approved", "sha256": post["sha256"]}
            answered = await http.post(f"{COMMS}/{post['id']}/answer", data=form)
            assert (answered.status_code, answered.headers["location"]) == (303, "/incidents")
            assert "Approved." in (await http.get("/incidents")).text
            assert (await http.get(f"{COMMS}/{post['id']}")).status_code == 404
        assert (await mara("GET", path))["state"] == "published"
        await api("GET", path, status=404)


async def test_someone_who_was_not_asked_cannot_read_a_post_about_a_private_incident(
    dsn: str, clock: FakeClock
) -> None:
    async with security_incident(dsn, clock) as (w, mara, _, _):
        post = await publish(w, mara, TEXT)
        other = mara.with_key(await key_of(w.ctx.db, clock, await person(w, "Rosa Vidal")))
        path = f"{COMMS}/posts/{post['id']}"
        answer = {"answer": "approved", "sha256": post["sha256"]}
        for number in (post["id"], 99):
            refused = await other("GET", f"{COMMS}/posts/{number}", status=404)
            assert refused["detail"] == "There is no incident INC-1."
        await other("POST", f"{path}/answer", answer, status=404)
