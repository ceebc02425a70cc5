"""The title of a group, and that it costs nothing while nothing changes."""

from datetime import UTC, datetime

import pytest

from firebell.alerts.batches import dedup_and_grouping, group_titles
from firebell.alerts.batches.state import Batch, GroupState, group_state
from firebell.alerts.model import Event, EventKind, Group, InboundRequest

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)


def test_unknown_severities_stand_between_what_pages_urgently_and_what_does_not() -> None:
    mixed = ["debug", None, "info", "critical", "warning", "error"]
    order = ["critical", "error", None, "warning", "info", "debug"]
    assert sorted(mixed, key=group_titles.rank) == order


def applied(*events: tuple[str, str, str], lead_key: str | None = "1:disk") -> GroupState:
    """Apply (key, severity, title) to a stored group that `disk`, an error, names."""
    group = group_state(Group(7, 1, 1, "", "Disk", "high", NOW, None, NOW, 3, 3, 3, lead_key, "error"))
    batch = Batch(open_groups={(1, ""): group}, groups=[group])
    for key, severity, title in events:
        event = Event(EventKind.FIRING, key, title, severity=severity)
        dedup_and_grouping.apply(
            batch,
            [(InboundRequest(1, 1, "test", b"", (event,)), [repr(event).encode()])],
            {repr(event).encode()},
            NOW,
        )
    return group


@pytest.mark.parametrize(
    ("events", "title", "lead_lost"),
    [
        ([("cache", "error", "Cache")], "Disk", False),
        ([("cache", "warning", "Cache"), ("fan", "info", "Fan")], "Disk", False),
        ([("pay", "critical", "Payments")], "Payments", False),
        ([("pay", "critical", "Payments"), ("pay", "critical", "Payments 99 %")], "Payments 99 %", False),
        ([("disk", "error", "Disk 90 %")], "Disk 90 %", False),
        ([("disk", "info", "Disk")], "Disk", True),
    ],
)
def test_another_lead_is_looked_for_only_when_this_one_is_lost(
    events: list[tuple[str, str, str]], title: str, lead_lost: bool
) -> None:
    group = applied(*events)
    assert (group.title, group.lead_lost) == (title, lead_lost)


def test_a_group_from_before_leads_were_known_finds_its_own() -> None:
    assert applied(("cache", "info", "Cache"), lead_key=None).lead_lost
