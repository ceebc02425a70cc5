"""The only table of "when X happened, do Y" between slices; read it to know what follows from what."""

from firebell.kit import outbox
from firebell.kit.events import Reactions


def build() -> Reactions:
    """Return the table: `must` in the emitter's transaction, `then` through the outbox."""
    return Reactions(must={}, then={})


def outbox_handlers() -> dict[str, outbox.Handler]:
    """Return what each name in the `then` lane runs."""
    return {}
