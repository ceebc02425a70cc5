"""The pictures of docs/time.md agree with the code."""

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from firebell.kit.localtime import to_instant, to_local
from firebell.oncall.model import Layer, Schedule, Unit, Window
from firebell.oncall.rota.rotation import handoff
from firebell.oncall.rota.shifts import between

DOCS = Path(__file__).parents[2] / "docs"
PICTURES = sorted((DOCS / "images").glob("time-*.svg"))
NEW_YORK = "America/New_York"


def label_parts(name: str) -> list[str]:
    """Return every text that a picture shows, its title and description first."""
    root = ElementTree.fromstring((DOCS / "images" / f"time-{name}.svg").read_text())
    return [e.text or "" for e in root.iter() if e.tag.endswith(("title", "desc", "text"))]


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def zulu(at: datetime) -> str:
    return f"{at:%H:%M}Z"


@pytest.mark.parametrize("path", PICTURES, ids=lambda p: p.stem)
def test_a_picture_is_described_and_shown(path: Path) -> None:
    root = ElementTree.fromstring(path.read_text())
    assert root.get("role") == "img"
    assert [e.tag.rpartition("}")[2] for e in root][:2] == ["title", "desc"]
    assert all(e.text for e in list(root)[:2])
    assert "<script" not in path.read_text()
    assert f"](images/{path.name})" in (DOCS / "time.md").read_text()


def test_the_skipped_hour() -> None:
    jump = to_instant(wall("2026-03-08T02:30"), NEW_YORK)
    assert f"mu(02:30) = {zulu(jump)}, the jump" in label_parts("spring-gap")
    assert to_local(jump, NEW_YORK) == wall("2026-03-08T03:00")
    assert to_local(jump - timedelta(hours=1), NEW_YORK) == wall("2026-03-08T01:00")
    assert zulu(jump - timedelta(hours=1)) in label_parts("spring-gap")


def test_the_repeated_hour() -> None:
    first = to_instant(wall("2026-11-01T01:30"), NEW_YORK)
    second = first + timedelta(hours=1)
    assert to_local(first, NEW_YORK) == to_local(second, NEW_YORK)
    assert f"read at {first:%H:%M} UTC and again at {second:%H:%M} UTC" in label_parts("autumn-fold")[1]
    assert {zulu(first), zulu(second)} <= set(label_parts("autumn-fold"))


def test_the_handoff_at_a_local_time() -> None:
    weekly = Layer(1, ((1,), (2,)), wall("2026-03-02T09:00"), Unit.WEEK, 1, NEW_YORK)
    instants = [handoff(weekly, k) for k in range(3)]
    shown = label_parts("handoff")
    assert [t for t in shown if t.endswith("Z")] == [zulu(t) for t in instants]
    assert [t for t in shown if t.startswith("Mon ")] == [f"Mon {t.day} Mar" for t in instants]
    lengths = [(b - a) // timedelta(hours=1) for a, b in itertools.pairwise(instants)]
    assert [t for t in shown if t.endswith(" h")] == [f"a, {lengths[0]} h", f"b, {lengths[1]} h"]


def test_the_month_from_the_31st() -> None:
    monthly = Layer(1, ((1,),), wall("2026-01-31T09:00"), Unit.MONTH, 1, "UTC")
    days = [f"{handoff(monthly, k):%-d %b}" for k in range(4)]
    assert [t for t in label_parts("months") if t in days] == days


def test_the_sun_is_followed_with_a_gap_from_march_on() -> None:
    week = frozenset(range(7))
    regions = (
        *(("Tokyo", "Asia/Tokyo", 540, 480), ("London", "Europe/London", 480, 540)),
        ("New York", NEW_YORK, 720, 420),
    )
    layers = tuple(
        Layer(
            number, ((number,),), wall("2026-01-05T00:00"), Unit.WEEK, 1, tz, (Window(start, minutes, week),)
        )
        for number, (_, tz, start, minutes) in enumerate(regions)
    )
    sun = Schedule(1, "Sun", "UTC", layers)

    def day(month: int, number: int) -> list[tuple[str, int]]:
        start = datetime(2026, month, number, tzinfo=UTC)
        runs = between(sun, start, start + timedelta(days=1))
        return [(regions[run.users[0]][0] if run.users else "nobody", run.start.hour) for run in runs]

    root = ElementTree.fromstring((DOCS / "images" / "time-follow-the-sun.svg").read_text())
    bars = [e for e in root if e.tag.endswith("rect") and e.get("y")]
    hours = {
        y: [(float(e.get("x", 0)) - 90) / 25 for e in bars if e.get("y") == y] for y in ("56", "112", "168")
    }
    for y, shifts in (("56", day(1, 7)), ("112", day(3, 10)), ("168", day(7, 7))):
        assert hours[y] == [hour for _, hour in shifts]
        assert [name for name, _ in shifts][:3] == ["Tokyo", "London", "New York"]
    assert [day(m, d)[-1] for m, d in ((3, 10), (7, 7))] == [("nobody", 23)] * 2
