"""Story: once a day each team is notified of errors that could leave a page without a responder, each once."""

from datetime import timedelta
from typing import Any

from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.oncall.model import OverrideKind
from firebell.oncall.schedules import actions as oncall
from firebell.paging import actions as paging
from firebell.paging.model import Level, Target, TargetKind
from firebell.people import actions as people
from tests.world import World, world

DAY = timedelta(days=1)
TITLE = "Pages might not reach anyone: Payments primary"


async def reports(w: World) -> list[tuple[str, str, str]]:
    """Return who was notified of errors since the last call, how urgently, and the texts."""
    await w.settle()
    notices = [(m["person"], m["urgency"], m["note"]) for m in w.sink.got if m["event"] == "errors"]
    titles = {m["title"] for m in w.sink.got if m["event"] == "errors"}
    w.sink.got.clear()
    assert titles <= {TITLE, TITLE.replace("primary", "secondary")}
    return notices


TEST = Actor("system", "Test")


async def reachable(w: World) -> None:
    """Verify everyone's contact methods, and leave only the secondary in the policy."""
    alone = Level((Target(TargetKind.SCHEDULE, 2),), 300)
    async with w.ctx.db.tx() as tx:
        for one in await people.methods_of(tx, [w.mara, w.jun]):
            await people.mark_method_verified(tx, one.id, w.now)
        await paging.create_policy(tx, TEST, name="Alone", team_id=1, levels=[alone], now=w.now)


async def override(w: World, hours: int, length: int, schedule_id: int = 1) -> int:
    """Add an intentional gap, this many hours from now."""
    start = w.now + timedelta(hours=hours)
    stretch: dict[str, Any] = {"start": start, "end": start + timedelta(hours=length)}
    async with w.ctx.db.tx() as tx:
        return await oncall.create_override(
            tx, TEST, schedule_id=schedule_id, kind=OverrideKind.SET, **stretch, now=w.now
        )


async def test_a_gap_without_anyone_is_reported_to_the_team_once_by_the_next_day(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await reachable(w)
        clock.advance(DAY)
        assert await reports(w) == [], "all is well"
        await override(w, 50, 6, schedule_id=2)
        clock.advance(DAY)
        (mara, jun) = await reports(w)
        assert {mara[0], jun[0]} == {"Mara Lindqvist", "Jun Okafor"}
        assert mara[1] == "low"
        assert "- No one is on call from Fri 27 Nov 06:14 to 12:14 Europe/Stockholm." in mara[2]
        for _ in range(3):
            clock.advance(DAY)
            assert await reports(w) == [], "not again, neither while it comes nor while it runs"


async def test_a_gap_detected_shortly_before_it_begins_is_urgent(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await reachable(w)
        await override(w, 26, 3, schedule_id=2)
        clock.advance(DAY)
        assert {urgency for _, urgency, _ in await reports(w)} == {"high"}


async def test_an_unreachable_person_and_the_team_are_notified_of_each_shift(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        clock.advance(DAY)
        first = await reports(w)
        assert sorted({who for who, _, _ in first}) == ["Jun Okafor", "Mara Lindqvist"]
        assert all("has no verified contact method that can wake them." in note for _, _, note in first)
        clock.advance(DAY)
        assert await reports(w) == []
        clock.advance(7 * DAY)
        again = await reports(w)
        assert again, "the next week on call is another shift"


async def test_nothing_is_announced_about_a_deleted_schedule(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await reachable(w)
        async with w.ctx.db.tx() as tx:
            made = await oncall.create_schedule(
                tx, TEST, name="Gone", team_id=1, tz="UTC", layers=[], now=w.now
            )
            await oncall.delete_schedule(tx, TEST, int(made.id), w.now)
        clock.advance(DAY)
        assert await reports(w) == []
