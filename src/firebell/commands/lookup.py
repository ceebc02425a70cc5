"""Looks up what an argument refers to: an id, or a name that people know."""

from collections.abc import Sequence
from typing import Any

from firebell.commands.client import call_all
from firebell.commands.output import fail


def find(listed: Sequence[dict[str, Any]], wanted: str, name: str) -> dict[str, Any] | None:
    """Return the item that has this id, or this value (in any case) in its field `name`; None if there is none.

    End the command if it is one item's id and another's name: a guess could change, or page, the wrong one.
    """
    by_id = next((one for one in listed if wanted == str(one["id"])), None)
    exact = next((one for one in listed if wanted == one[name]), None)
    named = exact or next((one for one in listed if wanted.casefold() == str(one[name]).casefold()), None)
    if by_id and named and by_id is not named:
        fail(
            f"{wanted} is both the id of {by_id[name]} and the {name} of another.",
            f"Use {by_id[name]}, or the id {named['id']} for the other.",
        )
    return named or by_id


def team_id(wanted: str) -> int:
    """Return the id of a team by its slug or id; end the command if there is none."""
    teams = call_all("/api/v1/teams")
    team = find(teams, wanted, "slug")
    if team is None:
        slugs = ", ".join(each["slug"] for each in teams)
        fail(f"There is no team {wanted}.", f"Teams: {slugs or 'none yet'}.")
    return int(team["id"])
