"""`firebell oncall handoff | report | rates | free`: shifts handed over, and what they come to."""

from pathlib import Path
from typing import Any

import click

from firebell.commands.client import call, call_all, seg
from firebell.commands.output import USAGE, as_json, example, fail, instant, short, show, table, wants_json
from firebell.kit.private_files import write_private

_CLASSES = ("weekday", "night", "weekend", "holiday")


@click.group(epilog=example("firebell oncall handoff show payments-primary"))
def handoff() -> None:
    """What the one who leaves tells the one who comes."""


def _newest(schedule: str) -> str:
    found = call("GET", "/api/v1/handoffs", schedule=schedule, limit=1)
    if not found:
        fail(f"{schedule} has no handoff yet.", "It is drafted four hours before the shift changes.")
    return str(found[0]["day"])


def _address(schedule: str, day: str | None) -> str:
    return f"/api/v1/schedules/{seg(schedule)}/handoffs/{seg(day or _newest(schedule))}"


@handoff.command("list", epilog=example("firebell oncall handoff list --schedule payments-primary"))
@click.option("--schedule", help="Of this schedule alone.")
@as_json
def list_(schedule: str | None) -> None:
    """List handoffs, the newest first."""
    found = call_all("/api/v1/handoffs", schedule=schedule)
    rows = [
        [
            h["schedule"],
            h["day"],
            short(h["at"]),
            ", ".join(p["name"] for p in h["leaving"]) or "nobody",
            ", ".join(p["name"] for p in h["entering"]) or "nobody",
            "acknowledged" if h["acknowledged"] else "open",
        ]
        for h in found
    ]
    head = ("SCHEDULE", "DAY", "AT", "LEAVES", "ENTERS", "STATE")
    show(found, table(head, rows, wide=4) if rows else "There is no handoff yet.")


@handoff.command("show", epilog=example("firebell oncall handoff show payments-primary --day 2026-11-30"))
@click.argument("schedule")
@click.option("--day", help="The local day of the handoff; default the newest.")
@as_json
def show_(schedule: str, day: str | None) -> None:
    """Print a handoff of SCHEDULE as Markdown."""
    found = call("GET", _address(schedule, day))
    show(found, found["body"].rstrip())


@handoff.command(epilog=example("firebell oncall handoff ack payments-primary"))
@click.argument("schedule")
@click.option("--day", help="The local day of the handoff; default the newest.")
@as_json
def ack(schedule: str, day: str | None) -> None:
    """Acknowledge a handoff of SCHEDULE, as who leaves or who enters."""
    found = call("POST", f"{_address(schedule, day)}/ack")
    waits = [p["name"] for p in (*found["leaving"], *found["entering"]) if not p["acknowledged_at"]]
    rest = "Both sides have." if found["acknowledged"] else f"It waits for {', '.join(waits)}."
    show(found, f"You acknowledged the handoff of {found['schedule']} on {found['day']}. {rest}")


@handoff.command(epilog=example("firebell oncall handoff notice --hours 48"))
@click.option("--hours", type=click.IntRange(1, 168), help="Tell so long before from now on.")
@as_json
def notice(hours: int | None) -> None:
    """How long before a shift its person is told; managers and admins change it."""
    address = "/api/v1/handoffs/notice"
    found = call("GET", address) if hours is None else call("PUT", address, {"hours": hours})
    show(
        found,
        f"Everybody is told of their shift {found['hours']} hour{'' if found['hours'] == 1 else 's'} before it begins.",
    )


@click.command(epilog=example("firebell oncall report --month 2026-11 --csv --output november.csv"))
@click.option("--month", help="2026-11; default the present month.")
@click.option("--team", help="Only the schedules of this team, and who they name with all their shifts.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV (RFC 4180).")
@click.option("--bom", is_flag=True, help="With --csv: begin with a byte order mark, for Excel.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="With --csv: write to this file."
)
@as_json
def report(month: str | None, team: str | None, as_csv: bool, bom: bool, output: Path | None) -> None:
    """Hours, nights, pages and pay of a month."""
    if as_csv and wants_json():
        fail("It is either --csv or --json.", "Leave one of them out.", USAGE)
    if not as_csv:
        if bom or output:
            fail("--bom and --output are for --csv.", "Add --csv.", USAGE)
        _report(month, team)
        return
    text = call("GET", "/api/v1/reports/on-call.csv", month=month, team=team, bom="true" if bom else None)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        write_private(output, text, newline="")
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror}.", "", USAGE)
    click.echo(f"Written to {output}.", err=True)


