"""Get one action item, locked or not; raise `NotFound` if there is none that may be read."""

from collections.abc import Mapping

from firebell.action_items import store
from firebell.action_items.model import ActionItem
from firebell.kit.db.database import Tx
from firebell.kit.errors import NotFound


async def item(tx: Tx, item_id: int) -> ActionItem:
    """Return an item; raise `NotFound` if there is none that may be read."""
    return existing(await store.by_id(tx, [item_id]), item_id)


async def locked(tx: Tx, item_id: int) -> ActionItem:
    """Lock an item and return it; raise `NotFound` if there is none that may be read."""
    return existing(await store.lock(tx, [item_id]), item_id)


def existing(items: Mapping[int, ActionItem], item_id: int) -> ActionItem:
    """Return an item of `items`; raise `NotFound` if it is not among them."""
    if item_id not in items:
        raise NotFound(f"There is no action item ACT-{item_id}.", hint="See all action items at /actions.")
    return items[item_id]
