"""Apprise sends in a process of its own, which may do little and ends in time (decision 0110)."""

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from firebell.channels import apprise, apprise_process, sealed_addresses
from firebell.channels.base import Accepted, Edges, Failed, Message, Outcome, Retry, Unsent
from firebell.kit.http_out import guarded_client, parse_networks
from tests.actions.test_every_channel_conforms import MESSAGE
from tests.servers import listening
from tests.standins.channel_lab import SIGNER, TOKEN

LOOPBACK = "127.0.0.0/8"


def _children() -> Iterator[tuple[str, str, str]]:
    """Yield the state, the command line and the environment of each process of Apprise that this one started."""
    mine = str(Path("/proc/self").resolve().name)
    for folder in Path("/proc").iterdir():
        try:
            status = (folder / "status").read_text()
            command = (folder / "cmdline").read_bytes().decode()
            environment = (folder / "environ").read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            continue
        parent, state = (re.search(rf"^{name}:\s+(\S+)", status, re.M) for name in ("PPid", "State"))
        if parent and state and parent[1] == mine and ("apprise_child" in command or state[1] == "Z"):
            yield state[1], command, environment


async def _sent(
    address: str, *, kinds: str = "json", networks: str = LOOPBACK, message: Message = MESSAGE
) -> Outcome:
    """Send a message to an address as it is stored."""
    async with guarded_client(parse_networks(networks)) as http:
        transport = apprise.CHANNEL.open(Edges(http, SIGNER, {"FIREBELL_APPRISE_KINDS": kinds}))
        return await transport.send(sealed_addresses.seal(SIGNER, address), message, "key")


