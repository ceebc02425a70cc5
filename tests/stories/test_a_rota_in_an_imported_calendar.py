"""Story: the rota is in an imported calendar, whose server fails, empties and recovers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.oncall.calendars import actions
from firebell.oncall.calendars.feeds import entries, horizon
from firebell.oncall.calendars.fetcher import Fetcher
from firebell.oncall.calendars.model import Import, Use
from firebell.oncall.calendars.parser_process import ParseJob, made
from firebell.oncall.checks import fix_actions
from firebell.oncall.checks import queries as check_queries
from firebell.oncall.checks.rules import ScheduleFinding
from firebell.oncall.model import OverrideKind
from firebell.oncall.schedules import actions as oncall
from firebell.oncall.schedules import queries
from firebell.oncall.swaps import cover_actions, time_off
from firebell.oncall.swaps import queries as swap_queries
from firebell.people import actions as people
from tests.servers import free_port, listening, until
from tests.world import World, world

HEAD, TAIL = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "END:VCALENDAR\r\n"
TEST = Actor("system", "Test")


def event(start: str, end: str, title: str, more: str = "") -> str:
    """Return an event in UTC."""
    return (
        f"BEGIN:VEVENT\r\nUID:{start}-{title}\r\nDTSTART:{start}Z\r\nDTEND:{end}Z\r\nSUMMARY:{title}\r\n"
        f"{more}END:VEVENT\r\n"
    )


JUNS_DAY = event("20261124T000000", "20261125T000000", "Jun Okafor", "RRULE:FREQ=DAILY;COUNT=60\r\n")
ROTA = f"{HEAD}{JUNS_DAY}{TAIL}".encode()


@dataclass(slots=True)
class Elsewhere:
    """A calendar server that answers as configured and records requests."""

    port: int = 0
    body: bytes = ROTA
    status: int = 200
    etag: str = '"1"'
    location: str = ""
    drip_s: float = 0
    asked: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the calendar is."""
        return f"http://127.0.0.1:{self.port}/rota.ics"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:-2])}
        self.asked.append({"path": lines[0].split(" ")[1], **headers})
        same = self.status == 200 and headers.get("if-none-match") == self.etag
        body, status = (b"", 304) if same else (self.body, self.status)
        extra = f"Location: {self.location}\r\n" if self.location and "moved" not in lines[0] else ""
        status = 302 if extra else status
        writer.write(
            f"HTTP/1.1 {status} X\r\nETag: {self.etag}\r\n{extra}Connection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
        )
        for at in range(0, len(body), 65536 if not self.drip_s else 1):
            writer.write(body[at : at + (65536 if not self.drip_s else 1)])
            await asyncio.sleep(self.drip_s)
            try:
                await writer.drain()
            except ConnectionError:
                break
        writer.close()


@asynccontextmanager
async def rota_world(dsn: str, clock: FakeClock) -> AsyncIterator[tuple[World, Elsewhere]]:
    """Yield the small organization, and a calendar server beside it."""
    there = Elsewhere()
    async with world(dsn, clock) as w, listening(there.answer) as port:
        there.port = port
        yield w, there


async def primary(w: World) -> int:
    async with w.ctx.db.tx() as tx:
        return next(int(s.id) for s in await queries.schedules(tx) if s.slug == "payments-primary")


async def take_in(w: World, use: Use = Use.LAYER, **fields: Any) -> int:
    """Import a calendar to the primary schedule, or as Mara's busy time, and fetch it."""
    whose: dict[str, Any] = {"person_id": w.mara} if use is Use.BUSY else {"schedule_id": await primary(w)}
    async with w.ctx.db.tx() as tx:
        calendar = await actions.add_import(tx, TEST, use=use, now=w.now, **whose, **fields)
    await w.settle()
    return calendar.id


async def imported(w: World) -> Import:
    """Return the one import of the primary schedule."""
    schedule = await primary(w)
    async with w.ctx.db.tx() as tx:
        return (await actions.imports_of_schedules(tx, [schedule]))[0]


async def who(w: World, at: datetime | None = None) -> tuple[int, ...]:
    """Return who is on call on the primary schedule."""
    schedule = await primary(w)
    async with w.ctx.db.tx() as tx:
        schedule_ = (await queries.schedules_by_id(tx, [schedule]))[schedule]
    return queries.users_at(schedule_, at or w.now)


