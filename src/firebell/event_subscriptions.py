"""Event subscriptions and message composers, collected from the declarations of the slices."""

from collections.abc import Sequence

from firebell.catalog import uses as service_uses
from firebell.incidents.closing import condition_sources
from firebell.kit.db.events import MustHandler, Reactions
from firebell.kit.jobs import outbox
from firebell.kit.slice import Composer, DeclarationError, Slice, unique
from firebell.slices import SLICES


def build(slices: Sequence[Slice] = SLICES) -> Reactions:
    """Return all subscriptions: `must` run in the emitter's transaction, `then` through the outbox.

    Also registers each slice's closing conditions and its uses of services.
    """
    condition_sources.register([source for each in slices for source in each.closing_conditions()])
    service_uses.register([source for each in slices for source in each.service_uses()])
    must: dict[type, tuple[MustHandler, ...]] = {}
    then: dict[type, tuple[str, ...]] = {}
    while_rows: dict[str | MustHandler, str] = {}
    for each in slices:
        subscriptions = each.subscriptions()
        if strange := set(subscriptions.while_rows.values()) - set(each.tables):
            raise DeclarationError(f"{each.name} has no table {min(strange)}.")
        while_rows |= subscriptions.while_rows
        for event, handlers in subscriptions.must.items():
            must[event] = (*must.get(event, ()), *handlers)
        for event, named in subscriptions.then.items():
            then[event] = (*then.get(event, ()), *named)
    return Reactions(must, then, while_rows)


def outbox_handlers(slices: Sequence[Slice] = SLICES) -> dict[str, outbox.Handler]:
    """Return the `then` handlers by name; raise DeclarationError if two slices use one name."""
    return unique(
        "outbox handler",
        (
            (each.name, name, handler)
            for each in slices
            for named in each.subscriptions().then.values()
            for name, handler in named.items()
        ),
    )


def composers(slices: Sequence[Slice] = SLICES) -> dict[str, Composer]:
    """Return the composers by kind of subject; raise DeclarationError if two slices claim one kind."""
    return unique(
        "subject kind",
        ((each.name, kind, composer) for each in slices for kind, composer in each.composers().items()),
    )
