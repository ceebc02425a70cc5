"""The declaration of a slice; imports nothing heavy, because every CLI command loads it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.context import Context
    from firebell.kit.db.database import Tx
    from firebell.kit.db.events import MustHandler
    from firebell.kit.findings import ProcessFinding
    from firebell.kit.jobs.outbox import Handler as OutboxHandler
    from firebell.kit.jobs.pruning import Retention
    from firebell.kit.jobs.timers import Handler as TimerHandler

T = TypeVar("T")

FEW = "Few, and removed by people."
"""Why the rows of a table of settings are kept."""


class DeclarationError(ValueError):
    """Two slices claim the same route, timer kind, subject kind, outbox handler or command."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command or group of `firebell`; `module` is imported only when it runs, help lists the lowest rank first."""

    name: str
    help: str
    module: str
    rank: int = 1000


class Section(StrEnum):
    """The section of a link, in the order of the sidebar; those with a capital are its headings."""

    MORE = "more"
    MAIN = "main"
    PREPARE = "Prepare"
    LEARN = "Learn"
    TELL = "Tell"
    FOOT = "foot"


@dataclass(frozen=True, slots=True)
class NavItem:
    """A link in the sidebar and on the page More; with `Section.MORE`, only on that page."""

    section: Section
    rank: int
    href: str
    icon: str
    label: str
    name: str = ""
    """What pages set as `nav` to mark this link as the current one."""
    verb: str = ""
    """The `people.permissions.Verb` required to see the link; empty for everyone."""
    count: str = ""
    """The field of `kit.web.html.Shell` whose number is shown next to the label."""
    tab: tuple[str, ...] = ()
    """The values of `nav` that mark its tab on a phone; without any, the link has no tab."""

    @property
    def is_setting(self) -> bool:
        """Whether the page More lists the link under Settings."""
        return self.href.startswith("/settings")


class SettingsGroup(StrEnum):
    """What a tab of the settings is about, in the order of the rows of tabs, with their labels."""

    YOU = "You"
    ORGANIZATION = "Organization"
    INCIDENTS = "Incidents"


@dataclass(frozen=True, slots=True)
class SettingsTab:
    """A tab of the settings."""

    group: SettingsGroup
    rank: int
    href: str
    label: str
    name: str
    """What pages set as `tab` to mark it as the current one."""
    verb: str = ""
    """The `people.permissions.Verb` required to see the tab; empty for everyone."""


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The reactions of a slice to an event.

    `must` handlers run in the emitter's transaction. `then` handlers run later from the outbox, which stores
    their names: keep a name for as long as rows with it can exist.
    """

    must: Mapping[type, tuple["MustHandler", ...]] = field(default_factory=dict)
    then: Mapping[type, Mapping[str, "OutboxHandler"]] = field(default_factory=dict)
    while_rows: Mapping["str | MustHandler", str] = field(default_factory=dict)
    """The handlers that have nothing to do while a table of the slice is empty, with that table: `then` by name.

    The statement that stores a `then` reaction checks it, so that emitting the event takes no read of its own. For
    `must` handlers, an emitter checks it with `Tx.is_awaited` in a statement that it runs anyway.
    """


@dataclass(frozen=True, slots=True)
class Composer:
    """Composes the messages about one kind of subject.

    `compose` takes claimed deliveries with their recipients and returns one message for each, in order.
    The outcome of each refreshes the open screens with the live topic `topic-id`, without a topic the person's.
    `compose_retractions` returns what takes the place of each message that `notify.retract` queued, None for nothing.
    """

    compose: Callable[["Tx", "Context", Sequence[Any], datetime], Awaitable[Sequence[Any]]]
    topic: str = ""
    compose_retractions: (
        Callable[["Tx", "Context", Sequence[Any], datetime], Awaitable[Sequence[Any]]] | None
    ) = None
    answered_as: str = ""
    """The kind of subject, with the same id, that an answer to a message is about; its own kind if empty."""
    incidents_of: Callable[["Tx", Sequence[int]], Awaitable[Mapping[int, int]]] | None = None
    """Returns the incident that the messages about each subject name; if that is private, only its readers get them."""


@dataclass(frozen=True, slots=True)
class IncidentPart:
    """What a slice above incidents shows on the incident page and, with `load_rows`, in the list of incidents.

    Each template gets what was loaded as `part`; it is included only if that is true.
    """

    load: Callable[["Tx", Any, datetime], Awaitable[Any]]
    """Returns the part of one incident's page."""
    template: str
    place: str = "now"
    """The column of the incident page: `now` for what needs someone now, `rest` for the others."""
    load_rows: Callable[["Tx", Sequence[Any], datetime], Awaitable[Mapping[int, Any]]] | None = None
    """Returns the parts of the rows of a list, by incident id."""
    row_template: str = ""


