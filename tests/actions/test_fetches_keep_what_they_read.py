"""A fetch that could not read everything keeps what it read: nothing is lost, and the next one reads only the rest."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest

from firebell.channels import matrix_replies
from firebell.channels.callbacks import Press, TextReply
from firebell.channels.matrix_replies import MatrixReplies
from firebell.channels.polling import Fetched, WaitingMessage
from firebell.channels.pushover import PushoverPoller
from firebell.channels.registry import CHANNELS
from firebell.kit import process_health
from firebell.kit.clock import FakeClock
from firebell.kit.http_out import guarded_client, parse_networks
from firebell.replies.answer_fetching import AnswerFetcher
from tests.standins.channel_lab import TOKEN, Got, Provider, Switch, providing
from tests.world import world

ANA, FIREBELL = "@ana:example.org", "@firebell:example.org"
AT_MS = int(datetime(2026, 11, 30, tzinfo=UTC).timestamp() * 1000)


@dataclass(slots=True)
class Rooms:
    """A homeserver that stops answering after some requests of a kind, until it is restarted."""

    provider: Provider = field(init=False)
    rooms: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"!a:x": [], "!b:x": []})
    most: int = 50
    """The number of events in a timeline, and in a page of what it left out."""
    stops_after: int = 10**6
    requests: list[str] = field(default_factory=list)
    """What was requested, without syncs."""
    served: int = 0
    """The number of syncs and pages, which is the age that their events have."""

    def write(self, room: str, *texts: str, below: str = "") -> None:
        """Have Ana write."""
        for text in texts:
            content: dict[str, Any] = {"msgtype": "m.text", "body": text}
            if below:
                content["m.relates_to"] = {"m.in_reply_to": {"event_id": below}}
            event = {"event_id": f"${room}{len(self.rooms[room])}", "sender": ANA, "content": content}
            self.rooms[room].append({**event, "type": "m.room.message", "origin_server_ts": AT_MS})

    def answer(self, got: Got) -> tuple[int, Any]:
        path, _, query = got.target.removeprefix("/_matrix/client/v3").partition("?")
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        match path.strip("/").split("/"):
            case ["account", "whoami"]:
                return 200, {"user_id": FIREBELL}
            case ["sync"]:
                return 200, self._sync()
            case ["rooms", room, *rest]:
                self.requests.append("/".join((unquote(room), *rest)))
                if len(self.requests) >= self.stops_after:
                    self.provider.switch = Switch.SLOW
                match rest:
                    case ["messages"]:
                        return 200, self._page(unquote(room), int(asked["from"]))
                    case ["event", _]:
                        delivery = {"org.firebell.delivery": 7, "org.firebell.for": ANA}
                        return 200, {"sender": FIREBELL, "content": delivery}
                    case _:
                        return 200, {"joined": {FIREBELL: {}, ANA: {}}}
            case _:
                raise AssertionError(got.target)

    def _sync(self) -> dict[str, Any]:
        joined = {
            room: {
                "timeline": {
                    "events": self._aged(events[-self.most :]),
                    "limited": len(events) > self.most,
                    "prev_batch": str(len(events) - self.most),
                }
            }
            for room, events in self.rooms.items()
        }
        return {"next_batch": "later", "rooms": {"join": joined}}

    def _page(self, room: str, until: int) -> dict[str, Any]:
        page = self.rooms[room][max(0, until - self.most) : until][::-1]
        return {"chunk": self._aged(page), **({"end": str(until - self.most)} if until > self.most else {})}

    def _aged(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return events as a homeserver does: with the age that each has at the time of this answer."""
        self.served += 1
        return [{**event, "unsigned": {"age": self.served}} for event in events]


@asynccontextmanager
async def homeserver() -> AsyncIterator[tuple[Rooms, MatrixReplies]]:
    """Run a homeserver, and yield it with what reads it."""
    rooms = Rooms()
    async with (
        providing(rooms.answer) as provider,
        guarded_client(parse_networks("127.0.0.0/8")) as http,
    ):
        rooms.provider = provider
        yield rooms, MatrixReplies(http, provider.url, TOKEN)


