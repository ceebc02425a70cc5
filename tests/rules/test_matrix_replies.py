"""What is written in a Matrix room is read only where it is sure who means what (spec 10.9)."""

from datetime import UTC, datetime

import pytest

from firebell.channels import matrix
from firebell.channels.callbacks import PageAction, Press, TextReply
from firebell.channels.matrix_replies import RoomEvent, press_of, read_event, text_updates
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
    ("text", "is_shared", "meant"),
    [
        ("47a", False, "47a"),
        ("ok", False, "ok"),
        ("!ack 47", False, "ack 47"),
        ("47a on it", True, "47a on it"),
        ("!ack 47", True, "ack 47"),
        ("! ?", True, "?"),
        ("ok", True, None),
        ("47 apples", True, None),
        ("47ab", True, None),
        ("!", True, None),
        ("stop", True, None),
    ],
)
def test_chatting_in_a_room_with_others_is_ignored(text: str, is_shared: bool, meant: str | None) -> None:
    updates = text_updates(RoomEvent("$1", ROOM, ANA, AT, text=text), is_shared=is_shared)
    if meant is None:
        assert updates == []
    else:
        assert [(update.signal, update.reply_to) for update in updates] == [
            (TextReply("$1", f"{ROOM} {ANA}", meant, sent_at=AT), f"{ROOM} $1"),
            (TextReply("$1:room", ROOM, meant, sent_at=AT, is_unattributed=is_shared), f"{ROOM} $1"),
        ]


@pytest.mark.parametrize(
    ("sender", "content", "is_shared", "address"),
    [
        (OWN, {"org.firebell.delivery": 7, "org.firebell.for": ""}, False, ROOM),
        (OWN, {"org.firebell.delivery": 7, "org.firebell.for": ""}, True, None),
        (OWN, {"org.firebell.delivery": 7, "org.firebell.for": ANA}, True, f"{ROOM} {ANA}"),
        (OWN, {"org.firebell.delivery": 7, "org.firebell.for": "@jo:example.org"}, False, None),
        # another account wrote the field
        ("@eve:example.org", {"org.firebell.delivery": 7, "org.firebell.for": ANA}, False, None),
        (OWN, {"org.firebell.delivery": "7"}, False, None),
        (OWN, {}, False, None),
    ],
)
def test_a_reaction_acknowledges_only_a_message_to_the_one_who_reacts(
    sender: str, content: dict[str, object], is_shared: bool, address: str | None
) -> None:
    event = RoomEvent("$2", ROOM, ANA, AT, confirmed="$page")
    update = press_of(event, {"sender": sender, "content": content}, OWN, is_shared=is_shared)
    expected = Press("$2", 7, PageAction.ACK, address) if address else None
    assert (update and update.signal) == expected


def test_an_address_names_a_room_and_whose_answers_count() -> None:
    assert matrix.check_address(f" {ROOM}   {ANA} ") == f"{ROOM} {ANA}"
    for nonsense in (f"{ROOM} ana", f"{ROOM} {ANA} {ANA}", f"{ANA} {ROOM}"):
        with pytest.raises(Invalid):
            matrix.check_address(nonsense)
