"""What people see on every page while the installation is unhealthy."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from firebell.kit import disk_space
from firebell.kit.process_health import HealthWarning, ProcessFinding
from firebell.self_watch import doctor_checks, warnings
from firebell.self_watch.model import ProblemKind, SelfAlarm

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)


def _alarm(kind: ProblemKind, cleared_at: datetime | None = None) -> SelfAlarm:
    return SelfAlarm(
        id=1,
        kind=kind,
        subject="ntfy" if kind is not ProblemKind.TIMERS else "",
        detail="3 are late.",
        opened_at=NOW,
        noticed_at=NOW,
        cleared_at=cleared_at,
    )


@pytest.mark.parametrize(
    ("kind", "delays_pages"),
    [
        (ProblemKind.TIMERS, True),
        (ProblemKind.QUEUE, True),
        (ProblemKind.CHANNEL, False),
        (ProblemKind.OUTBOUND, False),
    ],
)
def test_an_open_alarm_is_shown_and_one_that_ended_is_not(kind: ProblemKind, delays_pages: bool) -> None:
    [warning] = warnings.of_alarms([_alarm(kind), _alarm(kind, cleared_at=NOW)])
    assert warning.delays_pages == delays_pages


def test_a_stalled_lane_is_shown_and_only_paging_lanes_delay_pages() -> None:
    shown = warnings.of_lanes({"send": "Has not finished a round.", "calendars": "Fails.", "metrics": ""})
    assert [each.warning.delays_pages for each in shown] == [True, False]


def test_a_disk_that_is_nearly_full_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert warnings.of_disk(None) == []
    monkeypatch.setattr(disk_space, "free_bytes", lambda folder: disk_space.MIN_FREE_BYTES - 1)
    assert [each.warning.delays_pages for each in warnings.of_disk(tmp_path)] == [True]
    monkeypatch.setattr(disk_space, "free_bytes", lambda folder: disk_space.MIN_FREE_BYTES)
    assert warnings.of_disk(tmp_path) == []


def test_clocks_that_differ_by_a_tenth_of_a_second_are_one_problem() -> None:
    [first], [second] = (
        warnings.of_clock(f"The machine’s clock is {ahead_s} s ahead.") for ahead_s in (7.2, 7.1)
    )
    assert first.warning == second.warning
    assert first.note != second.note
    assert warnings.of_clock("") == []


@pytest.mark.parametrize(("delays_pages", "level"), [(True, "fail"), (False, "warn")])
def test_the_doctor_fails_only_for_what_delays_pages(delays_pages: bool, level: str) -> None:
    finding = ProcessFinding("clock", "On web-1: It is off.", HealthWarning("A clock is off.", delays_pages))
    [result] = doctor_checks.check_processes([finding])
    assert (result.level, result.text) == (level, "A clock is off. On web-1: It is off.")
