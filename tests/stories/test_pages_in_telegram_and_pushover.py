"""Story: Mara answers a page in Telegram, and Jun in Pushover; an answered page no longer asks anyone to act."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest

from firebell import health_check
from firebell.channels import matrix, matrix_replies
from firebell.kit import process_health
from firebell.kit.clock import FakeClock
from firebell.kit.http_out import guarded_client, parse_networks
from firebell.paging.model import PageState
from firebell.people import actions as people
from firebell.people.model import MethodState
from firebell.replies import answer_fetching
from tests.api.api_clients import Api, browser, key_of, sign_in
from tests.servers import listening
from tests.standins.channel_lab import BOT, TOKEN, USER, Got, Provider, Switch, providing
from tests.world import World, world

MARA, STRANGER = 4711, 666


@dataclass(slots=True)
class TelegramServer:
    """The Bot API as far as it is used: what was sent to chats, and what happened there."""

    updates: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _count: int = 0

    def answer(self, got: Got) -> tuple[int, dict[str, object]]:
        method, fields = got.target.removeprefix(f"/bot{BOT}/"), got.json
        if method == "getUpdates":
            self.updates = [u for u in self.updates if u["update_id"] >= fields.get("offset", 0)]
            return 200, {"ok": True, "result": self.updates}
        self.calls.append((method, fields))
        return 200, {"ok": True, "result": {"message_id": len(self.calls)}}

    def happen(self, **update: Any) -> None:
        """Add an update, as Telegram numbers them."""
        self._count += 1
        self.updates.append({"update_id": 1000 + self._count, **update})

    def write(self, user: int, text: str) -> None:
        """Have a user write to the bot."""
        chat = {"id": user, "type": "private"}
        self.happen(message={"chat": chat, "from": {"id": user, "username": "mara"}, "text": text})

    def press(self, user: int, label: str) -> None:
        """Have a user press a button of the latest message."""
        [row] = self.of("sendMessage")[-1]["reply_markup"]["inline_keyboard"]
        data = next(button["callback_data"] for button in row if button["text"] == label)
        self.happen(callback_query={"id": f"q{self._count}", "from": {"id": user}, "data": data})

    def of(self, method: str) -> list[dict[str, Any]]:
        """Return the calls of a method."""
        return [fields for name, fields in self.calls if name == method]


@dataclass(slots=True)
class PushoverServer:
    """Messages, receipts and cancellations of Pushover."""

    sent: list[dict[str, str]] = field(default_factory=list)
    receipt: dict[str, object] = field(default_factory=lambda: {"status": 1, "acknowledged": 0})
    canceled: int = 0

    def answer(self, got: Got) -> tuple[int, dict[str, object]]:
        if got.target.endswith("/cancel.json"):
            self.canceled += 1
        elif got.method == "GET":
            return 200, self.receipt
        else:
            self.sent.append(got.form)
            return 200, {"status": 1, "request": "r", "receipt": f"R{len(self.sent)}"}
        return 200, {"status": 1, "request": "r"}


@dataclass(slots=True)
class SignalGateway:
    """The gateway of Signal: texts that arrived, each given once, and texts that were sent."""

    arrived: list[dict[str, Any]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    def answer(self, got: Got) -> tuple[int, Any]:
        if got.method == "GET":
            arrived, self.arrived = self.arrived, []
            return 200, arrived
        self.sent.append(str(got.json["message"]))
        return 201, {"timestamp": str(len(self.sent))}

    def write(self, number: str, text: str, at: datetime) -> None:
        """Have someone write to the number of the gateway."""
        data = {
            "sourceNumber": number,
            "timestamp": int(at.timestamp() * 1000),
            "dataMessage": {"message": text},
        }
        self.arrived.append({"envelope": data})


async def test_pages_are_answered_by_a_text_in_signal(dsn: str, clock: FakeClock) -> None:
    gateway, number = SignalGateway(), "+46701234567"
    provider = Provider(gateway.answer)
    async with listening(provider.serve) as provider.port:
        settings = {
            "FIREBELL_SIGNAL_URL": provider.url,
            "FIREBELL_SIGNAL_NUMBER": "+4687654321",
            "FIREBELL_SIGNAL_REPLIES": "1",
        }
        async with world(dsn, clock, channel_settings=settings) as w:
            await only(w, w.mara, "signal", number)
            gateway.write(number, "a", w.now - timedelta(minutes=3))
            await w.alert("disk full")
            await w.settle()
            # what was written before the page does not take it
            assert (await w.page()).state is PageState.TRIGGERED
            assert any("Reply 1a ack, 1e escalate." in text and "disk full" in text for text in gateway.sent)
            for sender in ("+46709999999", number):
                gateway.write(sender, "1a on it", w.now)
                clock.advance(timedelta(seconds=3))
                await w.settle()
                assert ((await w.page()).state is PageState.ACKED) == (sender == number)
            assert gateway.sent[-1] == "You acknowledged PG-1."
            assert any("on it" in text for text in await w.story())


ROOM, FIREBELL, ANA, JO = (
    *("!ops:example.org", "@firebell:example.org"),
    *("@ana:example.org", "@jo:example.org"),
)


@dataclass(slots=True)
class MatrixServer:
    """A homeserver with one room: its events, each with a token of its own, and who is in it."""

    users: list[str] = field(default_factory=lambda: [FIREBELL, ANA])
    events: list[dict[str, Any]] = field(default_factory=list)
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By transaction."""
    most: int = 50
    """The number of events after which a timeline is limited."""

    def answer(self, got: Got) -> tuple[int, Any]:
        path, _, query = got.target.removeprefix("/_matrix/client/v3").partition("?")
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        match path.strip("/").split("/"):
            case ["account", "whoami"]:
                return 200, {"user_id": FIREBELL}
            case ["sync"]:
                since = int(asked.get("since", "0").removeprefix("s"))
                new = self.events[since:]
                timeline = {
                    "events": new[-self.most :],
                    "limited": len(new) > self.most,
                    "prev_batch": f"s{len(self.events) - self.most}",
                }
                joined = {ROOM: {"timeline": timeline}} if new else {}
                return 200, {"next_batch": f"s{len(self.events)}", "rooms": {"join": joined}}
            case ["rooms", _, "messages"]:
                since, until = (int(asked[name].removeprefix("s")) for name in ("to", "from"))
                return 200, {"chunk": self.events[since:until][::-1]}
            case ["rooms", _, "joined_members"]:
                return 200, {"joined": {user: {} for user in self.users}}
            case ["rooms", _, "state", _]:
                return 404, {"errcode": "M_NOT_FOUND"}
            case ["rooms", _, "event", event_id]:
                known = [e for e in self.events if e["event_id"] == unquote(event_id)]
                if not unquote(event_id).startswith("$"):
                    return 400, {"errcode": "M_INVALID_PARAM"}
                return (200, known[0]) if known else (404, {})
            case ["rooms", _, "send", _, transaction] if transaction not in self.sent:
                self.sent[transaction] = got.json
                return 200, {"event_id": self.happen(FIREBELL, **dict[str, Any](got.json))}
            case _:
                return 200, {"event_id": "$again"}

    def happen(self, user: str, at_ms: int = 10**12, kind: str = "m.room.message", **content: Any) -> str:
        """Add an event to the room."""
        event_id = f"$e{len(self.events)}"
        common = {"event_id": event_id, "sender": user, "type": kind, "origin_server_ts": at_ms}
        self.events.append({**common, "content": content})
        return event_id

    def write(self, user: str, body: str, at: datetime, below: str = "") -> None:
        """Have someone write, maybe below a message."""
        content: dict[str, Any] = {"m.relates_to": {"m.in_reply_to": {"event_id": below}}} if below else {}
        self.happen(user, int(at.timestamp() * 1000), msgtype="m.text", body=body, **content)

    def paged(self, title: str) -> str:
        """Return the event of the first page with a title."""
        return next(
            str(e["event_id"])
            for e in self.events
            if e["sender"] == FIREBELL and title in str(e["content"].get("body"))
        )

    def confirm(self, user: str, event_id: str) -> None:
        """Have someone react to a message."""
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": "👍🏽"}
        content: dict[str, Any] = {"m.relates_to": relation}
        self.happen(user, kind="m.reaction", **content)

    @property
    def notices(self) -> list[str]:
        """What Firebell answered."""
        return [each["body"] for each in self.sent.values() if each["msgtype"] == "m.notice"]


