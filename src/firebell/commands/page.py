"""`firebell page`: see, take and end pages."""

import re
from typing import Any

import click

from firebell.commands.client import USAGE, as_json, call, fail, local, show, table


@click.group()
def page() -> None:
    """List, take and resolve pages."""


def _line(found: dict[str, Any]) -> list[str]:
    next_ = f"{found['next']} at {local(found['next_at'])}" if found["next"] else ", ".join(found["owners"])
    return [
        found["ref"],
        found["state"],
        found["urgency"],
        found["service"] or "-",
        found["title"][:60],
        next_,
    ]


@page.command("list")
@click.option("--state", multiple=True, help="triggered, exhausted, acked, snoozed, resolved; repeatable.")
@as_json
def list_(state: tuple[str, ...], json_: bool) -> None:
    """List open pages, the waiting ones first."""
    found = call("GET", "/api/v1/pages", state=list(state) or None)
    show(json_, found, table([_line(p) for p in found]) or "Nothing needs you.")


@page.command("show")
@click.argument("ref")
@as_json
def show_(ref: str, json_: bool) -> None:
    """Show one page with its story."""
    found = call("GET", f"/api/v1/pages/{ref}")
    story = "\n".join(f"  {local(e['at'])}  {e['text']}" for e in found["log"])
    head = f"{found['ref']} {found['title']}\n{found['state']}, {found['urgency']}, {found['alerts']} alerts"
    show(json_, found, f"{head}\n{story}")


def _act(refs: tuple[str, ...], what: str, body: dict[str, Any] | None, json_: bool) -> None:
    for ref in refs:
        found = call("POST", f"/api/v1/pages/{ref}/{what}", body)
        note = f" ({found['already']})" if found.get("already") else ""
        show(json_, found, f"{found['ref']} is {found['state']}{note}: {found['title']}")


@page.command()
@click.argument("refs", nargs=-1, required=True)
@as_json
def ack(refs: tuple[str, ...], json_: bool) -> None:
    """Take pages: nobody else is notified."""
    _act(refs, "ack", {}, json_)


@page.command()
@click.argument("refs", nargs=-1, required=True)
@as_json
def resolve(refs: tuple[str, ...], json_: bool) -> None:
    """End pages and their alerts."""
    _act(refs, "resolve", {}, json_)


@page.command()
@click.argument("refs", nargs=-1, required=True)
@as_json
def escalate(refs: tuple[str, ...], json_: bool) -> None:
    """Notify the next level now."""
    _act(refs, "escalate", {}, json_)


@page.command()
@click.argument("refs", nargs=-1, required=True)
@click.option("--for", "span", default="30m", help="How long, such as 45m or 2h; at most 24h.")
@as_json
def snooze(refs: tuple[str, ...], span: str, json_: bool) -> None:
    """Silence pages for a while."""
    found = re.fullmatch(r"(\d+)(m|h)", span.strip())
    if not found:
        fail(f"{span!r} is not a length of time.", "Use 45m or 2h.", USAGE)
    minutes = int(found[1]) * (60 if found[2] == "h" else 1)
    _act(refs, "snooze", {"minutes": minutes}, json_)
