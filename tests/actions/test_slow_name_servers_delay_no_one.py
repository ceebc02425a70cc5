"""Name servers that hang delay only their own names, for seconds."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from firebell.channels.base import Retry, Unsent
from firebell.channels.email import Email
from firebell.kit import resolver as dns
from firebell.kit.errors import Unavailable
from firebell.kit.http_out import guarded_client, parse_networks, post
from firebell.kit.resolver import Resolver
from firebell.kit.resource_exhaustion import is_ours
from firebell.kit.threads import Pool
from tests.rules.test_channel_limits import message
from tests.stopwatch import stopwatch
from tests.world import sink


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    """Blocks lookups until the test ends."""
    event = threading.Event()
    yield event
    event.set()


def hanging(hang: threading.Event) -> dns.Lookup:
    """Return a lookup that hangs for every name under hang.example."""

    def lookup(host: str) -> list[str]:
        if host.endswith("hang.example"):
            hang.wait(120)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return ["127.0.0.1"]

    return lookup


async def test_32_messages_to_a_name_that_hangs_do_not_delay_a_good_receiver(hang: threading.Event) -> None:
    pool = Pool("lookups", 8, 32)
    resolver = Resolver(hanging(hang), pool=pool)
    async with sink() as receiver:
        async with guarded_client(parse_networks("127.0.0.0/8"), resolver) as http:
            stuck = [
                asyncio.create_task(post(http, "http://hang.example/", limit_s=0.5, json={}))
                for _ in range(32)
            ]
            await asyncio.sleep(0)
            with stopwatch() as watch:
                reply = await post(http, f"http://good.example:{receiver.port}/hook", json={})
            assert reply.ok
            assert watch.seconds < 2
            assert pool.running <= dns.PER_HOST
            for outcome in await asyncio.gather(*stuck, return_exceptions=True):
                assert isinstance(outcome, httpx.TimeoutException)
                assert not is_ours(outcome)
        await asyncio.sleep(0.05)


async def test_a_name_that_goes_on_hanging_takes_two_threads_and_fails_at_once(hang: threading.Event) -> None:
    pool = Pool("lookups", 8, 32)
    resolver = Resolver(hanging(hang), pool=pool, limit_s=0.05)
    for _ in range(dns.PER_HOST):
        with pytest.raises(TimeoutError):
            await resolver.resolve("hang.example")
        await asyncio.sleep(0.05)
    with stopwatch() as watch:
        for _ in range(100):
            with pytest.raises(TimeoutError):
                await resolver.resolve("hang.example")
    assert watch.seconds < 1
    assert pool.running == dns.PER_HOST


async def test_the_last_good_answer_is_used_while_the_name_server_hangs(
    hang: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [["192.0.2.1"]]

    def lookup(host: str) -> list[str]:
        if answers:
            return answers.pop()
        hang.wait(120)
        return []

    monkeypatch.setattr(dns, "FRESH_S", 0)
    monkeypatch.setattr(dns, "STALE_AFTER_S", 0.05)
    resolver = Resolver(lookup)
    assert await resolver.resolve("good.example") == ["192.0.2.1"]
    assert await resolver.resolve("good.example") == ["192.0.2.1"]


async def test_a_name_that_is_gone_is_gone_whatever_was_known(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [["192.0.2.1"]]

    def lookup(host: str) -> list[str]:
        if answers:
            return answers.pop()
        raise socket.gaierror(socket.EAI_NONAME, "gone")

    monkeypatch.setattr(dns, "FRESH_S", 0)
    resolver = Resolver(lookup)
    await resolver.resolve("good.example")
    with pytest.raises(socket.gaierror):
        await resolver.resolve("good.example")


async def test_lookups_without_a_free_thread_are_our_own_failure(hang: threading.Event) -> None:
    resolver = Resolver(hanging(hang), pool=Pool("lookups", 1, 0))
    async with guarded_client((), resolver) as http:
        first = asyncio.create_task(resolver.resolve("a.hang.example"))
        await asyncio.sleep(0.05)
        with pytest.raises(httpx.ConnectError) as failure:
            await post(http, "http://b.example/", json={})
        assert is_ours(failure.value)
        first.cancel()


async def test_a_pool_runs_no_more_than_its_size_and_refuses_beyond_its_queue() -> None:
    pool = Pool("tests", size=2, queue=3)
    go, most, lock = threading.Event(), [0, 0], threading.Lock()

    def work() -> int:
        with lock:
            most[0] += 1
            most[1] = max(most)
        go.wait(120)
        with lock:
            most[0] -= 1
        return 1

    tasks = [asyncio.create_task(pool.run(work)) for _ in range(5)]
    await asyncio.sleep(0.05)
    with pytest.raises(Unavailable):
        await pool.run(work)
    tasks[4].cancel()
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*tasks[:4]) == [1, 1, 1, 1]
    assert most[1] == 2
    assert pool.running == 0
    assert await pool.run(lambda: 7) == 7
    # a turn takes a place like a thread
    go.clear()
    async with pool.turn(), pool.turn():
        waiting = asyncio.create_task(pool.run(lambda: 8))
        await asyncio.sleep(0)
        assert (pool.running, waiting.done()) == (2, False)
    assert (await waiting, pool.running) == (8, 0)


async def test_a_mail_server_whose_name_hangs_takes_no_thread_of_the_loop(hang: threading.Event) -> None:
    mail = Email(
        "smtp://mail.hang.example:25",
        "Firebell <firebell@example.org>",
        Resolver(hanging(hang), pool=Pool("a test", 2, 100), limit_s=0.2),
    )
    outcomes = asyncio.gather(*(mail.send("mara@example.org", message(), f"k{n}") for n in range(40)))
    with stopwatch() as watch:
        await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 5432)
    assert watch.seconds < 5, "the database can still be looked up"
    for outcome in await outcomes:
        assert isinstance(outcome, Retry | Unsent)
