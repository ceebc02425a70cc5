"""`firebell incident similar` and `firebell incident views`."""

import click

from firebell.commands.client import call, call_all
from firebell.commands.output import as_json, example, short, show_table


@click.command(epilog=example("firebell incident similar 'Card payments fail' --service checkout"))
@click.argument("title")
@click.option("--service", multiple=True, help="Slug of an affected service; repeatable.")
@as_json
def similar(title: str, service: tuple[str, ...]) -> None:
    """List open or lately closed incidents that may be the same as TITLE."""
    incidents = call(
        "GET", "/api/v1/incidents/similar", title=title, answered="true", service=list(service) or None
    )
    rows = [[i["ref"], i["severity"], i["phase"], short(i["declared_at"]), i["title"]] for i in incidents]
    head = ("INCIDENT", "SEV", "PHASE", "DECLARED", "TITLE")
    show_table(incidents, head, rows, wide=4, empty="No similar incidents.")


@click.command(epilog=example("firebell incident views"))
@as_json
def views() -> None:
    """List your saved views of the list of incidents, and those that others share."""
    saved = call_all("/api/v1/incident-views")
    rows = [[v["name"], "shared" if v["shared"] else "personal", v["query"]] for v in saved]
    show_table(saved, ("VIEW", "FOR", "FILTERS"), rows, wide=2, empty="No saved views yet.")
