"""Reads the shipped regimes, one TOML file each, and the definitions of facts; an error stops the start."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from firebell.kit.localtime import zone_names
from firebell.kit.slice import DeclarationError
from firebell.regulatory.model import (
    STOPPED,
    SUBMITTED,
    Catalog,
    FactDefinition,
    FactType,
    Limit,
    Obligation,
    Regime,
    Unit,
)

_FOLDER = "firebell.regulatory"
_FACTS = "facts.toml"


@cache
def catalog() -> Catalog:
    """Return all shipped regimes by id, in the order of their names, and all fact definitions."""
    root = resources.files(_FOLDER)
    facts = {
        name: read_fact(name, table)
        for name, table in tomllib.loads(root.joinpath(_FACTS).read_text(encoding="utf-8")).items()
    }
    regimes = [
        read_regime(entry.name.removesuffix(".toml"), tomllib.loads(entry.read_text(encoding="utf-8")))
        for entry in root.joinpath("regimes").iterdir()
        if entry.name.endswith(".toml")
    ]
    check(regimes, facts)
    order = sorted(regimes, key=lambda regime: (not regime.is_on, regime.id))
    return Catalog({regime.id: regime for regime in order}, facts)


def read_fact(name: str, table: dict[str, Any]) -> FactDefinition:
    """Return the definition of a fact in `facts.toml`."""
    return FactDefinition(
        id=name,
        type=FactType(table["type"]),
        label=table["label"],
        hint=table.get("hint", ""),
        has_default=table.get("default", False),
    )


def read_regime(regime_id: str, table: dict[str, Any]) -> Regime:
    """Return the regime of one file; raise DeclarationError for a field that is missing or unknown."""
    known = {
        *("name", "jurisdiction", "scope", "source", "version", "review_by", "on", "tz", "holidays"),
        *("authority", "in_force", "register", "notes", "obligation"),
    }
    if unknown := sorted(set(table) - known):
        raise DeclarationError(f"The regime {regime_id} has an unknown field: {unknown[0]}.")
    try:
        return Regime(
            id=regime_id,
            name=table["name"],
            jurisdiction=table["jurisdiction"],
            scope=table["scope"],
            source=table["source"],
            version=table["version"],
            review_by=table["review_by"],
            is_on=table["on"],
            tz=table["tz"],
            holidays=table.get("holidays", ""),
            authority=table.get("authority", table["obligation"][0]["recipient"]),
            in_force=table.get("in_force"),
            register=table.get("register", ""),
            notes=tuple(table.get("notes", ())),
            obligations=tuple(_obligation(one) for one in table["obligation"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DeclarationError(f"The regime {regime_id} is incomplete: {error}.") from error


def _obligation(table: dict[str, Any]) -> Obligation:
    limits = tuple(_limit(one) for one in table["limits"])
    return Obligation(
        id=table["id"],
        article=table["article"],
        title=table["title"],
        recipient=table["recipient"],
        limits=limits,
        applies_if=tuple(table.get("applies_if", ())),
        unless=tuple(table.get("unless", ())),
        is_prompt=table.get("prompt", False),
        note=table.get("note", ""),
        checked=table.get("checked", ""),
    )


def _limit(table: dict[str, Any]) -> Limit:
    unit = next(unit for unit in Unit if unit in table)
    return Limit(
        after=table["after"],
        amount=table[unit],
        unit=unit,
        at=table.get("at"),
        from_year_end=table.get("from_year_end", False),
        void_if_later=table.get("void_if_later", ""),
    )


def check(regimes: list[Regime], facts: dict[str, FactDefinition]) -> None:
    """Raise DeclarationError if an obligation occurs twice or names a fact or time zone that does not exist."""
    obligations = [(regime, one) for regime in regimes for one in regime.obligations]
    ids = [one.id for _, one in obligations]
    if twice := sorted({i for i in ids if ids.count(i) > 1}):
        raise DeclarationError(f"The obligation {twice[0]} is declared twice.")
    names = {*facts, *(f"{prefix}{i}" for prefix in (SUBMITTED, STOPPED) for i in ids)}
    for regime, one in obligations:
        used = {*one.applies_if, *one.unless, *(limit.after for limit in one.limits)}
        used |= {limit.void_if_later for limit in one.limits if limit.void_if_later}
        if unknown := sorted(used - names):
            raise DeclarationError(f"The obligation {one.id} of {regime.id} names no fact: {unknown[0]}.")
        if regime.tz not in zone_names():
            raise DeclarationError(f"The regime {regime.id} names no time zone: {regime.tz}.")
