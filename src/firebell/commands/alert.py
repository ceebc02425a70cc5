"""`firebell alert`: send alerts from a terminal or a script, and look at them."""

import click

from firebell.commands.client import call, call_at, call_first, foreign, seg, target
from firebell.commands.output import USAGE, as_json, example, fail, local, short, show, table


@click.group()
def alert() -> None:
    """Send alerts, and look at them."""


@alert.command(
    epilog=example(
        "firebell alert send '5xx above 5%' --service checkout --key checkout-5xx",
        "firebell alert send '5xx above 5%' --service checkout --key checkout-5xx --resolve",
    )
)
@click.argument("title")
@click.option("--service", help="Slug of the service that it is about.")
@click.option("--integration", help="Use this integration key instead of an API key.")
@click.option(
    "--severity",
    type=click.Choice(["critical", "error", "warning", "info"]),
    default="critical",
    show_default=True,
)
@click.option("--key", "dedup_key", help="Same key, same alert. Default: made from the content.")
@click.option("--body", default="", help="More about it.")
@click.option("--label", multiple=True, help="NAME=VALUE, repeatable.")
@click.option("--resolve", is_flag=True, help="Say that it is over.")
@as_json
def send(
    title: str,
    service: str | None,
    integration: str | None,
    severity: str,
    dedup_key: str | None,
    body: str,
    label: tuple[str, ...],
    resolve: bool,
) -> None:
    """Send one alert called TITLE. When the command returns, it is stored."""
    if odd := [pair for pair in label if not pair.partition("=")[0] or "=" not in pair]:
        fail(f"{odd[0]!r} is not a label.", "Use --label region=eu.", USAGE)
    event = {
        "title": title,
        "severity": severity,
        "body": body,
        "labels": dict(pair.partition("=")[::2] for pair in label),
        "status": "resolved" if resolve else "firing",
    }
    if dedup_key:
        event["dedup_key"] = dedup_key
    if integration:
        url = target()[0]
        answer = call_at(url, "", "POST", f"/in/{seg(integration)}/generic", event)
        if not isinstance(answer, dict) or answer.get("status") not in ("accepted", "stored"):
            foreign(url)
    elif service:
        answer = call("POST", "/api/v1/alerts", {**event, "service": service})
    else:
        fail("Whose alert is it?", "Give --service SLUG or --integration KEY.", USAGE)
    show(answer, "Stored: it is over." if resolve else "Stored, and its page is on the way.")


@alert.command("list", epilog=example("firebell alert list --query 5xx"))
@click.option("--query", "q", help="Words in the title, or a whole dedup key.")
@click.option("--service", help="Slug; default: every service.")
@click.option("--firing", is_flag=True, help="Only alerts that fire now.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def list_(q: str | None, service: str | None, firing: bool, limit: int) -> None:
    """List alerts, the newest first."""
    found = call_first("/api/v1/alerts", limit, q=q, service=service, status="firing" if firing else None)
    rows = [
        [
            *(str(a["id"]), a["status"], a["severity"] or "-", a["service"], a["page"] or "-"),
            *(short(a["starts_at"]), f"{a['count']}x", " ".join([*a["findings"], a["title"]])),
        ]
        for a in found
    ]
    head = ("ID", "STATUS", "SEVERITY", "SERVICE", "PAGE", "SINCE", "TIMES", "TITLE")
    show(found, table(head, rows, wide=7) if rows else "There is no alert.")


@alert.command("show", epilog=example("firebell alert show 7", "firebell alert show 7 --raw"))
@click.argument("number", metavar="ID", type=click.IntRange(1))
@click.option("--raw", is_flag=True, help="Also print the messages that it came from, as they came in.")
@as_json
def show_(number: int, raw: bool) -> None:
    """Show alert ID with its service, its page and everything that its source said."""
    found = call("GET", f"/api/v1/alerts/{number}")
    lines = [
        click.style(f"alert {found['id']}  {found['title']}", bold=True),
        f"{found['status']}, {found['severity'] or 'no'} severity, since {local(found['starts_at'])},"
        f" {found['count']}x",
        f"service {found['service']}, page {found['page'] or '-'},"
        f" incidents {', '.join(found['incidents']) or '-'}, key {found['dedup_key']}",
    ]
    if found["body"]:
        lines += ["", found["body"]]
    said = {**found["labels"], **found["annotations"], **found["links"]}
    lines += ["", *(f"  {name}: {value}" for name, value in said.items())] if said else []
    if raw:
        found["messages"] = call("GET", f"/api/v1/alerts/{number}/messages")
        for message in found["messages"]:
            lines += ["", f"As it came in, {local(message['received_at'])}, {message['size']} bytes:"]
            lines += [message["text"]]
        if any(message["truncated"] for message in found["messages"]):
            lines += ["", f"Cut at 64 KiB. The whole message: /alerts/{number} in the web."]
        if found["messages_deleted"]:
            lines += ["", f"Messages are kept 30 days; {found['messages_deleted']} older ones were deleted."]
    show(found, "\n".join(lines))
