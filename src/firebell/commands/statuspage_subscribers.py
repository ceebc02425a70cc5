"""`firebell statuspage subscribers` and `broadcasts`: who gets a message when something is published, and what left."""

from pathlib import Path

import click

from firebell.commands.client import call, call_first, seg
from firebell.commands.output import as_json, example, fail, local, show, show_table

STATES = ("pending", "active", "quarantined", "ended")
CHANNELS = ("email", "webhook", "slack", "teams", "sms")


def _base(slug: str) -> str:
    return f"/api/v1/status-pages/{seg(slug)}"


@click.group()
def subscribers() -> None:
    """Show, invite and remove the subscribers of a status page."""


@subscribers.command("list", epilog=example("firebell statuspage subscribers list kestrel --state active"))
@click.argument("slug")
@click.option("--query", "q", default="", help="A part of the address.")
@click.option("--channel", type=click.Choice(CHANNELS))
@click.option("--state", type=click.Choice(STATES))
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@as_json
def list_(slug: str, q: str, channel: str | None, state: str | None, limit: int) -> None:
    """List subscribers, newest first."""
    wanted = {"q": q, "channel": channel, "state": state}
    query = {name: value for name, value in wanted.items() if value}
    listed = call_first(f"{_base(slug)}/subscribers", limit, **query)
    rows = [
        [str(s["id"]), s["channel"], s["state"], local(s["confirmed_at"] or s["created_at"]), s["address"]]
        for s in listed
    ]
    show_table(listed, ("ID", "CHANNEL", "STATE", "SINCE", "ADDRESS"), rows, wide=4, empty="No subscribers.")


@subscribers.command(epilog=example("firebell statuspage subscribers invite kestrel ops@nordpost.example"))
@click.argument("slug")
@click.argument("address")
@click.option("--channel", type=click.Choice(CHANNELS), default="email", show_default=True)
@click.option("--contact", default="", help="The email address that confirms a webhook.")
@click.option("--component", multiple=True, type=int, metavar="ID", help="Follow only this component.")
@as_json
def invite(slug: str, address: str, channel: str, contact: str, component: tuple[int, ...]) -> None:
    """Ask ADDRESS whether it wants to subscribe."""
    body = {"address": address, "channel": channel, "contact": contact, "component_ids": list(component)}
    asked = call("POST", f"{_base(slug)}/subscribers", body)
    show(asked, f"Asked {address} to confirm.")


@subscribers.command("import", epilog=example("firebell statuspage subscribers import kestrel customers.csv"))
@click.argument("slug")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only count what would be done.")
@as_json
def import_(slug: str, file: Path, dry_run: bool) -> None:
    """Ask the addresses of a CSV FILE whether they want to subscribe."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} can't be read: {error}")
    done = call("POST", f"{_base(slug)}/subscribers/import", {"csv": text, "dry_run": dry_run})
    for problem in done["problems"][:20]:
        click.echo(f"line {problem['line']}: {problem['problem']}", err=True)
    verb = "Would ask" if dry_run else "Asked"
    counts = f"{done['known']} subscribed already, {done['suppressed']} asked not to be written to"
    show(done, f"{verb} {done['new']} to confirm; {counts}, {len(done['problems'])} can't be read.")


@subscribers.command(epilog=example("firebell statuspage subscribers unsubscribe kestrel 7"))
@click.argument("slug")
@click.argument("subscriber", type=int)
@as_json
def unsubscribe(slug: str, subscriber: int) -> None:
    """End the subscription with the id SUBSCRIBER; its owner can undo it."""
    ended = call("POST", f"{_base(slug)}/subscribers/{subscriber}/unsubscribe")
    show(ended, f"Unsubscribed {ended['address']}.")


@subscribers.command(epilog=example("firebell statuspage subscribers erase kestrel 7"))
@click.argument("slug")
@click.argument("subscriber", type=int)
@click.confirmation_option(prompt="Erase all personal data of this subscriber?")
@as_json
def erase(slug: str, subscriber: int) -> None:
    """Erase all personal data of the subscriber with the id SUBSCRIBER."""
    erased = call("POST", f"{_base(slug)}/subscribers/{subscriber}/erase")
    show(erased, "Erased.")


@click.group()
def broadcasts() -> None:
    """Show and pause what is sent to subscribers."""


@broadcasts.command("list", epilog=example("firebell statuspage broadcasts list kestrel"))
@click.argument("slug")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@as_json
def list_broadcasts(slug: str, limit: int) -> None:
    """List what was sent to subscribers with its progress, newest first."""
    listed = call_first(f"{_base(slug)}/broadcasts", limit)
    rows = [
        [
            str(b["id"]),
            local(b["published_at"]),
            "paused" if b["paused_at"] else "waiting" if b["waiting"] else "sent",
            *(str(b[name]) for name in ("waiting", "sent", "failed")),
            b["title"],
        ]
        for b in listed
    ]
    head = ("ID", "PUBLISHED", "STATE", "WAITING", "SENT", "FAILED", "TITLE")
    show_table(listed, head, rows, wide=6, empty="Nothing was sent.")


@broadcasts.command(epilog=example("firebell statuspage broadcasts pause kestrel 3"))
@click.argument("slug")
@click.argument("broadcast", type=int)
@click.option("--reason", default="Paused at the terminal.", show_default=True)
@as_json
def pause(slug: str, broadcast: int, reason: str) -> None:
    """Pause a broadcast until someone resumes it."""
    paused = call("POST", f"{_base(slug)}/broadcasts/{broadcast}/pause", {"reason": reason})
    show(paused, f"Paused; {paused['waiting']} wait.")


@broadcasts.command(epilog=example("firebell statuspage broadcasts resume kestrel 3"))
@click.argument("slug")
@click.argument("broadcast", type=int)
@as_json
def resume(slug: str, broadcast: int) -> None:
    """Resume a paused broadcast."""
    resumed = call("POST", f"{_base(slug)}/broadcasts/{broadcast}/resume")
    show(resumed, f"Sending continues; {resumed['waiting']} wait.")


@click.group("mail-events")
def mail_events() -> None:
    """Bounces and complaints that mail providers reported."""


@mail_events.command("list", epilog=example("firebell statuspage mail-events list kestrel"))
@click.argument("slug")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def list_mail_events(slug: str, limit: int) -> None:
    """List bounces and complaints of subscribers, newest first."""
    listed = call_first(f"/api/v1/status-pages/{seg(slug)}/mail-events", limit)
    rows = [[str(e["subscriber_id"]), e["kind"], e["provider"], local(e["at"]), e["reason"]] for e in listed]
    heads = ("SUBSCRIBER", "KIND", "PROVIDER", "AT", "REASON")
    show_table(listed, heads, rows, wide=4, empty="No bounces or complaints.")


@mail_events.command("address", epilog=example("firebell statuspage mail-events address"))
@click.option("--replace", is_flag=True, help="Replace it; what is posted to the current one is refused.")
@as_json
def mail_events_address(replace: bool) -> None:
    """Show the address to which your mail provider posts; it is a secret."""
    address = call("POST", f"/api/v1/mail-events-address{'/replace' if replace else ''}")
    show(address, address["url"])
