"""What each chat and push channel sends fits, carries the way to answer, and is no markup (spec 10.10: K6 and K7)."""

import html
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import MagicMock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.channels import (
    discord,
    google_chat,
    gotify,
    matrix,
    message_text,
    pushover,
    signal_messenger,
    teams,
    telegram,
)
from firebell.channels.base import Action, Item, Message
from firebell.channels.callbacks import Connect, OptIn, OptOut, PageAction, Press, SignalAnswer, TextReply
from firebell.channels.polling import Fetched, Update, WaitingMessage
from firebell.kit.errors import Unavailable
from firebell.kit.truncation import size
from firebell.replies import answer_fetching, poll_store
from tests.rules.budget import examples
from tests.rules.finished import finished

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
ACK = "https://firebell.example.org/ack/ttt"
URL = "https://firebell.example.org/pages/PG-7"
WILD = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=300)


def page(title: str = "disk", body: str = "", **more: object) -> Message:
    values: dict[str, object] = {
        "event": "page",
        "title": title or "x",
        "headline": f"SEV1 Checkout: {title}",
        "urgency": "high",
        "composed_at": NOW,
        "ref": "PG-7",
        "url": URL,
        "lead": body,
        "facts": (("Service", "Checkout"),),
        "items": tuple(Item(f"{n} {title}") for n in range(30)),
        "item_count": 400,
        "actions": (Action("Acknowledge", ACK),),
        "delivery_id": 7,
    }
    return Message(**{**values, **more})  # type: ignore[arg-type]


Sent = Callable[[Message, bool], Mapping[str, str]]


def _card(message: Message, short: bool) -> dict[str, str]:
    card = json.loads(teams.body_of(message, short=short))["attachments"][0]["content"]
    actions = ", ".join(action["url"] for action in card["actions"])
    return {"whole": json.dumps(card, ensure_ascii=False), "answers": actions}


def _matrix(message: Message, short: bool) -> dict[str, str]:
    content = matrix.content_of(message, short=short)
    return {"text": content["body"], "answers": html.unescape(content["formatted_body"])}


def _signal(message: Message, short: bool) -> dict[str, str]:
    limits = signal_messenger.SignalMessenger.limits
    return {"text": message_text.compose(message, limits.title, limits.text, short=short)}


SENT: Mapping[str, tuple[Sent, Mapping[str, int]]] = {
    "pushover": (lambda m, s: pushover.fields_of(m, short=s), {"title": 250, "message": 1024, "url": 512}),
    "gotify": (lambda m, s: json.loads(gotify.body_of(m, short=s)), {"title": 200, "message": 4000}),
    "discord": (lambda m, s: json.loads(discord.body_of(m, short=s)), {"content": 2000}),
    "google_chat": (lambda m, s: json.loads(google_chat.body_of(m, short=s)), {"text": 4000}),
    "telegram": (lambda m, s: telegram.fields_of(m, short=s), {"text": 3500}),
    "teams": (_card, {"whole": 25_000}),
    "matrix": (_matrix, {"text": 4000, "answers": 8000}),
    "signal": (_signal, {"text": 2000}),
}
"""What each channel sends, and the limits of its provider in bytes of UTF-8."""


@settings(max_examples=examples(5))
@given(WILD, WILD, st.booleans())
def test_every_message_fits_and_its_answer_is_never_cut_off(title: str, body: str, short: bool) -> None:
    paged = page(title, body * 40)
    notice = page(title, actions=(), items=(), facts=(), lines=tuple((body * 30).split("\n")), urgency="low")
    for kind, (sent, limits) in SENT.items():
        for message in (paged, notice):
            fields = sent(message, short)
            for name, limit in limits.items():
                assert size(fields.get(name, "")) <= limit, (kind, name)
            assert URL in json.dumps(fields), kind
        if not short:
            answer = sent(paged, False)
            # Pushover's app asks for it by itself, and Telegram has a button
            ways = (ACK, '"priority": "2"', f'"callback_data": "ack:7:{NOW.timestamp():.0f}"')
            assert any(way in json.dumps(answer) for way in ways), kind


