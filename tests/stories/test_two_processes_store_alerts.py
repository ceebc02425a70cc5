"""Two processes store the alerts of one service at once, each on what it saw last; nothing is lost or doubled."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
import pytest

from firebell.alerts import actions as alerts
from firebell.alerts.batches.optimistic_batch import KnownState
from firebell.alerts.ingest.ingest_queue import Ingest
from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.catalog import actions as catalog
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.paging import actions as paging
from tests.world import World, world

SYSTEM = Actor("system", "Test")
KINDS = (*[EventKind.FIRING] * 12, EventKind.RESOLVED, EventKind.ACK, EventKind.NOTE)
SEVERITIES = ("critical", "error", None, "warning", "warning", "warning", "info")

STATE = """
    select
        row_number() over (order by alert.id) as number,
        alert.dedup_key, alert.status, alert.title, alert.body, alert.severity, alert.labels, alert.annotations,
        alert.links, alert.starts_at, alert.ends_at, alert.last_seen, alert.hi_at, alert.hi_rank, alert.ended_by,
        alert.count, alert.hi_seen, alert.late_at, alert.late_rank, alert.missed,
        (
            select array_agg(convert_from(event.body, 'UTF8') order by event.id)
            from event
            where event.id = any(alert.message_ids)
        ) as messages,
        alert_group.key, alert_group.title as group_title, alert_group.urgency, alert_group.opened_at,
        alert_group.closed_at, alert_group.last_at, alert_group.alerts, alert_group.firing, alert_group.events,
        alert_group.lead_severity, split_part(alert_group.lead_key, ':', 2) as lead,
        dense_rank() over (order by alert_group.id) as group_number,
        page.state, page.title as page_title, page.urgency as page_urgency, page.level, page.round, page.epoch,
        page.version, page.due_at, page.acked_at, page.resolved_at, due.due_at as timer,
        case
            when row_number() over (partition by page.id order by alert.id) = 1
            then (select array_agg(kind || ' ' || text order by id) from page_log where page_id = page.id)
        end as log
    from alert
    join integration on integration.id = alert.integration_id
    left join alert_group on alert_group.id = alert.group_id
    left join page on page.subject_kind = 'group' and page.subject_id = alert_group.id
    left join due on due.kind = 'paging.page' and due.key = page.id::text
    where integration.service_id = $1
    order by alert.id
