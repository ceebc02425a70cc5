"""Alerts go where routing rules send them, wait as the rules say, and page if a rule cannot place them."""

import asyncio
import logging
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from firebell.alerts import actions as alerts
from firebell.alerts import queries
from firebell.alerts.ingest.ingest_queue import Ingest
from firebell.alerts.routing_rules import rules as routing_rules
from firebell.alerts.routing_rules import store as routing_store
from firebell.alerts.routing_rules.rules import Owner, RoutingRule, Urgency
from firebell.alerts.silences import actions as silences
from firebell.alerts.silences.model import NewSilence
from firebell.catalog import actions as catalog
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.kit.errors import Conflict
from firebell.kit.jobs import timers
from firebell.self_watch.watcher import Watcher
from tests.alert_search import search
from tests.lock_waits import until_blocked
from tests.world import World, world

RULES = (
    RoutingRule("Informational", 'severity="info"', pages=False),
    RoutingRule("Batch jobs", 'job="batch"', threshold=3, window_s=600),
    RoutingRule("Slow", 'job="slow"', wait_s=120, urgency=Urgency.HIGH),
    RoutingRule("Owned", 'service=~".+"', owner=Owner.LABEL),
)


async def _save(w: World, rules: tuple[RoutingRule, ...]) -> tuple[RoutingRule, ...]:
    async with w.ctx.db.tx() as tx:
        newest = await routing_store.newest_version(tx)
        based_on = newest.id if newest else 0
        saved = await alerts.save_routing(tx, SYSTEM, rules, based_on=based_on, now=w.now)
    w.clock.advance(timedelta(seconds=6))
    return saved.rules


async def _send(w: World, title: str, sender: Ingest | None = None, **more: object) -> None:
    w.clock.advance(timedelta(seconds=1))
    mine, w.ingest = w.ingest, sender or w.ingest
    await w.alert(title, body=str(w.now), **more)
    w.ingest = mine


async def _open(w: World) -> list[tuple[str, int | None, str]]:
    return [(p.title, p.service_id, p.urgency) for p in await w.pages() if p.state != "resolved"]


