"""Batches of events against a slow oracle: A1, A2, A4, A5, and one batch equals its parts."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.alerts import flap as flapping
from firebell.alerts.batches import dedup_and_grouping
from firebell.alerts.batches import outcome as batch_outcome
from firebell.alerts.batches.state import AlertState, Batch, GroupState, alert_state, group_state
from firebell.alerts.model import TEST_KEY_PREFIX, Alert, Event, EventKind, Group, InboundRequest
from firebell.alerts.routing_model import Hold, HoldKind, Route
from tests.oracles.alerts import Oracle, final_status
from tests.rules.budget import examples

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)


def identity(event: Event) -> bytes:
    """Return the event's id; its whole content stands for the body that it came in."""
    return dedup_and_grouping.event_id(1, event, repr(event).encode())


class Memory:
    """Keeps alerts and groups between batches the way the database does."""

    def __init__(
        self, room: int = dedup_and_grouping.STORM_GROUPS, flapping_changes: int = flapping.NEVER
    ) -> None:
        self.room, self.flapping_changes = room, flapping_changes
        self.alerts: list[Alert] = []
        self.groups: list[Group] = []
        self.page_events: dict[int, list[str]] = {}
        self.seen: dict[bytes, datetime] = {}
        self.now = NOW

    def _load(self) -> Batch:
        batch = Batch(flapping_changes={1: self.flapping_changes})
        batch.room[1] = self.room - sum(g.key is not None for g in self.groups)
        by_id = {}
        for group in self.groups:
            if group.closed_at is None:
                state = by_id[group.id] = group_state(group)
                batch.groups.append(state)
                if group.key is None:
                    batch.storms[1] = state
                else:
                    batch.open_groups[1, group.key] = state
        for alert in self.alerts:
            latest = alert_state(alert, by_id.get(alert.group_id or 0))
            batch.latest[alert.integration_id, alert.dedup_key] = latest
        batch.loaded = list(batch.latest.values())
        return batch

    def apply(self, events: Sequence[Event], after: float = 1) -> None:
        """Apply one batch, one event a request, so many seconds after the one before."""
        self.now += timedelta(seconds=after)
        requests = [(InboundRequest(1, 1, "test", b"", (e,)), [identity(e)]) for e in events]
        ids = {i for _, alert_ids in requests for i in alert_ids}
        new = {
            i for i in ids if i not in self.seen or self.now - self.seen[i] > dedup_and_grouping.LATE_WINDOW
        }
        batch = self._load()
        dedup_and_grouping.apply(batch, requests, new, self.now)
        self.seen |= dict.fromkeys(new, self.now)
        self._save(batch)

    def _save(self, batch: Batch) -> None:
        for group in batch.groups:
            kept = self._save_group(group)
            signs = {
                "opened": group.fresh,
                "crossed": group.crossed and not group.fresh,
                "raised": group.raised and not group.fresh,
                "acked": group.acked,
                "resolved": group in batch_outcome.finished_groups(batch),
            }
            self.page_events[kept] += [name for name, is_so in signs.items() if is_so]
        for alert in [*batch.loaded, *batch.created]:
            self._save_alert(alert)
        firing = [a.dedup_key for a in self.alerts if a.status == "firing"]
        assert len(firing) == len(set(firing))

    def _save_group(self, state: GroupState) -> int:
        if state.id is None:
            state.id = len(self.groups) + 1
            self.groups.append(None)  # type: ignore[arg-type]
            self.page_events[state.id] = []
        counts = (state.alerts, state.firing, state.events)
        closed_at = self.now if state.firing <= 0 else None
        self.groups[state.id - 1] = Group(
            *(state.id, 1, 1, state.key, state.title, state.urgency, state.opened_at, closed_at),
            *(state.last_at, *counts, state.lead_key, state.severity),
        )
        return state.id

    def _save_alert(self, state: AlertState) -> None:
        if state.id is None:
            state.id = len(self.alerts) + 1
            self.alerts.append(None)  # type: ignore[arg-type]
        old, event = self.alerts[state.id - 1], state.event
        kept_group = old.group_id if old is not None else None
        self.alerts[state.id - 1] = Alert(
            id=state.id,
            integration_id=1,
            dedup_key=state.dedup_key,
            group_id=state.group.id if state.group else kept_group,
            status=state.status,
            title=event.title,
            body=event.body,
            severity=event.severity,
            labels=event.labels,
            annotations={},
            links={},
            starts_at=state.starts_at,
            ends_at=state.ends_at,
            last_seen=state.last_seen,
            hi_at=state.hi[0],
            hi_rank=state.hi[1],
            ended_by=state.ended_by,
            count=state.count,
            hi_seen=state.hi_seen,
            late_at=state.late[0] if state.late else None,
            late_rank=state.late[1] if state.late else None,
            missed=state.missed,
            flap=state.flap,
        )

    def picture(self) -> list[tuple[str, str, int]]:
        """Return every alert's key, status and count."""
        return [(a.dedup_key, a.status, a.count) for a in self.alerts]


