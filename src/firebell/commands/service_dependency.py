"""`firebell service dependency`: what services depend on, one by one or from a file."""

import sys
from pathlib import Path
from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, fail, show, show_removed, show_table
from firebell.commands.service_state import state_label


@click.group("dependency")
def dependency() -> None:
    """List, change, export and import what services depend on."""


def _rows(direction: str, services: list[dict[str, Any]]) -> list[list[str]]:
    return [
        [direction, s["slug"], state_label(s["state"]), s["ref"] or "-", ", ".join(s["through"]) or "-"]
        for s in services
    ]


@dependency.command("list", epilog=example("firebell service dependency list checkout"))
@click.argument("slug")
@as_json
def list_(slug: str) -> None:
    """List what service SLUG depends on and what depends on it, with their states."""
    near = call("GET", f"/api/v1/services/{seg(slug)}/dependencies")
    rows = [
        *_rows("depends on", [*near["depends_on"], *near["behind"]]),
        *_rows("used by", [*near["used_by"], *near["before"]]),
    ]
    head = ("", "SERVICE", "STATE", "REF", "THROUGH")
    show_table(near, head, rows, wide=4, empty="No dependencies yet.")
    if near["cycle"]:
        click.echo(f"{slug} depends on itself: {' → '.join([*near['cycle'], slug])}", err=True)


@dependency.command(epilog=example("firebell service dependency add checkout ledger-db"))
@click.argument("slug")
@click.argument("depends_on")
@as_json
def add(slug: str, depends_on: str) -> None:
    """Make service SLUG depend on service DEPENDS_ON."""
    near = call("POST", f"/api/v1/services/{seg(slug)}/dependencies", {"depends_on": depends_on})
    show(near, f"{slug} depends on {depends_on}.")


@dependency.command(epilog=example("firebell service dependency remove checkout ledger-db"))
@click.argument("slug")
@click.argument("depends_on")
@as_json
def remove(slug: str, depends_on: str) -> None:
    """Remove the dependency of service SLUG on service DEPENDS_ON."""
    answer = call("DELETE", f"/api/v1/services/{seg(slug)}/dependencies/{seg(depends_on)}")
    show_removed(answer, {"removed": depends_on}, f"{slug} no longer depends on {depends_on}.")


@dependency.command(epilog=example("firebell service dependency export > dependencies.yaml"))
@as_json
def export() -> None:
    """Print what all services depend on as YAML, or as JSON with --json."""
    from firebell.catalog.dependency_yaml import dump

    stored = call("GET", "/api/v1/service-dependencies")
    show(stored, dump(stored["services"]).rstrip("\n"))


@dependency.command(
    "import", epilog=example("firebell service dependency import dependencies.yaml --dry-run")
)
@click.argument("file", metavar="FILE")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@as_json
def import_(file: str, dry_run: bool) -> None:
    """Import dependencies from the YAML FILE; - is standard input.

    Each service in FILE then depends on exactly what FILE lists; other services keep what they have. An import can't
    be undone: run export first to keep what is stored now.
    """
    from firebell.catalog.dependency_yaml import read
    from firebell.kit.errors import Invalid

    try:
        services = read(sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fail(f"{file} can't be read: {error}")
    except Invalid as error:
        fail(f"{file}: {error.message}", error.hint)
    result = call("POST", "/api/v1/service-dependencies", {"services": services, "dry_run": dry_run})
    rows = [
        [sign, each["service"], each["depends_on"]]
        for sign, changes in (("+", result["added"]), ("-", result["removed"]))
        for each in changes
    ]
    show_table(result, ("", "SERVICE", "DEPENDS ON"), rows, wide=2, empty="Nothing changes.")
