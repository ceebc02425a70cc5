"""The machine and versions of a benchmark run."""

import os
import platform
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.product import product
from bench.upsert_baseline import upserts_per_s


def _value(path: str, name: str) -> str:
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


@dataclass(frozen=True, slots=True)
class Machine:
    """Hardware, system and versions of a run."""

    cores: int
    cpu: str
    memory_gb: int
    system: str
    python: str
    postgres: str
    revision: str
    commits_per_s: float
    date: str


def _revision() -> str:
    result = subprocess.run(
        ["/usr/bin/git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return result.stdout.strip() or "unknown"


async def describe() -> Machine:
    """Return the facts about this machine; `commits_per_s` is of one connection with one-row commits."""
    async with product() as it:
        await it.start()
        (version,) = await it.texts("show server_version")
        commits = await upserts_per_s(it.dsn, 2, clients=1)
    return Machine(
        os.cpu_count() or 0,
        _value("/proc/cpuinfo", "model name"),
        round(int(_value("/proc/meminfo", "MemTotal").split()[0]) / 2**20),
        f"{platform.system()} {platform.release()}",
        platform.python_version(),
        version,
        _revision(),
        commits,
        datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def busy(seconds: float = 3) -> float:
    """Return how many cores other programs use."""
    ticks = os.sysconf("SC_CLK_TCK")

    def used() -> int:
        fields = [
            int(x) for x in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
        ]
        return sum(fields) - fields[3] - fields[4]

    before = used()
    time.sleep(seconds)
    return (used() - before) / ticks / seconds
