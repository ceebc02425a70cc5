"""HTTP load client: raw HTTP/1.1 keep-alive, closed loop (--conns) or open loop (--rate).

Open-loop latency counts from the scheduled time, so a stalled server cannot hide its queue.
Prints one JSON line; `--out` writes `id, sent, answered, status` per request in monotonic seconds.
Placeholders in the body: @@ID@@ unique id, @@KEY@@ dedup key by --keys, @@GRP@@ one of 100 groups,
@@NOW@@ RFC 3339.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request in flight."""

    def __init__(self) -> None:
        self.closed = False
        self.body = b""
        self._buffer = b""
        self._answer: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._settle(0)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        low = head.lower()
        _, has_length, tail = low.partition(b"content-length:")
        if has_length:
            length = int(tail.split(b"\r\n", 1)[0])
            if len(rest) < length:
                return
        elif b"transfer-encoding: chunked" in low and not rest.endswith(b"0\r\n\r\n"):
            return
        self.body, self._buffer = rest, b""
        if b"connection: close" in low:
            self.close()
        self._settle(int(head[9:12]))

    def close(self) -> None:
        """Close the connection."""
        self.closed = True
        if self._transport:
            self._transport.close()

    async def request(self, data: bytes, limit_s: float) -> int:
        """Send one request and return its status, 0 if the connection broke, -1 after the time limit."""
        assert self._transport
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        limit = loop.call_later(limit_s, self._settle, -1)
        self._transport.write(data)
        status = await self._answer
        limit.cancel()
        if status == -1:
            self.close()
        return status

    def _settle(self, status: int) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result(status)


@dataclass(slots=True)
class Load:
    """One run: the requests to send, and their results."""

    url: str
    method: str
    template: str
    headers: list[str]
    keys: str
    run: str
    limit_s: float = 30
    rows: list[tuple[str, float, float, int]] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    sent: int = 0
    pool: list[Connection] = field(default_factory=list)
    _head: bytes = b""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"{self.method} {path} HTTP/1.1", f"Host: {parts.netloc}", *self.headers]
        if self.method != "GET":
            lines.append("Content-Type: application/json")
        self._head = "\r\n".join([*lines, ""]).encode()

    def _build(self) -> tuple[str, bytes]:
        number, self.sent = self.sent, self.sent + 1
        key = {"distinct": number, "one": 0}.get(self.keys)
        key = number % int(self.keys) if key is None else key
        name = f"bz{self.run}x{number}z"
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = self.template
        marks = (("@@ID@@", name), ("@@KEY@@", f"k{self.run}-{key}"), ("@@GRP@@", f"g{number % 100}"))
        for mark, value in (*marks, ("@@NOW@@", now)):
            text = text.replace(mark, value)
        body = text.encode()
        length = f"Content-Length: {len(body)}\r\n\r\n".encode() if self.method != "GET" else b"\r\n"
        return name, self._head + length + body

    async def _connect(self) -> Connection:
        while self.pool:
            if not (connection := self.pool.pop()).closed:
                return connection
        parts = urlsplit(self.url)
        assert parts.hostname, "the address needs a host"
        assert parts.port, "the address needs a port"
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(Connection, parts.hostname, parts.port))[1]

    async def _once(self, scheduled: float | None = None) -> None:
        try:
            connection = await self._connect()
        except OSError as error:
            self.rows.append(("", 0, 0, 0))
            self.bad.append(str(error))
            await asyncio.sleep(0.01)
            return
        name, data = self._build()
        started = scheduled or time.monotonic()
        status = await connection.request(data, self.limit_s)
        self.rows.append((name, started, time.monotonic(), status))
        if not 200 <= status < 300:
            self.bad.append(connection.body[:300].decode("utf-8", "replace"))
        if not connection.closed:
            self.pool.append(connection)

    async def closed_loop(self, conns: int, duration_s: float | None, count: int | None) -> None:
        """Keep `conns` requests in flight for `duration_s` seconds or `count` requests."""
        end = time.monotonic() + duration_s if duration_s else float("inf")

        async def send_sequentially() -> None:
            while time.monotonic() < end and self.sent < (count or float("inf")):
                await self._once()

        await asyncio.gather(*[send_sequentially() for _ in range(conns)])

    async def open_loop(self, rate: float, duration_s: float) -> None:
        """Send `rate` requests a second at fixed times, regardless of response times."""
        start = time.monotonic()
        tasks = []
        for number in range(int(rate * duration_s)):
            at = start + number / rate
            await asyncio.sleep(max(0, at - time.monotonic()))
            tasks.append(asyncio.create_task(self._once(at)))
        await asyncio.gather(*tasks)

    def summary(self, wall_s: float) -> dict[str, object]:
        """Return counts, rate and latency quantiles in milliseconds."""
        good = sorted((done - start) * 1000 for _, start, done, s in self.rows if 200 <= s < 300)

        def quantile(q: float) -> float | None:
            return round(good[min(len(good) - 1, int(q * len(good)))], 2) if good else None

        return {
            "n": len(self.rows),
            "ok": len(good),
            "errors": Counter(str(row[3]) for row in self.rows if not 200 <= row[3] < 300),
            "wall_s": round(wall_s, 2),
            "ok_per_s": round(len(good) / wall_s, 1),
            "p50_ms": quantile(0.5),
            "p95_ms": quantile(0.95),
            "p99_ms": quantile(0.99),
            "max_ms": quantile(1),
            "bad": self.bad[:2],
        }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--method", default="POST")
    parser.add_argument("--body", type=Path)
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--conns", type=int, default=32)
    parser.add_argument("--duration", type=float)
    parser.add_argument("--count", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--keys", default="distinct", help="distinct, one, or a number of keys")
    parser.add_argument("--run", default="r", help="part of the ids and keys of this run")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


async def _main(args: argparse.Namespace) -> None:
    body = args.body.read_text(encoding="utf-8") if args.body else ""
    load = Load(args.url, args.method, body, args.header, args.keys, args.run)
    started = time.monotonic()
    if args.rate:
        await load.open_loop(args.rate, args.duration)
    else:
        await load.closed_loop(args.conns, args.duration, args.count)
    print(json.dumps(load.summary(time.monotonic() - started)))
    if args.out:
        lines = [f"{i}\t{s:.6f}\t{d:.6f}\t{status}\n" for i, s, d, status in load.rows]
        args.out.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main(_arguments()))
