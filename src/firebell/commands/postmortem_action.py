"""`firebell postmortem action`: what a sentence of a post-mortem leads to."""

from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, show
from firebell.commands.people import person_id_of


@click.command(
    epilog=example(
        "firebell postmortem action INC-3 'Page on connections above 85%' --quote 'No alert watches the pool.'",
        "firebell postmortem action INC-3 'Page on connections above 85%' --root 'no alert watches the pool'",
    )
)
@click.argument("ref")
@click.argument("title")
@click.option("--quote", default="", help="The sentence that it comes from; the item keeps it.")
@click.option("--root", default="", help="The text of the root of the tree of whys that it addresses.")
@click.option("--priority", type=click.IntRange(1, 3), default=2, show_default=True)
@click.option("--owner", help="An email address or an id. They accept it, or pass it on.")
@click.option("--due", metavar="DAY", help="A working day. Default: 14, 30 or 90 days by priority.")
@as_json
def action(ref: str, owner: str | None, **values: Any) -> None:
    """Add an action item of the incident REF from its post-mortem."""
    body = {**values, "owner_id": person_id_of(owner) if owner else None}
    item = call("POST", f"/api/v1/post-mortems/{seg(ref)}/actions", body)
    show(item, f"{item['ref']} {item['title']}, due {item['due']}")
