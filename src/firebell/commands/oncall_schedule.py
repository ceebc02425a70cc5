"""`firebell oncall schedule`: manage schedules and their rotations."""

import json
from typing import IO, Any

import click

from firebell.commands.client import call, call_all, seg
from firebell.commands.ids import ID
from firebell.commands.output import (
    USAGE,
    as_json,
    example,
    fail,
    instant,
    local,
    short,
    show,
    show_table,
    table,
)

_DAY_NAMES = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_AT_HELP = "When the change takes effect. Default: now."
_USER_HELP = "Email address or id."


@click.group()
def schedule() -> None:
    """Manage schedules, their layers and rotations."""


@schedule.command("list", epilog=example("firebell oncall schedule list"))
@as_json
def list_schedules() -> None:
    """List every schedule."""
    schedules = call_all("/api/v1/schedules")
    rows = [[s["name"], s["slug"], s["tz"]] for s in schedules]
    show_table(schedules, ("SCHEDULE", "SLUG", "TIME ZONE"), rows, wide=0, empty="No schedules yet.")


def _names() -> dict[int, str]:
    return {p["id"]: p["name"] for p in call_all("/api/v1/people")}


def _windows(layer: dict[str, Any]) -> str:
    windows = []
    for w in layer["windows"]:
        end = w["start"] + w["minutes"]
        days = "every day" if len(w["days"]) == 7 else " ".join(_DAY_NAMES[d] for d in sorted(w["days"]))
        extra_days = f" +{end // 1440} days" if end > 2880 else ""
        clock = f"{w['start'] // 60:02}:{w['start'] % 60:02} to {end // 60 % 24:02}:{end % 60:02}"
        windows.append(f"{clock}{extra_days} {days}")
    return "; ".join(windows)


def _layer(layer: dict[str, Any], names: dict[int, str]) -> list[str]:
    slots = [" and ".join(names.get(u, str(u)) for u in slot) or "no one" for slot in layer["slots"]]
    every = f"{layer['every']} {layer['unit']}s" if layer["every"] > 1 else layer["unit"]
    extent = [
        f"{word} {local(layer[key])}" for word, key in (("from", "start"), ("until", "end")) if layer[key]
    ]
    return [
        f"layer {layer['id']} {layer['name'] or '-'}: every {every} from {layer['anchor'][:16]} {layer['tz']}",
        f"  rotation: {', '.join(slots) or 'no one'}",
        *([f"  active hours: {_windows(layer)}"] if layer["windows"] else []),
        *([f"  in effect {' '.join(extent)}"] if extent else []),
    ]


def _show(fields: dict[str, Any]) -> None:
    names = _names()
    lines = [f"{fields['name']} ({fields['slug']}), {fields['tz']}, version {fields['version']}"]
    for layer in reversed(fields["layers"]):
        lines += _layer(layer, names)
    for shadow in fields["shadows"]:
        shadowed = names.get(shadow["of"], "everyone on call")
        lines.append(f"shadow {shadow['id']}: {names.get(shadow['user'], '-')} of {shadowed}")
    show(fields, "\n".join(lines))


@schedule.command(
    "show", epilog=example("firebell oncall schedule show payments-primary --json > primary.json")
)
@click.argument("slug")
@as_json
def show_schedule(slug: str) -> None:
    """Show SLUG with its layers, highest first; `edit` reads its JSON."""
    _show(call("GET", f"/api/v1/schedules/{seg(slug)}"))


def _read(file: IO[str]) -> dict[str, Any]:
    try:
        document = json.load(file)
    except (ValueError, UnicodeDecodeError) as error:
        fail(f"{file.name} is not JSON: {error}", "See 'firebell oncall schedule show SLUG --json'.", USAGE)
    if not isinstance(document, dict) or not isinstance(document.get("layers"), list):
        fail(f"{file.name} has no list of layers.", 'Give {"layers": [...]}.', USAGE)
    return document


_FILE = click.option(
    "--file",
    "file",
    type=click.File(encoding="utf-8"),
    required=True,
    help="A JSON file; - reads standard input.",
)


@schedule.command(epilog=example("firebell oncall schedule create --file primary.json"))
@_FILE
@as_json
def create(file: IO[str]) -> None:
    """Create a schedule from a JSON file.

    It has name, team_id, tz and layers, lowest first.
    """
    _show(call("POST", "/api/v1/schedules", _read(file)))


