"""Story: an answer by text message never says that someone acknowledged what only a colleague acknowledged."""

from dataclasses import replace
from datetime import timedelta

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.paging import actions as paging
from firebell.people import actions as people
from tests.phone_world import MARA, Phones, phones

TEST = Actor("system", "Test")


async def _require(p: Phones, acks: int) -> None:
    """Let each level need this many acknowledgments, also of open pages."""
    async with p.w.ctx.db.tx() as tx:
        [policy] = await paging.policies(tx)
        both = policy.plan.levels[-1]
        plan = replace(policy.plan, levels=(replace(both, min_acks=acks, ack_within_s=3600),))
        policy = await paging.update_policy(tx, TEST, policy, plan, now=p.w.now)
        await paging.apply_policy(tx, TEST, policy, p.w.now)


async def _two_pages_in_one_message(p: Phones) -> None:
    """Send Mara a message about PG-2 and PG-3, which the code 4 acknowledges together."""
    method = await p.add(p.w.mara, "sms", MARA)
    await p.rules(p.w.mara, (0, method))
    await p.fire("disk full")
    await p.w.settle()
    await p.fire("queue stuck", "replica lag")
    await p.w.settle()
    await p.w.after(minutes=1)
    assert "Reply 4aa to acknowledge all" in p.last.text


@pytest.mark.parametrize("is_namesake", [False, True])
async def test_a_colleague_who_acknowledged_is_named_even_a_namesake(
    dsn: str, clock: FakeClock, is_namesake: bool
) -> None:
    async with phones(dsn, clock) as p:
        if is_namesake:
            async with p.w.ctx.db.tx() as tx:
                await people.update_person(tx, TEST, p.w.jun, name="Mara Lindqvist", now=p.w.now)
        await _two_pages_in_one_message(p)
        for page_id in (2, 3):
            await p.w.ack(p.w.jun, page_id)
        name = "Mara Lindqvist" if is_namesake else "Jun Okafor"
        assert (await p.reply("4aa", "SM1")).startswith(f"{name} acknowledged PG-2 at ")


async def test_an_acknowledgment_that_a_new_policy_made_enough_is_that_of_a_colleague(
    dsn: str, clock: FakeClock
) -> None:
    async with phones(dsn, clock) as p:
        await _require(p, 2)
        await _two_pages_in_one_message(p)
        for page_id in (2, 3):
            await p.w.ack(p.w.jun, page_id)
        clock.advance(timedelta(seconds=10))
        await _require(p, 1)
        assert await p.states() == ["triggered", "acked", "acked"]
        assert (await p.reply("4aa", "SM1")).startswith("Jun Okafor acknowledged PG-2 at ")


async def test_an_acknowledgment_without_a_person_is_no_ones(dsn: str, clock: FakeClock) -> None:
    async with phones(dsn, clock) as p:
        await _two_pages_in_one_message(p)
        async with p.w.ctx.db.tx() as tx:
            for page_id in (2, 3):
                await paging.ack(tx, Actor("system", "Mara Lindqvist"), page_id, p.w.now)
        assert "You acknowledged" not in await p.reply("4aa", "SM1")