def texts(fetched: Fetched) -> list[str]:
    """Return what was answered, in order."""
    return [update.signal.text for update in fetched.updates if isinstance(update.signal, TextReply)]


async def test_answers_that_were_read_before_the_time_was_over_are_not_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(matrix_replies, "_FETCH_S", 1.0)
    async with homeserver() as (rooms, replies):
        rooms.write("!a:x", "1a", "2a", below="$page")
        rooms.write("!b:x", "3a", "4a", below="$page")
        rooms.stops_after = 3
        first = await replies.fetch("now", [])
        assert (texts(first), first.cursor, first.is_partial) == (["1a", "2a", "3a"], "now", True)
        assert first.problem

        # a server that gives nothing gives nothing
        nothing = await replies.fetch("now", [])
        assert (texts(nothing), nothing.cursor, nothing.is_partial) == ([], "now", False)

        rooms.provider.switch, rooms.stops_after = Switch.OK, 10**6
        rooms.write("!a:x", "5a", below="$page")
        rest = await replies.fetch("now", [])
        assert (texts(rest), rest.cursor, rest.problem) == (["5a", "4a"], "later", "")
        assert len(rooms.requests) == 5, "none is looked up twice"


async def test_what_was_missed_is_read_to_its_end_in_several_fetches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_replies, "_FETCH_S", 1.0)
    async with homeserver() as (rooms, replies):
        rooms.most = 2
        written = [f"{number}a" for number in range(1, 13)]
        rooms.write("!a:x", *written)
        rooms.stops_after = 2
        first = await replies.fetch("now", [])
        assert (texts(first), first.cursor, first.is_partial) == ([], "now", True)
        nothing = await replies.fetch("now", [])
        assert not nothing.is_partial

        rooms.write("!a:x", "13a")
        rooms.provider.switch, rooms.stops_after = Switch.OK, 10**6
        rest = await replies.fetch("now", [])
        assert (texts(rest), rest.cursor) == ([*written, "13a"], "later")
        pages = [each for each in rooms.requests if each.endswith("/messages")]
        # two of the first fetch, one that leads to them, and the three after them
        assert len(pages) == 6


async def test_a_fetch_that_read_something_is_not_one_that_read_nothing(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_replies, "_FETCH_S", 0.5)
    monkeypatch.setattr(matrix_replies, "_LIMIT_S", 1.0)
    monkeypatch.setattr(process_health, "FETCH_LIMIT_S", 0)
    async with homeserver() as (rooms, _):
        matrix = {"URL": rooms.provider.url, "TOKEN": TOKEN, "REPLIES": "1"}
        channel_settings = {f"FIREBELL_MATRIX_{name}": value for name, value in matrix.items()}
        async with world(dsn, clock, channel_settings=channel_settings) as w:
            fetcher = AnswerFetcher(w.ctx, CHANNELS["matrix"])
            # the first one only remembers where to begin
            await fetcher.run_once(w.now)
            clock.advance(timedelta(seconds=1))
            rooms.write("!a:x", "1a", "2a", "3a", below="$page")
            rooms.stops_after = 2
            assert await fetcher.run_once(w.now) == 2
            assert w.ctx.health.unfetched() == {}
            clock.advance(timedelta(seconds=1))
            assert await fetcher.run_once(w.now) == 0
            assert set(w.ctx.health.unfetched()) == {"matrix"}


async def test_answers_in_pushover_are_read_although_one_receipt_is_gone() -> None:
    def answer(got: Got) -> tuple[int, Any]:
        is_gone = "/r1.json" in got.target or everything_is_gone
        return (404, {}) if is_gone else (200, {"acknowledged": 1, "acknowledged_by": "u"})

    everything_is_gone = False
    async with providing(answer) as provider, guarded_client(parse_networks("127.0.0.0/8")) as http:
        poller = PushoverPoller(http, "t", provider.url)
        waiting = [WaitingMessage(number, "u", f"receipt:r{number}") for number in (1, 2)]
        fetched = await poller.fetch("", waiting)
        assert [
            update.signal.delivery_id for update in fetched.updates if isinstance(update.signal, Press)
        ] == [2]
        assert fetched.problem
        assert fetched.is_partial
        everything_is_gone = True
        assert not (await poller.fetch("", waiting)).is_partial
