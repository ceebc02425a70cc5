"""Firebell on the embedded database: processes that share one data folder, and one sink for their pages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx

from firebell.process import running
from tests.servers import Server, data_folder, serve, until
from tests.world import Sink, organize, settings, sink


@dataclass(slots=True)
class Product:
    """A data folder with a small organization in it, and the integration key of its service."""

    data: Path
    sink: Sink
    http: httpx.AsyncClient
    key: str = ""

    @property
    def dsn(self) -> str:
        """The address of the embedded database."""
        return f"postgresql://firebell@/firebell?host={quote(str(self.data), safe='')}"

    @property
    def postmaster(self) -> int:
        """The process id of the running database."""
        return int((self.data / "postgres/postmaster.pid").read_text(encoding="ascii").split()[0])

    def serve(self, **env: Any) -> Any:
        """Run another process on the same data."""
        return serve(FIREBELL_DATA=str(self.data), **env)

    async def alert(self, server: Server, title: str) -> int:
        """Send an alert that opens a page of its own; return the response status."""
        body = {"title": title, "severity": "critical", "key": title, "service": title}
        return (await self.http.post(f"{server.url}/in/{self.key}/generic", json=body)).status_code

    async def accept(self, server: Server, *titles: str) -> None:
        """Send alerts concurrently; each must be accepted."""
        statuses = await asyncio.gather(*[self.alert(server, title) for title in titles])
        assert statuses == [202] * len(titles)

    async def value(self, sql: str, *args: object) -> Any:
        """Return the single value of a query."""
        conn = await asyncpg.connect(self.dsn)
        try:
            return await conn.fetchval(sql, *args)
        finally:
            await conn.close()

    def paged(self) -> list[str]:
        """Return the idempotency key of each message about a page; the clock is real, so a shift may be near, too."""
        messages = zip(self.sink.headers, self.sink.got, strict=True)
        return [headers["idempotency-key"] for headers, message in messages if message["event"] == "page"]

    async def heard(self, *titles: str, limit_s: float = 60) -> None:
        """Return once the sink has received a message with each of these titles."""

        async def all_heard() -> bool:
            return set(titles) <= {message["title"] for message in self.sink.got}

        await until(all_heard, f"the sink hears {', '.join(titles)}", limit_s)


@asynccontextmanager
async def product(place: Path | None = None) -> AsyncIterator[Product]:
    """Set up an organization without running processes, at `place` or in a temporary folder."""
    with data_folder() if place is None else nullcontext(place) as data:
        async with sink() as receiver, httpx.AsyncClient(timeout=60) as http:
            created = Product(data, receiver, http)
            async with running(settings(data=data)) as process:
                _, integration = await organize(process.ctx, receiver.url)
                created.key = integration.key
            yield created
