"""Find every kind of tracker: each module of the package `vendors` declares one as VENDOR."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from firebell.action_items.trackers import vendors
from firebell.action_items.trackers.vendor import TrackerVendor
from firebell.kit.errors import Invalid
from firebell.kit.slice import DeclarationError, unique


@cache
def registry() -> Mapping[str, TrackerVendor]:
    """Return the kinds of trackers by name, in the order of titles; raise DeclarationError for a module without one."""
    declared: list[tuple[str, str, TrackerVendor]] = []
    for module in pkgutil.iter_modules(vendors.__path__):
        name = f"{vendors.__name__}.{module.name}"
        vendor = getattr(import_module(name), "VENDOR", None)
        if not isinstance(vendor, TrackerVendor):
            raise DeclarationError(f"{name} declares no VENDOR.")
        declared.append((module.name, vendor.name, vendor))
    return unique("tracker", sorted(declared, key=lambda entry: entry[2].title))


def vendor_of(kind: str) -> TrackerVendor:
    """Return a kind of tracker; raise `Invalid` for one that is not known."""
    if kind not in registry():
        text = f"{kind[:40]!r} is not a kind of tracker."
        raise Invalid(text, fields={"kind": f"Use one of: {', '.join(registry())}."})
    return registry()[kind]
