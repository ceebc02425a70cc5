"""Story: `/healthz` is 200 only while alerts are stored and pages go out; `/livez` says that the process answers."""

import asyncio
import contextlib
import logging
import os
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from firebell import app, event_subscriptions, health_check
from firebell.alerts.ingest.inbound import Inbound
from firebell.kit import log as kit_log
from firebell.kit import process_health
from firebell.kit.clock import FakeClock
from firebell.kit.db.database_clock import DatabaseClock
from firebell.process import connected
from firebell.worker import Worker, timer_handlers
from tests.api.api_clients import organization
from tests.chaos.product import product
from tests.servers import data_folder, until
from tests.sources.inbound_client import door
from tests.world import World, settings, world


@dataclass(slots=True)
class Probe:
    """Asks an app in this process."""

    http: httpx.AsyncClient

    async def health(self) -> tuple[int, list[str]]:
        """Return the status of `/healthz` and the names of the checks that fail."""
        answer = await self.http.get("/healthz")
        body = answer.json()
        assert body["failing"] == [name for name, check in body["checks"].items() if not check["ok"]]
        assert body["status"] == ("failing" if body["failing"] else "ok")
        return answer.status_code, body["failing"]


@pytest.fixture(autouse=True)
def _looks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_check, "REUSED_S", 0)


@asynccontextmanager
async def probe(w: World) -> AsyncIterator[Probe]:
    transport = httpx.ASGITransport(app.build(w.ctx))
    async with httpx.AsyncClient(transport=transport, base_url="http://firebell") as http:
        yield Probe(http)


async def test_alerts_are_taken_and_probes_answered_before_the_pages_are_built(
    dsn: str, clock: FakeClock
) -> None:
    may_end = threading.Event()

    async with world(dsn, clock) as w:

        def slow_pages(ingest: Inbound) -> FastAPI:
            may_end.wait()
            return app.pages(w.ctx, ingest)

        transport = httpx.ASGITransport(app.App(w.ctx, slow_pages))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            login = asyncio.create_task(http.get("/login"))
            try:
                down = {"summary": "Down", "source": "db-1", "severity": "critical"}
                event = {"routing_key": w.key, "event_action": "trigger", "payload": down}
                assert (await http.post("/v2/enqueue", json=event)).status_code == 202
                assert (await http.get("/healthz")).status_code in (200, 503)
                assert (await http.get("/livez")).status_code == 200
                assert not login.done()
            finally:
                may_end.set()
            assert (await login).status_code == 200


async def execute(w: World, sql: str, *args: object) -> None:
    async with w.ctx.db.tx() as tx:
        await tx.execute(sql, *args)


async def set_read_only(w: World, value: str) -> None:
    """Make every session of this database read-only, or writable again."""
    name = w.ctx.db.dsn.partition("?")[0].rpartition("/")[2]
    conn = await asyncpg.connect(w.ctx.db.dsn)
    try:
        await conn.execute("set default_transaction_read_only = off")
        await conn.execute(f"alter database {name} set default_transaction_read_only = {value}")
        await conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    finally:
        await conn.close()


def logged(caplog: pytest.LogCaptureFixture, message: str) -> list[Any]:
    return [record for record in caplog.records if record.getMessage() == message]


