"""The command line with unexpected counterparts: other services, full disks, useless calendars."""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from firebell.cli import main
from firebell.commands import policy
from firebell.commands.output import table
from firebell.kit.clock import FakeClock
from tests.cli.terminal import Terminal, Typist, at_a_server
from tests.servers import listening

READS = (
    *("page list", "page show PG-1", "alert list", "incident list", "incident show INC-1", "oncall"),
    *("incident timeline INC-1", "oncall schedule list", "oncall cover list", "oncall swap list"),
    *("oncall vacation list", "oncall feed list", "oncall import list x", "oncall handoff list"),
    *(
        "policy list",
        "alert send x --integration x",
        "service list",
        "service key list x",
        "template list",
        "runbook list",
        "login URL --key x",
    ),
)
FOREIGN = ('{"hello": "world"}', '[{"id": 1}]', "[1, 2]", '"text"', "null", "[]", "{}", "7")


def commands(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with its path."""
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            child = command.get_command(click.Context(command), name)
            assert child
            yield from commands(child, (*path, name))


KNOWN = {" ".join(path) for path, _ in commands(main)}


@pytest.mark.parametrize("foreign", FOREIGN)
async def test_bug_the_json_of_another_service_was_a_traceback(tmp_path: Path, foreign: str) -> None:
    text = foreign.encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n".encode()
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + text)
        await writer.drain()
        writer.close()

    async with listening(answer) as port:
        url = f"http://127.0.0.1:{port}"
        run = Typist(tmp_path, {"FIREBELL_URL": url, "FIREBELL_KEY": "fb_secret"})
        for line in READS:
            args = [url if part == "URL" else part for part in line.split()]
            problem = json.loads((await run(*args, "--json", code=3)).err)
            assert problem["type"] == "urn:firebell:problem:unreachable", line


async def test_a_connection_lost_during_an_error_prints_no_traceback(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 1000\r\n\r\n<html>")
        await writer.drain()
        writer.close()

    async with listening(answer) as port:
        run = Typist(tmp_path, {"FIREBELL_URL": f"http://127.0.0.1:{port}", "FIREBELL_KEY": "fb_secret"})
        assert "answered 502 Bad Gateway" in (await run("page", "list", code=3)).err


async def test_arguments_that_are_not_utf_8_print_no_traceback(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (_, run):
        await run("page", "ack", "\udcff", code=1)
        assert (await run("page", "list", "--query", "disk \udcff", "--json")).json == []


def test_the_commands_that_are_tried_exist() -> None:
    for line in READS:
        parts = [part for part in line.split() if part[0].islower() and part != "x"]
        assert " ".join(parts) in KNOWN, line


@pytest.mark.parametrize("args", ["--help", "classify --down yes", "handbook list", "handbook show SKILL.md"])
@pytest.mark.parametrize("target", ["> /dev/full", ">&-", "<&- 2>&- >&-"])
async def test_bug_a_full_disk_or_a_closed_output_was_a_traceback(args: str, target: str) -> None:
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m firebell {args} {target}", stdout=-1, stderr=-1
    )
    _, err = await process.communicate()
    full = target == "> /dev/full"
    assert process.returncode == (1 if full else 0)
    assert err.count(b"\n") == (1 if full else 0), err


async def test_an_interrupted_command_with_json_prints_nothing_but_json(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await asyncio.sleep(600)

    async with listening(answer) as port:
        run = Terminal(tmp_path, {"FIREBELL_URL": f"http://127.0.0.1:{port}", "FIREBELL_KEY": "fb_secret"})
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "firebell", "page", "list", "--json"),
            env=run.variables(),
            stdout=-1,
            stderr=-1,
            # a shell starts its background jobs, and so these tests in one, with SIGINT ignored
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        await asyncio.wait_for(asked.wait(), 60)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, out) == (1, b"")
    assert json.loads(err)["type"] == "urn:firebell:problem:stopped"


def test_a_version_of_a_policy_is_judged_in_its_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    version = {"version": 1, "levels": [], "repeat": 1, "ack_timeout_s": None, "tz": "Europe/Stockholm"}
    sent = []

    def call(method: str, path: str, body: object = None) -> object:
        sent.append(body)
        nothing = {"levels": [], "alarms": 0}
        return {"pages": 0, "saved": nothing, "draft": nothing}

    monkeypatch.setattr(policy, "call_all", lambda path: [version])
    monkeypatch.setattr(policy, "call", call)
    assert CliRunner().invoke(policy.policy, ["effect", "payments", "1"]).exit_code == 0
    assert sent == [{key: value for key, value in version.items() if key != "version"}]


def test_every_help_fits_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for path, command in commands(main):
        context = click.Context(main, info_name="firebell")
        for name in path:
            assert isinstance(context.command, click.Group)
            child = context.command.get_command(context, name)
            assert child
            context = click.Context(child, info_name=name, parent=context)
        assert max(map(len, command.get_help(context).splitlines())) <= 80, path


def test_bug_a_long_slug_cut_the_title_of_a_page_to_twelve_characters() -> None:
    title = "Card payments at checkout fail with 502"
    row = [
        "PG-1",
        "triggered",
        "high",
        "a-service-with-quite-a-long-slug-indeed",
        title,
        "next Mara Lindqvist",
    ]
    text = table(("PAGE", "STATE", "URGENCY", "SERVICE", "TITLE", "WHO"), [row], wide=4)
    assert title in text
    assert max(map(len, click.unstyle(text).splitlines())) <= 100


CALENDARS = {
    "no calendar": (b"<html>Sign in</html>", False),
    "no event": (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n", True),
    "cut short": (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n", True),
    "nobody": (
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20200101T000000Z\r\n"
        b"DTEND:20990101T000000Z\r\nSUMMARY:Alice\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        True,
    ),
}


async def test_bug_a_calendar_that_gives_nothing_was_taken_in_without_a_word(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (_, run):
        for number, (name, (body, stored)) in enumerate(CALENDARS.items()):
            path = tmp_path / f"{number}.ics"
            path.write_bytes(body)
            ran = await run("oncall", "import", "add", "payments-primary", "--file", str(path), code=1)
            assert (ran.out, " was added, but " in ran.err) == ("", stored), name
        url = "http://10.0.0.1/rota.ics"
        private = await run("oncall", "import", "add", "payments-primary", "--url", url, "--json", code=1)
        assert "private address" in json.loads(private.err)["detail"]
        assert private.json["shifts"] == 0


async def test_a_truncated_list_says_that_there_is_more(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        for number in range(3):
            await w.alert(f"alert {number}", labels={"service": f"part-{number}"})
        part = await run("page", "list", "--limit", "2")
        assert (part.out.count("PG-"), "--limit" in part.err) == (2, True)
        whole = await run("page", "list", "--limit", "3")
        assert (whole.out.count("PG-"), whole.err) == (3, "")
        assert len((await run("page", "list", "--limit", "2", "--json")).json) == 2
