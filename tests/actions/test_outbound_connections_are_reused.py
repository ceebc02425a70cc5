"""Requests to other servers reuse connections, and never one that its server has closed."""

import asyncio

import httpcore
import pytest

from firebell.kit import connection_pool
from firebell.kit.http_out import guarded_client, parse_networks, post
from tests.servers import listening

LOOPBACK = parse_networks("127.0.0.0/8")


class Receiver:
    """Answers requests, and ends each connection after `requests_each` of them."""

    def __init__(self, requests_each: int = 1_000_000) -> None:
        self.requests_each = requests_each
        self.connections = 0
        self.requests = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        for _ in range(self.requests_each):
            if not await _has_request(reader):
                return
            self.requests += 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()


async def _has_request(reader: asyncio.StreamReader) -> bool:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return False
    length = next(
        line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    await reader.readexactly(int(length))
    return True


async def test_requests_at_once_have_a_connection_each_that_later_ones_reuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = 0
    has_expired = httpcore.AsyncHTTPConnection.has_expired

    def counted(connection: httpcore.AsyncHTTPConnection) -> bool:
        nonlocal asked
        asked += 1
        return has_expired(connection)

    monkeypatch.setattr(connection_pool, "SWEEP_INTERVAL_S", 60.0)
    monkeypatch.setattr(httpcore.AsyncHTTPConnection, "has_expired", counted)
    receiver = Receiver()
    async with listening(receiver.answer) as port:
        async with guarded_client(LOOPBACK) as http:
            url = f"http://127.0.0.1:{port}/"
            for _ in range(5):
                answers = await asyncio.gather(*(post(http, url, content=b"{}") for _ in range(20)))
                assert {answer.status for answer in answers} == {200}
            assert (receiver.connections, receiver.requests) == (20, 100)
            # each of the 80 that reused one asked that one alone
            assert asked == 80
        await asyncio.sleep(0.05)


async def test_a_connection_that_its_server_closed_is_not_reused() -> None:
    receiver = Receiver(requests_each=2)
    async with listening(receiver.answer) as port:
        async with guarded_client(LOOPBACK) as http:
            for _ in range(5):
                assert (await post(http, f"http://127.0.0.1:{port}/", content=b"{}")).ok
                # the end of the connection arrives
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.02)
    assert (receiver.connections, receiver.requests) == (3, 5)


async def test_idle_connections_above_the_limit_and_closed_ones_are_dropped() -> None:
    receiver = Receiver()
    async with listening(receiver.answer) as port:
        async with guarded_client(LOOPBACK) as http:
            url = f"http://127.0.0.1:{port}/"
            await asyncio.gather(*(post(http, url, content=b"{}") for _ in range(60)))
            await post(http, url, content=b"{}")
            assert len(http._transport._pool.connections) == 50  # type: ignore[attr-defined]
        await asyncio.sleep(0.05)
