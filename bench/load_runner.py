"""The load client and the webhook sink, each in a process of its own."""

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
    """Return an unused port."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Load:
    """The result of a load run; `answers` are (id, sent, answered, status) in monotonic seconds."""

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
    """Run the load client against `url` with its command-line options and return the result."""
    command = [sys.executable, "-m", "bench.load_client", "--url", url, "--out", str(out)]
    if options.get("method", "POST") == "POST":
        options.setdefault("body", BODY)
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the load client ended with {process.returncode}")
    summary: dict[str, Any] = json.loads(output)
    answers = []
    for line in out.read_text(encoding="utf-8").splitlines():
        name, sent, answered, status = line.split("\t")
        answers.append((name, float(sent), float(answered), int(status)))
    return Load(**{**summary, "answers": answers})


@dataclass(frozen=True, slots=True)
class Sink:
    """A webhook receiver that records every message with its arrival time."""

    url: str
    out: Path

    def messages(self) -> list[tuple[float, list[str]]]:
        """Return the arrival time and the ids of every message so far."""
        messages = []
        for line in self.out.read_text(encoding="utf-8").splitlines():
            at, _, ids = line.split("\t")
            messages.append((float(at), ids.split(",") if ids else []))
        return messages

    def first(self) -> dict[str, float]:
        """Return the first arrival time of each id."""
        arrivals: dict[str, float] = {}
        for at, ids in self.messages():
            for name in ids:
                arrivals.setdefault(name, at)
        return arrivals

    async def settled(self, expected: int, limit_s: float) -> bool:
        """Return True once `expected` different ids have arrived, False after the time limit."""
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
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.webhook_sink", str(port), str(out)
    )
    try:
        yield Sink(f"http://127.0.0.1:{port}/hook", out)
    finally:
        process.terminate()
        await process.wait()


def quantile(values: list[float], q: float) -> float:
    """Return a quantile by nearest rank; `values` must not be empty."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]
