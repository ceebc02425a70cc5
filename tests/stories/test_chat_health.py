"""`firebell doctor` says what is wrong with a chat, and never that paging is."""

from datetime import timedelta

from firebell.chat import doctor_checks
from firebell.chat.mirror import call_count_store, object_store
from firebell.chat.mirror.call_counts import CallOutcome
from firebell.chat.model import ObjectState
from firebell.kit.clock import FakeClock
from tests.chat_world import chat_world, declare, run_for


async def test_a_chat_that_works_is_fine(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, _, account):
        await declare(w)
        await run_for(w, 90)
        async with w.ctx.db.tx() as tx:
            (result,) = await doctor_checks.check(tx, w.now)
            calls = await call_count_store.of_last_day(tx, [account.id], w.now)
            tomorrow = await call_count_store.of_last_day(tx, [account.id], w.now + timedelta(hours=25))

        assert result.level == "ok"
        assert calls[account.id][CallOutcome.OK] == sum(calls[account.id].values()) > 5
        assert sum(tomorrow[account.id].values()) == 0


async def test_a_refused_token_a_dead_letter_and_a_missing_scope_are_warnings(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as (w, space, account):
        space.tokens = set()
        await declare(w)
        await run_for(w, 5)
        async with w.ctx.db.tx() as tx:
            await object_store.begin(tx, account.id, "inc-1", ["inc-1/e-9"], ["h"], "C1", "n", w.now)
            await object_store.failed(
                tx, account.id, ["inc-1/e-9"], ObjectState.DEAD, "refused", retry_at=None, now=w.now
            )
            await tx.execute("update chat_account set scopes = array_remove(scopes, 'pins:write')")
            (result,) = await doctor_checks.check(tx, w.now)

        assert result.level == "warn"
        assert [code for code in ("CH-BROKEN", "CH-DEAD", "CH-SCOPE") if code in result.text] == [
            "CH-BROKEN",
            "CH-DEAD",
            "CH-SCOPE",
        ]


async def test_a_chat_that_is_behind_or_limits_us_is_a_warning(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, account):
        space.down = True
        await declare(w)
        await run_for(w, 120, 20)
        async with w.ctx.db.tx() as tx:
            await call_count_store.add(tx, account.id, {CallOutcome.LIMITED: 50, CallOutcome.OK: 100}, w.now)
            (result,) = await doctor_checks.check(tx, w.now)
        assert [code for code in ("CH-BEHIND", "CH-LIMITED") if code in result.text] == [
            "CH-BEHIND",
            "CH-LIMITED",
        ]
