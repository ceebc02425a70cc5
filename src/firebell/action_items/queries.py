"""Read models of action items, shared by web and API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from firebell.action_items import completion_rate, list_store, rules, store
from firebell.action_items.completion_rate import Completion
from firebell.action_items.model import (
    UNFINISHED,
    ActionItem,
    DueFilter,
    ItemFilter,
    ItemState,
    Question,
)
from firebell.action_items.prevention_questions import store as prevention_question_store
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.db.database import Reads, Tx
from firebell.people import actions as people
from firebell.people.model import Person, Team

DONE_SHOWN = timedelta(days=30)
BOARD_MAX = 50
"""Number of cards in one column of the board."""

of_incidents = store.of_incidents


class Column(StrEnum):
    """A column of the board."""

    WAITING = "waiting"
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    DONE = "done"


COLUMN_NAMES = {
    Column.WAITING: "Waiting for an owner",
    Column.OPEN: "Open",
    Column.IN_PROGRESS: "In progress",
    Column.DONE: "Done, 30 days",
}


class Grouping(StrEnum):
    """By what the list is grouped."""

    NONE = ""
    TEAM = "team"
    INCIDENT = "incident"
    AGE = "age"


AGE_NAMES = ("Up to 7 days old", "8–30 days old", "31–90 days old", "Over 90 days old")


@dataclass(frozen=True, slots=True)
class Names:
    """The people, teams and incidents that items name, by id; incidents only as far as they may be read."""

    people: Mapping[int, Person]
    teams: Mapping[int, Team]
    incidents: Mapping[int, Incident]

    def owner(self, item: ActionItem) -> str:
        """Return the name of the owner of an item, empty without one."""
        return person.name if (person := self.people.get(item.owner_id or 0)) else ""

    def team(self, item: ActionItem) -> str:
        """Return the name of the team of an item, empty without one."""
        return team.name if (team := self.teams.get(item.team_id or 0)) else ""


@dataclass(frozen=True, slots=True)
class BoardColumn:
    """One column of the board: its items, and the number of all of them."""

    column: Column
    items: Sequence[ActionItem]
    total: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers above the board."""

    unfinished: int
    overdue: int
    incidents: int
    completion: Completion
    ages: Sequence[int]


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question with its item and its incident."""

    question: Question
    item: ActionItem
    incident: Incident


async def names(tx: Tx, items: Sequence[ActionItem]) -> Names:
    """Return what a list of items names."""
    people_by_id = await people.people_by_id(tx, list({i.owner_id for i in items if i.owner_id}))
    teams = {team.id: team for team in await people.teams(tx)}
    known = await incidents.incidents_by_id(tx, list({i.incident_id for i in items if i.incident_id}))
    return Names(people_by_id, teams, known)


def _column_filter(column: Column, wanted: ItemFilter, today: date) -> ItemFilter:
    match column:
        case Column.WAITING:
            return replace(wanted, states=UNFINISHED, is_unowned=True)
        case Column.OPEN:
            return replace(wanted, states=(ItemState.OPEN,), is_unowned=False)
        case Column.IN_PROGRESS:
            return replace(wanted, states=(ItemState.IN_PROGRESS,), is_unowned=False)
        case Column.DONE:
            return replace(wanted, states=(ItemState.DONE,), done_since=today - DONE_SHOWN, due=None)


async def board(tx: Tx, wanted: ItemFilter, today: date) -> list[BoardColumn]:
    """Return the columns of the board, each by due day, the last one by when they were done."""
    columns = []
    for column in Column:
        chosen = _column_filter(column, wanted, today)
        if column is Column.DONE:
            items = await list_store.recently_done(tx, chosen, today, BOARD_MAX)
        else:
            items = await list_store.by_due(tx, chosen, today, BOARD_MAX)
        total = len(items) if len(items) < BOARD_MAX else await list_store.count(tx, chosen, today)
        columns.append(BoardColumn(column, items, total))
    return columns


async def overdue(tx: Tx, wanted: ItemFilter, today: date, limit: int) -> list[ActionItem]:
    """Return overdue items, the longest overdue first."""
    chosen = replace(wanted, states=UNFINISHED, due=DueFilter.OVERDUE)
    return await list_store.by_due(tx, chosen, today, limit)


async def due_this_week(tx: Tx, wanted: ItemFilter, today: date, limit: int) -> list[ActionItem]:
    """Return unfinished items that are due today or in the seven days after it, by due day."""
    chosen = replace(wanted, states=UNFINISHED, due=DueFilter.WEEK)
    return await list_store.by_due(tx, chosen, today, limit)


async def numbers(tx: Tx, wanted: ItemFilter, now: datetime, today: date) -> Numbers:
    """Return the numbers above the board, of the teams of the filter."""
    start, end = completion_rate.window(today)
    teams = ItemFilter(states=UNFINISHED, team_ids=wanted.team_ids)
    late = ItemFilter(states=UNFINISHED, team_ids=wanted.team_ids, due=DueFilter.OVERDUE)
    return Numbers(
        await list_store.count(tx, teams, today),
        await list_store.count(tx, late, today),
        await list_store.incidents_since(tx, now - timedelta(days=365)),
        await completion_between(tx, start, end, today, wanted.team_ids),
        await store.ages(tx, now, wanted.team_ids),
    )


async def completion_between(
    tx: Tx, start: date, end: date, today: date, team_ids: Sequence[int] = ()
) -> Completion:
    """Return the completion of the items that are due in `[start, end)` and may be read."""
    due = await store.due_between(tx, start, end, team_ids)
    return completion_rate.completion(due, start, end, today)


async def completion_by_team(tx: Reads, today: date) -> dict[int | None, Completion]:
    """Return the completion of the last 90 days by team, of the items that may be read."""
    start, end = completion_rate.window(today)
    by_team: dict[int | None, list[ActionItem]] = {}
    for item in await store.due_between(tx, start, end):
        by_team.setdefault(item.team_id, []).append(item)
    return {
        team_id: completion_rate.completion(items, start, end, today) for team_id, items in by_team.items()
    }


def grouped(
    items: Sequence[ActionItem], by: Grouping, named: Names, today: date
) -> list[tuple[str, list[ActionItem]]]:
    """Return the items in groups with their titles, in the order in which the groups begin; one without grouping."""
    groups: dict[str, list[ActionItem]] = {}
    for item in items:
        groups.setdefault(_group(item, by, named, today), []).append(item)
    if by is Grouping.AGE:
        return [(name, groups[name]) for name in reversed(AGE_NAMES) if name in groups]
    return list(groups.items())


def _group(item: ActionItem, by: Grouping, named: Names, today: date) -> str:
    match by:
        case Grouping.TEAM:
            return named.team(item) or "No team"
        case Grouping.INCIDENT:
            incident = named.incidents.get(item.incident_id or 0)
            return f"{incident.ref} {incident.title}" if incident else "No incident"
        case Grouping.AGE:
            return AGE_NAMES[rules.age_band((today - item.created_at.astimezone(UTC).date()).days)]
        case _:
            return ""


async def of_incident(tx: Tx, incident_id: int) -> list[ActionItem]:
    """Return the items of an incident, in the order in which they were added; raise NotFound if it is hidden."""
    await incidents.incident(tx, incident_id)
    return (await store.of_incidents(tx, [incident_id])).get(incident_id, [])


async def of_owner(tx: Tx, person_id: int, today: date, limit: int) -> list[ActionItem]:
    """Return the unfinished items of an owner, also proposed ones, by due day."""
    wanted = ItemFilter(states=UNFINISHED, owner_id=person_id)
    return await list_store.by_due(tx, wanted, today, limit)


async def due_of_team(tx: Tx, team_id: int, before: date, limit: int) -> list[ActionItem]:
    """Return the unfinished items of a team that are due before a day, by due day."""
    wanted = ItemFilter(states=UNFINISHED, team_ids=(team_id,), due=DueFilter.OVERDUE)
    return await list_store.by_due(tx, wanted, before, limit)


async def _asked(tx: Tx, questions: Sequence[Question]) -> list[AskedQuestion]:
    items = await store.by_id(tx, [one.item_id for one in questions])
    known = await incidents.incidents_by_id(tx, list({one.incident_id for one in questions}))
    return [
        AskedQuestion(one, items[one.item_id], known[one.incident_id])
        for one in questions
        if one.item_id in items and one.incident_id in known
    ]


async def questions_about(tx: Tx, incident_id: int) -> list[AskedQuestion]:
    """Return the questions about an incident."""
    return await _asked(tx, await prevention_question_store.of_incident(tx, incident_id))


async def questions_of_item(tx: Tx, item_id: int) -> list[AskedQuestion]:
    """Return the questions about an item."""
    return await _asked(tx, await prevention_question_store.of_item(tx, item_id))


async def unanswered(tx: Tx, limit: int) -> list[AskedQuestion]:
    """Return questions without an answer, newest incident first."""
    return await _asked(tx, await prevention_question_store.unanswered(tx, limit))
