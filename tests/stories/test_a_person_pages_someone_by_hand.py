"""Story: a person pages a colleague, a team, a schedule or a policy by hand, and the page is never lost or joined."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentType
from firebell.kit import private_reader
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.notify.deliveries import store as delivery_store
from firebell.paging import actions as paging
from firebell.paging import api as page_api
from firebell.paging.manual_pages import actions as manual
from firebell.paging.model import ManualTarget, ManualTargetKind, PageState
from firebell.people import actions as people
from tests.api.api_clients import TEST, Api, browser, key_of, organization, sign_in
from tests.api.test_every_form_is_confirmed import said, undo_of
from tests.api.test_long_lists_on_the_web import read
from tests.world import World, world

JUN = ManualTarget(ManualTargetKind.PERSON, 2)
WHY = "Replication is stuck on db-3.\nPlease join."


@pytest.fixture
async def w(dsn: str, clock: FakeClock) -> AsyncIterator[World]:
    async with world(dsn, clock) as opened:
        yield opened


async def start(w: World, target: ManualTarget = JUN, text: str = WHY, **more: Any) -> int:
    """Page a target as Mara and return the id of the page."""
    async with w.ctx.db.tx() as tx:
        page = await manual.start_manual_page(tx, await w.actor(w.mara), target, text, w.now, **more)
    return page.id


async def test_the_paged_person_sees_who_pages_them_and_why(w: World) -> None:
    page_id = await start(w)
    await w.settle()
    (message,) = w.sink.got
    assert message["person"] == "Jun Okafor"
    assert message["title"] == "Mara Lindqvist: Replication is stuck on db-3."
    assert message["page"] == f"PG-{page_id}"
    assert (message["data"]["started_by"], message["data"]["message"]) == ("Mara Lindqvist", WHY)
    assert (await w.page()).urgency == "high"
    assert (await w.story())[0] == f"Mara Lindqvist paged Jun Okafor: {WHY}"


@pytest.mark.parametrize(
    ("kind", "reached"),
    [
        (ManualTargetKind.PERSON, ["Mara Lindqvist"]),
        (ManualTargetKind.TEAM, ["Mara Lindqvist", "Jun Okafor"]),
        (ManualTargetKind.SCHEDULE, ["Mara Lindqvist"]),
        (ManualTargetKind.POLICY, ["Mara Lindqvist"]),
    ],
)
async def test_each_kind_of_target_reaches_its_people(
    w: World, kind: ManualTargetKind, reached: list[str]
) -> None:
    await start(w, ManualTarget(kind, 1))
    await w.settle()
    assert sorted(w.sink.people()) == sorted(reached)


async def test_nobody_answers_and_the_fallback_responders_are_alarmed(w: World) -> None:
    async with w.ctx.db.tx() as tx:
        await people.set_fallback_responders(tx, TEST, [w.mara], w.now)
    await start(w)
    await w.after(minutes=16)
    assert (await w.page()).state is PageState.EXHAUSTED
    assert "Mara Lindqvist" in w.sink.people()


async def test_a_person_without_a_contact_method_never_swallows_the_page(w: World) -> None:
    async with w.ctx.db.tx() as tx:
        lonely = await people.create_person(
            tx, TEST, name="Ada Byron", email="ada@example.org", role="responder", tz="UTC", now=w.now
        )
        await tx.execute("delete from contact_method where person_id = $1", lonely.id)
        await people.set_fallback_responders(tx, TEST, [w.mara], w.now)
    await start(w, ManualTarget(ManualTargetKind.PERSON, lonely.id))
    await w.settle()
    assert w.sink.people() == ["Mara Lindqvist"]


async def test_two_pages_for_the_same_person_are_two_pages(w: World) -> None:
    first, second = await start(w), await start(w)
    await w.settle()
    assert first != second
    assert len(w.sink.got) == 2


async def test_a_manual_page_goes_before_a_storm_of_alerts(w: World) -> None:
    for number in range(10):
        await w.alert(f"alert {number}", service=f"s{number}")
    while await w.worker.run_due(w.now):
        pass
    page_id = await start(w)
    while await w.worker.run_due(w.now):
        pass
    async with w.ctx.db.tx() as tx:
        (first,) = await delivery_store.claim(tx, w.now, 1)
    assert first.subject_id == page_id


async def test_a_page_for_an_incident_is_linked_and_in_its_timeline(w: World) -> None:
    async with w.ctx.db.tx() as tx:
        incident = await incidents.declare(
            tx, await w.actor(w.mara), title="Search is slow", severity=2, now=w.now
        )
    page_id = await start(w, incident_id=incident.id)
    async with w.ctx.db.tx() as tx:
        assert page_id in await incidents.page_ids(tx, incident.id)
        entry = (await incidents.timeline(tx, incident.id))[-1]
    assert (entry.kind, entry.actor, entry.data["page"]) == ("paged", "Mara Lindqvist", page_id)
    await w.settle()
    assert w.sink.got[-1]["data"]["incidents"] == [incident.ref]


async def test_a_page_for_an_incident_that_does_not_exist_is_not_started(w: World) -> None:
    with pytest.raises(NotFound):
        await start(w, incident_id=99)
    assert await w.pages() == []


async def test_the_sixth_page_in_ten_minutes_asks_first_and_firebell_itself_has_no_limit(w: World) -> None:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        for _ in range(manual.LIMIT):
            await manual.request_manual_page(tx, mara, JUN, WHY, w.now)
        with pytest.raises(Conflict) as refused:
            await manual.request_manual_page(tx, mara, JUN, WHY, w.now)
        assert set(refused.value.fields) == {"again"}
        await manual.request_manual_page(tx, mara, JUN, WHY, w.now, confirmed=True)
        await manual.request_manual_page(tx, await w.actor(w.jun), JUN, WHY, w.now)
        for _ in range(manual.LIMIT + 1):
            await manual.start_manual_page(tx, SYSTEM, JUN, WHY, w.now)
    w.clock.advance(manual.LIMIT_WITHIN + timedelta(seconds=1))
    async with w.ctx.db.tx() as tx:
        await manual.request_manual_page(tx, mara, JUN, WHY, w.now)


@pytest.mark.parametrize("text", ["", " \n", "x" * (manual.TEXT_MAX_CHARS + 1)])
async def test_a_page_without_a_reason_is_refused_at_its_field(w: World, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        await start(w, text=text)
    assert set(refused.value.fields) == {"text"}


async def test_a_viewer_pages_no_one(w: World) -> None:
    async with w.ctx.db.tx() as tx:
        await people.update_person(tx, TEST, w.jun, role="viewer", now=w.now)
    with pytest.raises(Forbidden):
        async with w.ctx.db.tx() as tx:
            await manual.request_manual_page(tx, await w.actor(w.jun), JUN, WHY, w.now)


@pytest.mark.parametrize("kind", list(ManualTargetKind))
async def test_a_target_that_does_not_exist_is_not_found(w: World, kind: ManualTargetKind) -> None:
    with pytest.raises(NotFound):
        await start(w, ManualTarget(kind, 999_999))


async def send(http: httpx.AsyncClient, key: str, once: str, text: str = WHY) -> httpx.Response:
    body = {"target": {"kind": "person", "id": 2}, "text": text}
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": once}
    return await http.post("/api/v1/pages", json=body, headers=headers)


async def test_a_request_that_is_repeated_at_once_starts_one_page(w: World) -> None:
    key = await key_of(w.ctx.db, w.clock, w.mara)
    async with browser(w) as http:
        answers = await asyncio.gather(*[send(http, key, "one") for _ in range(4)])
        assert {answer.status_code for answer in answers} == {201}
        assert {answer.json()["ref"] for answer in answers} == {"PG-1"}
        assert (await send(http, key, "one", "Something else")).status_code == 409
        assert (await send(http, key, "two")).json()["ref"] == "PG-2"


async def test_undo_within_half_a_minute_resolves_the_page_as_a_mistake(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        started = await api(
            "POST", "/pages", {"target": {"kind": "person", "id": w.jun}, "text": WHY}, status=201
        )
        assert started["started_by"] == {
            "actor": started["started_by"]["actor"],
            "target_name": "Jun Okafor",
            "text": WHY,
        }
        assert datetime.fromisoformat(started["undo"]["until"]) == w.now + manual.UNDO_WITHIN
        clock.advance(timedelta(seconds=29))
        await api("POST", f"/undo/{started['undo']['token']}")
        assert (await api("GET", f"/pages/{started['ref']}"))["state"] == "resolved"
        await w.settle()
        assert w.sink.got == []
        await api("POST", f"/undo/{started['undo']['token']}", status=409)


async def test_undo_of_a_page_that_someone_resolved_says_so(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        started = await _started(api, w)
        await w.resolve(w.jun)
        await api("POST", f"/undo/{started['undo']['token']}", status=409)


async def _started(api: Api, w: World) -> Any:
    body = {"target": {"kind": "schedule", "id": 1}, "text": WHY}
    return await api("POST", "/pages", body, status=201)


async def test_the_form_shows_who_is_reached_pages_once_and_offers_undo(w: World) -> None:
    async with browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        page = await read(http, "/pages/new?target=schedule:1&incident=")
        assert '<option value="schedule:1" selected>' in page
        reach = page.partition('id="reach"')[2]
        assert "Mara Lindqvist" in reach
        key = page.partition('name="key" value="')[2].partition('"')[0]
        typed = {"csrf": csrf, "target": "person:2", "text": WHY, "key": key}
        preview = await http.post("/pages/new?preview=yes", data=typed)
        assert "Jun Okafor" in preview.text.partition('id="reach"')[2].partition("</ol>")[0]
        assert await w.pages() == []
        answer = await http.post("/pages/new", data=typed, follow_redirects=True)
        assert answer.url.path == "/pages/PG-1"
        assert said(answer.text) == "Jun Okafor paged."
        assert 'data-s="30"' in answer.text
        assert "Mara Lindqvist, for Jun Okafor" in answer.text
        again = await http.post("/pages/new", data=typed)
        assert again.headers["location"] == "/pages/PG-1"
        action, fields = undo_of(answer.text)
        await http.post(action, data=fields)
        assert (await w.page()).state is PageState.RESOLVED


async def test_the_form_asks_for_confirmation_and_keeps_what_was_typed(w: World) -> None:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        for _ in range(manual.LIMIT):
            await manual.request_manual_page(tx, mara, JUN, WHY, w.now)
    async with browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        typed = {"csrf": csrf, "target": "person:2", "text": "Please look", "key": "a"}
        refused = await http.post("/pages/new", data=typed)
        assert refused.status_code == 409
        assert 'name="again"' in refused.text
        assert "Please look</textarea>" in refused.text
        assert (await http.post("/pages/new", data={**typed, "again": "yes"})).status_code == 303


async def test_an_old_page_is_deleted_with_who_started_it(w: World) -> None:
    await start(w)
    await w.settle()
    async with w.ctx.db.tx() as tx:
        await paging.resolve(tx, TEST, 1, w.now)
        await tx.execute("delete from page")
        assert await tx.value("select count(*) from manual_page") == 0


async def shown(w: World, page_id: int) -> str:
    """Return what everyone sees of a page and of its log."""
    async with w.ctx.db.tx() as tx:
        shown_page = await page_api.shown(tx, await paging.page(tx, page_id), w.now)
        entries = [entry.text for entry in await paging.log(tx, page_id)]
    return "\n".join([shown_page.model_dump_json(), *entries])


async def test_only_the_people_paged_see_why_for_a_private_incident(w: World) -> None:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        security = IncidentType.SECURITY
        incident = await incidents.declare(
            *(tx, mara), title="Tokens copied", severity=3, incident_type=security, now=w.now
        )
    page_id = await start(w, incident_id=incident.id)
    await w.settle()
    (message,) = w.sink.got
    assert message["person"] == "Jun Okafor"
    assert message["title"] == "Mara Lindqvist: private incident"
    assert message["data"]["message"] == WHY
    assert "db-3" not in await shown(w, page_id)
    with private_reader.as_reader(w.jun):
        async with w.ctx.db.tx() as tx:
            assert (await incidents.incident(tx, incident.id)).title == "Tokens copied"


async def test_the_reason_of_a_page_is_hidden_while_its_incident_is_private(w: World) -> None:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        incident = await incidents.declare(tx, mara, title="Odd logins", severity=3, now=w.now)
    page_id = await start(w, incident_id=incident.id)
    kind = IncidentType.OPERATIONAL
    for private, reason in ((True, ""), (False, "It was a drill.")):
        async with w.ctx.db.tx() as tx:
            await incidents.set_type(tx, mara, incident.id, kind, w.now, private=private, reason=reason)
        assert ("db-3" in await shown(w, page_id)) is not private


async def test_a_page_linked_to_a_private_incident_tells_no_one_else_why(w: World) -> None:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        open_one = await incidents.declare(tx, mara, title="Odd logins", severity=3, now=w.now)
        security = IncidentType.SECURITY
        secret = await incidents.declare(
            *(tx, mara), title="Tokens copied", severity=3, incident_type=security, now=w.now
        )
    linked, merged = await start(w), await start(w, incident_id=open_one.id)
    async with w.ctx.db.tx() as tx:
        await incidents.link_page(tx, mara, secret.id, linked, w.now)
        await incidents.merge(tx, mara, open_one.id, secret.id, w.now)
    assert "db-3" not in await shown(w, linked)
    assert "db-3" not in await shown(w, merged)


async def test_pages_with_the_same_text_show_their_targets(w: World) -> None:
    """A SEV1 paged three people with the same text: three equal lines, one of them the reader's own."""
    mara = ManualTarget(ManualTargetKind.PERSON, w.mara)
    await start(w)
    await start(w, mara)
    async with browser(w) as http:
        await sign_in(w, http, w.mara)
        shown = {path: await read(http, path) for path in ("/", "/pages")}
    for path, page in shown.items():
        assert all(f"<span>for {name}</span>" in page for name in ("Jun Okafor", "Mara Lindqvist")), path
