"""Saved views, and the lists that have them (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode


class ListName(StrEnum):
    """The lists that have saved views."""

    ALERTS = "alerts"
    INCIDENTS = "incidents"
    PAGES = "pages"


@dataclass(frozen=True, slots=True)
class ViewedList:
    """A list with saved views: its address, and the parameters that a view keeps, in the order of its addresses.

    `state` is the value of the first parameter, `state`, that an address without one means; `defaults` are the values
    that an address means without other parameters, and `defaults_by_state` those that differ in a state.
    """

    path: str
    parameters: Sequence[str]
    state: str
    defaults: Mapping[str, str] = field(default_factory=dict)
    defaults_by_state: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


LISTS = {
    ListName.ALERTS: ViewedList(
        "/alerts", ("state", "service", "q", "range", "from", "to"), "all", {"range": "all"}
    ),
    ListName.INCIDENTS: ViewedList(
        "/incidents",
        ("state", "sort", "q", "severity", "service", "commander", "month", "type", "field"),
        "open",
        {"sort": "newest"},
        {"open": {"sort": "severest"}},
    ),
    ListName.PAGES: ViewedList(
        "/pages",
        ("state", "q", "service", "team", "whose", "urgency", "since", "until"),
        "open",
        {"whose": "all"},
    ),
}


QUERY_MAX_CHARS = 2000
"""Length of the longest query string of a view, as `canonical` returns it."""


def canonical(list_name: ListName, query: str) -> str:
    """Return a query string with only the parameters of the list, so that equal views have equal addresses."""
    viewed = LISTS[list_name]
    values = dict(parse_qsl(query.removeprefix("?")))
    defaults = {**viewed.defaults, **viewed.defaults_by_state.get(values.get("state", viewed.state), {})}
    kept = {
        name: values[name]
        for name in viewed.parameters
        if values.get(name) and values[name] != defaults.get(name)
    }
    return urlencode({"state": viewed.state, **kept})


@dataclass(frozen=True, slots=True)
class SavedView:
    """A named filter of a list: `query` is the query string of its address, `position` its place among its owner's.

    The views of a list that a person owns have the positions from 1.
    """

    id: int
    owner_id: int
    list_name: ListName
    name: str
    query: str
    shared: bool
    position: int

    @property
    def path(self) -> str:
        """The address that opens it."""
        return f"{LISTS[self.list_name].path}?{self.query}"


def moved(ids: Sequence[int], moved_id: int, position: int) -> list[int]:
    """Return the ids with one of them moved to a position, from 1; a position past an end is that end."""
    others = [each for each in ids if each != moved_id]
    place = min(max(position, 1), len(others) + 1) - 1
    return [*others[:place], moved_id, *others[place:]]