async def test_in_order_it_is_ok_and_writes(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, probe(w) as p:
        assert await p.health() == (200, [])
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select written_at from write_probe") == w.now


async def test_a_read_only_database_is_unhealthy_and_logged_once(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with door(dsn, clock) as d, probe(d.world) as p:
        await set_read_only(d.world, "on")
        answers = [await d.post("generic", {"title": f"disk {n}", "severity": "critical"}) for n in range(5)]
        assert {answer.status_code for answer in answers} == {503}
        assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
        details = {answer.json()["detail"] for answer in answers[-3:]}
        assert len(details) == 1
        assert "read-only" in details.pop()
        status, failing = await p.health()
        assert status == 503
        assert {"database", "inbound"} <= set(failing)
        lines = [line for line in logged(caplog, "senders are refused") if "read-only" in line.cause]
        assert [line.count for line in lines] == [1]
        assert lines[0].levelno == logging.WARNING
        assert "ReadOnlySQLTransactionError" in lines[0].cause
        await set_read_only(d.world, "off")

        async def stored() -> bool:
            answer = await d.post("generic", {"title": "disk", "severity": "critical"})
            return bool(answer.status_code == 202)

        await until(stored, "the sender is accepted again")
        assert await p.health() == (200, [])


async def test_refusals_are_logged_once_a_minute_with_their_count(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = kit_log.OncePerMinute(logging.getLogger("firebell.test"), "refused")
    for _ in range(5):
        refusals.add("full")
    refusals.add("locked")
    assert [(line.cause, line.count) for line in logged(caplog, "refused")] == [("full", 1), ("locked", 1)]
    monkeypatch.setattr(kit_log.OncePerMinute, "EVERY_S", -1)
    refusals.add("full")
    assert [(line.cause, line.count) for line in logged(caplog, "refused")][2:] == [("full", 5)]


@pytest.mark.parametrize(
    ("trouble", "check"),
    [
        ("insert into due (kind, key, due_at) values ('x', 'y', $1)", "timers"),
        (
            "insert into due (kind, key, due_at, attempts)"
            " values ('paging.page', 'y', $1::timestamptz + interval '1 day', 9)",
            "page timers",
        ),
        (
            "insert into outbox (reaction, payload, created_at, run_at) values ('x', '{}', $1, $1)",
            "reactions",
        ),
    ],
)
async def test_work_that_no_process_does_is_unhealthy(
    dsn: str, clock: FakeClock, trouble: str, check: str
) -> None:
    async with world(dsn, clock) as w, probe(w) as p:
        await execute(w, trouble, w.now - timedelta(seconds=59))
        expected = (503, [check]) if check == "page timers" else (200, [])
        assert await p.health() == expected
        clock.advance(timedelta(seconds=5))
        assert await p.health() == (503, [check])


async def test_an_urgent_message_that_stays_unsent_is_unhealthy(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, probe(w) as p:
        await w.alert()
        while await w.worker.run_due(w.now):
            pass
        assert await p.health() == (200, [])
        clock.advance(timedelta(seconds=61))
        status, failing = await p.health()
        assert status == 503
        assert "urgent messages" in failing
        await w.settle()
        assert await p.health() == (200, [])


async def test_lanes_that_fail_are_named_and_forgiven_when_they_pass(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_health, "FAILING_LIMIT_S", 0.2)
    async with world(dsn, clock) as w, probe(w) as p:
        await execute(w, "alter table delivery rename column rank to grade")
        stop = asyncio.Event()
        running = asyncio.create_task(
            Worker(w.ctx, timer_handlers(), event_subscriptions.outbox_handlers()).run(stop)
        )

        async def named() -> bool:
            return "lane send" in (await p.health())[1]

        async def forgiven() -> bool:
            return await p.health() == (200, [])

        await until(named, "/healthz names the lane that fails")
        assert (await p.http.get("/livez")).status_code == 200
        await execute(w, "alter table delivery rename column grade to rank")
        await until(forgiven, "/healthz is ok when the lane passes again")
        stop.set()
        await running


async def test_without_a_database_the_process_is_alive_and_not_healthy(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, probe(w) as p:
        await w.ctx.db.close()
        assert await p.health() == (503, ["database"])
        assert (await p.http.get("/livez")).status_code == 200


async def test_a_stopping_process_is_unhealthy(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, probe(w) as p:
        w.ctx.health.stopping = True
        assert await p.health() == (503, ["process"])


async def test_a_clock_that_is_off_is_noted_and_healthy(dsn: str) -> None:
    machine = DatabaseClock(FakeClock(datetime.now(UTC) + timedelta(minutes=6)), lambda: 0.0)
    async with connected(settings(), dsn, machine) as ctx:
        transport = httpx.ASGITransport(app.build(ctx))
        async with httpx.AsyncClient(transport=transport, base_url="http://firebell") as http:
            answer = await http.get("/healthz")
    assert answer.status_code == 200
    assert "clock" in answer.json()["notes"]


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a file system of 300 MB on `folder`; skip where that is not allowed."""
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root mounts file systems")
    mounted = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", "size=300m,mode=755", "none", str(folder)], check=False
    )
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the space of a disk; return the file that holds it."""
    path = folder / "filler"
    with path.open("wb") as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 2**20)
    return path


@pytest.mark.chaos
async def test_a_full_disk_is_reported_to_senders_health_and_the_log_and_nothing_is_lost() -> None:
    with data_folder() as place, small_disk(place):
        async with product(place / "data") as h, h.serve() as server, httpx.AsyncClient() as http:
            filler = fill(place)
            text = "x" * 200_000

            async def refused() -> bool:
                return await h.alert(server, f"full {text}"[:100_000]) == 503

            async def reported() -> bool:
                assert await refused()
                failing = (await http.get(f"{server.url}/healthz")).json()["failing"]
                return bool({"database", "inbound"} & set(failing))

            await until(refused, "a sender is refused")
            await until(reported, "/healthz says so")
            assert "senders are refused" in server.said
            filler.unlink()

            async def accepted() -> bool:
                return await h.alert(server, "after the clean-up") == 202

            await until(accepted, "the sender is accepted when there is space", 60)
            await h.heard("after the clean-up")

            async def healthy() -> bool:
                return (await http.get(f"{server.url}/healthz")).status_code == 200

            await until(healthy, "/healthz is ok again")


async def test_bug_a_key_read_nothing_while_the_database_was_read_only(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await api("GET", "/me")
        clock.advance(timedelta(minutes=2))
        await set_read_only(w, "on")

        async def reads() -> bool:
            return (await api.answer("GET", "/me")).status_code == 200

        await until(reads, "a key reads")
        await set_read_only(w, "off")
