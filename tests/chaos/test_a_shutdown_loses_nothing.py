"""SIGTERM while requests and messages are in progress: the process ends in seconds; nothing is lost or repeated."""

import asyncio

import pytest

from tests.chaos.product import product
from tests.servers import until
from tests.stopwatch import stopwatch

pytestmark = pytest.mark.chaos


async def test_what_is_under_way_is_finished_and_the_next_start_does_the_rest() -> None:
    async with product() as h:
        h.sink.delay_s = 0.3
        async with h.serve() as server:
            titles = [f"alert {number}" for number in range(100)]
            sent = [asyncio.create_task(h.alert(server, title)) for title in titles]

            async def under_way() -> bool:
                return len(h.paged()) > 5

            await until(under_way, "messages are under way")
            with stopwatch() as watch:
                assert await server.stop() == 0
            assert watch.seconds < 10
            assert "Traceback" not in server.said
        answers = await asyncio.gather(*sent, return_exceptions=True)
        accepted = [t for t, answer in zip(titles, answers, strict=True) if answer == 202]
        assert not (h.data / "postgres/postmaster.pid").exists()
        async with h.serve():
            await h.heard(*accepted)
        keys = h.paged()
        assert len(keys) == len(set(keys)), "nothing is sent twice"


async def test_a_receiver_that_never_answers_does_not_hold_up_the_stop() -> None:
    async with product() as h:
        h.sink.delay_s = 60
        async with h.serve() as server:
            await h.accept(server, "slow")
            await h.heard("slow")
            with stopwatch() as watch:
                assert await server.stop() == 0
            assert watch.seconds < 10
        h.sink.delay_s = 0
        async with h.serve():
            # released at shutdown, so that no one waits a minute for its lease

            async def again() -> bool:
                return len(h.paged()) == 2

            await until(again, "it is sent again")
        assert len(set(h.paged())) == 1
