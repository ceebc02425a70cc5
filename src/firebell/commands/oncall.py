"""`firebell oncall`: who is on call, overrides and checks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from firebell.commands.calendars import feed, import_
from firebell.commands.client import call, call_all, seg
from firebell.commands.handoff import handoff
from firebell.commands.ids import ID
from firebell.commands.local_time import machine_zone
from firebell.commands.oncall_schedule import schedule as schedule_group
from firebell.commands.oncall_schedule import show_preview
from firebell.commands.oncall_swaps import cover, swap, vacation
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
    show_table,
    table,
)
from firebell.commands.quiet_hours import quiet
from firebell.commands.workload import free, rates, report

_TONIGHT = "tonight"
_PRESETS = (_TONIGHT, "weekend")
"""The intervals of overrides that have a name."""


def _show_on_call(at: str | None) -> None:
    on_call = call("GET", "/api/v1/oncall", at=instant(at, "--at") if at else None)
    rows = [
        [s["name"], s["schedule"], ", ".join(p["name"] for p in s["people"]) or "no one"]
        for s in on_call["schedules"]
    ]
    text = f"{table(('SCHEDULE', 'SLUG', 'ON CALL'), rows, wide=2)}\nAt {local(on_call['at'])}."
    show(on_call, text if rows else "No schedules yet.")


@click.group(invoke_without_command=True, epilog=example("firebell oncall"))
@click.pass_context
@as_json
def oncall(ctx: click.Context) -> None:
    """Show who is on call; manage schedules and overrides."""
    if ctx.invoked_subcommand is None:
        _show_on_call(None)


oncall.add_command(feed)
oncall.add_command(import_)
oncall.add_command(quiet)


@oncall.command(epilog=example("firebell oncall who --at 2026-12-24T18:00"))
@click.option("--at", help="Such as 2026-12-24T18:00 or 2026-12-24T18:00+01:00. Default: now.")
@as_json
def who(at: str | None) -> None:
    """Show who is on call now or at another time."""
    _show_on_call(at)


@oncall.command(epilog=example("firebell oncall shifts payments-primary --from 2026-12-01 --to 2027-01-01"))
@click.argument("schedule")
@click.option("--from", "start", required=True, help="2026-12-01 or 2026-12-01T09:00+01:00")
@click.option("--to", "end", required=True, help="Same format as --from.")
@as_json
def shifts(schedule: str, start: str, end: str) -> None:
    """List the shifts of SCHEDULE."""
    final_schedule = call(
        "GET",
        f"/api/v1/schedules/{seg(schedule)}/shifts",
        **{"from": instant(start, "--from"), "to": instant(end, "--to")},
    )
    rows = [
        [short(s["start"]), short(s["end"]), ", ".join(p["name"] for p in s["people"]) or "no one"]
        for s in final_schedule["shifts"]
    ]
    show(final_schedule, table(("FROM", "TO", "ON CALL"), rows, wide=2))


@oncall.command(epilog=example("firebell oncall gaps --days 60"))
@click.option(
    "--days", type=click.IntRange(1, 400), default=28, show_default=True, help="How many days to check."
)
@as_json
def gaps(days: int) -> None:
    """List the times when no one is on call. Exits with 1 if there are any."""
    gaps_by_schedule = {
        s["slug"]: call("GET", f"/api/v1/schedules/{seg(s['slug'])}/gaps", days=days)
        for s in call_all("/api/v1/schedules")
    }
    rows = [
        [slug, short(g["start"]), short(g["end"])] for slug, gaps_ in gaps_by_schedule.items() for g in gaps_
    ]
    text = f"No gaps in the next {days} days."
    show_table(gaps_by_schedule, ("SCHEDULE", "FROM", "TO"), rows, wide=0, empty=text)
    if rows:
        raise SystemExit(1)


@oncall.command(epilog=example("firebell oncall findings payments-primary"))
@click.argument("schedule", required=False)
@click.option("--each", is_flag=True, help="List every gap, also recurring ones.")
@as_json
def findings(schedule: str | None, each: bool) -> None:
    """Check SCHEDULE, or all schedules. Exits with 1 if there is an error."""
    slugs = [schedule] if schedule else [s["slug"] for s in call_all("/api/v1/schedules")]
    query = "" if each else "?folded=true"
    findings_by_schedule = {
        slug: call("GET", f"/api/v1/schedules/{seg(slug)}/findings{query}") for slug in slugs
    }
    rows = [
        [slug, f["level"], f["code"], f["message"]]
        for slug, listed in findings_by_schedule.items()
        for f in listed
    ]
    head = ("SCHEDULE", "LEVEL", "CODE", "FINDING")
    show_table(findings_by_schedule, head, rows, wide=3, empty="No problems in the next 28 days.")
    if any(row[1] == "error" for row in rows):
        raise SystemExit(1)


@oncall.command(
    epilog=example(
        "firebell oncall override payments-primary --user jun@example.org --for 2h",
        "firebell oncall override payments-primary --user jun@example.org --for tonight",
        "firebell oncall override payments-primary --user jun@example.org"
        " --from 2026-12-24T18:00 --to 2026-12-25T09:00",
    )
)
@click.argument("schedule")
@click.option("--user", "users", multiple=True, help="Email address or id; repeatable.")
@click.option("--from", "start", help="2026-12-24T18:00 or 2026-12-24T18:00+01:00. Default: now.")
@click.option("--to", "end", help="Same format as --from.")
@click.option("--for", "lasts", help="Instead of --to: 45m, 2h, 1h30m; tonight (18:00-08:00); weekend.")
@click.option("--reason", default="", help="Why.")
@click.option(
    "--kind",
    type=click.Choice(("set", "add", "remove", "map")),
    default="set",
    show_default=True,
    help="set: replace everyone; add: add to on-call; remove: take off call; map: cover for --instead-of.",
)
@click.option("--instead-of", help="With --kind map: the person to cover for.")
@click.option("--nobody", is_flag=True, help="With --kind set: deliberately no one on call.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
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
    """Create an override of who is on call on SCHEDULE."""
    begins, ends = _interval(start, end, lasts)
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
    created = call("POST", address, body)
    who, is_ = " and ".join(users) or "no one", "are" if len(users) > 1 else "is"
    effect = {
        "set": f"{who} {is_} on call on",
        "add": f"{who} {is_} also on call on",
        "remove": f"{who} {is_} off call on",
        "map": f"{who} {'cover' if len(users) > 1 else 'covers'} for {instead_of} on",
    }[kind]
    span = f"{short(begins)} to {short(ends)}"
    show(created, f"Override {created['id']}: {effect} {schedule} from {span}.")


def _interval(start: str | None, end: str | None, lasts: str | None) -> tuple[str, str]:
    """Return start and end of an override; it starts now by default and ends at a time or after a duration."""
    if (end is None) == (lasts is None):
        fail("The end is missing or given twice.", "Pass either --to, or a duration such as --for 2h.", USAGE)
    begins = instant(start, "--from") if start else datetime.now().astimezone().isoformat()
    if end is not None:
        return begins, instant(end, "--to")
    if lasts in _PRESETS:
        if start:
            fail(f"{lasts} has its own start.", "Leave out --from.", USAGE)
        return _preset(lasts)
    return begins, (datetime.fromisoformat(begins) + timedelta(minutes=minutes(lasts or ""))).isoformat()


def _preset(name: str) -> tuple[str, str]:
    """Return tonight or this weekend in this machine's time zone, from now if it has begun."""
    from firebell.oncall.schedules import override_presets

    zone = machine_zone()
    if zone is None:
        fail("The time zone of this machine is unknown.", "Set TZ, or give --from and --to.", USAGE)
    choose = override_presets.night if name == _TONIGHT else override_presets.weekend
    begins, ends = choose(datetime.now(UTC), zone.key)
    return begins.isoformat(), ends.isoformat()


