"""`firebell health`: check Firebell itself, and manage its outbound heartbeats."""

from typing import Any

import click

from firebell.commands.client import call
from firebell.commands.output import as_json, example, local, show, show_table

PATH = "/api/v1/health"


@click.group()
def health() -> None:
    """Check Firebell itself, and manage its outbound heartbeats."""


def _finding(finding: dict[str, Any]) -> str:
    return f"{finding['level'].upper()}  {finding['code']}: {finding['message']} {finding['advice']}".strip()


def _process(finding: dict[str, Any]) -> str:
    level = "ERROR" if finding["delays_pages"] else "WARNING"
    return f"{level}  {finding['message']} {finding['note']}"


def _watcher(heartbeat: dict[str, Any]) -> str:
    """Return which installation or service watches this one, and when its last heartbeat arrived there."""
    arrived = heartbeat["arrived_at"]
    at = f"last heartbeat arrived {local(arrived)}" if arrived else "no heartbeat arrived yet"
    health = "" if heartbeat["health"] in ("ok", "new") else f", {heartbeat['health']} now"
    return f"WATCHED BY  {heartbeat['url_hint']} ({heartbeat['name']}): {at}{health}."


def _watched(installation: dict[str, Any]) -> str:
    """Return which installation this one watches, and when its last heartbeat arrived here."""
    address = installation["address"] or "an installation"
    at = installation["last_ping_at"]
    arrived = f"last heartbeat arrived {local(at)}" if at else "no heartbeat arrived yet"
    return f"WATCHES  {address} ({installation['name']}): {installation['state'].lower()}, {arrived}."


def _alarm(alarm: dict[str, Any]) -> str:
    return f"ALARM  {alarm['title']}, since {local(alarm['opened_at'])}: {alarm['detail']}"


@health.command("show", epilog=example("firebell health show", "firebell health show --json"))
@as_json
def show_() -> None:
    """Show open alarms and findings, who watches this installation, and which ones it watches."""
    state = call("GET", PATH)
    lines = [
        *(_alarm(alarm) for alarm in state["alarms"] if not alarm["cleared_at"]),
        *map(_process, state["processes"]),
        *map(_finding, state["findings"]),
    ]
    lines = lines or ["No alarms and no findings."]
    lines += map(_watcher, state["heartbeats"])
    lines += map(_watched, state["watched"])
    if not state["heartbeats"]:
        lines.append("Nothing outside watches Firebell. Create an outbound heartbeat.")
    show(state, "\n".join(lines))


@health.group()
def heartbeat() -> None:
    """Manage outbound heartbeats: addresses that Firebell requests every minute while it is healthy."""


@heartbeat.command("list", epilog=example("firebell health heartbeat list"))
@as_json
def list_() -> None:
    """List the outbound heartbeats, and whether they arrive."""
    listed = call("GET", PATH)["heartbeats"]
    rows = [
        [
            str(each["id"]),
            each["health"],
            local(each["arrived_at"]) if each["arrived_at"] else "never",
            f"{each['method']} {each['url_hint']}",
            each["name"],
        ]
        for each in listed
    ]
    show_table(
        listed, ("ID", "STATE", "ARRIVED", "ADDRESS", "NAME"), rows, wide=4, empty="No outbound heartbeats."
    )


@heartbeat.command(epilog=example("firebell health heartbeat create Paris https://watch.example.org/6f3a"))
@click.argument("name")
@click.argument("url")
@click.option("--method", type=click.Choice(["POST", "GET"]), default="POST", show_default=True)
@as_json
def create(name: str, url: str, method: str) -> None:
    """Create an outbound heartbeat: an address that is requested every minute while Firebell is healthy."""
    created = call("POST", f"{PATH}/outbound-heartbeats", {"name": name, "url": url, "method": method})
    show(created, f"Outbound heartbeat {created['id']} created: {created['name']}, to {created['url_hint']}.")


@heartbeat.command(epilog=example("firebell health heartbeat delete 3"))
@click.argument("heartbeat_id", type=click.IntRange(min=1))
@as_json
def delete(heartbeat_id: int) -> None:
    """Delete an outbound heartbeat; its receiver notices the silence."""
    call("DELETE", f"{PATH}/outbound-heartbeats/{heartbeat_id}")
    show({"id": heartbeat_id}, f"Outbound heartbeat {heartbeat_id} deleted.")


@health.command(
    "test-fallback",
    epilog=example("firebell health test-fallback --hour 10", "firebell health test-fallback --off"),
)
@click.option("--hour", type=click.IntRange(7, 20), help="In their time zone. Default: unchanged.")
@click.option("--off", is_flag=True, help="Send no daily test.")
@as_json
def test_fallback(hour: int | None, off: bool) -> None:
    """Send each fallback responder a test message every day, which they confirm with a tap."""
    if hour is None:
        hour = call("GET", PATH)["fallback_test"]["hour"]
    changed = call("PUT", f"{PATH}/fallback-test", {"is_on": not off, "hour": hour})
    text = (
        f"The daily test is sent at {changed['hour']}:00." if changed["is_on"] else "The daily test is off."
    )
    show(changed, text)
