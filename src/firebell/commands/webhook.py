"""`firebell webhook`: send events to other systems, and see and replay what was delivered."""

from typing import Any

import click

from firebell.commands.client import call, call_all
from firebell.commands.lookup import find
from firebell.commands.output import as_json, example, fail, instant, local, short, show, show_table

STATES = {
    "waiting": "queued",
    "sending": "claimed",
    "delivered": "delivered",
    "failed": "failed",
    "withheld": "withheld",
}
"""The states of deliveries in the API by their names for people."""
_LABELS = {state: label for label, state in STATES.items()}


@click.group()
def webhook() -> None:
    """Send events to other systems, and replay deliveries."""


def _find(name: str) -> dict[str, Any]:
    """Return the webhook with an id, or with a name in any case."""
    listed = call_all("/api/v1/webhooks")
    one = find(listed, name, "name")
    if one is None:
        names = ", ".join(sorted(one["name"] for one in listed))
        fail(f"There is no webhook {name}.", f"Webhooks: {names or 'none yet'}.")
    return one


def _path(name: str, rest: str = "") -> str:
    return f"/api/v1/webhooks/{_find(name)['id']}{rest}"


def _state(one: dict[str, Any]) -> str:
    """Return the state; one that is active is failing while Firebell waits after failures in a row."""
    is_failing = one["state"] == "active" and one["resting_until"]
    return "failing" if is_failing else str(one["state"])


def _options(function: Any) -> Any:
    """Add the options that decide which events are sent."""
    for option in (
        click.option("--type", "types", multiple=True, help="Only this type; repeat for several."),
        click.option("--team", "teams", multiple=True, help="Only events of this team."),
        click.option("--service", "services", multiple=True, help="Only events of this service."),
        click.option("--private/--no-private", default=None, help="Include events about private incidents."),
    ):
        function = option(function)
    return function


@webhook.command("list", epilog=example("firebell webhook list"))
@as_json
def list_() -> None:
    """List webhooks with their state and waiting events."""
    listed = sorted(call_all("/api/v1/webhooks"), key=lambda one: str(one["name"]).casefold())
    rows = [
        [
            str(one["id"]),
            _state(one),
            str(one["waiting"]),
            short(one["last_success_at"]) or "never",
            one["url"],
            one["name"],
        ]
        for one in listed
    ]
    head = ("ID", "STATE", "WAITING", "LAST SUCCESS", "URL", "WEBHOOK")
    show_table(listed, head, rows, wide=5, empty="No webhooks yet.")


@webhook.command("types", epilog=example("firebell webhook types"))
@as_json
def types() -> None:
    """List the types of events."""
    listed = call("GET", "/api/v1/webhooks/types")
    show_table(listed, ("TYPE", "WHEN"), [[one["name"], one["summary"]] for one in listed], wide=1, empty="")


@webhook.command(
    "create",
    epilog=example(
        "firebell webhook create 'Data warehouse' https://hooks.example.org/firebell",
        "firebell webhook create Deploys https://hooks.example.org/gate --type incident.declared --service checkout",
    ),
)
@click.argument("name")
@click.argument("url")
@_options
@as_json
def create(
    name: str,
    url: str,
    types: tuple[str, ...],
    teams: tuple[str, ...],
    services: tuple[str, ...],
    private: bool | None,
) -> None:
    """Create webhook NAME at URL; its signing secret is shown once."""
    fields = {
        "name": name,
        "url": url,
        "types": list(types),
        "teams": list(teams),
        "services": list(services),
        "private": bool(private),
    }
    created = call("POST", "/api/v1/webhooks", fields)
    text = f"{created['name']} receives events from now on.\nSigning secret, shown only once: {created['secret']}"
    show(created, text)


@webhook.command(
    "change",
    epilog=example(
        "firebell webhook change 'Data warehouse' --url https://hooks.example.org/v2",
        "firebell webhook change Deploys --type incident.declared --type incident.closed",
    ),
)
@click.argument("name")
@click.option("--name", "new_name", help="A new name.")
@click.option("--url", help="A new address.")
@_options
@click.option("--all", "is_all", is_flag=True, help="All types of all teams and services.")
@as_json
def change(
    name: str,
    new_name: str | None,
    url: str | None,
    types: tuple[str, ...],
    teams: tuple[str, ...],
    services: tuple[str, ...],
    private: bool | None,
    is_all: bool,
) -> None:
    """Change webhook NAME; what you leave out stays as it is."""
    if is_all and (types or teams or services):
        raise click.UsageError("Pass --all, or types, teams and services.")
    one = _find(name)
    fields = {
        "name": new_name or one["name"],
        "url": url or one["url"],
        "types": list(types) or ([] if is_all else one["types"]),
        "teams": list(teams) or ([] if is_all else one["teams"]),
        "services": list(services) or ([] if is_all else one["services"]),
        "private": one["private"] if private is None else private,
    }
    changed = call("PUT", f"/api/v1/webhooks/{one['id']}", fields)
    show(changed, f"{changed['name']} is changed.")


