"""`firebell incident similar`."""

import click

from firebell.commands.client import call
from firebell.commands.output import as_json, example, short, show_table


@click.command(epilog=example("firebell incident similar 'Card payments fail' --service checkout"))
@click.argument("title")
@click.option("--service", multiple=True, help="Slug of an affected service; repeatable.")
@as_json
def similar(title: str, service: tuple[str, ...]) -> None:
    """List open or recently closed incidents that may be the same as TITLE."""
    incidents = call(
        "GET", "/api/v1/incidents/similar", title=title, answered="true", service=list(service) or None
    )
    rows = [[i["ref"], i["severity"], i["phase"], short(i["declared_at"]), i["title"]] for i in incidents]
    head = ("INCIDENT", "SEV", "PHASE", "DECLARED", "TITLE")
    show_table(incidents, head, rows, wide=4, empty="No similar incidents.")
