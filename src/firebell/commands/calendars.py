"""`firebell oncall feed` and `firebell oncall import`: calendar feeds and imported calendars."""

import time
from pathlib import Path
from typing import Any

import click

from firebell.commands.client import call, call_all, seg
from firebell.commands.ids import ID
from firebell.commands.output import (
    USAGE,
    as_json,
    echo,
    example,
    fail,
    local,
    short,
    show,
    show_removed,
    show_table,
    table,
    wants_json,
)

_READ_TIMEOUT_S = 60
"""How long `import add` waits for the server, which takes at most 30 s to fetch and 20 s to read."""
_POLL_INTERVAL_S = 0.2


@click.group()
def feed() -> None:
    """Manage calendar feeds: shifts for your calendar app."""


@feed.command("list", epilog=example("firebell oncall feed list"))
@as_json
def list_feeds() -> None:
    """List your calendar feeds."""
    feeds = call("GET", "/api/v1/calendar-feeds")
    rows = [[str(f["id"]), f["kind"], f["name"], short(f["last_used_at"]) or "never"] for f in feeds]
    show_table(feeds, ("ID", "KIND", "NAME", "LAST READ"), rows, wide=2, empty="You have no calendar feeds.")


@feed.command("make", epilog=example("firebell oncall feed make", "firebell oncall feed make --team 1"))
@click.option("--schedule", default="", help="Slug of a schedule. Default: your own shifts.")
@click.option("--team", type=ID, help="Id of a team, for all of its schedules.")
@as_json
def make(schedule: str, team: int | None) -> None:
    """Create a feed and print its address, which is shown only once."""
    if schedule and team:
        fail("--schedule and --team cannot be combined.", "Use one of them.", USAGE)
    kind = "schedule" if schedule else "team" if team else "person"
    body = {"kind": kind, "schedule": schedule, "team_id": team}
    created = call("POST", "/api/v1/calendar-feeds", body)
    warning = f"Feed {created['id']}. Shown only once; anyone with this address can see the shifts."
    show(created, f"{created['url']}\n{warning}")


@feed.command("revoke", epilog=example("firebell oncall feed revoke 3"))
@click.argument("feed_id", type=ID)
@as_json
def revoke(feed_id: int) -> None:
    """Revoke a feed; its address stops working."""
    answer = call("DELETE", f"/api/v1/calendar-feeds/{feed_id}")
    show_removed(answer, {"revoked": feed_id}, f"Revoked feed {feed_id}.")


@click.group("import")
def import_() -> None:
    """Manage the calendars that a schedule imports."""


@import_.command("list", epilog=example("firebell oncall import list payments-primary"))
@click.argument("schedule")
@as_json
def list_imports(schedule: str) -> None:
    """List the imported calendars of SCHEDULE and their state."""
    calendars = call("GET", f"/api/v1/schedules/{seg(schedule)}/calendars")
    rows = [[str(i["id"]), _use(i), _state(i), short(i["good_at"]) or "-", i["name"]] for i in calendars]
    text = (
        table(("ID", "USE", "STATE", "LAST READ", "NAME"), rows, wide=4) if rows else "No imported calendars."
    )
    for i in calendars:
        text += f"\n{i['id']}: {i['error']}" if i["error"] else ""
        text += "".join(
            f"\n{i['id']}: {local(s['start'])}: {s['title']!r} matches no one" for s in i["unmatched"]
        )
    show(calendars, text)


def _use(calendar: dict[str, object]) -> str:
    return f"layer {calendar['place']}" if calendar["use"] == "layer" else str(calendar["use"])


def _state(calendar: dict[str, object]) -> str:
    if calendar["failing_since"]:
        return "stale" if calendar["stale"] else "failing"
    return "good" if calendar["good_at"] else "new"


