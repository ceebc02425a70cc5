"""`firebell search`: find anything by its words."""

from typing import Any
from urllib.parse import urlsplit

import click

from firebell.commands.client import call
from firebell.commands.output import as_json, example, fail, show, table, wants_json

_GROUPS = ("people", "incidents", "services", "oncall", "documents")


def _name(hit: dict[str, Any]) -> str:
    """Return what the other commands call a hit: its reference, else its address on the server."""
    url = urlsplit(hit["url"])
    return str(hit["ref"]) or url.path


@click.command(epilog=example("firebell search checkout 5xx", "firebell search jun --group people"))
@click.argument("words", nargs=-1, required=True)
@click.option("--group", type=click.Choice(_GROUPS), help="Search this group alone.")
@click.option(
    "--limit", type=click.IntRange(1, 500), default=5, show_default=True, help="Results of each group."
)
@as_json
def search(words: tuple[str, ...], group: str | None, limit: int) -> None:
    """Find people, services, incidents, pages, runbooks and more that have every one of WORDS."""
    query = " ".join(words)
    found = call("GET", "/api/v1/search", q=query, group=group, limit=limit)
    groups = [g for g in found["groups"] if g["name"] in _GROUPS]
    best = found["best"] if found["best"] and found["best"]["kind"] != "command" else None
    hits = [*([best] if best else []), *(hit for g in groups for hit in g["hits"])]
    if not hits and not wants_json():
        fail(f"No results for {query!r}.", "Try fewer words, or only their first letters.")
    rows = [[hit["kind"], _name(hit), hit["title"], hit["subtitle"]] for hit in hits]
    more = [f"More in {g['label'].lower()}: add --group {g['name']} --limit 50." for g in groups if g["more"]]
    text = table(("KIND", "NAME", "TITLE", "ABOUT"), rows, wide=2) if rows else ""
    show(found, "\n".join([text, *(more if group is None else [])]))
