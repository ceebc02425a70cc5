"""`firebell search`: search people, services, incidents and more."""

from typing import Any
from urllib.parse import urlsplit

import click

from firebell.commands.client import call
from firebell.commands.output import as_json, example, fail, show, table, wants_json

_GROUPS = ("people", "incidents", "services", "oncall", "documents")


def _name(hit: dict[str, Any]) -> str:
    """Return the reference of a hit, otherwise its path on the server."""
    url = urlsplit(hit["url"])
    return str(hit["ref"]) or url.path


@click.command(epilog=example("firebell search checkout 5xx", "firebell search jun --group people"))
@click.argument("words", nargs=-1, required=True)
@click.option("--group", type=click.Choice(_GROUPS), help="Search only this group.")
@click.option("--limit", type=click.IntRange(1, 500), default=5, show_default=True, help="Results per group.")
@as_json
def search(words: tuple[str, ...], group: str | None, limit: int) -> None:
    """Search people, services, incidents, pages and more for all WORDS."""
    query = " ".join(words)
    results = call("GET", "/api/v1/search", q=query, group=group, limit=limit)
    groups = [g for g in results["groups"] if g["name"] in _GROUPS]
    best = results["best"] if results["best"] and results["best"]["kind"] != "command" else None
    hits = [*([best] if best else []), *(hit for g in groups for hit in g["hits"])]
    if not hits and not wants_json():
        fail(f"No results for {query!r}.", "Try fewer words, or only their first letters.")
    rows = [[hit["kind"], _name(hit), hit["title"], hit["subtitle"]] for hit in hits]
    more = [f"More in {g['label'].lower()}: add --group {g['name']} --limit 50." for g in groups if g["more"]]
    text = table(("KIND", "NAME", "TITLE", "ABOUT"), rows, wide=2) if rows else ""
    show(results, "\n".join([text, *(more if group is None else [])]))