async def test_pages_are_answered_in_a_matrix_room(dsn: str, clock: FakeClock) -> None:
    server = MatrixServer()
    provider = Provider(server.answer)
    async with listening(provider.serve) as provider.port:
        settings = matrix_settings(provider.url)
        async with world(dsn, clock, channel_settings=settings) as w:
            server.write(ANA, "a", w.now)
            await only(w, w.mara, "matrix", f"{ROOM} {ANA}")
            await only(w, w.jun, "matrix", ROOM)
            await later(w)
            await w.alert("disk full")
            await later(w)
            [page] = [each for each in server.sent.values() if "disk full" in each["body"]]
            assert "Reply 1a ack, 1e escalate." in page["body"]
            # what she wrote before Firebell read the room takes nothing
            assert ((await w.page()).state, server.notices) == (PageState.TRIGGERED, [])

            # others in the room: it is unclear who answers, and chatting is none of Firebell's business
            server.users.append(JO)
            for text in ("ok", "lunch?", "!stop", "1a"):
                server.write(JO, text, w.now)
            server.write(ANA, "!stop", w.now)
            server.confirm(JO, "$e1")
            # one reaction that the server refuses doesn't hold up the answers
            server.confirm(JO, "nonsense")
            await later(w)
            assert (await w.page()).state is PageState.TRIGGERED
            [unclear] = server.notices
            assert "Add your Matrix user ID" in unclear
            server.users.remove(JO)

            # a long timeline is read whole, and what is read twice acts once
            server.most = 2
            server.write(ANA, "1a on it", w.now)
            for number in range(5):
                server.happen(ANA, msgtype="m.notice", body=f"{number}")
            await later(w)
            assert (await w.page()).state is PageState.ACKED
            assert server.notices[1:] == ["You acknowledged PG-1."]
            async with w.ctx.db.tx() as tx:
                await tx.execute("update channel_poll set cursor = 's1' where channel = 'matrix'")
            w.worker._fetchers["answers_matrix"]._lease = None
            clock.advance(timedelta(minutes=1))
            await later(w)
            assert len([text for text in await w.story() if text == "on it"]) == 1

            # in a room with others, the user whose contact method it is answers by name or by a reaction
            server.users.append(JO)
            await w.resolve(w.mara)
            await only(w, w.jun, "matrix", f"{ROOM} {JO}")
            await w.alert("queue stuck", key="queue")
            await later(w)
            server.write(JO, "!2e", w.now)
            await later(w)
            assert (await w.page()).state is PageState.TRIGGERED
            await w.after(minutes=6)
            to_jun = next(e for e in reversed(server.events) if e["content"].get("org.firebell.for") == JO)
            assert "queue stuck" in to_jun["content"]["body"]
            server.confirm(ANA, to_jun["event_id"])
            await later(w)
            assert (await w.page()).state is PageState.TRIGGERED
            server.confirm(JO, to_jun["event_id"])
            await later(w)
            assert (await w.page()).state is PageState.ACKED
            assert any("Jun Okafor acknowledged" in text for text in await w.story())

            # below a message, a text without a code means its page, and no other one; a notice has none
            server.users.remove(JO)
            await w.resolve(w.jun)
            await w.alert("clock drift", key="drift")
            await later(w)
            first, latest = (server.paged(title) for title in ("disk full", "clock drift"))
            notices = [e["event_id"] for e in server.events if e["content"].get("msgtype") == "m.notice"]
            for target in (first, notices[-1]):
                server.write(ANA, "ok", w.now, below=target)
                await later(w)
                assert (await w.page()).state is PageState.TRIGGERED
            server.write(ANA, "stop", w.now)
            server.write(ANA, "ok", w.now, below=latest)
            await later(w)
            assert (await w.page()).state is PageState.ACKED


