"""`firebell service export` and `import`: services as files."""

import sys
from pathlib import Path

import click

from firebell.commands.client import call
from firebell.commands.output import as_json, example, fail, show, show_table
from firebell.commands.service_filters import NOT_READY, QUERY, TEAM, TIER, UNHEALTHY, chosen_state


@click.command(
    "export",
    epilog=example(
        "firebell service export > services.json", "firebell service export --format csv --tier 1"
    ),
)
@click.option(
    "--format", "file_format", type=click.Choice(["json", "csv"]), default="json", show_default=True
)
@UNHEALTHY
@NOT_READY
@TEAM
@TIER
@QUERY
@as_json
def export(
    file_format: str, unhealthy: bool, not_ready: bool, team: str | None, tier: int | None, query: str | None
) -> None:
    """Print services as JSON, which `firebell service import` reads, or as CSV for a spreadsheet."""
    from firebell.catalog import service_file

    health = chosen_state(unhealthy=unhealthy, not_ready=not_ready)
    answer = call("GET", "/api/v1/service-export", health=health, team=team, tier=tier, q=query)
    write = service_file.dump_csv if file_format == "csv" else service_file.dump
    show(answer, write(answer["services"]).rstrip("\r\n"))


@click.command(
    "import",
    epilog=example(
        "firebell service import services.yaml --dry-run", "firebell service import services.json --create"
    ),
)
@click.argument("file", metavar="FILE")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["yaml", "json"]),
    help="Default: by the extension of FILE, or else yaml.",
)
@click.option("--create", is_flag=True, help="Create services that don't exist; otherwise they are errors.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@as_json
def import_(file: str, file_format: str | None, create: bool, dry_run: bool) -> None:
    """Set teams, tiers, labels and links of services from FILE, YAML or JSON; - is standard input.

    FILE has a list of services, or Backstage Components. What it leaves out stays as it is.
    """
    from firebell.catalog.service_file import format_of

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        fail(f"{file} can't be read: {error}")
    body = {"file": text, "format": file_format or format_of(file), "create": create, "dry_run": dry_run}
    result = call("POST", "/api/v1/service-import", body)
    rows = [[slug, "new", "", ""] for slug in result["created"]] + [
        [c["service"], c["field"], _one_line(c["before"]), _one_line(c["after"])] for c in result["changes"]
    ]
    show_table(result, ("SERVICE", "FIELD", "BEFORE", "AFTER"), rows, wide=3, empty="Nothing changes.")


def _one_line(text: str) -> str:
    return ", ".join(text.splitlines()) or "-"
