"""An alert that flaps has one page, which says so and resolves late; nothing of it is lost (spec 3.3, A10)."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.alerts import flap as flapping
from firebell.alerts.batches import dedup_and_grouping
from firebell.alerts.batches import outcome as batch_outcome
from firebell.alerts.batches.state import Batch
from firebell.alerts.flap import CALM, DEFAULT_CHANGES, WINDOW, Flap
from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.alerts.mutes import Mute
from firebell.alerts.routing_model import Hold, HoldKind, Route
from tests.rules.budget import examples
from tests.rules.test_dedup_and_grouping import NOW, Memory

FIRING, RESOLVED, SETTLED, EXPIRED, ENDED = (
    Event(kind, "a", "disk full", severity="critical")
    for kind in (
        EventKind.FIRING,
        EventKind.RESOLVED,
        EventKind.SETTLED,
        EventKind.EXPIRED,
        EventKind.ENDED,
    )
)
MINUTE = 60.0


def flapped(memory: Memory, changes: int = DEFAULT_CHANGES, every_s: float = MINUTE) -> Memory:
    """Return the memory after an alert fired and was resolved so often."""
    for number in range(changes):
        memory.apply([RESOLVED if number % 2 else FIRING], every_s)
    return memory


def flap_of(memory: Memory) -> Flap:
    """Return how the newest alert changed."""
    flap = memory.alerts[-1].flap
    assert flap is not None
    return flap


def pages(memory: Memory) -> list[tuple[str, bool]]:
    """Return the title of each page, and whether it is open."""
    return [(group.title, group.closed_at is None) for group in memory.groups]


def test_the_sixth_change_within_an_hour_keeps_the_page_open_until_the_alert_is_calm() -> None:
    memory = flapped(Memory(flapping_changes=6))
    paged = [("disk full", False), ("disk full", False), ("Flapping: disk full", True)]
    assert pages(memory) == paged
    assert memory.alerts[-1].is_flapping
    began = memory.now
    # what follows is only counted, however often a resolution is repeated
    for _ in range(20):
        memory.apply([FIRING], MINUTE)
        memory.apply([RESOLVED], MINUTE)
        memory.apply([RESOLVED], 1)
    flap = flap_of(memory)
    assert (pages(memory), flap.since, flap.count) == (paged, began, 40)
    assert memory.page_events[3] == ["opened"]
    resolved_at = flap.resolved_at
    # three changes are in the last hour for an hour, then it must be calm for half an hour
    assert flap.ends_at == flap.changes[-3] + WINDOW + CALM
    memory.apply([SETTLED], (flap.ends_at - memory.now).total_seconds() - 1)
    assert memory.alerts[-1].status == "firing"
    memory.apply([SETTLED])
    alert = memory.alerts[-1]
    assert (alert.status, alert.ends_at, alert.ended_by) == ("resolved", resolved_at, "source")
    assert (pages(memory)[2][1], memory.page_events[3]) == (False, ["opened", "resolved"])
    # the next one pages as usual
    memory.apply([FIRING], MINUTE)
    assert pages(memory)[3] == ("disk full", True)


def test_an_alert_that_fires_when_it_is_calm_keeps_its_page_and_its_usual_title() -> None:
    memory = flapped(Memory(flapping_changes=6), 7)
    memory.apply([SETTLED], (flap_of(memory).ends_at - memory.now).total_seconds())
    assert (memory.alerts[-1].status, memory.alerts[-1].is_flapping) == ("firing", False)
    assert pages(memory)[-1] == ("disk full", True)
    assert len(pages(memory)) == 3
    # without its timer, such as in a worker that is late, the next event ends the flapping
    memory = flapped(Memory(flapping_changes=6))
    memory.apply([FIRING], 2 * 3600)
    assert [is_open for _, is_open in pages(memory)] == [False, False, False, True]


def grown_by(memory: Memory, event: Event, after_s: float, *mutes: Mute) -> bool:
    """Return True if an event counts as one that joins the open group, while these mutes run."""
    kept = memory._load()
    memory.now += timedelta(seconds=after_s)
    kept.mutes = {1: mutes} if mutes else {}
    id_ = str(memory.now).encode()
    dedup_and_grouping.apply(kept, [(InboundRequest(1, 1, "test", b"", (event,)), [id_])], {id_}, memory.now)
    memory._save(kept)
    return any(group.grown for group in kept.groups)


SILENCE = Mute(9, "silence", "", frozenset({1}), (), NOW, NOW + timedelta(days=1))


def test_an_alert_that_fires_after_half_an_hour_of_quiet_is_like_a_new_member_of_its_page() -> None:
    memory = flapped(Memory(flapping_changes=6))
    for gap, is_grown in ((29 * MINUTE, False), (0.0, False), (31 * MINUTE, True)):
        assert grown_by(memory, FIRING, gap) is is_grown
        memory.apply([RESOLVED], 0)


def test_a_silence_that_began_later_keeps_a_flapping_alert_from_waking_anyone() -> None:
    memory = flapped(Memory(flapping_changes=6))
    assert not grown_by(memory, FIRING, 31 * MINUTE, SILENCE)
    assert not memory.alerts[-1].flap or memory.alerts[-1].flap.resolved_at is None
    # nor does a rule that pages no one
    memory = flapped(Memory(flapping_changes=6))
    route = Route(1, 1, "held", hold=Hold(HoldKind.NEVER, 1, 1))
    assert not grown_by(memory, msgspec.structs.replace(FIRING, route=route), 31 * MINUTE)


def test_an_outage_that_stays_after_the_flapping_is_not_covered_by_an_old_acknowledgment() -> None:
    for mutes, is_grown in (((), True), ((SILENCE,), False)):
        memory = flapped(Memory(flapping_changes=6), 7)
        calm_s = (flap_of(memory).ends_at - memory.now).total_seconds()
        assert grown_by(memory, SETTLED, calm_s, *mutes) is is_grown
        assert (memory.alerts[-1].status, memory.alerts[-1].is_flapping) == ("firing", False)


def test_the_same_body_sent_within_a_minute_does_not_leave_a_flapping_outage_resolved() -> None:
    memory = Memory(flapping_changes=6)
    for number in range(7):
        memory.apply([RESOLVED if number % 2 else FIRING], 10)
    assert (flap_of(memory).is_on, flap_of(memory).resolved_at) == (True, None)
    # what a sender repeats in between is no change
    memory.apply([FIRING], 1)
    assert flap_of(memory).count == 1
    memory.apply([SETTLED], (flap_of(memory).ends_at - memory.now).total_seconds())
    assert (memory.alerts[-1].status, pages(memory)[-1]) == ("firing", ("disk full", True))


@pytest.mark.parametrize("changes", [5, 6, 7])
def test_a_person_ends_an_alert_that_flaps_or_changes_much(changes: int) -> None:
    memory = flapped(Memory(flapping_changes=6), changes)
    memory.apply([msgspec.structs.replace(ENDED, occurred_at=memory.now)], 0)
    alert = memory.alerts[-1]
    assert (alert.status, alert.ended_by, alert.is_flapping) == ("resolved", "human", False)
    assert not any(is_open for _, is_open in pages(memory))
    # what fires next pages again, and says that it flaps
    memory.apply([FIRING], MINUTE)
    assert pages(memory)[-1] == ("Flapping: disk full", True)


def test_a_clock_that_was_ahead_does_not_keep_an_alert_flapping_for_as_long() -> None:
    memory = flapped(Memory(flapping_changes=6), 7)
    memory.apply([RESOLVED], -24 * 3600)
    assert flap_of(memory).ends_at <= memory.now + WINDOW + CALM
    memory = flapped(Memory(flapping_changes=6), 5)
    memory.apply([RESOLVED], -24 * 3600)
    assert flap_of(memory).ends_at <= memory.now + WINDOW + CALM


@pytest.mark.parametrize(
    ("changes", "every_s", "is_flapping"),
    [
        (5, MINUTE, False),
        (6, 12 * MINUTE, False),
        (6, 11 * MINUTE, True),
        (7, 11 * MINUTE, True),
        (40, 13 * MINUTE, False),
    ],
)
def test_few_or_slow_changes_page_each_time(changes: int, every_s: float, is_flapping: bool) -> None:
    memory = flapped(Memory(flapping_changes=6), changes, every_s)
    assert memory.alerts[-1].is_flapping is is_flapping
    assert len(memory.groups) == (3 if is_flapping else -(-changes // 2))


def test_an_integration_chooses_the_number_of_changes_or_none() -> None:
    for limit, groups in ((flapping.NEVER, 10), (3, 2), (4, 2), (10, 5), (20, 10)):
        assert len(flapped(Memory(flapping_changes=limit), 20).groups) == groups
    # the third change is a firing one: its page says so from the start
    assert pages(flapped(Memory(flapping_changes=3), 3))[-1] == ("Flapping: disk full", True)


def test_an_alert_that_expires_while_it_flaps_ends_by_its_timeout() -> None:
    memory = flapped(Memory(flapping_changes=6), 7)
    memory.apply([msgspec.structs.replace(EXPIRED, occurred_at=memory.now)], MINUTE)
    memory.apply([SETTLED], (flap_of(memory).ends_at - memory.now).total_seconds())
    assert (memory.alerts[-1].status, memory.alerts[-1].ended_by) == ("resolved", "timeout")


def test_what_pages_no_one_does_not_flap_and_what_pages_later_says_so() -> None:
    """While a mute or a rule holds an alert, each change is as usual; the changes are counted all the same."""
    hold = Hold(HoldKind.NEVER, 1, 1)
    quiet = msgspec.structs.replace(FIRING, route=Route(1, 1, "held", hold=hold))
    memory, batch = Memory(flapping_changes=6), Batch()
    mute = Mute(9, "silence", "", frozenset({1}), (), NOW, NOW + timedelta(days=1))
    for number in range(12):
        event = (quiet if number < 6 else FIRING) if number % 2 == 0 else RESOLVED
        batch.mutes = {} if number < 6 else {1: [mute]}
        request = InboundRequest(1, 1, "test", b"", (event,))
        dedup_and_grouping.apply(batch, [(request, [bytes([number])])], {bytes([number])}, memory.now)
        memory.now += timedelta(minutes=1)
    assert not any(alert.is_flapping for alert in batch.created)
    assert not batch_outcome.opened_groups(batch)
    batch.mutes = {}
    request = InboundRequest(1, 1, "test", b"", (FIRING,))
    dedup_and_grouping.apply(batch, [(request, [b"last"])], {b"last"}, memory.now)
    assert [group.title for group in batch_outcome.opened_groups(batch)] == ["Flapping: disk full"]


def test_an_alert_that_is_less_severe_does_not_title_the_page_of_another() -> None:
    memory = Memory(flapping_changes=6)
    memory.apply([Event(EventKind.FIRING, "b", "database down", severity="critical")])
    warning = [msgspec.structs.replace(event, severity="warning") for event in (FIRING, RESOLVED)]
    for number in range(6):
        memory.apply([warning[number % 2]], MINUTE)
    assert (pages(memory), memory.alerts[-1].is_flapping) == ([("database down", True)], True)


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(st.integers(1, 40), min_size=6, max_size=25), st.integers(3, 6))
def test_it_ends_when_there_were_few_changes_for_half_an_hour(gaps: list[int], limit: int) -> None:
    start = datetime(2026, 11, 24, tzinfo=UTC)
    changes, flap, at = [], None, start
    for gap in gaps:
        at += timedelta(minutes=gap)
        if flap is not None and flap.ends_at <= at:
            break
        changes.append(at)
        if flap is None:
            recent = Flap(tuple(changes))
            flap = recent.begun(limit, at)
            assert (flap is not None) == (sum(at - c < WINDOW for c in changes) >= limit)
        else:
            flap = flap.changed(at)
    if flap is None:
        return
    # minute by minute, as the specification says it
    assert flap.since is not None
    minute, calm = flap.since, 0
    while calm <= 30:
        minute += timedelta(minutes=1)
        few = sum(c <= minute < c + WINDOW for c in changes) <= limit // 3
        calm = calm + 1 if few else 0
    assert flap.ends_at == minute


@settings(max_examples=examples(40), deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([1, 5, 12, 31, 61, 100])), max_size=40))
def test_a10_one_page_for_each_time_and_what_fires_is_never_without_one(
    stream: list[tuple[bool, int]],
) -> None:
    memory = Memory(flapping_changes=6)
    is_firing = False
    for fires, minutes in stream:
        before, flapping_before = len(memory.groups), bool(memory.alerts) and memory.alerts[-1].is_flapping
        memory.apply([FIRING if fires else RESOLVED], minutes * MINUTE)
        is_firing = fires
        still = memory.alerts[-1].is_flapping
        if flapping_before and still:
            assert len(memory.groups) == before
        open_groups = [group for group in memory.groups if group.closed_at is None]
        assert len(open_groups) == (is_firing or still)