def _effect(override: dict[str, Any], names: dict[int, str]) -> str:
    who = ", ".join(names.get(i, str(i)) for i in override["people"])
    covers = [
        f"{names.get(new, str(new))} for {names.get(int(old), old)}"
        for old, new in override["mapping"].items()
    ]
    return {
        "set": who or "no one",
        "add": f"also {who}",
        "remove": f"not {who}",
        "map": ", ".join(covers),
    }[override["kind"]]


@oncall.command(epilog=example("firebell oncall overrides payments-primary"))
@click.argument("schedule")
@click.option("--all", "include_past", is_flag=True, help="Also past overrides.")
@as_json
def overrides(schedule: str, include_past: bool) -> None:
    """List the overrides of SCHEDULE."""
    names = {p["id"]: p["name"] for p in call_all("/api/v1/people")}
    which = "all" if include_past else "coming"
    listed = call_all(f"/api/v1/schedules/{seg(schedule)}/overrides", which=which)
    rows = [
        [
            str(o["id"]),
            short(o["start"]),
            short(o["end"]),
            _effect(o, names),
            o["reason"] or "-",
        ]
        for o in listed
    ]
    head = ("ID", "FROM", "TO", "ON CALL", "REASON")
    show_table(listed, head, rows, wide=4, empty="No upcoming overrides.")


@oncall.command(epilog=example("firebell oncall remove 12"))
@click.argument("override_id", type=ID)
@as_json
def remove(override_id: int) -> None:
    """Remove an override, or end it now if it has started."""
    answer = call("DELETE", f"/api/v1/overrides/{override_id}")
    show_removed(answer, {"removed": override_id}, f"Removed override {override_id}.")


for command in (cover, swap, vacation, schedule_group, handoff, report, rates, free):
    oncall.add_command(command)
