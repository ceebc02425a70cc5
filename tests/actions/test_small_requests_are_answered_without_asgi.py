"""Small POST requests to the paths of a direct app: answered without ASGI, in order, and like any other request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from starlette.types import Receive, Scope, Send

from firebell.alerts import actions as alerts
from firebell.alerts.ingest import inbound
from firebell.alerts.ingest import ingest_queue as ingest_module
from firebell.catalog import actions as catalog
from firebell.kit.clock import FakeClock
from firebell.kit.web.connections import ConnectionLimits
from firebell.kit.web.small_requests import MAX_BODY_BYTES, DirectApp, Respond, Response
from firebell.process import listen, web_server
from firebell.settings import Settings
from tests.world import world

LIMITS = ConnectionLimits(head_s=0.3, body_s=0.3, keep_alive_s=1)


class Direct:
    """Answers `/in/now` at once, `/in/later` when a test says so, and leaves other paths to ASGI."""

    prefixes: tuple[str, ...] = ("/in/",)

    def __init__(self) -> None:
        self.waiting: list[Respond] = []
        self.received = asyncio.Event()

    def answer(self, url: bytes, content_type: bytes, body: bytes, respond: Respond) -> bool:
        response = Response(202, b"direct %b %b" % (content_type, body), ((b"x-kind", b"direct"),))
        if url == b"/in/now":
            respond(response)
        elif url == b"/in/later":
            self.waiting.append(lambda _: respond(response))
            self.received.set()
        return url in (b"/in/now", b"/in/later")


async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the method, the path and the body."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    text = f"asgi {scope['method']} {scope['path']} ".encode() + body
    length = (b"content-length", str(len(text)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": text})


@asynccontextmanager
async def web() -> AsyncIterator[tuple[int, Direct]]:
    """Run the web server of the product around both apps; yield its port and the direct one."""
    direct = Direct()
    async with serving(direct) as port:
        yield port, direct


@asynccontextmanager
async def serving(direct: DirectApp) -> AsyncIterator[int]:
    """Run the web server of the product around `asgi` and a direct app; yield its port."""
    with listen("127.0.0.1", 0) as address:
        server = web_server(asgi, Settings(), LIMITS, direct)
        running = asyncio.create_task(server.serve(sockets=[address]))
        try:
            yield address.getsockname()[1]
        finally:
            server.should_exit = True
            await running


def post(path: str, body: bytes = b"{}", *headers: str, version: str = "1.1") -> bytes:
    lines = [f"POST {path} HTTP/{version}", "Host: x", "Content-Type: text/x", *headers]
    if not any(line.lower().startswith("transfer-encoding") for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def bodies(reader: asyncio.StreamReader, count: int) -> list[bytes]:
    """Return the bodies of the next responses."""
    read = []
    for _ in range(count):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.lower().count(b"content-length:") == 1
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        read.append(await reader.readexactly(length))
    return read


async def test_pipelined_requests_are_answered_in_order_whoever_answers_them() -> None:
    async with web() as (port, direct):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        pieces = [post(f"/in/{name}", name.encode()) for name in ("later", "now", "asgi", "now")]
        writer.write(b"".join(pieces))
        await direct.received.wait()
        direct.waiting.pop()(Response(202, b""))
        assert await bodies(reader, 4) == [
            b"direct text/x later",
            b"asgi POST /in/now now",
            b"asgi POST /in/asgi asgi",
            b"asgi POST /in/now now",
        ]
        # one at a time, in pieces that are as small as can be
        for path, expected in (("/in/now", b"direct text/x x"), ("/in/asgi", b"asgi POST /in/asgi x")) * 2:
            for byte in post(path, b"x"):
                writer.write(bytes((byte,)))
                await writer.drain()
            assert await bodies(reader, 1) == [expected]
        writer.close()


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (post("/in/now", b"a", "Content-Encoding: gzip"), b"asgi POST /in/now a"),
        (post("/in/now", b"1\r\na\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), b"asgi POST /in/now a"),
        (post("/in/now", b"a" * (MAX_BODY_BYTES + 1)), b"asgi POST /in/now " + b"a" * (MAX_BODY_BYTES + 1)),
        (post("/in/now", b"a", version="1.0"), b"asgi POST /in/now a"),
        (post("/in/now").replace(b"POST", b"PUT"), b"asgi PUT /in/now {}"),
        (post("/other", b"a"), b"asgi POST /other a"),
        (post("/in/now", b"a" * MAX_BODY_BYTES), b"direct text/x " + b"a" * MAX_BODY_BYTES),
        (post("/in/now", b"", "Connection: close"), b"direct text/x "),
    ],
    ids=["encoded", "chunked", "large", "old", "method", "path", "largest", "closing"],
)
async def test_what_only_asgi_can_read_is_left_to_it(request_: bytes, expected: bytes) -> None:
    async with web() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_)
        assert await bodies(reader, 1) == [expected]
        if b"close" in request_ or b"HTTP/1.0" in request_:
            assert await reader.read() == b""
        writer.close()


async def test_slow_and_gone_clients_are_held_to_the_same_limits() -> None:
    async with web() as (port, direct):
        slow, slow_writer = await asyncio.open_connection("127.0.0.1", port)
        slow_writer.write(post("/in/now", b"abc")[:-1])
        idle, idle_writer = await asyncio.open_connection("127.0.0.1", port)
        idle_writer.write(post("/in/now", b"abc"))
        _, gone_writer = await asyncio.open_connection("127.0.0.1", port)
        gone_writer.write(post("/in/later", b"abc"))
        await direct.received.wait()
        gone_writer.close()
        assert (await slow.read()).startswith(b"HTTP/1.1 408 ")
        assert (await idle.read()).endswith(b"direct text/x abc")
        direct.waiting.pop()(Response(202, b""))
        for writer in (slow_writer, idle_writer):
            writer.close()


async def test_a_small_message_is_answered_once_it_is_committed_and_refused_while_too_many_wait(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            (key,) = [i.key for i in await alerts.integrations(tx) if i.id == w.integration]
        ingest = inbound.build(w.ctx)
        assert await ingest.ingest.find(key)
        request_ = post(f"/in/{key}/generic", b'{"title": "Disk full", "key": "disk"}')
        async with serving(ingest) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            async with w.ctx.db.tx() as tx:
                await catalog.lock_services(tx, [w.service])
                writer.write(request_)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 0.3)
            assert (await reader.readline()).split()[1] == b"202"
            assert [msgspec.json.decode(body)["events"] for body in await bodies(reader, 1)] == [1]
            async with w.ctx.db.tx() as tx:
                assert await tx.value("select count(*) from page") == 1
            monkeypatch.setattr(ingest_module, "MAX_QUEUED_REQUESTS", 0)
            writer.write(request_)
            head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
            assert (head[0].split()[1], b"retry-after: 5" in head) == (b"503", True)
            assert w.ctx.health.refusal()
            writer.close()
            # an address that the direct app does not know is left to ASGI
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for path in (f"/in/{key}x/generic", f"/in/{key}/nothing", f"/in/{key}/generic?x=1", "/in/"):
                writer.write(post(path))
                assert (await bodies(reader, 1))[0].startswith(b"asgi POST /in/")
            writer.close()
