"""The report as a spreadsheet reads it (pure): RFC 4180, no cell that is run as a formula."""

from collections.abc import Sequence

from firebell.kit.spreadsheet import to_csv
from firebell.oncall.rota.fairness import HourClass
from firebell.workload.model import Report
from firebell.workload.pay import hours

HEAD = (
    *("month", "person", "email", "zone", "hours", "nights", "weekend_hours", "holiday_hours", "shifts"),
    *("pages", "night_pages", "worst_night"),
    *(f"{c}_{what}" for c in HourClass for what in ("paid_hours", "amount")),
    *("stipend", "total", "currency", "proposed_time_off_hours", "rates_since"),
)


def csv_report(report: Report, *, bom: bool = False) -> str:
    """Return a row a person, under a head that says what each column is."""
    rows: list[Sequence[object]] = [HEAD]
    for found in report.people:
        row, load = found.row, found.row.load
        rest = sum((t.hours for t in found.time_off), start=0 * report.rates.rest_hours)
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
                *(cell for x in found.pay.lines for cell in (f"{hours(x.length):.2f}", f"{x.amount:f}")),
                f"{found.pay.stipend:f}",
                f"{found.pay.total:f}",
                report.rates.currency,
                f"{rest:f}",
                f"{report.kept.month:%Y-%m}" if report.kept else "",
            )
        )
    return to_csv(rows, bom=bom)
