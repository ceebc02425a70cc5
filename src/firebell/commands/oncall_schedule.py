"""`firebell oncall schedule`: show, create, edit, rename and delete; people who join and leave."""

import json
from typing import IO, Any

import click

from firebell.commands.client import call, call_all, seg
from firebell.commands.output import USAGE, as_json, example, fail, instant, local, short, show, table

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
AT = "From when on; default now."


@click.group()
def schedule() -> None:
    """Schedules: their layers, and who takes turns."""


@schedule.command("list", epilog=example("firebell oncall schedule list"))
@as_json
def list_schedules() -> None:
    """List the schedules."""
    found = call_all("/api/v1/schedules")
    rows = [[s["name"], s["slug"], s["tz"]] for s in found]
    show(found, table(("SCHEDULE", "SLUG", "ZONE"), rows, wide=0) if rows else "There is no schedule yet.")


def _names() -> dict[int, str]:
    return {p["id"]: p["name"] for p in call_all("/api/v1/people")}


def _windows(layer: dict[str, Any]) -> str:
    texts = []
    for w in layer["windows"]:
        end = w["start"] + w["minutes"]
        days = "every day" if len(w["days"]) == 7 else " ".join(DAYS[d] for d in sorted(w["days"]))
        more = f" +{end // 1440} days" if end > 2880 else ""
        clock = f"{w['start'] // 60:02}:{w['start'] % 60:02} to {end // 60 % 24:02}:{end % 60:02}"
        texts.append(f"{clock}{more} {days}")
    return "; ".join(texts)


def _layer(layer: dict[str, Any], names: dict[int, str]) -> list[str]:
    turns = [" and ".join(names.get(u, str(u)) for u in slot) or "nobody" for slot in layer["slots"]]
    every = f"{layer['every']} {layer['unit']}s" if layer["every"] > 1 else layer["unit"]
    extent = [
        f"{word} {local(layer[key])}" for word, key in (("from", "start"), ("until", "end")) if layer[key]
    ]
    return [
        f"layer {layer['id']} {layer['name'] or '-'}: every {every} from {layer['anchor'][:16]} {layer['tz']}",
        f"  turns: {', '.join(turns) or 'nobody'}",
        *([f"  open: {_windows(layer)}"] if layer["windows"] else []),
        *([f"  holds {' '.join(extent)}"] if extent else []),
    ]


def _show(found: dict[str, Any]) -> None:
    names = _names()
    lines = [f"{found['name']} ({found['slug']}), {found['tz']}, version {found['version']}"]
    for layer in reversed(found["layers"]):
        lines += _layer(layer, names)
    for shadow in found["shadows"]:
        whom = names.get(shadow["of"], "whoever is on call")
        lines.append(f"shadow {shadow['id']}: {names.get(shadow['user'], '-')} of {whom}")
    show(found, "\n".join(lines))


@schedule.command(
    "show", epilog=example("firebell oncall schedule show payments-primary --json > primary.json")
)
@click.argument("slug")
@as_json
def show_schedule(slug: str) -> None:
    """Show SLUG with its layers, the highest first; as JSON it is what `edit` reads."""
    _show(call("GET", f"/api/v1/schedules/{seg(slug)}"))


def _read(file: IO[str]) -> dict[str, Any]:
    try:
        found = json.load(file)
    except (ValueError, UnicodeDecodeError) as error:
        fail(f"{file.name} is not JSON: {error}", "See 'firebell oncall schedule show SLUG --json'.", USAGE)
    if not isinstance(found, dict) or not isinstance(found.get("layers"), list):
        fail(f"{file.name} has no list of layers.", 'Give {"layers": [...]}.', USAGE)
    return found


FILE = click.option(
    "--file",
    "file",
    type=click.File(encoding="utf-8"),
    required=True,
    help="A JSON file; - reads standard input.",
)


@schedule.command(epilog=example("firebell oncall schedule create --file primary.json"))
@FILE
@as_json
def create(file: IO[str]) -> None:
    """Add the schedule of a JSON file: name, team_id, tz and layers from low to high."""
    _show(call("POST", "/api/v1/schedules", _read(file)))


