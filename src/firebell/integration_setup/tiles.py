"""The tiles from which people choose what sends alerts (pure)."""

from collections.abc import Iterable
from enum import StrEnum

from firebell.alerts.source import Source


class TileKind(StrEnum):
    """Which tiles are shown."""

    ALL = "all"
    TOOLS = "tools"
    DROP_IN = "drop-in"

    @property
    def label(self) -> str:
        """What a person reads."""
        return {TileKind.ALL: "All", TileKind.TOOLS: "Tools", TileKind.DROP_IN: "Replace a product"}[self]


def matching(sources: Iterable[Source], text: str, kind: TileKind) -> list[Source]:
    """Return the sources of a kind whose title or name has every word of a search."""
    words = text.casefold().split()
    return [
        source
        for source in sources
        if kind is TileKind.ALL or source.is_drop_in == (kind is TileKind.DROP_IN)
        if all(word in f"{source.title} {source.name}".casefold() for word in words)
    ]
