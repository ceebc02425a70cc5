"""`firebell policy`: whom a page reaches when."""

from typing import Any

import click

from firebell.commands.client import call, call_all, seg
from firebell.commands.output import as_json, example, short, show, table


@click.group()
def policy() -> None:
    """Whom a page reaches when."""


def _names() -> dict[tuple[str, int], str]:
    """Return the names of everything that a level can point at."""
    found = {("person", p["id"]): p["name"] for p in call_all("/api/v1/people")}
    found |= {("team", t["id"]): f"team {t['name']}" for t in call_all("/api/v1/teams")}
    return found | {("schedule", s["id"]): f"schedule {s['name']}" for s in call_all("/api/v1/schedules")}


def _level(level: dict[str, Any], names: dict[tuple[str, int], str]) -> str:
    return ", ".join(names.get((t["kind"], t["id"]), "nobody: it is gone") for t in level["targets"])


@policy.command("list", epilog=example("firebell policy list"))
@as_json
def list_() -> None:
    """List every policy."""
    found = sorted(call_all("/api/v1/policies"), key=lambda p: str(p["name"]).casefold())
    names = _names()
    rows = [[p["slug"], str(p["version"]), " > ".join(_level(x, names) for x in p["levels"])] for p in found]
    head = ("POLICY", "VERSION", "LEVELS")
    show(found, table(head, rows, wide=2) if rows else "There is no policy: pages go to the catch-all list.")


@policy.command("show", epilog=example("firebell policy show payments"))
@click.argument("slug")
@as_json
def show_(slug: str) -> None:
    """Show the levels of policy SLUG."""
    found = call("GET", f"/api/v1/policies/{seg(slug)}")
    names = _names()
    rows = [
        [str(number), _level(level, names), f"{level['ack_within_s'] / 60:g} min"]
        for number, level in enumerate(found["levels"], 1)
    ]
    ends = f"{found['ack_timeout_s'] / 60:g} min" if found["ack_timeout_s"] else "by severity"
    text = f"{found['name']}, version {found['version']}, repeated {found['repeat']} times, ack ends {ends}"
    show(found, f"{text}\n{table(('LEVEL', 'NOTIFIES', 'NEXT AFTER'), rows, wide=1)}")


@policy.command("dry-run", epilog=example("firebell policy dry-run payments"))
@click.argument("slug")
@as_json
def dry_run(slug: str) -> None:
    """Who would be notified when, if a page began now and nobody answered."""
    found = call("GET", f"/api/v1/policies/{seg(slug)}/dry-run")
    rows = [
        [
            short(s["at"]),
            "final alarm" if s["level"] is None else f"level {s['level']}",
            s["names"] or "nobody: skipped at once",
        ]
        for s in found
    ]
    show(found, table(("AT", "LEVEL", "NOTIFIES"), rows, wide=2))
