"""All unfinished tasks in one list, the task of a SEV2, and the ticket queue of SEV3 incidents."""

import asyncio
from datetime import timedelta

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, key_of, organization, sign_in


async def test_a_sev2_is_a_task_for_the_next_business_day(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        body = {"title": "Exports are slow", "severity": "SEV2", "services": ["checkout"]}
        inc = f"/incidents/{(await api('POST', '/incidents', body, status=201))['ref']}"
        await w.settle()
        (task,) = await jun("GET", "/tasks", scope="team")
        assert (task["due_at"], task["owner_id"]) == ("2026-11-24T17:00:00Z", None)
        assert (task["required"], task["created_by"]) == (False, "Firebell")
        assert await jun("GET", "/tasks") == []
        await jun("POST", f"{inc}/roles", {"role": "responder"})
        assert [t["id"] for t in await jun("GET", "/tasks")] == [task["id"]]

        # it survives a change of the severity once, and ends with the incident
        await jun("POST", f"{inc}/severity", {"severity": "SEV1"})
        await w.settle()
        clock.advance(timedelta(hours=15))
        late = await api("GET", "/tasks", scope="team", overdue="true")
        assert [t["id"] for t in late] == [task["id"]]
        csrf = await sign_in(w, http, w.mara)
        home = (await http.get("/")).text
        assert 'href="/tasks?show=team&amp;overdue=1"' in home
        page = (await http.get("/tasks", params={"show": "team", "overdue": "1"})).text
        assert f'id="task-{task["id"]}"' in page
        form = {"csrf": csrf, "owner": "Mara@example.org", "back": "/tasks?show=team"}
        assigned = await http.post(f"{inc}/tasks/{task['id']}/assign", data=form)
        assert assigned.headers["location"].startswith("/tasks?show=team")
        assert [t["id"] for t in await api("GET", "/tasks")] == [task["id"]]
        gone = await http.post(f"{inc}/tasks/{task['id']}/assign", data={**form, "owner": "no@example.org"})
        assert gone.status_code == 404
        await api("POST", f"{inc}/phase", {"phase": "dismissed", "reason": "A false alarm"})
        assert await api("GET", "/tasks", scope="all") == []
        assert [t["state"] for t in await api("GET", f"{inc}/tasks")] == ["done"]


async def test_sev3_incidents_wait_in_the_ticket_queue(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        for title, severity in (
            ("A typo", "SEV3"),
            ("A broken link", "SEV3"),
            ("Card payments fail", "SEV1"),
        ):
            await api("POST", "/incidents", {"title": title, "severity": severity}, status=201)
            clock.advance(timedelta(minutes=1))
        await api("POST", "/incidents", {"title": "Drill", "severity": "SEV3", "drill": True}, status=201)
        listed = await api("GET", "/ticket-queue")
        assert [(t["incident"], t["state"]) for t in listed] == [("INC-1", "waiting"), ("INC-2", "waiting")]
        answer = await api.answer("GET", "/ticket-queue", limit=1)
        assert 'before=1&limit=1>; rel="next"' in answer.headers["link"]
        assert [t["incident"] for t in await api("GET", "/ticket-queue", before="INC-1")] == ["INC-2"]

        csrf = await sign_in(w, http, w.mara)
        assert 'href="/tasks?show=queue&amp;state=waiting"' in (await http.get("/")).text
        page = (await http.get("/tasks", params={"show": "queue"})).text
        assert page.count('data-ticket="waiting"') == 2
        form = {"csrf": csrf, "role": "responder", "back": "/tasks?show=queue"}
        assert (await http.post("/incidents/INC-1/roles", data=form)).status_code == 303
        page = (await http.get("/tasks", params={"show": "queue", "state": "in_progress"})).text
        assert page.count("data-ticket=") == 1
        assert [t["incident"] for t in await api("GET", "/ticket-queue", state="waiting")] == ["INC-2"]
        await api("POST", "/incidents/INC-1/entries", {"text": "Fixed it", "kind": "mitigation"}, status=201)
        await api("POST", "/incidents/INC-1/phase", {"phase": "resolved"})
        assert [t["incident"] for t in await api("GET", "/ticket-queue", state="monitoring")] == ["INC-1"]


async def test_a_list_of_tasks_shows_no_private_incident_and_a_merge_loses_none(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        await api("PATCH", f"/people/{w.jun}", {"role": "responder"})
        for title in ("A stolen key", "Checkout is slow", "Refunds fail"):
            body = {"title": title, "severity": "SEV3", "private": title == "A stolen key"}
            await api("POST", "/incidents", body, status=201)
            number = (await api("GET", "/incidents"))[0]["ref"]
            await api("POST", f"/incidents/{number}/tasks", {"text": f"Look into: {title}"}, status=201)
            clock.advance(timedelta(minutes=1))
        assert len(await api("GET", "/tasks", scope="all")) == 3
        assert [t["incident"] for t in await jun("GET", "/tasks", scope="all")] == ["INC-3", "INC-2"]
        assert [t["incident"] for t in await jun("GET", "/ticket-queue")] == ["INC-2", "INC-3"]
        await jun("GET", "/tasks", scope="all", incident="INC-1", status=404)
        await sign_in(w, http, w.jun)
        for show in ("all", "queue"):
            page = (await http.get("/tasks", params={"show": show})).text
            assert "INC-2" in page
            assert "stolen" not in page
            assert "INC-1" not in page
        await api("POST", "/incidents/INC-2/merge", {"into": "INC-3"})
        assert len(await api("GET", "/tasks", scope="all", incident="INC-3")) == 2
        closing = await api("GET", "/incidents/INC-3/closing")
        assert str(closing).count("Look into") >= 2


async def test_a_merge_and_finishing_a_task_do_not_deadlock(dsn: str, clock: FakeClock) -> None:
    """They deadlocked, and PostgreSQL aborted one of them, sometimes the merge."""
    async with organization(dsn, clock) as (w, api):
        for title in ("Checkout is slow", "Refunds fail"):
            await api("POST", "/incidents", {"title": title, "severity": "SEV3"}, status=201)
        await api("POST", "/incidents/INC-1/tasks", {"text": "Retry"}, status=201)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.locked(tx, 1)
            done = asyncio.create_task(api.answer("PATCH", "/incidents/INC-1/tasks/1", {"state": "done"}))
            await asyncio.wait({done}, timeout=0.5)
            await incidents.merge(tx, mara, 1, 2, w.now)
        assert (await done).status_code == 404
        (task,) = await api("GET", "/incidents/INC-2/tasks")
        assert task["state"] == "open"


async def test_no_task_is_added_to_an_incident_that_is_being_merged(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        for title in ("Checkout is slow", "Refunds fail"):
            await api("POST", "/incidents", {"title": title, "severity": "SEV3"}, status=201)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.merge(tx, mara, 1, 2, w.now)
            adding = asyncio.create_task(api("POST", "/incidents/INC-1/tasks", {"text": "Retry"}, status=409))
            await asyncio.wait({adding}, timeout=0.3)
        await adding
        assert await api("GET", "/incidents/INC-1/tasks") == []
        await api("POST", "/incidents/INC-2/tasks", {"text": "Retry"}, status=201)
