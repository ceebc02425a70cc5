"""Notification rules, and the idempotency key of a message."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.notify.notification_rules import PlannedDelivery, idempotency_key, plan, reminder
from firebell.people.model import ContactMethod, NotificationRule
from firebell.people.notification_rules.rule_times import example, has_two_ways, usable

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
DELAYS = st.lists(st.integers(0, 3600), min_size=1, max_size=6).map(sorted)


def method(number: int) -> ContactMethod:
    topic = f"topic-{number}"
    return ContactMethod(number, 1, "ntfy", topic, "", None, None, shown_address=topic)


def rules_of(delays: list[int]) -> list[NotificationRule]:
    return [NotificationRule(delay, method(i)) for i, delay in enumerate(delays)]


@given(DELAYS)
def test_the_first_rule_is_immediate_and_the_others_keep_their_delays(delays: list[int]) -> None:
    planned = plan(1, rules_of(delays), NOW, "page")
    assert planned[0].send_at == NOW
    assert [p.send_at - NOW for p in planned] == [timedelta(seconds=d - delays[0]) for d in delays]
    assert [p.method.id for p in planned] == list(range(len(delays)))


@given(DELAYS)
def test_a_reminder_is_one_message_now(delays: list[int]) -> None:
    (one,) = reminder(1, rules_of(delays), NOW)
    assert (one.send_at, one.reason, one.method.id) == (NOW, "reminder", 0)


def test_without_rules_every_contact_method_is_used() -> None:
    assert usable([], [method(1), method(2)]) == [
        NotificationRule(0, method(1)),
        NotificationRule(0, method(2)),
    ]
    assert usable(rules_of([0]), [method(0), method(1)]) == rules_of([0])
    assert usable(rules_of([0, 60]), [method(1)]) == rules_of([0, 60])[1:]
    assert usable(rules_of([0]), [method(1)]) == [NotificationRule(0, method(1))]
    assert usable([], []) == []
    assert plan(1, [], NOW, "page") == []


POSITIONS = st.tuples(*[st.integers(0, 3)] * 4, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))


def key(position: tuple[int, ...], reason: str, send_at: datetime = NOW) -> str:
    page, epoch, level, turn, person, method_id, rule = position
    return idempotency_key(
        page, epoch, level, turn, PlannedDelivery(person, method(method_id), rule, send_at, reason)
    )


@given(POSITIONS, POSITIONS, st.sampled_from(["page", "reminder"]), st.sampled_from(["page", "alarm"]))
def test_two_messages_have_one_key_exactly_when_they_are_the_same(
    one: tuple[int, ...], other: tuple[int, ...], why: str, because: str
) -> None:
    assert (key(one, why) == key(other, because)) == ((one, why) == (other, because))


@pytest.mark.parametrize("minutes", [0, 5])
def test_the_idempotency_key_does_not_depend_on_the_time_of_sending(minutes: int) -> None:
    position = (7, 1, 0, 0, 1, 1, 0)
    assert key(position, "page", NOW + timedelta(minutes=minutes)) == key(position, "page")


def test_the_keys_of_similar_numbers_differ() -> None:
    numbers = [1, 11, 111]
    positions = [(a, b, 0, 0, 1, 1, 0) for a, b in itertools.product(numbers, numbers)]
    assert len({key(p, "page") for p in positions}) == len(positions)


def test_an_example_page_begins_at_two_and_its_first_message_does_not_wait() -> None:
    rules = [NotificationRule(delay, method(i)) for i, delay in enumerate((300, 60, 3600 * 23))]
    assert [(m.time, m.method) for m in example(rules)] == [
        ("02:00", "topic-1"),
        ("02:04", "topic-0"),
        ("00:59", "topic-2"),
    ]
    assert example([]) == []
    other = ContactMethod(9, 1, "email", "jun@example.org", "", None, None)
    assert [has_two_ways(x) for x in ([], rules, [*rules, NotificationRule(0, other)])] == [
        False,
        False,
        True,
    ]