KINDS = (EventKind.FIRING, EventKind.FIRING, EventKind.RESOLVED, EventKind.ACK)
SEVERITIES = ("critical", "error", "warning", "info", None)
LABELS: tuple[dict[str, str], ...] = ({}, {"service": "cart"}, {"service": "till"})


def events(keys: str = "abcde", oldest: int = -30) -> st.SearchStrategy[Event]:
    """Return a strategy of events; one draw of the whole instead of one of each field is what makes it fast."""
    fields = list(itertools.product(KINDS, keys, ("title", "another"), SEVERITIES, LABELS))
    times = [NOW + timedelta(minutes=m) for m in range(oldest, 4)]
    undated = st.sampled_from(fields).map(lambda f: Event(*f[:3], severity=f[3], labels=f[4]))
    dated = st.tuples(st.sampled_from(fields), st.sampled_from(times)).map(
        lambda drawn: Event(*drawn[0][:3], severity=drawn[0][3], labels=drawn[0][4], occurred_at=drawn[1])
    )
    return undated | dated


ROOM = st.integers(0, 3) | st.just(dedup_and_grouping.STORM_GROUPS)


STREAMS = st.lists(events(), max_size=25) | st.lists(events("a", 2), max_size=25)
GAPS = (0.0, 1.0, 20.0, 60.0, 61.0, 600.0)
SPACED = st.lists(st.tuples(events(), st.sampled_from(GAPS)), max_size=25) | st.lists(
    st.tuples(events("a", 2), st.sampled_from(GAPS)), max_size=25
)


def alone(stream: Sequence[Event], room: int = dedup_and_grouping.STORM_GROUPS) -> Memory:
    memory = Memory(room)
    for event in stream:
        memory.apply([event])
    return memory


@settings(max_examples=examples(100), deadline=None)
@given(SPACED, ROOM)
def test_one_event_at_a_time_agrees_with_the_oracle(stream: list[tuple[Event, float]], room: int) -> None:
    memory, oracle = Memory(room), Oracle(room)
    for event, gap in stream:
        memory.apply([event], gap)
        oracle.apply(event, memory.now)
    assert [(a.dedup_key, a.status, a.count, a.missed, a.title) for a in memory.alerts] == [
        (e.key, e.status, e.count, e.missed, e.title) for e in oracle.episodes
    ]
    assert [memory.page_events[g.id] for g in memory.groups] == [g.page_events for g in oracle.groups]
    assert [(g.urgency == "high", g.alerts) for g in memory.groups] == [
        (g.high, len(g.members)) for g in oracle.groups
    ]


def cut(stream: Sequence[Event], cuts: Sequence[int], room: int) -> tuple[Memory, Memory]:
    """Return the result of the stream in batches, and event by event at the same times."""
    edges = [0, *sorted(min(c, len(stream)) for c in cuts), len(stream)]
    batched, single = Memory(room, flapping.DEFAULT_CHANGES), Memory(room, flapping.DEFAULT_CHANGES)
    for start, end in itertools.pairwise(edges):
        batched.apply(stream[start:end], 25)
        for number, event in enumerate(stream[start:end]):
            single.apply([event], 0 if number else 25)
        if start == end:
            single.apply([], 25)
    return batched, single


@settings(max_examples=examples(75), deadline=None)
@given(STREAMS, st.lists(st.integers(0, 25), max_size=6), ROOM)
def test_a_batch_does_what_its_parts_do_one_after_the_other(
    stream: list[Event], cuts: list[int], room: int
) -> None:
    batched, single = cut(stream, cuts, room)
    assert batched.picture() == single.picture()
    for one, other in zip(batched.groups, single.groups, strict=True):
        assert (one.key, one.alerts, one.firing, one.events) == (
            other.key,
            other.alerts,
            other.firing,
            other.events,
        )
        assert (one.urgency, one.closed_at is None) == (other.urgency, other.closed_at is None)


def outcome(notices: list[str]) -> str:
    """Return the state of an untouched page after these events."""
    state = "none"
    for word in notices:
        match word:
            case "opened" | "raised":
                state = "triggered"
            case "crossed":
                state = "triggered" if state == "acked" else state
            case _:
                state = word
    return state


