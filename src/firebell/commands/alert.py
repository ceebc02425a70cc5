"""`firebell alert`: send, list, acknowledge, resolve and explain alerts."""

from dataclasses import asdict
from typing import Any

import click

from firebell.commands.client import call, call_at, call_first, foreign, seg, target
from firebell.commands.output import (
    USAGE,
    as_json,
    example,
    fail,
    local,
    pairs,
    past_instant,
    short,
    show,
    show_table,
)
from firebell.kit.text import times


@click.group()
def alert() -> None:
    """Send and list alerts."""


@alert.command(
    epilog=example(
        "firebell alert send '5xx above 5%' --service checkout --key checkout-5xx",
        "firebell alert send '5xx above 5%' --service checkout --key checkout-5xx --resolve",
    )
)
@click.argument("title")
@click.option("--service", help="Slug of the affected service.")
@click.option("--integration", help="Send with this integration key instead of an API key.")
@click.option(
    "--severity",
    type=click.Choice(["critical", "error", "warning", "info"]),
    default="critical",
    show_default=True,
)
@click.option(
    "--key", "dedup_key", help="Deduplication key: same key, same alert. Default: from the content."
)
@click.option("--body", default="", help="Details.")
@click.option("--label", multiple=True, help="NAME=VALUE; repeatable.")
@click.option("--resolve", is_flag=True, help="Resolve the alert.")
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
    """Send one alert called TITLE. It is stored when the command returns."""
    event = {
        "title": title,
        "severity": severity,
        "body": body,
        "labels": pairs(label, "NAME=VALUE", "--label region=eu"),
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
        fail("The service is missing.", "Pass --service SLUG or --integration KEY.", USAGE)
    show(answer, "Alert resolved." if resolve else "Alert stored; paging now.")


_QUERY = click.option(
    *("--query", "q"),
    help="Matchers, as in Alertmanager, and beginnings of words in the title; or a whole deduplication key.",
)

_SINCE = click.option(
    "--since", metavar="TIME", help="Alerts that began at this time or later; 90m, 24h and 7d are before now."
)
_UNTIL = click.option("--until", metavar="TIME", help="Alerts that began before this time.")


def _began(since: str | None, until: str | None) -> dict[str, str | None]:
    """Return the parameters of the API for a range of time."""
    return {
        "from": past_instant(since, "--since") if since else None,
        "to": past_instant(until, "--until") if until else None,
    }


@alert.command(
    "list",
    epilog=example(
        "firebell alert list --query 5xx --since 24h",
        "firebell alert list --firing --query 'severity=\"critical\" disk'",
    ),
)
@_QUERY
@click.option("--service", help="Slug of a service. Default: all.")
@click.option("--firing", is_flag=True, help="Only firing alerts.")
@click.option(
    "--muted", is_flag=True, help="Only alerts muted by maintenance, a silence or an inhibition rule."
)
@_SINCE
@_UNTIL
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def list_(
    q: str | None,
    service: str | None,
    firing: bool,
    muted: bool,
    since: str | None,
    until: str | None,
    limit: int,
) -> None:
    """List alerts, newest first."""
    only = {
        **_began(since, until),
        "status": "firing" if firing else None,
        "muted": "true" if muted else None,
    }
    alerts = call_first("/api/v1/alerts", limit, q=q, service=service, **only)
    rows = [
        [
            *(str(a["id"]), a["status"], a["severity"] or "-", a["service"], a["page"] or "-"),
            *(
                short(a["starts_at"]),
                f"{a['count']}x",
                " ".join([*_marks(a), a["title"]]),
            ),
        ]
        for a in alerts
    ]
    head = ("ID", "STATUS", "SEVERITY", "SERVICE", "PAGE", "SINCE", "TIMES", "TITLE")
    show_table(alerts, head, rows, wide=7, empty="No alerts match.")


def _marks(alert: dict[str, Any]) -> list[str]:
    return [*alert["findings"], *(["flapping"] if alert["flapping"] else [])]


@alert.command(
    epilog=example("firebell alert labels --firing", "firebell alert labels --query 'env=\"prod\"'")
)
@_QUERY
@click.option("--service", help="Slug of a service. Default: all.")
@click.option("--firing", is_flag=True, help="Only firing alerts.")
@_SINCE
@_UNTIL
@as_json
def labels(q: str | None, service: str | None, firing: bool, since: str | None, until: str | None) -> None:
    """Count the values of labels among the newest alerts that match."""
    only = {
        "q": q,
        "service": service,
        "status": "firing" if firing else None,
        **_began(since, until),
    }
    counted = call("GET", "/api/v1/alerts/facets", **only)
    rows = [
        [facet["name"], value["value"], str(value["alerts"])]
        for facet in counted["facets"]
        for value in facet["values"]
    ]
    show_table(counted, ("LABEL", "VALUE", "ALERTS"), rows, wide=1, empty="No alerts match.")


def _change(action: str, ids: tuple[int, ...]) -> None:
    """Do one action on alerts; if it changes nothing for one of them, the exit code is 1."""
    outcomes = call("POST", "/api/v1/alerts/bulk", {"action": action, "ids": list(ids)})
    done = {"ack": "acknowledged", "resolve": "resolved"}[action]
    lines = []
    for outcome in outcomes:
        page = f" ({outcome['page']})" if outcome["page"] else ""
        lines.append(f"alert {outcome['alert_id']}{page}: {outcome['reason'] or done}")
    show(outcomes, "\n".join(lines))
    if not all(outcome["is_done"] for outcome in outcomes):
        raise SystemExit(1)


@alert.command(epilog=example("firebell alert ack 7 8"))
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=click.IntRange(1))
@as_json
def ack(ids: tuple[int, ...]) -> None:
    """Acknowledge the pages of alerts, and stop their escalation."""
    _change("ack", ids)


