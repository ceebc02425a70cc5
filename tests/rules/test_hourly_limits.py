"""Text messages and calls of one hour: how many of a page, and how many codes and tests."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from firebell.channels.base import Failed
from firebell.notify.hourly_limits import rules as hourly_limits
from firebell.notify.hourly_limits.rules import HourlyLimits, LimitScope, PageRecipient, RequestedMessage
from firebell.notify.model import Delivery, DeliveryState

NOW = datetime(2026, 3, 2, 3, 12, tzinfo=UTC)
PAGE = Delivery(
    id=1,
    subject_kind="page",
    subject_id=7,
    epoch=1,
    level=0,
    round=0,
    person_id=3,
    method_id=1,
    rank=1,
    reason="page",
    channel="sms",
    address="+4915123456789",
    idempotency_key="k",
    state=DeliveryState.SENDING,
    send_at=NOW,
    attempts=1,
    error=None,
    created_at=NOW,
    sent_at=None,
)
TEST = replace(PAGE, subject_kind="test", epoch=0, rank=2)


@pytest.mark.parametrize(
    ("delivery", "earlier", "is_refused"),
    [
        (PAGE, 11, False),
        (PAGE, 12, True),
        (replace(PAGE, rank=0), 500, False),
        (replace(PAGE, rank=2), 12, True),
        (replace(PAGE, channel="voice"), 12, True),
        (replace(PAGE, channel="ntfy"), 500, False),
        (replace(PAGE, channel="no-such-channel"), 500, False),
        (replace(PAGE, person_id=4), 12, False),
        (replace(PAGE, subject_id=8), 12, False),
        (replace(PAGE, epoch=0, subject_kind="notice"), 500, False),
        (replace(PAGE, epoch=9, level=3), 12, True),
    ],
)
def test_a_page_causes_twelve_messages_an_hour(delivery: Delivery, earlier: int, is_refused: bool) -> None:
    """I9; the limit is of the person and the page, whatever the level."""
    limits = HourlyLimits({PageRecipient("page", 7, 3): earlier}, ())
    outcome = limits.admit(delivery)
    assert bool(outcome) is is_refused
    assert not is_refused or (isinstance(outcome, Failed) and not outcome.suspect)


def test_messages_that_are_claimed_together_count_together() -> None:
    claimed = [replace(PAGE, id=n, channel="sms" if n % 2 else "voice") for n in range(20)]
    assert sorted(hourly_limits.refused(HourlyLimits({}, ()), claimed)) == list(range(12, 20))


def _sent(count: int, number: str = "+4915123{:06}", people: int = 1000) -> list[RequestedMessage]:
    return [RequestedMessage("sms", 100 + n % people, number.format(n * 37)) for n in range(count)]


@pytest.mark.parametrize(
    ("sent", "scopes"),
    [
        ([], []),
        (_sent(19, "+49151{:04}0000"), []),
        (_sent(20, "+49151{:04}0000"), ["country"]),
        (_sent(9, "+491512345{:04}"), []),
        (_sent(10, "+491512345{:04}"), ["range"]),
        (_sent(10, "+49151{:04}0000", people=1), ["person"]),
        (_sent(10, "not a number {:04}"), ["range"]),
        (_sent(19, "+49151{:04}0000") + _sent(19, "+33612{:04}00") + _sent(19, "+1415{:04}000"), []),
        (
            _sent(19, "+49151{:04}0000")
            + _sent(19, "+33612{:04}00")
            + _sent(19, "+1415{:04}000")
            + _sent(3, "+44770090{:04}"),
            ["installation"],
        ),
    ],
)
def test_codes_and_tests_stop_by_country_range_person_and_in_all(
    sent: list[RequestedMessage], scopes: list[str]
) -> None:
    assert [stop.scope.kind for stop in HourlyLimits({}, sent).reached_limits()] == scopes


def test_what_is_stopped_is_refused_and_nothing_else() -> None:
    limits = HourlyLimits({}, _sent(20, "+49151{:04}0000"))
    assert limits.admit(TEST)
    assert not limits.admit(replace(TEST, address="+14155552671")), "another country"
    assert not limits.admit(replace(TEST, channel="ntfy")), "it costs nothing"
    assert not limits.admit(PAGE), "a page is never stopped by what is requested"
    assert not limits.admit(replace(TEST, subject_kind="notice"))
    [stop] = limits.reached_limits()
    assert stop.text == "Codes and tests to DE"


def test_what_an_admin_allows_is_sent_up_to_the_limit_of_the_installation() -> None:
    country = LimitScope("country", "DE")
    allowed = HourlyLimits({}, _sent(20, "+49151{:04}0000"), [country])
    assert allowed.reached_limits() == []
    assert not allowed.admit(TEST)
    assert HourlyLimits({}, _sent(20, "+49151{:04}0000"), [LimitScope("country", "US")]).admit(TEST)
    everywhere = HourlyLimits({}, _sent(60, "+49151{:04}0000"), [country])
    [stop] = everywhere.reached_limits()
    assert stop.scope == LimitScope("installation", "")
    assert not stop.can_be_allowed
    assert everywhere.admit(TEST)
