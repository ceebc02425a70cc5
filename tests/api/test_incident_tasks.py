"""Tasks of incidents: in the room, over JSON and on the home of their owner; required ones keep it open."""

import re
from datetime import timedelta

from firebell.incident_tasks import queries
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, key_of, organization, sign_in
from tests.api.test_timeline_entries import INC, declare, entry, page


async def test_a_task_is_added_done_moved_and_reopened(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w)
        due = (clock.now() + timedelta(minutes=30)).isoformat()
        body = {"text": "  Watch   the lag ", "owner_id": w.jun, "due_at": due}
        made = await api("POST", f"{INC}/tasks", body, status=201)
        assert (made["text"], made["owner_id"], made["state"]) == ("Watch the lag", w.jun, "open")
        assert (made["required"], made["incident"]) == (True, "INC-1")
        path = f"{INC}/tasks/{made['id']}"
        for state in ("done", "open", "follow_up", "done"):
            assert (await api("PATCH", path, {"state": state}))["state"] == state
        changed = await api("PATCH", path, {"owner_id": None, "text": "Watch ledger-db-3"})
        assert (changed["owner_id"], changed["text"], changed["due_at"]) == (
            None,
            "Watch ledger-db-3",
            made["due_at"],
        )
        assert await api("GET", f"{INC}/tasks") == [changed]
        kinds = [e["kind"] for e in await api("GET", f"{INC}/timeline")]
        assert kinds.count("task") == 6
        assert await api("PATCH", path, {"state": "done"}) == changed
        await api("PATCH", f"{INC}/tasks/999", {"state": "done"}, status=404)
        await api("POST", f"{INC}/tasks", {"text": " "}, status=422)
        await api("POST", f"{INC}/tasks", {"text": "x", "owner_id": 999}, status=404)
        await api("POST", f"{INC}/tasks", {"text": "x", "entry_id": 999}, status=404)
        late = (clock.now() + timedelta(days=400)).isoformat()
        refused = await api("POST", f"{INC}/tasks", {"text": "x", "due_at": late}, status=422)
        assert [e["field"] for e in refused["errors"]] == ["due_at"]
        assert (await api("GET", "/audit", limit=1))[0]["action"] == "incident.task_changed"


async def test_only_open_required_tasks_keep_an_incident_from_being_closed(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w)
        ids = {}
        for text, required in (("Fail over", True), ("Tidy the dashboard", False), ("Tell support", True)):
            task = {"text": text, "required": required}
            ids[text] = (await api("POST", f"{INC}/tasks", task, status=201))["id"]
        async with w.ctx.db.tx() as tx:
            assert await queries.open_required(tx, 1) == ("Fail over", "Tell support")
        await api("PATCH", f"{INC}/tasks/{ids['Fail over']}", {"state": "done"})
        await api("PATCH", f"{INC}/tasks/{ids['Tell support']}", {"state": "follow_up"})
        async with w.ctx.db.tx() as tx:
            assert await queries.open_required(tx, 1) == ()


async def test_the_owner_sees_their_tasks_at_home_until_they_are_done(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await declare(w)
        task = await api("POST", f"{INC}/tasks", {"text": "Watch the lag", "owner_id": w.jun}, status=201)
        await sign_in(w, http, w.jun)
        assert f'href="{INC}#task-{task["id"]}"' in (await http.get("/")).text
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        assert [t["id"] for t in await jun("GET", "/tasks")] == [task["id"]]
        assert await api("GET", "/tasks") == []
        await jun("PATCH", f"{INC}/tasks/{task['id']}", {"state": "done"})
        assert f"#task-{task['id']}" not in (await http.get("/")).text
        assert await jun("GET", "/tasks") == []


async def test_the_room_adds_and_changes_tasks_also_from_an_entry(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w)
        made = await entry(api)
        async with page(w) as (http, csrf):
            form = {"csrf": csrf, "text": "List orders charged twice", "entry": str(made["id"])}
            assert (await http.post(f"{INC}/tasks", data=form)).status_code == 303
            (task,) = await api("GET", f"{INC}/tasks")
            assert (task["entry_id"], task["owner_id"], task["required"]) == (made["id"], None, True)
            own = f"{INC}/tasks/{task['id']}"
            assert (await http.post(f"{own}/take", data={"csrf": csrf})).status_code == 303
            assert (await api("GET", f"{INC}/tasks"))[0]["owner_id"] == w.mara
            edit = {"csrf": csrf, "text": "List them", "owner": str(w.jun), "optional": "yes"}
            edit["due_at"] = "2026-11-24T05:00"
            assert (await http.post(f"{own}/edit", data=edit)).status_code == 303
            (task,) = await api("GET", f"{INC}/tasks")
            assert (task["text"], task["owner_id"], task["required"]) == ("List them", w.jun, False)
            assert task["due_at"] == "2026-11-24T04:00:00Z"
            assert (await http.post(f"{own}/done", data={"csrf": csrf})).status_code == 303
            assert re.search(r'id="task-\d+" data-task="done"', (await http.get(INC)).text)
            assert (await http.post(f"{own}/reopen", data={"csrf": csrf})).status_code == 303
            assert (await http.post(f"{own}/move", data={"csrf": csrf})).status_code == 303
            assert re.search(r'data-task="follow_up"', (await http.get(INC)).text)
            assert (await http.post(f"{own}/melt", data={"csrf": csrf})).status_code == 404


async def test_viewers_read_tasks_and_change_none(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w)
        task = await api("POST", f"{INC}/tasks", {"text": "Watch the lag"}, status=201)
        async with w.ctx.db.tx() as tx:
            await tx.execute("update person set role = 'viewer' where id = $1", w.jun)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        assert await jun("GET", f"{INC}/tasks") == [task]
        await jun("POST", f"{INC}/tasks", {"text": "x"}, status=403)
        await jun("PATCH", f"{INC}/tasks/{task['id']}", {"state": "done"}, status=403)