@alert.command(epilog=example("firebell alert resolve 7 8"))
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=click.IntRange(1))
@as_json
def resolve(ids: tuple[int, ...]) -> None:
    """Resolve alerts. What their sources send after that fires again."""
    _change("resolve", ids)


@alert.command("show", epilog=example("firebell alert show 7", "firebell alert show 7 --raw"))
@click.argument("number", metavar="ID", type=click.IntRange(1))
@click.option("--raw", is_flag=True, help="Also print the raw payloads that the source sent.")
@as_json
def show_(number: int, raw: bool) -> None:
    """Show alert ID with its service, its page and all details."""
    fields = call("GET", f"/api/v1/alerts/{number}")
    lines = [
        click.style(f"alert {fields['id']}  {fields['title']}", bold=True),
        f"{fields['status']}, {fields['severity'] or 'no'} severity, since {local(fields['starts_at'])},"
        f" {fields['count']}x",
        f"service {fields['service']}, page {fields['page'] or '-'},"
        f" incidents {', '.join(fields['incidents']) or '-'}, key {fields['dedup_key']}",
    ]
    if flapping := fields["flapping"]:
        state = "resolved" if flapping["is_resolved"] else "firing"
        lines.append(
            f"flapping since {local(flapping['since'])}, {flapping['changes']} changes, now {state};"
            f" calm at {local(flapping['ends_at'])} at the earliest"
        )
    if fields["body"]:
        lines += ["", fields["body"]]
    details = {**fields["labels"], **fields["annotations"], **fields["links"]}
    lines += ["", *(f"  {name}: {value}" for name, value in details.items())] if details else []
    history = call("GET", f"/api/v1/alerts/{number}/context")
    fields["context"] = history
    if earlier := history["earlier_count"]:
        lines.append(f"Seen {times(earlier)} in the 90 days before; {history['paged']} of them paged.")
    else:
        lines.append("First alert of its key in 90 days.")
    if history["changes"]:
        lines += ["", "Changes around this time:"]
        lines += [f"  {local(change['at'])}  {change['summary']}" for change in history["changes"]]
    if raw:
        fields["messages"] = call("GET", f"/api/v1/alerts/{number}/messages")
        for message in fields["messages"]:
            lines += ["", f"Raw payload, {local(message['received_at'])}, {message['size']} bytes:"]
            lines += [message["text"]]
        if any(message["truncated"] for message in fields["messages"]):
            lines += ["", f"Truncated at 64 KiB. The whole payload is at /alerts/{number} in the web app."]
        if fields["messages_deleted"]:
            lines += [
                "",
                f"Payloads are kept for 30 days; {fields['messages_deleted']} older ones were deleted.",
            ]
    show(fields, "\n".join(lines))


_MARKS = {"passed": "+", "waiting": "!", "stopped": "!", "not_reached": "-"}


@alert.command(epilog=example("firebell alert explain 7"))
@click.argument("number", metavar="ID", type=click.IntRange(1))
@as_json
def explain(number: int) -> None:
    """Explain why alert ID paged someone, or no one."""
    explained = call("GET", f"/api/v1/alerts/{number}/explain")
    lines = [click.style(explained["title"], bold=True)]
    for stage in explained["stages"]:
        at = f"  {local(stage['at'])}" if stage["at"] else ""
        until = f" Until {local(stage['until'])} at the latest." if stage["until"] else ""
        lines.append(f"{_MARKS[stage['result']]} {stage['name']:<13} {stage['text']}{until}{at}")
        lines += [f"  {'':<13} {local(entry['at'])}  {entry['text']}" for entry in stage["entries"]]
    lines += [f"Next: {explained['next']}"] if explained["next"] else []
    show(explained, "\n".join(lines))


@alert.command(epilog=example("firebell alert sources", "firebell alert sources grafana"))
@click.argument("name", required=False)
@as_json
def sources(name: str | None) -> None:
    """List the tools that Firebell understands, or show how to set up the tool called NAME."""
    from firebell.alerts.source_base.registry import registry

    guides = {s.name: s.guide("https://firebell.example.org", "INTEGRATION_KEY") for s in registry().sources}
    if name is None:
        rows = [[guide.name, guide.title, guide.address] for guide in guides.values()]
        values = [asdict(guide) for guide in guides.values()]
        show_table(values, ("NAME", "TOOL", "ADDRESS"), rows, wide=2, empty="")
        return
    if name not in guides:
        fail(f"There is no source {name}.", f"Sources: {', '.join(guides)}.")
    guide = guides[name]
    parts = [click.style(guide.title, bold=True), guide.text, f"Address: {guide.address}"]
    parts += [guide.snippet] if guide.snippet else []
    show(asdict(guide), "\n\n".join([*parts, f"Send a test alert:\n{guide.test_command}"]))
