"""Story: a person is reached by a service that only Apprise knows, without anyone else reading its address."""

import json
import logging
import re
import sys

import pytest

from firebell.channels import apprise
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people.model import ContactMethod
from firebell.self_watch import queries as self_watch
from tests.api.api_clients import Api, browser, key_of, sign_in
from tests.standins.channel_lab import TOKEN
from tests.world import Sink, World, sink, world

SETTINGS = {"FIREBELL_APPRISE_KINDS": "json, tgram"}
PATH = "/me/contact-methods"


def _address(service: Sink) -> str:
    return f"json://127.0.0.1:{service.port}/{TOKEN}"


async def _tables_with(tx: Tx, text: str) -> list[str]:
    """Return the tables that have a text in any of their columns."""
    tables = await tx.fetch("select tablename from pg_tables where schemaname = current_schema()")
    names = [row["tablename"] for row in tables]
    assert "contact_method" in names
    return [
        name
        for name in names
        if await tx.value(
            f'select exists (select from "{name}" stored where stored::text like $1)', f"%{text}%"
        )
    ]


async def _add(w: World, person: int, address: str) -> ContactMethod:
    async with w.ctx.db.tx() as tx:
        return await people.add_contact_method(
            tx, await w.actor(person), person_id=person, kind="apprise", address=address, label="", now=w.now
        )


async def test_a_refusing_target_repeats_no_message_to_the_others(dsn: str, clock: FakeClock) -> None:
    """A chat that took a message got it again each time another chat of its address refused it."""
    token = "123456789:abcdefg_hijklmnop"
    async with world(dsn, clock, channel_settings=SETTINGS) as w, browser(w) as http:
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        body = {"kind": "apprise", "address": f"tgram://{token}/12315544/12315545/"}
        refused = await api("POST", PATH, body, status=422)
        assert [each["message"] for each in refused["errors"]] == [
            "Add one contact method for each of the 2 targets."
        ]
        for chat in ("12315544", "12315545"):
            await api("POST", PATH, {**body, "address": f"tgram://{token}/{chat}/"}, status=201)


async def test_the_address_is_shown_nowhere(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        sink() as service,
        world(dsn, clock, channel_settings=SETTINGS) as w,
        browser(w) as http,
    ):
        caplog.set_level(logging.DEBUG)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        answers = [
            method := await api("POST", PATH, {"kind": "apprise", "address": _address(service)}, status=201),
            # the same one is found, although no one can read it
            await api("POST", PATH, {"kind": "apprise", "address": _address(service)}, status=409),
            refused := await api("POST", PATH, {"kind": "apprise", "address": f"ntfy://{TOKEN}"}, status=422),
        ]
        assert method["address"] == "json://…"
        assert [each["message"] for each in refused["errors"]] == ["Use one of json://, tgram://."]

        # the code arrives, and verifies
        await api("POST", f"{PATH}/{method['id']}/verification", status=204)
        await w.settle()
        code = re.search(r"\b\d{6}\b", json.dumps(service.got))
        assert code
        await api("POST", f"{PATH}/{method['id']}/verify", {"code": code[0]})
        await w.alert("disk full")
        await w.settle()
        assert any("[PG-1]" in each["title"] for each in service.got)
        assert any("/ack/" in each["message"] for each in service.got)
        assert set(service.paths) == {f"/{TOKEN}"}
        async with w.ctx.db.tx() as tx:
            sent = [d for d in await paging.deliveries(tx, 1) if d.channel == "apprise"]
            assert [d.state for d in sent] == ["accepted"]
            assert await _tables_with(tx, TOKEN) == []
            assert await _tables_with(tx, TOKEN.encode().hex()) == []
            # what is stored of it is found
            assert "contact_method" in await _tables_with(tx, "json://")
            audited = await tx.fetch("select detail::text from audit where action = 'contact.added'")
        assert any("json://…" in row["detail"] for row in audited)
        answers += [await api("GET", path) for path in (PATH, "/pages/PG-1", "/audit", "/health")]
        await sign_in(w, http, w.mara)
        own = f"/settings/contact/{method['id']}"
        pages = [
            (await http.get(url)).text for url in ("/settings/contact", f"{own}/messages", "/pages/PG-1")
        ]
        assert "json://…" in pages[0]
        assert "never alone" in pages[0]
    assert TOKEN not in json.dumps(answers)
    assert not [page for page in pages if TOKEN in page]
    assert TOKEN not in caplog.text


