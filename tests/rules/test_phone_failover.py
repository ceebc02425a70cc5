"""Which provider of text messages and calls is tried, and how often: circuits, failover, and lost answers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.channels.base import Accepted, ContentRefused, Failed, Outcome, Retry
from firebell.channels.phone import circuit, twilio
from firebell.channels.phone.circuit import Circuit, CircuitEvent, CircuitState
from firebell.channels.phone.failover import Failover
from firebell.channels.phone.provider import Misconfigured, Paused, ProviderMessage, ProviderOutcome, Unknown
from firebell.channels.phone.settings import TwilioAccount
from tests.rules.finished import finished

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
BASE = "https://fb.example"


def test_a_circuit_opens_waits_longer_and_closes() -> None:
    one = Circuit()
    for second in range(4):
        one = circuit.after(one, CircuitEvent.FAILURE, second)
    assert one.state is CircuitState.CLOSED
    one = circuit.after(one, CircuitEvent.FAILURE, 4)
    assert (one.state, circuit.is_usable(one, 33), circuit.is_usable(one, 34)) == (
        CircuitState.OPEN,
        False,
        True,
    )
    waits = []
    for _ in range(5):
        now = one.until
        one = circuit.after(circuit.begun(one, now), CircuitEvent.FAILURE, now)
        waits.append(one.until - now)
    assert waits == [30, 60, 120, 240, 300]
    probing = circuit.begun(one, one.until)
    assert not circuit.is_usable(probing, one.until)
    assert circuit.after(probing, CircuitEvent.SUCCESS, one.until) == Circuit()
    refused = circuit.after(Circuit(), CircuitEvent.MISCONFIGURED, 0)
    assert (refused.state, refused.until) == (CircuitState.CONFIG, 300)
    assert circuit.paused(refused, 900, 0) == refused


@given(st.lists(st.tuples(st.sampled_from(CircuitEvent), st.floats(0, 100)), max_size=40))
@settings(max_examples=60)
def test_every_circuit_is_usable_within_five_minutes(events: list[tuple[CircuitEvent, float]]) -> None:
    one, now = Circuit(), 0.0
    for event, pause in events:
        now += pause
        one = circuit.after(circuit.begun(one, now), event, now)
        assert circuit.is_usable(one, now + circuit.LONGEST_WAIT_S)


class Clocked:
    """A pace that notes its pauses instead of making them."""

    def __init__(self) -> None:
        self.at = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.at

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        self.pauses.append(seconds)


class Scripted:
    """A provider that answers as it is told, and takes what it does not know of."""

    def __init__(self, name: str, *outcomes: ProviderOutcome, known: Accepted | None = None) -> None:
        self.name = name
        self.outcomes = list(outcomes)
        self.known = known
        self.orders = 0
        self.asked_since: list[datetime] = []

    async def send(self, order: ProviderMessage) -> ProviderOutcome:
        self.orders += 1
        return self.outcomes.pop(0) if self.outcomes else Accepted(f"{self.name}-{self.orders}")

    async def lookup(self, order: ProviderMessage, since: datetime) -> Accepted | None:
        self.asked_since.append(since)
        return self.known


ORDER = ProviderMessage("+4915123456789", "k", 42, NOW, text="x")
DOWN, LOST = Retry("down"), Unknown("no answer")


@pytest.mark.parametrize(
    ("first", "second", "is_critical", "outcome", "orders"),
    [
        ([], [], False, Accepted("a-1", "a"), (1, 0)),
        ([DOWN], [], False, Accepted("a-2", "a"), (2, 0)),
        ([DOWN, DOWN], [], False, Accepted("b-1", "b"), (2, 1)),
        ([DOWN], [], True, Accepted("b-1", "b"), (1, 1)),
        ([LOST], [], False, Accepted("b-1", "b"), (1, 1)),
        ([Retry("slow", 30)], [], False, Accepted("b-1", "b"), (1, 1)),
        ([Retry("slow", 30)], [Retry("slow", 9)], False, Retry("a: slow; b: slow", 9), (1, 1)),
        ([Misconfigured("key")], [], False, Accepted("b-1", "b"), (1, 1)),
        ([Paused("quota", 900)], [], False, Accepted("b-1", "b"), (1, 1)),
        ([Failed("no such number")], [], False, Failed("no such number"), (1, 0)),
        ([ContentRefused("spam")], [], False, Accepted("b-1", "b"), (1, 1)),
        (
            [ContentRefused("spam")],
            [ContentRefused("spam")],
            False,
            Failed("a: spam; b: spam", suspect=False),
            (1, 1),
        ),
        ([DOWN] * 2, [DOWN] * 2, False, Retry("a: down; b: down"), (2, 2)),
        ([Misconfigured("key")], [Paused("q", 900)], False, Failed("a: key; b: q", suspect=False), (1, 1)),
    ],
)
def test_the_next_provider_is_tried_at_once(
    first: list[ProviderOutcome],
    second: list[ProviderOutcome],
    is_critical: bool,
    outcome: Outcome,
    orders: tuple[int, int],
) -> None:
    a, b, pace = Scripted("a", *first), Scripted("b", *second), Clocked()
    sent = finished(
        Failover([a, b], pace).send(ORDER, is_critical=is_critical, begun_since=None)  # type: ignore[arg-type]
    )
    assert (sent, (a.orders, b.orders)) == (outcome, orders)
    assert sum(pace.pauses) <= 4


def test_an_unknown_outcome_is_looked_up_and_a_repetition_too() -> None:
    known = Accepted("SM7", "a")
    a, b = Scripted("a", LOST, known=known), Scripted("b")
    failover = Failover([a, b], Clocked())  # type: ignore[arg-type]
    assert finished(failover.send(ORDER, is_critical=False, begun_since=None)) == known
    assert a.asked_since == [NOW]
    before = NOW - timedelta(minutes=2)
    assert finished(failover.send(ORDER, is_critical=False, begun_since=before)) == known
    assert a.asked_since == [NOW, before]
    assert (a.orders, b.orders) == (1, 0)


@pytest.mark.parametrize(
    ("fields", "is_it"),
    [
        ({}, True),
        ({"date_created": format_datetime(NOW - timedelta(seconds=1))}, False),
        ({"date_created": format_datetime(NOW - timedelta(minutes=6))}, False),
        ({"date_created": "yesterday"}, False),
        ({"body": "another page"}, False),
        ({"direction": "inbound"}, False),
        ({"status": "failed"}, False),
        ({"status": "undelivered"}, False),
        ({"status": "canceled"}, False),
    ],
)
def test_a_page_is_sent_although_an_earlier_message_looks_like_it(
    fields: dict[str, str], is_it: bool
) -> None:
    one = {
        "sid": "SM7",
        "body": ORDER.text,
        "direction": "outbound-api",
        "status": "queued",
        "date_created": format_datetime(NOW),
    }
    since = NOW.replace(microsecond=700_000)
    listing = {"messages": ["x", {**one, **fields}]}
    assert twilio.sid_of(listing, ORDER.text, since) == "SM7" * is_it
    assert twilio.sid_of(listing, ORDER.text, since, {"SM7"}) == ""
    account = TwilioAccount("AC1", "a token", "+15005550001", "+15005550001", BASE)
    call = twilio.TwilioVoice(None, account, BASE)  # type: ignore[arg-type]
    assert finished(call.lookup(ORDER, since)) is None


def test_an_open_circuit_is_passed_over_but_the_last_way_never_is() -> None:
    a, b, pace = Scripted("a", *[DOWN] * 6), Scripted("b"), Clocked()
    failover = Failover([a, b], pace)  # type: ignore[arg-type]
    for _ in range(4):
        finished(failover.send(ORDER, is_critical=False, begun_since=None))
    assert failover.circuits["a"].state is CircuitState.OPEN
    assert (a.orders, [p.name for p in failover.in_order()]) == (6, ["b"])
    failover.circuits["b"] = replace(failover.circuits["a"])
    assert [p.name for p in failover.in_order()] == ["a", "b"]
    pace.at += 400
    assert [p.name for p in failover.in_order()] == ["a", "b"]


OPEN_UNTIL_9, KEY_REFUSED = Circuit(CircuitState.OPEN, 9), Circuit(CircuitState.CONFIG, 300)


@pytest.mark.parametrize(
    ("circuits", "first", "second", "outcome", "orders"),
    [
        # the key of one is refused while the other is out: the other is tried
        ((KEY_REFUSED, OPEN_UNTIL_9), [], [], Accepted("b-1", "b"), (0, 1)),
        ((KEY_REFUSED, OPEN_UNTIL_9), [Misconfigured("key")], [DOWN] * 2, Retry("b: down; a: key"), (1, 2)),
        ((Circuit(), OPEN_UNTIL_9), [Misconfigured("key")], [], Retry("a: key"), (1, 0)),
        ((Circuit(), OPEN_UNTIL_9), [ContentRefused("spam")], [], Retry("a: spam"), (1, 0)),
        ((Circuit(), KEY_REFUSED), [Misconfigured("key")], [], Failed("a: key", suspect=False), (1, 0)),
    ],
)
def test_a_page_is_delayed_and_not_lost_while_a_provider_is_out(
    circuits: tuple[Circuit, Circuit],
    first: list[ProviderOutcome],
    second: list[ProviderOutcome],
    outcome: Outcome,
    orders: tuple[int, int],
) -> None:
    a, b = Scripted("a", *first), Scripted("b", *second)
    failover = Failover([a, b], Clocked())  # type: ignore[arg-type]
    failover.circuits = dict(zip("ab", circuits, strict=True))
    sent = finished(failover.send(ORDER, is_critical=False, begun_since=None))
    assert (sent, (a.orders, b.orders)) == (outcome, orders)
