"""`firebell oncall feed` and `firebell oncall import`: calendars out and in."""

import time
from pathlib import Path
from typing import Any

import click

from firebell.commands.client import call, call_all, seg
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
    table,
    wants_json,
)

_ID = click.IntRange(1, 2**63 - 1)
_READ_LIMIT_S = 60
"""How long a command waits for the server to read a calendar: it fetches for 30 s and reads for 20 s at most."""
_POLL_S = 0.2


@click.group()
def feed() -> None:
    """Shifts at an address for a calendar app."""


@feed.command("list", epilog=example("firebell oncall feed list"))
@as_json
def list_feeds() -> None:
    """List my feeds."""
    found = call("GET", "/api/v1/calendar-feeds")
    rows = [[str(f["id"]), f["kind"], f["name"], short(f["last_used_at"]) or "never"] for f in found]
    show(found, table(("ID", "OF", "NAME", "LAST READ"), rows, wide=2) if rows else "You have no feed.")


@feed.command("make", epilog=example("firebell oncall feed make", "firebell oncall feed make --team 1"))
@click.option("--schedule", default="", help="Of a schedule; without this and --team, of my shifts.")
@click.option("--team", type=_ID, help="Of all schedules of a team, by its id.")
@as_json
def make(schedule: str, team: int | None) -> None:
    """Make a feed and print its address, which is shown once."""
    if schedule and team:
        fail("Choose --schedule or --team.", "", USAGE)
    kind = "schedule" if schedule else "team" if team else "person"
    body = {"kind": kind, "schedule": schedule, "team_id": team}
    found = call("POST", "/api/v1/calendar-feeds", body)
    show(found, f"{found['url']}\nShown once. Whoever knows it can read the shifts (feed {found['id']}).")


@feed.command("revoke", epilog=example("firebell oncall feed revoke 3"))
@click.argument("feed_id", type=_ID)
@as_json
def revoke(feed_id: int) -> None:
    """Let a feed's address lead nowhere."""
    answer = call("DELETE", f"/api/v1/calendar-feeds/{feed_id}")
    show_removed(answer, {"revoked": feed_id}, f"Feed {feed_id} is revoked.")


@click.group("import")
def import_() -> None:
    """Calendars that a schedule takes in."""


@import_.command("list", epilog=example("firebell oncall import list payments-primary"))
@click.argument("schedule")
@as_json
def list_imports(schedule: str) -> None:
    """List the calendars of SCHEDULE and how they fare."""
    found = call("GET", f"/api/v1/schedules/{seg(schedule)}/calendars")
    rows = [[str(i["id"]), _use(i), _state(i), short(i["good_at"]) or "-", i["name"]] for i in found]
    text = table(("ID", "USE", "STATE", "READ", "NAME"), rows, wide=4) if rows else "No calendar comes in."
    for i in found:
        text += f"\n{i['id']}: {i['error']}" if i["error"] else ""
        text += "".join(
            f"\n{i['id']}: {local(s['start'])}: {s['title']!r} names nobody here" for s in i["unmatched"]
        )
    show(found, text)


def _use(found: dict[str, object]) -> str:
    return f"layer {found['place']}" if found["use"] == "layer" else str(found["use"])


def _state(found: dict[str, object]) -> str:
    if found["failing_since"]:
        return "stale" if found["stale"] else "failing"
    return "good" if found["good_at"] else "new"


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
@click.option("--url", default="", help="Fetched every 15 minutes.")
@click.option("--file", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--holidays", default="", help="Public holidays of a country, such as DE.")
@click.option("--part", default="", help="With --holidays: a part of the country, such as BE.")
@click.option("--user", "users", multiple=True, help="With --holidays: e-mail address or id of who has them.")
@click.option("--as", "use", type=click.Choice(("layer", "override")), default="layer", show_default=True)
@click.option("--below", is_flag=True, help="The layer lies below the rotations: for when they have nobody.")
@click.option("--name", default="")
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
    """Take a calendar in: its shifts decide who is on call on SCHEDULE."""
    if [bool(url), path is not None, bool(holidays)].count(True) != 1:
        fail("Say where the calendar is.", "Use one of --url, --file and --holidays.", USAGE)
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
    where = f"/api/v1/schedules/{seg(schedule)}/calendars"
    found = _read(where, call("POST", where, body))
    fault = _fault(found)
    if wants_json() or not fault:
        show(found, f"{found['name']} is taken in as {_use(found)} (calendar {found['id']}).")
    if fault:
        hint = f"Correct it, or remove it: firebell oncall import remove {found['id']}"
        fail(f"Calendar {found['id']} was added, but {fault}", hint)
    if not found["good_at"]:
        echo(f"It has not been read yet. See 'firebell oncall import list {schedule}'.", err=True)


def _read(where: str, added: dict[str, Any]) -> dict[str, Any]:
    """Return a calendar that was added once the server has read it, or as it is after `_READ_LIMIT_S`."""
    end = time.monotonic() + _READ_LIMIT_S
    while time.monotonic() < end:
        found = next((i for i in call("GET", where) if i["id"] == added["id"]), added)
        if found["good_at"] or found["failing_since"]:
            return found
        time.sleep(_POLL_S)
    return added


def _fault(found: dict[str, Any]) -> str:
    """Return why a calendar that was read cannot be used or gives nothing, an empty text when it gives shifts."""
    if found["failing_since"]:
        return f"it cannot be read: {found['error']}"
    if not found["good_at"] or found["shifts"]:
        return ""
    reasons = [f"{s['title']!r} names no one here" for s in found["unmatched"][:3]] + found["notes"][:3]
    return f"it gives no shift: {'; '.join(reasons) or 'it has no event in the time ahead'}."


def _ids(users: tuple[str, ...]) -> list[int]:
    known = {p["email"]: p["id"] for p in call_all("/api/v1/people")} if users else {}
    ids = [
        int(u) if u.isascii() and u.isdecimal() and len(u) < 19 else known.get(u.strip().lower())
        for u in users
    ]
    for user, found in zip(users, ids, strict=True):
        if found is None:
            fail(f"Nobody has the address {user}.", "See 'firebell oncall' for who is known.")
    return [i for i in ids if i is not None]


@import_.command("fetch", epilog=example("firebell oncall import fetch 4"))
@click.argument("calendar_id", type=_ID)
@as_json
def fetch(calendar_id: int) -> None:
    """Fetch a calendar now."""
    call("POST", f"/api/v1/calendars/{calendar_id}/fetch")
    show({"fetching": calendar_id}, f"Calendar {calendar_id} is being fetched.")


@import_.command("place", epilog=example("firebell oncall import place 4 below"))
@click.argument("calendar_id", type=_ID)
@click.argument("where", type=click.Choice(("above", "below")), metavar="above|below")
@as_json
def place(calendar_id: int, where: str) -> None:
    """Put an imported layer above or below the rotations, from now on."""
    found = call("PATCH", f"/api/v1/calendars/{calendar_id}", {"place": where})
    show(found, f"{found['name']} lies {where} the rotations.")


@import_.command("remove", epilog=example("firebell oncall import remove 4"))
@click.argument("calendar_id", type=_ID)
@as_json
def remove(calendar_id: int) -> None:
    """Take a calendar away; what has been stays."""
    call("DELETE", f"/api/v1/calendars/{calendar_id}")
    show({"removed": calendar_id}, f"Calendar {calendar_id} is gone.")
