"""Story: messages by ntfy, with a server that refuses what ntfy refuses."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from firebell.kit.clock import FakeClock
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people import validation
from tests.servers import listening
from tests.world import World, world

MIDNIGHT = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
_FIELDS = {"topic", "title", "message", "priority", "tags", "click", "actions"}


@dataclass(slots=True)
class NtfyServer:
    """Takes what an ntfy server takes as it is installed (attachments off), with its codes for the rest."""

    port: int = 0
    text_limit: int = 4096
    page: bytes | None = None
    taken: list[dict[str, Any]] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        while head := await reader.readuntil(b"\r\n\r\n"):
            match = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            assert match
            status, answer = self._judge(await reader.readexactly(int(match[1])))
            line = f"HTTP/1.1 {status} X\r\nContent-Length: {len(answer)}\r\n\r\n"
            writer.write(line.encode() + answer)
            await writer.drain()

    def _judge(self, body: bytes) -> tuple[int, bytes]:
        if self.page is not None:
            return 200, self.page
        message = json.loads(body) if len(body) <= 2 * self.text_limit else None
        if message is None:
            return self._refuse(413, 41301, "message too large")
        assert set(message) <= _FIELDS
        assert re.fullmatch(r"[-_A-Za-z0-9]{1,64}", message["topic"])
        assert len(message.get("actions", [])) <= 3
        if len(message["message"].encode()) > self.text_limit:
            return self._refuse(400, 40014, "invalid request: attachments not allowed")
        self.taken.append(message)
        return 200, json.dumps({"id": f"id{len(self.taken)}", "topic": message["topic"]}).encode()

    def _refuse(self, status: int, code: int, error: str) -> tuple[int, bytes]:
        self.refused.append(code)
        return status, json.dumps({"code": code, "http": status, "error": error}).encode()


@asynccontextmanager
async def phones(dsn: str, clock: FakeClock) -> AsyncIterator[tuple[World, NtfyServer]]:
    """Run a world in which Mara is reached by ntfy alone; Jun keeps the webhook of the world."""
    server = NtfyServer()
    async with listening(server.answer) as server.port:
        url, base = f"http://127.0.0.1:{server.port}", "https://firebell.example.org"
        async with world(dsn, clock, ntfy_url=url, base_url=base) as w:
            async with w.ctx.db.tx() as tx:
                actor = await w.actor(w.mara)
                phone = await people.add_contact_method(
                    tx, actor, person_id=w.mara, kind="ntfy", address="mara-7f3a", label="", now=w.now
                )
                for urgency in ("high", "low"):
                    await people.set_rules(
                        tx, actor, person_id=w.mara, urgency=urgency, rules=[(0, phone.id)], now=w.now
                    )
            yield w, server


async def keep_quiet(w: World) -> None:
    """Set Mara's quiet hours until 07:00 in Stockholm."""
    async with w.ctx.db.tx() as tx:
        hours = validation.clean_quiet_hours("22:00", "07:00", "Europe/Stockholm")
        await people.set_quiet_hours(tx, await w.actor(w.mara), w.mara, hours, w.now)


async def suspects(w: World) -> int:
    """Return how many contact methods are blamed for a failure."""
    async with w.ctx.db.tx() as tx:
        count = await tx.value("select count(*) from contact_method where suspect_since is not null")
        assert isinstance(count, int)
        return count


async def test_twenty_warnings_of_the_night_arrive_as_one_message(dsn: str) -> None:
    async with phones(dsn, FakeClock(MIDNIGHT)) as (w, server):
        await keep_quiet(w)
        for number in range(20):
            title = (
                f"Disk {number:02} of the database server is filling up and will be full before noon: "
                + "x" * 30
            )
            assert len(title) >= 100
            await w.alert(title, severity="warning", service=f"s{number}")
        await w.after(hours=7, minutes=2)
        (message,) = server.taken
        assert server.refused == []
        assert message["title"] == "20 messages held during your quiet hours"
        named = message["message"].count("/ack/")
        assert 5 <= named < 20
        assert message["message"].endswith(f"And {20 - named} more: https://firebell.example.org/pages")
        assert message["click"] == "https://firebell.example.org/pages"
        async with w.ctx.db.tx() as tx:
            states = await tx.fetch("select distinct state, attempts from delivery where channel = 'ntfy'")
        assert [tuple(row) for row in states] == [("accepted", 1)]
        assert w.sink.got == []
        assert await suspects(w) == 0


async def test_a_server_that_takes_less_gets_the_title_and_the_link(dsn: str, clock: FakeClock) -> None:
    async with phones(dsn, clock) as (w, server):
        server.text_limit = 900
        await w.alert("Payments are down", body="many words " * 100)
        await w.settle()
        (message,) = server.taken
        assert server.refused == [40014]
        assert message["title"].endswith("Payments are down")
        assert message["message"] == "https://firebell.example.org/pages/PG-1"
        assert message["priority"] == 5
        async with w.ctx.db.tx() as tx:
            (sent,) = await paging.deliveries(tx, 1)
        assert (sent.state, sent.attempts) == ("accepted", 1)


async def test_content_that_is_refused_twice_is_not_the_fault_of_the_address(
    dsn: str, clock: FakeClock
) -> None:
    async with phones(dsn, clock) as (w, server):
        server.text_limit = 1
        await w.alert("Payments are down", body="many words")
        await w.settle()
        assert server.refused == [41301, 41301] * 2  # the page, and the reminder beside the next level
        assert w.sink.people() == ["Jun Okafor"]
        assert await suspects(w) == 0


async def test_a_truncated_notice_counts_the_rest(dsn: str, clock: FakeClock) -> None:
    async with phones(dsn, clock) as (w, server):
        async with w.ctx.db.tx() as tx:
            lines = "\n".join(f"- change {n}: {'x' * 80}" for n in range(100))
            await notify.send_notices(
                tx, [Notice("c-1", w.mara, "change", "Your shifts", lines, "/oncall/me")], w.now
            )
        await w.settle()
        (message,) = server.taken
        assert re.search(r"\n\nAnd \d+ more: https://firebell.example.org/oncall/me$", message["message"])


async def test_a_page_that_is_no_ntfy_server_does_not_count_as_delivered(dsn: str, clock: FakeClock) -> None:
    async with phones(dsn, clock) as (w, server):
        server.page = b"<html>Please accept the terms of this hotel</html>"
        await w.alert()
        for _ in range(50):
            await w.after(seconds=1)
        async with w.ctx.db.tx() as tx:
            first = (await paging.deliveries(tx, 1))[0]
        assert first.state == "failed"
        assert w.sink.people() == ["Jun Okafor"]


async def test_the_log_says_once_that_a_level_reached_no_one(dsn: str, clock: FakeClock) -> None:
    """A page at level 2 fails together with the reminder to level 1."""
    async with phones(dsn, clock) as (w, server):
        await w.alert()
        await w.settle()
        server.text_limit, w.sink.status = 1, 404
        await w.after(minutes=5)
        story = await w.story()
        lines = [line for line in story if line == "No message of this level could be delivered."]
        level_changes = [line for line in story if line.startswith("Level ")]
        assert len(level_changes) >= 2
        assert len(lines) == len(level_changes) - 1
        assert clock.now() - MIDNIGHT < timedelta(days=1)
