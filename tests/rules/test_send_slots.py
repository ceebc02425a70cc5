"""Send slots of a channel: no destination, person or storm takes those that urgent messages need."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.notify.deliveries.send_slots import CAPACITY, LEAST, RESERVED, Slots, destination


@dataclass(frozen=True)
class Sent:
    id: int
    channel: str
    destination: str
    person_id: int
    rank: int


messages = st.builds(
    Sent,
    st.integers(1, 10_000),
    st.sampled_from(["webhook", "email"]),
    st.sampled_from(["", "a.example", "b.example", "c.example"]),
    st.integers(1, 6),
    st.integers(0, 2),
)
queues = st.lists(messages, max_size=400, unique_by=lambda m: m.id)


def admitted(slots: Slots, queue: list[Sent], limit: int = 1000) -> list[Sent]:
    ids = set(slots.admit(queue, limit))
    return [m for m in queue if m.id in ids]


@given(queues)
def test_what_is_admitted_keeps_every_limit(queue: list[Sent]) -> None:
    slots = Slots()
    for message in admitted(slots, queue):
        assert slots.fits(message)
        slots.take(message)
    for channel in ("webhook", "email"):
        for rank, reserved in enumerate(RESERVED):
            patient = [m for m in admitted(Slots(), queue) if m.channel == channel and m.rank >= rank]
            assert len(patient) <= CAPACITY - reserved


@given(queues)
def test_admitting_some_changes_nothing(queue: list[Sent]) -> None:
    slots = Slots()
    assert slots.admit(queue, 1000) == slots.admit(queue, 1000)
    assert not slots.blocked()


@given(queues, messages)
def test_a_message_is_blocked_exactly_when_it_does_not_fit(under_way: list[Sent], message: Sent) -> None:
    slots = Slots(admitted(Slots(), under_way))
    channels, destinations, persons = slots.blocked()
    blocked = (
        (message.channel, message.rank) in channels
        or (message.channel, message.destination, message.rank) in destinations
        or (message.channel, message.person_id, message.rank) in persons
    )
    assert blocked is not slots.fits(message)


@given(queues, st.integers(1, 50))
def test_the_first_that_is_not_blocked_always_goes(queue: list[Sent], limit: int) -> None:
    first = next((m for m in queue if Slots().fits(m)), None)
    ids = Slots().admit(queue, limit)
    assert len(ids) <= limit
    if first:
        assert ids[0] == first.id


@given(st.integers(1, 12))
def test_slow_receivers_never_delay_the_start_of_another(hogs: int) -> None:
    queue = [
        Sent(n * hogs + hog, "webhook", f"slow-{hog}.example", hog, 1)
        for n in range(200)
        for hog in range(hogs)
    ]
    slots = Slots(admitted(Slots(), queue))
    assert slots.fits(Sent(0, "webhook", "good.example", 99, 1))
    assert slots.fits(Sent(0, "webhook", "good.example", 99, 0))


@given(st.integers(1, 30))
def test_a_sev1_goes_first_whoever_shares_a_provider(persons: int) -> None:
    queue = [Sent(n * persons + p, "email", "", p, 1 + n % 2) for n in range(100) for p in range(persons)]
    slots = Slots(admitted(Slots(), queue))
    assert slots.fits(Sent(0, "email", "", 99, 0))


def test_one_person_alone_may_use_half_and_at_least_four() -> None:
    alone = admitted(Slots(), [Sent(n, "email", "", 1, 0) for n in range(200)])
    assert LEAST <= len(alone) <= CAPACITY // 2


def test_what_ends_frees_its_slot() -> None:
    slots = Slots()
    queue = [Sent(n, "webhook", "a.example", 1, 1) for n in range(200)]
    going = admitted(slots, queue)
    for message in going:
        slots.take(message)
    assert slots.blocked()
    assert not slots.fits(queue[-1])
    for message in going:
        slots.release(message)
    assert not slots.blocked()
    assert slots.fits(queue[-1])


@pytest.mark.parametrize(
    ("channel", "address", "expected"),
    [
        ("webhook", "https://Hooks.Example.org:8443/x", "hooks.example.org"),
        ("webhook", "http://[::1]/x", "::1"),
        ("ntfy", "topic", ""),
        ("ntfy", "https://ntfy.sh/topic", ""),
        ("ntfy", "https://ntfy.corp.example/topic", "ntfy.corp.example"),
        ("email", "a@b.example", ""),
        ("webhook", "http://[bad", ""),
    ],
)
def test_a_destination_is_the_host_unless_many_share_it(channel: str, address: str, expected: str) -> None:
    assert destination(channel, address) == expected
