"""`firebell statuspage`: what customers read, publishing on it, and checking that nothing published was changed."""

import sys
from typing import Any

import click

from firebell.commands import (
    statuspage_hosting,
    statuspage_serving,
    statuspage_signing,
    statuspage_subscribers,
)
from firebell.commands.client import call, call_first, seg
from firebell.commands.output import as_json, example, instant, local, pairs, show, show_table
from firebell.commands.statuspage_copies import copies
from firebell.commands.statuspage_first_update import first_update
from firebell.commands.statuspage_names import names
from firebell.commands.statuspage_relabeling import relabel

Fields = dict[str, Any]
KINDS = ("update", "correction", "regression", "postmortem")
STAGES = ("investigating", "identified", "monitoring", "resolved")


@click.group()
def statuspage() -> None:
    """Show status pages and publish on them."""


statuspage.add_command(statuspage_subscribers.subscribers)
statuspage.add_command(statuspage_subscribers.broadcasts)
statuspage.add_command(statuspage_subscribers.mail_events)


statuspage.add_command(copies)
statuspage.add_command(first_update)
statuspage.add_command(names)
statuspage.add_command(relabel)


@statuspage.command("list", epilog=example("firebell statuspage list"))
@as_json
def list_() -> None:
    """List the status pages with their current status."""
    pages = call("GET", "/api/v1/status-pages")
    rows = [[page["slug"], page["name"], page["description"], page["url"]] for page in pages]
    show_table(pages, ("SLUG", "NAME", "STATUS", "ADDRESS"), rows, wide=3, empty="No status pages.")


@statuspage.command("show", epilog=example("firebell statuspage show kestrel"))
@click.argument("slug")
@as_json
def show_(slug: str) -> None:
    """Show the components of a status page with their status and uptime."""
    page = call("GET", f"/api/v1/status-pages/{seg(slug)}")
    rows = [
        [str(c["id"]), c["name"], c["status"].replace("_", " "), _percent(c["uptime_90d"])]
        for c in page["components"]
    ]
    show_table(page, ("ID", "COMPONENT", "STATUS", "UPTIME"), rows, wide=1, empty="No components.")


def _percent(share: float | None) -> str:
    if share is None:
        return "-"
    return "100%" if share == 1 else f"{int(share * 10_000) / 100:.2f}%"


@statuspage.command("uptime", epilog=example("firebell statuspage uptime kestrel --months 6"))
@click.argument("slug")
@click.option("--months", type=click.IntRange(1, 24), default=12, show_default=True)
@as_json
def uptime(slug: str, months: int) -> None:
    """Show the uptime of each component and group by calendar month, the current one included."""
    report = call("GET", f"/api/v1/status-pages/{seg(slug)}/uptime", months=months)
    rows = [
        [each["name"], each["text"], *(month["text"] for month in reversed(each["months"]))]
        for each in (*report["components"], *report["groups"])
    ]
    head = ("NAME", "ALL", *reversed(report["months"]))
    show_table(report, head, rows, wide=0, empty="No components.")


@statuspage.command("incidents", epilog=example("firebell statuspage incidents kestrel"))
@click.argument("slug")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def incidents(slug: str, limit: int) -> None:
    """List what a status page published, newest first."""
    listed = call_first(f"/api/v1/status-pages/{seg(slug)}/incidents", limit)
    rows = [[i["id"], i["incident"] or "-", i["stage"], local(i["published_at"]), i["name"]] for i in listed]
    show_table(
        listed, ("ID", "INCIDENT", "STAGE", "PUBLISHED", "NAME"), rows, wide=4, empty="Nothing published."
    )


def _update(
    stage: str,
    body: str,
    component: tuple[str, ...],
    next_: str | None,
    since: str | None,
    eta: str | None,
    quiet: bool,
) -> Fields:
    return {
        "stage": stage,
        "body": sys.stdin.read() if body == "-" else body,
        "components": pairs(component, "ID=STATUS", "--component 3=partial_outage"),
        "next_update_at": instant(next_, "--next") if next_ else None,
        "since": instant(since, "--since") if since else None,
        "eta_at": instant(eta, "--eta") if eta else None,
        "notify": not quiet,
    }


