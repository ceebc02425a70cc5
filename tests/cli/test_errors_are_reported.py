"""Errors of the command line are explained on standard error, with an exit code for scripts."""

import asyncio
import json
import os
import pty
import signal
import sys
import termios
from pathlib import Path

import click
import pytest

from firebell.cli import commands, main
from firebell.kit.clock import FakeClock
from tests.cli.terminal import Terminal, Typist, at_a_server
from tests.servers import free_port, until

HEAVY = ("fastapi", "starlette", "asyncpg", "httpx", "rich", "jinja2", "pydantic", "uvicorn", "argon2")
SOCKETS = ("urllib.request", "http.client", "socket", "ssl", "asyncio", "email", "tomllib")


@pytest.fixture
def run(tmp_path: Path) -> Terminal:
    """Commands inside this process, not signed in."""
    return Typist(tmp_path)


@pytest.fixture
def run_process(tmp_path: Path) -> Terminal:
    """Commands as processes, not signed in."""
    return Terminal(tmp_path)


async def imported_by(*args: str) -> set[str]:
    """Return which modules a command has loaded when it ends."""
    code = (
        "import sys\nfrom firebell.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, *args),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 0, err
    return set(err.decode().split())


async def test_classify_loads_nothing_that_it_does_not_need() -> None:
    loaded = await imported_by("classify", "--down", "no", "--degraded", "yes", "--workaround", "yes")
    assert "firebell.incidents.severity" in loaded
    assert not loaded & {*HEAVY, *SOCKETS}
    assert [name for name in loaded if name.startswith("firebell.kit.")] == ["firebell.kit.slice"]


async def test_the_help_and_the_client_commands_load_no_server() -> None:
    assert not await imported_by("--help") & {*HEAVY, *SOCKETS}
    for command in (
        "page",
        "incident",
        "oncall",
        "policy",
        "service",
        "alert",
        "declare",
        "login",
        "runbook",
    ):
        loaded = await imported_by(command, "--help")
        assert not loaded & set(HEAVY), command


async def test_every_command_is_listed_and_explains_itself_with_an_example(run: Terminal) -> None:
    listed = (await run("--help")).out
    assert "Exit codes: 0 done, 1 refused, 2 wrong usage, 3" in " ".join(listed.split())
    assert all(f"  {name} " in listed and command.help in listed for name, command in commands().items())
    for args in (
        *(("classify",), ("login",), ("declare",), ("alert", "send"), ("page", "ack"), ("page", "snooze")),
        *(("incident", "note"), ("incident", "postmortem"), ("oncall", "override"), ("policy", "dry-run")),
        *(("service", "key", "add"), ("incident", "phase"), ("oncall", "shifts")),
    ):
        text = (await run(*args, "--help")).out
        assert f"Example:\n    firebell {' '.join(args)}" in text, text
        assert "--json" in text


async def test_severity_is_classified_offline(run_process: Terminal) -> None:
    result = await run_process("classify", "--down", "no", "--degraded", "yes", "--workaround", "no")
    assert result.out.startswith("SEV0  Complete outage")
    assert (await run_process("classify", "--down", "no", "--degraded", "no", "--json")).json[
        "provisional"
    ] is True
    assert "--down" in (await run_process("classify", code=2)).err
    wrong = await run_process("classify", "--down", "maybe", code=2)
    assert "'maybe' is not one of" in wrong.err
    assert (await run_process("classify", "--down", "YES", "--json")).json["severity"] == "SEV0"
    assert (
        await run_process("classify", "--down", "No", "--degraded", "n", "--customers", "N", "--json")
    ).json["severity"] == "SEV3"


def reads_keys(terminal: int) -> bool:
    """Return True if the program in the terminal gets each key at once; what is typed before is discarded."""
    return not termios.tcgetattr(terminal)[3] & termios.ICANON


async def at_a_keyboard(keys: bytes, *args: str, **env: str) -> tuple[int, str]:
    """Run a command in a real terminal, press keys one after another, and return the outcome."""
    master, slave = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "firebell", *args),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm", **env},
        start_new_session=True,
    )
    os.close(slave)
    output = b""
    loop = asyncio.get_running_loop()
    prompts = 0
    while True:
        try:
            chunk = await asyncio.wait_for(loop.run_in_executor(None, os.read, master, 4096), 60)
        except OSError:
            break
        output += chunk
        if not chunk:
            break
        while prompts < len(keys) and output.count(b"[u]ndo: ") > prompts:
            await until(lambda: asyncio.sleep(0, reads_keys(master)), "the terminal reads single keys")
            os.write(master, keys[prompts : prompts + 1])
            prompts += 1
    os.close(master)
    return await asyncio.wait_for(process.wait(), 60), output.decode()


async def test_one_key_answers_one_question() -> None:
    code, output = await at_a_keyboard(b"nyy", "classify")
    assert code == 0
    assert output.count("?") == 6
    assert "SEV1" in output
    assert "\x1b[31m" in output, "a severity has its color on a terminal"
    code, output = await at_a_keyboard(b"y", "classify", NO_COLOR="1")
    assert (code, "SEV0" in output, "\x1b[" in output) == (0, True, False)


@pytest.mark.parametrize("key", [b"\x03", b"\x04"], ids=["Ctrl-C", "Ctrl-D"])
async def test_an_interrupted_question_changes_nothing(key: bytes) -> None:
    code, output = await at_a_keyboard(b"n" + key, "declare", "x")
    assert code == 1
    assert "Stopped. Nothing more was done." in output
    assert "Traceback" not in output


