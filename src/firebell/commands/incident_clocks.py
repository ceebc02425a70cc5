"""`firebell incident clocks` and `record-fact`: the regulatory clocks of an incident."""

from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, instant, local, short, show, show_table, time_left

STATES = (
    *("running", "due_soon", "overdue", "undecided", "waiting", "met", "late"),
    *("not_applicable", "stopped"),
)
_SHOWN = ("running", "due_soon", "overdue", "undecided", "met", "late", "stopped")


def _due(clock: dict[str, Any]) -> str:
    if clock["state"] in ("met", "late"):
        return f"submitted {short(clock['submitted_at'])}"
    if not clock["due_at"]:
        return "-"
    if clock["state"] in ("running", "due_soon", "overdue"):
        return f"{short(clock['due_at'])}, {time_left(clock['due_at'], promise=True)}"
    return short(clock["due_at"])


def rows(clocks: list[dict[str, Any]]) -> list[list[str]]:
    """Return the rows of a table of clocks."""
    return [
        [c["obligation"], c["state"].replace("_", " "), _due(c), f"{c['regime']}: {c['title']}"]
        for c in clocks
    ]


@click.command(epilog=example("firebell incident clocks INC-3", "firebell incident clocks INC-3 --all"))
@click.argument("ref")
@click.option("--all", "show_all", is_flag=True, help="Also those that do not apply or have not started.")
@as_json
def clocks(ref: str, show_all: bool) -> None:
    """List the regulatory clocks of incident REF, most urgent first."""
    answer = call("GET", f"/api/v1/incidents/{seg(ref)}/clocks")
    listed = [c for c in answer["clocks"] if show_all or c["state"] in _SHOWN]
    head = ("OBLIGATION", "STATE", "DUE", "NOTIFICATION")
    show_table({**answer, "clocks": listed}, head, rows(listed), wide=3, empty="No regulatory clocks.")


@click.command(
    "record-fact",
    epilog=example(
        "firebell incident record-fact INC-3 personal_data yes --at 2026-11-24T02:31",
        "firebell incident record-fact INC-3 sec_material no --reason 'No effect on results'",
        "firebell incident record-fact INC-3 submitted:GDPR-33 yes --reason 'Online form, reference 4711'",
    ),
)
@click.argument("ref")
@click.argument("fact")
@click.argument("answer", type=click.Choice(["yes", "no", "unknown"]), default="yes")
@click.option("--at", help="When it happened. Default: now.")
@click.option("--reason", default="", help="Required for a change, and for the answer no.")
@as_json
def record_fact(ref: str, fact: str, answer: str, at: str | None, reason: str) -> None:
    """Record FACT of incident REF with ANSWER.

    FACT is the id of a fact (see: firebell regime facts), or submitted:ID or stopped:ID of an obligation.
    """
    body: dict[str, Any] = {"fact": fact, "answer": answer, "reason": reason}
    if at:
        body["effective_at"] = instant(at, "--at")
    fields = call("POST", f"/api/v1/incidents/{seg(ref)}/facts", body)
    value = local(fields["effective_at"]) if fields["answer"] == "yes" else fields["answer"]
    show(fields, f"{fields['label']}: {value}")
