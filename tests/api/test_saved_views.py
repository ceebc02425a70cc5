"""Saved views of the list of incidents: personal or shared, and never another person's private one."""

from collections.abc import AsyncIterator

import pytest

from firebell.incidents.incident_list import saved_views
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.people import actions as people
from firebell.people.model import Role
from tests.api.api_clients import TEST, browser, key_of, organization, sign_in
from tests.api.test_every_form_is_confirmed import said, undo_of
from tests.api.test_long_lists_on_the_web import read
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
            tx, await w.actor(person), name=name, query=query, shared=shared, now=w.now
        )
    return view.id


async def test_a_personal_view_is_seen_by_its_owner_alone_and_a_shared_one_by_everyone(w: World) -> None:
    await save(w, w.mara, "Mine")
    await save(w, w.mara, "Ours", shared=True)
    async with w.ctx.db.tx() as tx:
        seen = {person: [v.name for v in await saved_views.visible(tx, person)] for person in (w.mara, w.jun)}
    assert seen == {w.mara: ["Mine", "Ours"], w.jun: ["Ours"]}


@pytest.mark.parametrize(
    ("query", "stored"),
    [
        ("?severity=0,1&state=all", QUERY),
        ("state=all&before=7&first=51&severity=0,1&csrf=x", QUERY),
        ("", "state=open"),
        ("state=all&sort=newest&q=&month=2026-11", "state=all&month=2026-11"),
        ("sort=longest&q=k%C3%A4se", "state=open&sort=longest&q=k%C3%A4se"),
    ],
)
def test_equal_views_have_equal_addresses(query: str, stored: str) -> None:
    assert saved_views.clean_query(query) == stored


async def test_names_are_unique_for_their_owner_and_limited(w: World) -> None:
    await save(w, w.mara)
    with pytest.raises(Conflict):
        await save(w, w.mara, "URGENT")
    await save(w, w.jun)
    for bad in ("", "x" * 41):
        with pytest.raises(Invalid):
            await save(w, w.mara, bad)
    with pytest.raises(Invalid):
        await save(w, w.mara, "Long", query="q=" + "x" * 2000)
    for number in range(saved_views.VIEWS_PER_PERSON - 1):
        await save(w, w.mara, f"View {number}")
    with pytest.raises(Conflict):
        await save(w, w.mara, "One more")


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
        page = await read(http, "/incidents?state=all&severity=0,1")
        assert f'name="query" value="{QUERY.replace("&", "&amp;")}"' in page
        answer = await http.post(
            "/incidents/views", data={**csrf, "name": "Urgent", "query": QUERY}, follow_redirects=True
        )
        assert said(answer.text) == "View Urgent saved."
        assert 'name="query"' not in answer.text
        assert f'href="/incidents?{QUERY.replace("&", "&amp;")}" aria-current="true">Urgent' in answer.text
        deleted = await http.post("/incidents/views/1/delete", data=csrf, follow_redirects=True)
        action, fields = undo_of(deleted.text)
        await http.post(action, data=fields)
        assert ">Urgent" in await read(http, "/incidents")


async def test_views_over_json(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        made = await api(
            "POST", "/incident-views", {"name": "Urgent", "query": QUERY, "shared": True}, status=201
        )
        assert (made["query"], made["own"]) == (QUERY, True)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        assert [(v["name"], v["own"]) for v in await jun("GET", "/incident-views")] == [("Urgent", False)]
        await jun("DELETE", f"/incident-views/{made['id']}", status=403)
        removed = await api("DELETE", f"/incident-views/{made['id']}")
        await api("POST", f"/undo/{removed['undo']['token']}")
        assert len(await api("GET", "/incident-views")) == 1
        await api("POST", "/incident-views", {"name": "urgent", "query": ""}, status=409)