@settings(max_examples=examples(75), deadline=None)
@given(STREAMS, st.lists(st.integers(0, 25), max_size=6), ROOM)
def test_a_batch_leaves_every_page_where_its_parts_would(
    stream: list[Event], cuts: list[int], room: int
) -> None:
    batched, single = cut(stream, cuts, room)
    for one in batched.groups:
        notices = batched.page_events[one.id]
        assert notices.count("opened") == 1
        assert notices.count("resolved") == (one.closed_at is not None)
        assert outcome(notices) == outcome(single.page_events[one.id])


@settings(max_examples=examples(60), deadline=None)
@given(st.data())
def test_a2_with_the_sources_own_times_the_order_of_arrival_does_not_matter(data: st.DataObject) -> None:
    minutes = data.draw(st.lists(st.integers(-30, 3), min_size=1, max_size=7, unique=True))
    kinds = st.sampled_from([EventKind.FIRING, EventKind.RESOLVED])
    stream = [
        Event(data.draw(kinds), "a", "x", occurred_at=NOW + timedelta(minutes=m)) for m in sorted(minutes)
    ]
    shuffled = data.draw(st.permutations(stream))
    memory = Memory()
    for number, event in enumerate(shuffled):
        memory.apply([event], 10 if number else 1)
    assert memory.alerts[-1].status == final_status(stream)
    assert sum(a.count for a in memory.alerts) == sum(e.kind is EventKind.FIRING for e in stream)
    latest = [e for e in stream if e.kind is EventKind.FIRING]
    if memory.alerts[-1].status == "firing":
        assert memory.alerts[-1].hi_at == latest[-1].occurred_at


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(events(), min_size=1, max_size=15), st.integers(1, 3))
def test_a1_an_immediate_redelivery_changes_only_the_fields_that_it_repeats(
    stream: list[Event], times: int
) -> None:
    memory = alone(stream)
    before = memory.picture(), [(g.alerts, g.firing, g.closed_at) for g in memory.groups]
    for _ in range(times):
        memory.apply([stream[-1]])
    assert (memory.picture(), [(g.alerts, g.firing, g.closed_at) for g in memory.groups]) == before


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(events(), max_size=25))
def test_a5_the_count_is_the_number_of_distinct_firings(stream: list[Event]) -> None:
    unlike = list({identity(e): e for e in stream}.values())
    firing = [e for e in unlike if e.kind is EventKind.FIRING]
    assert sum(a.count for a in alone(unlike).alerts) == len(firing)


def fire(key: str = "a", **more: object) -> Event:
    return Event(EventKind.FIRING, key, "x", **more)  # type: ignore[arg-type]


def resolve(key: str = "a", **more: object) -> Event:
    return Event(EventKind.RESOLVED, key, "x", **more)  # type: ignore[arg-type]


def test_a_resolution_and_a_new_firing_of_one_key_in_one_batch_end_the_old_alert() -> None:
    memory = alone([fire()])
    memory.apply([resolve(), fire(occurred_at=NOW + timedelta(minutes=1))])
    assert memory.picture() == [("a", "resolved", 1), ("a", "firing", 1)]
    assert [g.closed_at is None for g in memory.groups] == [False, True]


def test_a_sender_whose_clock_is_ahead_can_still_resolve() -> None:
    memory = alone([fire(occurred_at=NOW + timedelta(minutes=4)), resolve()])
    assert memory.picture() == [("a", "resolved", 1)]


def test_a_firing_with_an_old_time_after_a_resolution_without_one_pages() -> None:
    memory = alone([fire(), resolve(), fire(occurred_at=NOW - timedelta(minutes=2))])
    assert memory.picture()[-1] == ("a", "firing", 1)


def test_what_would_open_one_group_too_many_joins_the_storm_and_no_acknowledgement_covers_it() -> None:
    memory = alone([fire(k, labels={"service": k}) for k in "abcd"], room=2)
    assert [(g.key, g.alerts) for g in memory.groups] == [("a", 1), ("b", 1), (None, 2)]
    memory.apply([Event(EventKind.ACK, "a", "x"), Event(EventKind.ACK, "c", "x")])
    assert [memory.page_events[g.id] for g in memory.groups] == [["opened", "acked"], ["opened"], ["opened"]]
    memory.apply([fire("e", labels={"service": "a"}), resolve("c"), resolve("d")])
    assert [(g.alerts, g.firing) for g in memory.groups] == [(2, 2), (1, 1), (2, 0)]
    # a test alert is never part of a storm
    memory.apply([fire("f"), fire(f"{TEST_KEY_PREFIX}1")])
    assert {g.key for g in memory.groups[3:]} == {None, f"{TEST_KEY_PREFIX}1"}


