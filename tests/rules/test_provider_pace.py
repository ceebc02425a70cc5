"""The pace of a provider: what is too much for it is delayed, the same share for everyone, the most urgent first."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from firebell.channels.base import SendRate
from firebell.channels.registry import CHANNELS
from firebell.notify.deliveries.provider_pace import LEAST, ProviderPace
from firebell.notify.deliveries.send_slots import Slots

RATE = SendRate(per_s=10, burst=40)


@dataclass(frozen=True)
class Sent:
    id: int
    channel: str
    destination: str
    person_id: int
    rank: int


def begin(
    pace: ProviderPace, seconds: float, waiting: Mapping[tuple[int, int], int]
) -> list[tuple[float, int]]:
    """Begin so many messages by person and rank as soon as each may; return the time and person of each."""
    begun, now = [], 0.0
    left = Counter(waiting)
    while left and now < seconds:
        pace.pass_time(now)
        free = next((message for message in left if pace.fits(*message)), None)
        if free is None:
            now += 0.05
            continue
        left -= Counter([free])
        pace.take(free[0])
        begun.append((now, free[0]))
    return begun


@given(st.dictionaries(st.tuples(st.integers(1, 6), st.integers(1, 2)), st.integers(1, 30), max_size=5))
def test_a_provider_is_never_sent_more_than_its_burst_and_its_rate(
    waiting: dict[tuple[int, int], int],
) -> None:
    times = [time for time, _ in begin(ProviderPace(RATE), 60, waiting)]
    for one, after_a_burst in zip(times, times[RATE.burst :], strict=False):
        assert after_a_burst - one >= 1 / RATE.per_s - 1e-6
    for count, time in enumerate(times, 1):
        assert count <= RATE.burst + RATE.per_s * time + 1


def test_many_messages_to_one_person_go_at_the_whole_rate() -> None:
    begun = begin(ProviderPace(RATE), 20, {(1, 1): 1000})
    assert 9 * 20 <= len(begun) <= RATE.burst + 10 * 20


@given(st.integers(1, 8))
def test_however_many_flood_a_provider_one_message_to_another_person_begins_at_once(floods: int) -> None:
    pace = ProviderPace(RATE)
    begin(pace, 5, {(person, 1): 200 for person in range(floods)})
    assert pace.fits(99, 1)
    assert pace.fits(99, 0)


@given(st.integers(1, 60))
def test_a_page_of_rank_0_begins_at_once_however_many_people_get_others(people: int) -> None:
    pace = ProviderPace(RATE)
    begin(pace, 5, {(person, 1): 100 for person in range(people)})
    assert pace.fits(99, 0)


def test_the_last_of_a_hundred_people_is_paged_about_a_sev0_at_once() -> None:
    pace = ProviderPace(CHANNELS["sms"].rate)
    assert begin(pace, 1, {(person, 0): 1 for person in range(100)}) == [(0.0, n) for n in range(100)]
    # they are counted: what is less urgent waits until the provider has sent them
    pace.pass_time(60)
    assert not pace.fits(999, 1)
    slots, is_full = Slots(), False
    for number in range(60):
        is_full = is_full or not slots.fits(Sent(number, "sms", "", number, 1))
        message = Sent(number, "sms", "", number, 0)
        assert slots.fits(message)
        slots.take(message)
        slots.release(message)
    assert is_full
    assert [rank for _, _, rank in slots.blocked().destinations] == [1, 2]


def test_time_frees_what_was_taken() -> None:
    pace = ProviderPace(RATE)
    pace.pass_time(0)
    for person in range(RATE.burst):
        pace.take(person)
    assert not pace.fits(99, 1)
    assert pace.next_free_at == 0.1
    # rank 1 leaves five places to more urgent messages
    pace.pass_time(0.51)
    assert not pace.fits(99, 1)
    pace.pass_time(0.61)
    assert pace.fits(99, 1)
    pace.pass_time(100)
    assert pace.is_idle


def test_a_provider_that_is_at_its_limit_delays_no_other() -> None:
    now = 0.0
    slots = Slots(elapsed=lambda: now)
    kind = next(kind for kind, channel in CHANNELS.items() if channel.shared_hosts)
    for number in range(10 * CHANNELS[kind].rate.burst):
        message = Sent(number, kind, "", number, 1)
        if slots.fits(message):
            slots.take(message)
            slots.release(message)
    assert not slots.fits(Sent(0, kind, "", 7, 1))
    assert (kind, "", 1) in slots.blocked().destinations
    assert slots.fits(Sent(0, kind, "push.corp.example", 7, 1))
    assert slots.fits(Sent(0, "webhook", "", 7, 1))
    pause = slots.pause_s()
    assert pause
    now += pause
    assert slots.fits(Sent(0, kind, "", 7, 0))


def test_a_shared_provider_that_hangs_leaves_slots_for_other_hosts() -> None:
    slots = Slots()
    kind = next(kind for kind, channel in CHANNELS.items() if channel.shared_hosts)
    for number in range(500):
        message = Sent(number, kind, "", number, number % 3)
        if slots.fits(message):
            slots.take(message)
    for rank in range(3):
        assert slots.fits(Sent(0, kind, "push.corp.example", 999, rank))


def test_every_channel_declares_a_pace_that_leaves_each_person_a_share() -> None:
    for channel in CHANNELS.values():
        assert channel.rate.per_s > 0
        assert channel.rate.burst >= 8 * LEAST