async def keys(w: World) -> set[str]:
    """Return the titles of the events in a feed of the primary schedule."""
    async with w.ctx.db.tx() as tx:
        return {e.key for e in entries(await queries.by_slug(tx, "payments-primary"), *horizon(w.now))}


async def poll(w: World, **by: float) -> None:
    """Advance the clock and fetch the calendars that are due."""
    w.clock.advance(timedelta(**by))
    await w.settle()


async def faults(w: World) -> set[str]:
    """Return the codes of the findings of the primary."""
    async with w.ctx.db.tx() as tx:
        primary = await queries.by_slug(tx, "payments-primary")
        return {f.code for f in (await check_queries.findings_of(tx, [primary], w.now))[int(primary.id)]}


async def test_the_calendar_decides_and_a_bad_day_of_its_server_empties_nothing(
    dsn: str, clock: FakeClock
) -> None:
    async with rota_world(dsn, clock) as (w, there):
        assert await who(w) == (w.mara,)
        await take_in(w, url=there.url)
        assert await who(w) == (w.jun,)
        assert "if-none-match" not in there.asked[0]

        await poll(w, minutes=20)
        assert there.asked[-1]["if-none-match"] == '"1"'
        assert (await imported(w)).good_at == w.now

        there.etag = '"2"'
        bad = {
            "answered 503": (503, b""),
            "does not start": (200, b"<html>Please sign in</html>"),
            "has no events": (200, f"{HEAD}{TAIL}".encode()),
            "incomplete": (200, ROTA[:-8]),
            "no one known here": (200, ROTA.replace(b"Jun Okafor", b"Somebody Else")),
            "more than 5 MB": (200, b"X" * (6 * 1024 * 1024)),
        }
        since = w.now + timedelta(minutes=20)
        for reason, (there.status, there.body) in bad.items():
            await poll(w, minutes=20)
            calendar = await imported(w)
            assert reason in calendar.error
            assert (calendar.failing_since, calendar.stale(w.now)) == (since, False)
            assert await who(w) == (w.jun,), reason
        await poll(w, hours=6)
        assert (await imported(w)).stale(w.now)
        assert "S-ICAL-STALE" in await faults(w)
        await poll(w, days=20)
        assert await who(w) == (w.jun,)
        assert await who(w, w.now + timedelta(days=20)) == (w.jun,)

        there.status, there.body = 200, ROTA.replace(b"Jun Okafor", b"Mara Lindqvist")
        await poll(w, minutes=20)
        calendar = await imported(w)
        assert (calendar.error, calendar.failing_since) == ("", None)
        assert await who(w) == (w.mara,)
        assert await who(w, w.now - timedelta(minutes=1)) == (w.jun,), "what has been stays"


async def test_a_page_does_not_wait_for_a_slow_calendar(dsn: str, clock: FakeClock) -> None:
    async with rota_world(dsn, clock) as (w, there):
        await take_in(w, url=there.url)
        there.etag, there.drip_s = '"2"', 0.05
        w.clock.advance(timedelta(minutes=20))
        fetch = asyncio.create_task(Fetcher(w.ctx, limit_s=600).run_once(w.now))
        await until(lambda: asyncio.sleep(0, len(there.asked) == 2), "the server is asked")
        await w.alert()
        await w.settle()
        assert [m["person"] for m in w.sink.got if m["event"] == "page"] == ["Jun Okafor"]
        assert not fetch.done()
        fetch.cancel()
        await asyncio.wait([fetch])
        w.clock.advance(timedelta(minutes=20))
        assert await Fetcher(w.ctx, limit_s=1.5).run_once(w.now) == 1
        assert "No answer within 1.5 s" in (await imported(w)).error
        assert await who(w) == (w.jun,)


async def test_an_unreachable_server_is_reported(dsn: str, clock: FakeClock) -> None:
    async with rota_world(dsn, clock) as (w, there):
        await take_in(w, url=f"http://127.0.0.1:{free_port()}/rota.ics")
        calendar = await imported(w)
        assert "cannot be reached" in calendar.error
        assert (calendar.good_at, there.asked) == (None, [])
        await poll(w, hours=7)
        async with w.ctx.db.tx() as tx:
            primary_ = await queries.by_slug(tx, "payments-primary")
            findings = (await check_queries.findings_of(tx, [primary_], w.now))[int(primary_.id)]
        assert "it was never read" in next(f.message for f in findings if f.code == "S-ICAL-STALE")
        assert await who(w) == (w.mara,)


