"""The messages, service and page of an alert, on the web, over JSON and on the command line."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from firebell.alerts import actions as alerts
from firebell.alerts import retention_store
from firebell.alerts.model import Alert
from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, browser, key_of
from tests.cli.terminal import at_a_server
from tests.world import ANSWERS, World, world


@asynccontextmanager
async def signed_in(dsn: str, clock: FakeClock) -> AsyncIterator[tuple[World, httpx.AsyncClient, Api]]:
    """Yield the small organization, its admin's browser, and its admin's key."""
    async with world(dsn, clock) as w, browser(w) as http:
        await http.post("/login", data={"email": ANSWERS.email, "password": ANSWERS.password})
        yield w, http, Api(http, await key_of(w.ctx.db, clock, w.mara))


async def post(w: World, http: httpx.AsyncClient, body: Any) -> None:
    """Post JSON or bytes to the generic address."""
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    answer = await http.post(f"/in/{w.key}/generic", content=content)
    assert answer.status_code == 202


async def newest(w: World) -> Alert:
    """Return the newest alert."""
    async with w.ctx.db.tx() as tx:
        return (await alerts.newest_alerts(tx, 1))[0]


async def test_the_message_of_an_alert_whose_key_was_made_up_is_shown(dsn: str, clock: FakeClock) -> None:
    async with signed_in(dsn, clock) as (w, http, api):
        await post(w, http, {"cpu": 97, "rack": "r7"})
        alert = await newest(w)
        assert alert.dedup_key.startswith("sha256:")
        assert "&#34;rack&#34;: &#34;r7&#34;" in (await http.get(f"/alerts/{alert.id}")).text
        (message,) = await api("GET", f"/alerts/{alert.id}/messages")
        assert json.loads(message["text"]) == {"cpu": 97, "rack": "r7"}
        assert (message["source"], message["truncated"]) == ("generic", False)


async def test_an_alert_shows_its_own_messages_and_no_other(dsn: str, clock: FakeClock) -> None:
    async with signed_in(dsn, clock) as (w, http, api):
        for key in ("q1", "q12", "q123"):
            await post(w, http, {"title": f"queue {key}", "key": key})
        async with w.ctx.db.tx() as tx:
            alert_ids = {a.dedup_key: a.id for a in await alerts.newest_alerts(tx, 9)}
        for key, alert_id in alert_ids.items():
            (message,) = await api("GET", f"/alerts/{alert_id}/messages")
            assert json.loads(message["text"])["key"] == key
        page = (await http.get(f"/alerts/{alert_ids['q1']}")).text
        assert "q12" not in page


async def test_what_opened_ended_and_commented_an_alert_is_shown_in_order(dsn: str, clock: FakeClock) -> None:
    async with signed_in(dsn, clock) as (w, http, api):
        for at in range(9):
            await post(w, http, {"title": "disk", "key": "disk", "at": at})
        await post(w, http, {"title": "disk", "key": "disk", "status": "DOWNTIMESTART"})
        await post(w, http, {"title": "disk", "key": "disk", "status": "ack"})
        await post(w, http, {"title": "disk", "key": "disk", "status": "ok"})
        alert = await newest(w)
        assert (alert.status, alert.count) == ("resolved", 9)
        texts = [json.loads(m["text"]) for m in await api("GET", f"/alerts/{alert.id}/messages")]
        assert [t.get("at", t.get("status")) for t in texts] == [0, 8, "DOWNTIMESTART", "ack", "ok"]


async def test_each_alert_of_one_message_leads_to_it(dsn: str, clock: FakeClock) -> None:
    async with signed_in(dsn, clock) as (w, http, api):
        await post(w, http, [{"title": "one", "key": "1"}, {"title": "two", "key": "2"}])
        first, second = [a["id"] for a in await api("GET", "/alerts")]
        messages = await api("GET", f"/alerts/{first}/messages")
        assert messages == await api("GET", f"/alerts/{second}/messages")
        assert len(messages) == 1


async def test_markup_and_bytes_are_shown_as_text_and_come_as_a_file(dsn: str, clock: FakeClock) -> None:
    body = b"title=<script>alert(1)</script>&x=\xff\xfe\x00\x1b[31m"
    async with signed_in(dsn, clock) as (w, http, api):
        await post(w, http, body)
        alert_id = await newest(w)
        page = await http.get(f"/alerts/{alert_id.id}")
        assert "<script>alert(1)" not in page.text
        assert "\x1b" not in page.text
        assert "\x00" not in page.text
        (message,) = await api("GET", f"/alerts/{alert_id.id}/messages")
        assert "\x1b" not in message["text"]
        assert message["size"] == len(body)
        path = f"/alerts/{alert_id.id}/messages/{message['id']}"
        for answer in (await http.get(path), await api.answer("GET", path)):
            assert answer.content == body
            assert answer.headers["content-type"].startswith("text/plain")
            assert answer.headers["content-disposition"].startswith("attachment")
            assert answer.headers["x-content-type-options"] == "nosniff"
        assert path in page.text


async def test_a_very_large_message_is_cut_on_the_page_and_whole_as_a_file(
    dsn: str, clock: FakeClock
) -> None:
    async with signed_in(dsn, clock) as (w, http, api):
        await post(w, http, {"title": "large", "key": "large", "padding": "é" * 300_000})
        alert_id = await newest(w)
        (message,) = await api("GET", f"/alerts/{alert_id.id}/messages")
        assert message["truncated"]
        assert len(message["text"].encode()) <= 64 * 1024
        assert len((await http.get(f"/alerts/{alert_id.id}")).content) < 200_000
        whole = await http.get(f"/alerts/{alert_id.id}/messages/{message['id']}")
        assert len(whole.content) == message["size"]


async def test_an_integration_key_inside_a_message_is_never_shown(dsn: str, clock: FakeClock) -> None:
    payload = {"summary": "a", "source": "b", "severity": "error"}
    async with signed_in(dsn, clock) as (w, http, api):
        event = {"routing_key": w.key, "event_action": "trigger", "dedup_key": "d", "payload": payload}
        assert (await http.post("/v2/enqueue", json=event)).status_code == 202
        alert_id = await newest(w)
        (message,) = await api("GET", f"/alerts/{alert_id.id}/messages")
        whole = await http.get(f"/alerts/{alert_id.id}/messages/{message['id']}")
        page = await http.get(f"/alerts/{alert_id.id}")
        assert w.key not in message["text"] + whole.text + page.text
        # half of the key before the cut, half behind it
        before = '{"pad":"' + "x" * (64 * 1024 - 16 - len('{"pad":"","routing_key":"')) + '","routing_key":"'
        rest = json.dumps({**event, "dedup_key": "e", "routing_key": w.key}).partition(w.key)[2]
        assert len(before) == 64 * 1024 - 16
        await http.post("/v2/enqueue", content=(before + w.key + rest).encode())
        alert_id = await newest(w)
        (message,) = await api("GET", f"/alerts/{alert_id.id}/messages")
        assert w.key[:8] not in message["text"]


async def test_a_message_of_another_alert_is_not_found(dsn: str, clock: FakeClock) -> None:
    async with signed_in(dsn, clock) as (w, http, api):
        await post(w, http, {"title": "one", "key": "1"})
        await post(w, http, {"title": "two", "key": "2"})
        second, first = [a["id"] for a in await api("GET", "/alerts")]
        (message,) = await api("GET", f"/alerts/{first}/messages")
        await api("GET", f"/alerts/{second}/messages/{message['id']}", status=404)
        assert (await http.get(f"/alerts/{second}/messages/{message['id']}")).status_code == 404
        await api("GET", "/alerts/999/messages", status=404)


async def test_only_people_who_may_read_alerts_read_a_message(dsn: str, clock: FakeClock) -> None:
    async with signed_in(dsn, clock) as (w, http, api):
        await post(w, http, {"title": "one", "key": "1"})
        (alert,) = await api("GET", "/alerts")
        (message,) = await api("GET", f"/alerts/{alert['id']}/messages")
        path = f"/alerts/{alert['id']}/messages"
        await api("PATCH", f"/people/{w.jun}", {"role": "viewer"})
        viewer = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        assert len(await viewer("GET", path)) == 1
        http.cookies.clear()
        sender = api.with_key(await key_of(w.ctx.db, clock, w.mara, ["alerts:write"]))
        for one in (path, f"{path}/{message['id']}"):
            await sender("GET", one, status=403)
            assert (await api.with_key("").answer("GET", one)).status_code == 401
        assert (await http.get(f"{path}/{message['id']}")).status_code == 303


async def test_messages_are_deleted_after_thirty_days_and_the_alert_shows_it(
    dsn: str, clock: FakeClock
) -> None:
    async with signed_in(dsn, clock) as (w, http, api):
        await post(w, http, {"title": "one", "key": "1"})
        alert_id = (await newest(w)).id
        assert (await api("GET", f"/alerts/{alert_id}"))["messages_deleted"] == 0
        async with w.ctx.db.tx() as tx:
            assert await retention_store.delete_messages(tx, w.now + timedelta(seconds=1), 1000) == 1
        assert await api("GET", f"/alerts/{alert_id}/messages") == []
        assert (await api("GET", f"/alerts/{alert_id}"))["messages_deleted"] == 1
        assert "30 days" in (await http.get(f"/alerts/{alert_id}")).text


async def test_an_alert_shows_its_service_and_its_page(dsn: str, clock: FakeClock) -> None:
    async with signed_in(dsn, clock) as (w, http, api):
        await post(w, http, {"title": "one", "key": "1"})
        await post(w, http, {"title": "never fired", "key": "2", "status": "ok"})
        lone, paged = await api("GET", "/alerts")
        assert (paged["service"], paged["service_name"], paged["page"]) == ("checkout", "Checkout", "PG-1")
        assert (lone["service"], lone["page"]) == ("checkout", None)
        assert (await api("GET", f"/alerts/{paged['id']}"))["page"] == "PG-1"
        listed = (await http.get("/alerts")).text
        assert "Checkout" in listed
        assert "PG-1" in listed
        shown = (await http.get(f"/alerts/{paged['id']}")).text
        assert 'href="/pages/PG-1"' in shown
        assert 'href="/services/checkout"' in shown
        assert f'href="/alerts/{paged["id"]}"' in (await http.get("/pages/PG-1")).text
        # a revoked key does not take the service away from what it sent
        async with w.ctx.db.tx() as tx:
            await alerts.revoke_integration(
                tx, await w.actor(w.mara), service_id=w.service, integration_id=w.integration, now=w.now
            )
        assert (await api("GET", "/alerts"))[1]["service"] == "checkout"


async def test_the_terminal_shows_an_alert_and_what_came_in(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (_, run):
        await run("alert", "send", "5xx above 5 %", "--service", "checkout", "--key", "c5")
        listed = (await run("alert", "list")).out
        assert "checkout" in listed
        assert "PG-1" in listed
        alert = (await run("alert", "list", "--json")).json[0]
        shown = (await run("alert", "show", str(alert["id"]))).out
        assert "checkout" in shown
        assert "PG-1" in shown
        assert "c5" in shown
        raw = (await run("alert", "show", str(alert["id"]), "--raw")).out
        assert '"dedup_key":"c5"' in raw
        both = (await run("alert", "show", str(alert["id"]), "--raw", "--json")).json
        assert json.loads(both["messages"][0]["text"])["dedup_key"] == "c5"
        await run("alert", "show", "999", code=1)
