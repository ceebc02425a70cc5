"""Story: quiet hours: what can wait comes as one message in the morning, what is urgent at once."""

from datetime import UTC, datetime, timedelta

import pytest

from firebell.kit.clock import FakeClock
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from firebell.people import actions as people
from firebell.people import validation
from tests.world import World, world

MIDNIGHT = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
MORNING = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> FakeClock:
    """Midnight in Stockholm."""
    return FakeClock(MIDNIGHT)


async def keep(w: World, person: int, starts: str = "22:00", ends: str = "07:00") -> None:
    """Set a person's quiet hours in the time zone of Stockholm."""
    async with w.ctx.db.tx() as tx:
        hours = validation.clean_quiet_hours(starts, ends, "Europe/Stockholm")
        await people.set_quiet_hours(tx, await w.actor(person), person, hours, w.now)


async def until(w: World, at: datetime) -> None:
    """Let time pass until an instant."""
    await w.after(seconds=(at - w.now).total_seconds())


async def test_warnings_of_the_night_come_as_one_message_in_the_morning(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await keep(w, w.mara)
        for disk in ("disk 1", "disk 2", "disk 3"):
            await w.alert(disk, severity="warning", service=disk)
            await w.after(minutes=10)
        await until(w, MORNING - timedelta(minutes=1))
        assert w.sink.got == []
        assert {page.state for page in await w.pages()} == {PageState.TRIGGERED}
        await until(w, MORNING)
        (message,) = w.sink.got
        assert message["title"] == "3 messages held during your quiet hours"
        for disk in ("disk 1", "disk 2", "disk 3"):
            assert disk in message["note"]
        assert message["note"].count("/ack/") == 3


async def test_an_urgent_page_comes_at_once(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await keep(w, w.mara)
        await w.alert("all down")
        await w.settle()
        assert [m["title"] for m in w.sink.got] == ["all down"]
        assert w.now == MIDNIGHT


async def test_a_page_that_is_held_climbs_only_after_the_morning(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await keep(w, w.mara)
        await w.alert("disk", severity="warning")
        await until(w, MORNING + timedelta(minutes=4))
        assert w.sink.people() == ["Mara Lindqvist"]
        assert any("Held by quiet hours for Mara Lindqvist." in line for line in await w.story())
        await w.after(minutes=1)
        assert "Jun Okafor" in w.sink.people()


async def test_quiet_hours_of_one_person_do_not_delay_another(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await keep(w, w.jun)
        await w.alert("disk", severity="warning")
        await w.after(minutes=6)
        assert set(w.sink.people()) == {"Mara Lindqvist"}
        page = await w.page()
        assert page.level == 1
        assert page.due_at == MORNING + timedelta(minutes=5)


async def test_a_warning_that_becomes_urgent_does_not_wait(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await keep(w, w.mara)
        await w.alert("disk", severity="warning")
        await w.after(minutes=3)
        assert w.sink.got == []
        await w.alert("disk", severity="critical")
        await w.settle()
        assert w.sink.people() == ["Mara Lindqvist"]
        await until(w, MORNING)
        assert not [m for m in w.sink.got if m["event"] == "held"]


async def test_pages_acknowledged_or_resolved_overnight_are_left_out_of_the_morning_message(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await keep(w, w.mara)
        await w.alert("disk", severity="warning")
        await w.settle()
        await w.ack(w.jun)
        await w.alert("cpu", severity="warning")
        await w.settle()
        await w.alert("cpu", severity="warning", status="resolved")
        await until(w, MORNING)
        assert w.sink.got == []


async def test_turning_quiet_hours_off_delivers_at_once(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await keep(w, w.mara)
        await w.alert("disk", severity="warning")
        await w.after(minutes=2)
        async with w.ctx.db.tx() as tx:
            await people.set_quiet_hours(tx, await w.actor(w.mara), w.mara, None, w.now)
        await w.settle()
        assert w.sink.people() == ["Mara Lindqvist"]


async def test_longer_quiet_hours_hold_what_was_held(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await keep(w, w.mara)
        await w.alert("disk", severity="warning")
        await w.settle()
        await keep(w, w.mara, ends="09:00")
        await until(w, MORNING + timedelta(hours=1))
        assert "Mara Lindqvist" not in w.sink.people()
        await until(w, MORNING + timedelta(hours=2))
        assert "Mara Lindqvist" in w.sink.people()


async def test_later_rules_keep_their_distance(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            mail, hook = sorted(await people.methods_of(tx, [w.mara]), key=lambda m: m.kind)
            rules = [(0, hook.id), (120, mail.id)]
            actor = await w.actor(w.mara)
            await people.set_rules(tx, actor, person_id=w.mara, urgency="low", rules=rules, now=w.now)
        await keep(w, w.mara)
        await w.alert("disk", severity="warning")
        await w.settle()
        async with w.ctx.db.tx() as tx:
            deliveries = await paging.deliveries(tx, (await w.page()).id)
        assert [(d.channel, d.state, d.send_at, d.held) for d in deliveries] == [
            ("webhook", "queued", MORNING, True),
            ("email", "queued", MORNING + timedelta(minutes=2), True),
        ]


async def test_a_notice_that_can_wait_joins_the_bundle(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await keep(w, w.mara)
        await w.alert("disk", severity="warning")
        async with w.ctx.db.tx() as tx:
            word = Notice("shift-1", w.mara, "shift", "Your shift ends", "At nine.")
            await notify.send_notices(tx, [word], w.now)
        await until(w, MORNING)
        (message,) = w.sink.got
        assert "Your shift ends\nAt nine." in message["note"]
        assert "disk" in message["note"]


async def test_a_test_message_is_never_held(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await keep(w, w.mara)
        async with w.ctx.db.tx() as tx:
            (hook,) = [m for m in await people.methods_of(tx, [w.mara]) if m.kind == "webhook"]
            await people.request_test(tx, await w.actor(w.mara), hook.id, w.mara, w.now)
        await w.settle()
        assert [m["title"] for m in w.sink.got] == ["Firebell test message"]


async def test_a_bundle_that_does_not_arrive_is_sent_again_whole(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await keep(w, w.mara)
        for disk in ("disk 1", "disk 2"):
            await w.alert(disk, severity="warning", service=disk)
        await until(w, MORNING - timedelta(minutes=1))
        w.sink.status = 503
        await until(w, MORNING)
        w.sink.status = 200
        await w.after(minutes=1)
        titles = [m["title"] for m in w.sink.got]
        assert titles == ["2 messages held during your quiet hours"] * 2
        assert len({h["idempotency-key"] for h in w.sink.headers}) == 1


async def test_more_than_one_claim_is_still_one_message(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await keep(w, w.mara)
        for number in range(45):
            await w.alert(f"disk {number}", severity="warning", service=f"s{number}")
        await until(w, MORNING)
        assert [m["title"] for m in w.sink.got] == ["45 messages held during your quiet hours"]