def test_what_pages_no_one_is_never_part_of_a_storm_and_makes_none() -> None:
    hold = Hold(HoldKind.NEVER, 1, 1)
    noise = [fire(k, route=Route(1, 1, k, hold=hold)) for k in "abc"]
    memory = alone([fire("x", labels={"service": "x"})], room=1)
    memory.apply(noise)
    assert [g.key for g in memory.groups] == ["x", "a", "b", "c"]
    memory = Memory(room=2)
    memory.apply([*noise, *(fire(k, labels={"service": k}) for k in "xy")])
    assert [g.key for g in memory.groups] == ["a", "b", "c", "x", "y"]


EARLIER = NOW - timedelta(minutes=1)


def test_a_firing_that_its_resolution_overtook_is_counted_and_wakes_no_one() -> None:
    memory = alone([resolve(occurred_at=NOW), fire(occurred_at=EARLIER)])
    assert memory.picture() == [("a", "resolved", 1)]
    assert memory.groups == []


def test_a_firing_older_than_its_resolution_pages_after_a_minute_with_a_finding() -> None:
    memory = alone([resolve(occurred_at=NOW)])
    memory.apply([fire(occurred_at=EARLIER)], after=61)
    assert memory.picture() == [("a", "resolved", 0), ("a", "firing", 1)]
    assert [a.findings for a in memory.alerts] == [[], ["A-MISSED"]]
    memory.apply([resolve(occurred_at=NOW)], after=1)
    assert memory.picture()[-1] == ("a", "resolved", 1)


def test_a_firing_older_than_its_resolution_pages_when_it_comes_twice() -> None:
    memory = alone([resolve(occurred_at=NOW), fire(occurred_at=EARLIER)])
    memory.apply([fire(occurred_at=EARLIER)])
    assert memory.groups == []
    memory.apply([fire(occurred_at=EARLIER, body="another message")])
    assert memory.picture() == [("a", "resolved", 1), ("a", "firing", 1)]
    assert memory.alerts[-1].findings == ["A-MISSED"]


def test_two_late_events_of_different_times_are_not_duplicates() -> None:
    memory = alone([resolve(occurred_at=NOW)])
    for minutes in (1, 2, 3):
        memory.apply([fire(occurred_at=NOW - timedelta(minutes=minutes))])
    assert memory.picture() == [("a", "resolved", 3)]


def test_a_resolution_older_than_its_firing_ends_it_after_a_minute() -> None:
    memory = alone([fire(occurred_at=NOW), resolve(occurred_at=EARLIER)])
    assert memory.picture() == [("a", "firing", 1)]
    memory.apply([resolve(occurred_at=EARLIER)], after=61)
    assert memory.picture() == [("a", "resolved", 1)]
    assert memory.alerts[0].ends_at == memory.alerts[0].starts_at == NOW
    assert memory.groups[0].closed_at


def test_a_repeat_of_a_sender_whose_clock_was_set_back_changes_the_text_after_a_minute() -> None:
    memory = alone(
        [fire(occurred_at=NOW, severity="warning"), Event(EventKind.FIRING, "a", "late", occurred_at=EARLIER)]
    )
    assert memory.alerts[0].title == "x"
    memory.apply([Event(EventKind.FIRING, "a", "new", occurred_at=EARLIER, severity="error")], after=61)
    assert (memory.alerts[0].title, memory.alerts[0].severity, memory.alerts[0].count) == ("new", "error", 3)


def test_setting_our_clock_back_suppresses_no_page() -> None:
    memory = alone([resolve(occurred_at=NOW)])
    memory.apply([fire(occurred_at=EARLIER)], after=-3600)
    assert memory.picture()[-1] == ("a", "firing", 1)


def test_an_acknowledgement_does_not_survive_a_rise_in_the_same_batch() -> None:
    memory = alone([fire(severity="warning")])
    memory.apply([Event(EventKind.ACK, "a", "x"), fire("b", severity="critical")])
    assert memory.page_events[1] == ["opened", "raised"]


@pytest.mark.parametrize("size", [10, 100])
def test_a_group_announces_ten_and_a_hundred_alerts_once(size: int) -> None:
    memory = alone([fire(f"k{i}") for i in range(size + 5)])
    assert memory.page_events[1].count("crossed") == len(str(size)) - 1


@given(st.text(max_size=20), st.text(max_size=20), st.binary(max_size=32))
def test_event_ids_differ_by_key_and_body(one: str, other: str, body: bytes) -> None:
    same = dedup_and_grouping.event_id(1, fire(one), body) == dedup_and_grouping.event_id(
        1, fire(other), body
    )
    assert same == (one == other)
    assert dedup_and_grouping.event_id(1, fire(one), body) != dedup_and_grouping.event_id(
        1, resolve(one), body
    )
    assert dedup_and_grouping.event_id(1, fire(one), body) != dedup_and_grouping.event_id(2, fire(one), body)
