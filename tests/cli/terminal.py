"""The command line as users run it: a real process and a real server."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from firebell.cli import main
from firebell.kit.clock import FakeClock
from tests.api.api_clients import key_of
from tests.servers import serve
from tests.world import World, world


@dataclass(frozen=True, slots=True)
class Ran:
    """The output and exit code of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


@dataclass(slots=True)
class Terminal:
    """Runs `firebell` with an environment of its own, without a terminal."""

    home: Path
    env: dict[str, str] = field(default_factory=dict)

    async def __call__(self, *args: str, code: int = 0, typed: str = "") -> Ran:
        """Run a command, assert its exit code, and return its output."""
        ran = await self._run(args, typed)
        assert ran.code == code, f"{' '.join(args)}: {ran}"
        assert "Traceback" not in ran.err, ran.err
        return ran

    def variables(self) -> dict[str, str]:
        """Return the environment of a command."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("FIREBELL_", "NO_COLOR"))}
        return {**kept, "TZ": "UTC", "XDG_CONFIG_HOME": str(self.home), **self.env}

    async def _run(self, args: Sequence[str], typed: str) -> Ran:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "firebell", *args),
            env=self.variables(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(typed.encode()), 60)
        return Ran(process.returncode or 0, out.decode(), err.decode())


class Typist(Terminal):
    """The same commands inside this process: twenty times as fast, and still against a real server."""

    async def _run(self, args: Sequence[str], typed: str) -> Ran:
        return await asyncio.to_thread(self._here, args, typed)

    def _here(self, args: Sequence[str], typed: str) -> Ran:
        os.environ["TZ"], before = "UTC", os.environ.get("TZ")
        time.tzset()
        try:
            gone = dict.fromkeys(set(os.environ) - set(self.variables()))
            runner = CliRunner(env={**gone, **self.variables()})
            done = runner.invoke(main, args, input=typed, prog_name="firebell")
        finally:
            os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
            time.tzset()
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ran(done.exit_code, done.stdout, done.stderr)


@asynccontextmanager
async def at_a_server(dsn: str, clock: FakeClock, home: Path) -> AsyncIterator[tuple[World, Terminal]]:
    """Yield the small organization behind a running server, and a terminal with its admin's key."""
    async with world(dsn, clock) as w, serve(dsn) as server:
        key = await key_of(w.ctx.db, clock, w.mara)
        yield w, Typist(home, {"FIREBELL_URL": server.url, "FIREBELL_KEY": key})
