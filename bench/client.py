"""The outside world as processes of its own: the load client and the webhook sink."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BODY = HERE / "alert.json"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Load:
    """What a load run saw; `answers` are (id, sent, answered, status) in monotonic seconds."""

    n: int
    ok: int
    errors: dict[str, int]
    wall_s: float
    ok_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    bad: list[str]
    answers: list[tuple[str, float, float, int]]

    @property
    def accepted(self) -> dict[str, float]:
        """When each accepted id was answered."""
        return {name: answered for name, _, answered, status in self.answers if 200 <= status < 300}

    @property
    def sent(self) -> dict[str, float]:
        """When each accepted id was sent."""
        return {name: sent for name, sent, _, status in self.answers if 200 <= status < 300}

    @property
    def began(self) -> float:
        """When the first request was sent."""
        return min(sent for _, sent, _, _ in self.answers)


async def load(url: str, out: Path, **options: str | float | Path) -> Load:
    """Run the load client against `url` with its command-line options and return what it saw."""
    command = [sys.executable, "-m", "bench.load", "--url", url, "--out", str(out)]
    if options.get("method", "POST") == "POST":
        options.setdefault("body", BODY)
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the load client ended with {process.returncode}")
    found: dict[str, Any] = json.loads(said)
    answers = []
    for line in out.read_text(encoding="utf-8").splitlines():
        name, sent, answered, status = line.split("\t")
        answers.append((name, float(sent), float(answered), int(status)))
    return Load(**{**found, "answers": answers})


@dataclass(frozen=True, slots=True)
class Sink:
    """A webhook receiver that writes down what came when."""

    url: str
    out: Path

    def messages(self) -> list[tuple[float, list[str]]]:
        """Return (instant, ids inside) of every message so far."""
        found = []
        for line in self.out.read_text(encoding="utf-8").splitlines():
            at, _, ids = line.split("\t")
            found.append((float(at), ids.split(",") if ids else []))
        return found

    def first(self) -> dict[str, float]:
        """Return when each id came first."""
        found: dict[str, float] = {}
        for at, ids in self.messages():
            for name in ids:
                found.setdefault(name, at)
        return found

    async def settled(self, expected: int, limit_s: float) -> bool:
        """Return whether `expected` different ids have come, as soon as they have or after the limit."""
        for _ in range(int(limit_s / 0.25)):
            if len(self.first()) >= expected:
                return True
            await asyncio.sleep(0.25)
        return len(self.first()) >= expected


@asynccontextmanager
async def sink(out: Path) -> AsyncIterator[Sink]:
    """Run a sink until the block ends."""
    out.touch()
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.sink", str(port), str(out))
    try:
        yield Sink(f"http://127.0.0.1:{port}/hook", out)
    finally:
        process.terminate()
        await process.wait()


def quantile(values: list[float], q: float) -> float:
    """Return a quantile of at least one value, the nearest rank above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]
