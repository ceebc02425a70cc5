"""`firebell drill`: list and plan drills, check scenario files, run the clock, and show the score."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from firebell.commands.client import call, call_all, call_first, seg
from firebell.commands.output import as_json, example, fail, instant, short, show, show_table
from firebell.commands.people import people_of
from firebell.kit.countdown import stopwatch

_STATES = click.Choice(["planned", "running", "paused", "finished", "canceled"])


def _address(ref: str, suffix: str = "") -> str:
    return f"/api/v1/drills/{seg(ref)}{suffix}"


def _line(drill: dict[str, Any]) -> str:
    score = "" if drill["score"] is None else f", score {drill['score']}%"
    return f"{drill['ref']} is {drill['state']}{score}: {drill['title']}"


def _clock(seconds: float | None) -> str:
    return "-" if seconds is None else stopwatch(timedelta(seconds=seconds))


@click.group()
def drill() -> None:
    """Drills: game days and tabletops from scenario files."""


@drill.command("list", epilog=example("firebell drill list --state finished"))
@click.option("--state", type=_STATES)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def list_(state: str | None, limit: int) -> None:
    """List drills, the latest planned first."""
    drills = call_first("/api/v1/drills", limit, state=state)
    rows = [
        [
            d["ref"],
            d["kind"].replace("_", " "),
            d["state"],
            short(d["started_at"] or d["planned_for"]),
            "-" if d["score"] is None else f"{d['score']}%",
            d["title"],
        ]
        for d in drills
    ]
    head = ("DRILL", "KIND", "STATE", "WHEN", "SCORE", "TITLE")
    show_table(drills, head, rows, wide=5, empty="No drills.")


@drill.command(epilog=example("firebell drill scenarios"))
@as_json
def scenarios() -> None:
    """List the scenarios that Firebell ships and those of runbook sources."""
    listed = call("GET", "/api/v1/drills/scenarios")
    rows = [
        [s["slug"], s["kind"].replace("_", " "), f"{s['minutes']} min", s["source"] or "Firebell", s["title"]]
        for s in listed
    ]
    show_table(listed, ("SCENARIO", "KIND", "LENGTH", "SOURCE", "TITLE"), rows, wide=4, empty="No scenarios.")
    for file in call("GET", "/api/v1/drills/scenarios/refused"):
        for p in file["problems"]:
            where = f"{file['source']}: {file['path']}:{p['line']}"
            click.echo(f"{where}: {p['message']} {p['advice']}", err=True)


@drill.command(epilog=example("firebell drill check drills/db-lost.yaml"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def check(file: Path) -> None:
    """Check the scenario FILE on this machine; needs no server. Exits with 1 if it has problems."""
    from firebell.drills.scenario_file import MAX_BYTES, read_scenario

    data = file.read_bytes()[: MAX_BYTES + 1]
    try:
        text = data.decode()
    except UnicodeDecodeError:
        fail(f"{file} is not UTF-8 text.", "Save it as UTF-8.")
    result = read_scenario(text)
    problems = [{"line": p.line, "message": p.message, "advice": p.advice} for p in result.problems]
    if result.scenario is None:
        show(
            {"problems": problems},
            "\n".join(f"{file}:{p['line']}: {p['message']} {p['advice']}" for p in problems),
        )
        raise SystemExit(1)
    scenario = result.scenario
    counts = f"{len(scenario.injects)} injects and {len(scenario.expectations)} expectations"
    show({"problems": []}, f"{file}: {scenario.slug} is fine, with {counts} in {scenario.minutes} min.")


@drill.command(
    epilog=example(
        "firebell drill plan db-primary-lost --at 2026-12-03T10:00 --player mara@example.org",
        "firebell drill plan --file drills/db-lost.yaml --at 2026-12-03T10:00",
    )
)
@click.argument("scenario", required=False, default="")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Your own file.")
@click.option("--at", required=True, metavar="TIME", help="When it begins.")
@click.option("--title")
@click.option("--team", metavar="SLUG")
@click.option("--service", metavar="SLUG", help="Its policy decides who an alert pages.")
@click.option("--player", "players", multiple=True, metavar="PERSON", help="An email address or an id.")
@as_json
def plan(
    scenario: str,
    file: Path | None,
    at: str,
    title: str | None,
    team: str | None,
    service: str | None,
    players: tuple[str, ...],
) -> None:
    """Plan a drill with a SCENARIO of the library or a file, and invite players."""
    if bool(scenario) == bool(file):
        fail("Name a scenario or a file.", "See them with: firebell drill scenarios")
    body = {
        "scenario": scenario,
        "file": file.read_text(encoding="utf-8") if file else None,
        "planned_for": instant(at, "--at"),
        "title": title or "",
        "team_id": _id_of("/api/v1/teams", team, "team"),
        "service_id": _id_of("/api/v1/services", service, "service"),
        "invited": [person["id"] for person in people_of(players)],
    }
    planned = call("POST", "/api/v1/drills", body)
    show(planned, _line(planned))


def _id_of(path: str, slug: str | None, what: str) -> int | None:
    if slug is None:
        return None
    ids = {entry["slug"]: entry["id"] for entry in call_all(path)}
    if slug not in ids:
        fail(f"There is no {what} {slug}.", f"Use one of {', '.join(sorted(ids)) or 'none'}.")
    entry_id: int = ids[slug]
    return entry_id


@drill.command("show", epilog=example("firebell drill show DRILL-7"))
@click.argument("ref")
@as_json
def show_(ref: str) -> None:
    """Show drill REF with its injects and players."""
    shown = call("GET", _address(ref))
    lines = [_line(shown), f"  {_clock(shown['elapsed_s'])} of {shown['minutes']} min"]
    lines += [f"  paused: {shown['pause_reason']}"] if shown["pause_reason"] else []
    for line in shown["injects"]:
        note = f" ({line['note']})" if line["note"] else ""
        lines.append(f"  {_clock(line['at_s']):>7}  {line['state']:8}{line['id']}: {line['title']}{note}")
    lines += [
        f"  {p['name']} {p['state']}{', took part' if p['attended'] else ''}" for p in shown["participants"]
    ]
    show(shown, "\n".join(lines))


def _run(ref: str, do: str, inject: str = "") -> None:
    shown = call("POST", _address(ref, "/clock"), {"do": do, "inject": inject})
    show(shown, _line(shown))


@drill.command(epilog=example("firebell drill start DRILL-7"))
@click.argument("ref")
@as_json
def start(ref: str) -> None:
    """Start the clock of drill REF."""
    _run(ref, "start")


@drill.command(
    "next", epilog=example("firebell drill next DRILL-7", "firebell drill next DRILL-7 --inject i4")
)
@click.argument("ref")
@click.option("--inject", default="", metavar="ID", help="Which one. Default: the next one.")
@as_json
def next_(ref: str, inject: str) -> None:
    """Deliver the next inject of drill REF now."""
    _run(ref, "deliver", inject)


@drill.command(epilog=example("firebell drill pause DRILL-7"))
@click.argument("ref")
@as_json
def pause(ref: str) -> None:
    """Stop the clock of drill REF."""
    _run(ref, "pause")


@drill.command(epilog=example("firebell drill resume DRILL-7"))
@click.argument("ref")
@as_json
def resume(ref: str) -> None:
    """Resume drill REF."""
    _run(ref, "resume")


@drill.command(epilog=example("firebell drill finish DRILL-7"))
@click.argument("ref")
@as_json
def finish(ref: str) -> None:
    """Finish drill REF: it is scored, and its document is drafted."""
    _run(ref, "finish")


@drill.command(epilog=example("firebell drill join DRILL-7 --night", "firebell drill join DRILL-7 --decline"))
@click.argument("ref")
@click.option("--night", is_flag=True, help="Also between 22:00 and 7:00.")
@click.option("--decline", is_flag=True, help="Do not take part.")
@as_json
def join(ref: str, night: bool, decline: bool) -> None:
    """Accept drill REF, or decline it. A drill sends nothing to people who have not accepted."""
    body = {"accept": not decline, "night_ok": night and not decline}
    shown = call("PUT", _address(ref, "/participation"), body)
    show(shown, f"You {'do not take part' if decline else 'take part'} in {shown['ref']}.")


@drill.command(epilog=example("firebell drill score DRILL-7"))
@click.argument("ref")
@as_json
def score(ref: str) -> None:
    """Show the score of drill REF, with each expectation and finding."""
    shown = call("GET", _address(ref))
    lines = [_line(shown)]
    if shown["possible"]:
        lines.append(f"  {shown['earned']:g} of {shown['possible']:g} points")
    for result in shown["results"]:
        took = f", after {_clock(result['took_s'])}" if result["took_s"] is not None else ""
        detail = f", {result['detail']}" if result["detail"] else ""
        lines.append(f"  {result['verdict']:7} {result['name']}{took}{detail}")
    lines += [f"  {finding['code']}: {finding['message']}" for finding in shown["findings"]]
    show(shown, "\n".join(lines))
