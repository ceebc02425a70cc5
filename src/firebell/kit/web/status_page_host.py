"""Requests to the host name of a status page's own, which the edge hands to the web app (pure)."""

from collections.abc import MutableMapping
from typing import Any

_SLUG = "firebell.status_page"


def handed_over(scope: MutableMapping[str, Any], slug: str, path: str) -> dict[str, Any]:
    """Return a request to the host of the page `slug` as one to the web app, for another path."""
    return {**scope, "path": path, "raw_path": path.encode(), _SLUG: slug}


def slug_of(scope: MutableMapping[str, Any]) -> str:
    """Return the slug of the page on whose own host a request arrived, an empty string for any other host."""
    return str(scope.get(_SLUG, ""))
