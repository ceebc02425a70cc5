"""`firebell service map`: what services depend on, as a tree."""

from typing import Any

import click

from firebell.commands.client import call
from firebell.commands.output import as_json, example, show
from firebell.commands.service_filters import QUERY, TEAM, TIER, UNHEALTHY
from firebell.commands.service_state import state_label
from firebell.kit.text import plural

Graph = dict[str, list[str]]
"""For each service, by slug, what follows it."""
_ALL_SERVICES = 5_000
"""The most services that one request returns."""


@click.command(
    "map",
    epilog=example(
        "firebell service map ledger-db",
        "firebell service map --team payments",
        "firebell service map --unhealthy",
    ),
)
@click.argument("slug", required=False)
@click.option(
    "--steps",
    type=click.IntRange(1, 10),
    default=2,
    show_default=True,
    help="How far from SLUG the map reaches.",
)
@UNHEALTHY
@TEAM
@TIER
@QUERY
@as_json
def service_map(
    slug: str | None, steps: int, unhealthy: bool, team: str | None, tier: int | None, query: str | None
) -> None:
    """Show what services depend on as a tree: those around service SLUG, or all that match.

    A service whose dependencies are shown further up is marked with an arrow.
    """
    answer = call(
        "GET",
        "/api/v1/service-map",
        service=slug,
        steps=steps,
        health="unhealthy" if unhealthy else None,
        team=team,
        tier=tier,
        q=query,
        max_services=_ALL_SERVICES,
    )
    is_filtered = unhealthy or any(value is not None for value in (team, tier, query))
    show(answer, "\n".join(_lines(answer, slug, is_filtered=is_filtered)))


def _lines(answer: dict[str, Any], slug: str | None, *, is_filtered: bool) -> list[str]:
    nodes = {node["slug"]: node for node in answer["nodes"]}
    needs: Graph = {}
    needed_by: Graph = {}
    for edge in answer["edges"]:
        needs.setdefault(edge["service"], []).append(edge["depends_on"])
        needed_by.setdefault(edge["depends_on"], []).append(edge["service"])
    if slug:
        total = answer["blast_radius"]["total"]
        lines = [
            f"{slug} ({_state(nodes[slug])}). If it fails, {plural(total, 'service')} may be affected.",
            *_part("depends on", slug, needs, nodes),
            *_part("used by", slug, needed_by, nodes),
        ]
    else:
        shown: set[str] = set()
        lines = []
        # those that nothing depends on, then cycles that nothing leads into
        for root in sorted(nodes, key=lambda each: (each in needed_by, each)):
            if root not in shown:
                lines += [_label(nodes[root]), *_tree(root, needs, nodes, shown)]
    notes = [f"Cycle: {', '.join(group)}" for group in answer["cycles"]]
    if answer["not_shown"]:
        options = "--steps 1, --team, --tier or --query" if slug else "--team, --tier or --query"
        notes.append(f"{plural(answer['not_shown'], 'service')} more not shown. Use {options}.")
    if answer["unconnected"]:
        notes.append(f"{plural(answer['unconnected'], 'service')} without dependencies not shown.")
    empty = "No service that matches has dependencies." if is_filtered else "No dependencies yet."
    return [*(lines or [empty]), *([""] if notes else []), *notes]


def _part(title: str, slug: str, following: Graph, nodes: dict[str, Any]) -> list[str]:
    return [title, *_tree(slug, following, nodes, set())] if slug in following else []


def _tree(root: str, following: Graph, nodes: dict[str, Any], shown: set[str]) -> list[str]:
    """Return the lines below a service; adds to `shown`, below which nothing is shown again."""
    shown.add(root)
    lines: list[str] = []
    waiting = _children(root, following, "")
    while waiting:
        slug, indent, is_last = waiting.pop()
        is_again = slug in shown and slug in following
        lines.append(f"{indent}{'└─' if is_last else '├─'} {_label(nodes[slug])}{' ↑' if is_again else ''}")
        if slug not in shown:
            shown.add(slug)
            waiting += _children(slug, following, f"{indent}{'   ' if is_last else '│  '}")
    return lines


def _children(slug: str, following: Graph, indent: str) -> list[tuple[str, str, bool]]:
    """Return what follows a service with its indent, the last one first."""
    children = sorted(following.get(slug, ()), reverse=True)
    return [(child, indent, number == 0) for number, child in enumerate(children)]


def _label(node: dict[str, Any]) -> str:
    return f"{node['slug']} ({_state(node)}{'' if node['is_match'] else ', not a match'})"


def _state(node: dict[str, Any]) -> str:
    cause = f", {node['ref']}" if node["ref"] else ", may be affected" if node["at_risk"] else ""
    return f"{state_label(node['state'])}{cause}"
