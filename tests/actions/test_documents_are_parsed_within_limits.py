"""Markdown that takes seconds is parsed in another process with a time limit: pages and alerts do not wait."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from firebell.kit import markdown, process_pool
from firebell.kit.errors import Invalid
from firebell.kit.process_pool import DOCUMENTS, ProcessPool, TakesTooLong
from firebell.runbooks import isolated_parser
from firebell.runbooks.parse import read
from tests.stopwatch import stopwatch

TABLE = "|" + "a|" * 3000 + "\n|" + "-|" * 3000 + "\n" + "|\n" * 6000
"""A few kilobytes that become tens of thousands of cells."""
HARD = {
    "images": "![" * 100_000,
    "links": "[a](" * 50_000,
    "emphasis": "**a" * 60_000,
    "table": TABLE,
    "quotes": "> " * 50_000 + "a",
}


@pytest.mark.parametrize("text", HARD.values(), ids=HARD)
async def test_a_document_that_takes_seconds_never_holds_the_loop(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DOCUMENTS, "_limit_s", 1.0)
    await markdown.rendered("warm")
    rendering = asyncio.create_task(markdown.rendered(text))
    longest = last = 0.0
    with stopwatch() as watch:
        while not rendering.done():
            await asyncio.sleep(0.01)
            longest, last = max(longest, watch.seconds - last), watch.seconds
    assert "<" in await rendering
    assert longest < 1


async def test_a_document_that_takes_too_long_is_shown_as_it_was_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(DOCUMENTS, "_limit_s", 0.05)
    text = "![" * 99_000 + "<script>"
    html = await markdown.rendered(text)
    assert html.startswith("<pre")
    assert "<script" not in html
    with pytest.raises(Invalid) as refused:
        await isolated_parser.read(text)
    assert refused.value.fields.keys() == {"body"}
    assert await isolated_parser.read_stored(text) == isolated_parser.EMPTY


async def test_a_process_that_was_stopped_is_replaced() -> None:
    pool = ProcessPool(limit_s=2)
    with pytest.raises(TakesTooLong):
        await pool.call("time:sleep", 60)
    assert await pool.call("math:sqrt", 16) == b"4.0"
    with pytest.raises(TakesTooLong):
        await pool.call("math:sqrt", "not a number")
    assert await pool.call("math:sqrt", 25) == b"5.0"
    pool.close()


async def test_a_document_is_parsed_after_its_idle_process_was_killed() -> None:
    """The kernel kills one when memory is short; the next text was then refused as taking too long."""
    pool = ProcessPool(limit_s=20)
    await pool.call("math:sqrt", 16)
    [idle] = pool._idle
    idle._process.kill()
    idle._process.wait()
    assert await pool.call("math:sqrt", 25) == b"5.0"
    pool.close()


async def test_what_was_made_once_is_not_made_again() -> None:
    pool = ProcessPool(limit_s=20)
    first = await pool.call("time:time_ns")
    assert await pool.call("time:time_ns") == first
    pool.close()


async def test_concurrent_equal_calls_run_once_even_if_the_first_caller_leaves() -> None:
    """After a start, each reader of the library parsed all of it while holding a pooled connection."""
    pool = ProcessPool(limit_s=20)
    first, *others = [asyncio.create_task(pool.call("time:time_ns")) for _ in range(5)]
    await asyncio.sleep(0)
    first.cancel()
    assert len(set(await asyncio.gather(*others))) == 1
    assert first.cancelled()
    pool.close()


async def test_an_abandoned_document_frees_its_place_in_the_queue() -> None:
    """Other documents were refused until all abandoned ones were parsed."""
    pool = ProcessPool(limit_s=20)
    async with AsyncExitStack() as busy:
        for _ in range(process_pool.PROCESSES):
            await busy.enter_async_context(pool._pool.turn())
        left = [asyncio.create_task(pool.call("math:exp", number)) for number in range(process_pool.QUEUE)]
        await asyncio.sleep(0.1)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        other = asyncio.create_task(pool.call("math:sqrt", 16))
        same = asyncio.create_task(pool.call("math:exp", 0))
        await asyncio.sleep(0.1)
    assert (await other, await same) == (b"4.0", b"1.0")
    pool.close()


async def test_a_document_that_takes_too_long_holds_up_only_its_first_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each reader waited for five seconds, and readers in a transaction held a connection meanwhile."""
    monkeypatch.setattr(process_pool, "RETRY_AFTER_S", 1.0)
    pool = ProcessPool(limit_s=0.5)
    with pytest.raises(TakesTooLong):
        await pool.call("time:sleep", 1)
    pool._limit_s = 20
    with pytest.raises(TakesTooLong):
        await pool.call("time:sleep", 1)
    await asyncio.sleep(1.1)
    assert await pool.call("time:sleep", 1) == b"null"
    pool.close()


@pytest.mark.parametrize(
    "text", ["", "# T\n\n## Owner\n\nCheckout\n\n## Last updated\n\n2026-11-01\n\n## Steps\n\n1. a\n"]
)
async def test_a_runbook_is_the_same_wherever_it_is_read(text: str) -> None:
    assert await isolated_parser.read(text) == read(text)
