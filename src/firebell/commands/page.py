"""`firebell page`: see, take and end pages."""

from typing import Any

import click

from firebell.commands.client import call, call_first, seg
from firebell.commands.output import (
    USAGE,
    Refused,
    as_json,
    example,
    fail,
    instant,
    local,
    minutes,
    short,
    show,
    table,
    wait,
    wants_json,
)
from firebell.commands.service import change_lines

_STATE = click.Choice(["triggered", "exhausted", "acked", "snoozed", "resolved"])


@click.group()
def page() -> None:
    """List, take and resolve pages."""


def _who(found: dict[str, Any]) -> str:
    if found["next"]:
        return f"next {found['next']} {wait(found['next_at'])}"
    if found["snoozed_until"]:
        return f"silent until {short(found['snoozed_until'])}"
    return ", ".join(found["owners"]) or "-"


@page.command(
    "list",
    epilog=example(
        "firebell page list",
        "firebell page list --mine --urgency high",
        "firebell page list --service checkout --state resolved --since 2026-11-24T00:00Z --limit 10",
    ),
)
@click.option("--state", multiple=True, type=_STATE, help="Default: those that are open; repeatable.")
@click.option("--query", "q", help="Words that the title has, each of them.")
@click.option("--service", help="Slug of a service.")
@click.option("--team", help="Slug of a team.")
@click.option("--mine", is_flag=True, help="Pages you acknowledged, and open ones that notified you.")
@click.option("--my-teams", is_flag=True, help="Pages of your teams.")
@click.option("--urgency", type=click.Choice(["high", "low"]))
@click.option("--since", metavar="TIME", help="Pages that began at this time or later.")
@click.option("--until", metavar="TIME", help="Pages that began before this time.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def list_(
    state: tuple[str, ...],
    q: str | None,
    service: str | None,
    team: str | None,
    mine: bool,
    my_teams: bool,
    urgency: str | None,
    since: str | None,
    until: str | None,
    limit: int,
) -> None:
    """List open pages, the waiting ones first."""
    if mine and my_teams:
        fail("--mine and --my-teams exclude each other.", "Use one of them.", USAGE)
    found = call_first(
        "/api/v1/pages",
        limit,
        state=list(state) or None,
        q=q,
        service=service,
        team=team,
        whose="me" if mine else "my-teams" if my_teams else None,
        urgency=urgency,
        since=instant(since, "--since") if since else None,
        until=instant(until, "--until") if until else None,
    )
    rows = [
        [p["ref"], p["state"], p["urgency"], p["service"] or "-", p["title"], _who(p)[:34]] for p in found
    ]
    head = ("PAGE", "STATE", "URGENCY", "SERVICE", "TITLE", "WHO")
    show(found, table(head, rows, wide=4) if rows else "No pages match.")


@page.command("show", epilog=example("firebell page show PG-7"))
@click.argument("ref")
@as_json
def show_(ref: str) -> None:
    """Show page REF with its alerts, its story and its deliveries."""
    found = call("GET", f"/api/v1/pages/{seg(ref)}")
    lines = [
        click.style(f"{found['ref']}  {found['title']}", bold=True),
        f"{found['state']}, {found['urgency']} urgency, since {local(found['triggered_at'])}",
        f"service {found['service'] or '-'}, policy {found['policy']}, level {found['level']}: {_who(found)}",
    ]
    lines += [
        f"  {a['status']:<9} {' '.join([*a['findings'], a['title'][:80]])}" for a in found["alert_list"][:10]
    ]
    if found["changes"]:
        lines += ["", "Recent changes:", *change_lines(found["changes"])]
    lines += ["", *(f"  {short(e['at'])}  {e['text']}" for e in found["log"])]
    failed = [d for d in found["deliveries"] if d["state"] == "failed"]
    lines += [f"  could not be sent by {d['channel']}: {d['error']}" for d in failed]
    show(found, "\n".join(lines))


def _act(refs: tuple[str, ...], what: str, body: dict[str, Any] | None = None) -> None:
    """Do the same to each page; a refusal of one does not keep the others from it."""
    done, refused = [], None
    for ref in refs:
        try:
            found = call("POST", f"/api/v1/pages/{seg(ref)}/{what}", body)
        except Refused as error:
            error.show()
            refused = error
            continue
        done.append(found)
        if not wants_json():
            note = f" ({found['already']})" if found.get("already") else ""
            show(found, f"{found['ref']} is {found['state']}{note}: {found['title']}")
    if wants_json():
        show(done, "")
    if refused:
        raise SystemExit(refused.exit_code)


@page.command(epilog=example("firebell page ack PG-7 PG-8"))
@click.argument("refs", nargs=-1, required=True)
@as_json
def ack(refs: tuple[str, ...]) -> None:
    """Take pages: nobody else is notified."""
    _act(refs, "ack")


@page.command(epilog=example("firebell page resolve PG-7"))
@click.argument("refs", nargs=-1, required=True)
@as_json
def resolve(refs: tuple[str, ...]) -> None:
    """End pages and their alerts."""
    _act(refs, "resolve")


@page.command(epilog=example("firebell page escalate PG-7"))
@click.argument("refs", nargs=-1, required=True)
@as_json
def escalate(refs: tuple[str, ...]) -> None:
    """Notify the next level now."""
    _act(refs, "escalate")


@page.command(epilog=example("firebell page snooze PG-7 --for 45m"))
@click.argument("refs", nargs=-1, required=True)
@click.option("--for", "span", default="30m", show_default=True, help="Such as 45m or 2h; at most 24h.")
@as_json
def snooze(refs: tuple[str, ...], span: str) -> None:
    """Silence pages for a while."""
    _act(refs, "snooze", {"minutes": minutes(span)})


@page.command(epilog=example("firebell page note PG-7 'The replica lags'"))
@click.argument("ref")
@click.argument("text")
@as_json
def note(ref: str, text: str) -> None:
    """Write TEXT into the story of page REF."""
    found = call("POST", f"/api/v1/pages/{seg(ref)}/notes", {"text": text})
    show(found, f"Noted in {found['ref']}.")
