"""Story: a receiver that is down for days loses nothing, is tried less often, and gets what it missed by a replay."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentType
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.jobs.outbox import MAX_ATTEMPTS
from firebell.people import actions as people
from firebell.webhooks import actions, change_store, doctor_checks, queries
from firebell.webhooks.deliveries import log_store
from firebell.webhooks.deliveries import store as delivery_store
from firebell.webhooks.deliveries.sender import WebhookSender
from firebell.webhooks.model import AttemptResult, Delivery, DeliveryState, EndpointState
from tests.servers import listening
from tests.stories.test_a_person_pages_someone_by_hand import start
from tests.webhook_world import add_endpoint, sent
from tests.world import World, world


async def _run(w: World, sender: WebhookSender) -> None:
    """Run only the lane of webhooks, as often as it has work."""
    while await sender.run_once(w.now):
        pass


async def _later(w: World, sender: WebhookSender, **by: float) -> None:
    w.clock.set(w.now + timedelta(**by))
    await _run(w, sender)


async def _declare(w: World, title: str) -> Incident:
    async with w.ctx.db.tx() as tx:
        return await incidents.declare(tx, await w.actor(w.mara), title=title, severity=3, now=w.now)


async def _log(w: World, endpoint_id: int, state: DeliveryState | None = None) -> list[Delivery]:
    async with w.ctx.db.tx() as tx:
        return await log_store.deliveries(tx, endpoint_id, state, None, 100)


def _refs(w: World, secret: str) -> list[str]:
    return [body["data"]["incident"]["ref"] for body in sent(w, secret)]


async def test_what_a_broken_receiver_missed_is_kept_tried_and_replayed(dsn: str) -> None:
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        started, sender = w.now, WebhookSender(w.ctx)
        one, secret = await add_endpoint(w, "one", types=("incident.declared",))
        w.sink.status, w.sink.body = 503, b"down" * 1000
        await _declare(w, "First")
        await _run(w, sender)
        (first,) = await _log(w, one.id)
        assert (first.state, first.attempts, first.status) == (DeliveryState.QUEUED, 1, 503)
        async with w.ctx.db.tx() as tx:
            (attempt,) = await log_store.attempts(tx, first.id)
        assert (attempt.status, len(attempt.response.encode())) == (503, 2000)

        # five failures make it rest: of many events only one is tried, and none before the rest is over
        for n in range(7):
            await _declare(w, f"While it fails {n}")
        await _run(w, sender)
        async with w.ctx.db.tx() as tx:
            view = await queries.view(tx, one.id, w.now)
        assert (view.endpoint.is_resting, view.counts.waiting) == (True, 8)
        requests = len(w.sink.got)
        await _run(w, sender)
        assert len(w.sink.got) == requests
        await _later(w, sender, seconds=301)
        assert len(w.sink.got) == requests + 1

        # an admin who knows that it works again does not wait; each arrives once more with its first id
        w.sink.status, w.sink.body = 200, b""
        async with w.ctx.db.tx() as tx:
            await actions.enable_endpoint(tx, await w.actor(w.mara), endpoint_id=one.id, now=w.now)
        await _later(w, sender, minutes=40)
        assert {each.state for each in await _log(w, one.id)} == {DeliveryState.DELIVERED}
        assert set(_refs(w, secret)) == {f"INC-{n}" for n in range(1, 9)}
        ids = [headers["webhook-id"] for headers in w.sink.headers]
        assert len(set(ids)) == 8 < len(ids)

        # a process that dies between sending and recording: sent again with the same id, and no id is lost
        await _declare(w, "Sent twice at most")
        await sender._compose(w.now)
        async with w.ctx.db.tx() as tx:
            (claimed,) = await delivery_store.claim(tx, 50, w.now)
        assert (await sender.run_once(w.now)) == 0
        await _later(w, sender, seconds=61)
        assert w.sink.headers[-1]["webhook-id"] == claimed.message_id
        # and one that only slept past its lease does not undo what another process delivered
        late = AttemptResult(claimed, w.now, 0, None, "ReadTimeout")
        async with w.ctx.db.tx() as tx:
            await delivery_store.record(tx, late, w.now, w.now)
        assert {each.state for each in await _log(w, one.id)} == {DeliveryState.DELIVERED}

        # after three days without a success it is given up, and the admins are notified once
        w.sink.status = 500
        await _declare(w, "Lost for days")
        for _ in range(11):
            await _later(w, sender, hours=25)
        async with w.ctx.db.tx() as tx:
            assert (await actions.endpoint(tx, one.id)).state is EndpointState.ACTIVE, "one event is no proof"
        await _declare(w, "Lost as well")
        await _later(w, sender, minutes=6)
        async with w.ctx.db.tx() as tx:
            given_up = await actions.endpoint(tx, one.id)
            assert (given_up.state, given_up.findings) == (EndpointState.DISABLED, ["N-WEBHOOK"])
            admins = [each for each in await people.people(tx) if each.role == "admin"]
            notices = await tx.value("select count(*) from notice where kind = 'webhook'")
            assert notices == len(admins)
            # another address has failed at nothing
            moved = replace(given_up.settings, url=f"{w.sink.url}/moved")
            one = await actions.update_endpoint(tx, SYSTEM, endpoint_id=one.id, entered=moved, now=w.now)
            assert given_up.failures >= 5
            assert (one.failures, one.failing_since, one.state) == (0, None, EndpointState.DISABLED)
            with pytest.raises(Conflict):
                await actions.send_test(tx, SYSTEM, endpoint_id=one.id, now=w.now)
        await _declare(w, "While it is disabled")
        await _run(w, sender)
        assert len(await _log(w, one.id)) == 11

        # what waits goes out when it is enabled, what it never got by a replay of the range, and nothing twice
        w.sink.status = 204
        w.sink.raw.clear()
        w.sink.headers.clear()
        async with w.ctx.db.tx() as tx:
            await actions.enable_endpoint(tx, SYSTEM, endpoint_id=one.id, now=w.now)
            replayed = await actions.replay_range(
                tx, SYSTEM, endpoint_id=one.id, since=started, until=w.now + timedelta(seconds=1), now=w.now
            )
            assert replayed == 2
            with pytest.raises(Invalid):
                await actions.replay_range(
                    tx, SYSTEM, endpoint_id=one.id, since=w.now, until=w.now, now=w.now
                )
        await _later(w, sender, hours=25)
        assert sorted(_refs(w, secret)) == ["INC-10", "INC-11", "INC-12"]
        assert await _log(w, one.id, DeliveryState.FAILED) == []

        # 410 ends it at once; failed and single deliveries are replayed with the same id
        w.sink.status = 410
        async with w.ctx.db.tx() as tx:
            test = await actions.send_test(tx, SYSTEM, endpoint_id=one.id, now=w.now)
        await _run(w, sender)
        async with w.ctx.db.tx() as tx:
            assert (await actions.endpoint(tx, one.id)).state is EndpointState.DISABLED
            await actions.enable_endpoint(tx, SYSTEM, endpoint_id=one.id, now=w.now)
            await tx.execute("update webhook_delivery set state = 'failed' where id = $1", test.id)
            w.sink.status = 200
            assert await actions.replay_failed(tx, SYSTEM, endpoint_id=one.id, now=w.now) == 1
        await _run(w, sender)
        assert w.sink.headers[-1]["webhook-id"] == test.message_id

        # what could never be composed is a failure of doctor; a deleted webhook goes at once, its log in batches
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                "insert into webhook_change (kind, payload, at, run_at, dead_at, last_error)"
                " values ('x', '{}', $1, $1, $1, 'KeyError')",
                w.now,
            )
            checked = await doctor_checks.check(tx, w.now)
            assert [each.level for each in checked] == ["fail", "ok"]
            await actions.delete_endpoint(tx, SYSTEM, endpoint_id=one.id, now=w.now)
            with pytest.raises(NotFound):
                await actions.endpoint(tx, one.id)
        again, _ = await add_endpoint(w, "one")
        await _run(w, sender)
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from webhook_delivery") == 0
            assert await tx.value("select array_agg(id) from webhook_endpoint") == [again.id]


async def test_a_page_whose_event_cannot_be_composed_does_not_block_other_pages(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        sender = WebhookSender(w.ctx)
        _, secret = await add_endpoint(w, "one", types=("page.triggered", "page.resolved"))
        await w.alert("5xx above 5%")
        await w.resolve(w.mara)
        await w.alert("Disk full")
        async with w.ctx.db.tx() as tx:
            one, two = [row["id"] for row in await tx.fetch("select id from page order by id")]
            await tx.execute("delete from webhook_change")
            # a later release recorded something that this one does not know
            entries = [[two, "later", "Firebell", {}], [one, "triggered", "Firebell", {}]]
            await change_store.insert(tx, "PagesChanged", {"changes": entries}, w.now)
        for _ in range(MAX_ATTEMPTS + 2):
            await _later(w, sender, minutes=11)
        assert [body["data"]["page"]["ref"] for body in sent(w, secret)] == [f"PG-{one}"]
        async with w.ctx.db.tx() as tx:
            kept = await tx.row("select payload, attempts, dead_at from webhook_change")
        assert kept is not None
        assert kept["dead_at"] is not None
        assert kept["payload"] == {"changes": entries[:1]}


async def test_an_event_of_an_incident_that_became_private_is_withheld(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        sender = WebhookSender(w.ctx)
        public, _ = await add_endpoint(w, "public", types=("incident.declared", "incident.phase_changed"))
        trusted, _ = await add_endpoint(w, "trusted", types=("incident.declared",), is_private=True)
        incident = await _declare(w, "Customer data copied")
        await sender._compose(w.now)
        async with w.ctx.db.tx() as tx:
            await incidents.set_type(
                tx, await w.actor(w.mara), incident.id, IncidentType.SECURITY, w.now, private=True
            )
        await _run(w, sender)
        assert [each.state for each in await _log(w, public.id)] == [DeliveryState.WITHHELD]
        assert [each.state for each in await _log(w, trusted.id)] == [DeliveryState.DELIVERED]
        # an address in a private network is refused when it is connected to, and the log says why
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                "update webhook_endpoint set url = 'http://10.0.0.7/hook' where id = $1", trusted.id
            )
            await actions.send_test(tx, SYSTEM, endpoint_id=trusted.id, now=w.now)
        await _run(w, sender)
        refused = (await _log(w, trusted.id))[0]
        assert (refused.state, refused.status) == (DeliveryState.QUEUED, None)
        assert "FIREBELL_ALLOWED_NETWORKS" in refused.error


async def test_bug_a_waiting_event_revealed_the_reason_for_a_page_of_a_private_incident(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        sender = WebhookSender(w.ctx)
        public, secret = await add_endpoint(w, "public", types=("page.triggered",))
        trusted, _ = await add_endpoint(w, "trusted", types=("page.triggered",), is_private=True)
        mara, page_id = await w.actor(w.mara), await start(w, text="Tokens were copied")
        await sender._compose(w.now)
        async with w.ctx.db.tx() as tx:
            secret_one = await incidents.declare(
                *(tx, mara), title="Odd logins", severity=3, private=True, now=w.now
            )
            await incidents.link_page(tx, mara, secret_one.id, page_id, w.now)
        await _run(w, sender)
        assert [each.state for each in await _log(w, public.id)] == [DeliveryState.WITHHELD]
        assert [each.state for each in await _log(w, trusted.id)] == [DeliveryState.DELIVERED]
        since = w.now - timedelta(hours=1)
        async with w.ctx.db.tx() as tx:
            replayed = await actions.replay_range(
                *(tx, SYSTEM),
                endpoint_id=public.id,
                since=since,
                until=w.now + timedelta(minutes=1),
                with_delivered=True,
                now=w.now,
            )
        assert replayed == 0
        assert sent(w, secret) == []


async def test_a_receiver_that_hangs_delays_no_other_webhook(dsn: str, clock: FakeClock) -> None:
    may_answer, requests = asyncio.Event(), list[int]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        requests.append(1)
        await may_answer.wait()
        writer.write(b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n")
        await writer.drain()

    async with world(dsn, clock) as w, listening(answer) as port:
        sender = WebhookSender(w.ctx)
        slow, _ = await add_endpoint(w, "slow", types=("incident.declared",))
        fast, secret = await add_endpoint(w, "fast", types=("incident.declared",))
        settings = replace(slow.settings, url=f"http://127.0.0.1:{port}/slow")
        async with w.ctx.db.tx() as tx:
            await actions.update_endpoint(tx, SYSTEM, endpoint_id=slow.id, entered=settings, now=w.now)
        for n in range(delivery_store.BATCH_OF_ENDPOINT + 2):
            await _declare(w, f"Incident {n}")
        while await _log(w, fast.id, DeliveryState.QUEUED) or not sent(w, secret):
            assert await sender.run_once(w.now), "there is work"
        assert len(set(_refs(w, secret))) == len(_refs(w, secret)) == delivery_store.BATCH_OF_ENDPOINT + 2
        assert await _log(w, slow.id, DeliveryState.DELIVERED) == []
        assert len(requests) == delivery_store.BATCH_OF_ENDPOINT, "it gets no second batch before it answers"

        # a process that stops waits for the answer
        may_answer.set()
        await sender.drain(60)
        assert len(await _log(w, slow.id, DeliveryState.DELIVERED)) == delivery_store.BATCH_OF_ENDPOINT
        await _run(w, sender)
        assert {each.state for each in await _log(w, slow.id)} == {DeliveryState.DELIVERED}
