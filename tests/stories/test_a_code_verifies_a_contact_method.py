"""Story: a person proves with a code that a contact method reaches them, and no page is lost meanwhile."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import time, timedelta
from typing import Any

import asyncpg
import pytest

from firebell import event_subscriptions
from firebell.alerts.ingest.ingest_queue import Ingest
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Db
from firebell.kit.db.migrate import available, migrate
from firebell.kit.errors import Conflict, NotFound, TooMany
from firebell.people import actions as people
from firebell.people.model import ContactMethod, MethodState, QuietHours
from firebell.people.verification import actions as verification
from firebell.people.verification.rules import CodeOutcome
from firebell.process import connected
from tests.servers import listening, mail_server
from tests.stories.test_emails import Mailbox, heading
from tests.stories.test_ntfy_messages import NtfyServer
from tests.world import World, settings, sink, world

NEW, VERIFIED, SUSPECT, DISABLED = MethodState


async def add(w: World, kind: str, address: str, **more: Any) -> ContactMethod:
    async with w.ctx.db.tx() as tx:
        actor = await w.actor(w.mara)
        return await people.add_contact_method(
            tx, actor, person_id=w.mara, kind=kind, address=address, label="", now=w.now, **more
        )


async def hook_of(w: World) -> ContactMethod:
    async with w.ctx.db.tx() as tx:
        return next(m for m in await people.methods_of(tx, [w.mara]) if m.kind == "webhook")


async def now_is(w: World, method: ContactMethod) -> ContactMethod:
    """Return the contact method as stored."""
    async with w.ctx.db.tx() as tx:
        stored = await people.method(tx, method.id)
    assert stored
    return stored


async def send(w: World, method: ContactMethod) -> None:
    async with w.ctx.db.tx() as tx:
        await people.request_code(tx, await w.actor(method.person_id), method.id, method.person_id, w.now)
    await w.settle()


async def send_test(w: World, method: ContactMethod) -> None:
    async with w.ctx.db.tx() as tx:
        await people.request_test(tx, await w.actor(method.person_id), method.id, method.person_id, w.now)
    w.clock.advance(timedelta(seconds=1))
    await w.settle()


async def enter(w: World, method: ContactMethod, code: str) -> CodeOutcome:
    actor = await w.actor(method.person_id)
    async with w.ctx.db.tx() as tx:
        entered = await verification.enter_code(
            tx, actor, w.ctx.signer, method.id, method.person_id, code, w.now
        )
    return entered.entry


async def verify(w: World, method: ContactMethod) -> str:
    """Verify a webhook of the world's sink with the code that it gets, and return the code."""
    await send(w, method)
    code: str = w.sink.got[-1]["code"]
    assert await enter(w, method, code) is CodeOutcome.VERIFIED
    return code


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


