"""`firebell postmortem assign` and `rate`: who writes a post-mortem, and whether it was useful."""

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


@click.command(epilog=example("firebell postmortem rate INC-3 --useful"))
@click.argument("ref")
@click.option("--useful/--not-yet", "is_useful", required=True, default=None)
@as_json
def rate(ref: str, is_useful: bool) -> None:
    """Say whether the published post-mortem of incident REF was useful to you."""
    numbers = call("PUT", f"/api/v1/post-mortems/{seg(ref)}/usefulness", {"useful": is_useful})
    answer = "yes" if is_useful else "not yet"
    rated = numbers["useful"] + numbers["not_yet"]
    show(
        numbers, f"You said {answer}. {numbers['useful']} of {rated} said yes; {numbers['readers']} read it."
    )
