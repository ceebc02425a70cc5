"""Reads the templates of drafts, one TOML file each; an error stops the start."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from firebell.kit.slice import DeclarationError
from firebell.regulatory.drafts.facts import INCIDENT_FILLS, PREFIXES
from firebell.regulatory.drafts.model import DraftField, DraftTemplate
from firebell.regulatory.model import Catalog
from firebell.regulatory.regimes.files import catalog

_KEYS = {
    *("title", "obligations", "continues", "version", "review_by", "source", "checked", "counts_each_part"),
    "field",
}
_FIELD_KEYS = {"id", "label", "article", "fill", "hint", "optional"}


@cache
def draft_templates() -> dict[str, DraftTemplate]:
    """Return all templates of drafts, by id."""
    folder = resources.files("firebell.regulatory.drafts").joinpath("templates")
    templates = [
        read_template(entry.name.removesuffix(".toml"), tomllib.loads(entry.read_text(encoding="utf-8")))
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    ]
    check(templates, catalog())
    return {template.id: template for template in sorted(templates, key=lambda one: one.id)}


def template_of(obligation_id: str) -> DraftTemplate | None:
    """Return the template of an obligation, None if there is none."""
    return next((t for t in draft_templates().values() if obligation_id in t.obligations), None)


def read_template(template_id: str, table: dict[str, Any]) -> DraftTemplate:
    """Return the template of one file; raise DeclarationError for a key that is missing or unknown."""
    unknown = sorted(
        {*table} - _KEYS | {key for one in table.get("field", ()) for key in {*one} - _FIELD_KEYS}
    )
    if unknown:
        raise DeclarationError(f"The template {template_id} has an unknown key: {unknown[0]}.")
    try:
        return DraftTemplate(
            id=template_id,
            title=table["title"],
            obligations=tuple(table["obligations"]),
            version=table["version"],
            review_by=table["review_by"],
            source=table["source"],
            checked=table["checked"],
            fields=tuple(_field(one) for one in table["field"]),
            continues=tuple(table.get("continues", ())),
            counts_each_part=table.get("counts_each_part", False),
        )
    except (KeyError, TypeError) as error:
        raise DeclarationError(f"The template {template_id} is incomplete: {error}.") from error


def _field(table: dict[str, Any]) -> DraftField:
    return DraftField(
        id=table["id"],
        label=table["label"],
        article=table.get("article", ""),
        fill=table.get("fill", ""),
        hint=table.get("hint", ""),
        is_optional=table.get("optional", False),
    )


def check(templates: list[DraftTemplate], regimes: Catalog) -> None:
    """Raise DeclarationError if a template names what does not exist, or an obligation has two templates."""
    obligations = {one.id for regime in regimes.regimes.values() for one in regime.obligations}
    taken: set[str] = set()
    for template in templates:
        named = {*template.obligations, *template.continues}
        for one in template.fields:
            prefix, _, name = one.fill.rpartition(":")
            if prefix == "submitted":
                named.add(name)
            elif name not in (regimes.facts if prefix in PREFIXES else {*INCIDENT_FILLS, ""}):
                raise DeclarationError(f"The field {one.id} of {template.id} names no fact: {one.fill}.")
        if unknown := sorted(named - obligations):
            raise DeclarationError(f"The template {template.id} names no obligation: {unknown[0]}.")
        if twice := sorted(taken & {*template.obligations}):
            raise DeclarationError(f"The obligation {twice[0]} has two templates.")
        ids = [one.id for one in template.fields]
        if len(set(ids)) != len(ids):
            raise DeclarationError(f"The template {template.id} has a field twice.")
        taken |= {*template.obligations}
