"""Finds what an argument means: an id, or a name that people know."""

from collections.abc import Sequence
from typing import Any

from firebell.commands.client import call_all
from firebell.commands.output import fail


def find(listed: Sequence[dict[str, Any]], wanted: str, name: str) -> dict[str, Any] | None:
    """Return the one with an id, or with a value of the field `name` in any case; None for none.

    End the command if the id of one is the name of another: a wrong guess would change, or page, the wrong one.
    """
    found = [
        one for one in listed if wanted == str(one["id"]) or wanted.casefold() == str(one[name]).casefold()
    ]
    if len(found) > 1:
        by_id = next(one for one in found if wanted == str(one["id"]))
        other = next(one for one in found if one is not by_id)
        fail(
            f"{wanted} is the id of {by_id[name]} and the {name} of another.",
            f"Use {by_id[name]}, or the id {other['id']} for the other.",
        )
    return found[0] if found else None


def team_id(wanted: str) -> int:
    """Return the id of a team by its slug or id; end the command if there is none."""
    teams = call_all("/api/v1/teams")
    team = find(teams, wanted, "slug")
    if team is None:
        slugs = ", ".join(each["slug"] for each in teams)
        fail(f"There is no team {wanted}.", f"Teams: {slugs or 'none yet'}.")
    return int(team["id"])