class Sink:
    """Reads requests, and answers them or not."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n") -> None:
        self.answer = answer
        self.got: list[bytes] = []
        self.processes: list[tuple[str, str, str]] = []
        self.arrived = asyncio.Event()
        self.left = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1]) if length else 0)
            self.got.append(head + body)
            self.processes = list(_children())
            self.arrived.set()
            if not self.answer:
                await reader.read()
                self.left.set()
                return
            writer.write(self.answer)
            await writer.drain()


async def test_a_message_arrives_and_its_address_is_in_no_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIREBELL_SECRET_OF_A_TEST", "of-this-process")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    sink = Sink()
    async with listening(sink.serve) as port:
        outcome = await _sent(f"json://127.0.0.1:{port}/{TOKEN}")
    assert outcome == Accepted("key")
    [request] = sink.got
    assert request.startswith(f"POST /{TOKEN}".encode())
    sent = json.loads(request.partition(b"\r\n\r\n")[2])
    assert sent["title"] == MESSAGE.subject
    assert MESSAGE.actions[0].url in sent["message"]
    [(_, command, environment)] = sink.processes
    assert not [text for text in (command, environment) if TOKEN in text or "Checkout" in text]
    assert "of-this-process" not in environment
    assert "PROXY" not in environment


async def test_an_address_reaches_no_private_host() -> None:
    sink = Sink()
    async with listening(sink.serve) as port:
        for host in ("127.0.0.1", "localhost"):
            outcome = await _sent(f"json://{host}:{port}/{TOKEN}", networks="10.9.0.0/16")
            assert isinstance(outcome, Failed)
            assert "FIREBELL_ALLOWED_NETWORKS" in outcome.reason
            assert not outcome.suspect
    assert sink.got == []


async def test_an_address_cannot_ask_to_be_redirected() -> None:
    inside = Sink()
    async with listening(inside.serve) as port:
        location = f"Location: http://127.0.0.1:{port}/inside"
        outside = Sink(f"HTTP/1.1 302 X\r\n{location}\r\nContent-Length: 0\r\n\r\n".encode())
        async with listening(outside.serve) as first:
            outcome = await _sent(f"json://127.0.0.1:{first}/{TOKEN}?redirect=yes")
    assert isinstance(outcome, Failed)
    assert outside.got
    assert inside.got == []


async def test_an_address_sends_no_file_of_the_machine(tmp_path: Path) -> None:
    secret = tmp_path / "template.json"
    secret.write_text('{"text": "{{app_body}}"}')
    slack = f"slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?template={secret}"
    outcome = await _sent(slack, kinds="slack")
    assert isinstance(outcome, Failed)
    assert "file or a program" in outcome.reason


async def test_a_service_that_hangs_leaves_no_process_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise_process, "LIMIT_S", 10)
    sink = Sink(b"")
    async with listening(sink.serve) as port:
        outcome = await _sent(f"json://127.0.0.1:{port}/{TOKEN}")
    assert isinstance(outcome, Retry)
    assert len(sink.got) == 1, "a message that may have arrived is not sent twice at once"
    assert sink.processes
    assert list(_children()) == []


async def test_a_process_ends_with_the_attempt_that_started_it() -> None:
    sink = Sink(b"")
    async with listening(sink.serve) as port:
        sending = asyncio.create_task(_sent(f"json://127.0.0.1:{port}/{TOKEN}"))
        await sink.arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert sink.processes
    assert list(_children()) == []


async def test_a_process_whose_firebell_was_killed_ends_at_the_same_limit() -> None:
    sink = Sink(b"")
    async with listening(sink.serve) as port:
        request = {
            "address": f"json://127.0.0.1:{port}/{TOKEN}",
            "title": "Checkout",
            "body": "Down",
            "is_urgent": True,
            "networks": [LOOPBACK],
        }
        start = f"apprise_process.LIMIT_S = 10.0; asyncio.run(apprise_process.answer_of({request}))"
        killed = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", f"import asyncio; from firebell.channels import apprise_process; {start}")
        )
        await sink.arrived.wait()
        killed.kill()
        await killed.wait()
        async with asyncio.timeout(30):
            await sink.left.wait()


@pytest.mark.parametrize(
    ("address", "kinds", "suspect", "reason"),
    [
        # it was listed when the address was added
        ("json://127.0.0.1/x", "tgram", False, "FIREBELL_APPRISE_KINDS"),
        ("mqtt://127.0.0.1/x", "mqtt", False, "firebell doctor"),
        ("nosuchkind://x", "nosuchkind", False, "firebell doctor"),
        ("tgram://not-a-token/", "tgram", True, "cannot read"),
        ("json://127.0.0.1/x", "", False, "firebell[apprise]"),
    ],
)
async def test_what_cannot_be_sent_says_why(address: str, kinds: str, suspect: bool, reason: str) -> None:
    outcome = await _sent(address, kinds=kinds)
    assert isinstance(outcome, Failed)
    assert reason in outcome.reason
    assert outcome.suspect is suspect


async def test_a_refusal_is_repeated_once_and_shorter() -> None:
    sink = Sink(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
    async with listening(sink.serve) as port:
        outcome = await _sent(
            f"json://127.0.0.1:{port}/x", message=replace(MESSAGE, lead="many words " * 200)
        )
    assert isinstance(outcome, Failed)
    assert not outcome.suspect
    long, short = map(len, sink.got)
    assert short < long


async def test_a_message_that_finds_no_free_process_goes_back_to_the_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(apprise_process, "TURN_LIMIT_S", 0.05)
    async with asyncio.TaskGroup() as group:
        over = asyncio.Event()
        taken = [asyncio.Event() for _ in range(apprise_process.PROCESSES)]
        for number, each in enumerate(taken):
            group.create_task(_hold(f"json://{number}.example.org", each, over))
        await asyncio.gather(*(each.wait() for each in taken))
        outcome = await _sent("json://127.0.0.1/x")
        over.set()
    # it does not count as an attempt
    assert isinstance(outcome, Unsent)


async def test_a_service_that_hangs_leaves_a_process_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise_process, "TURN_LIMIT_S", 1)
    hanging, sink = Sink(b""), Sink()
    async with listening(hanging.serve) as port, listening(sink.serve) as other:
        people = range(apprise_process.PROCESSES)
        sending = [asyncio.create_task(_sent(f"json://127.0.0.1:{port}/{person}")) for person in people]
        await hanging.arrived.wait()
        assert await _sent(f"json://localhost:{other}/{TOKEN}") == Accepted("key")
        done, pending = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        assert [type(each.result()) for each in done] == [Unsent]
        for each in pending:
            each.cancel()
        await asyncio.wait(pending)


async def _hold(service: str, taken: asyncio.Event, over: asyncio.Event) -> None:
    async with apprise_process.turn(service):
        taken.set()
        await over.wait()


async def test_doctor_names_the_kinds_that_apprise_cannot_send_to() -> None:
    async with guarded_client(()) as http:
        good = await apprise.check_health(http, {"FIREBELL_APPRISE_KINDS": "json,tgram"}, ["json://AAAA"])
        bad = await apprise.check_health(http, {"FIREBELL_APPRISE_KINDS": "json,nosuch"}, ["mailto://AAAA"])
        assert await apprise.check_health(http, {"FIREBELL_APPRISE_KINDS": ""}, []) == []
        off = await apprise.check_health(http, {"FIREBELL_APPRISE_KINDS": ""}, ["json://AAAA"])
    assert [each.level for each in good] == ["ok"]
    assert [each.level for each in bad] == ["fail", "fail"]
    assert "mailto://" in bad[0].text
    assert "nosuch" in bad[1].text
    assert [each.level for each in off] == ["fail"]