@statuspage.command(
    epilog=example(
        "firebell statuspage publish kestrel 'Card payments fail' --incident INC-3 \\",
        "    --stage investigating --component 3=partial_outage --next 2026-11-24T15:30 \\",
        "    --body 'We are investigating failed card payments.'",
    )
)
@click.argument("slug")
@click.argument("name")
@click.option("--incident", help="The incident that it is about, such as INC-3.")
@click.option("--stage", type=click.Choice(STAGES), default="investigating", show_default=True)
@click.option("--body", required=True, help="What customers should know; - is standard input.")
@click.option("--component", multiple=True, metavar="ID=STATUS", help="The status of a component.")
@click.option("--next", "next_", help="When the next update comes; required unless resolved.")
@click.option("--since", help="When customers were first affected. Default: the start of the impact.")
@click.option("--eta", help="When it is expected to be over, as an estimate.")
@click.option("--continues", default="", metavar="ID", help="A resolved incident that this one continues.")
@click.option("--quiet", is_flag=True, help="Don’t notify subscribers.")
@as_json
def publish(
    slug: str,
    name: str,
    incident: str | None,
    stage: str,
    body: str,
    component: tuple[str, ...],
    next_: str | None,
    since: str | None,
    eta: str | None,
    continues: str,
    quiet: bool,
) -> None:
    """Publish an incident called NAME on a status page."""
    update = _update(stage, body, component, next_, since, eta, quiet)
    fields = {"name": name, "incident": incident, "continues": continues, **update}
    published = call("POST", f"/api/v1/status-pages/{seg(slug)}/incidents", fields)
    show(published, f"Published {published['id']}: {published['stage']}.")


@statuspage.command(
    epilog=example("firebell statuspage update kestrel h2k9w3c7x1ab --stage resolved --body 'This is over.'")
)
@click.argument("slug")
@click.argument("id_", metavar="ID")
@click.option("--stage", type=click.Choice(STAGES), required=True)
@click.option("--body", required=True, help="What customers should know; - is standard input.")
@click.option("--component", multiple=True, metavar="ID=STATUS", help="The status of a component.")
@click.option("--next", "next_", help="When the next update comes; required unless resolved.")
@click.option("--since", help="When the statuses began.")
@click.option("--eta", help="When it is expected to be over, as an estimate.")
@click.option("--kind", type=click.Choice(KINDS), default="update", show_default=True)
@click.option("--quiet", is_flag=True, help="Don’t notify subscribers; not for a correction.")
@as_json
def update(
    slug: str,
    id_: str,
    stage: str,
    body: str,
    component: tuple[str, ...],
    next_: str | None,
    since: str | None,
    eta: str | None,
    kind: str,
    quiet: bool,
) -> None:
    """Publish the next update of the incident ID of a status page."""
    fields = {"kind": kind, **_update(stage, body, component, next_, since, eta, quiet)}
    published = call("POST", f"/api/v1/status-pages/{seg(slug)}/incidents/{seg(id_)}/updates", fields)
    show(published, f"Published {published['id']}: {published['stage']}.")


@statuspage.command(
    epilog=example(
        "firebell statuspage translate kestrel h2k9w3c7x1ab 1 de --body 'Wir untersuchen das Problem.'"
    )
)
@click.argument("slug")
@click.argument("id_", metavar="ID")
@click.argument("update", type=click.IntRange(min=1))
@click.argument("language")
@click.option("--body", required=True, help="The text in this language; - is standard input.")
@as_json
def translate(slug: str, id_: str, update: int, language: str, body: str) -> None:
    """Publish the text of UPDATE 1, 2 ... of the incident ID in another LANGUAGE of the page. No one is notified."""
    path = (
        f"/api/v1/status-pages/{seg(slug)}/incidents/{seg(id_)}/updates/{update}/translations/{seg(language)}"
    )
    published = call("PUT", path, {"body": sys.stdin.read() if body == "-" else body})
    show(published, f"Translated update {update} of {published['id']}.")


@statuspage.command(
    epilog=example("firebell statuspage retract kestrel h2k9w3c7x1ab 1 --reason 'It named a customer.'")
)
@click.argument("slug")
@click.argument("id_", metavar="ID")
@click.argument("update", type=click.IntRange(min=1))
@click.option("--reason", required=True, help="What readers see instead; without the text.")
@as_json
def retract(slug: str, id_: str, update: int, reason: str) -> None:
    """Erase the text of UPDATE 1, 2 ... of the incident ID everywhere; the log keeps its hash. It stays erased."""
    path = f"/api/v1/status-pages/{seg(slug)}/incidents/{seg(id_)}/updates/{update}/retract"
    published = call("POST", path, {"reason": reason})
    show(published, f"Erased update {update} of {published['id']}.")


statuspage.add_command(statuspage_signing.verify)
statuspage.add_command(statuspage_signing.key)
statuspage.add_command(statuspage_hosting.export)
statuspage.add_command(statuspage_hosting.serve)
statuspage.add_command(statuspage_serving.access)
statuspage.add_command(statuspage_serving.host)
statuspage.add_command(statuspage_serving.theme)
statuspage.add_command(statuspage_serving.mirror)
