"""The report as CSV for spreadsheets (pure): RFC 4180, and no cell runs as a formula."""

from collections.abc import Sequence

from firebell.kit.spreadsheet import to_csv
from firebell.oncall.rota.fairness import HourClass
from firebell.workload.model import WorkloadReport
from firebell.workload.pay import hours

HEADER = (
    *("month", "person", "email", "zone", "hours", "nights", "weekend_hours", "holiday_hours", "shifts"),
    *("pages", "night_pages", "worst_night"),
    *(f"{c}_{what}" for c in HourClass for what in ("paid_hours", "amount")),
    *("stipend", "total", "currency", "proposed_time_off_hours", "rates_since"),
    *("interrupted_hours", "worst_week_hours"),
)


def csv_report(report: WorkloadReport, *, bom: bool = False) -> str:
    """Return one row per person, under a header row."""
    rows: list[Sequence[object]] = [HEADER]
    for earned in report.people:
        row, load = earned.row, earned.row.load
        rest = sum((t.hours for t in earned.time_off), start=0 * report.rates.rest_hours)
        rows.append(
            (
                f"{report.month:%Y-%m}",
                row.person.name,
                row.person.email,
                row.person.tz,
                f"{hours(load.hours):.2f}",
                row.nights,
                f"{hours(load.weekend_hours):.2f}",
                f"{hours(load.holiday_hours):.2f}",
                load.shifts,
                row.calls.pages,
                row.calls.night_pages,
                row.calls.worst_night,
                *(cell for x in earned.pay.lines for cell in (f"{hours(x.length):.2f}", f"{x.amount:f}")),
                f"{earned.pay.stipend:f}",
                f"{earned.pay.total:f}",
                report.rates.currency,
                f"{rest:f}",
                f"{report.dated_rates.month:%Y-%m}" if report.dated_rates else "",
                row.calls.interrupted_hours,
                row.calls.worst_week_hours,
            )
        )
    return to_csv(rows, bom=bom)
