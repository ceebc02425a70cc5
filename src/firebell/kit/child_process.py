"""Runs a module of Firebell in a child process, for work that must not be able to harm or outlive this one."""

import asyncio
import contextlib
import sys
from collections.abc import Mapping, Sequence


async def output_of(
    module: str,
    request: bytes,
    limit_s: float,
    *,
    flags: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> tuple[bytes, int]:
    """Run a module with a request on standard input; return its standard output and exit code.

    `flags` are of the interpreter; without an `environment`, the process has ours. Raises `TimeoutError` after the
    limit, and `OSError` if no process can be started. The process never outlives the call; the module gets the limit
    as its argument, so that it can end (`child_limits.end_after`) even if this process is killed.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", *flags, "-m", module, str(limit_s)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
    )
    try:
        async with asyncio.timeout(limit_s):
            output, _ = await process.communicate(request)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return output, process.returncode or 0
