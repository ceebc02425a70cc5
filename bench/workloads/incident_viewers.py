"""W13: 300 people have one incident open, and each sees every new entry; W22: an incident of 2,000 entries."""

import asyncio
import gzip
import json
import random
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import asyncpg

from bench import process_stats
from bench.load_runner import quantile
from bench.product import Product, product
from bench.result import Result, check, number
from firebell.kit import signing

VIEWERS, UPDATES, ENTRIES = 300, 4, 60
LONG_ENTRIES, OPENINGS, PAUSE_S = 2_000, 30, 1.1
"""A rendering is kept for a second: each opening after the pause renders the page anew."""
BROWSER_WAIT_S = 0.06
_PEOPLE = """
insert into person (name, email, role, tz, created_at)
select 'Viewer ' || i, 'viewer' || i || '@example.org', 'responder',
    (array['Europe/Stockholm', 'America/New_York', 'Asia/Tokyo'])[1 + i % 3], now()
from generate_series(1, $1) i
returning id
"""
_SESSION = """
insert into session (token_hash, person_id, csrf, created_at, last_used_at, expires_at, user_agent, address)
values ($1, $2, $3, now(), now(), $4, 'bench', '127.0.0.1')
"""
CSRF = "a token of the bench"


@dataclass(slots=True)
class Viewer:
    """One open room: an event stream, and the requests that its browser makes when the room changes."""

    port: int
    path: str
    token: str
    seen: dict[str, float] = field(default_factory=dict)
    etag: str = ""
    stale: bool = False
    heard: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def get(self, path: str, *, method: str = "GET", body: str = "", **headers: str) -> tuple[int, str]:
        """Return the status and text of a response on the viewer's own connection."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        assert self._reader
        self._writer.write(self._head(method, path, body, headers))
        status, fields = await _response_head(self._reader)
        content = await self._reader.readexactly(int(fields.get("content-length", 0)))
        if fields.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        self.etag = fields.get("etag", "")
        return status, content.decode()

    async def listen(self, topics: list[str]) -> None:
        """Count the events of these topics until cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(self._head("GET", f"/events?topics={quote(','.join(topics))}", "", {}))
        await _response_head(reader)
        try:
            async for line in reader:
                event = line.decode().strip()
                if event == "event: hello":
                    self.ready.set()
                self.heard += event.removeprefix("event: ") in topics
        finally:
            writer.close()

    async def watch(self, topics: list[str], frame: list[str], texts: set[str]) -> None:
        """Follow the room's topics until cancelled; note when each of `texts` is on the screen."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(self._head("GET", f"/events?topics={quote(','.join([*topics, *frame]))}", "", {}))
        await _response_head(reader)
        refresh: asyncio.Task[None] | None = None
        try:
            async for line in reader:
                event = line.decode().strip()
                if event == "event: hello":
                    self.ready.set()
                if event.removeprefix("event: ") not in topics:
                    continue
                data = (await reader.readline()).decode().strip().removeprefix("data: ")
                self.stale = True
                if refresh is None or refresh.done():
                    refresh = asyncio.create_task(
                        self._refresh(json.loads(data).get("spread", 0) / 1000, texts)
                    )
        finally:
            writer.close()

    async def _refresh(self, spread_s: float, texts: set[str]) -> None:
        while self.stale:
            await asyncio.sleep(BROWSER_WAIT_S + random.random() * spread_s)  # noqa: S311 - no secret
            self.stale = False
            tag = {"If-None-Match": self.etag} if self.etag else {}
            _, page = await self.get(self.path, **{"X-Live": "1", "Accept-Encoding": "gzip", **tag})
            now = time.monotonic()
            for text in texts - self.seen.keys():
                if text in page:
                    self.seen[text] = now

    def _head(self, method: str, path: str, body: str, headers: dict[str, str]) -> bytes:
        fields = {"Host": f"127.0.0.1:{self.port}", "Cookie": f"firebell_session={self.token}", **headers}
        if body:
            fields |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in fields.items()),
            "",
            body,
        ]
        return "\r\n".join(lines).encode()

    def close(self) -> None:
        """Close the viewer's connection."""
        if self._writer:
            self._writer.close()


async def _response_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = (line.partition(": ") for line in head[1:] if line)
    return int(head[0].split()[1]), {name.lower(): value for name, _, value in fields}


async def seed(it: Product, people: int = VIEWERS) -> list[str]:
    """Create people with a session each; return the tokens of their sessions."""
    conn = await asyncpg.connect(it.dsn)
    try:
        ids = [row["id"] for row in await conn.fetch(_PEOPLE, people)]
        tokens = [signing.random_token() for _ in ids]
        expires_at = datetime.now(UTC) + timedelta(days=1)
        await conn.executemany(
            _SESSION,
            [(signing.token_hash(t), i, CSRF + str(i), expires_at) for t, i in zip(tokens, ids, strict=True)],
        )
        await conn.execute("update person set role = 'admin' where id = $1", ids[0])
        await conn.execute("analyze")
    finally:
        await conn.close()
    return [f"{token} {CSRF}{i}" for token, i in zip(tokens, ids, strict=True)]


