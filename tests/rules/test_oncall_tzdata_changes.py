"""Newer time zone data: where offsets differ, and which turns that moves."""

import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.kit.localtime import to_instant
from firebell.oncall.checks.zone_changes import changed
from firebell.oncall.model import Layer, Schedule, Unit, Window
from firebell.oncall.rota.tzdata_changes import (
    RECORDED_AHEAD,
    ZoneOffsets,
    clock,
    clocks_to_record,
    difference,
    from_json,
    of_layers,
    to_json,
)
from tests.rules.test_oncall_properties import ZONES

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BERLIN = "Europe/Berlin"
SPRING, AUTUMN = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def table(*changes: tuple[datetime, int], before: int) -> ZoneInfo:
    """Return a zone made of TZif bytes (RFC 9636, version 1): whole hours, from each instant on."""
    offsets = sorted({before, *(hours for _, hours in changes)}, key=lambda h: (h != before, h))
    data = b"TZif" + bytes(16) + struct.pack(">6l", 0, 0, 0, len(changes), len(offsets), 4)
    data += b"".join(struct.pack(">l", int(at.timestamp())) for at, _ in changes)
    data += bytes(offsets.index(hours) for _, hours in changes)
    data += b"".join(struct.pack(">lbb", hours * 3600, 0, 0) for hours in offsets) + b"XXX\0"
    return ZoneInfo.from_file(BytesIO(data), key="Test/Zone")


WITH = table((SPRING, 2), (AUTUMN, 1), (datetime(2027, 3, 28, 1, tzinfo=UTC), 2), before=1)
"""Berlin's clock until the summer of 2027."""
WITHOUT = table((SPRING, 2), before=1)
"""The same clock, had the change of autumn 2026 been abolished."""


def weekly(at: str = "2026-01-05T09:00", **more: object) -> Layer:
    layer = Layer(1, ((1,), (2,)), datetime.fromisoformat(at), Unit.WEEK, 1, BERLIN)
    return replace(layer, **more)  # type: ignore[arg-type]


def one(*layers: Layer) -> Schedule:
    return Schedule(1, "Payments", BERLIN, layers)


def known(zone: ZoneInfo, start: datetime = NOW - timedelta(days=9)) -> dict[str, ZoneOffsets]:
    return {BERLIN: clock(zone, start, start + RECORDED_AHEAD)}


