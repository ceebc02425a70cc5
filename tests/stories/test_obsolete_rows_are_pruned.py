"""Story: rows that are only needed for a while are pruned."""

from datetime import timedelta

from firebell.kit.clock import FakeClock
from firebell.notify.composing import email_thread_store
from firebell.paging import single_use_store
from tests.world import World, world


async def left(w: World) -> tuple[list[str], list[str]]:
    """Return the used links and the mail threads that are stored."""
    async with w.ctx.db.tx() as tx:
        links = await tx.fetch("select id from used_link order by id")
        threads = await tx.fetch("select thread from mail_thread order by thread")
    return [row["id"] for row in links], [row["thread"] for row in threads]


async def test_used_links_and_mail_threads_go_after_their_use_and_not_before(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert("resolved")
        await w.settle()
        await w.resolve(w.mara)
        resolved = (await w.page()).ref
        await w.alert("open")
        await w.settle()
        page = (await w.page()).ref
        assert page != resolved
        async with w.ctx.db.tx() as tx:
            await single_use_store.use(tx, "ack-1", w.now)
            await email_thread_store.mail_subjects(
                tx, dict.fromkeys([resolved, f"{resolved}-alarm", page], "x")
            )
            await tx.execute("update due set due_at = $1 where kind = 'kit.retention'", w.now)
            await tx.execute("delete from due where kind <> 'kit.retention'")
        threads = sorted([resolved, f"{resolved}-alarm", page])
        await w.settle()
        assert await left(w) == (["ack-1"], threads)
        clock.advance(timedelta(days=7, seconds=1))
        await w.settle()
        assert await left(w) == ([], threads)
        clock.advance(timedelta(days=23))
        await w.settle()
        assert await left(w) == ([], [page])
