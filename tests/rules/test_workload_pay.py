"""Pay: every hour counts once, rounded to the smallest unit, never a float; and a CSV file that is safe to open."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit import currencies
from firebell.kit.errors import Invalid
from firebell.kit.spreadsheet import BOM, escape_formula, to_csv
from firebell.oncall.model import Layer, Schedule, Unit
from firebell.oncall.rota.fairness import HourClass, Load, load
from firebell.paging.model import Arrival
from firebell.people.model import Person, Team
from firebell.workload import monthly_report, pay, rate_periods
from firebell.workload.csv_export import HEADER, csv_report
from firebell.workload.model import DatedRates, Rates, WorkloadReport

NOVEMBER = date(2026, 11, 1)
RATES = Rates(
    "EUR",
    {
        HourClass.WEEKDAY: Decimal("5"),
        HourClass.NIGHT: Decimal("7.50"),
        HourClass.WEEKEND: Decimal("10"),
        HourClass.HOLIDAY: Decimal("20"),
    },
    Decimal("100"),
)
MARA = Person(1, "Mara", "mara@example.org", "responder", "Europe/Stockholm", "auto", True)
JUN = Person(2, "Jun", "jun@example.org", "responder", "America/New_York", "auto", True)
PEOPLE = {1: MARA, 2: JUN}
TEAM = Team(1, "Payments", "payments")
LATER = datetime(2027, 1, 15, tzinfo=UTC)
amounts = st.decimals(0, 1000, places=4)


def weekly(*users: int) -> Schedule:
    anchor = datetime(2026, 10, 26, 9, tzinfo=UTC).replace(tzinfo=None)
    layer = Layer(1, tuple((u,) for u in users), anchor, Unit.WEEK, 1, "Europe/Stockholm")
    return Schedule(1, "Primary", "Europe/Stockholm", (layer,), slug="primary", team_id=1)


def november(*arrivals: Arrival, users: tuple[int, ...] = (1, 2), **more: object) -> WorkloadReport:
    given_ = {"rates": RATES, "holidays": (), "now": LATER, **more}
    return monthly_report.report(NOVEMBER, [weekly(*users)], [TEAM], PEOPLE, arrivals, **given_)  # type: ignore[arg-type]


@given(st.dictionaries(st.sampled_from(HourClass), st.timedeltas(timedelta(0), timedelta(days=31))))
def test_the_lines_are_the_hours_and_the_total_is_their_sum(by_class: dict[HourClass, timedelta]) -> None:
    payment = pay.pay(Load(shifts=3, by_class=by_class), RATES)
    assert {x.hour_class: x.length for x in payment.lines if x.length} == {
        c: t for c, t in by_class.items() if t
    }
    assert payment.total == sum((x.amount for x in payment.lines), Decimal(300))
    for x in payment.lines:
        exact = Decimal(x.length // timedelta(microseconds=1)) * RATES.of(x.hour_class) / 3_600_000_000
        assert abs(x.amount - exact) <= Decimal("0.005")


@pytest.mark.parametrize(
    ("currency", "per_hour", "minutes", "amount"),
    [("EUR", "15.15", 2, "0.51"), ("JPY", "1515", 2, "51")],
)
def test_no_one_loses_a_cent_to_rounding_a_third_of_an_hour(
    currency: str, per_hour: str, minutes: int, amount: str
) -> None:
    rates = Rates(currency, {HourClass.WEEKDAY: Decimal(per_hour)})
    load_ = Load(by_class={HourClass.WEEKDAY: timedelta(minutes=minutes)})
    assert pay.pay(load_, rates).total == Decimal(amount)


@given(st.integers(0, 700_000), st.integers(1, 90_000))
def test_every_hour_of_a_month_is_paid_exactly_once(begins: int, minutes: int) -> None:
    a = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=begins)
    flat = Rates("EUR", dict.fromkeys(HourClass, Decimal(60)))
    holidays = {date(2026, 12, 25), date(2027, 1, 1), date(2026, 6, 6)}
    for mine in load(
        [weekly(1, 2)], a, a + timedelta(minutes=minutes), lambda u: PEOPLE[int(u)].tz, lambda _: holidays
    ).values():
        exact = Decimal(mine.hours // timedelta(microseconds=1)) / 60_000_000
        assert abs(pay.pay(mine, flat).total - exact) <= Decimal("0.02")


@pytest.mark.parametrize(
    ("currency", "amount"), [("EUR", "33.34"), ("JPY", "33"), ("KWD", "33.335"), ("XXX", "33.34")]
)
def test_an_amount_has_the_smallest_unit_of_its_currency(currency: str, amount: str) -> None:
    assert f"{currencies.rounded(Decimal('33.335'), currency):f}" == amount


def test_a_month_is_paid_by_class_and_by_shift_in_the_month_in_which_it_began() -> None:
    earned_by_person = {e.row.person.id: e for e in november(holidays={date(2026, 11, 11)}).people}
    mara = earned_by_person[1].pay
    assert mara.shifts == 2
    assert mara.stipend == Decimal("200.00")
    assert {x.hour_class for x in mara.lines if x.length} <= set(HourClass)
    total = sum((e.row.load.hours for e in earned_by_person.values()), timedelta())
    # New York's November ends six hours later than it began there, and has an hour more than Stockholm's
    assert timedelta(days=29) < total < timedelta(days=31)


def test_a_night_counts_in_the_month_in_which_it_began() -> None:
    one = weekly(1)
    october = monthly_report.report(date(2026, 10, 1), [one], [TEAM], PEOPLE, [], RATES, (), LATER)
    months = [
        november(users=(1,)),
        monthly_report.report(date(2026, 12, 1), [one], [TEAM], PEOPLE, [], RATES, (), LATER),
    ]
    assert october.people[0].row.nights == 6
    assert [m.people[0].row.nights for m in months] == [30, 31]


def test_a_month_that_is_not_over_is_counted_up_to_now() -> None:
    now = datetime(2026, 11, 2, 20, tzinfo=UTC)
    report = november(users=(1,), now=now)
    assert report.people[0].row.load.hours == timedelta(hours=24 + 21)
    assert november(users=(1,), now=datetime(2026, 10, 1, tzinfo=UTC)).people == []


def test_pages_are_distinct_by_night_and_only_those_on_duty_count() -> None:
    night = datetime(2026, 11, 3, 6, tzinfo=UTC)
    minute = timedelta(minutes=1)
    who = 2
    calls = [Arrival(who, page, 1, night + page * minute) for page in (1, 1, 2, 3)]
    calls += [Arrival(who, 9, 2, night + timedelta(days=7)), Arrival(who, 1, 1, night + timedelta(days=1))]
    earned = {e.row.person.id: e for e in november(*calls).people}[who]
    assert earned.row.calls.pages == 3
    assert earned.row.calls.night_pages == 4
    assert earned.row.calls.worst_night == 3
    assert earned.row.calls.over == 1
    assert earned.row.calls.worst_shift == 3


def test_rest_is_proposed_once_a_night_for_grave_calls_alone() -> None:
    night = datetime(2026, 11, 12, 2, tzinfo=UTC)
    arrivals = [
        Arrival(1, 4, 1, night),
        Arrival(1, 5, 0, night + timedelta(minutes=9)),
        Arrival(1, 6, 2, night + timedelta(days=1)),
        Arrival(1, 7, None, night + timedelta(days=2)),
        Arrival(1, 8, 0, night + timedelta(hours=12)),
    ]
    (time_off,) = pay.time_off(arrivals, "Europe/Stockholm", NOVEMBER, RATES)
    assert (time_off.night, time_off.pages, time_off.severity) == (date(2026, 11, 11), ("PG-4", "PG-5"), 0)
    assert time_off.hours == Decimal(4)


@given(st.builds(Rates, st.just("SEK"), st.fixed_dictionaries(dict.fromkeys(HourClass, amounts)), amounts))
def test_rates_survive_the_database_and_the_form_to_the_last_digit(rates: Rates) -> None:
    assert pay.from_json(pay.to_json(rates)) == rates
    assert pay.checked(pay.to_json(rates)) == rates


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("currency", "euro"),
        ("weekday", "1e3"),
        ("weekday", "NaN"),
        ("night", "-1"),
        ("night", "12,50"),
        ("weekend", "1.23456"),
        ("per_shift", "9999999"),
        ("rest_hours", "25"),
        ("country", "Sweden"),
        ("subdivision", "BY"),
    ],
)
def test_a_rate_that_cannot_be_kept_is_named(field: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        pay.checked(pay.to_json(RATES) | {field: value})
    assert list(refused.value.fields) == [field]


@given(st.lists(st.lists(st.text(), min_size=1, max_size=4), min_size=1, max_size=5))
def test_no_cell_is_a_formula_and_every_value_survives(
    rows: list[list[str]],
) -> None:
    text = to_csv(rows)
    back = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert back == [[escape_formula(cell) for cell in row] for row in rows]
    assert not [cell for row in back for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert text.endswith("\r\n")


def test_a_negative_number_stays_a_number() -> None:
    assert to_csv([[-120, -0.5, Decimal("-1.50"), "-1+1"]]) == "-120,-0.5,-1.50,'-1+1\r\n"


def test_the_sheet_has_a_row_a_person_under_its_head() -> None:
    text = csv_report(november(), bom=True)
    assert text.startswith(BOM + "month,person,email,zone,")
    rows = list(csv.reader(io.StringIO(text.removeprefix(BOM), newline="")))
    assert [len(row) for row in rows] == [len(HEADER)] * 3
    assert {row[1] for row in rows[1:]} == {"Mara", "Jun"}
    assert not csv_report(november()).startswith(BOM)


@pytest.mark.parametrize("text", ["2026-13", "2026", "26-11", "2026-11-01", "", "x", "9999-12", "2026-1 "])
def test_what_is_not_a_month_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"Enter a month|The last month is"):
        monthly_report.month_of(text)


def test_rates_hold_from_their_month_until_the_next_and_the_later_set_goes_first() -> None:
    def dated(number: int, month: int) -> DatedRates:
        return DatedRates(number, date(2026, month, 1), Rates(), datetime(2026, 1, 1, tzinfo=UTC), "Mara")

    march, june, again = dated(1, 3), dated(2, 6), dated(3, 3)
    every = [march, june, again]
    assert [rate_periods.rates_of(every, date(2026, m, 1)) for m in (2, 3, 5, 6, 12)] == [
        None,
        again,
        again,
        june,
        june,
    ]
    assert [(t.dated_rates, t.until, t.replaced) for t in rate_periods.rate_periods(every)] == [
        (june, None, False),
        (again, date(2026, 6, 1), False),
        (march, date(2026, 3, 1), True),
    ]
    present = date(2026, 8, 1)
    assert rate_periods.past(every, date(2026, 4, 1), present) == (date(2026, 4, 1), date(2026, 6, 1))
    assert rate_periods.past(every, date(2026, 6, 1), present) == (date(2026, 6, 1), present)
    assert rate_periods.past(every, present, present) is None


def test_people_who_share_a_schedule_are_compared() -> None:
    (share,) = november().schedules
    assert {row.hours_compared for row in share.rows} <= {
        "average",
        "above average",
    }
    (alone,) = november(users=(1,)).schedules
    assert alone.rows[0].hours_compared == "alone"
