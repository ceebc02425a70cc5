"""Find every source: each module of the package `alerts.sources` declares one as SOURCE."""

import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from firebell.alerts.source_base.source import ForeignAddress, PathAddress, Recognition, Source
from firebell.kit.slice import DeclarationError, unique

_PACKAGE = "firebell.alerts.sources"
"""Imported by its name, as its modules are: they import what is here."""


@dataclass(frozen=True, slots=True)
class Registry:
    """Every source by name and in the order of titles, and the recognitions in the order of precedence."""

    by_name: dict[str, Source]
    sources: tuple[Source, ...]
    recognitions: tuple[Recognition, ...]


@cache
def registry() -> Registry:
    """Return the sources; raise DeclarationError if a module declares none or two claim the same name or path."""
    declared = dict(_declared())
    by_name = unique("source", ((module, source.name, source) for module, source in declared.items()))
    unique("path", ((module, path, s) for module, s in declared.items() for path in _paths(s)))
    ordered = sorted(declared.values(), key=lambda source: (source.title.casefold(), source.name))
    recognized = sorted(
        ((s.recognition.precedence, s.name, s.recognition) for s in ordered if s.recognition is not None),
        key=lambda entry: entry[:2],
    )
    return Registry(by_name, tuple(ordered), tuple(recognition for _, _, recognition in recognized))


def _paths(source: Source) -> list[str]:
    """Return the paths at which a source receives; the names of segments do not tell two of them apart."""
    if isinstance(source.address, PathAddress | ForeignAddress):
        return [source.path]
    return [re.sub("<[^>]*>", "<>", address.path) for address in source.keyed_addresses]


def _declared() -> Iterator[tuple[str, Source]]:
    """Yield each module of the package and its source, in the order of file names."""
    for module in pkgutil.iter_modules(import_module(_PACKAGE).__path__):
        name = f"{_PACKAGE}.{module.name}"
        source = getattr(import_module(name), "SOURCE", None)
        if not isinstance(source, Source):
            raise DeclarationError(f"{name} declares no SOURCE.")
        if source.address is None and source.recognition is None:
            raise DeclarationError(f"{name} has neither an address nor a recognition.")
        for address in source.keyed_addresses:
            if address.path.count("/") < 2:
                raise DeclarationError(f"The path {address.path} of {name} needs two segments.")
        yield name, source
