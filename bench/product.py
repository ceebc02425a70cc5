"""A real `firebell serve` with an embedded database in a temporary folder, set up by the product's own actions."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import asyncpg

from bench import process_stats
from bench.load_runner import Sink, free_port, sink
from bench.rules import add_rules
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.oncall.model import Layer, Unit
from firebell.oncall.schedules import actions as oncall
from firebell.people import actions as people
from firebell.process import running
from firebell.settings import Settings
from firebell.setup import organization

ROTATION = 20
EMAIL, PASSWORD = "mara@example.org", "a quiet night please"
_SYSTEM = Actor("system", "Bench")
_ANSWERS = organization.Answers(
    organization="Bench",
    name="Mara Lindqvist",
    email=EMAIL,
    password=PASSWORD,
    tz="Europe/Stockholm",
    team="Payments",
    service="Checkout",
)


class Started(NamedTuple):
    """The seconds from the start of a server until it accepts alerts, and until it serves pages."""

    alerts_s: float
    pages_s: float


async def _started(url: str, began: float) -> Started:
    """Return once a server that was started at `began` serves pages."""
    paths = ("/healthz", "/login")
    return Started(*[await asyncio.to_thread(process_stats.ready_s, f"{url}{path}", began) for path in paths])


@dataclass(slots=True)
class Product:
    """A server process with its database, webhook sink and keys."""

    folder: Path
    sink: Sink
    port: int
    database_url: str = ""
    """The database to use; the embedded one if empty."""
    dsn: str = ""
    integration_key: str = ""
    api_key: str = ""
    process: asyncio.subprocess.Process | None = None
    others: list[asyncio.subprocess.Process] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    """More environment of its processes."""

    @property
    def url(self) -> str:
        """Base address of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def inbound(self) -> str:
        """Address for alerts, in the format of Alertmanager."""
        return f"{self.url}/in/{self.integration_key}/alertmanager"

    @property
    def pid(self) -> int:
        """Root of the process tree, which includes the database."""
        assert self.process
        return self.process.pid

    async def set_up(self, *, has_rules: bool = False) -> None:
        """Create one person who is notified by webhook, a rotation of 20, and the rules of a large organization."""
        settings = Settings(data=self.folder / "data", database_url=self.database_url)
        async with running(settings) as prepared:
            ctx = prepared.ctx
            self.dsn, now = ctx.db.dsn, ctx.clock.now()
            password_hash = await people.hash_secret(_ANSWERS.password)
            async with ctx.db.tx() as tx:
                created = await organization.create_organization(tx, _ANSWERS, password_hash, now)
                self.integration_key = created.integration.key
                await _reach_by_webhook(tx, created.admin.id, self.sink.url, now)
                await _rotation(tx, (await people.teams(tx))[0].id, now)
                if has_rules:
                    await add_rules(tx, now)
                _, self.api_key = await people.create_api_key(
                    tx,
                    _SYSTEM,
                    name="Bench",
                    scopes=["oncall:read", "pages:read", "pages:write"],
                    person_id=created.admin.id,
                    now=now,
                )

    async def start(self) -> Started:
        """Start `firebell serve`, and return once it also serves pages: loading them would slow what is measured."""
        began = time.monotonic()
        self.process = await self._serve(self.port)
        return await _started(self.url, began)

    async def start_another(self) -> str:
        """Start one more process on the same database and return its base address once it is ready."""
        port = free_port()
        self.others.append(await self._serve(port))
        url = f"http://127.0.0.1:{port}"
        await _started(url, time.monotonic())
        return url

    async def _serve(self, port: int) -> asyncio.subprocess.Process:
        env = {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "FIREBELL_DATA": str(self.folder / "data"),
            "FIREBELL_PORT": str(port),
            "FIREBELL_LOG_LEVEL": "warning",
            "FIREBELL_ALLOWED_NETWORKS": "127.0.0.0/8",
            **self.env,
        }
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "firebell", "serve"), env=env, stderr=asyncio.subprocess.DEVNULL
        )

    async def stop(self) -> None:
        """Stop the server with SIGTERM, the owner of the database last."""
        for process in (*self.others, self.process):
            if process and process.returncode is None:
                process.terminate()
                await asyncio.wait_for(process.wait(), 60)

    async def kill(self) -> int:
        """Kill -9 the whole process tree, including the database; return the number of processes."""
        assert self.process
        killed = process_stats.kill_tree(self.pid)
        await self.process.wait()
        return killed

    async def value(self, sql: str, *args: Any) -> int:
        """Return a number from its database."""
        conn = await asyncpg.connect(self.dsn)
        try:
            return int(await conn.fetchval(sql, *args) or 0)
        finally:
            await conn.close()

    async def texts(self, sql: str) -> list[str]:
        """Return a column of texts from its database."""
        conn = await asyncpg.connect(self.dsn)
        try:
            return [row[0] for row in await conn.fetch(sql)]
        finally:
            await conn.close()


async def _reach_by_webhook(tx: Tx, person_id: int, url: str, now: datetime) -> None:
    method = await people.add_contact_method(
        tx, _SYSTEM, person_id=person_id, kind="webhook", address=url, label="Sink", now=now
    )
    for urgency in ("high", "low"):
        await people.set_rules(
            tx, _SYSTEM, person_id=person_id, urgency=urgency, rules=[(0, method.id)], now=now
        )


async def _rotation(tx: Tx, team_id: int, now: datetime) -> None:
    members = [
        await people.create_person(
            *(tx, _SYSTEM),
            name=f"Person {number:02}",
            email=f"person{number}@example.org",
            role="responder",
            tz="Europe/Stockholm",
            now=now,
        )
        for number in range(ROTATION)
    ]
    layer = Layer(
        id=0,
        name="Daily",
        slots=tuple((person.id,) for person in members),
        anchor=datetime.combine(now.date() - timedelta(days=30), datetime.min.time().replace(hour=9)),
        unit=Unit.DAY,
        every=1,
        tz="Europe/Stockholm",
    )
    await oncall.create_schedule(
        tx, _SYSTEM, name="Daily", team_id=team_id, tz=layer.tz, layers=[layer], now=now
    )


@asynccontextmanager
async def product(database_url: str = "", *, has_rules: bool = False) -> AsyncIterator[Product]:
    """Yield a product that is set up, perhaps with rules, but not started, and stop it afterwards."""
    with TemporaryDirectory(prefix="firebell-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database runs as an unprivileged user, who must be able to enter it
        async with sink(folder / "sink.tsv") as receiver:
            server = Product(folder, receiver, free_port(), database_url)
            await server.set_up(has_rules=has_rules)
            try:
                yield server
            finally:
                await server.stop()