async def test_a_long_address_in_another_script_is_refused_or_stored(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock, channel_settings=SETTINGS) as w, browser(w) as http:
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        for length, status in ((900, 422), (300, 201)):
            address = f"json://example.org/{'消' * length}"
            await api("POST", PATH, {"kind": "apprise", "address": address}, status=status)


async def _rely_on_apprise_first(w: World, service: Sink) -> None:
    """Give Mara a method of Apprise, and a webhook a minute later."""
    method = await _add(w, w.mara, _address(service))
    async with w.ctx.db.tx() as tx:
        webhook = next(m for m in await people.methods_of(tx, [w.mara]) if m.kind == "webhook")
        await people.set_rules(
            tx,
            await w.actor(w.mara),
            person_id=w.mara,
            urgency="high",
            rules=[(0, method.id), (60, webhook.id)],
            now=w.now,
        )


async def test_an_accepted_message_does_not_keep_the_next_level_waiting(dsn: str, clock: FakeClock) -> None:
    async with sink() as service, world(dsn, clock, channel_settings=SETTINGS) as w:
        await _rely_on_apprise_first(w, service)
        await w.alert("disk full")
        await w.settle()
        assert service.got
        assert "No message of this level could be delivered." not in await w.story()
        # the only message that could show that it arrived does not
        w.sink.status = 404
        await w.after(minutes=2)
        assert "No message of this level could be delivered." in await w.story()
        async with w.ctx.db.tx() as tx:
            notified = {d.person_id for d in await paging.deliveries(tx, 1)}
        assert notified == {w.mara, w.jun}, "the second level had 5 minutes left"


async def test_readiness_takes_no_accepted_message_as_proof_of_a_reached_person(
    dsn: str, clock: FakeClock
) -> None:
    async with (
        sink() as service,
        world(dsn, clock, channel_settings=SETTINGS) as w,
        browser(w) as http,
    ):
        await _rely_on_apprise_first(w, service)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))

        async def proofs() -> list[str]:
            items = {item["id"]: item["conditions"] for item in (await api("GET", "/readiness"))["items"]}
            return [items["1.2"][1]["have"], items["1.3"][2]["have"]]

        await w.alert("disk full")
        await w.settle()
        assert service.got
        assert await proofs() == ["none", "0 of 2, not Mara Lindqvist"]
        await w.after(minutes=1)
        assert await proofs() == ["a message by webhook", "1 of 2, not Jun Okafor"]


async def test_without_its_extra_a_stored_method_says_what_is_missing(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        sink() as service,
        world(dsn, clock, channel_settings=SETTINGS) as w,
        browser(w) as http,
    ):
        await sign_in(w, http, w.mara)
        assert 'value="apprise"' in (await http.get("/settings/contact")).text
        await _add(w, w.mara, _address(service))
        monkeypatch.setitem(sys.modules, "apprise", None)
        page = (await http.get("/settings/contact")).text
        assert 'value="apprise"' not in page
        assert "Apprise is off." in page
        async with w.ctx.db.tx() as tx:
            findings = await self_watch.findings(tx, w.ctx.channel_settings, w.now)
        [off] = [each for each in findings if each.subject == "channel:apprise"]
        assert off.code == "N-CONFIG"
        assert off.advice == apprise.OFF
        # the next rule acts
        await w.alert("disk full")
        await w.settle()
        async with w.ctx.db.tx() as tx:
            states = {d.channel: d.state for d in await paging.deliveries(tx, 1) if d.person_id == w.mara}
        assert states["apprise"] == "failed"
        assert states["webhook"] == "accepted"
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        refused = await api("POST", PATH, {"kind": "apprise", "address": "json://x"}, status=422)
        assert "firebell[apprise]" in refused["hint"]
        assert service.got == []
