"""People in the arguments of commands, each by email address or id."""

from collections.abc import Sequence
from typing import Any

from firebell.commands.client import call_all
from firebell.commands.output import fail


def people_of(wanted: Sequence[str]) -> list[Any]:
    """Return people in the order given; end with an error that names the first who does not exist."""
    if not wanted:
        return []
    known = {
        key: person for person in call_all("/api/v1/people") for key in (person["email"], str(person["id"]))
    }
    for one in wanted:
        if one.lower() not in known:
            fail(
                f"No one has the email address or id {one}.",
                "Find people with: firebell search NAME --group people",
            )
    return [known[one.lower()] for one in wanted]


def person_id_of(wanted: str) -> int:
    """Return the id of a person; end with an error if there is none."""
    person_id: int = people_of([wanted])[0]["id"]
    return person_id
