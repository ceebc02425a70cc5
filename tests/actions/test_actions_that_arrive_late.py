"""Actions that a phone stored while offline run once, and never on a page that has changed since."""

from datetime import datetime, timedelta

import pytest

from firebell.kit.clock import FakeClock
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from firebell.paging.offline_actions import actions as offline_actions
from firebell.paging.offline_actions.actions import OfflineOutcome
from firebell.paging.offline_checks import ActionKind, DelayedAction, Stale, position
from tests.world import World, world


async def _perform(w: World, action: DelayedAction, person: int | None = None) -> OfflineOutcome:
    actor = await w.actor(person or w.mara)
    async with w.ctx.db.tx() as tx:
        return await offline_actions.perform(tx, actor, (await w.page()).id, action, w.now)


async def _pressed(w: World, kind: ActionKind, key: str = "key-0001") -> DelayedAction:
    """Return a press of a button on the newest page as it is now."""
    return DelayedAction(kind, key, w.now, position(await w.page()))


async def _paged(w: World) -> None:
    await w.alert()
    await w.settle()


async def test_an_acknowledgement_counts_although_the_next_level_was_paged_meanwhile(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await _paged(w)
        action = await _pressed(w, ActionKind.ACK)
        await w.after(minutes=6)
        assert (await w.page()).level == 1
        outcome = await _perform(w, action)
        assert (outcome.page.state, outcome.already) == (PageState.ACKED, None)


async def test_an_escalation_that_is_sent_twice_pages_one_level(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await _paged(w)
        action = await _pressed(w, ActionKind.ESCALATE)
        first = await _perform(w, action)
        await w.settle()
        second = await _perform(w, action)
        assert (first.already, second.already) == (None, "already done")
        assert (await w.page()).level == 1
        assert (await w.story()).count("Mara Lindqvist escalated to the next level.") == 1


async def test_an_escalation_asks_when_the_next_level_was_paged_without_it(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await _paged(w)
        action = await _pressed(w, ActionKind.ESCALATE)
        await w.after(minutes=6)
        before = await w.page()
        with pytest.raises(Stale) as refused:
            await _perform(w, action)
        assert refused.value.code == "stale"
        assert await w.page() == before
        confirmed = DelayedAction(ActionKind.ESCALATE, action.key, w.now)
        assert (await _perform(w, confirmed)).already is None


@pytest.mark.parametrize("kind", list(ActionKind))
async def test_nothing_older_than_half_an_hour_is_done_without_asking(
    dsn: str, clock: FakeClock, kind: ActionKind
) -> None:
    async with world(dsn, clock) as w:
        await _paged(w)
        action = await _pressed(w, kind)
        w.clock.advance(timedelta(minutes=31))
        before = await w.page()
        with pytest.raises(Stale):
            await _perform(w, action)
        assert await w.page() == before


@pytest.mark.parametrize("kind", [ActionKind.ACK, ActionKind.RESOLVE, ActionKind.SNOOZE])
async def test_a_page_that_demands_again_is_not_silenced_by_an_older_press(
    dsn: str, clock: FakeClock, kind: ActionKind
) -> None:
    async with world(dsn, clock) as w:
        await _paged(w)
        action = await _pressed(w, kind)
        async with w.ctx.db.tx() as tx:
            await paging.escalate(tx, await w.actor(w.jun), (await w.page()).id, w.now)
        with pytest.raises(Stale):
            await _perform(w, action)
        assert (await w.page()).state is PageState.TRIGGERED


@pytest.mark.parametrize("kind", list(ActionKind))
async def test_a_press_for_a_page_lost_in_a_restoration_changes_no_new_page(
    dsn: str, clock: FakeClock, kind: ActionKind
) -> None:
    """The new page has the number of the lost one and is at the same point in its plan."""
    async with world(dsn, clock) as w:
        await _paged(w)
        action = await _pressed(w, kind)
        async with w.ctx.db.tx() as tx:
            await tx.execute("truncate page, delivery, due, alert, alert_group restart identity cascade")
        w.clock.advance(timedelta(minutes=10))
        await _paged(w)
        before = await w.page()
        assert (before.id, position(before)) == (1, action.position)
        with pytest.raises(Stale):
            await _perform(w, action)
        assert await w.page() == before
        confirmed = DelayedAction(kind, action.key, action.pressed_at, snooze_for=timedelta(minutes=30))
        assert (await _perform(w, confirmed)).already is None


@pytest.mark.parametrize("kind", list(ActionKind))
async def test_an_action_on_a_resolved_page_names_who_resolved_it(
    dsn: str, clock: FakeClock, kind: ActionKind
) -> None:
    async with world(dsn, clock) as w:
        await _paged(w)
        action = await _pressed(w, kind)
        await w.resolve(w.jun)
        outcome = await _perform(w, action)
        assert outcome.already == "already resolved by Jun Okafor"
        assert outcome.page.state is PageState.RESOLVED


async def test_acknowledge_and_resolve_made_in_the_tunnel_are_both_done_in_order(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await _paged(w)
        ack = await _pressed(w, ActionKind.ACK)
        acked = await _perform(w, ack)
        resolve = DelayedAction(ActionKind.RESOLVE, "key-0002", ack.pressed_at, acked.position)
        assert (await _perform(w, resolve)).page.state is PageState.RESOLVED


async def test_a_lost_answer_does_not_make_the_next_action_ask(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await _paged(w)
        ack = await _pressed(w, ActionKind.ACK)
        acked = await _perform(w, ack)
        repeated = await _perform(w, ack)
        assert repeated.already == "already done"
        # none would mean that the person confirmed what comes next
        assert repeated.position == acked.position != ""
        resolve = DelayedAction(ActionKind.RESOLVE, "key-0002", ack.pressed_at, repeated.position)
        assert (await _perform(w, resolve)).page.state is PageState.RESOLVED


async def test_the_next_action_asks_when_someone_acted_after_the_lost_answer(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await _paged(w)
        ack = await _pressed(w, ActionKind.ACK)
        await _perform(w, ack)
        async with w.ctx.db.tx() as tx:
            await paging.escalate(tx, await w.actor(w.jun), (await w.page()).id, w.now)
        assert (await _perform(w, ack)).position == ""


async def test_the_next_action_asks_when_someone_else_took_the_page_first(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await _paged(w)
        ack, resolve = await _pressed(w, ActionKind.ACK), await _pressed(w, ActionKind.RESOLVE, "key-0002")
        await w.ack(w.jun)
        joined = await _perform(w, ack)
        assert joined.position == ""
        with pytest.raises(Stale):
            await _perform(w, resolve)


async def test_a_snooze_ends_at_the_time_on_its_button_and_an_expired_one_asks(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await _paged(w)
        pressed_at: datetime = w.now
        action = DelayedAction(
            ActionKind.SNOOZE, "key-0001", pressed_at, position(await w.page()), timedelta(minutes=15)
        )
        w.clock.advance(timedelta(minutes=4))
        outcome = await _perform(w, action)
        assert outcome.page.snoozed_until == pressed_at + timedelta(minutes=15)
        over = DelayedAction(ActionKind.SNOOZE, "key-0002", pressed_at, "", timedelta(minutes=3))
        with pytest.raises(Stale):
            await _perform(w, over)


async def test_no_one_uses_up_the_key_of_a_colleague(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await _paged(w)
        action = await _pressed(w, ActionKind.ACK)
        await _perform(w, action, w.jun)
        assert (await _perform(w, action, w.mara)).already is None
        async with w.ctx.db.tx() as tx:
            owners = (await paging.owners(tx, [(await w.page()).id])).values()
        # both at the same instant
        assert [sorted(each) for each in owners] == [[w.mara, w.jun]]