def test_a_clock_is_its_offsets_and_their_instants() -> None:
    year = clock(WITH, datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert year.offsets == ((year.start, HOUR), (SPRING, 2 * HOUR), (AUTUMN, HOUR))


def test_two_changes_of_a_clock_on_one_day_are_two() -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    twice = table((noon, 2), (noon + 5 * HOUR, 4), (noon + timedelta(days=3), 1), before=1)
    changes = clock(twice, NOW, NOW + RECORDED_AHEAD)
    assert changes.offsets[1:] == (
        (noon, 2 * HOUR),
        (noon + 5 * HOUR, 4 * HOUR),
        (noon + timedelta(days=3), HOUR),
    )


def offset_changes(data: bytes) -> list[int]:
    """Return when the offset of a zone changes by its TZif bytes (RFC 9636, version 2 and later)."""

    def counts(at: int) -> tuple[int, ...]:
        return struct.unpack(">6l", data[at + 20 : at + 44])

    utc, standard, leaps, times, types, letters = counts(0)
    second = 44 + times * 5 + types * 6 + letters + leaps * 8 + standard + utc
    _, _, _, times, types, _ = counts(second)
    body = second + 44
    at = struct.unpack(f">{times}q", data[body : body + 8 * times])
    kinds = data[body + 8 * times : body + 9 * times]
    start = body + 9 * times
    offsets = [struct.unpack(">l", data[start + 6 * i : start + 6 * i + 4])[0] for i in range(types)]
    offsets_in_order = [offsets[0], *(offsets[kind] for kind in kinds)]
    return [
        t
        for t, before, after in zip(at, offsets_in_order, offsets_in_order[1:], strict=False)
        if before != after
    ]


def test_no_time_zone_changed_its_offset_and_back_within_a_day() -> None:
    """What `clock` rests on."""
    closest = {}
    for name in available_timezones():
        for folder in TZPATH:
            if (path := Path(folder, name)).is_file():
                changes = offset_changes(path.read_bytes())
                closest[name] = min((b - a for a, b in pairwise(changes)), default=10**9)
                break
    assert min(closest.values(), default=10**9) > timedelta(days=3).total_seconds(), closest


def test_a_moved_turn_stays_a_finding_until_someone_confirms() -> None:
    old = known(WITHOUT) | {"UTC": clock(UTC, NOW, NOW + HOUR)}
    schedule = one(weekly(), weekly(tz="UTC", id=2))
    recorded = clocks_to_record(schedule, old, NOW)
    assert recorded[BERLIN] == old[BERLIN]
    assert recorded["UTC"].end == NOW + RECORDED_AHEAD
    assert list(clocks_to_record(one(weekly(tz="UTC")), old, NOW)) == ["UTC"]


def test_two_clocks_differ_first_where_one_changes_and_the_other_does_not() -> None:
    old, new = (clock(zone, NOW, NOW + RECORDED_AHEAD) for zone in (WITH, WITHOUT))
    differs_at = difference(old, new)
    assert differs_at
    assert (differs_at[0], f"{differs_at[1]:%H:%M}", f"{differs_at[2]:%H:%M}") == (
        AUTUMN,
        "02:00",
        "03:00",
    )
    assert difference(new, new) is None
    early = clock(WITH, NOW - RECORDED_AHEAD, AUTUMN)
    assert difference(early, new) is None, "what the old one did not reach is not compared"


def test_the_first_turn_that_moves_is_named() -> None:
    (finding,) = changed(one(weekly()), known(WITHOUT), NOW).values()
    assert finding.id == "S-TZCHANGE:Europe/Berlin:20261025T0100Z"
    assert "from 2026-10-25 01:00 UTC, clocks in Europe/Berlin read 02:00 instead of 03:00" in finding.message
    assert "at 2026-10-26 09:00 local time move from 07:00 to 08:00 UTC" in finding.message
    assert finding.start == datetime(2026, 10, 26, 7, tzinfo=UTC)
    assert finding.fix
    assert finding.fix.verb == "seen"


def test_an_equal_clock_or_one_that_moves_no_turn_is_not_a_finding() -> None:
    assert changed(one(weekly()), known(WITH), NOW) == {}
    assert changed(one(weekly()), {}, NOW) == {}
    assert changed(one(weekly(tz="UTC")), known(WITHOUT), NOW) == {}
    over = weekly(end=NOW - timedelta(days=1))
    assert changed(one(over), known(WITHOUT), NOW) == {}
    # a handoff once a decade, on a day in summer
    rare = weekly("2026-07-06T09:00", unit=Unit.MONTH, every=120)
    assert changed(one(rare), known(WITHOUT), NOW) == {}


def test_the_windows_of_a_layer_move_too() -> None:
    rare = weekly("2026-07-06T09:00", unit=Unit.MONTH, every=120)
    office = replace(rare, windows=(Window(540, 480, frozenset({2})),))
    (finding,) = changed(one(office), known(WITHOUT), NOW).values()
    assert "at 2026-10-28 09:00 local time move from 07:00 to 08:00 UTC" in finding.message


def test_a_change_in_effect_is_announced_from_the_next_turn() -> None:
    winter = datetime(2026, 12, 1, 12, tzinfo=UTC)
    (finding,) = changed(one(weekly()), known(WITHOUT), winter).values()
    assert finding.start == datetime(2026, 12, 7, 7, tzinfo=UTC)


@pytest.mark.parametrize("tz", ZONES)
@settings(deadline=None)
@given(minutes=st.integers(-3 * 24 * 60, 3 * 24 * 60))
def test_the_first_instant_of_a_wall_time_is_that_of_the_schedule(tz: str, minutes: int) -> None:
    center = ZONES[tz]
    one_ = clock(ZoneInfo(tz), center - timedelta(days=6), center + timedelta(days=6))
    x = center.replace(tzinfo=None) + timedelta(minutes=minutes)
    assert one_.first(x) == to_instant(x, tz)


def test_what_is_stored_is_what_was_seen() -> None:
    clocks = of_layers(one(weekly(), weekly(tz="Australia/Lord_Howe")), NOW + timedelta(microseconds=7))
    assert list(clocks) == ["Australia/Lord_Howe", BERLIN]
    assert from_json(to_json(clocks)) == clocks
