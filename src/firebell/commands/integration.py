"""`firebell integration`: follow and test the setup of integrations."""

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, local, short, show

_SEVERITY = click.option(
    "--severity",
    type=click.Choice(["critical", "error", "warning", "info"]),
    default="critical",
    show_default=True,
)


@click.group()
def integration() -> None:
    """Follow and test the setup of integrations."""


def _path(slug: str, key_id: int) -> str:
    return f"/api/v1/services/{seg(slug)}/integrations/{key_id}"


@integration.command(epilog=example("firebell integration status checkout 3"))
@click.argument("slug")
@click.argument("key_id", type=click.IntRange(1))
@as_json
def status(slug: str, key_id: int) -> None:
    """Show what integration KEY_ID of service SLUG received."""
    progress = call("GET", f"{_path(slug, key_id)}/status")
    text = {
        "waiting": "Waiting for the first event.",
        "changed": "Received a change event, and no alert yet.",
        "unreadable": f"The last message could not be read: {progress['error']}",
        "received": f"Received alert {progress['alert_id']}: {progress['title']}",
    }[progress["state"]]
    if progress["state"] == "received":
        text += f" ({progress['page'] or 'paged no one'}), {local(progress['last_event_at'])}"
    show(progress, text)


@integration.command(
    epilog=example(
        "firebell integration test checkout 3 --preview",
        "firebell integration test checkout 3",
        "firebell integration test checkout 3 --end",
    )
)
@click.argument("slug")
@click.argument("key_id", type=click.IntRange(1))
@_SEVERITY
@click.option("--preview", is_flag=True, help="Show what would happen, and page no one.")
@click.option("--end", is_flag=True, help="End the test alert that fires now.")
@as_json
def test(slug: str, key_id: int, severity: str, preview: bool, end: bool) -> None:
    """Send a test alert of integration KEY_ID of service SLUG, and page the people on call.

    It ends after 15 minutes.
    """
    if preview and end:
        raise click.UsageError("Pass only one of --preview and --end.")
    path = f"{_path(slug, key_id)}/test"
    if preview:
        outcome = call("GET", path, severity=severity)
        rule = outcome["rule"]
        decided = f"Rule {rule} matches." if rule else "No rule matches, so it goes to the fallback rule."
        people = ", ".join(outcome["people"])
        hold = f" {outcome['hold']}" if outcome["hold"] else ""
        paged = f"{people}{hold}, {outcome['urgency']} urgency" if people else "no one"
        show(outcome, f"{decided} It belongs to {outcome['service']} and pages {paged}.")
        return
    if end:
        ended = call("POST", f"{path}/end")
        show(ended, f"Test alert {ended['alert_id']} ended.")
        return
    sent = call("POST", path, {"severity": severity})
    paged = f"opened {sent['page']}" if sent["page"] else "paged no one"
    state = paged if sent["is_new"] else f"is already firing ({sent['page'] or 'paged no one'})"
    show(sent, f"Test alert {sent['alert_id']} {state}. It ends at {short(sent['ends_at'])}.")
