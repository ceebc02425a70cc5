"""The web server against clients that send too much, too slowly, or nothing, over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sized
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from firebell.kit.web.connections import ConnectionLimits
from firebell.process import listen, web_server
from firebell.settings import Settings
from tests.servers import until
from tests.stopwatch import stopwatch

SOON = ConnectionLimits(head_s=0.3, body_s=0.3, write_s=0.3)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Return the length of the body; `/early` answers at once, `/large` 64 MiB, `/slow` after a second."""
    size = 0
    if scope["path"] == "/slow":
        await asyncio.sleep(1.5)
    while scope["path"] != "/early":
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    chunks = [b"x" * 1024**2] * 64 if scope["path"] == "/large" else [str(size).encode()]
    length = (b"content-length", str(sum(map(len, chunks))).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def web(limits: ConnectionLimits) -> AsyncIterator[int]:
    """Run the web server of the product around `echo`; yield its port."""
    async with observed(limits) as (port, _):
        yield port


@asynccontextmanager
async def observed(limits: ConnectionLimits) -> AsyncIterator[tuple[int, Sized]]:
    """Run the web server of the product around `echo`; yield its port and its open connections."""
    with listen("127.0.0.1", 0) as address:
        server = web_server(echo, Settings(), limits)
        running = asyncio.create_task(server.serve(sockets=[address]))
        try:
            yield address.getsockname()[1], server._register  # type: ignore[attr-defined]
        finally:
            server.should_exit = True
            await running


async def answer_to(port: int, *parts: bytes, pause_s: float = 0) -> bytes:
    """Send parts and return the whole response, until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""

    async def read() -> None:
        nonlocal answer
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65536):
                answer += piece

    reading = asyncio.create_task(read())
    with contextlib.suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
    await asyncio.wait_for(reading, 60)
    writer.close()
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ")[1]) if answer else 0


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /" + b"a" * 2_000_000, 414),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + (b"A: " + b"b" * 4000 + b"\r\n") * 20 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * 2_000_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"A" * 2_000_000, 431),
        (b"\r\n" * 1_000_000, 431),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: " + b"b" * 2_000_000, 431),
    ],
    ids=[
        "url",
        "endless url",
        "count",
        "size",
        "endless value",
        "endless name",
        "blank",
        "trailers",
        "trailer",
    ],
)
async def test_a_head_that_is_too_large_is_refused_before_it_is_buffered(
    request_: bytes, expected: int
) -> None:
    async with web(ConnectionLimits()) as port:
        pieces = [request_[i : i + 40_000] for i in range(0, len(request_), 40_000)]
        assert status(await answer_to(port, *pieces, pause_s=0.02)) == expected


async def test_a_large_head_within_the_limits_and_a_large_body_are_taken() -> None:
    async with (
        web(ConnectionLimits()) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        headers = {f"x-{n}": "y" * 600 for n in range(80)}
        answer = await http.post("/" + "a" * 10_000, headers=headers, content=b"z" * 3_000_000)
        assert (answer.status_code, answer.text) == (200, "3000000")

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(200):
                yield b"c" * 1000

        assert (await http.post("/", content=chunks())).text == "200000"


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (b"GET / HT",),
        (HEAD,),
        (HEAD + b"Content-Length: 10\r\n\r\nabc",),
        (HEAD + b"Content-Length: 9\r\n\r\n",),
    ],
    ids=["nothing", "half a line", "half a head", "half a body", "no body"],
)
async def test_a_half_request_is_closed_after_its_time(parts: tuple[bytes, ...]) -> None:
    async with web(SOON) as port:
        with stopwatch() as watch:
            assert status(await answer_to(port, *parts)) in (408, 0)
        assert watch.seconds < 5


@pytest.mark.parametrize("start", [HEAD, HEAD + b"Content-Length: 1000\r\n\r\n"], ids=["head", "body"])
async def test_a_request_that_drips_is_closed_after_its_time(start: bytes) -> None:
    async with web(SOON) as port:
        with stopwatch() as watch:
            assert status(await answer_to(port, start, *[b"a"] * 60, pause_s=0.05)) in (408, 0)
        assert watch.seconds < 9


async def test_a_slow_body_is_accepted() -> None:
    limits = ConnectionLimits(head_s=0.3, body_s=0.5, body_rate=100)
    async with web(limits) as port:
        start = HEAD + b"Connection: close\r\nContent-Length: 3000\r\n\r\n"
        answer = await answer_to(port, start, *[b"a" * 100] * 30, pause_s=0.1)
        assert (status(answer), answer[-4:]) == (200, b"3000")


async def test_an_answer_that_takes_long_is_not_cut_off() -> None:
    async with web(SOON) as port:
        answer = await answer_to(port, b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert status(answer) == 200


async def test_a_client_that_keeps_sending_after_the_response_is_closed() -> None:
    async with web(SOON) as port:
        answer = await answer_to(
            port, b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n" + b"a" * 5000
        )
        assert status(answer) == 200


async def test_a_client_that_reads_nothing_of_a_response_is_closed() -> None:
    async with observed(SOON) as (port, open_connections):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await writer.drain()

        async def opened() -> bool:
            return len(open_connections) == 1

        async def closed() -> bool:
            return len(open_connections) == 0

        await until(opened, "the server has the connection")
        await until(closed, "the server closes the connection")
        size = 0
        with contextlib.suppress(ConnectionError):
            while chunk := await asyncio.wait_for(reader.read(65536), 60):
                size += len(chunk)
        assert size < 64 * 1024**2
        writer.close()


async def test_a_connection_is_kept_for_the_next_request_longer_than_any_sender_keeps_it() -> None:
    assert ConnectionLimits().keep_alive_s == 75
    async with web(SOON) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert status(head) == 200
            await reader.readexactly(1)
            await asyncio.sleep(1.5)
        writer.close()


async def test_idle_connections_beyond_the_cap_are_closed_for_new_ones() -> None:
    async with web(ConnectionLimits(connections=20)) as port:
        flood = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            assert (await http.post("/", content=b"abc")).text == "3"
        for _, writer in flood:
            writer.close()
