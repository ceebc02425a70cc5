"""All processes die with SIGKILL; after the restart everything accepted is stored, and its pages are sent."""

import asyncio
import os
import signal
import subprocess
from datetime import UTC, datetime

import pytest

from tests.chaos.product import product
from tests.servers import until
from tests.stopwatch import stopwatch

pytestmark = pytest.mark.chaos

STORM = tuple(f"alert {number}" for number in range(40))


async def test_killed_with_its_database_it_comes_back_with_every_accepted_alert_and_pages_for_it() -> None:
    async with product() as h:
        async with h.serve() as first:
            h.sink.delay_s = 0.2  # messages are under way when it dies
            await h.accept(first, *STORM)
            await first.kill_all()
        h.sink.delay_s = 0
        before = len(h.paged())
        async with h.serve():
            assert await h.value("select count(*) from alert") == len(STORM)
            # whose send was cut off is sent again when its lease ends: a minute that this test skips
            await h.value("update delivery set lease_until = now() where state = 'sending'")
            await h.heard(*STORM)
            assert len(h.paged()) > before
        # in a night with so many pages the secondary gets them as well (spec 2.4)
        recipients = {(m["title"], m["person"]) for m in h.sink.got if m["event"] == "page"}
        assert {title for title, _ in recipients} == set(STORM)
        assert len(set(h.paged())) == len(recipients), "what is sent again carries the same key"


async def test_repeated_kills_under_load_lose_no_accepted_alert() -> None:
    async with product() as h:
        accepted: list[str] = []
        for life in range(2):
            async with h.serve() as server:
                titles = [f"alert {life}.{number}" for number in range(40)]
                sent = [asyncio.create_task(h.alert(server, title)) for title in titles]
                await until(lambda sent=sent: _done(sent, 10), "some are accepted")  # type: ignore[misc]
                await server.kill_all()
                answers = await asyncio.gather(*sent, return_exceptions=True)
                accepted += [t for t, answer in zip(titles, answers, strict=True) if answer == 202]
        assert len(accepted) >= 10
        async with h.serve():
            await h.value("update delivery set lease_until = now() where state = 'sending'")
            await h.heard(*accepted)


async def _done(tasks: list[asyncio.Task[int]], number: int) -> bool:
    return sum(task.done() for task in tasks) >= number


async def test_a_second_process_takes_over_when_the_one_with_the_database_is_killed() -> None:
    async with product() as h, h.serve() as owner, h.serve() as other:
        await h.accept(owner, "to the owner")
        await h.accept(other, "to the other")
        await h.heard("to the owner", "to the other")
        before = h.postmaster
        await owner.kill()

        async def accepts() -> bool:
            status = await h.alert(other, "after the take-over")
            assert status in (202, 503)
            return status == 202

        await until(accepts, "the other process accepts again")
        await h.heard("after the take-over")
        assert h.postmaster != before
        async with h.serve() as third:
            await h.accept(third, "to the third")
            await h.heard("to the third")


async def test_the_database_alone_is_killed_and_the_escalation_goes_on_in_time() -> None:
    async with product() as h, h.serve() as server:
        # shorter than the form allows, so that the test is short
        await h.value(
            "update policy set levels = (select jsonb_agg(l || '{\"ack_within_s\": 3}')"
            " from jsonb_array_elements(levels) l)"
        )
        await h.accept(server, "nobody answers")
        await h.heard("nobody answers")
        due = await h.value("select due_at from page")
        left_s = (due - datetime.now(UTC)).total_seconds()
        with stopwatch() as watch:
            os.kill(h.postmaster, signal.SIGKILL)

            async def notified() -> bool:
                return [m["person"] for m in h.sink.got if m["event"] == "page"][:2] == [
                    "Mara Lindqvist",
                    "Jun Okafor",
                ]

            await until(notified, "the second level is reached")
        assert watch.seconds < left_s + 2
        assert server.process.returncode is None
        assert "Traceback" not in server.said


async def test_a_process_id_left_by_a_dead_database_and_used_by_another_program_stops_no_one() -> None:
    async with product() as h:
        async with h.serve() as server:
            pid_file = h.data / "postgres/postmaster.pid"
            lines = pid_file.read_text(encoding="ascii").splitlines()
            await server.kill_all()
        owner = h.data.stat().st_uid if os.geteuid() == 0 else None
        with subprocess.Popen(["sleep", "60"], user=owner) as stranger:
            pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n", encoding="ascii")
            async with h.serve() as server:
                await h.accept(server, "still here")
                await h.heard("still here")
            assert stranger.poll() is None
            stranger.kill()