async def test_a_moved_calendar_is_followed_but_never_to_an_internal_address(
    dsn: str, clock: FakeClock
) -> None:
    async with rota_world(dsn, clock) as (w, there):
        there.location = "/moved.ics"
        await take_in(w, url=there.url)
        assert [a["path"] for a in there.asked] == ["/rota.ics", "/moved.ics"]
        assert await who(w) == (w.jun,)
        there.location, there.etag = "http://10.1.2.3/latest/meta-data", '"2"'
        await poll(w, minutes=20)
        assert "10.1.2.3 is a private address" in (await imported(w)).error


async def test_imported_shifts_lie_between_layers_and_overrides(dsn: str, clock: FakeClock) -> None:
    async with rota_world(dsn, clock) as (w, there):
        there.body = ROTA.replace(b"Jun Okafor", b"Mara Lindqvist")
        await take_in(w, Use.OVERRIDE, url=there.url)
        await take_in(w, Use.LAYER, text=ROTA.decode())
        assert await who(w) == (w.mara,)
        async with w.ctx.db.tx() as tx:
            await oncall.create_override(
                tx,
                TEST,
                kind=OverrideKind.SET,
                schedule_id=await primary(w),
                users=[w.jun],
                start=w.now,
                end=w.now + timedelta(hours=1),
                reason="",
                now=w.now,
            )
        assert await who(w) == (w.jun,)
        assert await who(w, w.now + timedelta(hours=2)) == (w.mara,)


async def test_a_shift_without_a_known_name_is_a_reported_gap(dsn: str, clock: FakeClock) -> None:
    async with rota_world(dsn, clock) as (w, there):
        stray = event("20261124T060000", "20261124T070000", "Alice")
        there.body = f"{HEAD}{stray}{event('20261124T080000', '20261124T090000', 'jun')}{TAIL}".encode()
        await take_in(w, url=there.url)
        calendar = await imported(w)
        assert [(s.title, s.start.hour) for s in calendar.unmatched] == [("Alice", 6)]
        assert "S-ICAL-USER" in await faults(w)
        day = w.now.replace(minute=30)
        assert await who(w, day.replace(hour=6)) == (w.mara,), "the layers answer"
        assert await who(w, day.replace(hour=8)) == (w.jun,)
        async with w.ctx.db.tx() as tx:
            await people.create_person(
                tx, TEST, name="Alice Ng", email="alice@example.org", role="responder", tz="UTC", now=w.now
            )
        await poll(w, minutes=20)
        assert (await imported(w)).unmatched == ()
        assert "S-ICAL-USER" not in await faults(w)
        assert await who(w, day.replace(hour=6)) not in ((w.mara,), (w.jun,))


async def test_someone_who_left_is_not_put_on_call_by_a_calendar(dsn: str, clock: FakeClock) -> None:
    async with rota_world(dsn, clock) as (w, there):
        await take_in(w, url=there.url)
        async with w.ctx.db.tx() as tx:
            await tx.execute("update person set active = false where id = $1", w.jun)
        assert await who(w) == (w.mara,)


async def test_removing_it_gives_back_what_comes_and_keeps_what_was(dsn: str, clock: FakeClock) -> None:
    async with rota_world(dsn, clock) as (w, there):
        added = await take_in(w, url=there.url)
        await poll(w, hours=2)
        async with w.ctx.db.tx() as tx:
            await actions.remove_import(tx, TEST, await actions.import_for(tx, added, w.mara), w.now)
        assert await who(w) == (w.mara,)
        assert await who(w, w.now - timedelta(hours=1)) == (w.jun,)
        asked = len(there.asked)
        await poll(w, hours=1)
        assert len(there.asked) == asked


