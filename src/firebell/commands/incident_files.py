"""`firebell incident attach`, `export` and `graph`: files of a timeline, and an incident as a document or a graph."""

import base64
import json
from pathlib import Path
from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, echo, example, short, show, table


@click.command(epilog=example("firebell incident attach INC-3 graph.png --text '5xx by bank' --kind finding"))
@click.argument("ref")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--text", default="", help="Text of the entry. Default: the name of the file.")
@click.option(
    "--kind",
    type=click.Choice(["note", "update", "finding", "decision", "mitigation"]),
    default="note",
    show_default=True,
)
@as_json
def attach(ref: str, file: Path, text: str, kind: str) -> None:
    """Add FILE, an image or a log, to the timeline of incident REF."""
    content = base64.b64encode(file.read_bytes()).decode()
    body: dict[str, Any] = {"name": file.name, "content": content, "text": text, "kind": kind}
    fields = call("POST", f"/api/v1/incidents/{seg(ref)}/attachments", body)
    stored = fields["attachments"][-1]
    show(
        fields,
        f"{stored['name']} attached to {ref.upper()} ({stored['media_type']}, {stored['size']} bytes).",
    )


@click.command(epilog=example("firebell incident export INC-3 > inc-3.json"))
@click.argument("ref")
def export(ref: str) -> None:
    """Print incident REF with its whole timeline as JSON, for an archive."""
    document = call("GET", f"/api/v1/incidents/{seg(ref)}/export")
    echo(json.dumps(document, indent=2, ensure_ascii=False))


@click.command(epilog=example("firebell incident graph INC-3"))
@click.argument("ref")
@as_json
def graph(ref: str) -> None:
    """Print how many alerts of incident REF fired when, with its impact and what happened."""
    fields = call("GET", f"/api/v1/incidents/{seg(ref)}/graph")
    rows = [
        [short(row["at"]), _bar(row["alerts_firing"], fields), ", ".join(row["moments"])]
        for row in fields["rows"]
    ]
    drawn = table(["TIME", "ALERTS", "WHAT HAPPENED"], rows, wide=2)
    show(fields, drawn if rows else f"Neither an alert nor the impact of {ref.upper()} is known.")


def _bar(firing: int, fields: dict[str, Any]) -> str:
    """Return a number of alerts with a bar of at most 20 characters."""
    most = max(row["alerts_firing"] for row in fields["rows"])
    return f"{firing} {'#' * round(20 * firing / most)}" if firing else "0"
