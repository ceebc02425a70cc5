"""What is written in a Matrix room is read only where it is sure who means what (spec 10.9)."""

from datetime import UTC, datetime

import pytest

from firebell.channels import matrix
from firebell.channels.callbacks import PageAction, Press, TextReply
from firebell.channels.matrix_replies import (
    RoomEvent,
    delivery_in,
    is_command,
    press_of,
    read_event,
    text_update,
)
from firebell.kit.errors import Invalid

AT = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
ROOM, OWN, ANA = "!ops:example.org", "@firebell:example.org", "@ana:example.org"
TEXT = {"msgtype": "m.text", "body": "47a"}


def _event(content: object, kind: str = "m.room.message", **more: object) -> dict[str, object]:
    at_ms = int(AT.timestamp() * 1000)
    event = {"event_id": "$1", "sender": ANA, "type": kind, "origin_server_ts": at_ms, "content": content}
    return {**event, **more}


def _reaction(key: str, event_id: object = "$page") -> dict[str, object]:
    relation = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
    return _event({"m.relates_to": relation}, "m.reaction")


@pytest.mark.parametrize(
    ("event", "read"),
    [
        (_event(TEXT), "47a"),
        (_event({**TEXT, "body": "> <@firebell:example.org> page\n> more\n\n47a"}), "47a"),
        (_event({**TEXT, "body": " \n"}), None),
        (_event({**TEXT, "body": 47}), None),
        (_event({**TEXT, "msgtype": "m.notice"}), None),
        (_event({**TEXT, "m.relates_to": {"rel_type": "m.replace", "event_id": "$0"}}), None),
        (_event({}), None),
        (_event("text"), None),
        (_event(TEXT, sender=OWN), None),
        (_event(TEXT, sender="ana"), None),
        (_event(TEXT, sender=None), None),
        (_event(TEXT, event_id=""), None),
        (_event(TEXT, origin_server_ts=10**17), None),
        (_event(TEXT, "m.room.encrypted"), None),
        (_reaction("👍"), "$page"),
        (_reaction("👍🏽"), "$page"),
        (_reaction("✅"), "$page"),
        (_reaction("👎"), None),
        (_reaction("👍", None), None),
        ([], None),
    ],
)
def test_an_event_is_read_only_if_a_person_means_it(event: object, read: str | None) -> None:
    known = read_event(event, ROOM, OWN)
    assert (known and (known.text or known.confirmed)) == read
    if known:
        assert (known.user, known.room, known.at) == (ANA, ROOM, AT)


@pytest.mark.parametrize(
    ("relation", "answers"),
    [
        ({}, ""),
        ({"m.in_reply_to": {"event_id": "$page"}}, "$page"),
        ({"m.in_reply_to": {"event_id": 7}}, ""),
        # in a thread, clients name the latest message for those that know no threads
        (
            {
                "rel_type": "m.thread",
                "event_id": "$page",
                "is_falling_back": True,
                "m.in_reply_to": {"event_id": "$9"},
            },
            "$page",
        ),
        ({"rel_type": "m.thread", "event_id": "$page", "m.in_reply_to": {"event_id": "$9"}}, "$9"),
    ],
)
def test_a_text_below_a_message_answers_that_one(relation: dict[str, object], answers: str) -> None:
    event = read_event(_event({**TEXT, "m.relates_to": relation}), ROOM, OWN)
    assert event
    assert event.answers == answers
    assert text_update(event, 7).signal == TextReply(
        "$1", f"{ROOM} {ANA}", "47a", sent_at=AT, room=ROOM, delivery_id=7
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("47a on it", "47a on it"),
        ("47AA", "47AA"),
        ("!ack 47", "ack 47"),
        ("!47e", "47e"),
        ("! ?", "?"),
        ("ok", None),
        ("47 apples", None),
        ("47ab", None),
        ("!", None),
        ("stop", None),
        # commands of other bots
        ("!stop", None),
        ("!help", None),
        ("!resolve", None),
        ("!deploy 47", None),
    ],
)
def test_chatting_in_a_room_with_others_is_ignored(text: str, meant: str | None) -> None:
    assert is_command(text) is (meant is not None)
    if meant:
        reply = text_update(RoomEvent("$1", ROOM, ANA, AT, text=text)).signal
        assert isinstance(reply, TextReply)
        assert reply.text == meant


@pytest.mark.parametrize(
    ("sender", "content", "address"),
    [
        (OWN, {"org.firebell.delivery": 7, "org.firebell.for": ANA}, f"{ROOM} {ANA}"),
        # no one is named: who is in the room now may not have been when the page came
        (OWN, {"org.firebell.delivery": 7, "org.firebell.for": ""}, None),
        (OWN, {"org.firebell.delivery": 7, "org.firebell.for": "@jo:example.org"}, None),
        # another account wrote the field
        ("@eve:example.org", {"org.firebell.delivery": 7, "org.firebell.for": ANA}, None),
        (OWN, {"org.firebell.delivery": "7", "org.firebell.for": ANA}, None),
        (OWN, {}, None),
    ],
)
def test_a_reaction_acknowledges_only_a_message_to_the_one_who_reacts(
    sender: str, content: dict[str, object], address: str | None
) -> None:
    event = RoomEvent("$2", ROOM, ANA, AT, confirmed="$page")
    update = press_of(event, *delivery_in({"sender": sender, "content": content}, OWN))
    expected = Press("$2", 7, PageAction.ACK, address) if address else None
    assert (update and update.signal) == expected


@pytest.mark.parametrize(
    ("composed", "at"),
    [({"org.firebell.composed": 1795490040}, AT), ({}, None), ({"org.firebell.composed": "x"}, None)],
)
def test_a_reaction_says_when_its_message_was_composed(
    composed: dict[str, object], at: datetime | None
) -> None:
    content = {"org.firebell.delivery": 7, "org.firebell.for": ANA, **composed}
    assert delivery_in({"sender": OWN, "content": content}, OWN) == (7, ANA, at)


def test_an_address_names_a_room_and_whose_answers_count() -> None:
    assert (bool(matrix.address_warning(ROOM)), matrix.address_warning(f"{ROOM} {ANA}")) == (True, "")
    assert matrix.check_address(f" {ROOM}   {ANA} ") == f"{ROOM} {ANA}"
    for nonsense in (f"{ROOM} ana", f"{ROOM} {ANA} {ANA}", f"{ANA} {ROOM}"):
        with pytest.raises(Invalid):
            matrix.check_address(nonsense)