"""
"""All that ingest decides, without ids; the log of a page is in the row of its first alert."""


class Committer(Ingest):
    """The ingest of one process, which is given its batches."""

    async def store(self, requests: Sequence[InboundRequest]) -> None:
        """Store one batch as a group commit does."""
        await self._store(requests)


@asynccontextmanager
async def two_services(dsn: str, clock: FakeClock) -> AsyncIterator[tuple[World, int, int]]:
    """Yield a world and the integrations of two services that are alike."""
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            (service,) = await catalog.services(tx)
            twin = await catalog.create_service(
                tx, SYSTEM, name="Twin", team_id=service.team_id, policy_id=service.policy_id, now=w.now
            )
            made = await alerts.create_integration(tx, SYSTEM, service_id=twin.id, name="Twin", now=w.now)
        yield w, made.service_id, made.id


def events(dice: Random, w: World) -> list[Event]:
    """Return the events of one message: mostly new alerts, of few groups; some keys come again."""
    return [
        Event(
            kind=dice.choice(KINDS),
            dedup_key=str(dice.randint(0, 40) if dice.random() < 0.1 else dice.getrandbits(40)),
            title=f"title {dice.randint(0, 9)}",
            severity=dice.choice(SEVERITIES),
            labels={"service": dice.choice("aaaabbcdefgh")} if dice.random() < 0.9 else {},
            occurred_at=w.now - timedelta(seconds=dice.randint(0, 90)) if dice.random() < 0.5 else None,
        )
        for _ in range(dice.choice((1, 1, 1, 2, 3)))
    ]


def batch(dice: Random, w: World, number: int) -> list[InboundRequest]:
    """Return a batch of messages whose bodies tell them apart."""
    return [
        InboundRequest(w.integration, w.service, "generic", f"{number}.{i}".encode(), tuple(events(dice, w)))
        for i in range(dice.choice((1, 2, 5)))
    ]


async def stored_order(w: World) -> list[int]:
    """Return the numbers of the batches in the order in which they were stored."""
    async with w.ctx.db.tx() as tx:
        rows = await tx.fetch(
            "select convert_from(body, 'UTF8') body from event where integration_id = $1 order by id",
            w.integration,
        )
    return list(dict.fromkeys(int(row["body"].split(".")[0]) for row in rows))


async def act(dice: Random, w: World, services: Sequence[int]) -> None:
    """Let a person acknowledge or resolve the same page of both services."""
    number, does = dice.randint(0, 5), dice.choice((paging.ack, paging.ack, paging.resolve))
    actor = await w.actor(w.mara)
    for service in services:
        async with w.ctx.db.tx() as tx:
            rows = await tx.fetch(
                "select id from page where service_id = $1 and state <> 'resolved' order by id", service
            )
            if number < len(rows):
                await does(tx, actor, rows[number]["id"], w.now)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("storm_groups", [4, 1000])
async def test_two_committers_do_what_one_does_the_long_way(
    dsn: str,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    seed: int,
    storm_groups: int,
) -> None:
    """Random batches go through two committers at once; then the same batches, in the order in which they were
    stored, the long way into a service that is alike."""
    monkeypatch.setattr("firebell.alerts.batches.dedup_and_grouping.STORM_GROUPS", storm_groups)
    dice, outcomes = Random(seed), _count_outcomes(monkeypatch)  # noqa: S311 - a reproducible history
    async with two_services(dsn, clock) as (w, twin, twin_integration):
        committers = [Committer(w.ctx), Committer(w.ctx)]
        number, replayed = 0, 0
        for _ in range(60):
            clock.advance(timedelta(seconds=dice.choice((1, 1, 1, 1, 20, 400))))
            if dice.random() < 0.2:
                await act(dice, w, (w.service, twin))
            batches = [batch(dice, w, number + i) for i in range(dice.choice((1, 2, 4)))]
            number += len(batches)
            await asyncio.gather(
                *[_store(committers[i], batches[i::2]) for i in range(2)],
            )
            by_number = {int(b[0].body.split(b".")[0]): b for b in batches}
            order = (await stored_order(w))[replayed:]
            assert sorted(order) == sorted(by_number)
            replayed += len(order)
            for each in order:
                requests = [
                    msgspec.structs.replace(r, integration_id=twin_integration, service_id=twin)
                    for r in by_number[each]
                ]
                async with w.ctx.db.tx() as tx:
                    await alerts.receive(tx, requests, w.now)
            assert await state(w, w.service) == await state(w, twin)
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert outcomes["assumed and true"] > 10
    assert outcomes["assumed and wrong"] > 1
    assert outcomes["not assumed"] > 10


async def _store(committer: Committer, batches: Sequence[Sequence[InboundRequest]]) -> None:
    for each in batches:
        await committer.store(each)


async def state(w: World, service: int) -> list[dict[str, Any]]:
    """Return all that ingest decided about a service."""
    async with w.ctx.db.tx() as tx:
        return [dict(row) for row in await tx.fetch(STATE, service)]


def _count_outcomes(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Count how often a batch took which way; nothing about the ways changes."""
    outcomes = {"assumed and true": 0, "assumed and wrong": 0, "not assumed": 0}
    assume, store_assumed = KnownState.assume, alerts.store_assumed

    def counted_assume(*args: Any) -> Any:
        assumed = assume(*args)
        outcomes["not assumed"] += assumed is None
        return assumed

    async def counted_store(*args: Any) -> bool:
        is_stored = await store_assumed(*args)
        outcomes["assumed and true" if is_stored else "assumed and wrong"] += 1
        return is_stored

    monkeypatch.setattr(KnownState, "assume", counted_assume)
    monkeypatch.setattr(alerts, "store_assumed", counted_store)
    return outcomes