@dataclass(frozen=True, slots=True)
class AlertPart:
    """What a slice above alerts shows on the page of an alert; its template gets what was loaded as `part`."""

    load: Callable[["Tx", Any, datetime], Awaitable[Any]]
    """Returns the part of an alert's page."""
    template: str


@dataclass(frozen=True, slots=True)
class PagePart:
    """What a slice above paging shows on the page of a page; it is included only if what was loaded is true."""

    load: Callable[["Tx", Any, datetime], Awaitable[Any]]
    """Returns what the template shows."""
    template: str


IncidentChecks = Callable[
    ["Tx", Sequence[Any], Mapping[int, Sequence[Any]], datetime],
    Awaitable[Mapping[int, Sequence["ProcessFinding"]]],
]
"""Returns the findings of a slice about incidents, by incident id; their timelines in force are read once for all."""


DeclarationPlan = Callable[["Tx", datetime, str], Awaitable[Mapping[int, Sequence[tuple[str, str]]]]]
"""Returns by severity the (icon, text) of what a declaration starts now; times are in the given time zone."""

DeclarationHint = Callable[["Tx", Sequence[int], datetime], Awaitable[Sequence[tuple[str, str]]]]
"""Returns the (icon, text) of what follows from the affected services that someone selects in the form."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The declaration of one slice; its functions import lazily."""

    name: str
    tables: tuple[str, ...] = ()
    """The tables that only this slice writes and locks; slices below it do not read them."""
    views: Mapping[str, str] = field(default_factory=dict)
    """The views of these tables that slices below may read, each with the reason."""
    kept: Mapping[str, str] = field(default_factory=dict)
    """The tables whose rows are never deleted because of their age, each with the reason."""
    retentions: Callable[[], Sequence["Retention"]] = tuple
    """How long the rows of the other tables are kept."""
    functions: tuple[str, ...] = ()
    """The functions of the database that act for this slice; they keep the rules of its SQL."""
    routers: Callable[[], Sequence["APIRouter"]] = tuple
    timers: Callable[[], Mapping[str, "TimerHandler"]] = dict
    composers: Callable[[], Mapping[str, Composer]] = dict
    """Composers by kind of subject. Deliveries store the kind: keep it for as long as rows with it can exist."""
    subscriptions: Callable[[], Subscriptions] = Subscriptions
    alert_parts: Callable[[], Sequence[AlertPart]] = tuple
    page_parts: Callable[[], Sequence[PagePart]] = tuple
    incident_parts: Callable[[], Sequence[IncidentPart]] = tuple
    closing_conditions: Callable[[], Sequence[Callable[["Tx", Any, datetime], Awaitable[Sequence[Any]]]]] = (
        tuple
    )
    """Sources of `incidents.closing.rules.ClosingCondition`s that the slice adds to those for closing an incident."""
    incident_checks: Callable[[], Sequence["IncidentChecks"]] = tuple
    """What slices above incidents add to the process checks of incidents."""
    declaration_plans: Callable[[], Sequence[DeclarationPlan]] = tuple
    """What a slice above incidents does when one is declared, for the form in which someone declares it."""
    declaration_hints: Callable[[], Sequence[DeclarationHint]] = tuple
    """What a slice above incidents knows of affected services, for the form in which someone declares an incident."""
    service_uses: Callable[[], Sequence[Callable[["Tx", int, str], Awaitable[Sequence[Any]]]]] = tuple
    """Sources of `catalog.uses.ServiceUse`s, which keep a service from being deleted."""
    commands: tuple[Command, ...] = ()
    navigation: tuple[NavItem, ...] = ()
    settings_tabs: tuple[SettingsTab, ...] = ()


def unique(what: str, declared: Iterable[tuple[str, str, T]]) -> dict[str, T]:
    """Return the values of (slice, key, value) by key; raise DeclarationError if a key occurs twice."""
    owners: dict[str, str] = {}
    values: dict[str, T] = {}
    for owner, key, value in declared:
        if key in owners:
            raise DeclarationError(f"The {what} {key} is declared by {owners[key]} and by {owner}.")
        owners[key] = owner
        values[key] = value
    return values
