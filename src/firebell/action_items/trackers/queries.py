"""Read models of trackers and links, shared by web and API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firebell.action_items import store as item_store
from firebell.action_items.model import STATE_NAMES, ActionItem, ItemEvent
from firebell.action_items.trackers import link_store, process_checks, store
from firebell.action_items.trackers.compared_values import directions
from firebell.action_items.trackers.model import (
    ITEM_COLUMNS,
    LINK_STATE_NAMES,
    AuthMethod,
    Direction,
    LinkState,
    SyncField,
    Tracker,
    TrackerLink,
    TrackerUser,
)
from firebell.action_items.trackers.vendor import TrackerVendor
from firebell.action_items.trackers.vendor_registry import registry
from firebell.kit.db.database import Tx
from firebell.kit.findings import ProcessFinding, severest_first
from firebell.people import actions as people
from firebell.people.model import Person

SHOWN_TROUBLES = 20
NOT_SYNCED_FOR = timedelta(hours=2)
AUTHORIZATION_NOTICE_DAYS = 30
"""How many days before its end an authorization is a warning."""


@dataclass(frozen=True, slots=True)
class TrackerView:
    """A tracker with what its page shows."""

    tracker: Tracker
    vendor: TrackerVendor
    counts: Mapping[LinkState, int]

    @property
    def links(self) -> int:
        """The number of links."""
        return sum(self.counts.values())

    @property
    def troubled(self) -> int:
        """The number of links that are not synced."""
        return self.counts.get(LinkState.GONE, 0) + self.counts.get(LinkState.ERROR, 0)

    @property
    def directions(self) -> Mapping[SyncField, Direction]:
        """In which direction each field is synced, as far as the tracker can."""
        return directions(self.vendor, self.tracker)

    @property
    def limits(self) -> Mapping[SyncField, Direction]:
        """The fields that the tracker has, with what is possible."""
        return self.vendor.api.limits(self.tracker)

    @property
    def authorization_ends_at(self) -> datetime | None:
        """When a person has to authorize Firebell again, None if never or not authorized."""
        oauth, at = self.vendor.oauth, self.tracker.authorized_at
        return at + oauth.lasts if oauth and oauth.lasts and at else None

    def state(self, now: datetime) -> str:
        """Return off, unauthorized, stopped, failing, waiting, late or ok."""
        one = self.tracker
        if not one.is_enabled:
            return "off"
        if one.auth is AuthMethod.OAUTH and one.authorized_at is None:
            return "unauthorized"
        if one.stopped_reason:
            return "stopped"
        if one.failures:
            return "failing"
        if one.last_ok_at is None:
            return "waiting"
        return "late" if now - one.last_ok_at > NOT_SYNCED_FOR + self.vendor.sweep_every else "ok"

    def look(self, now: datetime) -> str:
        """Return the look of the tracker: late, warn, idle or ok."""
        state = self.state(now)
        if state in ("off", "unauthorized", "waiting"):
            return "idle"
        if state == "ok":
            return "warn" if self.troubled else "ok"
        return "warn" if state == "failing" else "late"


@dataclass(frozen=True, slots=True)
class TroubledLink:
    """A link with a problem, and its item."""

    link: TrackerLink
    item: ActionItem


@dataclass(frozen=True, slots=True)
class KnownUser:
    """A person and who they are in a tracker."""

    person: Person
    user: TrackerUser


@dataclass(frozen=True, slots=True)
class ItemLink:
    """A link of an item, with its tracker."""

    link: TrackerLink
    tracker: Tracker

    @property
    def label(self) -> str:
        """What names the issue: its key, or the tracker while there is none."""
        return self.link.issue_key or self.tracker.name

    @property
    def look(self) -> str:
        """The look of the link: late, warn, idle or ok."""
        match self.link.state:
            case LinkState.GONE | LinkState.ERROR:
                return "late"
            case LinkState.CREATING:
                return "idle"
            case _:
                return "warn" if self.link.error else "ok" if self.tracker.is_active else "idle"

    @property
    def state_name(self) -> str:
        """The state in words."""
        return LINK_STATE_NAMES[self.link.state]


async def views(tx: Tx) -> list[TrackerView]:
    """Return all trackers by name; their numbers count what the reader may see."""
    counts = await link_store.counts(tx)
    kinds = registry()
    return [
        TrackerView(one, kinds[one.kind], counts.get(one.id, {}))
        for one in await store.trackers(tx)
        if one.kind in kinds
    ]


async def view(tx: Tx, tracker: Tracker) -> TrackerView:
    """Return one tracker."""
    counts = await link_store.counts(tx)
    return TrackerView(tracker, registry()[tracker.kind], counts.get(tracker.id, {}))


async def troubles(tx: Tx, tracker_id: int) -> list[TroubledLink]:
    """Return the links of a tracker that have a problem, the one tried last first."""
    links = await link_store.troubled(tx, tracker_id, SHOWN_TROUBLES)
    items = await item_store.by_id(tx, [link.item_id for link in links])
    return [TroubledLink(link, items[link.item_id]) for link in links if link.item_id in items]


async def known_users(tx: Tx, tracker_id: int) -> list[KnownUser]:
    """Return the people who are known in a tracker, or were looked up there, by name."""
    users = await store.users(tx, tracker_id)
    persons = await people.people_by_id(tx, [user.person_id for user in users])
    known = [KnownUser(persons[user.person_id], user) for user in users if user.person_id in persons]
    return sorted(known, key=lambda each: each.person.name)


async def links_of(tx: Tx, item_ids: Sequence[int]) -> dict[int, list[ItemLink]]:
    """Return the links of items that the reader may see, by item."""
    by_item = await link_store.of_items(tx, item_ids)
    if not by_item:
        return {}
    trackers = {one.id: one for one in await store.trackers(tx)}
    return {item_id: _with_trackers(links, trackers) for item_id, links in by_item.items()}


def _with_trackers(links: Sequence[TrackerLink], trackers: Mapping[int, Tracker]) -> list[ItemLink]:
    return [ItemLink(link, trackers[link.tracker_id]) for link in links if link.tracker_id in trackers]


async def links_and_linkable(tx: Tx, item_id: int) -> tuple[list[ItemLink], list[Tracker]]:
    """Return the links of an item that the reader may see, and the trackers that it can be linked to."""
    trackers = {one.id: one for one in await store.trackers(tx)}
    links = (await link_store.of_items(tx, [item_id])).get(item_id, [])
    taken = {link.tracker_id for link in links}
    linkable = [one for one in trackers.values() if one.is_enabled and one.id not in taken]
    return _with_trackers(links, trackers), linkable


async def findings_of(
    tx: Tx, items_by_ref: Mapping[str, Sequence[ActionItem]], now: datetime
) -> dict[str, list[ProcessFinding]]:
    """Return the findings of the links of items, by the reference that the items are given with."""
    ids = [item.id for items in items_by_ref.values() for item in items]
    links = await link_store.of_items(tx, ids)
    events = await item_store.conflicts(tx, ids, now - process_checks.CONFLICTS_SHOWN_FOR)
    if not links and not events:
        return {}
    conflicts = await _with_names(tx, events)
    trackers = {one.id: one for one in await store.trackers(tx)}
    return {
        ref: severest_first(process_checks.findings(ref, items, links, trackers, conflicts))
        for ref, items in items_by_ref.items()
    }


async def _with_names(tx: Tx, conflicts: Mapping[int, Sequence[ItemEvent]]) -> dict[int, list[ItemEvent]]:
    """Return conflicts whose values are the names of people and states."""
    values = {
        value
        for events in conflicts.values()
        for event in events
        if event.field == ITEM_COLUMNS[SyncField.ASSIGNEE]
        for value in (event.old, event.new)
        if value
    }
    persons = await people.people_by_id(tx, [int(value) for value in values]) if values else {}
    names = {
        ITEM_COLUMNS[SyncField.ASSIGNEE]: {"": "no one", **{str(i): p.name for i, p in persons.items()}},
        ITEM_COLUMNS[SyncField.STATE]: {str(state): name for state, name in STATE_NAMES.items()},
    }

    def named(event: ItemEvent) -> ItemEvent:
        of_field = names.get(event.field, {})
        return replace(event, old=of_field.get(event.old, event.old), new=of_field.get(event.new, event.new))

    return {item_id: [named(event) for event in events] for item_id, events in conflicts.items()}