def _report(month: str | None, team: str | None) -> None:
    found = call("GET", "/api/v1/reports/on-call", month=month, team=team)
    rows = [
        [
            p["name"],
            p["hours"],
            str(p["nights"]),
            p["weekend_hours"],
            p["holiday_hours"],
            str(p["shifts"]),
            str(p["pages"]),
            f"{p['night_pages']} (worst {p['worst_night']})",
            f"{p['total']} {found['currency']}",
        ]
        for p in found["people"]
    ]
    head = ("PERSON", "HOURS", "NIGHTS", "WEEKEND", "HOLIDAY", "SHIFTS", "PAGES", "AT NIGHT", "PAY")
    rest = [
        f"Proposed for {p['name']}: {t['hours']} h off for the night of {t['night']} ({', '.join(t['pages'])})."
        for p in found["people"]
        for t in p["time_off"]
    ]
    text = table(head, rows, wide=0) if rows else f"Nobody was on call in {found['month']}."
    show(found, "\n".join([text, *rest]))


_AMOUNTS = (*_CLASSES, "currency", "per_shift", "rest_hours", "country", "subdivision")


@click.command(
    epilog=example(
        "firebell oncall rates --currency EUR --night 7.50 --weekend 10 --per-shift 100 --month 2027-01"
    )
)
@click.option(
    "--month", help="The rates of this month, or from which on new ones hold; default the present one."
)
@click.option("--currency", help="ISO 4217, such as EUR.")
@click.option("--weekday", help="For an hour on a weekday.")
@click.option("--night", help="For an hour of a night, 22:00 to 07:00.")
@click.option("--weekend", help="For an hour of a weekend.")
@click.option("--holiday", help="For an hour of a public holiday.")
@click.option("--per-shift", help="For each shift.")
@click.option("--rest-hours", help="Hours off that are proposed after a SEV0 or SEV1 night.")
@click.option("--country", help="Where public holidays are those of, ISO 3166, such as SE.")
@click.option("--subdivision", help="A part of it, such as BY.")
@click.option("--past", is_flag=True, help="The pay of months that are over may change.")
@click.option("--all", "every", is_flag=True, help="All rates that were ever set, and who set them.")
@as_json
def rates(month: str | None, past: bool, every: bool, **given: str | None) -> None:
    """Show what on-call is paid, or change what is named from a month on (managers and admins)."""
    changes = {name: value for name, value in given.items() if value is not None}
    if every:
        if changes or month or past:
            fail("--all lists all rates and changes none.", "Leave the other options out.", USAGE)
        _all_rates()
        return
    address = "/api/v1/reports/on-call/rates"
    found: dict[str, Any] = call("GET", address, month=month)
    if changes:
        body = {name: found[name] for name in _AMOUNTS} | changes | {"past": past}
        found = call("PUT", address, body | ({"month": month} if month else {}))
    rows = [[name, found[name], found["currency"]] for name in _CLASSES]
    rows.append(["shift", found["per_shift"], found["currency"]])
    country = "-".join(part for part in (found["country"], found["subdivision"]) if part)
    text = table(("FOR AN HOUR", "RATE", "IN"), rows, wide=0)
    rest = f"Rest after a grave night: {found['rest_hours']} h. Holidays of: {country or 'nowhere'}."
    show(found, f"{text}\n{rest}\n{_since(found)}")


def _since(found: dict[str, Any]) -> str:
    if not found["since"]:
        return "No rates are set for this month: nothing is paid."
    until = f", until those of {found['until']}" if found["until"] else ""
    return f"They hold from {found['since']} on{until}. Set by {found['set_by']}, {short(found['set_at'])}."


def _all_rates() -> None:
    found = call("GET", "/api/v1/reports/on-call/rates/all")
    rows = [
        [
            t["since"],
            "replaced" if t["replaced"] else t["until"] or "-",
            *(t[name] for name in (*_CLASSES, "per_shift", "currency")),
            short(t["set_at"]),
            t["set_by"],
        ]
        for t in found
    ]
    head = ("FROM", "UNTIL", *(c.upper() for c in _CLASSES), "SHIFT", "IN", "SET", "BY")
    show(found, table(head, rows, wide=0) if rows else "No rates were ever set.")


@click.command(
    epilog=example("firebell oncall free payments-primary --from 2026-12-24T18:00 --to 2026-12-25T09:00")
)
@click.argument("schedule")
@click.option("--from", "start", required=True, help="2026-12-24T18:00 or 2026-12-24T18:00+01:00")
@click.option("--to", "end", required=True)
@as_json
def free(schedule: str, start: str, end: str) -> None:
    """Who could cover SCHEDULE then, the one who carries least first."""
    query = {"from": instant(start, "--from"), "to": instant(end, "--to")}
    found = call("GET", f"/api/v1/schedules/{seg(schedule)}/free", **query)
    rows = [[p["name"], p["email"], str(p["nights"]), p["weekend_hours"], p["hours"]] for p in found]
    head = ("PERSON", "E-MAIL", "NIGHTS", "WEEKEND", "HOURS")
    show(found, table(head, rows, wide=1) if rows else "Nobody of the team is free then.")