async def test_a_webhook_that_accepts_everything_is_not_verified_until_the_code_is_entered(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        hook = await hook_of(w)
        await send_test(w, hook)
        tested = await now_is(w, hook)
        assert (tested.state, tested.test_result, tested.test_at) == (NEW, "accepted", w.now)
        await send(w, hook)
        body = w.sink.got[-1]
        assert re.fullmatch(r"\d{6}", body["code"])
        assert (body["event"], body["urgency"], body["data"]["code"]) == (
            "verification",
            "high",
            body["code"],
        )
        assert await enter(w, hook, f" {body['code'][:3]} {body['code'][3:]} ") is CodeOutcome.VERIFIED
        assert (await now_is(w, hook)).verified_at == w.now
        await w.alert()
        await w.settle()
        assert "code" not in w.sink.got[-1]


async def test_the_code_is_in_the_subject_of_an_email_and_in_the_title_on_a_phone(
    dsn: str, clock: FakeClock
) -> None:
    box, phone = Mailbox(), NtfyServer()
    async with (
        mail_server(box) as port,
        listening(phone.answer) as ntfy_port,
        world(dsn, clock, smtp_url=f"smtp://127.0.0.1:{port}", ntfy_url=f"http://127.0.0.1:{ntfy_port}") as w,
    ):
        async with w.ctx.db.tx() as tx:
            (email,) = [m for m in await people.methods_of(tx, [w.mara]) if m.kind == "email"]
        topic = await add(w, "ntfy", "mara-7f3a")
        for method in (email, topic):
            await send(w, method)
        (mail,) = box.mails
        (push,) = phone.taken
        assert (mail["Importance"], push["priority"]) == ("high", 5)
        for method, title in ((email, heading(mail)), (topic, push["title"])):
            code = title.split()[0]
            assert await enter(w, method, wrong(code)) is CodeOutcome.WRONG
            assert await enter(w, method, code) is CodeOutcome.VERIFIED


async def test_the_code_is_nowhere_but_in_the_message(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the log, the audit log, the deliveries, nor any other table, even if the receiver repeats it."""
    caplog.set_level(logging.DEBUG)
    async with world(dsn, clock) as w:
        hook = await hook_of(w)
        await send(w, hook)
        codes = [w.sink.got[-1]["code"]]
        w.clock.advance(timedelta(minutes=2))

        async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(re.search(rb"content-length: (\d+)", head, re.I)[1])  # type: ignore[index]
                body = json.loads(await reader.readexactly(length))
                codes.append(body["code"])
                answer = f"no: {body['title']}".encode()
                writer.write(b"HTTP/1.1 400 X\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
                await writer.drain()

        async with listening(repeat) as port:
            echo = await add(w, "webhook", f"http://127.0.0.1:{port}/echo")
            await send(w, echo)
        assert len(codes) > 1
        assert (await now_is(w, echo)).test_result == "failed"
        async with w.ctx.db.tx() as tx:
            tables = await tx.fetch("select tablename from pg_tables where schemaname = 'public'")
            stored = ""
            for table in tables:
                rows = await tx.fetch(f"select row_to_json(t)::text r from {table['tablename']} t")
                stored += "\n".join(row["r"] for row in rows)
        for code in codes:
            assert not re.search(rf"(?<!\d){code}(?!\d)", stored)
            assert not re.search(rf"(?<!\d){code}(?!\d)", caplog.text)


async def test_a_code_works_once_for_ten_minutes_and_its_successor_replaces_it(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        hook = await hook_of(w)
        assert await enter(w, hook, "000000") is CodeOutcome.NONE_SENT
        await send(w, hook)
        first = w.sink.got[-1]["code"]
        with pytest.raises(TooMany):
            await send(w, hook)
        w.clock.advance(timedelta(seconds=60))
        await send(w, hook)
        second = w.sink.got[-1]["code"]
        if first != second:
            assert await enter(w, hook, first) is CodeOutcome.WRONG
        w.clock.advance(timedelta(minutes=10))
        assert await enter(w, hook, second) is CodeOutcome.EXPIRED
        third = await verify(w, hook)
        assert await enter(w, hook, third) is CodeOutcome.USED
        with pytest.raises(Conflict):
            await send(w, hook)


async def test_five_wrong_codes_invalidate_a_code(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        hook = await hook_of(w)
        await send(w, hook)
        code = w.sink.got[-1]["code"]
        for _ in range(5):
            assert await enter(w, hook, wrong(code)) is CodeOutcome.WRONG
        assert await enter(w, hook, code) is CodeOutcome.TOO_MANY_TRIES
        assert (await now_is(w, hook)).state is NEW
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from audit where action = 'contact.code_refused'") == 1


async def at_once(*calls: Callable[[], Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*(call() for call in calls), return_exceptions=True)


async def test_two_tabs_that_enter_the_code_at_once_verify_once(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        hook = await hook_of(w)
        await send(w, hook)
        code = w.sink.got[-1]["code"]
        assert sorted(await at_once(*[lambda: enter(w, hook, code)] * 3)) == ["used", "used", "verified"]
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from audit where action = 'contact.verified'") == 1


async def test_guesses_at_the_same_time_all_count(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        hook = await hook_of(w)
        await send(w, hook)
        code = w.sink.got[-1]["code"]
        entries = await at_once(*[lambda: enter(w, hook, wrong(code))] * 8)
        assert sorted(entries) == ["too_many_tries"] * 3 + ["wrong"] * 5


async def test_a_code_requested_twice_at_once_is_sent_once(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        hook = await hook_of(w)
        results = await at_once(*[lambda: send(w, hook)] * 2)
        assert sorted(type(r).__name__ for r in results) == ["NoneType", "TooMany"]


async def test_a_page_does_not_wait_for_someone_who_enters_a_code(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        hook = await hook_of(w)
        async with w.ctx.db.tx() as tx:
            await people.request_code(tx, await w.actor(w.mara), hook.id, w.mara, w.now)
        await w.alert()
        async with w.ctx.db.tx() as entering:
            await entering.fetch("select id from contact_code for update")
            async with asyncio.timeout(60):
                await w.settle()
        events = {m["event"]: m for m in w.sink.got}
        assert set(events) == {"page", "verification"}
        assert "code" not in events["verification"]


async def test_no_one_verifies_the_contact_method_of_someone_else(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        hook = await hook_of(w)
        await send(w, hook)
        code, jun = w.sink.got[-1]["code"], await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            with pytest.raises(NotFound):
                await people.request_code(tx, jun, hook.id, w.jun, w.now)
            with pytest.raises(NotFound):
                await verification.enter_code(tx, jun, w.ctx.signer, hook.id, w.jun, code, w.now)


async def test_the_limits_outlive_a_restart(dsn: str, clock: FakeClock) -> None:
    for expected in (5, 0):
        async with world(dsn, clock) if expected else again(dsn, clock) as w:
            hook, sent = await hook_of(w), 0
            for _ in range(6):
                w.clock.advance(timedelta(minutes=1))
                try:
                    await send(w, hook)
                except TooMany:
                    continue
                sent += 1
            assert sent == expected


@asynccontextmanager
async def again(dsn: str, clock: FakeClock) -> AsyncIterator[World]:
    """Run the same organization after a restart."""
    async with connected(settings(), dsn, clock) as ctx, sink() as receiver:
        yield World(ctx, clock, Ingest(ctx), receiver, 1, 2, 1, 1, "")


async def test_a_code_comes_in_quiet_hours(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            hours = QuietHours(time(0), time(23), "UTC")
            await people.set_quiet_hours(tx, await w.actor(w.mara), w.mara, hours, w.now)
        await send(w, await hook_of(w))
        assert w.sink.got[-1]["event"] == "verification"


async def test_a_person_whose_only_contact_methods_are_unverified_is_paged_as_before(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        assert w.sink.people()[0] == "Mara Lindqvist"


async def test_an_unverified_contact_method_gets_no_page_beside_a_verified_one(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, sink() as other:
        await verify(w, await hook_of(w))
        await add(w, "webhook", other.url)
        await w.alert()
        await w.settle()
        assert w.sink.got[-1]["event"] == "page"
        assert other.got == []


async def test_a_rule_for_an_unverified_contact_method_alone_does_not_silence_the_verified_one(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, sink() as other:
        await verify(w, await hook_of(w))
        new = await add(w, "webhook", other.url)
        async with w.ctx.db.tx() as tx:
            actor = await w.actor(w.mara)
            await people.set_rules(
                tx, actor, person_id=w.mara, urgency="high", rules=[(0, new.id)], now=w.now
            )
        await w.alert()
        await w.settle()
        assert w.sink.got[-1]["event"] == "page"
        assert other.got == []


async def test_the_old_address_is_paged_until_the_new_one_is_verified(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, sink() as phone:
        old = await hook_of(w)
        await verify(w, old)
        new = await add(w, "webhook", phone.url, replaces=old.id)
        await w.alert("one")
        await w.settle()
        assert (w.sink.got[-1]["title"], phone.got) == ("one", [])
        await w.resolve(w.mara)
        await send(w, new)
        assert await enter(w, new, phone.got[-1]["code"]) is CodeOutcome.VERIFIED
        assert (await now_is(w, old)).disabled_at == w.now
        async with w.ctx.db.tx() as tx:
            rules = (await people.rules_of(tx, [w.mara], "high"))[w.mara]
        assert [(r.delay_s, r.method.id) for r in rules] == [(0, new.id)]
        await w.alert("two")
        await w.settle()
        assert phone.got[-1]["title"] == "two"


async def test_an_address_that_fails_twice_in_30_days_is_disabled_and_its_owner_is_notified(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, sink() as phone:
        hook = await hook_of(w)
        await verify(w, hook)
        other = await add(w, "webhook", phone.url)
        await send(w, other)
        assert await enter(w, other, phone.got[-1]["code"]) is CodeOutcome.VERIFIED
        w.sink.status = 404
        for _ in range(3):
            await send_test(w, hook)
        assert (await now_is(w, hook)).state is SUSPECT
        w.clock.advance(timedelta(days=2))
        phone.got.clear()
        await send_test(w, hook)
        assert (await now_is(w, hook)).state is DISABLED
        assert [m["event"] for m in phone.got].count("contact") == 1
        w.sink.status, w.sink.got = 200, []
        await w.alert()
        await w.settle()
        assert "Mara Lindqvist" not in w.sink.people()
        assert phone.people()[-1] == "Mara Lindqvist"
        await verify(w, hook)
        assert (await now_is(w, hook)).state is VERIFIED


async def test_a_webhook_that_is_gone_is_disabled_at_once_but_stays_the_last_resort(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        hook = await hook_of(w)
        await verify(w, hook)
        async with w.ctx.db.tx() as tx:
            actor = await w.actor(w.mara)
            (email,) = [m for m in await people.methods_of(tx, [w.mara]) if m.kind == "email"]
            await people.remove_contact_method(tx, actor, email.id, w.mara, w.now)
        w.sink.status = 410
        await send_test(w, hook)
        assert (await now_is(w, hook)).state is DISABLED
        w.sink.status, w.sink.got = 200, []
        await w.alert()
        await w.settle()
        assert "Mara Lindqvist" in w.sink.people()


async def test_a_method_unverified_for_a_week_is_removed_only_beside_a_verified_one(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        hook = await hook_of(w)
        await w.after(days=0, minutes=1)
        async with w.ctx.db.tx() as tx:
            await verification.remove_unverified(tx, w.now + timedelta(days=8))
            assert len(await people.methods_of(tx, [w.mara])) == 2
        await verify(w, hook)
        async with w.ctx.db.tx() as tx:
            assert not await verification.remove_unverified(tx, w.now + timedelta(days=6))
            assert len(await people.methods_of(tx, [w.mara])) == 2
            await verification.remove_unverified(tx, w.now + timedelta(days=7))
            assert [m.id for m in await people.methods_of(tx, [w.mara])] == [hook.id]
            assert len(await people.methods_of(tx, [w.jun])) == 2
            entries = await tx.fetch("select subject from audit where action = 'contact.expired'")
        assert [row["subject"] for row in entries] == [f"person:{w.mara}"]


async def test_an_upgrade_asks_no_one_to_verify_again_and_stops_no_page(dsn: str) -> None:
    """Migrate a database from before codes: what was verified stays so, the others are paged as they were."""
    admin = await asyncpg.connect(dsn)
    own = dsn.rpartition("/")[2].partition("?")[0]
    name = f"{own}_before"
    await admin.execute(f"create database {name}")
    old = dsn.replace(own, name)
    before = available()[: next(i for i, m in enumerate(available()) if m.name == "verification")]
    try:
        await migrate(old, before)
        conn = await asyncpg.connect(old)
        try:
            await conn.execute(
                """
                insert into person (name, email, role, created_at)
                values ('M', 'm@e.org', 'admin', now());
                insert into contact_method (person_id, kind, address, created_at, verified_at, suspect_since)
                values (1, 'email', 'm@e.org', now() - interval '1 year', null, null),
                       (1, 'ntfy', 'a', now(), now(), null),
                       (1, 'ntfy', 'b', now(), now(), now()),
                       (1, 'ntfy', 'c', now(), null, now())
                """
            )
            await migrate(old)
        finally:
            await conn.close()
        db = await Db.connect(old, event_subscriptions.build())
        try:
            async with db.tx() as tx:
                methods = await people.methods_of(tx, [1])
                assert [m.state for m in methods] == [NEW, VERIFIED, SUSPECT, NEW]
                assert people.paged(methods) == methods
                now = max(m.verified_at for m in methods if m.verified_at) + timedelta(days=8)
                assert not await verification.remove_unverified(tx, now)
                assert len(await people.methods_of(tx, [1])) == 4
        finally:
            await db.close()
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()
