"""Recurring gaps are reported once, and none is lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.findings import FindingLevel
from firebell.oncall.checks.all_checks import CheckContext
from firebell.oncall.checks.grouping import MIN_GAPS_GROUPED, group_gaps
from firebell.oncall.checks.preview import preview
from firebell.oncall.checks.rules import (
    CHECKS_HORIZON,
    CheckFacts,
    PolicyChain,
    PolicyLevel,
    ScheduleFinding,
    findings,
)
from firebell.oncall.model import Layer, Override, OverrideKind, Schedule, Unit, Window

TZ = "Europe/Stockholm"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
"""A Monday."""
DAY = timedelta(days=1)
WEEKDAYS = frozenset(range(5))


def office(*windows: Window) -> Schedule:
    """Return a layer that is on only in these hours of Stockholm."""
    anchor = datetime(2026, 11, 2, 9)  # noqa: DTZ001 - wall time

    slots = ((1,), (2,), (3,), (4,))
    return Schedule(1, "Office", TZ, (Layer(1, slots, anchor, Unit.WEEK, 1, TZ, windows),))


def reported_findings(
    schedule: Schedule, now: datetime = NOW, facts: CheckFacts | None = None
) -> list[ScheduleFinding]:
    reported = findings(schedule, now, now + CHECKS_HORIZON, facts or CheckFacts())
    return [f for f in group_gaps(reported, TZ, now) if f.code == "S-GAP"]


def test_bug_a_gap_named_no_zone_and_wrote_its_day_unlike_pages() -> None:
    hole = Override(
        1, 1, datetime(2026, 12, 1, 9, tzinfo=UTC), datetime(2026, 12, 1, 17, tzinfo=UTC), OverrideKind.SET
    )
    (gap,) = reported_findings(replace(office(), overrides=(hole,)))
    assert gap.message == f"No one is on call from Tue 1 Dec 10:00 to 18:00 {TZ}."


def test_bug_many_gaps_of_one_kind_were_as_many_equal_rows() -> None:
    nights, weekends = reported_findings(office(Window(8 * 60, 840, WEEKDAYS)))
    assert nights.message == (
        f"No one is on call on 16 nights, first Mon 30 Nov 22:00 to Tue 1 Dec 08:00 {TZ}."
    )
    assert weekends.message == (f"No one is on call 4 times, first Fri 4 Dec 22:00 to Mon 7 Dec 08:00 {TZ}.")
    assert nights.fix
    assert nights.fix.verb == "edit"
    (noons,) = reported_findings(
        office(Window(0, 720, frozenset(range(7))), Window(780, 660, frozenset(range(7)))), NOW + DAY
    )
    assert noons.message.startswith("No one is on call on 28 days, first Wed 2 Dec 12:00 to 13:00")


def test_gaps_of_one_kind_keep_their_id_from_day_to_day() -> None:
    schedule = office(Window(8 * 60, 840, WEEKDAYS))
    assert [[f.id for f in reported_findings(schedule, NOW + n * DAY)] for n in range(3)] == [
        ["S-GAP:2200+600", "S-GAP:2200+3480"]
    ] * 3


def test_a_gap_that_reaches_no_one_does_not_hide_among_those_that_do() -> None:
    schedule = office(Window(8 * 60, 840, WEEKDAYS))
    hole = Override(1, 1, NOW + 2 * DAY, NOW + 3 * DAY, OverrideKind.SET)
    always = replace(office(), id=2, overrides=(hole,))
    facts = CheckFacts(
        policies=(
            PolicyChain("P", (PolicyLevel((schedule,), people=False), PolicyLevel((always,), people=False))),
        )
    )
    first, *rest = reported_findings(schedule, facts=facts)
    assert (first.level, first.id, first.policy) == (FindingLevel.ERROR, "S-GAP:20261202T2100Z", "P")
    assert "on 15 nights" in rest[0].message


def test_what_has_begun_and_a_few_stand_by_themselves() -> None:
    now = datetime(2026, 11, 30, 23, tzinfo=UTC)
    begun, *_ = reported_findings(office(Window(8 * 60, 840, WEEKDAYS)), now)
    assert begun.id == "S-GAP:now"
    few = tuple(
        Override(i, i, NOW + i * DAY, NOW + i * DAY + timedelta(hours=1), OverrideKind.SET)
        for i in range(1, MIN_GAPS_GROUPED)
    )
    assert len(reported_findings(replace(office(), overrides=few))) == MIN_GAPS_GROUPED - 1


@given(st.sets(st.integers(0, 28 * 24 - 2), max_size=60), st.integers(0, 7))
def test_every_gap_is_reported_or_grouped_with_one_that_is(hours: set[int], until: int) -> None:
    edits = tuple(
        Override(
            h + 1, h + 1, NOW + timedelta(hours=h), NOW + timedelta(hours=h + 1 + until), OverrideKind.SET
        )
        for h in hours
    )
    reported = findings(replace(office(), overrides=edits), NOW, NOW + CHECKS_HORIZON, CheckFacts())
    shown = group_gaps(reported, TZ, NOW)
    assert len({f.id for f in shown}) == len(shown)
    assert [f for f in shown if f.code != "S-GAP"] == [f for f in reported if f.code != "S-GAP"]
    count = 0
    for f in (f for f in shown if f.code == "S-GAP"):
        once = f.message.startswith("No one is on call from ")
        count += (
            1 if once else int(f.message.removeprefix("No one is on call ").removeprefix("on ").split()[0])
        )
    assert count == len([f for f in reported if f.code == "S-GAP"])
    assert group_gaps(shown, TZ, NOW) == shown


def test_a_preview_tells_new_gaps_of_one_kind_once() -> None:
    old, new = office(), office(Window(8 * 60, 840, WEEKDAYS))
    changes = preview(old, new, NOW, NOW + CHECKS_HORIZON, CheckContext(CheckFacts()))
    assert [f.id for f in changes.new_findings if f.code == "S-GAP"] == ["S-GAP:2200+600", "S-GAP:2200+3480"]
    back = preview(new, old, NOW, NOW + CHECKS_HORIZON, CheckContext(CheckFacts()))
    assert [f.id for f in back.fixed_findings if f.code == "S-GAP"] == ["S-GAP:2200+600", "S-GAP:2200+3480"]
