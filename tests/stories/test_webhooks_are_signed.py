"""Story: every webhook is signed as Standard Webhooks defines, with a secret that only its owner knows."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from firebell.kit.clock import FakeClock
from firebell.kit.db.migrate import available, migrate
from firebell.kit.standard_webhooks import secret_text, signature
from firebell.people import actions as people
from firebell.people.model import ContactMethod
from firebell.people.validation import mask_address
from tests.api.api_clients import browser, organization
from tests.world import Sink, World, world


def verifies(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    """Ask the library that receivers use."""
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def test_the_vectors_of_the_specification() -> None:
    body = b'{"type":"page.triggered","timestamp":"2026-11-27T03:12:00Z","data":{"page":"PG-7"}}'
    secret = bytes(range(32))
    assert secret_text(secret) == "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    signed = signature([secret], "msg_8f14e45fceea167a5a36dedd4bea2543", 1795749120, body)
    assert signed == "v1,TsLx8A+16lqIIj3kkkpALFrJ5ifA6ZAmDMo+4LmNuKc="


async def add(w: World, address: str) -> ContactMethod:
    async with w.ctx.db.tx() as tx:
        return await people.add_contact_method(
            tx, await w.actor(w.mara), person_id=w.mara, kind="webhook", address=address, label="", now=w.now
        )


async def only(w: World, method_id: int) -> None:
    """Use only this contact method of Mara."""
    async with w.ctx.db.tx() as tx:
        await people.set_rules(
            tx, await w.actor(w.mara), person_id=w.mara, urgency="high", rules=[(0, method_id)], now=w.now
        )


def of_pages(receiver: Sink) -> list[tuple[dict[str, str], bytes]]:
    """Return the headers and the body of each message about a page; the clock is real, so a shift may be near, too."""
    messages = zip(receiver.headers, receiver.raw, receiver.got, strict=True)
    return [(headers, body) for headers, body, message in messages if message["event"] == "page"]


async def test_the_receiver_verifies_every_attempt_with_the_secret_shown_once(dsn: str) -> None:
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        method = await add(w, f"{w.sink.url}/mine")
        await only(w, method.id)
        w.sink.status = 503
        await w.alert()
        await w.settle()
        w.sink.status = 200
        for _ in range(4):
            await w.after(seconds=1)
        (first, _), (second, _) = of_pages(w.sink)[:2]
        assert first["webhook-id"] == second["webhook-id"]
        assert int(second["webhook-timestamp"]) > int(first["webhook-timestamp"])
        for headers, body in of_pages(w.sink):
            assert verifies(method.new_secret, body, headers)
            assert not verifies(method.new_secret, body + b" ", headers)
            assert headers["x-firebell-signature"].startswith("v1=")
        fields: dict[str, Any] = next(message for message in w.sink.got if message["event"] == "page")
        assert (fields["type"], fields["data"]["page"], fields["page"]) == ("page.triggered", "PG-1", "PG-1")


async def test_after_a_rotation_both_secrets_verify_for_a_day(dsn: str) -> None:
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        method = await add(w, f"{w.sink.url}/mine")
        await only(w, method.id)
        async with w.ctx.db.tx() as tx:
            rotated = await people.rotate_signing_secret(tx, await w.actor(w.mara), method.id, w.mara, w.now)
        assert rotated.previous_until == w.now + timedelta(hours=24)
        await w.alert()
        await w.settle()
        headers, body = of_pages(w.sink)[-1]
        assert len(headers["webhook-signature"].split(" ")) == 2
        assert verifies(method.new_secret, body, headers)
        assert verifies(rotated.secret, body, headers)
        async with w.ctx.db.tx() as tx:
            ended = w.now + timedelta(hours=24)
            secrets_ = await people.signing_secrets(tx, [method.id], ended)
        assert [secret_text(s) for s in secrets_[method.id]] == [rotated.secret]


async def test_a_webhook_that_is_added_again_has_another_secret(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        one = await add(w, f"{w.sink.url}/mine")
        async with w.ctx.db.tx() as tx:
            await people.remove_contact_method(tx, await w.actor(w.mara), one.id, w.mara, w.now)
        two = await add(w, f"{w.sink.url}/mine")
        assert one.new_secret != two.new_secret
        assert one.id == two.id


async def test_the_secret_and_the_address_are_in_no_log_and_no_list(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        address = "https://hooks.example.org/T00/B00/very-secret-token-1234"
        made = await api("POST", "/me/contact-methods", {"kind": "webhook", "address": address}, status=201)
        assert made["secret"].startswith("whsec_")
        await api("POST", "/me/contact-methods", {"kind": "ntfy", "address": "mara-secret-7f3a"}, status=201)
        again = await api("POST", f"/me/contact-methods/{made['id']}/secret")
        assert again["secret"].startswith("whsec_")
        assert again["secret"] != made["secret"]
        log = await api("GET", "/audit", limit=100)
        text = json.dumps([log, await api("GET", "/me/contact-methods")])
        assert "whsec_" not in text
        assert "very-secret" not in json.dumps(log)
        assert "mara-secret" not in json.dumps(log)
        assert [e["action"] for e in log[:1]] == ["contact.secret_rotated"]
        assert log[2]["detail"]["address"] == "https://hooks.example.org/…1234"
        mail = (await api("GET", "/me/contact-methods"))[0]
        assert mail["kind"] == "email"
        await api("POST", f"/me/contact-methods/{mail['id']}/secret", status=409)
        await api("POST", "/me/contact-methods/99999/secret", status=404)


async def test_addresses_in_a_receivers_error_are_masked_for_others(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        method = await add(w, f"{w.sink.url}/very-secret-token")
        await only(w, method.id)
        w.sink.status, w.sink.body = 404, b"The requested URL /hook/very-secret-token was not found."
        await w.alert()
        await w.settle()
        async with w.ctx.db.tx() as tx:
            error = await tx.value("select error from delivery where method_id = $1", method.id)
        assert error == "404 The requested URL … was not found."


async def test_a_receiver_that_takes_less_gets_it_once_more_without_alerts(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        w.sink.status = 413
        await w.alert("Payments are down", body="many words")
        await w.settle()
        whole, short = w.sink.got[:2]
        assert [len(m["alerts"]) for m in (whole, short)] == [1, 0]
        assert (short["title"], short["alerts_omitted"]) == ("Payments are down", 1)
        assert short["page_url"].endswith("/pages/PG-1")
        assert len({h["webhook-id"] for h in w.sink.headers[:2]}) == 1
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from contact_method where suspect_since is not null") == 0
            assert await tx.value("select max(attempts) from delivery") == 1


@pytest.mark.parametrize(
    ("kind", "address", "masked"),
    [
        ("email", "mara@example.org", "mara@example.org"),
        ("webhook", "https://hooks.example.org:8443/a/b?c=secret", "https://hooks.example.org/…cret"),
        ("ntfy", "firebell-mara-7f3a", "…7f3a"),
        ("ntfy", "https://ntfy.example.org/mara-7f3a", "https://ntfy.example.org/…7f3a"),
    ],
)
def test_an_address_that_is_a_password_is_masked(kind: str, address: str, masked: str) -> None:
    assert mask_address(kind, address) == masked


async def test_the_settings_page_shows_the_secret_once(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await http.post("/login", data={"email": "mara@example.org", "password": "a quiet night please"})
        page = (await http.get("/settings/contact")).text
        csrf = page.split('name="csrf" value="')[1].split('"')[0]
        form = {"csrf": csrf, "kind": "webhook", "address": "https://hooks.example.org/x"}
        added = await http.post("/settings/contact", data=form)
        assert added.text.count("whsec_") == 1
        assert "whsec_" not in (await http.get("/settings/contact")).text
        async with w.ctx.db.tx() as tx:
            method = max(await people.methods_of(tx, [w.mara]), key=lambda m: m.id)
        rotated = await http.post(f"/settings/contact/{method.id}/secret", data={"csrf": csrf})
        assert rotated.status_code == 200
        assert rotated.text.count("whsec_") == 1
        assert (await http.get(f"/settings/contact/{method.id}/secret")).headers[
            "location"
        ] == "/settings/contact"


async def test_webhooks_from_before_get_a_secret_and_old_audit_entries_are_masked(dsn: str) -> None:
    """Migrate a database of before this feature that has both."""
    admin = await asyncpg.connect(dsn)
    name = f"{dsn.rpartition('/')[2].partition('?')[0]}_before"
    await admin.execute(f"create database {name}")
    old = dsn.replace(dsn.rpartition("/")[2].partition("?")[0], name)
    before = [
        m for m in available() if m.version < next(m.version for m in available() if m.name == "messages")
    ]
    try:
        await migrate(old, before)
        conn = await asyncpg.connect(old)
        try:
            person = await conn.fetchval(
                "insert into person (name, email, role, created_at)"
                " values ('M', 'm@e.org', 'admin', now()) returning id"
            )
            for kind, address in (("webhook", "https://h.example.org/a/tok-1234"), ("ntfy", "mara-7f3a")):
                await conn.execute(
                    "insert into contact_method (person_id, kind, address, created_at) values ($1, $2, $3, now())",
                    *(person, kind, address),
                )
                await conn.execute(
                    "insert into audit (at, actor_kind, actor_label, action, subject, detail)"
                    " values (now(), 'person', 'M', 'contact.added', 'person:1', $1)",
                    json.dumps({"kind": kind, "address": address}),
                )
            await migrate(old)
            secrets = await conn.fetch(
                "select kind, octet_length(signing_secret) n from contact_method order by 1 desc"
            )
            assert [tuple(row) for row in secrets] == [("webhook", 32), ("ntfy", None)]
            masked = await conn.fetch("select detail->>'address' a from audit order by id")
            assert [row["a"] for row in masked] == ["https://h.example.org/…1234", "…7f3a"]
        finally:
            await conn.close()
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()
