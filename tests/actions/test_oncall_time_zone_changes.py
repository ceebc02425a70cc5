"""Time zone data that moves a turn is a finding until someone confirms it; checked every day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from firebell.kit.clock import FakeClock
from firebell.oncall.checks import fix_actions
from firebell.oncall.checks import queries as check_queries
from firebell.oncall.checks.rules import ScheduleFinding
from firebell.oncall.model import OverrideKind, Unit
from firebell.oncall.rota import tzdata_changes
from firebell.oncall.schedules import actions as oncall
from firebell.oncall.schedules import store
from tests.oncall_world import Rota, daily, rota

AUTUMN = datetime(2027, 3, 28, 1, tzinfo=UTC)


async def reported_findings(r: Rota) -> list[ScheduleFinding]:
    """Return the findings about time zone data."""
    async with r.w.ctx.db.tx() as tx:
        wrong = await check_queries.findings_of(tx, [await r.schedule()], r.w.now)
    return [f for f in wrong[r.id] if f.code == "S-TZCHANGE"]


async def known(r: Rota) -> dict[str, tzdata_changes.ZoneOffsets]:
    async with r.w.ctx.db.tx() as tx:
        return (await store.clocks(tx, [r.id]))[r.id]


async def know(r: Rota, those: dict[str, tzdata_changes.ZoneOffsets]) -> None:
    async with r.w.ctx.db.tx() as tx:
        await store.set_clocks(tx, r.id, those)


async def test_newer_time_zone_data_is_detected_and_recorded_until_reviewed(
    dsn: str, clock: FakeClock
) -> None:
    async with rota(dsn, clock) as r:
        layer = replace(daily(r.w.mara, r.w.jun), tz="Europe/Stockholm", unit=Unit.WEEK)
        await r.run(oncall.replace_layers, r.id, [layer])
        clocks_before = await known(r)
        assert list(clocks_before) == ["Europe/Stockholm"]
        assert await reported_findings(r) == []
        # as if an older release had known nothing of summer time
        winter = replace(
            clocks_before["Europe/Stockholm"], offsets=clocks_before["Europe/Stockholm"].offsets[:1]
        )
        await know(r, {"Europe/Stockholm": winter})
        (wrong,) = await reported_findings(r)
        assert wrong.id == f"S-TZCHANGE:Europe/Stockholm:{AUTUMN:%Y%m%dT%H%MZ}"
        clock.advance(timedelta(days=2))
        await r.w.settle()
        assert await known(r) == {"Europe/Stockholm": winter}
        override: dict[str, Any] = {"start": r.w.now, "end": r.w.now + timedelta(hours=1), "reason": ""}
        await r.run(
            oncall.create_override, kind=OverrideKind.SET, schedule_id=r.id, users=[r.ada], **override
        )
        assert [f.id for f in await reported_findings(r)] == [wrong.id]
        await r.run(fix_actions.carry_out, r.id, wrong.id)
        assert await reported_findings(r) == []
        assert "schedule.clocks_seen" in await r.audit()


async def test_every_day_what_moves_nothing_is_written_down_further(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        await know(r, {})
        for _ in range(2):
            clock.advance(timedelta(days=1, hours=1))
            await r.w.settle()
            assert (await known(r))["UTC"].end == r.w.now + tzdata_changes.RECORDED_AHEAD