async def test_a_request_is_withdrawn_when_a_calendar_gives_its_shift_to_someone_else(
    dsn: str, clock: FakeClock
) -> None:
    """The request stayed open, and who accepted it covered for someone who was not on call."""
    async with rota_world(dsn, clock) as (w, there):
        await take_in(w, url=there.url)
        start = w.now + timedelta(days=2)
        async with w.ctx.db.tx() as tx:
            cover = await cover_actions.ask(
                tx,
                await w.actor(w.jun),
                schedule_id=await primary(w),
                requester=w.jun,
                start=start,
                end=start + timedelta(hours=4),
                now=w.now,
            )
        there.etag, there.body = '"2"', ROTA.replace(b"Jun Okafor", b"Mara Lindqvist")
        await poll(w, minutes=20)
        async with w.ctx.db.tx() as tx:
            current = await swap_queries.cover(tx, cover.id)
        assert current
        assert (current.state, current.why) == ("withdrawn", "Jun Okafor is no longer on call then")


async def test_an_imported_shift_of_someone_absent_requests_cover(dsn: str, clock: FakeClock) -> None:
    async with rota_world(dsn, clock) as (w, there):
        start, end = w.now + timedelta(days=2), w.now + timedelta(days=3)
        async with w.ctx.db.tx() as tx:
            actor = await w.actor(w.jun)
            await time_off.add(tx, actor, person_id=w.jun, start=start, end=end, now=w.now)
        await take_in(w, url=there.url)
        async with w.ctx.db.tx() as tx:
            asked = await swap_queries.covers(tx, schedule_ids=[await primary(w)])
        assert [(c.requester, c.start, c.end, c.state) for c in asked] == [(w.jun, start, end, "open")]


async def test_people_on_call_because_someone_in_a_calendar_left_are_notified(
    dsn: str, clock: FakeClock
) -> None:
    """No one was notified: the calendar's shifts were read without people who left, before and after."""
    async with rota_world(dsn, clock) as (w, there):
        await take_in(w, url=there.url)
        await poll(w, hours=1)
        w.sink.got.clear()
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, TEST, w.jun, active=False, now=w.now)
        await w.settle()
        notes = {m["title"]: m["note"] for m in w.sink.got if m["person"] == "Mara Lindqvist"}
        note = notes["Jun Okafor left: Payments primary"]
        assert note.startswith("You are on call (Europe/Stockholm):\n- Tue 24 Nov 05:14 to Mon 30 Nov 09:00")


async def test_only_a_change_of_duty_is_a_new_version(dsn: str, clock: FakeClock) -> None:
    async with rota_world(dsn, clock) as (w, there):

        async def version() -> int:
            async with w.ctx.db.tx() as tx:
                return (await queries.by_slug(tx, "payments-primary")).version

        await take_in(w, url=there.url)
        assert await version() == 2
        for there.etag in ('"2"', '"3"'):
            await poll(w, minutes=20)
        await poll(w, minutes=20)
        assert there.asked[-1]["if-none-match"] == '"3"', "a new ETag of the same calendar is remembered"
        assert await version() == 2
        before = await keys(w)
        there.etag, there.body = '"4"', ROTA.replace(b"COUNT=60", b"COUNT=61")
        await poll(w, minutes=20)
        assert await version() == 3
        assert len(before & await keys(w)) >= len(before) - 1, "the events of a feed keep their names"


async def test_a_personal_calendar_shows_conflicts_with_shifts(dsn: str, clock: FakeClock) -> None:
    async with rota_world(dsn, clock) as (w, there):
        free = event("20261125T100000", "20261125T110000", "Focus", "TRANSP:TRANSPARENT\r\n")
        there.body = f"{HEAD}{event('20261126T100000', '20261126T120000', 'Flight')}{free}{TAIL}".encode()
        await take_in(w, Use.BUSY, url=there.url)
        async with w.ctx.db.tx() as tx:
            conflicts = await actions.conflicts(tx, w.now)
        assert [(c.person_id, c.schedule, c.title) for c in conflicts] == [
            (w.mara, "payments-primary", "Flight")
        ]
        assert await who(w, datetime(2026, 11, 26, 11, tzinfo=UTC)) == (w.mara,)
        there.body, there.etag = f"{HEAD}{TAIL}".encode(), '"2"'
        await poll(w, minutes=20)
        async with w.ctx.db.tx() as tx:
            assert await actions.conflicts(tx, w.now) == []


async def busy(w: World) -> list[ScheduleFinding]:
    """Return the findings of the primary about people who are on call while busy."""
    async with w.ctx.db.tx() as tx:
        schedule = await queries.by_slug(tx, "payments-primary")
        findings = (await check_queries.findings_of(tx, [schedule], w.now))[int(schedule.id)]
    return [f for f in findings if f.code == "S-BUSY"]


