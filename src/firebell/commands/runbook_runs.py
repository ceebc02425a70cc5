"""`firebell runbook runs`: list runs, or show one with its steps."""

from datetime import datetime
from typing import Any

import click

from firebell.commands.client import call, call_first, seg
from firebell.commands.output import as_json, echo, example, short, show_table, wants_json
from firebell.kit.durations import duration
from firebell.kit.text import plural


@click.command(
    "runs",
    epilog=example("firebell runbook runs --incident INC-3", "firebell runbook runs RUN-7"),
)
@click.argument("ref", required=False)
@click.option("--runbook", "slug", metavar="SLUG", help="Only those of a runbook.")
@click.option("--incident", metavar="REF", help="Only those of an incident.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def runs(ref: str | None, slug: str | None, incident: str | None, limit: int) -> None:
    """List runs of runbooks, newest first, or show run REF with its steps."""
    if ref is not None:
        _show(ref)
        return
    listed = call_first("/api/v1/runbook-runs", limit, runbook=slug, incident=incident)
    head = ("RUN", "STATE", "STARTED", "TOOK", "BY", "INCIDENT", "RUNBOOK")
    rows = [
        [
            run["ref"],
            _state(run),
            short(run["started_at"]),
            _took(run),
            run["started_by"],
            run["incident"] or "-",
            run["title"],
        ]
        for run in listed
    ]
    show_table(listed, head, rows, wide=6, empty="No runs yet.")


def _state(run: dict[str, Any]) -> str:
    state: str = "rolling_back" if run["rolling_back"] and run["state"] == "running" else run["state"]
    return state.replace("_", " ") + (" (dry)" if run["dry"] else "")


def _took(run: dict[str, Any]) -> str:
    if run["ended_at"] is None:
        return "-"
    return duration(datetime.fromisoformat(run["ended_at"]) - datetime.fromisoformat(run["started_at"]))


def _show(ref: str) -> None:
    run = call("GET", f"/api/v1/runbook-runs/{seg(ref)}")
    if not wants_json():
        usual = f", usually {round(run['usual_s'] / 60)} min" if run["usual_s"] else ""
        began = f"started {short(run['started_at'])} by {run['started_by']}"
        ended = f", took {_took(run)}" if run["ended_at"] else ""
        echo(f"{run['ref']} {run['title']}: {_state(run)}, {began}{ended}{usual}.")
        for finding in run["findings"]:
            echo(f"{finding['id']}: {finding['message']} {finding['fix']}")
    head = ("PART", "STEP", "STATE", "TRIES", "EXIT", "BY", "TITLE")
    rows = [
        [
            step["part"],
            step["label"] or str(step["position"]),
            step["state"],
            str(step["attempts"]),
            "-" if step["exit"] is None else str(step["exit"]),
            step["changed_by"] or "-",
            (f"“{step['reason']}” " if step["reason"] else "") + step["title"],
        ]
        for step in run["steps"]
    ]
    show_table(run, head, rows, wide=6, empty=plural(0, "step"))
