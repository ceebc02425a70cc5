"""Story: people are notified before, at and after their shifts, of changes and of requests, once and in time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firebell import event_subscriptions
from firebell.handoffs import reminder_lead_time, shift_notifications
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.kit.errors import Invalid
from firebell.kit.jobs import timers
from firebell.oncall.model import Layer, OverrideKind, Unit
from firebell.oncall.schedules import actions as oncall
from firebell.oncall.swaps import cover_actions, swap_actions
from firebell.people import actions as people
from firebell.worker import Worker, timer_handlers
from tests.world import World, world

MONDAY = datetime(2026, 11, 30, 8, tzinfo=UTC)
"""09:00 in Stockholm: the secondary of "Payments" hands over too."""
HOUR = timedelta(hours=1)


@dataclass
class Team:
    """Mara, Jun and Ada, whose weekly rota "Weekly" changes on Mondays at 09:00 in Stockholm."""

    w: World
    ada: int
    id: int

    def notices(self) -> list[tuple[str, str]]:
        """Return who was notified of what, in order, without the daily checks, and clear it."""
        notices = [(m["person"].split()[0], m["title"]) for m in self.heard()]
        self.w.sink.got.clear()
        return notices

    def notes(self) -> list[str]:
        """Return the words of the messages."""
        return [m["note"] for m in self.heard()]

    def heard(self) -> list[dict[str, Any]]:
        """Return the messages without those of the daily checks, which have their own story."""
        return [m for m in self.w.sink.got if m["event"] != "errors"]

    async def until(self, instant: datetime) -> None:
        """Advance the clock hour by hour, running the worker in each hour in which something is due."""
        await self.w.until(instant, HOUR)

    async def run(self, verb: Any, *args: Any, by: int | None = None, **more: Any) -> Any:
        """Run an action as Mara or someone else, and the worker."""
        actor = await self.w.actor(by or self.w.mara)
        async with self.w.ctx.db.tx() as tx:
            result = await verb(tx, actor, *args, **more, now=self.w.now)
        await self.w.settle()
        return result


def weekly(*users: int, **more: Any) -> Layer:
    anchor = datetime(2026, 11, 23, 9, tzinfo=UTC).replace(tzinfo=None)
    return Layer(0, tuple((u,) for u in users), anchor, Unit.WEEK, 1, "Europe/Stockholm", **more)


@asynccontextmanager
async def team(dsn: str, clock: FakeClock) -> AsyncIterator[Team]:
    """Create the team and remove the default schedules, so that one rota is left."""
    async with world(dsn, clock) as w:
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            ada = await people.create_person(
                *(tx, actor), name="Ada Byron", email="ada@example.org", role="responder", tz="UTC", now=w.now
            )
            method = await people.add_contact_method(
                *(tx, SYSTEM), person_id=ada.id, kind="webhook", address=w.sink.url, label="", now=w.now
            )
            await people.set_rules(
                *(tx, SYSTEM), person_id=ada.id, urgency="low", rules=[(0, method.id)], now=w.now
            )
            for one in await people.methods_of(tx, [w.mara, w.jun]):
                await people.mark_method_verified(tx, one.id, w.now)
            await people.set_team_members(
                *(tx, actor, 1), [(i, "member") for i in (w.mara, w.jun, ada.id)], w.now
            )
            await tx.execute("delete from layer")
            made = await oncall.create_schedule(
                *(tx, actor),
                name="Weekly",
                team_id=1,
                tz="Europe/Stockholm",
                layers=[weekly(w.mara, w.jun, ada.id)],
                now=w.now,
            )
        await w.settle()
        w.sink.got.clear()
        yield Team(w, ada.id, int(made.id))


async def test_people_on_call_are_notified_a_day_before_at_the_start_and_at_the_end(
    dsn: str, clock: FakeClock
) -> None:
    async with team(dsn, clock) as t:
        await t.until(MONDAY - 24 * HOUR - timedelta(minutes=1))
        assert t.notices() == []
        await t.until(MONDAY - 24 * HOUR)
        assert t.notes()[0].startswith(
            "You are on call for Weekly from Mon 30 Nov 09:00 to Mon 7 Dec 09:00 (Europe/Stockholm)."
        )
        assert t.notices() == [("Jun", "On call in 1 d: Weekly")]
        await t.until(MONDAY - timedelta(minutes=1))
        assert t.notices() == []
        await t.until(MONDAY)
        (note,) = [m["note"] for m in t.heard() if m["title"] == "You are on call now: Weekly"]
        assert "You take over from Mara Lindqvist" in note
        assert note.endswith("/oncall/handoffs/weekly/2026-11-30")
        # sent at the same time, they arrive in any order
        assert sorted(t.notices()) == [
            ("Jun", "You are on call now: Weekly"),
            ("Mara", "Your shift is over: Weekly"),
        ]


async def test_the_organization_sets_the_lead_time_of_shift_reminders(dsn: str, clock: FakeClock) -> None:
    async with team(dsn, clock) as t:
        await t.run(reminder_lead_time.change, 72)
        await t.until(MONDAY - 72 * HOUR - timedelta(minutes=1))
        assert t.notices() == []
        await t.until(MONDAY - 72 * HOUR)
        assert t.notices() == [("Jun", "On call in 3 d: Weekly")]
        await t.run(reminder_lead_time.change, 2)
        await t.until(MONDAY - HOUR)
        assert t.notices() == []
        await t.until(MONDAY)
        assert sorted(t.notices()) == [
            ("Jun", "You are on call now: Weekly"),
            ("Mara", "Your shift is over: Weekly"),
        ]
        # Ada's shift is three days ahead when a notice of a week is chosen
        await t.until(MONDAY + timedelta(days=4))
        await t.run(reminder_lead_time.change, 168)
        assert t.notices() == [("Ada", "On call in 3 d, but nothing can wake you: Weekly")]
        await t.run(reminder_lead_time.change, 96)
        await t.until(MONDAY + timedelta(days=7) - HOUR)
        assert t.notices() == []
        for hours in (0, 169):
            with pytest.raises(Invalid) as refused:
                await t.run(reminder_lead_time.change, hours)
            assert set(refused.value.fields) == {"hours"}


async def test_nothing_is_announced_twice_whatever_runs_again(dsn: str, clock: FakeClock) -> None:
    async with team(dsn, clock) as t:
        await t.until(MONDAY)
        notices = t.notices()
        assert len(notices) == 3
        for to in (MONDAY, MONDAY - HOUR, MONDAY + HOUR):
            t.w.clock.set(to)
            async with t.w.ctx.db.tx() as tx:
                await timers.schedule(tx, shift_notifications.TIMER, str(t.id), to)
            other = Worker(t.w.ctx, timer_handlers(), event_subscriptions.outbox_handlers())
            await t.w.settle()
            await other.settle(to)
        assert t.notices() == []


async def test_after_a_downtime_no_past_shift_is_announced(dsn: str, clock: FakeClock) -> None:
    async with team(dsn, clock) as t:
        t.w.clock.set(MONDAY + 5 * HOUR)
        await t.w.settle()
        # the day before is over, and so is the end of Mara's shift; that Jun is on call is still true
        assert t.notices() == [("Jun", "You are on call now: Weekly")]
        t.w.clock.set(MONDAY + timedelta(days=20))
        await t.w.settle()
        assert t.notices() == [("Jun", "On call in 1 d: Weekly")]


async def test_a_handoff_on_the_night_of_a_clock_change_is_announced_by_wall_time(
    dsn: str, clock: FakeClock
) -> None:
    clock.set(datetime(2027, 3, 26, 12, tzinfo=UTC))
    async with team(dsn, clock) as t:
        # clocks go forward on Sunday: Monday 09:00 is 07:00 UTC
        await t.until(datetime(2027, 3, 28, 6, 59, tzinfo=UTC))
        assert t.notices() == []
        await t.until(datetime(2027, 3, 28, 7, tzinfo=UTC))
        assert [title for _, title in t.notices()] == ["On call in 1 d: Weekly"]
        await t.until(datetime(2027, 3, 29, 7, tzinfo=UTC))
        assert len(t.notices()) == 2


async def test_someone_who_cannot_be_woken_is_warned_a_day_before(dsn: str, clock: FakeClock) -> None:
    async with team(dsn, clock) as t:
        await t.until(MONDAY + timedelta(days=5))
        t.notices()
        async with t.w.ctx.db.tx() as tx:
            await tx.execute("update contact_method set verified_at = null where kind <> 'email'")
        await t.until(MONDAY + timedelta(days=6))
        assert t.notes()[0].startswith("You have no verified contact method that can wake you")
        assert t.notes()[0].endswith("/settings/contact")
        assert t.notices() == [("Ada", "On call in 1 d, but nothing can wake you: Weekly")]


async def test_someone_with_only_one_contact_method_is_warned_a_day_before(
    dsn: str, clock: FakeClock
) -> None:
    only = "You have only one verified contact method. Add a second one under Settings, Notifications."
    async with team(dsn, clock) as t:
        async with t.w.ctx.db.tx() as tx:
            for one in await people.methods_of(tx, [t.ada]):
                if one.kind != "email":
                    await people.mark_method_verified(tx, one.id, t.w.now)
        await t.until(MONDAY - 24 * HOUR)
        assert only not in t.notes()[0]
        t.notices()
        await t.until(MONDAY + timedelta(days=6))
        assert only in t.notes()[-1]
        assert t.notices()[-1] == ("Ada", "On call in 1 d: Weekly")


async def test_everyone_who_gains_or_loses_a_shift_is_notified_once_in_their_time_zone(
    dsn: str, clock: FakeClock
) -> None:
    async with team(dsn, clock) as t:
        await t.run(
            oncall.create_override,
            kind=OverrideKind.SET,
            schedule_id=t.id,
            users=[t.ada],
            start=MONDAY - timedelta(days=3),
            end=MONDAY - timedelta(days=2),
            reason="dentist",
        )
        notes = sorted(t.notes())
        assert notes[0].startswith("You are no longer on call (Europe/Stockholm):\n- Fri 27 Nov 09:00 to Sat")
        assert notes[1].startswith("You are on call (UTC):\n- Fri 27 Nov 08:00 to Sat 28 Nov 08:00")
        assert sorted(t.notices()) == [
            ("Ada", "Mara Lindqvist changed Weekly"),
            ("Mara", "Mara Lindqvist changed Weekly"),
        ]
        await t.w.settle()
        assert t.notices() == []


async def test_a_change_that_takes_effect_now_is_announced_once_too(dsn: str, clock: FakeClock) -> None:
    async with team(dsn, clock) as t:
        await t.until(t.w.now + 4 * HOUR)
        t.notices()
        await t.run(
            oncall.create_override,
            kind=OverrideKind.SET,
            schedule_id=t.id,
            users=[t.w.jun],
            start=t.w.now,
            end=t.w.now + 2 * HOUR,
            reason="",
        )
        assert sorted(t.notices()) == [
            ("Jun", "Mara Lindqvist changed Weekly"),
            ("Mara", "Mara Lindqvist changed Weekly"),
        ]
        await t.until(t.w.now + 2 * HOUR)
        assert sorted(t.notices()) == [
            ("Jun", "Your shift is over: Weekly"),
            ("Mara", "You are on call now: Weekly"),
        ]


@pytest.mark.parametrize(("hours", "urgency"), [(2, "high"), (20, "low")])
async def test_someone_put_on_call_within_hours_is_notified_urgently(
    dsn: str, clock: FakeClock, hours: int, urgency: str
) -> None:
    async with team(dsn, clock) as t:
        start = t.w.now + hours * HOUR
        await t.run(
            oncall.create_override,
            kind=OverrideKind.SET,
            schedule_id=t.id,
            users=[t.w.jun],
            start=start,
            end=start + HOUR,
            reason="",
        )
        assert {m["person"]: m["urgency"] for m in t.w.sink.got if m["event"] == "change"} == {
            "Jun Okafor": urgency,
            "Mara Lindqvist": "low",
        }


async def test_available_people_are_asked_for_cover_and_the_requester_is_notified_of_who_accepts(
    dsn: str, clock: FakeClock
) -> None:
    async with team(dsn, clock) as t:
        await t.run(
            oncall.create_override,
            kind=OverrideKind.SET,
            schedule_id=1,
            users=[t.ada],
            start=MONDAY - timedelta(days=4),
            end=MONDAY - timedelta(days=3),
            reason="",
        )
        t.notices()
        ask = await t.run(
            cover_actions.ask,
            schedule_id=t.id,
            requester=t.w.mara,
            start=MONDAY - timedelta(days=4),
            end=MONDAY - timedelta(days=3),
            reason="a concert",
        )
        # Ada is on call elsewhere then
        assert "“a concert”" in t.notes()[0]
        assert t.notices() == [("Jun", "Mara Lindqvist requests cover: Weekly")]
        await t.run(cover_actions.take, ask.id, t.w.jun)
        assert sorted(t.notices()) == [
            ("Jun", "Mara Lindqvist changed Weekly"),
            ("Mara", "Jun Okafor covers for you: Weekly"),
        ]


async def test_a_swap_is_proposed_to_the_other_and_the_answer_comes_back(dsn: str, clock: FakeClock) -> None:
    async with team(dsn, clock) as t:
        swap = await t.run(
            swap_actions.propose,
            schedule_id=t.id,
            proposer=t.w.mara,
            other=t.w.jun,
            mine=(MONDAY - timedelta(days=3), MONDAY),
            theirs=(MONDAY, MONDAY + timedelta(days=3)),
        )
        assert t.notices() == [("Jun", "Mara Lindqvist proposes a swap: Weekly")]
        await t.run(swap_actions.decline, swap.id, by=t.w.jun)
        assert t.notices() == [("Mara", "Jun Okafor declined your swap: Weekly")]


async def test_two_hundred_schedules_are_announced_in_one_batch(dsn: str, clock: FakeClock) -> None:
    async with team(dsn, clock) as t:
        async with t.w.ctx.db.tx() as tx:
            actor = await t.w.actor(t.w.mara)
            for n in range(200):
                await oncall.create_schedule(
                    *(tx, actor),
                    name=f"Rota {n}",
                    team_id=1,
                    tz="UTC",
                    layers=[weekly(t.w.mara, t.w.jun)],
                    now=t.w.now,
                )
        await t.w.settle()
        t.notices()
        t.w.clock.set(MONDAY - 24 * HOUR)
        await t.w.settle()
        assert sorted(set(t.notices())) == [
            ("Jun", title) for title in sorted(f"On call in 1 d: {s}" for s in _names())
        ]


def _names() -> list[str]:
    return ["Weekly", *(f"Rota {n}" for n in range(200))]
