"""Status pages, their components, and what is published on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Any


class ComponentStatus(IntEnum):
    """The status of a component, from the best to the worst; the word of each is its `code`."""

    OPERATIONAL = 0
    UNDER_MAINTENANCE = 1
    DEGRADED_PERFORMANCE = 2
    PARTIAL_OUTAGE = 3
    MAJOR_OUTAGE = 4

    @property
    def code(self) -> str:
        """The word in documents, such as partial_outage; the same as Statuspage's."""
        return self.name.lower()

    @classmethod
    def of(cls, code: str) -> "ComponentStatus":
        """Return the status with this code; raise `ValueError`."""
        try:
            return cls[code.upper()]
        except KeyError:
            raise ValueError(f"{code!r} is not a status of a component") from None


STATUS_LABELS = {
    ComponentStatus.OPERATIONAL: "Operational",
    ComponentStatus.UNDER_MAINTENANCE: "Under maintenance",
    ComponentStatus.DEGRADED_PERFORMANCE: "Degraded performance",
    ComponentStatus.PARTIAL_OUTAGE: "Partial outage",
    ComponentStatus.MAJOR_OUTAGE: "Major outage",
}
STATUS_LOOKS = {
    ComponentStatus.OPERATIONAL: "ok",
    ComponentStatus.UNDER_MAINTENANCE: "maintenance",
    ComponentStatus.DEGRADED_PERFORMANCE: "degraded",
    ComponentStatus.PARTIAL_OUTAGE: "outage",
    ComponentStatus.MAJOR_OUTAGE: "outage",
}
"""The look of each status."""
CHOOSABLE = [status for status in ComponentStatus if status is not ComponentStatus.UNDER_MAINTENANCE]
"""The statuses that an incident can give a component."""


class Stage(StrEnum):
    """The stage of a public incident (spec 7.3)."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"

    @property
    def rank(self) -> int:
        """Its place in the order in which an incident passes through the stages."""
        return list(Stage).index(self)


STAGE_LABELS = {
    Stage.INVESTIGATING: "Investigating",
    Stage.IDENTIFIED: "Identified",
    Stage.MONITORING: "Monitoring",
    Stage.RESOLVED: "Resolved",
}


POSTMORTEM_LABEL = "Post-mortem"
ENTRY_KIND = "public"
"""The kind of the timeline entries about what was published."""


class Impact(IntEnum):
    """How bad a public incident is for customers, from the least to the worst."""

    NONE = 0
    MAINTENANCE = 1
    MINOR = 2
    MAJOR = 3
    CRITICAL = 4

    @property
    def code(self) -> str:
        """The word in documents, such as minor; the same as Statuspage's."""
        return self.name.lower()


class UpdateKind(StrEnum):
    """Why an update was published."""

    UPDATE = "update"
    CORRECTION = "correction"
    REGRESSION = "regression"
    POSTMORTEM = "postmortem"

    @property
    def is_progress(self) -> bool:
        """True if the update says how it goes on; a correction and a post-mortem do not."""
        return self in (UpdateKind.UPDATE, UpdateKind.REGRESSION)


class PageVisibility(StrEnum):
    """Who reads a status page: everyone, people with its address, or only those whom its gate admits."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"


class IndicatorRule(StrEnum):
    """How the statuses of all components become the one indicator of a page (spec 7.4)."""

    BLEND = "blend"
    WORST = "worst"


@dataclass(frozen=True, slots=True)
class PageTexts:
    """What a page says about itself in another language; an empty text is not translated."""

    about: str = ""
    links: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The labels of footer links, by the label in the language of the page."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How many percent of the time of a status count as downtime; a major outage counts in full."""

    partial: int = 30
    degraded: int = 0


@dataclass(frozen=True, slots=True)
class StatusPage:
    """A status page at /s/<slug>. The weights say how many percent of an outage count as downtime."""

    id: int
    slug: str
    name: str
    tz: str
    about: str
    support_url: str
    visibility: PageVisibility
    partial_weight: int
    degraded_weight: int
    created_at: datetime
    updated_at: datetime
    indicator_rule: IndicatorRule = IndicatorRule.BLEND
    translations: Mapping[str, PageTexts] = field(default_factory=dict, hash=False)
    """Its own texts by other language of the page."""

    @property
    def weights(self) -> Weights:
        """How much of the time of each status counts as downtime."""
        return Weights(self.partial_weight, self.degraded_weight)

    def texts_in(self, locale: str) -> PageTexts:
        """Return what is written in another language of the page; texts that are not translated are empty."""
        return self.translations.get(locale, PageTexts())


@dataclass(frozen=True, slots=True)
class PartTranslation:
    """The name and description of a group or component in another language; an empty text is not translated."""

    name: str = ""
    description: str = ""


class PagePart:
    """What a page lists by a name, in each of its languages: a component, or a group of them."""

    __slots__ = ()
    name: str
    translations: Mapping[str, PartTranslation]

    def translation(self, locale: str) -> PartTranslation:
        """Return what is written in another language of the page; texts that are not translated are empty."""
        return self.translations.get(locale, PartTranslation())

    def name_in(self, locale: str) -> str:
        """Return the name in another language, the original one if it is not translated; "" is the page's own."""
        return self.translation(locale).name or self.name