async def test_people_are_told_when_answers_in_their_rooms_cannot_be_read(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Matrix server that answered no sync was only in the log, while people answered their pages in its rooms."""
    monkeypatch.setattr(process_health, "FETCH_LIMIT_S", 0)
    monkeypatch.setattr(health_check, "REUSED_S", 0)
    async with providing(MatrixServer().answer) as provider:
        settings = matrix_settings(provider.url)
        async with world(dsn, clock, channel_settings=settings) as w, browser(w) as http:

            async def noted() -> bool:
                answer = await http.get("/healthz")
                assert answer.status_code == 200
                return "answers_matrix" in answer.json()["notes"]

            await sign_in(w, http, w.mara)
            await later(w)
            assert not await noted()
            provider.switch = Switch.ERROR
            await later(w)
            assert await noted()
            assert "Answers in Matrix can’t be read." in (await http.get("/services")).text
            provider.switch = Switch.OK
            await later(w)
            # the pause after a problem
            clock.advance(answer_fetching.PAUSE)
            await later(w)
            assert not await noted()


async def test_doctor_finds_a_matrix_server_that_answers_no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_replies, "_LIMIT_S", 0.5)
    server, syncs = MatrixServer(), []

    def answer(got: Got) -> tuple[int, Any]:
        if "/sync" not in got.target:
            return server.answer(got)
        syncs.append(got.target)
        return server.answer(got) if len(syncs) == 1 else (502, {"errcode": "M_UNKNOWN"})

    async with providing(answer) as provider, guarded_client(parse_networks("127.0.0.0/8")) as http:
        settings = matrix_settings(provider.url, replies="")
        unread = await matrix.check_health(http, settings, None)
        assert [each.level for each in unread] == ["ok"]
        assert syncs == [], "nothing is read without the setting"
        settings["FIREBELL_MATRIX_REPLIES"] = "1"
        good, bad = [await matrix.check_health(http, settings, None) for _ in range(2)]
        hanging = Provider(server.answer, switch=Switch.SLOW)
        async with listening(hanging.serve) as hanging.port:
            slow = await matrix_replies.MatrixReplies(http, hanging.url, TOKEN).check_sync()
    assert [each.level for each in good] == ["ok", "ok"]
    assert [each.level for each in bad] == ["ok", "fail"]
    assert "502" in bad[1].text
    assert (slow.level, "within 0.5 s" in slow.text) == ("fail", True)
    assert TOKEN not in f"{bad} {slow}"


@asynccontextmanager
async def phones(dsn: str, clock: FakeClock) -> AsyncIterator[tuple[World, TelegramServer, PushoverServer]]:
    """Run a world with both providers; Jun is reached by Pushover, Mara by the webhook of the world."""
    telegram, pushover = TelegramServer(), PushoverServer()
    one, other = Provider(telegram.answer), Provider(pushover.answer)
    async with listening(one.serve) as one.port, listening(other.serve) as other.port:
        settings = {
            "FIREBELL_TELEGRAM_BOT_TOKEN": BOT,
            "FIREBELL_TELEGRAM_BOT_NAME": "acme_oncall_bot",
            "FIREBELL_TELEGRAM_API_URL": one.url,
            "FIREBELL_PUSHOVER_TOKEN": TOKEN,
            "FIREBELL_PUSHOVER_API_URL": other.url,
        }
        async with world(dsn, clock, channel_settings=settings) as w:
            await only(w, w.jun, "pushover", USER)
            yield w, telegram, pushover


async def only(w: World, person: int, kind: str, address: str) -> None:
    """Let urgent pages reach a person by one contact method alone, which is verified."""
    async with w.ctx.db.tx() as tx:
        actor = await w.actor(person)
        methods = await people.methods_of(tx, [person])
        known = next((m for m in methods if (m.kind, m.address) == (kind, address)), None)
        method = known or await people.add_contact_method(
            tx, actor, person_id=person, kind=kind, address=address, label="", now=w.now
        )
        await people.mark_method_verified(tx, method.id, w.now)
        await people.set_rules(tx, actor, person_id=person, urgency="high", rules=[(0, method.id)], now=w.now)


async def method_state(w: World) -> MethodState:
    """Return the state of Mara's Telegram."""
    async with w.ctx.db.tx() as tx:
        [method] = [m for m in await people.methods_of(tx, [w.mara]) if m.kind == "telegram"]
        assert (method.address, method.label) == (str(MARA), "@mara")
        return method.state


def matrix_settings(url: str, replies: str = "1") -> dict[str, str]:
    """Return the settings of a Matrix server."""
    return {"FIREBELL_MATRIX_URL": url, "FIREBELL_MATRIX_TOKEN": TOKEN, "FIREBELL_MATRIX_REPLIES": replies}


async def later(w: World) -> None:
    """Let a second pass, after which Firebell fetches again."""
    w.clock.advance(timedelta(seconds=1))
    await w.settle()


async def test_pages_are_answered_where_they_arrive(dsn: str, clock: FakeClock) -> None:
    async with phones(dsn, clock) as (w, telegram, pushover):
        async with browser(w) as http:
            await sign_in(w, http, w.mara)
            assert "t.me/acme_oncall_bot?start=" in (await http.get("/settings/contact")).text
            key = await key_of(w.ctx.db, clock, w.mara)
            link = (
                await Api(http, key)("POST", "/me/contact-methods/links", {"kind": "telegram"}, status=201)
            )["url"]
            await Api(http, key)("POST", "/me/contact-methods/links", {"kind": "ntfy"}, status=409)
        token = link.partition("=")[2]
        # a forged link, then hers, then hers again from another chat
        telegram.write(STRANGER, f"/start {token[:-1]}x")
        telegram.write(MARA, f"/start {token}")
        telegram.write(STRANGER, f"/start {token}")
        await later(w)
        assert await method_state(w) is MethodState.VERIFIED
        said = [(call["chat_id"], "Connected" in call["text"]) for call in telegram.of("sendMessage")]
        assert said == [(STRANGER, False), (MARA, True), (STRANGER, False)]
        await only(w, w.mara, "telegram", str(MARA))

        await w.alert("disk full", key="disk")
        await later(w)
        sent = telegram.of("sendMessage")[-1]
        assert sent["chat_id"] == MARA
        assert "disk full" in sent["text"]
        telegram.press(STRANGER, "Acknowledge")
        await later(w)
        assert (await w.page()).state is PageState.TRIGGERED
        telegram.press(MARA, "Acknowledge")
        telegram.updates.append(telegram.updates[-1])
        await later(w)
        assert (await w.page()).state is PageState.ACKED
        alerts = [call["show_alert"] for call in telegram.of("answerCallbackQuery")]
        assert alerts == [True, False, False]
        [edited] = telegram.of("editMessageText")
        assert edited["message_id"] == telegram.calls.index(("sendMessage", sent)) + 1
        assert "reply_markup" not in edited
        assert "Mara Lindqvist" in edited["text"]
        # a second owner changes no message again; the end of the page does
        await w.ack(w.jun)
        await later(w)
        assert len(telegram.of("editMessageText")) == 1
        await w.resolve(w.mara)
        await later(w)
        assert len(telegram.of("editMessageText")) == 2

        await w.alert("queue stuck", key="queue")
        await later(w)
        telegram.press(MARA, "Escalate")
        await later(w)
        [emergency] = pushover.sent
        assert emergency["priority"] == "2"
        pushover.receipt = {"status": 1, "acknowledged": 1, "acknowledged_by": "x" * 30}
        clock.advance(timedelta(seconds=15))
        await later(w)
        assert (await w.page()).state is PageState.TRIGGERED
        pushover.receipt["acknowledged_by"] = USER
        clock.advance(timedelta(seconds=15))
        await later(w)
        assert (await w.page()).state is PageState.ACKED
        assert any("Jun Okafor acknowledged" in text for text in await w.story())
        assert "Jun Okafor" in telegram.of("editMessageText")[-1]["text"]
        assert pushover.canceled == 1

        telegram.happen(
            my_chat_member={
                "chat": {"id": MARA, "type": "private"},
                "new_chat_member": {"status": "kicked"},
            }
        )
        await later(w)
        assert await method_state(w) is MethodState.DISABLED
        async with w.ctx.db.tx() as tx:
            audited = await tx.fetch("select action, detail from audit where action like 'contact.verified'")
        assert audited[0]["detail"]["via"] == "telegram"
