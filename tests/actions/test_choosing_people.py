"""Choosing a person: everyone can be reached, and no screen lists five thousand people."""

from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from firebell.people.queries import MAX_LISTED_PEOPLE, choosable
from tests.world import World, world


async def grow(w: World, to: int) -> None:
    """Add `to` people, called Person and a number."""
    async with w.ctx.db.tx() as tx:
        await tx.execute(
            "insert into person (name, email, role, tz, created_at) select 'Person ' || lpad(i::text, 4, '0'),"
            " 'p' || i || '@example.org', 'responder', 'UTC', $2 from generate_series(1, $1) i",
            to,
            w.now,
        )


async def test_a_small_organization_is_offered_whole(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, w.ctx.db.reads() as tx:
        choice = await choosable(tx, [])
        assert [name for _, name in choice.options] == ["Jun Okafor", "Mara Lindqvist"]
        assert not choice.partial


async def test_in_a_large_one_those_who_are_near_are_offered_and_a_search_adds_others(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await grow(w, MAX_LISTED_PEOPLE)
        async with w.ctx.db.reads() as tx:
            near = await choosable(tx, [w.mara, 10**12])
            assert near.partial
            assert near.options == [(w.mara, "Mara Lindqvist")]
            by_name = await choosable(tx, [w.mara], " PERSON 000")
            assert [n for _, n in by_name.options] == [
                "Mara Lindqvist",
                *[f"Person {i:04}" for i in range(1, 10)],
            ]
            by_address = await choosable(tx, [], "p42@")
            assert [n for _, n in by_address.options] == ["Person 0042"]
            assert (await choosable(tx, [], "%")).options == []
            assert len((await choosable(tx, [], "person")).options) == 50


async def test_people_of_one_name_are_distinguished_by_email(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            await people.create_person(
                tx,
                await w.actor(w.mara),
                name="Jun Okafor",
                email="other@example.org",
                role="responder",
                tz="UTC",
                now=w.now,
            )
        async with w.ctx.db.reads() as tx:
            names = [name for _, name in (await choosable(tx, [])).options]
        assert names == ["Jun Okafor (jun@example.org)", "Jun Okafor (other@example.org)", "Mara Lindqvist"]


async def test_someone_who_left_is_not_offered_even_when_near(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await grow(w, MAX_LISTED_PEOPLE)
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, await w.actor(w.mara), w.jun, active=False, now=w.now)
        async with w.ctx.db.reads() as tx:
            assert (await choosable(tx, [w.jun], "jun")).options == []
