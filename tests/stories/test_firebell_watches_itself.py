"""Story: Firebell sends heartbeats while it is healthy, none when it is not, and pages its own responders."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.kit.process_health import HealthWarning
from firebell.people import actions as people
from firebell.self_watch import actions, queries, store
from firebell.self_watch import fallback_test_actions as fallback_test
from firebell.self_watch.model import HeartbeatHealth, OutboundHeartbeat, PingMethod, ProblemKind
from firebell.self_watch.watcher import Watcher
from tests.api.api_clients import browser, sign_in
from tests.world import World, world


async def _heartbeat(w: World) -> OutboundHeartbeat:
    async with w.ctx.db.tx() as tx:
        return (await store.heartbeats(tx))[0]


async def _later(w: World, watchers: list[Watcher], **by: float) -> None:
    """Let time pass, every process look once, and what it queued be sent."""
    w.clock.set(w.now + timedelta(**by))
    for watcher in watchers:
        await watcher.run_once(w.now)
    await w.settle()


async def test_silence_outside_means_that_firebell_is_not_well(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara, jun = await w.actor(w.mara), await w.actor(w.jun)
        wrong: dict[str, str] = {"database": ""}

        async def checks() -> Mapping[str, str]:
            return wrong

        async def create(name: str, url: str) -> OutboundHeartbeat:
            async with w.ctx.db.tx() as tx:
                return await actions.create_heartbeat(
                    tx, mara, name=name, url=url, method=PingMethod.POST, now=w.now
                )

        secret_url = f"{w.sink.url}/s3cret"
        created = await create("Frankfurt", secret_url)
        assert created.health is HeartbeatHealth.NEW
        for name, url, refusal in (
            ("frankfurt", secret_url, Conflict),
            ("", "ftp://x", Invalid),
            ("Other", "https://user:password@watch.example/", Invalid),
        ):
            with pytest.raises(refusal):
                await create(name, url)
        with pytest.raises(Forbidden):
            async with w.ctx.db.tx() as tx:
                await actions.delete_heartbeat(tx, jun, created.id, w.now)

        # two processes look, and one of them sends
        both = [Watcher(w.ctx, checks), Watcher(w.ctx, checks)]
        await _later(w, both)
        assert not w.sink.got, "what was due before the start runs first"
        await _later(w, both, seconds=30)
        assert len(w.sink.got) == 1
        assert (await _heartbeat(w)).health is HeartbeatHealth.OK
        await _later(w, both, seconds=30)
        assert len(w.sink.got) == 1, "once a minute"
        await _later(w, both, seconds=30)
        assert len(w.sink.got) == 2

        # an unhealthy process, such as one that checks nothing, leaves it to a healthy one
        unchecked = Watcher(w.ctx)
        await _later(w, [unchecked])
        await _later(w, [unchecked, both[0]], minutes=1)
        assert (len(w.sink.got), (await _heartbeat(w)).health) == (3, HeartbeatHealth.OK)

        # when none is healthy, they send nothing and record why
        wrong["timers"] = "3 overdue."
        await _later(w, both, minutes=3)
        assert (await _heartbeat(w)).withheld_for == "timers: 3 overdue."
        wrong["timers"] = ""
        await _later(w, [unchecked], minutes=3)
        assert (await _heartbeat(w)).health is HeartbeatHealth.WITHHELD
        assert len(w.sink.got) == 3

        # a receiver that refuses it is reported once, after five minutes
        w.sink.status = 404
        for _ in range(4):
            await _later(w, both, minutes=1)
        failing = await _heartbeat(w)
        assert (failing.health, failing.error) == (HeartbeatHealth.FAILING, "It answered 404.")
        w.sink.status = 200

        # a clock that was set back silences it for no longer than that
        requests = len(w.sink.got)
        await _later(w, [unchecked, *both], hours=-1)
        assert (len(w.sink.got), (await _heartbeat(w)).health) == (requests + 1, HeartbeatHealth.OK)
        await _later(w, both, seconds=30)
        assert len(w.sink.got) == requests + 1

        async with w.ctx.db.tx() as tx:
            await actions.delete_heartbeat(tx, mara, created.id, w.now)
            with pytest.raises(NotFound):
                await actions.delete_heartbeat(tx, mara, created.id, w.now)


async def test_a_late_engine_pages_its_responders_once_by_another_channel(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await people.add_contact_method(
                *(tx, actor),
                person_id=w.mara,
                kind="ntfy",
                label="",
                now=w.now,
                address=w.sink.url.replace("hook", "mara"),
            )
            await people.set_fallback_responders(tx, actor, [w.mara], w.now)
        both = [Watcher(w.ctx), Watcher(w.ctx)]
        await _later(w, both)
        async with w.ctx.db.tx() as tx:
            # the clock of the database was an hour ahead, and was corrected
            await tx.execute("update self_watch_turn set looked_at = $1", w.now + timedelta(hours=1))
            await tx.execute(
                "insert into due (kind, key, due_at, epoch) values ('paging.page', '999999', $1, 1)", w.now
            )
        w.clock.set(w.now + timedelta(seconds=31))
        for watcher in both:
            await watcher.run_once(w.now)
        await w.settle()
        late = [m for m in w.sink.got if m.get("event") == "self_alarm"]
        assert [m["urgency"] for m in late] == ["high"]

        # the timer has run since; the episode ends after five minutes, which is said once
        for _ in range(7):
            await _later(w, both, minutes=1)
        about = [m["title"] for m in w.sink.got if m.get("event") == "self_alarm"]
        assert len(about) == 2
        assert about[1] == "Escalations are on time again"

        # a channel that fails for three people is reported through another one, by the process that knows
        for person in (1, 2, 3):
            w.ctx.counters.channel_failures.failed("webhook", person, "500", w.now)
        await _later(w, both, seconds=30)
        async with w.ctx.db.tx() as tx:
            codes = [each.code for each in await queries.findings(tx, w.ctx.channel_settings, w.now)]
            alarm = (await store.alarms(tx, 1))[0]
            channels = await tx.fetch(
                "select channel from delivery where subject_kind = 'self_alarm' and subject_id = $1", alarm.id
            )
        assert (alarm.kind, alarm.subject) == (ProblemKind.CHANNEL, "webhook")
        assert [row["channel"] for row in channels] == ["ntfy"]
        assert codes.count("N-CONFIG") == 2, "email is not set up either"

        # every day at a decent hour, the fallback responder confirms that messages arrive
        async with w.ctx.db.tx() as tx:
            with pytest.raises(Invalid):
                await fallback_test.set_settings(tx, actor, is_on=True, hour=3, now=w.now)
            await fallback_test.set_settings(tx, actor, is_on=True, hour=7, now=w.now)
        await _later(w, both, minutes=1)
        assert not _tests(w), "it is 4 in the morning in Stockholm"
        await _later(w, both, hours=3)
        await _later(w, both, hours=1)
        assert len(_tests(w)) == 1
        token = _tests(w)[0]["note"].rpartition("/")[2]
        for _ in range(2):
            await _later(w, both, days=1)
        assert await _unconfirmed(w) == 3
        async with w.ctx.db.tx() as tx:
            with pytest.raises(Invalid):
                await fallback_test.test_of_link(tx, w.ctx, token[:-1], w.now)
            test = await fallback_test.test_of_link(tx, w.ctx, token, w.now)
            codes = [each.code for each in await queries.findings(tx, w.ctx.channel_settings, w.now)]
            assert "N-FALLBACK" in codes
            assert await fallback_test.confirm(tx, test, w.now)
            assert not await fallback_test.confirm(tx, test, w.now)
        assert await _unconfirmed(w) == 2, "the later ones did not arrive"


def _tests(w: World) -> list[dict[str, Any]]:
    return [message for message in w.sink.got if message.get("event") == "fallback_test"]


async def _unconfirmed(w: World) -> int:
    async with w.ctx.db.tx() as tx:
        [one] = await fallback_test.responder_tests(tx)
    return one.unconfirmed


async def test_people_see_on_every_page_that_pages_are_late(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as admin, browser(w) as responder:
        await sign_in(w, admin, w.mara)
        await sign_in(w, responder, w.jun)
        late = HealthWarning("Escalations are late.", delays_pages=True)
        refused = HealthWarning("Twilio refuses the account.")
        w.ctx.health.noticed = (refused, late)

        async def sees(http: httpx.AsyncClient, path: str) -> bool:
            return late.text in (await http.get(path)).text

        assert [await sees(admin, path) for path in ("/", "/pages", "/services")] == [True, True, True]
        assert [await sees(responder, path) for path in ("/", "/pages", "/services")] == [True, True, False]
        w.ctx.health.noticed = (refused,)
        assert refused.text in (await admin.get("/services")).text
        assert refused.text not in (await responder.get("/pages")).text


async def test_a_disk_that_does_not_answer_stops_no_heartbeat(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    monkeypatch.setattr("firebell.self_watch.watcher.DISK_LIMIT_S", 0.05)
    monkeypatch.setattr("firebell.self_watch.warnings.of_disk", lambda folder: answers.wait(30) and [])
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)

        async def healthy() -> Mapping[str, str]:
            return {}

        async with w.ctx.db.tx() as tx:
            await actions.create_heartbeat(
                tx, mara, name="Frankfurt", url=w.sink.url, method=PingMethod.POST, now=w.now
            )
        watchers = [Watcher(w.ctx, healthy)]
        try:
            await _later(w, watchers)
            for _ in range(4):
                await _later(w, watchers, seconds=31)
            assert (await _heartbeat(w)).health is HeartbeatHealth.OK
        finally:
            answers.set()