async def _save_at_once(w: World, rules: tuple[RoutingRule, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Save rules that release a group, and once they are half saved, set its timer and save others too."""
    has_locked, goes_on, services = asyncio.Event(), asyncio.Event(), catalog.services

    async def pausing(*args: Any) -> Any:
        has_locked.set()
        await goes_on.wait()
        return await services(*args)

    monkeypatch.setattr(catalog, "services", pausing)
    async with w.ctx.db.tx() as tx:
        newest = await routing_store.newest_version(tx)
        [group] = await routing_store.held_groups(tx)
    assert newest is not None

    async def save(each: tuple[RoutingRule, ...]) -> None:
        async with w.ctx.db.tx() as tx:
            await alerts.save_routing(tx, SYSTEM, each, based_on=newest.id, now=w.now)

    first = asyncio.create_task(save(rules))
    await has_locked.wait()
    async with w.ctx.db.tx() as tx:
        await timers.schedule(tx, alerts.HOLD_TIMER, str(group.id), w.now + timedelta(hours=1))
    second = asyncio.create_task(save(()))
    await until_blocked(w.ctx.db, second)
    goes_on.set()
    assert [type(e) for e in await asyncio.gather(first, second, return_exceptions=True)] == [
        type(None),
        Conflict,
    ]
    w.clock.advance(timedelta(seconds=6))


async def test_rules_send_hold_and_release_alerts(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            ledger = (await catalog.create_service(tx, SYSTEM, name="Ledger DB", team_id=1, now=w.now)).id
        other = Ingest(w.ctx)
        await _send(w, "before", other, status="firing")
        rules = await _save(w, RULES)
        assert [rule.id for rule in rules] == [1, 2, 3, 4]

        # ownership by a label; a label that names no service, and no label, page by the fallback rule
        for _ in range(2):
            await _send(w, "replication lag", labels={"service": "ledger-db"})
        await _send(w, "typo", labels={"service": "legder"})
        await _send(w, "no label")
        usual = [("before", w.service, "high"), ("typo", w.service, "high"), ("no label", w.service, "high")]
        assert sorted(await _open(w)) == sorted([*usual[:2], ("replication lag", ledger, "high")])
        async with w.ctx.db.tx() as tx:
            [shown] = await queries.alert_details(tx, await search(tx, "replication"))
            assert (shown.service.id, shown.alert.rule_id, shown.alert.count) == (ledger, 4, 2)
            titles = [
                [a.title for a in await alerts.newest_alerts(tx, 9, service_id=i)]
                for i in (ledger, w.service)
            ]
            assert titles == [["replication lag"], ["no label", "typo", "replication lag", "before"]]
            previews = [
                await silences.preview(tx, 'title="replication lag"', [service], w.now)
                for service in (ledger, w.service)
            ]
            assert [preview.matching for preview in previews] == [1, 0]
            [typo] = await search(tx, "typo")
            assert (typo.rule_id, typo.routed_service_id, typo.is_fallback) == (4, None, True)

        # a process that knows neither rule nor alert resolves it under the lock of both services
        await _send(w, "replication lag", other, status="resolved")
        assert [p.state for p in await w.pages() if p.service_id == ledger] == ["resolved"]

        # held: for good, until the third event, for two minutes
        for title, more in (("ticket", {"severity": "info"}), ("batch", {"labels": {"job": "batch"}})):
            await _send(w, title, **more)
            await _send(w, title, **more)
        await _send(w, "slow", labels={"job": "slow"}, severity="warning")
        await _send(w, "quick", labels={"job": "slow", "service": "x"}, severity="warning")
        await _send(w, "quick", status="resolved")
        await w.settle()
        held = len(await _open(w))
        async with w.ctx.db.tx() as tx:
            groups = await routing_store.held_groups(tx)
        assert [(g.hold.rule_id, len(g.hold.events)) for g in groups] == [(3, 0), (2, 2), (1, 0)]
        await _send(w, "batch", labels={"job": "batch"})
        assert (await _open(w))[held:] == [("batch", w.service, "high")]
        # a silence that began while a group waited holds what it matches at the end of the wait
        await _send(w, "silenced", labels={"job": "slow"}, severity="warning")
        quiet = NewSilence('title="silenced"', "Known", w.now + timedelta(hours=1))
        async with w.ctx.db.tx() as tx:
            await silences.create_silence(tx, SYSTEM, entered=quiet, now=w.now)
        await w.after(minutes=3)
        assert (await _open(w))[held + 1 :] == [("slow", w.service, "high")]
        async with w.ctx.db.tx() as tx:
            [silenced] = await search(tx, "silenced")
            [waited] = await search(tx, "slow")
            assert silenced.group_id != waited.group_id
            group = (await alerts.groups_by_id(tx, [silenced.group_id or 0]))[silenced.group_id or 0]
            assert (group.urgency, group.firing) == ("high", 1)

        # an alert that resolves in between is counted on
        for status in ("firing", "resolved", "firing", "resolved", "firing"):
            assert len(await _open(w)) == held + 2
            await _send(w, "flapping", labels={"job": "batch", "service": "flapping"}, status=status)
        assert (await _open(w))[held + 2 :] == [("flapping", w.service, "high")]

        # a rule that is narrowed releases what it held by mistake
        await _send(w, "mistake", severity="info", labels={"service": "ledger-db"})
        assert len(await _open(w)) == held + 3
        narrowed = msgspec.structs.replace(rules[0], matchers='severity="info",service=""')
        await _save(w, (narrowed, *rules[1:]))
        await w.settle()
        assert (await _open(w))[held + 3 :] == [("mistake", w.service, "low")]

        # the rule that held it is gone, and the alert still fires
        with pytest.raises(Conflict):
            async with w.ctx.db.tx() as tx:
                await alerts.save_routing(tx, SYSTEM, rules[1:], based_on=0, now=w.now)
        await _save(w, rules[1:])
        await w.settle()
        assert (await _open(w))[held + 4 :] == [("ticket", w.service, "low")]

        # two people save rules while a group begins to wait: one is refused, and neither waits for the other forever
        await _save(w, rules)
        await _send(w, "lonely", severity="info", labels={"service": "lonely"})
        await _save_at_once(w, rules[1:], monkeypatch)
        await w.settle()
        assert (await _open(w))[held + 5 :] == [("lonely", w.service, "low")]

        # a later release held a group for a reason that this one does not know, then came the downgrade
        await _send(w, "batch again", labels={"job": "batch", "service": "again"})
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                """update alert_group set hold = hold || '{"kind": "moon"}' where key like '%again'"""
            )
        # nothing arrives anymore: it pages all the same
        watcher = Watcher(w.ctx)
        for seconds in (0, 31):
            w.clock.advance(timedelta(seconds=seconds))
            await watcher.run_once(w.now)
        await w.settle()
        assert (await _open(w))[held + 6 :] == [("batch again", w.service, "high")]

        # alerts that arrive while a process loads the rules for the first time are routed by them
        opened, mine, w.ingest = len(await _open(w)), w.ingest, Ingest(w.ctx)
        early = [w.alert(f"batch {n}", labels={"job": "batch", "service": f"early-{n}"}) for n in range(3)]
        await asyncio.gather(*early)
        w.ingest = mine
        assert len(await _open(w)) == opened


async def test_a_rule_that_fails_pages_by_the_fallback_rule(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(dsn, clock) as w:
        rules = await _save(w, RULES)
        stale = Ingest(w.ctx)
        await _send(w, "warm", stale)
        # the service is gone by the time that the alert is stored
        broken = RoutingRule("Gone", 'job="gone"', id=9, owner=Owner.SERVICE, service_id=987654)
        compiled, _ = routing_rules.compile_rules(1, [broken, *rules])
        with caplog.at_level(logging.CRITICAL, "firebell"):
            stale._routing = compiled.with_services(
                [(987654, "gone", "Gone"), (w.service, "checkout", "Checkout")]
            )
            await _send(w, "gone", stale, labels={"job": "gone"})
            # what shares its batch keeps to its rule
            w.ingest, mine = stale, w.ingest
            await asyncio.gather(
                w.alert("gone too", labels={"job": "gone"}), w.alert("note", severity="info")
            )
            w.ingest = mine
        assert [p.title for p in await w.pages()] == ["warm"]
        async with w.ctx.db.tx() as tx:
            [group] = (await alerts.groups_by_id(tx, [(await w.page()).subject_id])).values()
            assert [held.title for held in await routing_store.held_groups(tx)] == ["note"]
        assert group.alerts == 3

        # rules are saved while another process still holds alerts by the old ones: it does not hold them
        async with w.ctx.db.tx() as tx:
            newest = await routing_store.newest_version(tx)
            assert newest is not None
            await alerts.save_routing(tx, SYSTEM, rules[1:], based_on=newest.id, now=w.now)
        await stale._load()
        stale._routing = compiled.with_services([(w.service, "checkout", "Checkout")])
        await _send(w, "ticket", stale, severity="info", labels={"service": "checkout"})
        assert [p.title for p in await w.pages()] == ["warm", "ticket"]

        # a later release stored rules that this one cannot read
        async with w.ctx.db.tx() as tx:
            await tx.execute("""update routing_version set rules = '[{"name": "x", "owner": "moon"}]'""")
        with caplog.at_level(logging.CRITICAL, "firebell"):
            await _send(w, "info", Ingest(w.ctx), severity="info", labels={"service": "new"})
        assert [p.title for p in await w.pages()] == ["warm", "ticket", "info"]
