"""Mutes: which alerts page no one, and that no alert that fires is lost."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.alerts import cleaning, mutes
from firebell.alerts.batches import outcome as batch_outcome
from firebell.alerts.batches.state import Batch, GroupState
from firebell.alerts.model import SOURCE_SILENT_KEY, Event, EventKind, Group, InboundRequest
from firebell.alerts.mutes import Mute, MuteKind, MutesByService
from firebell.alerts.muting import actions as mute_actions
from firebell.alerts.muting import muted_groups
from firebell.kit import matchers
from firebell.kit.errors import Invalid
from tests.rules.budget import examples
from tests.rules.test_dedup_and_grouping import NOW, Memory, events

HOUR = timedelta(hours=1)


def mute(id_: int = 1, text: str = "", hours: int = 1, services: Sequence[int] = (1,)) -> Mute:
    return Mute(id_, "Upgrade", "/", frozenset(services), matchers.parse(text), NOW, NOW + hours * HOUR)


def request(event: Event, service: int = 1, error: str | None = None) -> InboundRequest:
    return InboundRequest(1, service, "test", b"", (event,), error)


@pytest.mark.parametrize(
    ("text", "labels", "severity", "service", "error", "is_muted"),
    [
        ("", {}, "critical", 1, None, True),
        ("", {}, "critical", 2, None, False),
        ("", {}, None, 1, "not JSON", False),
        ("", {"alertname": "FirebellDown"}, "critical", 1, None, False),
        ("", {"alertname": "firebell_timers_late"}, "warning", 1, None, False),
        ("", {"alertname": "Fire"}, "warning", 1, None, True),
        ('severity=~"warning|info"', {}, "warning", 1, None, True),
        ('severity=~"warning|info"', {}, "critical", 1, None, False),
        ('severity=~"warning|info"', {}, None, 1, None, False),
        ('severity=""', {}, None, 1, None, True),
        ('title="disk"', {}, "info", 1, None, True),
        ('instance="db-1",title!="disk"', {"instance": "db-1"}, "info", 1, None, False),
        ('instance="db-1"', {"instance": "db-1"}, "info", 1, None, True),
        ('severity="info"', {"severity": "info"}, "critical", 1, None, True),
    ],
)
def test_what_a_mute_holds_back(
    text: str, labels: dict[str, str], severity: str | None, service: int, error: str | None, is_muted: bool
) -> None:
    event = Event(EventKind.FIRING, "k", "disk", severity=severity, labels=labels)
    running = mutes.by_service([mute(text=text)])
    assert (mutes.mute_of(running, request(event, service, error), event) is not None) is is_muted


@pytest.mark.parametrize(
    "event", [cleaning.overflow(3), Event(EventKind.FIRING, SOURCE_SILENT_KEY, "silent", severity="error")]
)
def test_alerts_that_were_not_processed_always_page(event: Event) -> None:
    """What is missing may be what the matchers do not mute."""
    running = mutes.by_service([mute(text='severity="error"')])
    assert mutes.mute_of(running, request(event), event) is None


@pytest.mark.parametrize(("at", "is_active"), [(-1, False), (0, True), (3599, True), (3600, False)])
def test_a_mute_runs_from_its_start_to_before_its_end(at: int, is_active: bool) -> None:
    event = Event(EventKind.FIRING, "k", "disk")
    known = mutes.by_service([mute(), mute(2, services=(2,))])
    active = mutes.active(known, [request(event)], NOW + timedelta(seconds=at))
    assert active == ({1: [mute()]} if is_active else {})


def test_of_two_mutes_the_one_that_ends_last_holds_an_alert() -> None:
    event = Event(EventKind.FIRING, "k", "disk")
    running = mutes.by_service([mute(1, hours=1), mute(2, hours=3), mute(3, hours=2)])
    held = mutes.mute_of(running, request(event), event)
    assert held is not None
    assert held.id == 2


@pytest.mark.parametrize(
    "text", ["severity", '{severity="a"', 'severity=~"("', "a=b c=d", ",".join(["a=b"] * 1000)]
)
def test_matchers_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        mute_actions.checked_matchers(text)
    assert list(refused.value.fields) == ["mute_matchers"]


def test_matchers_are_stored_in_one_form() -> None:
    assert mute_actions.checked_matchers("  ") == ""
    assert mute_actions.checked_matchers("{}") == ""
    assert mute_actions.checked_matchers(" severity = warning ") == '{severity="warning"}'


class MutedMemory(Memory):
    """A memory with mutes that start and end, which releases what they hold as their timer does."""

    def __init__(self) -> None:
        super().__init__()
        self.running: dict[int, Mute] = {}
        self.mute_ids: dict[int, int | None] = {}
        self.paged: set[int] = set()

    @property
    def by_service(self) -> MutesByService:
        return mutes.by_service(self.running.values())

    def _load(self) -> Batch:
        batch = super()._load()
        batch.mutes = self.by_service
        return batch

    def _save(self, batch: Batch) -> None:
        super()._save(batch)
        self.paged |= {g.id for g in batch_outcome.opened_groups(batch) if g.id is not None}

    def _save_group(self, state: GroupState) -> int:
        group_id = super()._save_group(state)
        first = self.mute_ids.setdefault(group_id, state.mute_id)
        released_at = NOW if first is not None and state.mute_id is None else None
        self.groups[group_id - 1] = replace(self.groups[group_id - 1], mute_id=first, released_at=released_at)
        return group_id

    def end(self, mute_id: int) -> None:
        self.running.pop(mute_id, None)
        held = [
            (1, MuteKind.MAINTENANCE, alert)
            for alert in self.alerts
            if alert.status == "firing"
            and alert.group_id
            and self.groups[alert.group_id - 1].mute_id == mute_id
            and self.groups[alert.group_id - 1].released_at is None
        ]
        if requests := muted_groups.handed_over(held, self.by_service, NOW):
            batch = self._load()
            muted_groups.hand_over(batch, requests, self.now)
            self._save(batch)
        for group in self.groups:
            if group.mute_id == mute_id and group.released_at is None and group.closed_at is None:
                self.groups[group.id - 1] = replace(group, released_at=NOW)
                self.paged.add(group.id)

    def firing_groups(self) -> list[Group]:
        return [self.groups[a.group_id - 1] for a in self.alerts if a.status == "firing" and a.group_id]


STARTS = st.sampled_from([("start", n, text) for n in (1, 2) for text in ("", 'severity="warning"')])
ENDS = st.sampled_from([("end", n, "") for n in (1, 2)])


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(events("abc") | STARTS | ENDS, max_size=25))
def test_a_mute_delays_pages_and_loses_none(steps: list[Event | tuple[str, int, str]]) -> None:
    memory, number = MutedMemory(), 2
    for step in steps:
        if isinstance(step, Event):
            memory.apply([step])
        elif step[0] == "start" and not any(m.id % 2 == step[1] % 2 for m in memory.running.values()):
            number += 2
            id_ = number + step[1]
            memory.running[id_] = mute(id_, step[2], hours=step[1])
        elif step[0] == "end":
            for id_ in [i for i in memory.running if i % 2 == step[1] % 2]:
                memory.end(id_)
        for group in memory.firing_groups():
            assert (group.id in memory.paged) or group.mute_id in memory.running
    for group in memory.groups:
        in_group = [a for a in memory.alerts if a.group_id == group.id and a.status == "firing"]
        assert group.firing == len(in_group)
    for alert in memory.alerts:
        if alert.status == "firing" and alert.group_id not in memory.paged:
            group = memory.groups[(alert.group_id or 0) - 1]
            labels = {"title": alert.title, "severity": alert.severity or "", **alert.labels}
            assert memory.running[group.mute_id or 0].mutes(labels), "held by a mute that does not match it"
    for id_ in list(memory.running):
        memory.end(id_)
    assert {group.id for group in memory.firing_groups()} <= memory.paged
    never_muted = {group.id for group in memory.groups if group.mute_id is None}
    assert never_muted <= memory.paged