@webhook.command("pause", epilog=example("firebell webhook pause 'Data warehouse'"))
@click.argument("name")
@as_json
def pause(name: str) -> None:
    """Pause webhook NAME until it is enabled."""
    after = call("POST", _path(name, "/pause"))
    show(after, f"{after['name']} is paused.")


@webhook.command("enable", epilog=example("firebell webhook enable 'Data warehouse'"))
@click.argument("name")
@as_json
def enable(name: str) -> None:
    """Enable webhook NAME, or retry a failing one now."""
    after = call("POST", _path(name, "/enable"))
    show(after, f"{after['name']} is active, {after['waiting']} waiting.")


@webhook.command("rotate-secret", epilog=example("firebell webhook rotate-secret 'Data warehouse'"))
@click.argument("name")
@as_json
def rotate_secret(name: str) -> None:
    """Replace the signing secret of webhook NAME."""
    rotated = call("POST", _path(name, "/secret"))
    until = local(rotated["previous_until"])
    show(
        rotated,
        f"New signing secret, shown only once: {rotated['secret']}\nThe old one signs too until {until}.",
    )


@webhook.command("test", epilog=example("firebell webhook test 'Data warehouse'"))
@click.argument("name")
@as_json
def test(name: str) -> None:
    """Send a test event to webhook NAME."""
    sent = call("POST", _path(name, "/test"))
    show(sent, f"Queued as delivery {sent['id']}. See: firebell webhook show {name!r} {sent['id']}")


@webhook.command(
    "log",
    epilog=example(
        "firebell webhook log 'Data warehouse'", "firebell webhook log 'Data warehouse' --state failed"
    ),
)
@click.argument("name")
@click.option("--state", type=click.Choice(list(STATES)), help="Only deliveries of this state.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True)
@as_json
def log(name: str, state: str | None, limit: int) -> None:
    """List the newest deliveries of webhook NAME."""
    listed = call("GET", _path(name, "/deliveries"), limit=limit, state=STATES[state] if state else None)
    rows = [
        [
            str(one["id"]),
            short(one["occurred_at"]),
            _LABELS[one["state"]],
            str(one["attempts"]),
            str(one["status"] or "-"),
            one["subject"],
            one["type"],
        ]
        for one in listed
    ]
    head = ("ID", "HAPPENED", "STATE", "ATTEMPTS", "STATUS", "SUBJECT", "TYPE")
    show_table(listed, head, rows, wide=6, empty="No deliveries.")


@webhook.command("show", epilog=example("firebell webhook show 'Data warehouse' 4711"))
@click.argument("name")
@click.argument("delivery", type=click.IntRange(1))
@as_json
def show_delivery(name: str, delivery: int) -> None:
    """Show a delivery of webhook NAME: its attempts and the body."""
    one = call("GET", _path(name, f"/deliveries/{delivery}"))
    lines = [f"{one['type']} of {one['subject']}, {one['message_id']}: {_LABELS[one['state']]}"]
    for each in one["attempt_log"]:
        outcome = each["error"] or "accepted"
        lines.append(f"{short(each['at'])}  {each['status'] or '-'}  {each['duration_ms']} ms  {outcome}")
    show(one, "\n".join([*lines, one["body"]]))


@webhook.command(
    "replay",
    epilog=example(
        "firebell webhook replay 'Data warehouse' 4711",
        "firebell webhook replay 'Data warehouse' --failed",
        "firebell webhook replay 'Data warehouse' --since 2026-11-29T02:00:00Z --until 2026-11-29T04:00:00Z",
    ),
)
@click.argument("name")
@click.argument("delivery", type=click.IntRange(1), required=False)
@click.option("--failed", is_flag=True, help="All failed deliveries.")
@click.option("--since", help="Events from this instant on.")
@click.option("--until", help="Events before this instant. Default: now.")
@click.option("--with-delivered", is_flag=True, help="Include delivered events of the range.")
@as_json
def replay(
    name: str,
    delivery: int | None,
    failed: bool,
    since: str | None,
    until: str | None,
    with_delivered: bool,
) -> None:
    """Send events to webhook NAME again: one delivery, all failed ones, or a range."""
    if sum((delivery is not None, failed, since is not None)) != 1:
        raise click.UsageError("Pass one of DELIVERY, --failed and --since.")
    if since is None and (until is not None or with_delivered):
        raise click.UsageError("--until and --with-delivered belong to --since.")
    if delivery is not None:
        one = call("POST", _path(name, f"/deliveries/{delivery}/replay"))
        show(one, f"Delivery {one['id']} is queued again.")
        return
    fields: dict[str, Any] = {}
    if since is not None:
        fields = {"since": instant(since, "--since"), "with_delivered": with_delivered}
        fields |= {"until": instant(until, "--until")} if until is not None else {}
    replayed = call("POST", _path(name, "/replay"), fields)
    show(replayed, f"{replayed['deliveries']} queued again.")


@webhook.command("delete", epilog=example("firebell webhook delete 'Data warehouse'"))
@click.argument("name")
@as_json
def delete(name: str) -> None:
    """Delete webhook NAME with its log."""
    one = _find(name)
    call("DELETE", f"/api/v1/webhooks/{one['id']}")
    show(one, f"Deleted {one['name']}.")