@schedule.command(
    epilog=example(
        "firebell oncall schedule show payments-primary --json > primary.json",
        "firebell oncall schedule edit payments-primary --file primary.json --dry-run",
    )
)
@click.argument("slug")
@_FILE
@click.option("--at", help=_AT_HELP)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@as_json
def edit(slug: str, file: IO[str], at: str | None, dry_run: bool) -> None:
    """Change the layers of SLUG; past shifts do not change."""
    document = _read(file)
    body = {
        "layers": document["layers"],
        "version": document.get("version"),
        "at": instant(at, "--at") if at else None,
    }
    if dry_run:
        show_preview(call("POST", f"/api/v1/schedules/{seg(slug)}/preview", body))
    else:
        _show(call("PUT", f"/api/v1/schedules/{seg(slug)}/layers", body))


def _people(people: list[dict[str, Any]]) -> str:
    return ", ".join(p["name"] for p in people) or "no one"


def show_preview(preview: dict[str, Any]) -> None:
    """Print the preview of a change to a schedule."""
    rows = [
        [short(c["start"]), short(c["end"]), _people(c["before"]), _people(c["after"])]
        for c in preview["changes"][:20]
    ]
    lines = [table(("FROM", "TO", "BEFORE", "AFTER"), rows, wide=3) if rows else "No one's shifts change."]
    if len(preview["changes"]) > 20:
        lines.append(f"... and {len(preview['changes']) - 20} more")
    lines += [f"{h['person']['name']}: {h['hours']:+.1f} hours in 90 days" for h in preview["hours"]]
    lines += [f"new gap: {short(g['start'])} to {short(g['end'])}" for g in preview["new_gaps"][:20]]
    lines += [f"gap closed: {short(g['start'])} to {short(g['end'])}" for g in preview["closed_gaps"][:20]]
    lines += [f"new {f['level']} {f['code']}: {f['message']}" for f in preview["new_findings"]]
    lines += [f"fixed {f['code']}: {f['message']}" for f in preview["fixed_findings"]]
    show(preview, "\n".join(lines))


@schedule.command(epilog=example("firebell oncall schedule rename payments-primary 'Payments first'"))
@click.argument("slug")
@click.argument("name")
@as_json
def rename(slug: str, name: str) -> None:
    """Rename SLUG to NAME; its slug and links stay the same."""
    renamed = call("PATCH", f"/api/v1/schedules/{seg(slug)}", {"name": name})
    show(renamed, f"Renamed {slug} to {renamed['name']}.")


@schedule.command(epilog=example("firebell oncall schedule delete payments-primary"))
@click.argument("slug")
@as_json
def delete(slug: str) -> None:
    """Delete SLUG, unless a policy uses it; past shifts stay in reports."""
    call("DELETE", f"/api/v1/schedules/{seg(slug)}")
    show({"deleted": slug}, f"Deleted {slug}.")


@schedule.command(
    epilog=example("firebell oncall schedule join payments-primary --user ada@example.org --layer 3")
)
@click.argument("slug")
@click.option("--user", required=True, help=_USER_HELP)
@click.option("--layer", type=ID, required=True, help="Id of a layer; see 'schedule show'.")
@click.option("--place", type=click.IntRange(0, 500), help="Position in the rotation, from 0. Default: last.")
@click.option("--at", help=_AT_HELP)
@as_json
def join(slug: str, user: str, layer: int, place: int | None, at: str | None) -> None:
    """Add someone to a rotation of SLUG. The current shift does not change."""
    body = {"person": user, "layer_id": layer, "place": place, "at": instant(at, "--at") if at else None}
    _show(call("POST", f"/api/v1/schedules/{seg(slug)}/join", body))


@schedule.command(
    epilog=example("firebell oncall schedule leave payments-primary --user ada@example.org --at 2027-01-01")
)
@click.argument("slug")
@click.option("--user", required=True, help=_USER_HELP)
@click.option("--at", help=_AT_HELP)
@as_json
def leave(slug: str, user: str, at: str | None) -> None:
    """Remove someone from every rotation of SLUG."""
    body = {"person": user, "at": instant(at, "--at") if at else None}
    _show(call("POST", f"/api/v1/schedules/{seg(slug)}/leave", body))
