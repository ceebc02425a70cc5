"""Status pages while the database is unavailable: from a start without it, and when it stops while readers read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from firebell.kit.clock import FakeClock
from firebell.status_pages.hosting import saved_pages
from tests.api.api_clients import organization
from tests.rules.test_status_page_hosting import saved
from tests.servers import answers, free_port, started

pytestmark = pytest.mark.chaos


@asynccontextmanager
async def forwarded(port: int, socket: str) -> AsyncIterator[None]:
    """Forward a port to the socket of the database."""

    connections: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_unix_connection(socket)
        connections.extend((writer, there_writer))
        await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer), return_exceptions=True)

    async with await asyncio.start_server(connect, "127.0.0.1", port):
        yield
        for writer in connections:
            writer.close()


async def test_customers_read_the_last_page_until_the_database_is_back(dsn: str, tmp_path: Path) -> None:
    port, parts = free_port(), urlsplit(dsn)
    folder = parse_qs(parts.query)["host"][0]
    database = f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}"
    saved_pages.write(tmp_path / saved_pages.FOLDER, saved())
    async with started(database, FIREBELL_DATA=str(tmp_path)) as server:
        page = f"{server.url}/s/kestrel"
        await answers(page)
        async with httpx.AsyncClient() as http:
            shown = await http.get(page)
            assert ("Payments fail" in shown.text, 'role="status"' in shown.text) == (True, True)
            own_host = {"Host": "status.kestrel.example"}
            assert (await http.get(server.url, headers=own_host)).status_code == 200
            assert (await http.get(f"{server.url}/login")).status_code == 503
            async with forwarded(port, f"{folder}/.s.PGSQL.5432"):
                await answers(f"{server.url}/livez")
                # this database has no such page
                assert (await http.get(page)).status_code == 404
                assert await server.stop() == 0


READERS, READS_PER_READER = 50, 40


async def _read(port: int, path: str, count: int) -> set[tuple[int, bytes]]:
    """Read a path that many times over one connection; return the different answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = set()
    for _ in range(count):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].split("\r\n")[0])
        answered.add((int(head.split()[1]), await reader.readexactly(length)))
    writer.close()
    await writer.wait_closed()
    return answered


async def test_no_reader_notices_that_the_database_stops(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    """50 readers at once, each as fast as it is answered, which is more than 500 reads a second."""
    parts, port = urlsplit(dsn), free_port()
    async with organization(dsn, clock) as (_, api):
        page = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC"}
        await api("POST", "/status-pages", page, status=201)
    database = f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}"
    paths = ("/s/kestrel", "/s/kestrel/api/v2/summary.json", "/s/kestrel/history.atom")
    async with AsyncExitStack() as stack:
        away = await stack.enter_async_context(AsyncExitStack())
        socket = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        await away.enter_async_context(forwarded(port, socket))
        server = await stack.enter_async_context(started(database, FIREBELL_DATA=str(tmp_path)))
        await answers(f"{server.url}/livez")
        address = urlsplit(server.url).port or 0
        known = {path: await _read(address, path, 1) for path in paths}
        reads = [
            asyncio.create_task(_read(address, paths[number % len(paths)], READS_PER_READER))
            for number in range(READERS)
        ]
        await asyncio.wait(reads[:1])
        await away.aclose()
        reads += [
            asyncio.create_task(_read(address, paths[number % len(paths)], READS_PER_READER))
            for number in range(READERS)
        ]
        for number, answered in enumerate(await asyncio.gather(*reads)):
            path = paths[number % READERS % len(paths)]
            assert answered == known[path], path
        async with httpx.AsyncClient() as http:
            # the others need it
            assert (await http.get(f"{server.url}/login")).status_code == 503