async def test_an_unknown_command_suggests_the_nearest(run: Terminal) -> None:
    assert "No such command 'incidnet'. Did you mean 'incident'?" in (await run("incidnet", code=2)).err
    assert "Did you mean 'resolve'?" in (await run("page", "resolv", code=2)).err
    assert "See 'firebell --help'." in (await run("xyzzy", code=2)).err
    problem = json.loads((await run("pgae", "--json", code=2)).err)
    assert problem["detail"] == "No such command 'pgae'. Did you mean 'page'?"


async def test_without_a_server_the_error_names_the_command_to_sign_in(run: Terminal) -> None:
    unknown = await run("page", "list", code=2)
    assert unknown.err.startswith("Error: Not signed in.\nRun 'firebell login URL'")
    run.env["FIREBELL_URL"] = f"http://127.0.0.1:{free_port()}"
    away = await run("page", "list", code=3)
    assert "cannot be reached" in away.err
    problem = json.loads((await run("page", "list", "--json", code=3)).err)
    assert problem["type"] == "urn:firebell:problem:unreachable"
    run.env["FIREBELL_URL"] = "firebell.example.org"
    assert "is not a web address" in (await run("page", "list", code=2)).err
    run.env |= {"FIREBELL_URL": "http://127.0.0.1:1", "FIREBELL_KEY": "fb_ä"}
    assert "invalid characters" in (await run("page", "list", code=2)).err


async def answering(text: bytes) -> asyncio.Server:
    """Serve one fixed response to every request."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(text)
        await writer.drain()
        writer.close()

    heads: list[bytes] = []
    return await asyncio.start_server(answer, "127.0.0.1", 0)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "did not answer like a Firebell server"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "answered 502"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n",
            "redirects to",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "cannot be reached"),
        (b"", "cannot be reached"),
    ],
)
async def test_a_server_that_is_not_firebell_is_reported(
    run_process: Terminal, answer: bytes, message: str
) -> None:
    server = await answering(answer)
    async with server:
        run_process.env["FIREBELL_URL"] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        run_process.env["FIREBELL_KEY"] = "fb_secret"
        assert message in (await run_process("page", "list", code=3)).err


async def test_a_login_is_remembered_for_its_server_alone(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (_, run):
        url, key = run.env.pop("FIREBELL_URL"), run.env.pop("FIREBELL_KEY")
        wrong = await run("login", url, "--key", "fb_wrong", code=1)
        assert "has no valid API key" in wrong.err
        done = await run("login", url + "/", "--key", key)
        assert done.out.startswith(f"Signed in to {url} as Mara Lindqvist")
        stored = tmp_path / "firebell" / "config.toml"
        assert stored.stat().st_mode & 0o777 == 0o600
        assert (await run("page", "list")).out == "No pages match.\n"
        # the same server by another name does not get the key
        run.env["FIREBELL_URL"] = url.replace("127.0.0.1", "localhost")
        assert "has no valid API key" in (await run("page", "list", code=1)).err
        del run.env["FIREBELL_URL"]
        stored.write_text("url = ", encoding="utf-8")
        assert "cannot be read" in (await run("page", "list", code=2)).err
        assert (await run("login", url, code=1, typed="")).err.endswith("Stopped. Nothing more was done.\n")


async def test_a_refusal_of_the_server_is_shown_with_its_fields(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (_, run):
        empty = await run("declare", " ", "--severity", "SEV2", code=1)
        assert "title: Please fill this in." in empty.err
        assert empty.out == ""
        wrong = json.loads((await run("declare", "x", "--severity", "SEV7", "--json", code=1)).err)
        assert (wrong["status"], wrong["errors"][0]["field"]) == (422, "severity")
        assert "is not a PG reference" in (await run("page", "show", "INC-1", code=1)).err
        assert "There is nothing at" in (await run("page", "show", "../people", code=1)).err
        there = await run("alert", "send", "x", "--service", "chekout", code=1)
        assert there.err == "Error: There is no service chekout.\nThere are: checkout.\n"
        for args in (
            ("alert", "send", "x"),
            ("alert", "send", "x", "--service", "checkout", "--label", "novalue"),
            ("page", "snooze", "PG-1", "--for", "soon"),
            ("page", "list", "--state", "asleep"),
            ("page", "list", "--limit", "0"),
            ("oncall", "who", "--at", "tomorrow"),
            ("incident", "phase", "INC-1", "somewhere"),
            ("page", "ack"),
        ):
            assert (await run(*args, code=2)).out == "", args


async def test_a_reader_that_goes_away_is_no_error(run: Terminal) -> None:
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m firebell --help | head -1", stdout=-1, stderr=-1
    )
    out, err = await process.communicate()
    assert out.startswith(b"Usage: firebell")
    assert err == b""
    assert process.returncode != signal.SIGPIPE


def test_the_manual_shows_every_command() -> None:
    manual = (Path(__file__).parents[2] / "docs/cli.md").read_text(encoding="utf-8")

    def walk(command: click.Command, path: str) -> list[str]:
        if isinstance(command, click.Group):
            return [line for name, sub in command.commands.items() for line in walk(sub, f"{path} {name}")]
        return [path]

    for name in (
        *("classify", "login", "alert", "page", "declare", "incident", "oncall", "policy", "service"),
        *("template", "handbook", "session"),
    ):
        resolved = main.get_command(click.Context(main), name)
        assert resolved
        for path in walk(resolved, name):
            assert f"$ firebell {path}" in manual, path
