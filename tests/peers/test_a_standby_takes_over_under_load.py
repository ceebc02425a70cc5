"""Two of Debian's PostgreSQL servers, a promotion while alerts arrive, and nothing that was accepted is lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import httpx
import pytest

from firebell.process import running
from tests.peers.test_runbook_database_failover import Cluster, cluster
from tests.servers import Server, serve, until
from tests.world import Sink, organize, settings, sink

pytestmark = pytest.mark.peers

SENDERS = 8
SYNCHRONOUS = """
set -e
printf "synchronous_standby_names = '*'\n" >>"$OLD_PGDATA/postgresql.conf"
psql "$OLD_DSN" -Xqc 'select pg_reload_conf()' >/dev/null
"""
PROMOTE = """
set -e
pg_ctl promote -D "$NEW_PGDATA" -w -t 60 >/dev/null
psql "$NEW_DSN" -Xqc 'alter system reset synchronous_standby_names' >/dev/null
psql "$NEW_DSN" -Xqc 'select pg_reload_conf()' >/dev/null
"""
READ_ONLY = """
set -e
psql "$OLD_DSN" -Xqc 'alter system set default_transaction_read_only = on' >/dev/null
psql "$OLD_DSN" -Xqc 'select pg_reload_conf()' >/dev/null
"""


@dataclass(slots=True)
class Load:
    """Senders that retry an alert until it is accepted, as Alertmanager does."""

    server: Server
    key: str
    accepted: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    async def send(self, sender: int, stop: asyncio.Event) -> None:
        """Send one alert after the other until `stop` is set."""
        async with httpx.AsyncClient(timeout=30) as http:
            number = 0
            while not stop.is_set():
                title = f"{sender}-{number}"
                body = {"title": title, "severity": "warning", "key": title}
                status = 0
                with contextlib.suppress(httpx.TransportError):
                    url = f"{self.server.url}/in/{self.key}/generic"
                    status = (await http.post(url, json=body)).status_code
                if status == 202:
                    self.accepted.append(title)
                    number += 1
                else:
                    self.refused.append(status)
                    await asyncio.sleep(0.05)

    async def page(self, title: str) -> None:
        """Send an alert that opens a page of its own."""
        body = {"title": title, "severity": "critical", "key": title, "service": title}
        async with httpx.AsyncClient(timeout=30) as http:
            sent = await http.post(f"{self.server.url}/in/{self.key}/generic", json=body)
        assert sent.status_code == 202

    async def more(self, count: int, limit_s: float = 60) -> None:
        """Return when `count` more alerts were accepted."""
        wanted = len(self.accepted) + count

        async def enough() -> bool:
            return len(self.accepted) >= wanted

        await until(enough, f"{count} more alerts are accepted", limit_s)


@asynccontextmanager
async def under_load(servers: Cluster) -> AsyncIterator[tuple[Load, Sink]]:
    """Run Firebell on both servers, of which it uses the one that takes writes, while alerts arrive."""
    old, new = (address.removeprefix("postgresql://postgres@") for address in (servers.old, servers.new))
    hosts = f"{old.removesuffix('/postgres')},{new.removesuffix('/postgres')}"
    dsn = f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"
    async with sink() as receiver:
        async with running(settings(database_url=dsn)) as process:
            _, integration = await organize(process.ctx, receiver.url)
        async with serve(dsn) as server:
            load, stop = Load(server, integration.key), asyncio.Event()
            senders = [asyncio.create_task(load.send(sender, stop)) for sender in range(SENDERS)]
            try:
                await load.more(100)
                yield load, receiver
            finally:
                stop.set()
                await asyncio.gather(*senders)


async def stored(address: str) -> set[str]:
    """Return the titles of the alerts that a server has."""
    conn = await asyncpg.connect(address)
    try:
        return {row["title"] for row in await conn.fetch("select title from alert")}
    finally:
        await conn.close()


async def test_nothing_accepted_is_lost_when_the_primary_dies_and_the_standby_is_promoted() -> None:
    async with cluster() as servers:
        await servers.shell(SYNCHRONOUS)
        async with under_load(servers) as (load, _):
            await servers.crash("OLD_PGDATA")
            await servers.shell(PROMOTE)
            await load.more(100)
        assert set(load.accepted) <= await stored(servers.new)
        assert set(load.refused) <= {0, 503}


async def test_a_primary_that_became_read_only_is_left_for_the_one_that_takes_writes() -> None:
    """A demoted primary keeps its connections: each statement that writes was refused on them for ever."""
    async with cluster() as servers:
        await servers.shell(SYNCHRONOUS)
        async with under_load(servers) as (load, receiver):
            await servers.shell(READ_ONLY)
            await servers.shell(PROMOTE)
            await load.more(100)
            await load.page("after the promotion")

            async def paged() -> bool:
                return "after the promotion" in {message["title"] for message in receiver.got}

            await until(paged, "people are paged from the new primary", 60)
        assert set(load.accepted) <= await stored(servers.new)


async def test_a_commit_that_waits_for_a_standby_is_accepted_when_the_standby_is_back() -> None:
    """Our own time limits would cancel the wait, and PostgreSQL then reports a commit that may not last."""
    async with cluster() as servers:
        await servers.shell(SYNCHRONOUS)
        async with under_load(servers) as (load, _):
            await servers.shell('pg_ctl stop -D "$NEW_PGDATA" -m fast -w >/dev/null')
            before = len(load.accepted)
            await asyncio.sleep(3)
            assert len(load.accepted) <= before + SENDERS, "nothing is accepted that only one server has"
            await servers.shell('pg_ctl start -D "$NEW_PGDATA" -w -t 30 -l "$NEW_LOG" >/dev/null')
            await load.more(100)
        assert set(load.accepted) <= await stored(servers.old)
