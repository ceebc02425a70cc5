"""What a text that someone sends back means (spec 10.9)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.channels.callbacks import PageAction
from firebell.replies.grammar import Help, Meaning, NotUnderstood, PageCommand, Start, Stop, read

ACK, ESCALATE, RESOLVE = PageAction.ACK, PageAction.ESCALATE, PageAction.RESOLVE


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        *(
            (text, PageCommand(ACK, 47))
            for text in ("47a", "ack 47", "47 ok", "4 7 a", " #47 A ", "“47a”", "47A.", "47 👍🏽")
        ),
        *((text, PageCommand(ACK, 47)) for text in ("４７a", "٤٧a", "Ack #47", "47 acknowledge")),
        ("47e", PageCommand(ESCALATE, 47)),
        ("escalate 9", PageCommand(ESCALATE, 9)),
        ("47r", PageCommand(RESOLVE, 47)),
        ("resolve 123", PageCommand(RESOLVE, 123)),
        *((text, PageCommand(ACK)) for text in ("a", "ACK", "Ok", "yes", "👍", "ack!")),
        ("47a thanks, on it", PageCommand(ACK, 47, "thanks, on it")),
        ("ack 47 Looking now", PageCommand(ACK, 47, "Looking now")),
        *((text, Help()) for text in ("?", "help", " HELP ")),
        *(
            (text, Stop())
            for text in ("stop", "STOP", "Stop.", "unsubscribe", "cancel", "end", "quit", "stopall")
        ),
        *((text, Start()) for text in ("start", "UNSTOP")),
    ],
)
def test_a_reply_is_understood(text: str, meaning: Meaning) -> None:
    assert read(text) == meaning


@pytest.mark.parametrize(
    "text",
    ["", "47", "47x", "0a", "1234a", "47 apples", "stop it 47a", "nack 47", "47ab", "-", "a b c", "47a47e"],
)
def test_anything_else_changes_nothing(text: str) -> None:
    assert read(text) == NotUnderstood(text)


@given(st.text(max_size=600))
@settings(max_examples=100)
def test_every_text_has_a_meaning(text: str) -> None:
    assert read(text) is not None
