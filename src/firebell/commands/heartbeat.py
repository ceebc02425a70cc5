"""`firebell heartbeat`: watch that jobs report in time."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from firebell.commands.client import call, call_all, target
from firebell.commands.output import USAGE, as_json, example, fail, local, pairs, short, show, show_table
from firebell.heartbeats import durations
from firebell.kit.errors import Invalid

BODY_CHARS = 10_000
SEVERITIES = ("critical", "error", "warning", "info")


def _seconds(text: str, option: str) -> int:
    """Return a length of time such as 90s, 5min, 1h or 1d in seconds."""
    try:
        return int(durations.parse(text, "length").total_seconds())
    except Invalid:
        fail(f"{option}: {text!r} is not a length of time.", "Use 90s, 5min, 1h or 1d.", USAGE)


@click.group()
def heartbeat() -> None:
    """Watch that jobs report in time, and page when one is silent."""


def _find(service: str, name: str) -> dict[str, Any]:
    """Return the heartbeat of a service with a name in any case."""
    listed = call_all("/api/v1/heartbeats", service=service)
    matching = [one for one in listed if one["name"].casefold() == name.casefold()]
    if not matching:
        names = ", ".join(sorted(one["name"] for one in listed))
        fail(f"{service} has no heartbeat {name}.", f"Heartbeats: {names or 'none yet'}.")
    return dict(matching[0])


def _state(one: dict[str, Any]) -> str:
    if one["is_paused"]:
        return "paused"
    return "stuck" if one["is_stuck"] and one["state"] != "down" else str(one["state"])


def _rhythm(one: dict[str, Any]) -> str:
    if one["cron"]:
        return f"{one['cron']} {one['time_zone']}"
    return f"every {durations.written(timedelta(seconds=one['period_s']))}"


def _next(one: dict[str, Any]) -> str:
    if one["is_paused"]:
        return f"until {short(one['paused_until'])}"
    return short(one["expected_at"]) or "-"


@heartbeat.command(
    "list", epilog=example("firebell heartbeat list", "firebell heartbeat list --service checkout")
)
@click.option("--service", default="", help="Only of this service.")
@as_json
def list_(service: str) -> None:
    """List heartbeats with their last ping and when the next is expected."""
    listed = sorted(call_all("/api/v1/heartbeats", service=service or None), key=lambda one: str(one["name"]))
    rows = [
        [
            one["service"],
            _state(one),
            _rhythm(one),
            short(one["last_ping_at"]) or "never",
            _next(one),
            one["name"],
        ]
        for one in listed
    ]
    head = ("SERVICE", "STATE", "EXPECTED", "LAST PING", "NEXT", "HEARTBEAT")
    show_table(listed, head, rows, wide=5, empty="No heartbeats yet.")


@heartbeat.command(
    "create",
    epilog=example(
        "firebell heartbeat create checkout settlement --every 1h --grace 5min",
        "firebell heartbeat create checkout backup --cron '0 2 * * *' --zone Europe/Stockholm --longest 45min",
    ),
)
@click.argument("service")
@click.argument("name")
@click.option("--every", help="The time from one ping to the next, such as 1h.")
@click.option("--cron", default="", help="When pings are expected, instead of --every.")
@click.option("--zone", default="UTC", show_default=True, help="The time zone of --cron.")
@click.option("--grace", default="5min", show_default=True, help="How late a ping may be.")
@click.option("--longest", help="How long a run may take after its start.")
@click.option("--title", default="", help="The title of the alert.")
@click.option("--severity", type=click.Choice(SEVERITIES), default="critical", show_default=True)
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="A label of the alert.")
@click.option("--about", default="", help="What to do when it is silent.")
@click.option("--matchers", default="", help="Alerts of the service that are pings instead.")
@as_json
def create(
    service: str,
    name: str,
    every: str | None,
    cron: str,
    zone: str,
    grace: str,
    longest: str | None,
    title: str,
    severity: str,
    labels: tuple[str, ...],
    about: str,
    matchers: str,
) -> None:
    """Create heartbeat NAME of SERVICE; nothing is expected before its first ping."""
    fields = {
        "service": service,
        "name": name,
        "period_s": _seconds(every, "--every") if every else None,
        "cron": cron,
        "time_zone": zone,
        "grace_s": _seconds(grace, "--grace"),
        "max_runtime_s": _seconds(longest, "--longest") if longest else None,
        "alert_title": title,
        "severity": severity,
        "labels": pairs(labels, "NAME=VALUE", "--label team=payments"),
        "description": about,
        "matchers": matchers,
    }
    created = call("POST", "/api/v1/heartbeats", fields)
    url, _ = target()
    lines = (
        f"{created['name']} of {created['service']} is expected {_rhythm(created)}, once it has sent its first ping.",
        f"Send pings to {url}{created['path']} with an integration key of {created['service']}.",
    )
    show(created, "\n".join(lines))


@heartbeat.command(
    "ping",
    epilog=example(
        "firebell heartbeat ping checkout settlement",
        "firebell heartbeat ping checkout backup --exit-code 3 --message 'disk full'",
    ),
)
@click.argument("service")
@click.argument("name")
@click.option("--start", is_flag=True, help="A run has begun.")
@click.option("--fail", "failed", is_flag=True, help="The run has failed.")
@click.option("--exit-code", type=click.IntRange(0, 255), help="How the run ended; 0 is success.")
@click.option("--message", default="", help="Shown with the ping; - is standard input.")
@as_json
def ping(service: str, name: str, start: bool, failed: bool, exit_code: int | None, message: str) -> None:
    """Send a ping of heartbeat NAME of SERVICE."""
    kinds = [
        kind for kind, is_set in (("start", start), ("fail", failed), ("", exit_code is not None)) if is_set
    ]
    if len(kinds) > 1:
        raise click.UsageError("Pass one of --start, --fail and --exit-code.")
    one = _find(service, name)
    body = sys.stdin.read() if message == "-" else message
    fields = {"kind": "".join(kinds) or "success", "exit_code": exit_code, "body": body[:BODY_CHARS]}
    after = call("POST", f"/api/v1/heartbeats/{one['id']}/pings", fields)
    following = f", next by {local(after['expected_at'])}" if after["expected_at"] else ""
    show(after, f"{after['name']}: {_state(after)}{following}.")


@heartbeat.command("pings", epilog=example("firebell heartbeat pings checkout settlement"))
@click.argument("service")
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@as_json
def pings(service: str, name: str, limit: int) -> None:
    """List the newest pings of heartbeat NAME of SERVICE."""
    one = _find(service, name)
    listed = call("GET", f"/api/v1/heartbeats/{one['id']}/pings", limit=limit)
    rows = [
        [
            short(each["at"]),
            each["kind"] if each["exit_code"] is None else f"{each['kind']} {each['exit_code']}",
            "-"
            if each["duration_s"] is None
            else durations.written(timedelta(seconds=round(each["duration_s"]))),
            (each["body"] or each["source"]).splitlines()[0] if each["body"] or each["source"] else "-",
        ]
        for each in listed
    ]
    show_table(listed, ("AT", "PING", "TOOK", "MESSAGE"), rows, wide=3, empty="No pings yet.")


@heartbeat.command("pause", epilog=example("firebell heartbeat pause checkout settlement --for 8h"))
@click.argument("service")
@click.argument("name")
@click.option("--for", "length", required=True, help="How long, at most 90d.")
@as_json
def pause(service: str, name: str, length: str) -> None:
    """Expect no pings of heartbeat NAME of SERVICE for a while; its alert is resolved."""
    until = datetime.now(UTC) + timedelta(seconds=_seconds(length, "--for"))
    one = _find(service, name)
    after = call("POST", f"/api/v1/heartbeats/{one['id']}/pause", {"until": until.isoformat()})
    show(after, f"{after['name']} is paused until {local(after['paused_until'])}.")


@heartbeat.command("resume", epilog=example("firebell heartbeat resume checkout settlement"))
@click.argument("service")
@click.argument("name")
@as_json
def resume(service: str, name: str) -> None:
    """End the pause of heartbeat NAME of SERVICE."""
    one = _find(service, name)
    after = call("POST", f"/api/v1/heartbeats/{one['id']}/resume")
    show(after, f"{after['name']} is {_state(after)}.")


@heartbeat.command("delete", epilog=example("firebell heartbeat delete checkout settlement"))
@click.argument("service")
@click.argument("name")
@as_json
def delete(service: str, name: str) -> None:
    """Delete heartbeat NAME of SERVICE with its pings, and resolve its alert."""
    one = _find(service, name)
    call("DELETE", f"/api/v1/heartbeats/{one['id']}")
    show(one, f"Deleted {one['name']} of {one['service']}.")
