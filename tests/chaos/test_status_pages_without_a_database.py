"""A process that starts while its database is away serves the saved status pages, and everything once it is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from firebell.status_pages.hosting import saved_pages
from tests.rules.test_status_page_hosting import saved
from tests.servers import answers, free_port, started

pytestmark = pytest.mark.chaos


@asynccontextmanager
async def forwarded(port: int, socket: str) -> AsyncIterator[None]:
    """Forward a port to the socket of the database."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_unix_connection(socket)
        await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer), return_exceptions=True)

    async with await asyncio.start_server(connect, "127.0.0.1", port):
        yield


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
