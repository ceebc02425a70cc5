"""`firebell oncall`: who is on call, and overrides."""

import click

from firebell.commands.client import as_json, call, local, show, table


def _who(at: str | None, json_: bool) -> None:
    found = call("GET", "/api/v1/oncall", at=at)
    rows = [[s["name"], ", ".join(p["name"] for p in s["people"]) or "nobody"] for s in found["schedules"]]
    show(json_, found, table(rows) or "There is no schedule yet.")


@click.group(invoke_without_command=True)
@click.pass_context
@as_json
def oncall(ctx: click.Context, json_: bool) -> None:
    """Who is on call now."""
    if ctx.invoked_subcommand is None:
        _who(None, json_)


@oncall.command()
@click.option("--at", help="An instant such as 2026-12-24T18:00:00+01:00; default now.")
@as_json
def who(at: str | None, json_: bool) -> None:
    """Who is on call at an instant."""
    _who(at, json_)


@oncall.command()
@click.option("--days", default=28, help="How far to look.")
@as_json
def gaps(days: int, json_: bool) -> None:
    """When nobody is on call; ends with 1 when there is a gap."""
    found = {
        s["slug"]: call("GET", f"/api/v1/schedules/{s['slug']}/gaps", days=days)
        for s in call("GET", "/api/v1/schedules")
    }
    rows = [[slug, local(g["start"]), local(g["end"])] for slug, holes in found.items() for g in holes]
    show(json_, found, table(rows) or f"No gap in the next {days} days.")
    if rows:
        raise SystemExit(1)


@oncall.command()
@click.argument("schedule")
@click.option("--user", required=True, help="E-mail address or id.")
@click.option("--from", "start", required=True, help="2026-12-24T18:00:00+01:00")
@click.option("--to", "end", required=True)
@click.option("--reason", default="")
@as_json
def override(schedule: str, user: str, start: str, end: str, reason: str, json_: bool) -> None:
    """Put somebody on call on SCHEDULE for a while."""
    body = {"person": user, "start": start, "end": end, "reason": reason}
    found = call("POST", f"/api/v1/schedules/{schedule}/overrides", body)
    show(json_, found, f"{user} is on call on {schedule} from {start} to {end}.")