HOSTILE = "*bold* _it_ `code` ~x~ [x](javascript:1) <!channel> @everyone @here <b>b</b> | # {{7*7}} \\"


def test_text_arrives_as_text() -> None:
    message = page(HOSTILE, HOSTILE)
    for markdown in (json.loads(discord.body_of(message))["content"], _card(message, False)["whole"]):
        ours = markdown.replace(f"[Acknowledge]({ACK})", "").replace(f"[Open]({URL})", "")
        assert not re.search(r"(?<!\\)\[x|(?<!\\)<b|@everyone|@here", ours)
    google = json.loads(google_chat.body_of(message))["text"]
    assert not re.search(r"\*bold\*|`code`|<!channel>|<b>", google)
    rich = matrix.content_of(message)["formatted_body"]
    assert re.findall(r"<(?!br>|a href=\"https://firebell|/a>)", rich) == []
    plain = [
        telegram.fields_of(message),
        pushover.fields_of(message),
        {"text": _signal(message, False)["text"]},
    ]
    assert all(HOSTILE in str(fields.get("text") or fields["title"]) for fields in plain)
    assert all(set(fields) & {"parse_mode", "html"} == set() for fields in plain)


@pytest.mark.parametrize(
    ("more", "priority", "button"),
    [
        ({}, "2", "Open PG-7"),
        ({"urgency": "low"}, "0", "Acknowledge"),
        # a code is urgent, but there is nothing to acknowledge
        ({"actions": (), "lines": ("Enter 123456",), "ref": ""}, "1", "Open"),
        # the owner of the page answers by a link
        ({"event": "ack_ending", "actions": (Action("Still on it", ACK),)}, "1", "Still on it"),
    ],
)
def test_only_a_page_that_waits_is_repeated_by_pushover(
    more: Mapping[str, object], priority: str, button: str
) -> None:
    fields = pushover.fields_of(page(**more))  # type: ignore[arg-type]
    assert (fields["priority"], fields["url_title"]) == (priority, button)
    assert ("retry" in fields) == (priority == "2")


@pytest.mark.parametrize(
    ("envelope", "text"),
    [
        ({"dataMessage": {"message": "47a"}}, "47a"),
        ({"dataMessage": {"message": "47a", "groupInfo": {"groupId": "x"}}}, None),
        ({"dataMessage": {"message": "47a"}, "sourceNumber": None}, None),
        ({"dataMessage": {"message": "47a"}, "timestamp": 10**17}, None),
        ({"dataMessage": {"message": " "}}, None),
        ({"dataMessage": "47a"}, None),
        ({"receiptMessage": {"isRead": True}}, None),
    ],
)
def test_a_text_by_signal_is_read_only_from_a_person(envelope: dict[str, object], text: str | None) -> None:
    at_ms = int(NOW.timestamp() * 1000)
    sent = {"envelope": {"sourceNumber": "+46701234567", "timestamp": at_ms, **envelope}, "account": "+46"}
    update = signal_messenger.read_envelope(sent)
    if text is None:
        assert update is None
    else:
        key = f"+46701234567:{at_ms}"
        reply = TextReply(key, "+46701234567", text, sent_at=NOW + signal_messenger.CLOCK_SKEW)
        assert update == Update(reply, reply_to="+46701234567")
    assert signal_messenger.read_envelope([]) is None


def test_a_slow_phone_does_not_answer_before_the_page_began() -> None:
    envelope = {
        "sourceNumber": "+46701234567",
        "timestamp": int((NOW - timedelta(minutes=3)).timestamp() * 1000),
        "serverReceivedTimestamp": int(NOW.timestamp() * 1000),
        "dataMessage": {"message": "a"},
    }
    update = signal_messenger.read_envelope({"envelope": envelope})
    assert update is not None
    assert isinstance(update.signal, TextReply)
    assert update.signal.sent_at == NOW


class _Signal:
    """A gateway that gives each text once."""

    pause_s, waits_for = 0.0, timedelta(0)

    def __init__(self) -> None:
        self.texts = ["47a", "48a"]
        self.answers: list[str] = []

    async def fetch(self, cursor: str, waiting: object) -> Fetched:
        texts, self.texts = self.texts, []
        return Fetched([Update(TextReply(text, "+46", text), reply_to="+46") for text in texts], "next")

    async def answer(self, answers: Sequence[tuple[str, SignalAnswer]]) -> None:
        self.answers += [answer.text for _, answer in answers]


