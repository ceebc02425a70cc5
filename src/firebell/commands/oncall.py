"""`firebell oncall`: who is on call, and overrides."""

from datetime import datetime, timedelta
from typing import Any

import click

from firebell.commands.calendars import feed, import_
from firebell.commands.client import call, call_all, seg
from firebell.commands.handoff import free, handoff, rates, report
from firebell.commands.oncall_exchange import cover, swap, vacation
from firebell.commands.oncall_schedule import schedule as schedule_group
from firebell.commands.oncall_schedule import show_preview
from firebell.commands.output import (
    USAGE,
    as_json,
    example,
    fail,
    instant,
    local,
    minutes,
    short,
    show,
    show_removed,
    table,
)
from firebell.commands.quiet_hours import quiet


def _who(at: str | None) -> None:
    found = call("GET", "/api/v1/oncall", at=instant(at, "--at") if at else None)
    rows = [
        [s["name"], s["schedule"], ", ".join(p["name"] for p in s["people"]) or "nobody"]
        for s in found["schedules"]
    ]
    text = f"{table(('SCHEDULE', 'SLUG', 'ON CALL'), rows, wide=2)}\nAt {local(found['at'])}."
    show(found, text if rows else "There is no schedule yet.")


@click.group(invoke_without_command=True, epilog=example("firebell oncall"))
@click.pass_context
@as_json
def oncall(ctx: click.Context) -> None:
    """Who is on call now."""
    if ctx.invoked_subcommand is None:
        _who(None)


oncall.add_command(feed)
oncall.add_command(import_)
oncall.add_command(quiet)


@oncall.command(epilog=example("firebell oncall who --at 2026-12-24T18:00"))
@click.option("--at", help="An instant such as 2026-12-24T18:00 or 2026-12-24T18:00+01:00; default now.")
@as_json
def who(at: str | None) -> None:
    """Who is on call at an instant."""
    _who(at)


@oncall.command(epilog=example("firebell oncall shifts payments-primary --from 2026-12-01 --to 2027-01-01"))
@click.argument("schedule")
@click.option("--from", "start", required=True, help="2026-12-01 or 2026-12-01T09:00+01:00")
@click.option("--to", "end", required=True)
@as_json
def shifts(schedule: str, start: str, end: str) -> None:
    """Who is on call on SCHEDULE from when to when."""
    found = call(
        "GET",
        f"/api/v1/schedules/{seg(schedule)}/shifts",
        **{"from": instant(start, "--from"), "to": instant(end, "--to")},
    )
    rows = [
        [short(s["start"]), short(s["end"]), ", ".join(p["name"] for p in s["people"]) or "nobody"]
        for s in found["shifts"]
    ]
    show(found, table(("FROM", "TO", "ON CALL"), rows, wide=2))


@oncall.command(epilog=example("firebell oncall gaps --days 60"))
@click.option("--days", type=click.IntRange(1, 400), default=28, show_default=True, help="How far to look.")
@as_json
def gaps(days: int) -> None:
    """When nobody is on call; ends with 1 when there is a gap."""
    found = {
        s["slug"]: call("GET", f"/api/v1/schedules/{seg(s['slug'])}/gaps", days=days)
        for s in call_all("/api/v1/schedules")
    }
    rows = [[slug, short(g["start"]), short(g["end"])] for slug, holes in found.items() for g in holes]
    text = f"No gap in the next {days} days."
    show(found, table(("SCHEDULE", "FROM", "TO"), rows, wide=0) if rows else text)
    if rows:
        raise SystemExit(1)


@oncall.command(epilog=example("firebell oncall findings payments-primary"))
@click.argument("schedule", required=False)
@click.option("--each", is_flag=True, help="Every gap by itself, also those of one kind.")
@as_json
def findings(schedule: str | None, each: bool) -> None:
    """What is wrong with SCHEDULE, or with all; ends with 1 when there is an error."""
    slugs = [schedule] if schedule else [s["slug"] for s in call_all("/api/v1/schedules")]
    how = "" if each else "?folded=true"
    found = {slug: call("GET", f"/api/v1/schedules/{seg(slug)}/findings{how}") for slug in slugs}
    rows = [[slug, f["level"], f["code"], f["message"]] for slug, faults in found.items() for f in faults]
    head = ("SCHEDULE", "LEVEL", "CODE", "WHAT")
    show(found, table(head, rows, wide=3) if rows else "Nothing is wrong in the next 28 days.")
    if any(row[1] == "error" for row in rows):
        raise SystemExit(1)


