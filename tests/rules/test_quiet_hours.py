"""Quiet hours compared with a minute-by-minute oracle, and the text of a bundle."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.channels.base import Action, Message
from firebell.kit.errors import Invalid
from firebell.kit.localtime import to_local
from firebell.notify.held_messages import merged_message, send_groups
from firebell.notify.model import Delivery, DeliveryState
from firebell.notify.quiet_hours import held_until
from firebell.people.model import QuietHours
from firebell.people.validation import clean_quiet_hours

NIGHT = QuietHours(time(22), time(7), "Europe/Berlin")
MINUTE = timedelta(minutes=1)
ZONES = (
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "UTC",
)
walls = st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30, 59)))

INBOX = "https://f.example/pages"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-24T20:59:59Z", None),
        ("2026-11-24T21:00:00Z", "2026-11-25T06:00:00Z"),
        ("2026-11-25T05:59:59Z", "2026-11-25T06:00:00Z"),
        ("2026-11-25T06:00:00Z", None),
        ("2026-03-28T22:00:00Z", "2026-03-29T05:00:00Z"),
        ("2026-10-24T22:00:00Z", "2026-10-25T06:00:00Z"),
    ],
    ids=["before", "from the start", "to the end", "after", "over the spring gap", "over the autumn fold"],
)
def test_a_night_is_held_until_its_morning(now: str, until: str | None) -> None:
    assert held_until(NIGHT, at(now)) == (at(until) if until else None)


def test_hours_that_end_in_the_skipped_hour_end_with_the_jump() -> None:
    hours = QuietHours(time(22), time(2, 30), "Europe/Berlin")
    assert held_until(hours, at("2026-03-29T00:59:00Z")) == at("2026-03-29T01:00:00Z")
    assert held_until(hours, at("2026-03-29T01:00:00Z")) is None


def test_hours_that_end_in_the_hour_that_comes_twice_end_once() -> None:
    hours = QuietHours(time(22), time(2, 30), "Europe/Berlin")
    assert held_until(hours, at("2026-10-25T00:29:00Z")) == at("2026-10-25T00:30:00Z")
    assert held_until(hours, at("2026-10-25T01:10:00Z")) is None


@given(
    st.integers(0, 366 * 24 * 60),
    walls,
    walls,
    st.sampled_from(ZONES),
)
def test_the_end_is_the_first_minute_at_which_the_clock_has_reached_it(
    minutes: int, starts: time, ends: time, tz: str
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    if starts == ends:
        return
    hours = QuietHours(starts, ends, tz)
    end = held_until(hours, now)
    if end is None:
        return
    assert now < end <= now + timedelta(hours=26)
    assert held_until(hours, end) is None
    minute = now
    while minute + MINUTE < end:
        assert held_until(hours, minute) == end
        minute += timedelta(minutes=7)
    before, after = to_local(end - MINUTE, tz), to_local(end, tz)
    reached = datetime.combine(after.date(), ends)
    assert before < reached <= after


def test_a_zone_that_is_gone_holds_nothing() -> None:
    assert held_until(QuietHours(time(0), time(23, 59), "Mars/Olympus"), at("2026-11-24T12:00Z")) is None


@pytest.mark.parametrize(
    ("starts", "ends", "tz", "field"),
    [
        ("22", "x", "UTC", "ends"),
        ("", "07:00", "UTC", "starts"),
        ("22:00+01:00", "07:00", "UTC", "starts"),
        ("22:00:30", "07:00", "UTC", "starts"),
        ("07:00", "07:00", "UTC", "ends"),
        ("22:00", "07:00", "Mars/Olympus", "tz"),
    ],
)
def test_invalid_quiet_hours_are_named(starts: str, ends: str, tz: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_quiet_hours(starts, ends, tz)
    assert field in refused.value.fields


def message(number: int) -> Message:
    return Message(
        "page",
        f"disk {number}",
        "low",
        at("2026-11-25T06:00Z"),
        headline=f"Checkout: disk {number}",
        ref=f"PG-{number}",
        url=f"https://f.example/pages/PG-{number}",
        actions=(Action("Acknowledge", f"https://f.example/ack/{number}"),),
        recipient="Mara",
    )


def delivery(number: int, method: int, *, held: bool) -> Delivery:
    now = at("2026-11-24T23:00Z")
    return Delivery(
        *(number, "page", number, 1, 0, 0, 1, method, 2, "page", "webhook", "https://x", f"key-{number}"),
        *(DeliveryState.SENDING, now, 1, None, now, None, held),
    )


def test_only_what_was_held_for_one_method_goes_together() -> None:
    bundled = [
        (delivery(n, method, held=held), message(n))
        for n, method, held in ((1, 7, True), (2, 8, True), (3, 7, True), (4, 7, False))
    ]
    assert sorted([d.id for d in p.deliveries] for p in send_groups(bundled, INBOX)) == [[1, 3], [2], [4]]


def test_a_bundle_lists_every_message_and_how_to_acknowledge() -> None:
    notice = Message("shift", "Your shift", "low", at("2026-11-25T06:00Z"), lines=("It ends.",))
    message_ = merged_message([message(1), message(2), notice], INBOX)
    assert message_.title == "3 messages held during your quiet hours"
    for part in ("[PG-1] Checkout: disk 1", "https://f.example/ack/2", "Your shift\nIt ends.", INBOX):
        assert part in message_.text(100_000)
    assert (message_.actions, message_.ref) == ((), "")


def test_one_message_that_was_held_is_itself() -> None:
    assert merged_message([message(1)], INBOX) == message(1)


def test_a_huge_bundle_counts_the_rest() -> None:
    bundle = merged_message([message(n) for n in range(1, 51)], INBOX).text(1000)
    named = bundle.count("/ack/")
    assert 5 < named < 50
    assert bundle.endswith(f"And {50 - named} more: {INBOX}")
    assert len(bundle.encode()) <= 1000


def test_the_same_bundle_has_the_same_key_and_another_a_different_one() -> None:
    one, two = ([(delivery(n, 7, held=True), message(n)) for n in range(size)] for size in (2, 3))
    (a,), (b,), (c,) = (send_groups(deliveries, INBOX) for deliveries in (one, list(one), two))
    assert a.key == b.key != c.key
