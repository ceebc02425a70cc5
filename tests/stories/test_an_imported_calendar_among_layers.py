"""Story: an imported calendar lies below a rotation as its base, or above it."""

from datetime import timedelta
from typing import Any

import icalendar

from firebell.kit.clock import FakeClock
from firebell.oncall.calendars import actions, feeds
from firebell.oncall.calendars.feeds import RenderedFeed
from firebell.oncall.calendars.model import KnownPerson, LayerPlace
from firebell.oncall.schedules import queries as oncall
from tests.stories.test_a_rota_in_an_imported_calendar import (
    HEAD,
    ROTA,
    TAIL,
    TEST,
    event,
    poll,
    rota_world,
    take_in,
    who,
)
from tests.world import World


async def put(w: World, import_id: int, place: LayerPlace) -> None:
    """Move a calendar to another position."""
    async with w.ctx.db.tx() as tx:
        calendar = await actions.import_for(tx, import_id, w.mara)
        await actions.place_import(tx, TEST, calendar, place, w.now)


async def decided_by(w: World) -> set[tuple[str, str]]:
    """Return the cause and the layer of the events of a feed from now on."""
    async with w.ctx.db.tx() as tx:
        schedule = await oncall.by_slug(tx, "payments-primary")
    people = {
        w.mara: KnownPerson(w.mara, "Mara", "m@example.org"),
        w.jun: KnownPerson(w.jun, "Jun", "j@example.org"),
    }
    raw = feeds.calendar("x", "host", [RenderedFeed(schedule, w.now)], people, w.now)
    events: list[Any] = icalendar.Calendar.from_ical(raw).walk("VEVENT")
    return {
        (str(e["X-FIREBELL-CAUSE"]), str(e.get("X-FIREBELL-LAYER", "")))
        for e in events
        if e["DTEND"].dt > w.now and e["DTSTART"].dt < w.now + timedelta(days=50)
    }


async def test_a_base_answers_where_the_rotation_has_no_one(dsn: str, clock: FakeClock) -> None:
    async with rota_world(dsn, clock) as (w, _):
        await take_in(w, place=LayerPlace.BELOW, text=ROTA.decode(), name="the base")
        assert await who(w) == (w.mara,)
        assert await decided_by(w) == {("layer", "Rotation")}
        async with w.ctx.db.tx() as tx:
            await tx.execute("update person set active = false where id = $1", w.mara)
        assert await who(w) == (w.jun,)
        assert ("layer", "the base") in await decided_by(w)


async def test_moving_a_calendar_changes_future_shifts_and_not_past_ones(dsn: str, clock: FakeClock) -> None:
    async with rota_world(dsn, clock) as (w, there):
        added = await take_in(w, url=there.url)
        assert await decided_by(w) == {("layer", "127.0.0.1")}
        await poll(w, hours=1)
        before = w.now - timedelta(minutes=30)
        await put(w, added, LayerPlace.BELOW)
        assert (await who(w), await who(w, before)) == ((w.mara,), (w.jun,))
        await poll(w, hours=30)
        assert (await who(w), await who(w, before)) == ((w.mara,), (w.jun,)), "reading it again moves nothing"
        await put(w, added, LayerPlace.ABOVE)
        await put(w, added, LayerPlace.ABOVE)
        assert (await who(w), await who(w, w.now - timedelta(minutes=1))) == ((w.jun,), (w.mara,))
        async with w.ctx.db.tx() as tx:
            assert (await oncall.by_slug(tx, "payments-primary")).version == 4


async def test_the_newer_of_two_calendars_in_one_place_lies_above(dsn: str, clock: FakeClock) -> None:
    async with rota_world(dsn, clock) as (w, _):
        night = event("20261124T000000", "20261125T000000", "Mara Lindqvist", "RRULE:FREQ=DAILY;COUNT=60\r\n")
        first = await take_in(w, text=ROTA.decode())
        second = await take_in(w, text=f"{HEAD}{night}{TAIL}")
        assert await who(w) == (w.mara,)
        async with w.ctx.db.tx() as tx:
            await tx.execute("update layer set slots = '[[]]'")
        for place in (LayerPlace.BELOW, LayerPlace.ABOVE):
            await put(w, first, place)
            await put(w, second, place)
            assert await who(w) == (w.mara,), place
        await put(w, second, LayerPlace.BELOW)
        assert await who(w) == (w.jun,)
