"""`firebell doctor` says what is wrong with a chat, and never that paging is."""

from firebell.chat import health, object_store
from firebell.chat.model import ObjectState
from firebell.kit.clock import FakeClock
from tests.chat_world import chat_world, declare, run_for


async def test_a_chat_that_works_is_fine(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, _, _account):
        await declare(w)
        await run_for(w, 90)
        async with w.ctx.db.tx() as tx:
            (result,) = await health.check(tx, w.now)

        assert result.level == "ok"


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
            (result,) = await health.check(tx, w.now)

        assert result.level == "warn"
        assert [code for code in ("CH-BROKEN", "CH-DEAD", "CH-SCOPE") if code in result.text] == [
            "CH-BROKEN",
            "CH-DEAD",
            "CH-SCOPE",
        ]
