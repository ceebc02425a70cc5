"""The graph of incidents: the curve counts every alert, the table has the same numbers, and labels never collide."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from firebell.incidents.measures import PageTimes
from firebell.incidents.timeline import graph_drawing as drawing
from firebell.incidents.timeline.graph_drawing import drawn
from firebell.incidents.timeline.impact_graph import BINS_MAX, ImpactGraph, graph
from firebell.kit.intervals import Interval
from tests.rules.test_incidents_lifecycle import incident

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
NOW = AT + timedelta(days=2)


def minute(number: float) -> datetime:
    return AT + timedelta(minutes=number)


SEARCH = incident(
    id=209,
    impact_start=minute(1),
    detected_at=minute(9),
    declared_at=minute(15),
    mitigated_at=minute(50),
    impact_end=minute(113),
    resolved_at=minute(113),
)
PAGE = (209, PageTimes(minute(9), minute(10.8)))


def known(built: ImpactGraph | None) -> ImpactGraph:
    assert built
    return built


def test_the_rows_are_the_curve_and_what_happened() -> None:
    firing = [(minute(9), minute(110)), (minute(20), minute(40)), (minute(30.2), minute(30.4))]
    built = known(graph([SEARCH], firing, [PAGE], NOW))
    rows = {(row.at - AT) // timedelta(minutes=1): (row.firing, row.moments) for row in built.rows}
    assert rows[1] == (0, ("Impact begins",))
    assert rows[9] == (1, ("Paged",))
    assert rows[10] == (1, ("Acknowledged",))
    assert rows[15] == (1, ("Declared",))
    assert rows[20][0] == 2
    assert rows[30][0] == 3, "an alert of some seconds is counted"
    assert rows[32][0] == 2
    assert rows[40][0] == 1, "an alert that ends then fires no more"
    assert rows[113] == (0, ("Impact ends", "Resolved"))
    assert built.impacts == (Interval(minute(1), minute(113)),)
    assert (built.peak.at, built.peak.firing, built.alerts) == (minute(30), 3, 3)
    assert built.finding("Europe/Stockholm") == (
        "Up to 3 alerts fired at once, first at 10:00. The impact lasted 112 min, from 09:31 to 11:23."
    )
    assert built.start < minute(1) < minute(113) < built.end


def test_without_alerts_and_impact_there_is_nothing_to_draw() -> None:
    declared = incident(detected_at=AT, declared_at=AT)
    assert graph([declared], [], [], NOW) is None
    open_one = known(graph([declared], [(minute(1), None)], [], minute(30)))
    assert (open_one.end, open_one.alerts, open_one.impacts) == (minute(31), 1, ())
    just_now = known(graph([declared], [(AT, None)], [], AT))
    assert just_now.rows[-1].firing == 1, "what fires since this moment is drawn"
    assert "not known" in open_one.finding("UTC")
    assert "No alert" in known(graph([SEARCH], [], [], NOW)).finding("UTC")


def test_several_incidents_are_told_apart() -> None:
    other = incident(id=7, detected_at=minute(200), impact_start=minute(190), impact_end=minute(220))
    built = known(graph([SEARCH, other], [], [PAGE], NOW))
    names = [name for row in built.rows for name in row.moments]
    assert "INC-209: Impact begins" in names
    assert "INC-7: Impact ends" in names
    assert len(built.impacts) == 2


MOMENTS = st.floats(-600, 6000, allow_nan=False)
FIRING = st.lists(
    st.tuples(MOMENTS, st.none() | st.floats(0, 4000, allow_nan=False)).map(
        lambda pair: (minute(pair[0]), None if pair[1] is None else minute(pair[0] + pair[1]))
    ),
    max_size=12,
)


@given(FIRING, st.lists(st.tuples(MOMENTS, st.none() | MOMENTS), max_size=4), MOMENTS, MOMENTS, MOMENTS)
def test_no_alert_is_lost_and_no_label_covers_another(
    firing: list[tuple[datetime, datetime | None]],
    pages: list[tuple[float, float | None]],
    began: float,
    ended: float,
    at: float,
) -> None:
    one = incident(
        impact_start=minute(min(began, ended)),
        impact_end=minute(max(began, ended)),
        detected_at=minute(began),
        declared_at=minute(at),
    )
    times = [(one.id, PageTimes(minute(a), None if b is None else minute(b))) for a, b in pages]
    built = graph([one], firing, times, NOW + timedelta(days=5))
    if built is None:
        return
    for start, end in firing:
        last = min(end or built.end, built.end)
        if start < last and built.start <= start < built.end:
            assert built.firing_at(start) >= 1
    assert [row.at for row in built.rows] == sorted({row.at for row in built.rows})
    assert len(built.rows) <= BINS_MAX + 7
    chart = drawn(built, "Asia/Kolkata", minute(at))
    labels = [m for m in chart.moments if m.label_y is not None]
    for number, label in enumerate(labels):
        assert 0 <= label.x <= drawing.WIDTH
        assert label.label_y
        assert label.label_y > 0
        width = (len(label.text) + 6) * 5
        left = label.x - width if label.anchor == "end" else label.x
        for other in labels[number + 1 :]:
            begins = other.x - (len(other.text) + 6) * 5 if other.anchor == "end" else other.x
            ends = begins + (len(other.text) + 6) * 5
            assert label.label_y != other.label_y or left + width <= begins or ends <= left
    assert len(chart.ticks) <= 7
    assert all(drawing.TOP <= y <= drawing.BOTTOM for y, _ in chart.grid)
