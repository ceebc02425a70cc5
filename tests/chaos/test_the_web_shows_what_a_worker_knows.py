"""A worker in a process of its own cannot fetch answers, and is killed: the process that serves the web shows both."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from firebell.kit import process_health
from firebell.replies import answer_fetching, queries
from firebell.self_watch import process_finding_store, rules, watcher
from tests.servers import serve, started, until
from tests.standins.channel_lab import Switch, providing
from tests.stories.test_pages_in_telegram_and_pushover import MatrixServer, matrix_settings

pytestmark = pytest.mark.chaos


def hurry() -> None:
    """Let a process that starts notice in a second what takes half a minute otherwise."""
    rules.FIRST_PAUSE = timedelta(seconds=0)
    watcher.LOOK_INTERVAL = queries.TAKEN_OVER_WITHIN = timedelta(seconds=1)
    process_finding_store.COUNTS_FOR = timedelta(seconds=5)
    process_health.FETCH_LIMIT_S = 1.0
    answer_fetching.PAUSE = timedelta(seconds=1)
    answer_fetching.LEASE, answer_fetching.RENEW_BEFORE = timedelta(seconds=8), timedelta(seconds=6)


async def test_the_web_shows_that_a_worker_cannot_fetch_answers_and_that_it_was_killed(dsn: str) -> None:
    async with (
        providing(MatrixServer().answer) as provider,
        serve(dsn, prepare=hurry) as web,
        httpx.AsyncClient(base_url=web.url, timeout=60) as http,
    ):

        async def note() -> str:
            answer = await http.get("/healthz")
            assert answer.status_code == 200, answer.text
            return str(answer.json()["notes"].get("answers_matrix", ""))

        async def is_silent() -> bool:
            return not await note()

        async def cannot_fetch() -> bool:
            return "Nothing could be fetched" in await note()

        async def has_fetched() -> bool:
            return any("/sync" in got.target for got in provider.got)

        async def is_missed() -> bool:
            return (await note()).startswith("No process has fetched anything")

        environment: dict[str, Any] = {**matrix_settings(provider.url)}
        async with started(dsn, prepare=hurry, command="work", **environment) as worker:
            await until(has_fetched, "the worker fetches")
            assert await is_silent()
            provider.switch = Switch.ERROR
            await until(cannot_fetch, "the web shows what the worker knows")
            provider.switch = Switch.OK
            await until(is_silent, "the web shows that the worker fetches again")
            provider.switch = Switch.ERROR
            await until(cannot_fetch, "the web shows what the worker knows")
            await worker.kill()
            await until(is_missed, "the web shows that no process fetches, and nothing of the killed one")
        provider.switch = Switch.OK
        async with started(dsn, prepare=hurry, command="work", **environment):
            await until(is_silent, "the web shows that another worker fetches")