@oncall.command(
    epilog=example(
        "firebell oncall override payments-primary --user jun@example.org --for 2h",
        "firebell oncall override payments-primary --user jun@example.org"
        " --from 2026-12-24T18:00 --to 2026-12-25T09:00",
    )
)
@click.argument("schedule")
@click.option("--user", "users", multiple=True, help="E-mail address or id; may be given several times.")
@click.option("--from", "start", help="2026-12-24T18:00 or 2026-12-24T18:00+01:00; default now.")
@click.option("--to", "end", help="As --from.")
@click.option("--for", "lasts", help="Instead of --to: 45m, 2h or 1h30m.")
@click.option("--reason", default="")
@click.option(
    "--kind",
    type=click.Choice(("set", "add", "remove", "map")),
    default="set",
    show_default=True,
    help="set: alone on call; add: beside whoever is; remove: off call; map: stands in for --instead-of.",
)
@click.option("--instead-of", help="With --kind map: for whom.")
@click.option("--nobody", is_flag=True, help="With --kind set: nobody is on call, on purpose.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@as_json
def override(
    schedule: str,
    users: tuple[str, ...],
    start: str | None,
    end: str | None,
    lasts: str | None,
    reason: str,
    kind: str,
    instead_of: str | None,
    nobody: bool,
    dry_run: bool,
) -> None:
    """Change who is on call on SCHEDULE for a while, whatever its layers say."""
    begins, ends = _stretch(start, end, lasts)
    body: dict[str, Any] = {
        "kind": kind,
        "people": users,
        "instead_of": instead_of,
        "nobody": nobody,
        "start": begins,
        "end": ends,
        "reason": reason,
    }
    address = f"/api/v1/schedules/{seg(schedule)}/overrides"
    if dry_run:
        show_preview(call("POST", f"{address}/preview", body))
        return
    found = call("POST", address, body)
    who = " and ".join(users) or "nobody"
    what = {
        "set": f"{who} is on call on",
        "add": f"{who} is on call too on",
        "remove": f"{who} is off call on",
        "map": f"{who} stands in for {instead_of} on",
    }[kind]
    span = f"{short(begins)} to {short(ends)}"
    show(found, f"{what} {schedule} from {span} (override {found['id']}).")


def _stretch(start: str | None, end: str | None, lasts: str | None) -> tuple[str, str]:
    """Return from when to when an override holds: from now, or from a time, to another or for so long."""
    if (end is None) == (lasts is None):
        fail("Until when?", "Give --to, or --for such as --for 2h.", USAGE)
    begins = instant(start, "--from") if start else datetime.now().astimezone().isoformat()
    if end is not None:
        return begins, instant(end, "--to")
    return begins, (datetime.fromisoformat(begins) + timedelta(minutes=minutes(lasts or ""))).isoformat()


def _whom(edit: dict[str, Any], names: dict[int, str]) -> str:
    who = ", ".join(names.get(i, str(i)) for i in edit["people"])
    stands_in = [
        f"{names.get(new, str(new))} for {names.get(int(old), old)}" for old, new in edit["mapping"].items()
    ]
    return {
        "set": who or "nobody",
        "add": f"also {who}",
        "remove": f"not {who}",
        "map": ", ".join(stands_in),
    }[edit["kind"]]


@oncall.command(epilog=example("firebell oncall overrides payments-primary"))
@click.argument("schedule")
@click.option("--all", "every", is_flag=True, help="Those that are over too.")
@as_json
def overrides(schedule: str, every: bool) -> None:
    """List the overrides of SCHEDULE."""
    names = {p["id"]: p["name"] for p in call_all("/api/v1/people")}
    which = "all" if every else "coming"
    found = call_all(f"/api/v1/schedules/{seg(schedule)}/overrides", which=which)
    rows = [
        [
            str(e["id"]),
            short(e["start"]),
            short(e["end"]),
            _whom(e, names),
            e["reason"] or "-",
        ]
        for e in found
    ]
    head = ("ID", "FROM", "TO", "ON CALL", "REASON")
    show(found, table(head, rows, wide=4) if rows else "There is no override.")


@oncall.command(epilog=example("firebell oncall remove 12"))
@click.argument("override_id", type=click.IntRange(1, 2**63 - 1))
@as_json
def remove(override_id: int) -> None:
    """Take an override away, or end it now; what it covered goes back to the layers."""
    answer = call("DELETE", f"/api/v1/overrides/{override_id}")
    show_removed(answer, {"removed": override_id}, f"Override {override_id} is gone.")


for more in (cover, swap, vacation, schedule_group, handoff, report, rates, free):
    oncall.add_command(more)
