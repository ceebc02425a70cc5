"""Story: Lea learns by shadowing the primary: she sees every page and answers for none."""

from datetime import datetime, time, timedelta

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.oncall.schedules import queries
from firebell.oncall.schedules.shadows import add_shadow
from firebell.paging.model import COPY_KIND, PageState
from firebell.people import actions as people
from firebell.people.model import QuietHours
from tests.world import World, world

NAME = "Lea Brandt"


async def lea(w: World) -> int:
    """Create Lea, who is reached by webhook."""
    system = Actor("system", "Test")
    async with w.ctx.db.tx() as tx:
        person = await people.create_person(
            tx, system, name=NAME, email="lea@example.org", role="responder", tz="Europe/Stockholm", now=w.now
        )
        method = await people.add_contact_method(
            tx, system, person_id=person.id, kind="webhook", address=w.sink.url, label="", now=w.now
        )
        await people.set_rules(
            tx, system, person_id=person.id, urgency="low", rules=[(0, method.id)], now=w.now
        )
        return person.id


async def shadow(
    w: World,
    person: int,
    *,
    of: int | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> None:
    """Let a person shadow the primary's schedule."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        schedule = await queries.by_slug(tx, "payments-primary")
        await add_shadow(
            tx,
            mara,
            schedule_id=schedule.id,
            person_id=person,
            of=of,
            start=start or w.now,
            end=end,
            now=w.now,
        )


def copies(w: World) -> list[str]:
    """Return whom each copy was for."""
    return [message["person"] for message in w.sink.got if message["event"] == "shadow"]


async def test_a_shadow_gets_a_copy_of_low_urgency_that_cannot_be_acknowledged(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await shadow(w, await lea(w))
        await w.alert("5xx above 5 %")
        await w.settle()
        assert sorted(w.sink.people()) == [NAME, "Mara Lindqvist"]
        copy = next(m for m in w.sink.got if m["person"] == NAME)
        assert (copy["type"], copy["urgency"], copy["ack_url"]) == ("page.shadowed", "low", "")
        assert copy["page"] == (await w.page()).ref
        assert [alert["title"] for alert in copy["alerts"]] == ["5xx above 5 %"]
        assert any(NAME in entry for entry in await w.story())
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select rank from delivery where subject_kind = $1", COPY_KIND) == 2


async def test_a_copy_reaches_nobody_who_answers_for_the_page(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await shadow(w, await lea(w))
        async with w.ctx.db.tx() as tx:
            await tx.execute("update contact_method set disabled_at = $2 where person_id = $1", w.mara, w.now)
        await w.alert()
        await w.settle()
        # the primary cannot be reached, so the page goes on to the secondary at once
        assert w.sink.people() == ["Jun Okafor"]
        await w.after(minutes=30)
        assert (await w.page()).state is PageState.EXHAUSTED
        async with w.ctx.db.tx() as tx:
            urgent = await tx.fetch("select distinct person_id from urgent_call")
        assert [row["person_id"] for row in urgent] == [w.jun]


async def test_an_acknowledgement_ends_the_copies_too(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await shadow(w, await lea(w))
        await w.alert()
        await w.settle()
        await w.ack(w.mara)
        await w.after(hours=1)
        assert copies(w) == [NAME]


@pytest.mark.parametrize(
    ("of_jun", "minutes", "expected"), [(False, None, [NAME]), (True, None, []), (False, 5, [])]
)
async def test_only_who_shadows_the_person_on_call_now_gets_a_copy(
    dsn: str, clock: FakeClock, of_jun: bool, minutes: int | None, expected: list[str]
) -> None:
    async with world(dsn, clock) as w:
        end = w.now + timedelta(minutes=minutes) if minutes else None
        await shadow(w, await lea(w), of=w.jun if of_jun else w.mara, end=end)
        clock.advance(timedelta(minutes=10))
        await w.alert()
        await w.settle()
        assert copies(w) == expected


async def test_who_is_paged_gets_no_copy_beside_the_page(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await shadow(w, w.jun)
        await w.alert()
        await w.settle()
        assert copies(w) == ["Jun Okafor"]
        await w.after(minutes=5)
        assert copies(w) == ["Jun Okafor"]
        assert [m["event"] for m in w.sink.got if m["person"] == "Jun Okafor"] == ["shadow", "page"]


async def test_quiet_hours_hold_a_copy_of_the_most_urgent_page(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        person = await lea(w)
        await shadow(w, person)
        async with w.ctx.db.tx() as tx:
            hours = QuietHours(time(0), time(6), "Europe/Stockholm")
            await people.set_quiet_hours(tx, Actor("system", "Test"), person, hours, w.now)
        await w.alert()
        await w.settle()
        assert copies(w) == []