class _Fetcher(answer_fetching.AnswerFetcher):
    """Applies texts to a database that is unavailable for some time."""

    outages = 1

    async def _prepared(self, now: datetime) -> Sequence[WaitingMessage]:
        return ()

    async def _applied(self, update: Update) -> SignalAnswer:
        assert isinstance(update.signal, TextReply)
        if update.signal.text == "48a" and self.outages:
            self.outages -= 1
            raise Unavailable("The database is unavailable.")
        return SignalAnswer(f"{update.signal.text} done")


def test_an_acknowledgment_by_signal_survives_a_blip_of_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway, cursors = _Signal(), []

    async def advance(tx: object, kind: str, number: int, cursor: str, until: datetime) -> bool:
        cursors.append(cursor)
        return True

    monkeypatch.setattr(poll_store, "advance", advance)
    ctx: Any = MagicMock()
    ctx.clock.now.return_value = NOW
    channel = replace(
        signal_messenger.CHANNEL,
        poller=lambda edges: gateway,
        polls=lambda settings: True,
        is_ready=lambda settings: True,
    )
    fetcher = _Fetcher(ctx, channel)
    fetcher._lease = answer_fetching._Lease(1, "", NOW + timedelta(seconds=40))

    with pytest.raises(Unavailable):
        finished(fetcher.run_once(NOW))
    assert (finished(fetcher.run_once(NOW)), gateway.answers) == (1, ["47a done", "48a done"])
    assert (finished(fetcher.run_once(NOW)), cursors) == (0, ["next"])


def test_every_acknowledgment_in_pushover_is_read_however_many_messages_wait() -> None:
    poller = pushover.PushoverPoller(None, "", "")  # type: ignore[arg-type]
    waiting = [WaitingMessage(number, "u", f"receipt:{number}") for number in range(45, 0, -1)]
    rounds = [{each.delivery_id for each in poller.next_round(waiting)} for _ in range(3)]
    assert [len(one) for one in rounds] == [20, 20, 20]
    assert set.union(*rounds) == set(range(1, 46))
    assert poller.next_round(()) == []


def _private(user: int, **more: object) -> dict[str, object]:
    return {"chat": {"id": user, "type": "private"}, "from": {"id": user, "username": "mara"}, **more}


@pytest.mark.parametrize(
    ("update", "signal"),
    [
        (
            {"callback_query": {"id": "9", "from": {"id": 4711}, "data": "ack:7"}},
            Press("1", 7, PageAction.ACK, "4711"),
        ),
        (
            {"callback_query": {"id": "9", "from": {"id": 4711}, "data": "escalate:7"}},
            Press("1", 7, PageAction.ESCALATE, "4711"),
        ),
        (
            {"callback_query": {"id": "9", "from": {"id": 4711}, "data": f"ack:7:{NOW.timestamp():.0f}"}},
            Press("1", 7, PageAction.ACK, "4711", composed_at=NOW),
        ),
        ({"callback_query": {"id": "9", "from": {"id": 4711}, "data": "drop:7"}}, None),
        ({"callback_query": {"id": "9", "data": "ack:7"}}, None),
        ({"message": _private(4711, text="/start abc-1")}, Connect("abc-1", "4711", "@mara")),
        ({"message": _private(4711, text="hello")}, None),
        ({"message": {**_private(4711, text="/start a"), "chat": {"id": -100, "type": "group"}}}, None),
        ({"my_chat_member": _private(4711, new_chat_member={"status": "kicked"})}, OptOut("4711")),
        ({"my_chat_member": _private(4711, new_chat_member={"status": "member"})}, OptIn("4711")),
        ({"edited_message": {}}, None),
        ({"message": "text"}, None),
    ],
)
def test_an_update_of_telegram_is_read_as_what_it_means(update: Mapping[str, object], signal: object) -> None:
    assert [one.signal for one in telegram.read_update({"update_id": 1, **update})] == [signal] * bool(signal)
