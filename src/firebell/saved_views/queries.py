"""The saved views of a list, for the menu of its screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from firebell.kit.db.database import Tx
from firebell.people import actions as people
from firebell.people.model import Person
from firebell.saved_views import store
from firebell.saved_views.model import QUERY_MAX_CHARS, ListName, SavedView, canonical

visible = store.visible


@dataclass(frozen=True, slots=True)
class SavedViewMenu:
    """The views of a list, the one that is shown, and the filters that can be saved; empty if that makes no sense."""

    list_name: ListName
    views: Sequence[SavedView]
    owners: Mapping[int, Person]
    chosen: SavedView | None
    savable: str

    @property
    def own_count(self) -> int:
        """Number of views of the owner of the shown view."""
        return sum(self.chosen is not None and view.owner_id == self.chosen.owner_id for view in self.views)


async def menu(tx: Tx, list_name: ListName, address: str, person_id: int, *, is_valid: bool) -> SavedViewMenu:
    """Return the menu of the list that an address shows; `is_valid` is False if its filters were refused."""
    views = await store.visible(tx, person_id, list_name)
    shown = canonical(list_name, urlsplit(address).query)
    chosen = next((view for view in views if view.query == shown), None)
    is_short = len(shown) <= QUERY_MAX_CHARS
    is_savable = is_valid and is_short and chosen is None and shown != canonical(list_name, "")
    owners = await people.people_by_id(tx, [view.owner_id for view in views])
    return SavedViewMenu(list_name, views, owners, chosen, shown if is_savable else "")
