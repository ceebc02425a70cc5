"""`firebell incident check` and `waive`: the process checks of an incident."""

from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, instant, show, show_table

FINDINGS_EXIT_CODE = 1
"""The exit code if a check found an open error or warning."""


def _row(finding: dict[str, Any]) -> list[str]:
    waiver = finding["waiver"]
    level = f"waived by {waiver['by']}: {waiver['reason']}" if waiver else finding["level"]
    return [finding["id"], level, finding["message"]]


@click.command(epilog=example("firebell incident check INC-3", "firebell incident check INC-3 --json"))
@click.argument("ref")
@as_json
@click.pass_context
def check(context: click.Context, ref: str) -> None:
    """Run the process checks of incident REF.

    The exit code is 1 if a check found an error or a warning that is not waived.
    """
    answer = call("GET", f"/api/v1/incidents/{seg(ref)}/checks")
    rows = [_row(finding) for finding in answer["findings"]]
    head = ("FINDING", "LEVEL", "MESSAGE")
    show_table(answer, head, rows, wide=2, empty=f"{len(answer['passed'])} checks passed, nothing found.")
    if answer["open"]:
        context.exit(FINDINGS_EXIT_CODE)


@click.command(
    epilog=example(
        "firebell incident waive INC-3 I-UPDATE:17 --reason 'Everyone was on the call'",
        "firebell incident waive INC-3 I-UPDATE:17 --undo",
    )
)
@click.argument("ref")
@click.argument("finding")
@click.option("--reason", default="", help="Why the finding doesn't matter.")
@click.option("--until", help="When the waiver ends. Default: never.")
@click.option("--undo", is_flag=True, help="Undo the waiver.")
@as_json
def waive(ref: str, finding: str, reason: str, until: str | None, undo: bool) -> None:
    """Waive FINDING of incident REF with a reason, or undo that."""
    path = f"/api/v1/incidents/{seg(ref)}/checks/waivers"
    body: dict[str, Any] = {"finding": finding}
    if not undo:
        body["reason"] = reason
        if until:
            body["until"] = instant(until, "--until")
    answer = call("POST", f"{path}/end" if undo else path, body)
    show(answer, f"{finding} of {answer['incident']}: {'open again' if undo else 'waived'}.")
