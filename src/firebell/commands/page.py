"""`firebell page`: list, acknowledge and resolve pages, and page someone."""

from typing import Any

import click

from firebell.commands.client import call, call_first, seg
from firebell.commands.manual_page import send
from firebell.commands.output import (
    USAGE,
    CommandFailed,
    as_json,
    example,
    fail,
    instant,
    local,
    minutes,
    short,
    show,
    show_table,
    time_left,
    wants_json,
)
from firebell.commands.service import change_lines
from firebell.kit.text import plural

_STATE = click.Choice(["triggered", "exhausted", "acked", "snoozed", "resolved"])


@click.group()
def page() -> None:
    """List, acknowledge and resolve pages, and page someone."""


def _who(fields: dict[str, Any]) -> str:
    if fields["next"]:
        return f"next {fields['next']} {time_left(fields['next_at'])}"
    if fields["snoozed_until"]:
        return f"snoozed until {short(fields['snoozed_until'])}"
    return ", ".join(fields["owners"]) or "-"


@page.command(
    "list",
    epilog=example(
        "firebell page list",
        "firebell page list --mine --urgency high",
        "firebell page list --service checkout --state resolved --since 2026-11-24T00:00Z --limit 10",
    ),
)
@click.option("--state", multiple=True, type=_STATE, help="Default: open pages; repeatable.")
@click.option("--query", "q", help="Words of the title; all must match.")
@click.option("--service", help="Slug of a service.")
@click.option("--team", help="Slug of a team.")
@click.option("--mine", is_flag=True, help="Pages you acknowledged, and open ones that notified you.")
@click.option("--my-teams", is_flag=True, help="Pages of your teams.")
@click.option("--urgency", type=click.Choice(["high", "low"]))
@click.option("--since", metavar="TIME", help="Pages triggered at this time or later.")
@click.option("--until", metavar="TIME", help="Pages triggered before this time.")
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
    """List open pages, unacknowledged ones first."""
    if mine and my_teams:
        fail("--mine and --my-teams cannot be combined.", "Use one of them.", USAGE)
    pages = call_first(
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
        [p["ref"], p["state"], p["urgency"], p["service"] or "-", p["title"], _who(p)[:34]] for p in pages
    ]
    head = ("PAGE", "STATE", "URGENCY", "SERVICE", "TITLE", "WHO")
    show_table(pages, head, rows, wide=4, empty="No pages match.")


@page.command("show", epilog=example("firebell page show PG-7"))
@click.argument("ref")
@as_json
def show_(ref: str) -> None:
    """Show page REF with its alerts, timeline and failed deliveries."""
    fields = call("GET", f"/api/v1/pages/{seg(ref)}")
    lines = [
        click.style(f"{fields['ref']}  {fields['title']}", bold=True),
        f"{fields['state']}, {fields['urgency']} urgency, since {local(fields['triggered_at'])}",
        f"service {fields['service'] or '-'}, policy {fields['policy']}, level {fields['level']}: {_who(fields)}",
        *(
            [f"acknowledged by {fields['acks']} of {fields['acks_needed']}"]
            if fields["acks_needed"] > 1
            else []
        ),
    ]
    lines += [
        f"  {a['status']:<9} {' '.join([*a['findings'], a['title'][:80]])}" for a in fields["alert_list"][:10]
    ]
    if fields["changes"]:
        lines += ["", "Recent changes:", *change_lines(fields["changes"])]
    lines += ["", *(f"  {short(e['at'])}  {e['text']}" for e in fields["log"])]
    failed = [d for d in fields["deliveries"] if d["state"] == "failed"]
    lines += [f"  delivery by {d['channel']} failed: {d['error']}" for d in failed]
    show(fields, "\n".join(lines))


def _act(refs: tuple[str, ...], action: str, body: dict[str, Any] | None = None) -> None:
    """Run one action on every page; if one is refused, the others are still done."""
    done, refused = [], None
    for ref in refs:
        try:
            fields = call("POST", f"/api/v1/pages/{seg(ref)}/{action}", body)
        except CommandFailed as error:
            error.show()
            refused = error
            continue
        done.append(fields)
        if not wants_json():
            note = f" ({fields['already']})" if fields.get("already") else ""
            if action == "ack" and fields["acks_missing"]:
                note = f" ({plural(fields['acks_missing'], 'more acknowledgment')} needed; the page keeps escalating)"
            show(fields, f"{fields['ref']} is {fields['state']}{note}: {fields['title']}")
    if wants_json():
        show(done, "")
    if refused:
        raise SystemExit(refused.exit_code)


@page.command(epilog=example("firebell page ack PG-7 PG-8"))
@click.argument("refs", nargs=-1, required=True)
@as_json
def ack(refs: tuple[str, ...]) -> None:
    """Acknowledge pages and stop escalation, once enough people have done so."""
    _act(refs, "ack")


@page.command(epilog=example("firebell page unack PG-7"))
@click.argument("refs", nargs=-1, required=True)
@as_json
def unack(refs: tuple[str, ...]) -> None:
    """Withdraw the acknowledgment of pages; the level that was notified last is notified again."""
    _act(refs, "unack")


@page.command(epilog=example("firebell page resolve PG-7"))
@click.argument("refs", nargs=-1, required=True)
@as_json
def resolve(refs: tuple[str, ...]) -> None:
    """Resolve pages and their alerts."""
    _act(refs, "resolve")


@page.command(epilog=example("firebell page escalate PG-7"))
@click.argument("refs", nargs=-1, required=True)
@as_json
def escalate(refs: tuple[str, ...]) -> None:
    """Escalate pages to the next level now."""
    _act(refs, "escalate")


@page.command(
    epilog=example(
        "firebell page snooze PG-7 --for 45m", "firebell page snooze PG-7 --until 2026-11-25T08:00"
    )
)
@click.argument("refs", nargs=-1, required=True)
@click.option("--for", "duration", default="30m", show_default=True, help="Such as 45m or 2h; at most 24h.")
@click.option("--until", help="A time instead of a duration.")
@as_json
def snooze(refs: tuple[str, ...], duration: str, until: str | None) -> None:
    """Snooze pages for a while, or until a time."""
    body = {"until": instant(until, "--until")} if until else {"minutes": minutes(duration)}
    _act(refs, "snooze", body)


@page.command(epilog=example("firebell page note PG-7 'The replica lags'"))
@click.argument("ref")
@click.argument("text")
@as_json
def note(ref: str, text: str) -> None:
    """Add the note TEXT to page REF."""
    fields = call("POST", f"/api/v1/pages/{seg(ref)}/notes", {"text": text})
    show(fields, f"Note added to {fields['ref']}.")


page.add_command(send)


@page.command(epilog=example("firebell page vote PG-7 --not-actionable"))
@click.argument("ref")
@click.option("--actionable/--not-actionable", "is_actionable", required=True, default=None)
@as_json
def vote(ref: str, is_actionable: bool) -> None:
    """Say whether a page was actionable."""
    answers = call("PUT", f"/api/v1/pages/{seg(ref)}/vote", {"actionable": is_actionable})
    yes, no = answers["actionable"], answers["not_actionable"]
    show(answers, f"You said {'yes' if is_actionable else 'no'}; {yes} yes, {no} no.")
