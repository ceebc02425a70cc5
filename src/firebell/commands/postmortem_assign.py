"""`firebell postmortem assign`: who writes a post-mortem."""

import click

from firebell.commands.client import call, call_all, seg
from firebell.commands.output import as_json, example, fail, show


@click.command(epilog=example("firebell postmortem assign INC-3 jun@example.com"))
@click.argument("ref")
@click.argument("person")
@as_json
def assign(ref: str, person: str) -> None:
    """Assign the author of a post-mortem, by email address or id. They are told, and reminded until it is due."""
    people = {key: p for p in call_all("/api/v1/people") for key in (p["email"], str(p["id"]))}
    author = people.get(person.lower())
    if author is None:
        fail(
            f"No one has the email address or id {person}.",
            "Find people with: firebell search NAME --group people",
        )
    answer = call("PUT", f"/api/v1/post-mortems/{seg(ref)}/author", {"person_id": author["id"]})
    show(answer, f"{author['name']} writes the post-mortem of {answer['ref']}.")
