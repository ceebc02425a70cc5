"""What people write to Firebell in Teams, who signed it, and the cards that answer."""

from datetime import UTC, datetime, timedelta

import pytest

from firebell.chat.adapter_base.message_model import Button, Content, Link, Quote
from firebell.chat.intents import commands
from firebell.chat.intents.model import AckPage, AddEntry, DeclareIncident, ShowHelp, ShowOnCall, ShowStatus
from firebell.chat.microsoft_teams.activities import (
    is_fresh,
    is_signed,
    plain_text,
    read_activity,
    secret_bytes,
)
from firebell.chat.microsoft_teams.cards import message
from firebell.chat.microsoft_teams.inbound import read_command
from tests.standins import adaptive_card_rules

SECRET = "vqF0En+Z0ucuRTM/01o2GuhMH3hKKk/N2bOmlM31zaA="
BODY = b'{"type":"message","text":"<at>Firebell</at> status"}'
SIGNED = "7kNIteaD8Gr3Psh2kN+n5BGQHwuAkUoPPR2LJNE7SIc="
"""Computed by `openssl dgst -sha256 -mac HMAC`."""


def test_only_the_token_of_the_team_signs() -> None:
    assert is_signed(BODY, f"HMAC {SIGNED}", ("another", SECRET))
    assert is_signed(b"", "HMAC /ex0XdGvqjwDWzUCzGc0pfpkrGlTx1VCfqXLsxUyPNY=", (SECRET,))
    assert is_signed("Überlastung".encode(), "HMAC lb2Cm9dV1WUF1Z3fnb/FqlH75vs5EV/gcSlf4uwdrAc=", (SECRET,))
    for authorization in (
        "",
        SIGNED,
        f"HMAC {SIGNED[:-1]}",
        "HMAC é",
        f"Bearer {SIGNED}",
        "HMAC " + "A" * 44,
    ):
        assert not is_signed(BODY, authorization, (SECRET,)), authorization
    assert not is_signed(BODY + b" ", f"HMAC {SIGNED}", (SECRET,))
    assert not is_signed(BODY, f"HMAC {SIGNED}", ())
    assert secret_bytes("short") is None
    assert secret_bytes("c2hvcnQ=") is None


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\xff\xfe", b"7", b"[]", b"{}", b"[" * 5000),
        b'{"type":"invoke","id":"1","from":{"id":"u"}}',
        b'{"type":"message","id":"1","from":7}',
        b'{"type":"message","id":7,"from":{"id":"u"}}',
    ],
)
def test_an_invalid_message_is_none(body: bytes) -> None:
    assert read_activity(body) is None


def test_a_message_is_read_without_its_markup() -> None:
    assert plain_text("<p><at>Firebell</at>&nbsp;INC-7 update 502s &lt; 1%<br>gone</p>") == (
        "INC-7 update 502s < 1%\ngone"
    )
    assert plain_text("<at>Firebell</at> ⟦user:U1|x⟧") == "〚user:U1|x〛"
    now = datetime(2026, 11, 24, 14, tzinfo=UTC)
    sent = b'{"type":"message","id":"1","from":{"aadObjectId":"e"},"timestamp":"2026-11-24T14:00:00.000Z"}'
    activity = read_activity(sent)
    assert activity
    assert activity.user == "e"
    assert is_fresh(activity, now + timedelta(minutes=5))
    assert not is_fresh(activity, now + timedelta(minutes=5, seconds=1))
    assert not is_fresh(activity, now - timedelta(minutes=6))


def test_one_grammar_serves_incidents_and_pages() -> None:
    assert read_command("INC-7 status") == (commands.INCIDENT, ShowStatus(7))
    assert read_command("incident INC-7 note Saw 502s") == (
        commands.INCIDENT,
        AddEntry(7, "note", "Saw 502s"),
    )
    assert read_command("declare sev1 Card payments fail") == (
        commands.INCIDENT,
        DeclareIncident(1, "Card payments fail"),
    )
    assert read_command("page ack PG-7") == (commands.PAGE, AckPage(7))
    assert read_command("who is on call for payments?") == (commands.INCIDENT, ShowOnCall("payments"))
    assert isinstance(read_command("hello")[1], ShowHelp)


@pytest.mark.parametrize("size", [0, 1, 10_000])
def test_every_card_is_valid_and_within_the_limit(size: int) -> None:
    text = "🔥é " * size
    content = Content(
        text=text,
        title=text,
        status=text,
        fields=(("Commander", text), ("Impact", text)) if size else (),
        paragraphs=(text,) * min(size, 50),
        quote=Quote(text, "Update template") if size else None,
        links=(Link("Room", "https://firebell.example/incidents/INC-1"),) * min(size, 20),
        buttons=(Button("Acknowledge", "fb_page_ack"), Button("Open", "fb_open", url="https://a.example")),
        footer=text,
    )
    for plain in (False, True):
        assert adaptive_card_rules.of_message(message(content, plain=plain)) == []
