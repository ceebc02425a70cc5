"""`firebell digest`: the digest of a week, and who gets which by email."""

from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, short, show, show_table


@click.group()
def digest() -> None:
    """Show the weekly digest, and choose who gets it."""


def _lines(shown: dict[str, Any]) -> list[str]:
    lines = [shown["title"]]
    for section in shown["sections"]:
        count = f" ({section['count']})" if section["count"] else ""
        lines += ["", f"{section['title']}{count}", *(f"  {line['text']}" for line in section["lines"])]
        if section["more"]:
            lines.append(f"  And {section['more']} more")
    if shown["suggestion"]:
        lines += ["", f"Suggestion: {shown['suggestion']['text']}"]
    return lines


@digest.command("show", epilog=example("firebell digest show --team payments --week 2026-W48"))
@click.option("--team", metavar="SLUG", help="The digest of one team.")
@click.option("--week", default="", metavar="WEEK", help="Such as 2026-W48. Default: the last week.")
@as_json
def show_digest(team: str | None, week: str) -> None:
    """Show the digest of a week, as you may see it."""
    shown = call("GET", "/api/v1/digests", team=team, week=week)
    show(shown, "\n".join(_lines(shown)))


@digest.command("list", epilog=example("firebell digest list"))
@as_json
def list_digests() -> None:
    """List the digests available to you, and which of them you get."""
    shown = call("GET", "/api/v1/digests/choices")
    rows = [
        (
            one["team"] or "-",
            one["name"],
            "on" if one["on"] else "off",
            "yes" if one["is_team_on"] else "no",
        )
        for one in shown["digests"]
    ]
    show_table(shown, ("TEAM", "NAME", "YOU", "MEMBERS"), rows, wide=1, empty="No digests.")


def _switch(team: str | None, *, on: bool, members: bool) -> None:
    if members and not team:
        raise click.UsageError("--members needs --team.")
    if members:
        shown = call("PUT", f"/api/v1/digests/teams/{seg(team or '')}", {"on": on})
        text = f"Members of {team} get its digest." if on else f"The digest of {team} is off for members."
    else:
        shown = call("PUT", "/api/v1/digests/choices", {"team": team, "on": on})
        name = team or "the organization"
        text = f"You get the digest of {name}." if on else f"You no longer get the digest of {name}."
    show(shown, f"{text} Next: {short(shown['next_at'])}" if on else text)


_team = click.option("--team", metavar="SLUG", help="The digest of one team. Default: of the organization.")
_members = click.option("--members", is_flag=True, help="For all members of the team.")


@digest.command("on", epilog=example("firebell digest on --team payments"))
@_team
@_members
@as_json
def turn_on(team: str | None, members: bool) -> None:
    """Get a digest by email every Monday at 09:00."""
    _switch(team, on=True, members=members)


@digest.command("off", epilog=example("firebell digest off --team payments"))
@_team
@_members
@as_json
def turn_off(team: str | None, members: bool) -> None:
    """Stop a digest."""
    _switch(team, on=False, members=members)