@dataclass(frozen=True, slots=True)
class ComponentGroup(PagePart):
    """A group of components of one status page."""

    id: int
    public_id: str
    name: str
    position: int
    created_at: datetime
    description: str = ""
    translations: Mapping[str, PartTranslation] = field(default_factory=dict, hash=False)
    """Its name and description by other language of the page."""


@dataclass(frozen=True, slots=True)
class Component(PagePart):
    """What customers know by a name; `service_ids` are the services behind it.

    One that is shown `only_if_affected` is not on the page while it is operational.
    """

    id: int
    public_id: str
    group_id: int | None
    name: str
    description: str
    position: int
    start_date: date
    shows_uptime: bool
    created_at: datetime
    service_ids: tuple[int, ...] = ()
    only_if_affected: bool = False
    translations: Mapping[str, PartTranslation] = field(default_factory=dict, hash=False)
    """Its name and description by other language of the page."""


@dataclass(frozen=True, slots=True)
class Effect:
    """An update gives a component this status from `since` on."""

    component_id: int
    status: ComponentStatus
    since: datetime


@dataclass(frozen=True, slots=True)
class PublicUpdate:
    """One update of a public incident; `seq` counts from 1 within the incident.

    `body` is the last version; `edited_at` is set if an edit was made later than a typo's grace.
    """

    id: int
    public_id: str
    seq: int
    stage: Stage
    kind: UpdateKind
    body: str
    effects: tuple[Effect, ...]
    display_at: datetime
    next_update_at: datetime | None
    created_at: datetime
    actor: str
    edited_at: datetime | None = None
    version: int = 1
    eta_at: datetime | None = None
    """When the incident is expected to be over, as an estimate."""
    translations: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Its text in other languages of the page, by locale."""
    is_quiet: bool = False
    """True if subscribers are not notified of it."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """The public incident of the same page at which another one goes on."""

    public_id: str
    name: str


@dataclass(frozen=True, slots=True)
class PublicIncident:
    """An incident as a status page tells it; `incident_id` is the one it is about, if any."""

    id: int
    public_id: str
    incident_id: int | None
    name: str
    impact_override: Impact | None
    published_at: datetime
    monitoring_at: datetime | None
    resolved_at: datetime | None
    regressions: int
    updates: tuple[PublicUpdate, ...]
    continued_at: Continuation | None = None

    @property
    def stage(self) -> Stage:
        """The stage of its latest update; a correction keeps the stage."""
        return self.updates[-1].stage

    @property
    def is_open(self) -> bool:
        """True until it is resolved."""
        return self.resolved_at is None

    @property
    def eta_at(self) -> datetime | None:
        """When it is expected to be over, as its latest update estimates; a correction keeps the estimate."""
        if not self.is_open:
            return None
        progress = (u for u in reversed(self.updates) if u.kind.is_progress)
        return next((update.eta_at for update in progress), None)

    @property
    def postmortem(self) -> PublicUpdate | None:
        """Its post-mortem, None if none is published."""
        return next((update for update in self.updates if update.kind is UpdateKind.POSTMORTEM), None)

    @property
    def component_ids(self) -> frozenset[int]:
        """The components that any of its updates names."""
        return frozenset(effect.component_id for update in self.updates for effect in update.effects)


@dataclass(frozen=True, slots=True)
class UpdatePublished:
    """An update of an incident was published, or edited if `version` is not 1. Imported history is not.

    `public_id` is that of the incident; `seq` is the number of the update within it. Mail about it waits `hold_s`
    seconds, because it can be recalled. No one is notified of a quiet one.
    """

    status_page_id: int
    public_incident_id: int
    public_id: str
    update_id: int
    seq: int
    version: int
    hold_s: int = 0
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class UpdateRecalled:
    """An update was published by mistake, and has a notice instead now. `public_id` is that of the incident."""

    status_page_id: int
    public_id: str
    seq: int


@dataclass(frozen=True, slots=True)
class ComponentGroupRemoved:
    """A group of components was removed; its shown components belong to no group now."""

    status_page_id: int
    group_id: int
    component_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MaintenanceChanged:
    """Something about maintenance that subscribers of its components may want to know.

    `change` is scheduled, started, verifying, updated, extended, postponed, completed, cancelled or reminder.
    `update_id` is the published update, None for a reminder, which is not published; `reminder_minutes` is how
    long before the start that is. `notify` is False for what no one needs to hear anymore.
    """

    status_page_id: int
    public_incident_id: int
    change: str
    update_id: int | None
    reminder_minutes: int | None
    notify: bool


@dataclass(frozen=True, slots=True)
class ComponentChange:
    """A published update gave a component another status, in view of everything that is published about it."""

    component: Component
    old: ComponentStatus
    new: ComponentStatus
    document: Mapping[str, Any]
    """The component as Statuspage's API v2 has it."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A published update with what is needed to tell others about it."""

    page: StatusPage
    incident: PublicIncident
    update: PublicUpdate
    impact: Impact
    components: tuple[Component, ...]
    """The shown components that any update of the incident names."""
    document: Mapping[str, Any]
    """The incident as Statuspage's API v2 has it; its addresses begin at the status page."""
    changes: tuple[ComponentChange, ...] = ()
    """The components that the update changed, if the document was wanted."""