async def rooms(factor: float) -> Result:
    """W13: entries of one incident, each on the screens of everyone who has it open."""
    async with product() as it:
        await it.start()
        tokens = await seed(it)
        token, _, csrf = tokens[0].partition(" ")
        author = Viewer(it.port, "", token)

        async def post(path: str, **fields: str) -> int:
            status, _ = await author.get(path, method="POST", body=urlencode({"csrf": csrf, **fields}))
            return status

        declared = await post("/incidents/new", title="Search is slow", severity="2")
        posted = [
            await post("/incidents/INC-1/entries", kind="note", text=f"Step {i}") for i in range(ENTRIES)
        ]
        viewers = [Viewer(it.port, "/incidents/INC-1", each.partition(" ")[0]) for each in tokens]
        _, page = await viewers[1].get("/incidents/INC-1")
        topics, frame = (re.findall(rf'data-{name}="([^"]*)"', page)[:1] for name in ("topics", "frame"))
        texts = {f"Entry number {i} of the bench." for i in range(max(2, round(UPDATES * factor)) + 1)}
        split = ([t for t in each[0].split(",") if t] if each else [] for each in (topics, frame))
        followed, counted = split
        streams = [asyncio.create_task(v.watch(followed, counted, texts)) for v in viewers]
        await asyncio.gather(*(v.ready.wait() for v in viewers))
        delays, cpu = [], []
        for turn, text in enumerate(sorted(texts)):
            await asyncio.sleep(1.5)
            before, began = process_stats.cpu_s(it.pid), time.monotonic()
            posted.append(await post("/incidents/INC-1/entries", kind="note", text=text))
            while time.monotonic() - began < 20 and not all(text in v.seen for v in viewers):
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.5)
            if turn:  # the first one opens 300 connections
                cpu.append(process_stats.cpu_s(it.pid) - before)
                delays += [v.seen.get(text, began + 20) - began for v in viewers]
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        for viewer in (author, *viewers):
            viewer.close()
    delays.sort()
    p50, p95 = quantile(delays, 0.5), quantile(delays, 0.95)
    used = sum(cpu) / len(cpu)
    return Result(
        "W13",
        f"{VIEWERS} people have one incident open ({len(page) // 1000} kB); an entry on all screens",
        f"p50/p95/last {number(p50)}/{number(p95)}/{number(delays[-1])} s; {number(used)} s CPU an update",
        f"{number(used * 1000 / VIEWERS)} ms CPU a viewer",
        (("p95 <= 1 s", p95 <= 1), ("CPU <= 0.6 s an update", used <= 0.6)),
        check(
            declared=(declared, 303),
            entries=(sum(status == 303 for status in posted), len(posted)),
            missed=(sum(len(texts - v.seen.keys()) for v in viewers), 0),
        ),
    )


async def long_room(factor: float) -> Result:
    """W22: an incident with 2,000 entries is opened again and again, and rendered each time."""
    async with product() as it:
        await it.start()
        token, _, csrf = (await seed(it, 2))[0].partition(" ")
        reader = Viewer(it.port, "", token)

        async def post(path: str, **fields: str) -> int:
            status, _ = await reader.get(path, method="POST", body=urlencode({"csrf": csrf, **fields}))
            return status

        posted = [await post("/incidents/new", title="Search is slow", severity="2")]
        posted += [
            await post("/incidents/INC-1/entries", kind="note", text=f"Step {i} of the long night.")
            for i in range(LONG_ENTRIES)
        ]
        times, statuses, size = [], [], 0
        for _ in range(max(5, round(OPENINGS * factor)) + 2):
            await asyncio.sleep(PAUSE_S)
            began = time.monotonic()
            status, page = await reader.get("/incidents/INC-1", **{"Accept-Encoding": "gzip"})
            times.append((time.monotonic() - began) * 1000)
            statuses.append(status)
            size = len(page)
        reader.close()
    times = sorted(times[2:])
    p50, p95 = quantile(times, 0.5), quantile(times, 0.95)
    return Result(
        "W22",
        f"an incident with {LONG_ENTRIES:,} entries ({size // 1000} kB) is opened, one reader",
        f"p50/p95 {number(p50)}/{number(p95)} ms",
        "-",
        (("p50 <= 150 ms", p50 <= 150),),
        check(
            posted=(sum(status == 303 for status in posted), len(posted)),
            opened=(sum(status == 200 for status in statuses), len(statuses)),
        ),
    )
