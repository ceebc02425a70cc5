"""`firebell oncall`: who is on call, and overrides."""

import click

from firebell.commands.calendars import feed, import_
from firebell.commands.client import call, call_all, seg
from firebell.commands.say import as_json, example, instant, short, show, table


def _who(at: str | None) -> None:
    found = call("GET", "/api/v1/oncall", at=instant(at, "--at") if at else None)
    rows = [
        [s["name"], s["schedule"], ", ".join(p["name"] for p in s["people"]) or "nobody"]
        for s in found["schedules"]
    ]
    show(found, table(("SCHEDULE", "SLUG", "ON CALL"), rows, wide=2) if rows else "There is no schedule yet.")


@click.group(invoke_without_command=True, epilog=example("firebell oncall"))
@click.pass_context
@as_json
def oncall(ctx: click.Context) -> None:
    """Who is on call now."""
    if ctx.invoked_subcommand is None:
        _who(None)


oncall.add_command(feed)
oncall.add_command(import_)


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


@oncall.command(
    epilog=example(
        "firebell oncall override payments-primary --user jun@example.org"
        " --from 2026-12-24T18:00 --to 2026-12-25T09:00"
    )
)
@click.argument("schedule")
@click.option("--user", required=True, help="E-mail address or id.")
@click.option("--from", "start", required=True, help="2026-12-24T18:00 or 2026-12-24T18:00+01:00")
@click.option("--to", "end", required=True)
@click.option("--reason", default="")
@as_json
def override(schedule: str, user: str, start: str, end: str, reason: str) -> None:
    """Put somebody on call on SCHEDULE for a while, whatever its layers say."""
    body = {
        "person": user,
        "start": instant(start, "--from"),
        "end": instant(end, "--to"),
        "reason": reason,
    }
    found = call("POST", f"/api/v1/schedules/{seg(schedule)}/overrides", body)
    span = f"{short(body['start'])} to {short(body['end'])}"
    show(found, f"{user} is on call on {schedule} from {span} (override {found['id']}).")


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
            ", ".join(names.get(i, str(i)) for i in e["people"]),
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
    """Take an override away; what it covered goes back to the layers."""
    call("DELETE", f"/api/v1/overrides/{override_id}")
    show({"removed": override_id}, f"Override {override_id} is gone.")
