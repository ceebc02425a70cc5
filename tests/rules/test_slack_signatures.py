"""Signatures of Slack: the vectors of spec 8.4, both ends of the window, and what is refused without an exception."""

from datetime import UTC, datetime, timedelta

import pytest

from firebell.chat.slack.signatures import is_signed
from tests.standins.slack.inbound import signature

SECRET, TS = "firebell-test-secret", "1800000000"
NOW = datetime.fromtimestamp(1_800_000_000, UTC)


@pytest.mark.parametrize(
    ("body", "digest"),
    [
        (b"payload=%7B%7D", "04776ab8225d0db99a2f156a4e6b2761203914248f9b3bae64b9407ad42f5aa0"),
        (b"", "bfe6e6f2f5e96e085fb95a1a4b7eabcd49ff0128a68fe0bd655bd2366aca8f6c"),
        (
            b'{"type":"url_verification","challenge":"c"}',
            "01c08b155c4ea433ff3a18ee151454123ba968005d9470435bc707c691b06bfa",
        ),
    ],
)
def test_what_slack_signed_is_believed(body: bytes, digest: str) -> None:
    assert is_signed(body, TS, f"v0={digest}", [SECRET], NOW)
    assert is_signed(body, TS, f"v0={digest}", ["the next one", SECRET], NOW)
    assert not is_signed(body + b" ", TS, f"v0={digest}", [SECRET], NOW)
    assert not is_signed(body, TS, f"v0={digest}", ["another workspace's"], NOW)
    assert not is_signed(body, TS, f"v0={digest}", ["", " "], NOW)


@pytest.mark.parametrize(("age", "believed"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_a_request_is_believed_for_five_minutes(age: int, believed: bool) -> None:
    now = NOW + timedelta(seconds=age)
    assert is_signed(b"x", TS, signature(SECRET, TS, b"x"), [SECRET], now) is believed


@pytest.mark.parametrize("timestamp", ["abc", "", "1.5", " 1", "1_0", "١٨٠", "1800000000\n", "9" * 13, "-1"])
def test_a_timestamp_of_another_form_is_refused(timestamp: str) -> None:
    assert not is_signed(b"x", timestamp, signature(SECRET, timestamp, b"x"), [SECRET], NOW)


@pytest.mark.parametrize("wrong", ["", "v0=é", "v0=", "V0=" + "0" * 64, "v1=" + "0" * 64])
def test_a_signature_of_another_form_is_refused(wrong: str) -> None:
    assert not is_signed(b"x", TS, wrong, [SECRET], NOW)


def test_a_signature_in_capitals_and_a_body_that_is_no_text_are_refused() -> None:
    upper = signature(SECRET, TS, b"x").upper().replace("V0", "v0")
    assert not is_signed(b"x", TS, upper, [SECRET], NOW)
    assert not is_signed(b"\xff\xfe", TS, signature(SECRET, TS, b"\xff\xfe"), [SECRET], NOW)
