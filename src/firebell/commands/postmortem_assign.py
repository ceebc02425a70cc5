"""`firebell postmortem assign`: who writes a post-mortem."""

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, show
from firebell.commands.people import people_of


@click.command(epilog=example("firebell postmortem assign INC-3 jun@example.com"))
@click.argument("ref")
@click.argument("person")
@as_json
def assign(ref: str, person: str) -> None:
    """Assign the author of a post-mortem, by email address or id. They are told, and reminded until it is due."""
    [author] = people_of([person])
    answer = call("PUT", f"/api/v1/post-mortems/{seg(ref)}/author", {"person_id": author["id"]})
    show(answer, f"{author['name']} writes the post-mortem of {answer['ref']}.")
