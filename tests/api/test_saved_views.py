"""Saved views of lists: personal or shared, and never another person's private one."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from firebell.alerts import web as alerts_web
from firebell.incidents.incident_list import web as incidents_web
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.paging.page_list import web as inbox_web
from firebell.people import actions as people
from firebell.people.model import Role
from firebell.saved_views import actions as saved_views
from firebell.saved_views import queries
from firebell.saved_views.model import LISTS, ListName, canonical, moved
from tests.api.api_clients import TEST, browser, key_of, organization, sign_in
from tests.api.test_every_form_is_confirmed import said, undo_of
from tests.api.test_long_lists_on_the_web import read
from tests.lock_waits import until_blocked
from tests.world import World, world

QUERY = "state=all&severity=0%2C1"


@pytest.fixture
async def w(dsn: str, clock: FakeClock) -> AsyncIterator[World]:
    async with world(dsn, clock) as opened:
        yield opened


async def save(
    w: World, person: int, name: str = "Urgent", *, shared: bool = False, query: str = QUERY
) -> int:
    async with w.ctx.db.tx() as tx:
        view = await saved_views.create_saved_view(
            tx,
            await w.actor(person),
            list_name=ListName.INCIDENTS,
            name=name,
            query=query,
            shared=shared,
            now=w.now,
        )
    return view.id


async def test_a_personal_view_is_seen_by_its_owner_alone_and_a_shared_one_by_everyone(w: World) -> None:
    await save(w, w.mara, "Mine")
    await save(w, w.mara, "Ours", shared=True)
    async with w.ctx.db.tx() as tx:
        seen = {
            person: [v.name for v in await queries.visible(tx, person, ListName.INCIDENTS)]
            for person in (w.mara, w.jun)
        }
    assert seen == {w.mara: ["Mine", "Ours"], w.jun: ["Ours"]}


@pytest.mark.parametrize(
    ("name", "query", "stored"),
    [
        ("incidents", "?severity=0,1&state=all", QUERY),
        ("incidents", "state=all&before=7&first=51&severity=0,1&csrf=x", QUERY),
        ("incidents", "", "state=open"),
        ("incidents", "state=all&sort=newest&q=&month=2026-11", "state=all&month=2026-11"),
        ("incidents", "state=all&q=a&sort=newest&type=x&field=y", "state=all&q=a&type=x&field=y"),
        ("incidents", "state=open&sort=longest&q=k%C3%A4se", "state=open&sort=longest&q=k%C3%A4se"),
        ("incidents", "sort=severest", "state=open"),
        ("incidents", "sort=newest", "state=open&sort=newest"),
        ("incidents", "state=all&sort=severest", "state=all&sort=severest"),
        ("alerts", "range=all&q=env%3Dprod&before=7", "state=all&q=env%3Dprod"),
        (
            "alerts",
            "to=2026-11-24T00:00:00Z&service=a&sort=x",
            "state=all&service=a&to=2026-11-24T00%3A00%3A00Z",
        ),
        ("pages", "whose=all&state=snoozed&show=PG-1", "state=snoozed"),
    ],
)
def test_equal_views_have_equal_addresses(name: str, query: str, stored: str) -> None:
    assert saved_views.clean_query(ListName(name), query) == stored
    assert canonical(ListName(name), stored) == stored


@pytest.mark.parametrize(
    ("name", "router", "others"),
    [
        (ListName.ALERTS, alerts_web.router, set()),
        (ListName.INCIDENTS, incidents_web.router, {"severity"}),
        (ListName.PAGES, inbox_web.router, set()),
    ],
)
def test_a_view_keeps_every_filter_of_its_list(name: ListName, router: APIRouter, others: set[str]) -> None:
    [read_list] = [r for r in router.routes if isinstance(r, APIRoute) and r.path == LISTS[name].path]
    parameters = {each.alias for each in read_list.dependant.query_params} | others
    assert set(LISTS[name].parameters) == parameters - {"before", "after", "first", "show", "select"}


@pytest.mark.parametrize(
    ("position", "ids"), [(1, [2, 1, 3]), (2, [1, 2, 3]), (3, [1, 3, 2]), (50, [1, 3, 2])]
)
def test_a_view_is_moved_among_the_others(position: int, ids: list[int]) -> None:
    assert moved([1, 2, 3], 2, position) == ids


async def test_names_are_unique_for_their_owner_and_limited(w: World) -> None:
    await save(w, w.mara)
    with pytest.raises(Conflict):
        await save(w, w.mara, "URGENT")
    await save(w, w.jun)
    for bad in ("", "x" * 41):
        with pytest.raises(Invalid):
            await save(w, w.mara, bad)
    # the limit is that of what is stored
    for text in ("x" * 3000, "界" * 300):
        with pytest.raises(Invalid):
            await save(w, w.mara, "Long", query=f"q={text}")
    for number in range(saved_views.VIEWS_PER_LIST - 1):
        await save(w, w.mara, f"View {number}")
    with pytest.raises(Conflict):
        await save(w, w.mara, "One more")


async def test_views_that_are_moved_at_once_are_moved_one_after_the_other(w: World) -> None:
    _, second, third = [await save(w, w.jun, name) for name in ("A", "B", "C")]
    actor = await w.actor(w.jun)

    async def move(view_id: int) -> None:
        async with w.ctx.db.tx() as tx:
            await saved_views.update_saved_view(tx, actor, view_id, position=1, now=w.now)

    async with w.ctx.db.tx() as tx:
        await saved_views.update_saved_view(tx, actor, third, position=1, now=w.now)
        later = asyncio.create_task(move(second))
        await until_blocked(w.ctx.db, later)
    await later
    async with w.ctx.db.tx() as tx:
        own = await queries.visible(tx, w.jun, ListName.INCIDENTS)
    assert [(view.name, view.position) for view in own] == [("B", 1), ("C", 2), ("A", 3)]


async def test_a_viewer_keeps_personal_views_and_shares_none(w: World) -> None:
    async with w.ctx.db.tx() as tx:
        await people.update_person(tx, TEST, w.jun, role=Role.VIEWER, now=w.now)
    await save(w, w.jun)
    with pytest.raises(Forbidden):
        await save(w, w.jun, "Ours", shared=True)


async def test_a_view_is_deleted_by_its_owner_and_a_shared_one_by_a_manager_too(w: World) -> None:
    own, shared = await save(w, w.mara), await save(w, w.mara, "Ours", shared=True)

    async def delete(person: int, view_id: int) -> None:
        async with w.ctx.db.tx() as tx:
            await saved_views.delete_saved_view(tx, await w.actor(person), view_id, w.now)

    with pytest.raises(NotFound):
        await delete(w.jun, own)
    with pytest.raises(Forbidden):
        await delete(w.jun, shared)
    async with w.ctx.db.tx() as tx:
        await people.update_person(tx, TEST, w.jun, role=Role.MANAGER, now=w.now)
    await delete(w.jun, shared)
    await delete(w.mara, own)
    async with w.ctx.db.tx() as tx:
        actions = await tx.fetch("select action from audit where action like 'saved_view.%' order by id")
    assert [row["action"] for row in actions] == [
        *("saved_view.created", "saved_view.created", "saved_view.deleted", "saved_view.deleted")
    ]


async def test_the_list_offers_to_save_only_what_is_not_saved(w: World) -> None:
    async with browser(w) as http:
        csrf = {"csrf": await sign_in(w, http, w.mara)}
        assert 'name="query"' not in await read(http, "/incidents")
        for shown in ("/alerts?state=firing&range=24h", "/pages?state=snoozed&urgency=low"):
            path, _, query = shown.partition("?")
            assert f'name="query" value="{query.replace("&", "&amp;")}"' in await read(http, shown)
            assert 'name="query"' not in await read(http, path)
        assert 'name="query"' not in await read(http, f"/alerts?q={'x' * 2100}")
        own = await http.get("/alerts", params={"from": "2026-11-24T03:14", "to": ""})
        assert own.headers["location"] == "/alerts?state=all&from=2026-11-24T02%3A14%3A00Z"
        page = await read(http, "/incidents?state=all&severity=0,1")
        assert f'name="query" value="{QUERY.replace("&", "&amp;")}"' in page
        answer = await http.post(
            "/saved-views",
            data={**csrf, "list": "incidents", "name": "Urgent", "query": QUERY},
            follow_redirects=True,
        )
        assert said(answer.text) == "View Urgent saved."
        assert 'name="query"' not in answer.text
        assert f'href="/incidents?{QUERY.replace("&", "&amp;")}" aria-current="true">Urgent' in answer.text
        renamed = await http.post("/saved-views/1", data={**csrf, "name": "Urgent"}, follow_redirects=True)
        assert said(renamed.text) == "View renamed to Urgent."
        deleted = await http.post("/saved-views/1/delete", data=csrf, follow_redirects=True)
        action, fields = undo_of(deleted.text)
        await http.post(action, data=fields)
        assert ">Urgent" in await read(http, "/incidents")


async def test_views_over_json(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        urgent = {"list": "incidents", "name": "Urgent", "query": QUERY, "shared": True}
        made = await api("POST", "/saved-views", urgent, status=201)
        assert (made["query"], made["own"], made["path"]) == (QUERY, True, f"/incidents?{QUERY}")
        late = await api("POST", "/saved-views", {**urgent, "name": "Late", "shared": False}, status=201)
        # the same name in another list is another view
        alerts = {"list": "alerts", "name": "urgent", "query": "state=firing"}
        await api("POST", "/saved-views", alerts, status=201)
        await api("POST", "/saved-views", {**alerts, "list": "teams"}, status=422)

        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        listed = await jun("GET", "/saved-views", list="incidents")
        assert [(v["name"], v["own"], v["position"]) for v in listed] == [("Urgent", False, None)]
        sender = api.with_key(await key_of(w.ctx.db, clock, w.mara, scopes=("alerts:write", "pages:read")))
        await sender("GET", "/saved-views", list="incidents", status=403)
        assert len(await sender("GET", "/saved-views", list="alerts")) == 1
        assert await jun("GET", "/saved-views", list="alerts") == []
        await jun("GET", "/saved-views", status=422)
        for change in ({"name": "Mine"}, {"position": 1}):
            await jun("PATCH", f"/saved-views/{made['id']}", change, status=403)
            await jun("PATCH", f"/saved-views/{late['id']}", change, status=404)
        await jun("DELETE", f"/saved-views/{made['id']}", status=403)

        await api("PATCH", f"/saved-views/{late['id']}", {"name": "URGENT"}, status=409)
        later = await api("PATCH", f"/saved-views/{late['id']}", {"name": "Later", "position": 1})
        assert (later["name"], later["position"]) == ("Later", 1)

        async def positions(**page: int) -> list[tuple[str, int]]:
            shown = await api("GET", "/saved-views", list="incidents", **page)
            return [(view["name"], view["position"]) for view in shown]

        assert await positions() == [("Later", 1), ("Urgent", 2)]
        assert await positions(limit=1) == [("Later", 1)]
        assert await positions(limit=1, before=late["id"]) == [("Urgent", 2)]
        # a view that is restored has its place again
        removed = await api("DELETE", f"/saved-views/{late['id']}")
        assert await positions() == [("Urgent", 1)]
        await api("POST", f"/undo/{removed['undo']['token']}")
        assert await positions() == [("Later", 1), ("Urgent", 2)]
        await api("POST", "/saved-views", {**urgent, "name": "urgent"}, status=409)
