"""A run at a terminal is recorded on the server: at once, later when the server was down, and never with a secret."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from firebell.kit.clock import FakeClock
from tests.cli.runbook_runs import Machine, runbook
from tests.cli.terminal import Ran, Terminal, at_a_server
from tests.servers import listening

VARIABLES = (
    "  SERVICE: {from: incident.service}\n  TOKEN: {type: text, secret: true, pattern: '[a-z0-9-]+'}\n"
)
STEPS = """### 1. Act

```bash run=auto
echo "acting on $SERVICE with $TOKEN as $FIREBELL_RUN"
```

### 2. The server goes away

```bash run=auto
: >"$WORK/away"
```

### 3. Go on

```bash run=auto
echo "went on"
```
"""


class Desk:
    """A responder's machine that reaches the server through a gate, which is closed while the file `away` exists."""

    def __init__(self, machine: Machine, terminal: Terminal) -> None:
        self.machine, self.terminal = machine, terminal
        self.unanswered: list[str] = []
        """The requests that reached the closed gate."""
        self.failing = ""
        """The request that a proxy before the server always fails."""

    @property
    def away(self) -> Path:
        return self.machine.folder / "away"

    async def run(self, *args: str, code: int = 0, **more: str) -> Ran:
        """Run a runbook in a process of its own."""
        ran = await asyncio.to_thread(self.machine.run, *args, **more)
        assert ran.code == code, ran
        return ran

    async def runs(self) -> list[dict[str, Any]]:
        """Return all runs that the server has, with their steps, the newest first."""
        listed = await self.call("GET", "/runbook-runs")
        return [await self.call("GET", f"/runbook-runs/{run['ref']}") for run in listed]

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the server's API, past the gate."""
        env = self.terminal.env
        headers = {"Authorization": f"Bearer {env['FIREBELL_KEY']}"}
        async with httpx.AsyncClient(headers=headers) as http:
            answer = await http.request(method, f"{env['FIREBELL_URL']}/api/v1{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def declare(self, **more: object) -> None:
        """Declare INC-1."""
        await self.call("POST", "/incidents", {"title": "Checkout is down", "severity": "SEV2", **more})


@pytest.fixture
async def desk(dsn: str, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Desk]:
    async with at_a_server(dsn, clock, tmp_path / "home") as (_, terminal):
        server = urlsplit(terminal.env["FIREBELL_URL"])

        async def gate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            line = await reader.readline()
            if own.away.exists():
                own.unanswered.append(line.decode())
                writer.close()
                return
            if own.failing and line.decode().startswith(own.failing):
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
                await reader.read()
                return
            up_reader, up_writer = await asyncio.open_connection(server.hostname, server.port)
            up_writer.write(line)
            try:
                await asyncio.gather(pipe(reader, up_writer), pipe(up_reader, writer))
            finally:
                up_writer.close()
                with contextlib.suppress(ConnectionError):
                    await up_writer.wait_closed()

        async with listening(gate) as port:
            env = {"FIREBELL_URL": f"http://127.0.0.1:{port}", "FIREBELL_KEY": terminal.env["FIREBELL_KEY"]}
            own = Desk(Machine(tmp_path, env), terminal)
            yield own


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy what is read until the end, or until one side is gone."""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def test_a_run_is_recorded_at_once_and_what_the_server_missed_later(desk: Desk) -> None:
    terminal = desk.terminal
    text = runbook(STEPS, variables=VARIABLES)
    await terminal("runbook", "push", str(desk.machine.write(text, "away.md")))
    services = [service["slug"] for service in await desk.call("GET", "/services")]
    await desk.declare(services=services[:1])
    sha256 = (await terminal("runbook", "show", "away", "--json")).json["sha256"]
    options = ("away", "--incident", "INC-1", "--yes", "--sha256", sha256)

    left = await desk.run(*options, TOKEN="hunter2-secret")
    assert f"acting on {services[0]} with hunter2-secret" in left.out
    [run] = await desk.runs()
    assert (run["ref"], run["incident"], run["state"], run["mode"]) == (
        "RUN-1",
        "INC-1",
        "running",
        "unattended",
    )
    assert run["vars"] == {"SERVICE": services[0], "TOKEN": None}
    assert next(step["state"] for step in run["steps"] if step["label"] == "3") == "pending"

    # the library's last text is run while the server is unreachable, and both runs are sent by the next command
    value = f"--var=SERVICE={services[0]}"
    offline = await desk.run(*options, value, TOKEN="hunter2-secret")
    assert len(await desk.runs()) == 1
    await desk.run(*options, value, "--require-server", code=3, TOKEN="hunter2-secret")
    assert "hunter2-secret" in offline.out
    desk.away.unlink()
    await desk.run("--resume", "--yes", code=1)
    runs = await desk.runs()
    assert [(run["ref"], run["state"]) for run in runs] == [("RUN-2", "succeeded"), ("RUN-1", "succeeded")]
    for run, path in zip(reversed(runs), desk.machine.journals(), strict=True):
        journal = path.read_text()
        assert "hunter2-secret" not in journal
        for step in run["steps"]:
            assert "hunter2-secret" not in (step["head"] or "")
            if step["to_at"] and step["state"] == "done":
                # the original time, as it stands in the journal
                assert step["to_at"].removesuffix("Z")[:19] in journal
    acted = next(step for step in runs[1]["steps"] if step["part"] == "Steps")
    assert acted["head"].startswith(f"acting on {services[0]} with [redacted:variable] as ")
    # nobody knew whether the incident is private, so the output of the second run stayed on the machine
    assert all(step["head"] is None for step in runs[0]["steps"])


async def test_a_server_that_is_away_is_waited_for_once_before_the_first_step(desk: Desk) -> None:
    text = runbook("### 1. Do\n\n```bash run=auto\necho done\n```\n")
    await desk.terminal("runbook", "push", str(desk.machine.write(text, "away.md")))
    await desk.declare()
    sha256 = (await desk.terminal("runbook", "show", "away", "--json")).json["sha256"]
    options = ("away", "--incident", "INC-1", "--yes", "--sha256", sha256)
    await desk.run(*options)
    desk.away.touch()
    await desk.run(*options)
    assert sum(request.startswith("GET") for request in desk.unanswered) == 1
    desk.unanswered.clear()
    # now an earlier run has something to report, too
    await desk.run(*options)
    assert sum(request.startswith("GET") for request in desk.unanswered) == 1
    desk.away.unlink()
    await desk.run("--resume", "--yes", code=1)
    assert len(await desk.runs()) == 3


async def test_an_earlier_report_that_always_fails_keeps_no_run_from_the_newest_text(desk: Desk) -> None:
    async def push(command: str) -> str:
        text = runbook(f"### 1. Do\n\n```bash run=auto\n{command}\n```\n")
        await desk.terminal("runbook", "push", str(desk.machine.write(text, "proxied.md")))
        return str((await desk.terminal("runbook", "show", "proxied", "--json")).json["sha256"])

    sha256 = await push(': >"$WORK/away"')
    await desk.run("proxied", "--yes", "--sha256", sha256)
    desk.away.unlink()
    desk.failing = "POST /api/v1/runbook-runs/RUN-1/events"
    sha256 = await push("echo newest")
    ran = await desk.run("proxied", "--yes", "--sha256", sha256, "--require-server")
    assert "newest" in ran.out
    assert [run["state"] for run in await desk.runs()] == ["succeeded", "running"]


async def test_in_a_private_incident_no_output_leaves_the_machine(desk: Desk) -> None:
    path = str(desk.machine.write(runbook("### 1. Do\n\n```bash run=auto\necho classified\n```\n")))
    await desk.declare(private=True)
    await desk.run("--file", path, "--incident", "INC-1", "--yes")
    await desk.run("--file", path, "--incident", "INC-1", "--yes", "--output")
    loud, quiet = await desk.runs()
    assert (quiet["version"], quiet["state"]) == (None, "succeeded")
    assert [step["head"] for step in quiet["steps"] if step["part"] == "Steps"] == [None]
    assert [step["head"] for step in loud["steps"] if step["part"] == "Steps"] == ["classified\n"]


async def test_a_resumed_run_keeps_its_text_and_says_that_there_is_a_newer_one(desk: Desk) -> None:
    terminal = desk.terminal
    text = runbook('### 1. Do\n\n```bash run=auto idempotent\ntest -e "$WORK/go" || kill -9 "$PPID"\n```\n')
    path = desk.machine.write(text, "pinned.md")
    await terminal("runbook", "push", str(path))
    sha256 = (await terminal("runbook", "show", "pinned", "--json")).json["sha256"]
    await desk.run("pinned", "--yes", "--sha256", sha256, code=-9)
    (desk.machine.folder / "go").touch()
    path.write_text(text.replace("kill", "true; kill"), encoding="utf-8")
    await terminal("runbook", "push", str(path))
    await desk.run("--resume", "--yes", code=1)
    await desk.run("--resume", "--yes", "--anyway")
    [run] = await desk.runs()
    assert (run["sha256"], run["state"]) == (sha256, "succeeded")
    assert next(step["attempts"] for step in run["steps"] if step["part"] == "Steps") == 2
