"""`firebell policy`: show escalation policies, dry-run them, and restore or copy their versions."""

from itertools import zip_longest
from typing import Any

import click

from firebell.commands.client import call, call_all, seg
from firebell.commands.output import as_json, example, fail, instant, short, show, show_table, table
from firebell.kit.text import plural
from firebell.paging.policies.effect import MAX_PAGES

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PASSED = {True: "skipped: its conditions are not met", False: "skipped: it reaches no one"}


@click.group()
def policy() -> None:
    """Show, dry-run, rename, restore and copy escalation policies."""


def _names() -> dict[tuple[str, int], str]:
    """Return the names of every possible target of a level, by kind and id."""
    names = {("person", p["id"]): p["name"] for p in call_all("/api/v1/people")}
    names |= {("team", t["id"]): f"team {t['name']}" for t in call_all("/api/v1/teams")}
    return names | {("schedule", s["id"]): f"schedule {s['name']}" for s in call_all("/api/v1/schedules")}


def _level(level: dict[str, Any], names: dict[tuple[str, int], str]) -> str:
    return ", ".join(names.get((t["kind"], t["id"]), "deleted target") for t in level["targets"])


def _details(level: dict[str, Any]) -> str:
    """Return which of its people a level notifies, how many must acknowledge, and which pages it is for."""
    details = ["round robin"] if level["strategy"] == "round_robin" else []
    if level["min_acks"] > 1:
        details.append(plural(level["min_acks"], "acknowledgment"))
    conditions = level["conditions"] or {}
    if conditions.get("urgency"):
        details.append(f"only {conditions['urgency']} urgency")
    if conditions.get("severities"):
        details.append("only " + " or ".join(f"SEV{s}" for s in conditions["severities"]))
    if hours := conditions.get("hours"):
        days = " ".join(_DAYS[day] for day in hours["days"]) if len(hours["days"]) < len(_DAYS) else "daily"
        when = "not" if hours["outside"] else "only"
        details.append(f"{when} {days} {hours['start']}-{hours['end']}")
    return ", ".join(details)


@policy.command("list", epilog=example("firebell policy list"))
@as_json
def list_() -> None:
    """List every escalation policy."""
    policies = sorted(call_all("/api/v1/policies"), key=lambda p: str(p["name"]).casefold())
    names = _names()
    rows = [
        [p["slug"], str(p["version"]), " > ".join(_level(x, names) for x in p["levels"])] for p in policies
    ]
    head = ("POLICY", "VERSION", "LEVELS")
    show_table(
        policies, head, rows, wide=2, empty="No escalation policies: pages go to the fallback responders."
    )


@policy.command("show", epilog=example("firebell policy show payments"))
@click.argument("slug")
@as_json
def show_(slug: str) -> None:
    """Show the levels of escalation policy SLUG."""
    fields = call("GET", f"/api/v1/policies/{seg(slug)}")
    names = _names()
    rows = [
        [str(number), _level(level, names), f"{level['ack_within_s'] / 60:g} min", _details(level)]
        for number, level in enumerate(fields["levels"], 1)
    ]
    timeout = f"{fields['ack_timeout_s'] / 60:g} min" if fields["ack_timeout_s"] else "by severity"
    text = (
        f"{fields['name']}, version {fields['version']}, repeated {fields['repeat']} times,"
        f" acknowledgment timeout {timeout}, times in {fields['tz']}"
    )
    show(fields, f"{text}\n{table(('LEVEL', 'NOTIFIES', 'ESCALATES AFTER', 'CONDITIONS'), rows, wide=1)}")


@policy.command(
    "dry-run",
    epilog=example(
        "firebell policy dry-run payments",
        "firebell policy dry-run payments --at 2026-11-28T03:12",
        "firebell policy dry-run payments --severity 1",
    ),
)
@click.argument("slug")
@click.option("--at", help="When the page begins. Default: now.")
@click.option("--low", is_flag=True, help="Dry-run a low-urgency page.")
@click.option("--severity", type=click.IntRange(0, 3), help="Dry-run the page of an incident.")
@as_json
def dry_run(slug: str, at: str | None, low: bool, severity: int | None) -> None:
    """Show who would be notified when if no one acknowledged a page."""
    query: dict[str, Any] = {"at": instant(at, "--at")} if at else {}
    if severity is not None:
        query["severity"] = severity
    notified = call(
        *("GET", f"/api/v1/policies/{seg(slug)}/dry-run"), urgency="low" if low else "high", **query
    )
    rows = [
        [
            short(s["at"]),
            "final alarm" if s["level"] is None else f"level {s['level']}",
            s["names"] or _PASSED[s["excluded"]],
        ]
        for s in notified
    ]
    show(notified, table(("AT", "LEVEL", "NOTIFIES"), rows, wide=2))


@policy.command(epilog=example("firebell policy versions payments"))
@click.argument("slug")
@as_json
def versions(slug: str) -> None:
    """Show what each version of escalation policy SLUG changed."""
    listed = call_all(f"/api/v1/policies/{seg(slug)}/versions")
    rows = [
        [str(v["version"]), short(v["saved_at"]), v["saved_by"], "; ".join(v["changes"] or ["first version"])]
        for v in listed
    ]
    show_table(listed, ("VERSION", "SAVED", "BY", "CHANGES"), rows, wide=3, empty="No versions.")