@schedule.command(
    epilog=example(
        "firebell oncall schedule show payments-primary --json > primary.json",
        "firebell oncall schedule edit payments-primary --file primary.json --dry-run",
    )
)
@click.argument("slug")
@FILE
@click.option("--at", help=AT)
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@as_json
def edit(slug: str, file: IO[str], at: str | None, dry_run: bool) -> None:
    """Change the layers of SLUG from an instant on; history stays as it was."""
    given = _read(file)
    body = {
        "layers": given["layers"],
        "version": given.get("version"),
        "at": instant(at, "--at") if at else None,
    }
    if dry_run:
        show_preview(call("POST", f"/api/v1/schedules/{seg(slug)}/preview", body))
    else:
        _show(call("PUT", f"/api/v1/schedules/{seg(slug)}/layers", body))


def _people(found: list[dict[str, Any]]) -> str:
    return ", ".join(p["name"] for p in found) or "nobody"


def show_preview(found: dict[str, Any]) -> None:
    """Print what a change of a schedule would do."""
    rows = [
        [short(c["start"]), short(c["end"]), _people(c["before"]), _people(c["after"])]
        for c in found["changes"][:20]
    ]
    lines = [table(("FROM", "TO", "BEFORE", "AFTER"), rows, wide=3) if rows else "Nobody's duty changes."]
    if len(found["changes"]) > 20:
        lines.append(f"... and {len(found['changes']) - 20} more")
    lines += [f"{h['person']['name']}: {h['hours']:+.1f} hours in 90 days" for h in found["hours"]]
    lines += [f"new gap: {short(g['start'])} to {short(g['end'])}" for g in found["new_gaps"][:20]]
    lines += [f"gap closed: {short(g['start'])} to {short(g['end'])}" for g in found["closed_gaps"][:20]]
    lines += [f"new {f['level']} {f['code']}: {f['message']}" for f in found["new_findings"]]
    lines += [f"fixed {f['code']}: {f['message']}" for f in found["fixed_findings"]]
    show(found, "\n".join(lines))


@schedule.command(epilog=example("firebell oncall schedule rename payments-primary 'Payments first'"))
@click.argument("slug")
@click.argument("name")
@as_json
def rename(slug: str, name: str) -> None:
    """Give SLUG another NAME; its address stays, so that links to it do."""
    found = call("PATCH", f"/api/v1/schedules/{seg(slug)}", {"name": name})
    show(found, f"{slug} is {found['name']} now.")


@schedule.command(epilog=example("firebell oncall schedule delete payments-primary"))
@click.argument("slug")
@as_json
def delete(slug: str) -> None:
    """Delete SLUG; its past stays in reports; refused while a policy needs it."""
    call("DELETE", f"/api/v1/schedules/{seg(slug)}")
    show({"deleted": slug}, f"{slug} is deleted.")


@schedule.command(
    epilog=example("firebell oncall schedule join payments-primary --user ada@example.org --layer 3")
)
@click.argument("slug")
@click.option("--user", required=True, help="E-mail address or id.")
@click.option("--layer", type=click.IntRange(1, 2**63 - 1), required=True, help="See 'schedule show'.")
@click.option("--place", type=click.IntRange(0, 500), help="Before which turn, from 0; default the last.")
@click.option("--at", help=AT)
@as_json
def join(slug: str, user: str, layer: int, place: int | None, at: str | None) -> None:
    """Let somebody take turns on SLUG; whoever is on call stays it."""
    body = {"person": user, "layer_id": layer, "place": place, "at": instant(at, "--at") if at else None}
    _show(call("POST", f"/api/v1/schedules/{seg(slug)}/join", body))


@schedule.command(
    epilog=example("firebell oncall schedule leave payments-primary --user ada@example.org --at 2027-01-01")
)
@click.argument("slug")
@click.option("--user", required=True, help="E-mail address or id.")
@click.option("--at", help=AT)
@as_json
def leave(slug: str, user: str, at: str | None) -> None:
    """Take somebody out of every layer of SLUG."""
    body = {"person": user, "at": instant(at, "--at") if at else None}
    _show(call("POST", f"/api/v1/schedules/{seg(slug)}/leave", body))
