"""PostgreSQL servers of the Debian packages: one alone, or a primary that waits for a synchronous standby."""

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from bench.load_runner import free_port

_PACKAGES = Path("/usr/lib/postgresql")
_ACCOUNT = "nobody"
"""The account of the servers if the bench runs as root, which PostgreSQL refuses."""
_LIMIT_S = 30


def _binaries() -> Path:
    versions = [path for path in _PACKAGES.glob("*/bin") if (path / "initdb").exists()]
    if not versions:
        raise FileNotFoundError("This workload needs Debian's PostgreSQL: apt-get install postgresql.")
    return max(versions, key=lambda path: float(path.parent.name))


async def _run(folder: Path, program: str, *args: str) -> None:
    # uvloop cannot change the user of a process
    await asyncio.to_thread(
        subprocess.run,
        [str(_binaries() / program), *args],
        cwd=folder,
        user=_ACCOUNT if os.getuid() == 0 else None,
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=2 * _LIMIT_S,
    )


async def _start(folder: Path, data: str, port: int) -> None:
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    await _run(
        folder, "pg_ctl", "start", "-D", data, "-w", "-t", str(_LIMIT_S), "-l", f"{data}.log", "-o", options
    )


async def _wait_for_standby(primary: asyncpg.Connection) -> None:
    await primary.execute("alter system set synchronous_standby_names = '*'")
    await primary.execute("select pg_reload_conf()")
    async with asyncio.timeout(_LIMIT_S):
        while not await primary.fetchval("select true from pg_stat_replication where sync_state = 'sync'"):
            await asyncio.sleep(0.1)


@asynccontextmanager
async def debian_postgres(*, synchronous_standby: bool) -> AsyncIterator[str]:
    """Yield the address of an empty database; with a standby, each commit waits for the flush there."""
    folder = Path(tempfile.mkdtemp(prefix="firebell-bench-pg-"))
    started: list[str] = []
    try:
        if os.getuid() == 0:
            os.chown(folder, pwd.getpwnam(_ACCOUNT).pw_uid, -1)
        port, standby_port = free_port(), free_port()
        await _run(folder, "initdb", "-D", "primary", "-A", "trust", "-U", "firebell", "-N", "-E", "UTF8")
        await _start(folder, "primary", port)
        started.append("primary")
        dsn = f"postgresql://firebell@127.0.0.1:{port}/postgres"
        if synchronous_standby:
            await _run(
                folder, "pg_basebackup", "-d", dsn, "-D", "standby", "-R", "-X", "stream", "-c", "fast"
            )
            await _start(folder, "standby", standby_port)
            started.append("standby")
            primary = await asyncpg.connect(dsn)
            await _wait_for_standby(primary)
            await primary.close()
        yield dsn
    finally:
        for data in started:
            await _run(folder, "pg_ctl", "stop", "-D", data, "-m", "immediate", "-w")
        shutil.rmtree(folder, ignore_errors=True)
