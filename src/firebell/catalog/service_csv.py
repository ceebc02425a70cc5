"""Writes services as CSV for spreadsheets (pure)."""

from collections.abc import Iterable, Mapping
from typing import Any

from firebell.catalog.labels_and_links import label_lines, link_lines
from firebell.catalog.model import ServiceLink
from firebell.kit.spreadsheet import to_csv

COLUMNS = (
    *("slug", "name", "team", "tier", "policy", "state", "because_of", "open_pages"),
    *("description", "runbook_url", "labels", "links"),
)
"""The fields of an exported service, in their order."""


def dump(services: Iterable[Mapping[str, Any]]) -> str:
    """Return exported services as CSV, with labels and links as lines."""
    return to_csv([COLUMNS, *([_cell(name, each[name]) for name in COLUMNS] for each in services)])


def _cell(name: str, value: Any) -> Any:
    match name:
        case "labels":
            return label_lines(value)
        case "links":
            return link_lines([ServiceLink(link["title"], link["url"]) for link in value])
        case _:
            return "" if value is None else value