@policy.command(
    epilog=example("firebell policy restore payments 1", "firebell policy restore payments 1 --apply")
)
@click.argument("slug")
@click.argument("version", type=click.IntRange(1))
@click.option("--apply", "applies", is_flag=True, help="Apply it to open pages as well.")
@as_json
def restore(slug: str, version: int, applies: bool) -> None:
    """Restore VERSION of escalation policy SLUG as its next version."""
    address = f"/api/v1/policies/{seg(slug)}/versions/{version}/restore"
    restored = call("POST", address, {"apply_to_open_pages": applies})
    show(restored, f"Restored version {version} of {restored['name']} as version {restored['version']}.")


@policy.command(epilog=example("firebell policy effect payments 1"))
@click.argument("slug")
@click.argument("version", type=click.IntRange(1))
@as_json
def effect(slug: str, version: int) -> None:
    """Show what VERSION of SLUG would have done with the pages of the last 90 days, next to the current one."""
    address = f"/api/v1/policies/{seg(slug)}"
    versions_ = call_all(f"{address}/versions")
    draft = next((v for v in versions_ if v["version"] == version), None)
    if draft is None:
        fail(f"{slug} has no version {version}.", f"See firebell policy versions {slug}.")
    body = {name: draft[name] for name in ("levels", "repeat", "ack_timeout_s", "tz")}
    counted = call("POST", f"{address}/effect", body)
    saved, tried = counted["saved"], counted["draft"]
    count = max(len(saved["levels"]), len(tried["levels"]))
    numbers = zip_longest(saved["levels"], tried["levels"], fillvalue="-")
    names = [*(f"level {i + 1}" for i in range(count)), "final alarm"]
    rows = [
        [name, str(now), str(then)]
        for name, (now, then) in zip(names, [*numbers, (saved["alarms"], tried["alarms"])], strict=True)
    ]
    pages = plural(counted["pages"], "page")
    is_cut = counted["pages"] == MAX_PAGES
    text = f"The newest {pages} of the last 90 days" if is_cut else f"{pages} in the last 90 days"
    show(counted, f"{text}\n{table(('ENTERED', 'CURRENT', f'VERSION {version}'), rows, wide=0)}")


@policy.command(epilog=example("firebell policy rename payments 'Payments first'"))
@click.argument("slug")
@click.argument("name")
@as_json
def rename(slug: str, name: str) -> None:
    """Rename escalation policy SLUG to NAME; its slug and links stay the same."""
    renamed = call("PATCH", f"/api/v1/policies/{seg(slug)}", {"name": name})
    show(renamed, f"Renamed {slug} to {renamed['name']}.")


@policy.command("copy", epilog=example("firebell policy copy payments 'Payments at night'"))
@click.argument("slug")
@click.argument("name")
@as_json
def copy_(slug: str, name: str) -> None:
    """Create an escalation policy NAME with the levels of SLUG."""
    source = call("GET", f"/api/v1/policies/{seg(slug)}")
    fields = {key: source[key] for key in ("team_id", "levels", "repeat", "ack_timeout_s", "tz")}
    created = call("POST", "/api/v1/policies", {"name": name, **fields})
    show(created, f"Created {created['name']}: {created['slug']}.")


@policy.command(
    "night-limit",
    epilog=example(
        "firebell policy night-limit",
        "firebell policy night-limit 1 --pages 2",
        "firebell policy night-limit 1 --off",
    ),
)
@click.argument("team_id", type=int, required=False)
@click.option("--pages", type=click.IntRange(1, 20), help="Pages per night. Default: unchanged, or 3.")
@click.option("--on/--off", "is_on", default=None, help="Whether the team has a limit. --pages turns it on.")
@as_json
def night_limit(team_id: int | None, pages: int | None, is_on: bool | None) -> None:
    """Show the night limit of each team or of TEAM_ID; with an option, set that of TEAM_ID."""
    changes = pages is not None or is_on is not None
    if changes and team_id is None:
        raise click.UsageError("Name the team: firebell policy night-limit TEAM_ID --pages 2.")
    limits = call("GET", "/api/v1/night-limits")
    own = [limit for limit in limits if limit["team_id"] == team_id]
    if not changes:
        shown = limits if team_id is None else own
        rows = [[str(x["team_id"]), x["team"], str(x["pages"]) if x["on"] else "off"] for x in shown]
        empty = "No teams yet." if team_id is None else f"There is no team {team_id}."
        show_table(shown, ("ID", "TEAM", "PAGES A NIGHT"), rows, wide=1, empty=empty)
        return
    if pages is None:
        pages = own[0]["pages"] if own else 3
    limit = call("PUT", f"/api/v1/night-limits/{team_id}", {"on": is_on is not False, "pages": pages})
    text = (
        f"after {plural(limit['pages'], 'page')} in a night, others are paged too"
        if limit["on"]
        else "no night limit"
    )
    show(limit, f"{limit['team']}: {text}.")
