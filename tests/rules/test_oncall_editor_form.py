"""The schedule editor's form: it reads what it shows, and reports errors by field."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.errors import Invalid
from firebell.kit.localtime import to_instant, to_local
from firebell.oncall.model import Layer, Schedule, Unit, Window
from firebell.oncall.rota import timeline_grid
from firebell.oncall.rota.shifts import gaps
from firebell.oncall.schedules import draft_edits, editor_form


class Posted(dict[str, list[str]]):
    """Posted fields; a name may occur several times."""

    def get(self, key: str, default: object = None, /) -> object:  # type: ignore[override]
        return self[key][-1] if self.getlist(key) else default

    def getlist(self, key: str, /) -> Sequence[object]:
        return super().get(key, [])


def filled(layers: Sequence[Layer]) -> Posted:
    """Return what a browser posts for the form that shows these layers."""
    form = Posted()
    for i, layer in enumerate(layers):
        form[f"id-{i}"], form[f"name-{i}"], form[f"tz-{i}"] = [str(layer.id)], [layer.name], [layer.tz]
        form[f"every-{i}"], form[f"unit-{i}"] = [str(layer.every)], [layer.unit]
        form[f"anchor-{i}"] = [layer.anchor.strftime("%Y-%m-%dT%H:%M")]
        slots = [*layer.slots, None, None]
        form[f"slot-{i}"] = ["nobody" if s == () else str(s[0]) if s else "" for s in slots]
        for j, slot in enumerate(slots):
            form[f"also-{i}-{j}"] = [*(str(u) for u in (slot or ())[1:]), ""]
        opened = editor_form.openings(layer)
        form[f"open-{i}"] = [*(o.start for o in opened), ""]
        form[f"shut-{i}"] = [*(o.end for o in opened), ""]
        form[f"later-{i}"] = [*(o.later for o in opened), ""]
        for j, o in enumerate(opened):
            form[f"days-{i}-{j}"] = [str(d) for d in sorted(o.days)]
    return form


WINDOWS = st.builds(
    Window, st.integers(0, 1439), st.integers(1, 10080), st.frozensets(st.integers(0, 6), min_size=1)
)
SLOTS = st.lists(st.sampled_from([(), (1,), (2,), (1, 2), (3, 1, 2)]), min_size=1, max_size=5)
LAYERS = st.builds(
    Layer,
    st.integers(0, 99),
    SLOTS.filter(any).map(tuple),
    st.integers(0, 10**6).map(lambda n: editor_form.FALLBACK_ANCHOR + timedelta(minutes=n)),
    st.sampled_from(Unit),
    st.integers(1, 1000),
    st.sampled_from(["UTC", "Europe/Berlin"]),
    st.lists(WINDOWS, max_size=2).map(tuple),
    name=st.sampled_from(["", "Nights"]),
)


@given(st.lists(LAYERS, min_size=1, max_size=4))
def test_what_the_form_shows_is_what_it_reads(layers: list[Layer]) -> None:
    assert editor_form.read(filled(layers)) == (layers, {})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("every-0", "often", "Enter a whole number from 1 to 1000."),
        ("every-0", "0", "Enter a whole number from 1 to 1000."),
        ("anchor-0", "", "Enter a date and time, such as 2026-11-23T09:00."),
        ("unit-0", "fortnight", "Choose a unit from the list."),
        ("open-0", "9 am", "Enter both times, such as 09:00 and 17:00."),
        (
            "shut-0",
            "09:00",
            "Start and end are the same: choose the end day, or leave both blank for 24/7.",
        ),
        ("later-0", "8", "Active hours can’t last longer than a week."),
    ],
)
def test_a_field_that_cannot_be_read_is_named_and_the_rest_is_kept(
    field: str, value: str, message: str
) -> None:
    window = Window(540, 480, editor_form.EVERY_DAY)
    layer = Layer(7, ((1,), (2,)), editor_form.FALLBACK_ANCHOR, Unit.DAY, 2, "UTC", (window,), name="Days")
    form = filled([layer])
    form[field] = [value]
    layers, wrong = editor_form.read(form)
    assert wrong == {field.replace("shut", "open").replace("later", "open"): message}
    assert (layers[0].slots, layers[0].name, layers[0].id) == (layer.slots, layer.name, layer.id)


def test_layers_without_people_are_dropped() -> None:
    empty = Layer(0, (), editor_form.FALLBACK_ANCHOR, Unit.WEEK, 1, "UTC")
    assert editor_form.read(filled([empty])) == ([], {"slot-0": "Choose at least one person."})


def test_a_name_that_the_api_would_refuse_is_refused_and_kept_to_be_shortened() -> None:
    layer = Layer(7, ((1,),), editor_form.FALLBACK_ANCHOR, Unit.DAY, 2, "UTC", name="x" * 81)
    layers, wrong = editor_form.read(filled([layer]))
    assert (layers[0].name, wrong) == ("x" * 81, {"name-0": "Use at most 80 characters."})


def test_more_layers_than_there_may_be_are_all_read() -> None:
    layers = [Layer(i, ((1,),), editor_form.FALLBACK_ANCHOR, Unit.DAY, 1, "UTC") for i in range(22)]
    assert len(editor_form.read(filled(layers))[0]) == 22


A, B, C = (
    Layer(i, ((i,),), editor_form.FALLBACK_ANCHOR, Unit.WEEK, 1, "Europe/Stockholm", name=str(i))
    for i in (1, 2, 3)
)


@pytest.mark.parametrize(
    ("button", "names", "pressed"),
    [
        ("up-1", "213", 0),
        ("up-0", "123", 0),
        ("down-1", "132", 2),
        ("down-2", "123", 2),
        ("copy-0", "1123", 1),
        ("remove-2", "12", 1),
        ("hours-nights-1", "123", 1),
        ("hours-every-night-1", "123", 1),
        ("hours-unknown-1", "123", 1),
        *((nonsense, "123", None) for nonsense in ("", "up", "up-3", "up-²", "hours-nights", "up-99999999")),
    ],
)
def test_a_button_changes_the_layers_of_the_draft(button: str, names: str, pressed: int | None) -> None:
    what, at = draft_edits.pressed(button)
    layers, position = draft_edits.edited([A, B, C], what, -1 if at is None else at)
    assert ("".join(layer.name for layer in layers), position) == (names, pressed)
    ids = [layer.id for layer in layers if layer.id]
    assert len(ids) == len(set(ids))
    has_hours = button in ("hours-nights-1", "hours-every-night-1")
    assert bool(layers[min(1, len(layers) - 1)].windows) == has_hours


def test_business_hours_nights_and_weekends_cover_the_week_without_a_gap() -> None:
    layers = [draft_edits.edited([A], f"hours-{key}", 0)[0][0] for key in ("business", "nights", "weekends")]
    schedule = Schedule(id=1, name="P", tz="Europe/Stockholm", layers=tuple(layers))
    start = to_instant(datetime(2026, 3, 20), "Europe/Stockholm")  # noqa: DTZ001 - wall time, before a clock change
    assert gaps(schedule, start, start + timedelta(days=21)) == []
    alone = Schedule(id=1, name="P", tz="Europe/Stockholm", layers=(layers[0],))
    assert gaps(alone, start, start + timedelta(days=21)) != []


@pytest.mark.parametrize(
    ("now", "tonight", "weekend"),
    [
        # a Tuesday at noon, and after midnight
        (
            "2026-11-24T12:00",
            ("2026-11-24T18:00", "2026-11-25T08:00"),
            ("2026-11-27T18:00", "2026-11-30T08:00"),
        ),
        (
            "2026-11-25T02:00",
            ("2026-11-25T02:00", "2026-11-25T08:00"),
            ("2026-11-27T18:00", "2026-11-30T08:00"),
        ),
        (
            "2026-11-24T23:00",
            ("2026-11-24T23:00", "2026-11-25T08:00"),
            ("2026-11-27T18:00", "2026-11-30T08:00"),
        ),
        # on Saturday, and on Monday before it ends
        (
            "2026-11-28T10:00",
            ("2026-11-28T18:00", "2026-11-29T08:00"),
            ("2026-11-28T10:00", "2026-11-30T08:00"),
        ),
        (
            "2026-11-30T07:59",
            ("2026-11-30T07:59", "2026-11-30T08:00"),
            ("2026-11-30T07:59", "2026-11-30T08:00"),
        ),
        (
            "2026-11-30T08:00",
            ("2026-11-30T18:00", "2026-12-01T08:00"),
            ("2026-12-04T18:00", "2026-12-07T08:00"),
        ),
    ],
)
def test_tonight_and_this_weekend_are_wall_times_of_the_viewer(
    now: str, tonight: tuple[str, str], weekend: tuple[str, str]
) -> None:
    tz = "America/New_York"
    at = to_instant(datetime.fromisoformat(now), tz)
    schedule = Schedule(id=1, name="P", tz="UTC", layers=(A,))
    for lasts, expected in (("tonight", tonight), ("weekend", weekend)):
        interval = editor_form.override_interval({"lasts": lasts}, schedule, tz, at)
        assert tuple(f"{to_local(t, tz):%Y-%m-%dT%H:%M}" for t in interval) == expected
        with pytest.raises(Invalid) as refused:
            editor_form.override_interval({"lasts": lasts, "start": now}, schedule, tz, at)
        assert set(refused.value.fields) == {"start"}


def test_the_coming_weeks_outline_what_a_draft_changes() -> None:
    now = to_instant(datetime(2026, 11, 25, 12), "Europe/Stockholm")  # noqa: DTZ001 - wall time
    daily = replace(A, slots=((1,), (2,)), unit=Unit.DAY)
    schedule = Schedule(id=1, name="P", tz="Europe/Stockholm", layers=(daily,))
    changed = [(now + timedelta(days=8), now + timedelta(days=9))]
    shown = timeline_grid.weeks(schedule, changed, "Europe/Stockholm", now, 4)  # type: ignore[arg-type]
    assert [f"{days.days[0]:%m-%d}" for days, _ in shown] == ["11-23", "11-30", "12-07", "12-14"]
    assert [any(b.edited for b in rows[0].blocks) for _, rows in shown] == [False, True, False, False]