async def test_a_schedule_shows_who_is_busy_and_its_button_requests_cover(dsn: str, clock: FakeClock) -> None:
    async with rota_world(dsn, clock) as (w, there):
        both = (("20261126T100000", "20261126T120000"), ("20261128T100000", "20261128T120000"))
        there.body = f"{HEAD}{''.join(event(a, b, 'Operation') for a, b in both)}{TAIL}".encode()
        assert await busy(w) == []
        await take_in(w, Use.BUSY, url=there.url)
        (finding,) = await busy(w)
        assert (finding.id, finding.users) == (f"S-BUSY:{w.mara}", (w.mara,))
        assert "Mara Lindqvist is on call while busy from Thu 26 Nov" in finding.message
        assert finding.message.endswith(", one of 2 times.")
        assert "Operation" not in finding.message, "what a person is busy with is theirs to know"

        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await fix_actions.carry_out(tx, actor, await primary(w), finding.id, w.now)
            asked = await swap_queries.covers(tx)
        assert [(c.requester, c.start, c.end) for c in asked] == [(w.mara, finding.start, finding.end)]
        (second,) = await busy(w)
        assert (second.start, second.fix and second.fix.verb) == (
            datetime(2026, 11, 28, 10, tzinfo=UTC),
            "ask",
        )
        jun = await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            await fix_actions.carry_out(tx, actor, await primary(w), finding.id, w.now)
        (both_asked,) = await busy(w)
        assert (both_asked.start, both_asked.fix and both_asked.fix.verb) == (finding.start, "take")
        for _ in both:
            async with w.ctx.db.tx() as tx:
                await fix_actions.carry_out(tx, jun, await primary(w), finding.id, w.now)
        assert await busy(w) == []


async def test_on_public_holidays_other_people_are_on_duty(dsn: str, clock: FakeClock) -> None:
    async with rota_world(dsn, clock) as (w, _):
        await take_in(w, Use.LAYER, country="se", users=[w.jun])
        christmas = datetime(2026, 12, 25, 11, tzinfo=UTC)
        assert await who(w, christmas) == (w.jun,)
        assert await who(w, datetime(2026, 12, 24, 22, 30, tzinfo=UTC)) == (w.mara,)
        async with w.ctx.db.tx() as tx:
            names = await actions.holiday_names(tx, [await primary(w)], christmas, christmas + timedelta(1))
        assert next(s.start for _, s in names) == datetime(2026, 12, 24, 23, tzinfo=UTC)


async def test_a_calendar_that_hangs_its_reader_is_stopped() -> None:
    # each rule is too cheap for the limit of costly rules
    slow = "DTSTART:20010101T000000Z\r\nDTEND:20010101T010000Z\r\nRRULE:FREQ=DAILY;BYMONTH=6\r\n"
    events = "".join(f"BEGIN:VEVENT\r\nUID:{n}\r\n{slow}END:VEVENT\r\n" for n in range(1000))
    body = f"{HEAD}{events}{TAIL}".encode()
    start = datetime(2026, 11, 24, tzinfo=UTC)
    with pytest.raises(Invalid, match=r"longer than 1\.5 s"):
        await made(ParseJob("UTC", start, start + timedelta(days=180)), body, limit_s=1.5)


async def test_a_deeply_nested_calendar_is_harmless() -> None:
    start = datetime(2026, 11, 24, tzinfo=UTC)
    nested = "BEGIN:VEVENT\r\n" * 4000 + "END:VEVENT\r\n" * 4000
    read_result = await made(
        ParseJob("UTC", start, start + timedelta(days=180)), f"{HEAD}{nested}{TAIL}".encode()
    )
    assert (read_result.shifts, read_result.events) == ((), 0)


async def test_past_imported_shifts_of_someone_who_left_are_kept(dsn: str, clock: FakeClock) -> None:
    async with rota_world(dsn, clock) as (w, there):
        await take_in(w, url=there.url)
        await poll(w, hours=5)
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, TEST, w.jun, active=False, now=w.now)
        assert await who(w) == (w.mara,)
        assert await who(w, w.now - timedelta(hours=1)) == (w.jun,)
