"""Paginating a list while people work on it never skips a page that waits for a person."""

import pytest

from firebell.kit.clock import FakeClock
from firebell.postmortems import store as postmortems
from tests.api.api_clients import Api, organization
from tests.world import World


async def storm(w: World, count: int) -> None:
    """Open `count` pages, each of a group of its own."""
    for number in range(count):
        await w.alert(f"alert {number}", labels={"service": f"part-{number}"})


async def stretch(api: Api, address: str) -> tuple[list[str], str]:
    """Return the references of one answer and the address of the next."""
    answer = await api.answer("GET", address)
    assert answer.status_code == 200, answer.text
    refs = [page["ref"] for page in answer.json()]
    return refs, answer.headers.get("link", "").partition(">")[0].removeprefix("</api/v1")


@pytest.mark.parametrize("verb", ["ack", "resolve"])
async def test_bug_the_walk_ended_when_the_page_of_the_cursor_was_taken(
    dsn: str, clock: FakeClock, verb: str
) -> None:
    async with organization(dsn, clock) as (w, api):
        await storm(w, 10)
        refs, following = await stretch(api, "/pages?limit=3")
        shown = list(refs)
        await api("POST", f"/pages/{refs[-1]}/{verb}")
        while following:
            refs, following = await stretch(api, following)
            shown += refs
        assert set(shown) == {f"PG-{number}" for number in range(1, 11)}


async def test_a_page_that_waits_again_behind_the_walk_is_listed(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await storm(w, 8)
        await api("POST", "/pages/PG-8/ack")
        await w.after(minutes=5)
        shown, following = await stretch(api, "/pages?limit=3")
        assert shown == ["PG-7", "PG-6", "PG-5"]
        await api("POST", "/pages/PG-8/escalate")
        while following:
            refs, following = await stretch(api, following)
            shown += refs
        assert sorted(shown) == [f"PG-{number}" for number in range(1, 9)]


async def test_a_cursor_that_is_not_one_is_refused_by_name(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await storm(w, 2)
        for cursor in ("PG-1", "1", "PG-999999", "waiting:1", "waiting:999999:1795489200", "last"):
            problem = await api("GET", "/pages", before=cursor, status=422)
            assert [error["field"] for error in problem["errors"]] == ["before"]


async def test_the_last_page_of_a_list_has_no_next_link(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await storm(w, 4)
        refs, following = await stretch(api, "/pages?limit=2&q=alert")
        assert refs == ["PG-4", "PG-3"]
        assert await stretch(api, following) == (["PG-2", "PG-1"], "")


async def test_bug_post_mortems_beyond_the_five_hundredth_were_in_no_answer(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                """
                insert into incident (title, severity, max_severity, phase, detected_at, declared_at, severity_at)
                select 'incident ' || number, 2, 2, 'closed', $1, $1, $1
                from generate_series(1, 520) number
                """,
                w.now,
            )
            for number in range(1, 521):
                await postmortems.insert(tx, number, "text", w.now, None, w.now)
        shown, following = await stretch(api, "/post-mortems?limit=500")
        refs, following = await stretch(api, following)
        assert [*shown, *refs] == [f"INC-{number}" for number in range(520, 0, -1)]
