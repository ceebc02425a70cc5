"""`firebell oncall report`, `rates` and `free`: workload, pay rates, and who could cover."""

from pathlib import Path
from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import (
    USAGE,
    as_json,
    example,
    fail,
    instant,
    short,
    show,
    show_table,
    table,
    wants_json,
)
from firebell.kit.private_files import write_private

_RATE_CLASSES = ("weekday", "night", "weekend", "holiday")


@click.command(epilog=example("firebell oncall report --month 2026-11 --csv --output november.csv"))
@click.option("--month", help="Such as 2026-11. Default: this month.")
@click.option("--team", help="Slug of a team: only its schedules and their people.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV (RFC 4180).")
@click.option("--bom", is_flag=True, help="With --csv: start with a byte order mark, for Excel.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="With --csv: write to this file."
)
@as_json
def report(month: str | None, team: str | None, as_csv: bool, bom: bool, output: Path | None) -> None:
    """Show the hours, nights, pages and pay of a month."""
    if as_csv and wants_json():
        fail("--csv and --json cannot be combined.", "Use one of them.", USAGE)
    if not as_csv:
        if bom or output:
            fail("--bom and --output need --csv.", "Add --csv.", USAGE)
        _report(month, team)
        return
    text = call("GET", "/api/v1/reports/on-call.csv", month=month, team=team, bom="true" if bom else None)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        write_private(output, text, newline="")
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror}.", "Check the folder and its permissions.", USAGE)
    click.echo(f"Written to {output}.", err=True)


def _report(month: str | None, team: str | None) -> None:
    fields = call("GET", "/api/v1/reports/on-call", month=month, team=team)
    rows = [
        [
            p["name"],
            p["hours"],
            str(p["nights"]),
            p["weekend_hours"],
            p["holiday_hours"],
            str(p["shifts"]),
            str(p["pages"]),
            f"{p['night_pages']} (max {p['worst_night']})",
            str(p["interrupted_hours"]),
            f"{p['total']} {fields['currency']}",
        ]
        for p in fields["people"]
    ]
    head = (
        "PERSON",
        "HOURS",
        "NIGHTS",
        "WEEKEND",
        "HOLIDAY",
        "SHIFTS",
        "PAGES",
        "AT NIGHT",
        "INTERRUPTED",
        "PAY",
    )
    time_off = [
        f"Proposed time off for {p['name']}: {t['hours']} h for the night of {t['night']} ({', '.join(t['pages'])})."
        for p in fields["people"]
        for t in p["time_off"]
    ]
    text = table(head, rows, wide=0) if rows else f"No one was on call in {fields['month']}."
    show(fields, "\n".join([text, *time_off]))


_RATE_FIELDS = (*_RATE_CLASSES, "currency", "per_shift", "rest_hours", "country", "subdivision")


@click.command(
    epilog=example(
        "firebell oncall rates --currency EUR --night 7.50 --weekend 10 --per-shift 100 --month 2027-01"
    )
)
@click.option("--month", help="Show the rates of this month, or change them from it on. Default: this month.")
@click.option("--currency", help="ISO 4217, such as EUR.")
@click.option("--weekday", help="Per hour on a weekday.")
@click.option("--night", help="Per hour at night, 22:00 to 07:00.")
@click.option("--weekend", help="Per hour on a weekend.")
@click.option("--holiday", help="Per hour on a public holiday.")
@click.option("--per-shift", help="Per shift.")
@click.option("--rest-hours", help="Hours off to propose after a SEV0 or SEV1 night.")
@click.option("--country", help="Country of the public holidays, ISO 3166, such as SE.")
@click.option("--subdivision", help="State or region of the country, such as BY.")
@click.option("--past", is_flag=True, help="Allow changes to the pay of past months.")
@click.option("--all", "list_all", is_flag=True, help="List all rates ever set, and who set them.")
@as_json
def rates(month: str | None, past: bool, list_all: bool, **options: str | None) -> None:
    """Show the on-call rates, or change them from a month on.

    Managers and admins can change them. What you leave out stays as it is.
    """
    changes = {name: value for name, value in options.items() if value is not None}
    if list_all:
        if changes or month or past:
            fail("--all cannot be combined with other options.", "Leave the other options out.", USAGE)
        _all_rates()
        return
    address = "/api/v1/reports/on-call/rates"
    current: dict[str, Any] = call("GET", address, month=month)
    if changes:
        body = {name: current[name] for name in _RATE_FIELDS} | changes | {"past": past}
        current = call("PUT", address, body | ({"month": month} if month else {}))
    rows = [[f"{name} hour", current[name], current["currency"]] for name in _RATE_CLASSES]
    rows.append(["shift", current["per_shift"], current["currency"]])
    country = "-".join(part for part in (current["country"], current["subdivision"]) if part)
    text = table(("PER", "RATE", "CURRENCY"), rows, wide=0)
    rest = (
        f"Time off after a SEV0/SEV1 night: {current['rest_hours']} h. Public holidays: {country or 'none'}."
    )
    show(current, f"{text}\n{rest}\n{_validity(current)}")


def _validity(current: dict[str, Any]) -> str:
    if not current["since"]:
        return "No rates are set for this month; on-call is unpaid."
    until = f" until {current['until']}" if current["until"] else ""
    return f"Valid from {current['since']}{until}. Set by {current['set_by']}, {short(current['set_at'])}."


def _all_rates() -> None:
    versions = call("GET", "/api/v1/reports/on-call/rates/all")
    rows = [
        [
            t["since"],
            "replaced" if t["replaced"] else t["until"] or "-",
            *(t[name] for name in (*_RATE_CLASSES, "per_shift", "currency")),
            short(t["set_at"]),
            t["set_by"],
        ]
        for t in versions
    ]
    head = ("FROM", "UNTIL", *(c.upper() for c in _RATE_CLASSES), "SHIFT", "CURRENCY", "SET", "BY")
    show_table(versions, head, rows, wide=0, empty="No rates yet.")


@click.command(
    epilog=example("firebell oncall free payments-primary --from 2026-12-24T18:00 --to 2026-12-25T09:00")
)
@click.argument("schedule")
@click.option("--from", "start", required=True, help="Such as 2026-12-24T18:00 or 2026-12-24T18:00+01:00.")
@click.option("--to", "end", required=True, help="Same format as --from.")
@as_json
def free(schedule: str, start: str, end: str) -> None:
    """List who could cover SCHEDULE then, least loaded first."""
    query = {"from": instant(start, "--from"), "to": instant(end, "--to")}
    people = call("GET", f"/api/v1/schedules/{seg(schedule)}/free", **query)
    rows = [[p["name"], p["email"], str(p["nights"]), p["weekend_hours"], p["hours"]] for p in people]
    head = ("PERSON", "EMAIL", "NIGHTS", "WEEKEND", "HOURS")
    show_table(people, head, rows, wide=1, empty="No one on the team is available then.")
