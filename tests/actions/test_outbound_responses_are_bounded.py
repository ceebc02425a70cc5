"""Responses of other servers are limited in bytes, time and headers before anything is decompressed."""

import asyncio
import gzip
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from firebell.channels import ntfy
from firebell.kit.errors import Invalid
from firebell.kit.http_out import get, guarded_client, parse_networks, post
from tests.servers import listening
from tests.stopwatch import stopwatch

LOOPBACK = parse_networks("127.0.0.0/8")
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def bomb() -> bytes:
    """Return 256 MiB of zeros, compressed twice: under 2 KiB."""
    return gzip.compress(gzip.compress(bytes(256 * 1024**2), 1))


def answering(head: str, body: bytes) -> Handler:
    """Return a handler that answers one request with `head` and `body`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode() + b"\r\n\r\n" + body)
        await writer.drain()
        await reader.read()

    return answer


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """Yield a guarded client and the address of a server that answers with `handler`."""
    async with listening(handler) as port, guarded_client(LOOPBACK) as http:
        yield http, f"http://127.0.0.1:{port}/hook"


def memory_mib() -> int:
    """Return the peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


ENCODINGS = ["gzip, gzip", "gzip", "deflate", "GZIP", "br", "zstd", "x-unknown"]


@pytest.fixture(scope="module")
def compressed() -> bytes:
    return bomb()


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_compressed_answer_of_a_webhook_is_never_expanded(encoding: str, compressed: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(compressed)}"
    async with server(answering(head, compressed)) as (http, url):
        before = memory_mib()
        with stopwatch() as watch:
            reply = await post(http, url, json={})
        assert (reply.status, reply.text) == (200, "")
        assert memory_mib() - before < 32
        assert watch.seconds < 2


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_compressed_calendar_is_refused_before_it_is_expanded(
    encoding: str, compressed: bytes
) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(compressed)}"
    async with server(answering(head, compressed)) as (http, url):
        before = memory_mib()
        with pytest.raises(Invalid):
            await get(http, url, "", "", 5 * 1024**2)
        assert memory_mib() - before < 32


async def test_the_http_client_never_decompresses(compressed: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: {len(compressed)}"
    async with server(answering(head, compressed)) as (http, url):
        before = memory_mib()
        response = await http.get(url)
        assert response.content == b""
        assert response.request.headers["accept-encoding"] == "identity"
        assert memory_mib() - before < 32


async def test_the_doctor_reads_no_more_than_the_status(compressed: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: {len(compressed)}"
    async with listening(answering(head, compressed)) as port:
        before = memory_mib()
        settings = {"FIREBELL_NTFY_URL": f"http://127.0.0.1:{port}"}
        async with guarded_client(LOOPBACK) as http:
            (finding,) = await ntfy.check_health(http, settings, ["topic"])
        assert finding.level == "ok"
        assert memory_mib() - before < 32


async def test_64_kib_of_an_endless_response_are_read() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with server(endless) as (http, url):
        reply = await post(http, url, json={})
        assert (reply.status, len(reply.text)) == (200, 64 * 1024)


async def test_a_text_encoding_that_the_receiver_chose_is_not_trusted() -> None:
    head = "HTTP/1.1 400 X\r\nContent-Type: text/plain; charset=punycode\r\nContent-Length: 3"
    async with server(answering(head, b"a\xffb")) as (http, url):
        reply = await post(http, url, json={})
        assert reply.text == "a\ufffdb"


@pytest.mark.parametrize(
    "head",
    [
        "HTTP/1.1 200 OK\r\nX-Long: " + "x" * 200_000,
        "HTTP/1.1 200 OK" + "\r\nX-Many: x" * 20_000,
        "HTTP/1.1 200 " + "x" * 200_000,
    ],
)
async def test_of_a_head_that_is_too_long_only_the_status_counts(head: str) -> None:
    async with server(answering(head, b"body")) as (http, url):
        # the receiver has the message: sent again, it would page twice
        reply = await post(http, url, json={})
        assert (reply.status, reply.headers, reply.text) == (200, {}, "")
        # what is downloaded is of use only if it is whole
        with pytest.raises(httpx.HTTPError):
            await get(http, url, "", "", 1024)


def dripping(first: bytes) -> Handler:
    """Return a handler that sends `first`, and then one byte every 50 ms forever."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(first)
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    return drip


async def test_a_receiver_that_drips_its_head_is_given_up_after_the_limit() -> None:
    async with server(dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ")) as (http, url):
        with stopwatch() as watch:
            with pytest.raises(httpx.TimeoutException):
                await post(http, url, limit_s=0.5, json={})
            with pytest.raises(httpx.TimeoutException):
                await get(http, url, "", "", 1024, limit_s=0.5)
        assert watch.seconds < 5


async def test_a_receiver_that_answers_200_and_drips_its_body_has_accepted() -> None:
    async with server(dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")) as (http, url):
        with stopwatch() as watch:
            reply = await post(http, url, limit_s=2, json={})
        assert reply.ok
        assert watch.seconds < 5


async def test_interim_answers_without_end_are_given_up_after_the_limit() -> None:
    async def interim(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        while True:
            writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with server(interim) as (http, url):
        with pytest.raises(httpx.TimeoutException):
            await post(http, url, limit_s=0.5, json={})
