"""Story: one message cannot be composed; it fails, the next rule or level acts, and no other message waits."""

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.paging import actions as paging
from firebell.people import actions as people
from tests.world import World, world

BACKOFF_S = 60


async def states(w: World) -> list[tuple[str, str, int]]:
    """Return the ledger of the newest page as (person's channel, state, attempts)."""
    page = await w.page()
    async with w.ctx.db.tx() as tx:
        return [(d.channel, d.state, d.attempts) for d in await paging.deliveries(tx, page.id)]


async def execute(w: World, sql: str, *args: object) -> None:
    """Break something behind the product's back."""
    async with w.ctx.db.tx() as tx:
        await tx.execute(sql, *args)


async def test_a_message_that_cannot_be_composed_fails_and_the_others_are_sent(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert("poison", service="a")
        while await w.worker.run_due(w.now):
            pass
        poisoned = await w.page()
        await execute(w, "update alert set links = 'null'")
        await w.alert("healthy", service="b")
        await w.settle()
        assert [m["title"] for m in w.sink.got] == ["healthy"]
        for _ in range(BACKOFF_S):
            await w.after(seconds=1)
        async with w.ctx.db.tx() as tx:
            ended, *_ = await paging.deliveries(tx, poisoned.id)
        assert (ended.state, ended.attempts) == ("failed", 4)
        assert "AttributeError" in (ended.error or "")


async def test_a_page_whose_plan_cannot_be_read_any_more_alarms_the_catch_all_list(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await execute(w, "update page set plan = '{}'")
        await w.settle()
        assert sorted(w.sink.people()) == ["Jun Okafor", "Mara Lindqvist"]
        assert {m["event"] for m in w.sink.got} == {"alarm"}


async def test_an_address_that_makes_the_channel_stumble_fails_and_the_next_rule_acts_at_once(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock, smtp_url="smtp://127.0.0.1:1") as w:
        async with w.ctx.db.tx() as tx:
            mail, hook = sorted(await people.methods_of(tx, [w.mara]), key=lambda m: m.kind)
            await people.set_rules(
                tx,
                Actor("system", "Test"),
                person_id=w.mara,
                urgency="high",
                rules=[(0, mail.id), (240, hook.id)],
                now=w.now,
            )
        await execute(
            w, "update contact_method set address = E'mara@example.org\\nBcc: x' where id = $1", mail.id
        )
        await w.alert()
        for _ in range(BACKOFF_S):
            await w.after(seconds=1)
        assert await states(w) == [("email", "failed", 1), ("webhook", "accepted", 1)]
        assert w.sink.people() == ["Mara Lindqvist"]


async def test_an_unknown_time_zone_fails_the_message_and_the_next_level_acts(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock, smtp_url="smtp://127.0.0.1:1") as w:
        await execute(w, "update contact_method set disabled_at = $1 where kind = 'webhook' and person_id = $2",
                      w.now, w.mara)  # fmt: skip
        await execute(w, "update person set tz = 'Mars/Olympus' where id = $1", w.mara)
        await w.alert()
        for _ in range(BACKOFF_S):
            await w.after(seconds=1)
        assert w.sink.people()[0] == "Jun Okafor"
        assert "No message of this level could be delivered." in await w.story()


async def test_an_answer_that_the_database_cannot_keep_is_recorded_all_the_same(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        w.sink.status, w.sink.body = 400, b"no\0such\xed\xa0\x80person"
        await w.alert()
        await w.settle()
        assert (await states(w))[0] == ("webhook", "failed", 1)


async def test_a_message_that_kills_every_process_that_sends_it_is_given_up(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        while await w.worker.run_due(w.now):
            pass
        # begun nine times, never recorded
        await execute(w, "update delivery set state = 'sending', attempts = 1, claims = 9, lost_claims = 8")
        await w.settle()
        assert w.sink.people()[:1] == ["Jun Okafor"]
        assert ("webhook", "failed", 1) in await states(w)


@pytest.mark.parametrize("state", ["queued", "sending"])
async def test_a_message_that_cannot_be_composed_is_not_retried_forever(
    dsn: str, clock: FakeClock, state: str
) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        while await w.worker.run_due(w.now):
            pass
        await execute(
            w,
            "update delivery set state = $1, channel = 'pigeon', attempts = $2",
            state,
            int(state == "sending"),
        )
        for _ in range(BACKOFF_S):
            await w.after(seconds=1)
        assert (await states(w))[0] == ("pigeon", "failed", 4)
