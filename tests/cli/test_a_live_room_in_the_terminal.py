"""`firebell incident watch` against a real server: in a terminal, into a pipe, and over a lost connection."""

import asyncio
import fcntl
import json
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from firebell.incidents import actions as incidents
from firebell.incidents.model import Phase
from firebell.kit.clock import FakeClock
from tests.api.api_clients import key_of
from tests.cli.terminal import Terminal, at_a_server
from tests.servers import listening, serve, until
from tests.world import World, world

ANSI_COLOR = re.compile(r"\x1b\[[0-9;]*m")


async def declare(w: World) -> None:
    """Declare INC-1."""
    async with w.ctx.db.tx() as tx:
        await incidents.declare(tx, await w.actor(w.mara), title="Karten 障害", severity=2, now=w.now)


async def add(w: World, text: str, kind: str = "note") -> None:
    """Add an entry to INC-1."""
    async with w.ctx.db.tx() as tx:
        await incidents.add_entry(tx, await w.actor(w.mara), 1, kind, text, w.now)


async def dismiss(w: World) -> None:
    """End INC-1."""
    async with w.ctx.db.tx() as tx:
        await incidents.set_phase(tx, await w.actor(w.mara), 1, Phase.DISMISSED, w.now, reason="a test")


class Screen:
    """A pseudo-terminal of 80 columns and what a command wrote to it."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.raw = b""
        asyncio.get_running_loop().add_reader(self._ours, self._read)

    def _read(self) -> None:
        try:
            self.raw += os.read(self._ours, 65_536)
        except OSError:
            asyncio.get_running_loop().remove_reader(self._ours)

    @property
    def text(self) -> str:
        """Everything written so far."""
        return self.raw.decode(errors="replace")

    async def shows(self, text: str) -> None:
        """Return once the text was written."""

        async def shown() -> bool:
            return text in self.text

        await until(shown, f"the terminal shows {text!r}: {self.text[-2000:]!r}")

    def close(self) -> None:
        """Close both ends."""
        asyncio.get_running_loop().remove_reader(self._ours)
        os.close(self._ours)
        os.close(self.theirs)


@asynccontextmanager
async def watching(
    run: Terminal, *args: str, **env: str
) -> AsyncIterator[tuple[Screen, asyncio.subprocess.Process]]:
    """Run the command in a terminal; what still runs at the end is killed."""
    screen = Screen()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "firebell", "incident", "watch", "INC-1", "--interval", "0.2", *args),
        env={**run.variables(), "TERM": "xterm", **env},
        stdin=screen.theirs,
        stdout=screen.theirs,
        stderr=screen.theirs,
    )
    try:
        yield screen, process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        screen.close()


async def test_the_room_is_live_and_ends_with_the_incident(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        await declare(w)
        async with watching(run) as (screen, process):
            await screen.shows("INC-1 SEV2 is declared: Karten 障害")
            await screen.shows("no commander")
            await add(w, "Rolled build 4812 back " * 8, "mitigation")
            await screen.shows("[mitigation]")
            await dismiss(w)
            await screen.shows("INC-1 is dismissed.")
            assert await process.wait() == 0
        assert ANSI_COLOR.search(screen.text)
        lines = re.split(r"\r\n|\r\x1b\[K", ANSI_COLOR.sub("", screen.text))
        assert max(map(len, lines)) <= 80


async def test_no_color_leaves_the_terminal_uncolored(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        await declare(w)
        await dismiss(w)
        async with watching(run, NO_COLOR="1") as (screen, process):
            assert await process.wait() == 0
            await screen.shows("INC-1 is dismissed.")
        assert not ANSI_COLOR.search(screen.text)


async def test_into_a_pipe_it_writes_each_entry_once_as_text_and_as_json(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        await declare(w)
        for number in range(130):
            await add(w, f"entry {number}")
        await dismiss(w)
        text = await run("incident", "watch", "INC-1")
        assert "\x1b" not in text.out
        assert text.out.splitlines()[-1] == "INC-1 is dismissed."
        lines = [
            json.loads(line) for line in (await run("incident", "watch", "INC-1", "--json")).out.splitlines()
        ]
        texts = [line["text"] for line in lines if line["kind"] == "note"]
        assert texts == [f"entry {number}" for number in range(130)]
        missing = await run("incident", "watch", "INC-9", code=1)
        assert "INC-9" in missing.err


async def test_a_lost_connection_is_restored_without_a_missing_or_repeated_entry(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with world(dsn, clock) as w, serve(dsn) as server:
        await declare(w)
        port, is_cut = int(server.url.rpartition(":")[2]), False

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if is_cut:
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)

            async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
                while data := await source.read(65_536):
                    sink.write(data)
                    await sink.drain()

            there = asyncio.create_task(pump(reader, far_writer))
            await pump(far_reader, writer)
            there.cancel()
            far_writer.close()

        async with listening(forward) as own_port:
            key = await key_of(w.ctx.db, clock, w.mara)
            run = Terminal(tmp_path, {"FIREBELL_URL": f"http://127.0.0.1:{own_port}", "FIREBELL_KEY": key})
            async with watching(run) as (screen, process):
                await screen.shows("[declared]")
                is_cut = True
                await screen.shows("Not connected")
                await add(w, "while it was down")
                is_cut = False
                await screen.shows("while it was down")
                await dismiss(w)
                assert await process.wait() == 0
            assert screen.text.count("while it was down") == 1
            assert screen.text.count("[declared]") == 1


async def test_a_person_is_paged_from_the_terminal(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        await declare(w)
        sent = await run("page", "send", "Please join", "--person", "JUN@example.org", "--json")
        assert sent.json["started_by"]["target_name"] == "Jun Okafor"
        assert (await run("undo")).code == 0
        page = await run("incident", "page", "INC-1", "Need help", "--schedule", "payments-primary")
        assert page.out.startswith("PG-2 pages Payments primary.")
        assert "[paged]  paged Payments primary" in (await run("incident", "timeline", "INC-1")).out
        await run("page", "send", "Please join", code=2)
        await run("page", "send", "Please join", "--team", "nowhere", code=1)
        await run("page", "send", "Please join", "--policy", "payments", "--team", "payments", code=2)
        assert "- **" in (await run("incident", "timeline", "INC-1", "--markdown")).out
        similar = await run("incident", "similar", "Karten gestört")
        assert "INC-1" in similar.out
        assert (await run("view", "list", "incidents")).out == "No saved views yet.\n"
        saved = await run("view", "save", "alerts", "Now", "state=firing&range=24h&csrf=x", "--json")
        assert saved.json["path"] == "/alerts?state=firing&range=24h"
        number = str(saved.json["id"])
        assert (await run("view", "rename", number, "Firing", "--json")).json["name"] == "Firing"
        await run("view", "move", number, "1")
        assert "Firing" in (await run("view", "list", "alerts")).out
        await run("view", "delete", number)
        await run("view", "delete", number, code=1)
        assert (await run("alert", "list", "--since", "90m", "--until", "0m")).out
        await run("alert", "list", "--since", "2026-02-30", code=2)
        dismissed = await run("incident", "dismiss", "INC-1", "--reason", "a test", "--json")
        assert dismissed.json["phase"] == "dismissed"
