"""What incidents report to other slices: each change emits its event in the transaction that makes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec

from firebell.incidents import actions as incidents
from firebell.incidents.model import (
    EntryAdded,
    IncidentClosed,
    IncidentDeclared,
    IncidentMerged,
    IncidentRole,
    Phase,
    PhaseChanged,
    RoleChanged,
    SeverityChanged,
    UpdatePosted,
)
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Reactions, payload
from tests.world import World, world

EVENTS = (
    *(EntryAdded, IncidentClosed, IncidentDeclared, IncidentMerged, PhaseChanged, RoleChanged),
    *(SeverityChanged, UpdatePosted),
)


@asynccontextmanager
async def recorded(w: World, *, entries: bool = False) -> AsyncIterator[tuple[Tx, list[Any]]]:
    """Open a transaction whose events are collected in order, those of timeline entries only on request."""
    events: list[Any] = []

    async def record(_: Tx, event: Any, __: datetime) -> None:
        events.append(event)

    types = [t for t in EVENTS if entries or t is not EntryAdded]
    async with w.ctx.db.tx() as tx:
        yield Tx(tx.conn, Reactions(must=dict.fromkeys(types, (record,)))), events


async def declared(w: World, tx: Tx, *, severity: int = 2, drill: bool = False) -> int:
    made = await incidents.declare(
        tx,
        await w.actor(w.mara),
        title="Card payments fail",
        severity=severity,
        service_ids=[w.service],
        drill=drill,
        now=w.now,
    )
    return made.id


async def test_a_declaration_is_reported_once(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with recorded(w) as (tx, events):
            made = await declared(w, tx, severity=1)
            assert await declared(w, tx, severity=1) == made
        assert events == [IncidentDeclared(made, 1, provisional=False, drill=False, visibility="open")]
        async with recorded(w) as (tx, events):
            answers = {"down_or_data_at_risk": False, "major_degraded": None}
            guess = await incidents.declare(
                tx, await w.actor(w.jun), title="Slow", answers=answers, drill=True, now=w.now
            )
        assert events == [IncidentDeclared(guess.id, guess.severity, provisional=True, drill=True)]


async def test_every_phase_is_reported_and_so_is_a_withdrawn_review(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with recorded(w) as (tx, events):
            made = await declared(w, tx)
            await incidents.add_entry(tx, mara, made, "mitigation", "Rolled back", w.now)
            resolved = await incidents.set_phase(tx, mara, made, Phase.MONITORING, w.now)
            over = w.now + timedelta(minutes=30)
            await incidents.sign_baseline(tx, mara, made, "", over)
            await incidents.set_phase(tx, mara, resolved.id, Phase.CLOSED, over)
            await incidents.set_phase(tx, mara, made, Phase.REVIEWED, over, published=True)
            await incidents.withdraw_review(tx, mara, made, over)
            await incidents.withdraw_review(tx, mara, made, over)
        assert events[1:] == [
            PhaseChanged(made, Phase.DECLARED, Phase.MONITORING, w.now),
            PhaseChanged(made, Phase.MONITORING, Phase.CLOSED, over),
            IncidentClosed(made),
            PhaseChanged(made, Phase.CLOSED, Phase.REVIEWED, over),
            PhaseChanged(made, Phase.REVIEWED, Phase.CLOSED, over),
        ]


async def test_a_severity_is_reported_with_its_direction(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with recorded(w) as (tx, events):
            made = await declared(w, tx)
            await incidents.set_severity(tx, mara, made, 3, "one customer", w.now)
            await incidents.set_severity(tx, mara, made, 0, "", w.now)
        assert events[1:] == [
            SeverityChanged(made, 2, 3, raised=False),
            SeverityChanged(made, 3, 0, raised=True),
        ]


async def test_a_role_that_changes_hands_ends_for_one_and_begins_for_the_other(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with recorded(w) as (tx, events):
            made = await declared(w, tx)
            await incidents.take_role(tx, mara, made, IncidentRole.COMMANDER, w.mara, w.now)
            await incidents.take_role(tx, mara, made, IncidentRole.COMMANDER, w.mara, w.now)
            await incidents.take_role(tx, mara, made, IncidentRole.COMMANDER, w.jun, w.now)
            await incidents.take_role(tx, mara, made, IncidentRole.RESPONDER, w.mara, w.now)
        assert events[1:] == [
            RoleChanged(made, IncidentRole.COMMANDER, w.mara, "assigned"),
            RoleChanged(made, IncidentRole.COMMANDER, w.mara, "ended"),
            RoleChanged(made, IncidentRole.COMMANDER, w.jun, "assigned"),
            RoleChanged(made, IncidentRole.RESPONDER, w.mara, "assigned"),
        ]


async def test_every_change_adds_an_entry_and_an_update_names_it(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with recorded(w, entries=True) as (tx, events):
            made = await declared(w, tx, severity=1)
            await incidents.take_role(tx, mara, made, IncidentRole.COMMANDER, w.mara, w.now)
            await incidents.add_entry(tx, mara, made, "update", "Errors fall", w.now)
            await incidents.add_entry(tx, mara, made, "note", "Looking at the pool", w.now)
            await incidents.set_canvas(tx, mara, made, "About a third fails", "", "", w.now)
            await incidents.set_severity(tx, mara, made, 0, "", w.now)
            await incidents.set_phase(tx, mara, made, Phase.INVESTIGATING, w.now)
            timeline = await incidents.timeline(tx, made)
        added = [e for e in events if isinstance(e, EntryAdded)]
        assert added == [EntryAdded(made, entry.id, entry.kind) for entry in timeline]
        kinds = ["declared", "paged", "role", "update", "note", "canvas", "severity", "phase"]
        assert [e.kind for e in added] == kinds
        update = next(entry.id for entry in timeline if entry.kind == "update")
        assert [e for e in events if isinstance(e, UpdatePosted)] == [UpdatePosted(made, update, "internal")]


async def test_an_event_without_a_subscriber_costs_no_row_and_each_fits_into_one(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            before = await tx.value("select coalesce(max(id), 0) from outbox")
            made = await declared(w, tx)
            await incidents.add_entry(tx, await w.actor(w.mara), made, "update", "Errors fall", w.now)
            rows = await tx.fetch("select reaction from outbox where id > $1 order by id", before)
            # the declaration alone has subscribers, of its entry and of itself
            assert [row["reaction"] for row in rows] == ["profile_incident", "start_regulatory_clocks"]
        examples = [
            *(
                IncidentDeclared(1, 0, True, False),
                RoleChanged(1, IncidentRole.SME, 2, "ended"),
                EntryAdded(1, 2, "note"),
            ),
            *(PhaseChanged(1, Phase.DECLARED, Phase.CLOSED, w.now), SeverityChanged(1, 2, 0, True)),
            *(UpdatePosted(1, 2), IncidentClosed(1), IncidentMerged(1, 2)),
        ]
        assert {type(e) for e in examples} == set(EVENTS)
        for event in examples:
            stored = msgspec.json.decode(msgspec.json.encode(payload(event)))
            assert all(isinstance(value, str | int | bool) for value in stored.values()), event
