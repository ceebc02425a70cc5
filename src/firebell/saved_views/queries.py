"""The saved views of a list, for the menu of its screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firebell.kit.db.database import Tx
from firebell.people import actions as people
from firebell.people.model import Person
from firebell.saved_views import store
from firebell.saved_views.model import ListName, SavedView, canonical


@dataclass(frozen=True, slots=True)
class SavedViewMenu:
    """The views of a list, the one that is shown, and the filters that can be saved; empty if that makes no sense."""

    list: ListName
    views: Sequence[SavedView]
    owners: Mapping[int, Person]
    chosen: SavedView | None
    savable: str

    @property
    def place(self) -> int:
        """The position of the shown view among those of its owner, from 1."""
        own = [view.id for view in self.views if self.chosen and view.owner_id == self.chosen.owner_id]
        return own.index(self.chosen.id) + 1 if self.chosen else 0

    @property
    def is_last(self) -> bool:
        """Return True if no view of its owner is after the shown one."""
        return self.chosen is not None and self.place == sum(
            view.owner_id == self.chosen.owner_id for view in self.views
        )


async def menu(tx: Tx, list_name: ListName, query: str, person_id: int, *, is_valid: bool) -> SavedViewMenu:
    """Return the menu of the list that is shown for a query string; `is_valid` is False if it was refused."""
    views = await store.visible(tx, person_id, list_name)
    shown = canonical(list_name, query)
    chosen = next((view for view in views if view.query == shown), None)
    is_savable = is_valid and chosen is None and shown != canonical(list_name, "")
    owners = await people.people_by_id(tx, [view.owner_id for view in views])
    return SavedViewMenu(list_name, views, owners, chosen, shown if is_savable else "")
