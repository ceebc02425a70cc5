"""Story: requesters are notified of refusals, and a schedule's people of what a departure changes."""

from datetime import timedelta
from typing import Any

from firebell.kit.clock import FakeClock
from firebell.oncall.schedules import actions as oncall
from firebell.oncall.swaps import cover_actions, swap_actions
from firebell.people import actions as people
from tests.stories.test_shift_notifications import HOUR, MONDAY, Team, team, weekly

DAY = timedelta(days=1)


async def ask(t: Team, *asked: int) -> int:
    """Request cover for a day of Mara's week, and discard the notices."""
    start = MONDAY - timedelta(days=4)
    cover = await t.run(
        cover_actions.ask,
        schedule_id=t.id,
        requester=t.w.mara,
        start=start,
        end=start + 24 * HOUR,
        asked=asked,
    )
    t.notices()
    return int(cover.id)


async def test_the_requester_is_notified_of_who_declines_and_whether_anyone_is_left(
    dsn: str, clock: FakeClock
) -> None:
    async with team(dsn, clock) as t:
        cover = await ask(t, t.w.jun, t.ada)
        await t.run(cover_actions.decline, cover, t.w.jun, by=t.w.jun)
        assert "Others can still accept. You stay on call until someone accepts." in t.notes()[0]
        assert t.notices() == [("Mara", "Jun Okafor can’t cover for you: Weekly")]
        await t.run(cover_actions.decline, cover, t.w.jun, by=t.w.jun)
        assert t.notices() == []
        await t.run(cover_actions.decline, cover, t.ada, by=t.ada)
        assert "Everyone you asked has declined: ask someone else." in t.notes()[0]
        assert t.notices() == [("Mara", "Ada Byron can’t cover for you: Weekly")]


async def test_a_request_of_everyone_stays_open_for_the_others(dsn: str, clock: FakeClock) -> None:
    async with team(dsn, clock) as t:
        cover = await ask(t)
        await t.run(cover_actions.decline, cover, t.w.jun, by=t.w.jun)
        assert "From Thu 26 Nov 09:00 to Fri 27 Nov 09:00 (Europe/Stockholm). Others can" in t.notes()[0]


async def test_the_team_is_notified_of_the_gap_that_a_departure_leaves(dsn: str, clock: FakeClock) -> None:
    async with team(dsn, clock) as t:
        await t.run(people.update_person, t.ada, active=False)
        assert t.notes()[0].startswith(
            "No one is on call (Europe/Stockholm):\n- Mon 7 Dec 09:00 to Mon 14 Dec 09:00\n- Mon 28 Dec 09:00"
        )
        assert {m["urgency"] for m in t.w.sink.got} == {"low"}
        assert sorted(t.notices()) == [("Jun", "Ada Byron left: Weekly"), ("Mara", "Ada Byron left: Weekly")]
        await t.w.settle()
        assert t.notices() == []


async def test_people_who_follow_someone_who_left_are_notified_of_their_shifts(
    dsn: str, clock: FakeClock
) -> None:
    async with team(dsn, clock) as t:
        layers = [weekly(t.w.jun), weekly(t.w.mara, t.ada)]
        await t.run(oncall.replace_layers, t.id, layers)
        await t.until(t.w.now + HOUR)
        t.notices()
        await t.run(people.update_person, t.ada, active=False)
        assert t.notes()[0].startswith("You are on call (Europe/Stockholm):\n- Mon 30 Nov 09:00 to Mon 7 Dec")
        assert t.notices() == [("Jun", "Ada Byron left: Weekly")]


async def test_a_gap_that_begins_soon_is_urgent(dsn: str, clock: FakeClock) -> None:
    async with team(dsn, clock) as t:
        await t.until(MONDAY + timedelta(days=7) - 2 * HOUR)
        t.notices()
        await t.run(people.update_person, t.ada, active=False)
        assert {m["urgency"] for m in t.w.sink.got if m["event"] == "change"} == {"high"}


async def test_someone_who_returns_before_the_notification_changes_nothing(
    dsn: str, clock: FakeClock
) -> None:
    async with team(dsn, clock) as t:
        actor = await t.w.actor(t.w.mara)
        async with t.w.ctx.db.tx() as tx:
            await people.update_person(tx, actor, t.ada, active=False, now=t.w.now)
            await people.update_person(tx, actor, t.ada, active=True, now=t.w.now)
        await t.w.settle()
        assert t.notices() == []


async def test_someone_who_leaves_is_removed_from_every_schedule(dsn: str, clock: FakeClock) -> None:
    async with team(dsn, clock) as t:
        other = await t.run(
            oncall.create_schedule, name="Other", team_id=1, tz="UTC", layers=[weekly(t.ada), weekly(t.w.jun)]
        )
        await t.run(oncall.replace_layers, int(other.id), [weekly(t.w.jun), weekly(t.ada)])
        await t.until(t.w.now + HOUR)
        t.notices()
        await t.run(people.update_person, t.ada, active=False)
        assert sorted(t.notices()) == [
            ("Jun", "Ada Byron left: Other"),
            ("Jun", "Ada Byron left: Weekly"),
            ("Mara", "Ada Byron left: Weekly"),
        ]


async def test_people_asked_for_cover_are_notified_when_the_requester_leaves(
    dsn: str, clock: FakeClock
) -> None:
    async with team(dsn, clock) as t:
        start = MONDAY + timedelta(days=8)
        stretch: dict[str, Any] = {"start": start, "end": start + 24 * HOUR}
        await t.run(cover_actions.ask, schedule_id=t.id, requester=t.ada, **stretch, asked=[t.w.jun])
        await t.run(
            cover_actions.ask, schedule_id=t.id, requester=t.ada, start=start + 2 * DAY, end=start + 3 * DAY
        )
        theirs = (MONDAY + timedelta(days=14), MONDAY + timedelta(days=21))
        await t.run(
            swap_actions.propose,
            schedule_id=t.id,
            proposer=t.ada,
            other=t.w.mara,
            mine=(MONDAY + 7 * DAY, MONDAY + 14 * DAY),
            theirs=theirs,
        )
        t.notices()
        await t.run(people.update_person, t.ada, active=False)
        notes = [n for n in t.notes() if "Ada Byron left" in n]
        assert notes[0].startswith(
            "From Tue 8 Dec 09:00 to Wed 9 Dec 09:00 (Europe/Stockholm): Ada Byron left."
            " You don’t need to do anything."
        )
        others = [pair for pair in t.notices() if pair[1] != "Ada Byron left: Weekly"]
        assert sorted(others) == [
            ("Jun", "Cover request canceled: Weekly (Ada Byron)"),
            ("Jun", "Cover request canceled: Weekly (Ada Byron)"),
            ("Mara", "Cover request canceled: Weekly (Ada Byron)"),
            ("Mara", "Swap with Ada Byron canceled: Weekly"),
        ]
        await t.w.settle()
        assert t.notices() == []
