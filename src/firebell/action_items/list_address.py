"""The filters of the board and the list of action items, from an address and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firebell.action_items.model import (
    UNFINISHED,
    DueFilter,
    ItemFilter,
    ItemKind,
    ItemState,
    Priority,
)
from firebell.action_items.queries import Grouping
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.errors import FirebellError
from firebell.kit.references import parse_ref
from firebell.kit.text import to_id
from firebell.kit.web import html
from firebell.people import actions as people

BOARD, LIST = "board", "list"
STATE_TABS = {"": "Unfinished", "done": "Done", "dropped": "Dropped", "duplicate": "Duplicates"}
DUE_NAMES = {
    "": "Any day",
    "overdue": "Overdue",
    "week": "Within 7 days",
    "named": "Overdue for over 30 days",
}


@dataclass(frozen=True, slots=True)
class Query:
    """The filters of a board or a list as they stand in its address; blank ones restrict nothing."""

    view: str
    state: str = ""
    team: str = ""
    owner: str = ""
    incident: str = ""
    kind: str = ""
    priority: str = ""
    due: str = ""
    group: str = ""
    q: str = ""

    @property
    def filters(self) -> Mapping[str, str]:
        """The filters that restrict something, by name."""
        names = ("team", "owner", "incident", "kind", "priority", "due", "q")
        return {name: value for name in names if (value := getattr(self, name))}

    @property
    def shown(self) -> Mapping[str, str]:
        """Everything that the address says, without blank values."""
        return {name: value for name in self.__dataclass_fields__ if (value := getattr(self, name))}

    def url(self, **changes: Any) -> str:
        """Return the address with changed parameters; blank ones are left out."""
        return html.address("/actions", **{**self.shown, **changes})

    @property
    def grouping(self) -> Grouping:
        """By what the list is grouped."""
        return Grouping(self.group) if self.group in list(Grouping) else Grouping.NONE


async def resolve(tx: Tx, query: Query, person_id: int) -> ItemFilter:
    """Return the filter of a query; what names nothing that exists matches nothing of that kind and is left out."""
    team = next((t for t in await people.teams(tx) if t.slug == query.team), None)
    team_ids: tuple[int, ...] = (team.id,) if team else ()
    if query.team == "mine":
        team_ids = tuple(await people.team_ids_of(tx, person_id)) or (0,)
    incident_id: int | None = None
    if query.incident:
        try:
            incident_id = (await incidents.incident(tx, parse_ref("INC", query.incident))).id
        except FirebellError:
            incident_id = 0
    states = (ItemState(query.state),) if query.state in list(ItemState) else UNFINISHED
    return ItemFilter(
        states,
        person_id if query.owner == "me" else to_id(query.owner),
        True if query.owner == "none" else None,
        team_ids,
        incident_id,
        ItemKind(query.kind) if query.kind in list(ItemKind) else None,
        Priority(int(query.priority)) if query.priority in ("1", "2", "3") else None,
        DueFilter(query.due) if query.due in list(DueFilter) else None,
        text=query.q[:200],
    )