@import_.command(
    "add",
    epilog=example(
        "firebell oncall import add payments-primary --url https://calendar.example.org/rota.ics",
        "firebell oncall import add payments-primary --file rota.ics --as override",
        "firebell oncall import add payments-primary --url https://calendar.example.org/base.ics --below",
        "firebell oncall import add payments-primary --holidays DE --part BE --user jun@example.org",
    ),
)
@click.argument("schedule")
@click.option("--url", default="", help="Address of a calendar, fetched every 15 minutes.")
@click.option(
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An iCalendar file.",
)
@click.option("--holidays", default="", help="Public holidays of a country, such as DE.")
@click.option("--part", default="", help="With --holidays: a state or region, such as BE.")
@click.option(
    "--user", "users", multiple=True, help="With --holidays: email address or id of someone on call then."
)
@click.option(
    "--as",
    "use",
    type=click.Choice(("layer", "override")),
    default="layer",
    show_default=True,
    help="An override beats every layer.",
)
@click.option("--below", is_flag=True, help="Only when the rotations have no one on call.")
@click.option("--name", default="", help="Name of the calendar.")
@as_json
def add(
    schedule: str,
    url: str,
    path: Path | None,
    holidays: str,
    part: str,
    users: tuple[str, ...],
    use: str,
    below: bool,
    name: str,
) -> None:
    """Import a calendar whose shifts decide who is on call on SCHEDULE."""
    if [bool(url), path is not None, bool(holidays)].count(True) != 1:
        fail("The calendar is missing.", "Pass one of --url, --file and --holidays.", USAGE)
    body = {
        "use": ("layer" if users else "names") if holidays else use,
        "place": "below" if below else "above",
        "name": name,
        "url": url,
        "text": path.read_bytes().decode("utf-8", "replace") if path else "",
        "country": holidays,
        "subdivision": part,
        "people": _ids(users),
    }
    address = f"/api/v1/schedules/{seg(schedule)}/calendars"
    calendar = _read(address, call("POST", address, body))
    problem = _problem(calendar)
    if wants_json() or not problem:
        show(calendar, f"Imported {calendar['name']} as {_use(calendar)} (calendar {calendar['id']}).")
    if problem:
        hint = f"Fix it, or remove it: firebell oncall import remove {calendar['id']}"
        fail(f"Calendar {calendar['id']} was added, but {problem}", hint)
    if not calendar["good_at"]:
        echo(f"Not read yet. Check with 'firebell oncall import list {schedule}'.", err=True)


def _read(address: str, added: dict[str, Any]) -> dict[str, Any]:
    """Return an added calendar once the server has read it, or as it is after `_READ_TIMEOUT_S`."""
    end = time.monotonic() + _READ_TIMEOUT_S
    while time.monotonic() < end:
        calendar = next((i for i in call("GET", address) if i["id"] == added["id"]), added)
        if calendar["good_at"] or calendar["failing_since"]:
            return calendar
        time.sleep(_POLL_INTERVAL_S)
    return added


def _problem(calendar: dict[str, Any]) -> str:
    """Return why a calendar cannot be read or has no shifts, an empty text if it has some."""
    if calendar["failing_since"]:
        return f"it cannot be read: {calendar['error']}"
    if not calendar["good_at"] or calendar["shifts"]:
        return ""
    reasons = [f"{s['title']!r} matches no one" for s in calendar["unmatched"][:3]] + calendar["notes"][:3]
    return f"it has no shifts: {'; '.join(reasons) or 'it has no upcoming events'}."


def _ids(users: tuple[str, ...]) -> list[int]:
    ids_by_email = {p["email"]: p["id"] for p in call_all("/api/v1/people")} if users else {}
    ids = [
        int(u) if u.isascii() and u.isdecimal() and len(u) < 19 else ids_by_email.get(u.strip().lower())
        for u in users
    ]
    for user, person_id in zip(users, ids, strict=True):
        if person_id is None:
            fail(
                f"No one has the email address {user}.",
                "Find people with: firebell search NAME --group people",
            )
    return [i for i in ids if i is not None]


@import_.command("fetch", epilog=example("firebell oncall import fetch 4"))
@click.argument("calendar_id", type=ID)
@as_json
def fetch(calendar_id: int) -> None:
    """Fetch a calendar now."""
    call("POST", f"/api/v1/calendars/{calendar_id}/fetch")
    show({"fetching": calendar_id}, f"Fetching calendar {calendar_id}.")


@import_.command("place", epilog=example("firebell oncall import place 4 below"))
@click.argument("calendar_id", type=ID)
@click.argument("where", type=click.Choice(("above", "below")), metavar="above|below")
@as_json
def place(calendar_id: int, where: str) -> None:
    """Move an imported layer above or below the rotations, from now on."""
    calendar = call("PATCH", f"/api/v1/calendars/{calendar_id}", {"place": where})
    show(calendar, f"{calendar['name']} is now {where} the rotations.")


@import_.command("remove", epilog=example("firebell oncall import remove 4"))
@click.argument("calendar_id", type=ID)
@as_json
def remove(calendar_id: int) -> None:
    """Remove an imported calendar; past shifts do not change."""
    call("DELETE", f"/api/v1/calendars/{calendar_id}")
    show({"removed": calendar_id}, f"Removed calendar {calendar_id}.")
