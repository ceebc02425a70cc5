"""`firebell view`: saved views of lists."""

from typing import Any

import click

from firebell.commands.client import call, call_all
from firebell.commands.output import as_json, example, show, show_removed, show_table

_LIST = click.Choice(["alerts", "incidents", "pages"])


@click.group()
def view() -> None:
    """Manage saved views of the lists of alerts, incidents and pages."""


@view.command("list", epilog=example("firebell view list alerts"))
@click.argument("list_name", metavar="LIST", type=_LIST)
@as_json
def list_(list_name: str) -> None:
    """List your saved views of LIST in your order, then those that others share."""
    saved = call_all("/api/v1/saved-views", list=list_name)
    rows = [
        [
            str(v["id"]),
            str(v["position"] or ""),
            v["name"],
            "shared" if v["shared"] else "personal",
            v["query"],
        ]
        for v in saved
    ]
    show_table(saved, ("ID", "POSITION", "VIEW", "FOR", "FILTERS"), rows, wide=4, empty="No saved views yet.")


@view.command(epilog=example("firebell view save alerts 'Payments today' 'service=payments&range=24h'"))
@click.argument("list_name", metavar="LIST", type=_LIST)
@click.argument("name")
@click.argument("query")
@click.option("--shared", is_flag=True, help="Share it with everyone.")
@as_json
def save(list_name: str, name: str, query: str, shared: bool) -> None:
    """Save a view of LIST called NAME; QUERY is what follows the question mark in its address."""
    fields = {"list": list_name, "name": name, "query": query, "shared": shared}
    saved = call("POST", "/api/v1/saved-views", fields)
    show(saved, f"View {saved['id']} {saved['name']} saved: {saved['path']}")


def _update(view_id: int, changes: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = call("PATCH", f"/api/v1/saved-views/{view_id}", changes)
    return changed


@view.command(epilog=example("firebell view rename 3 'Payments this week'"))
@click.argument("view_id", metavar="ID", type=click.IntRange(1))
@click.argument("name")
@as_json
def rename(view_id: int, name: str) -> None:
    """Rename view ID to NAME."""
    changed = _update(view_id, {"name": name})
    show(changed, f"View {view_id} renamed to {changed['name']}.")


@view.command(epilog=example("firebell view move 3 1"))
@click.argument("view_id", metavar="ID", type=click.IntRange(1))
@click.argument("position", type=click.IntRange(1, 50))
@as_json
def move(view_id: int, position: int) -> None:
    """Move view ID to POSITION among your own views of its list."""
    changed = _update(view_id, {"position": position})
    show(changed, f"View {view_id} {changed['name']} moved to position {changed['position']}.")


@view.command(epilog=example("firebell view delete 3"))
@click.argument("view_id", metavar="ID", type=click.IntRange(1))
@as_json
def delete(view_id: int) -> None:
    """Delete view ID."""
    answer = call("DELETE", f"/api/v1/saved-views/{view_id}")
    show_removed(answer, {"id": view_id}, f"View {view_id} deleted.")
