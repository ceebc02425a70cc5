"""W16: how long the command line takes to print its help, beside a bare interpreter."""

import asyncio
import statistics
import sys
import time
from pathlib import Path

from bench.result import Result, check, number

RUNS = 15
_FIREBELL = str(Path(sys.executable).with_name("firebell"))
_COMMANDS = {
    "firebell --help": (_FIREBELL, "--help"),
    "firebell classify --help": (_FIREBELL, "classify", "--help"),
    "python -c pass": (sys.executable, "-c", "pass"),
}


async def help_texts(factor: float) -> Result:
    """W16: each command in turn, so that a busy moment hits all of them."""
    took_ms: dict[str, list[float]] = {name: [] for name in _COMMANDS}
    failed = 0
    for _ in range(max(3, int(RUNS * factor))):
        for name, command in _COMMANDS.items():
            began = time.perf_counter()
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
            failed += await process.wait() != 0
            took_ms[name].append((time.perf_counter() - began) * 1000)
    median = {name: statistics.median(values) for name, values in took_ms.items()}
    whole, one, bare = median.values()
    return Result(
        "W16",
        "the command line prints its help",
        f"median `firebell --help` {number(whole)} ms, `firebell classify --help` {number(one)} ms",
        f"`python -c pass` {number(bare)} ms: ratios {number(whole / bare)} and {number(one / bare)}",
        (("firebell --help <= 1.5x classify --help", whole <= 1.5 * one),),
        check(failed=(failed, 0)),
    )
