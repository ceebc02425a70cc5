"""Services."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

TIERS = {1: "critical", 2: "standard", 3: "internal"}
"""The tiers of services, and of the policies that suit them: who notices a failure, and how soon."""

DESCRIPTION_MAX_CHARS = 2_000
"""The longest description of a service."""

MAX_EARLIER_NAMES = 20
"""Maximum number of earlier names by which alerts find a service."""


@dataclass(frozen=True, slots=True)
class ServiceLink:
    """A web page about a service, such as its repository or its dashboard."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Service:
    """What alerts are about: a team owns it, an escalation policy pages for it.

    `tier` is a key of `TIERS`, None if no one chose one. Labels describe the service; they route no alert.
    `earlier_names` are those before it was renamed, in lower case, the newest last.
    """

    id: int
    name: str
    slug: str
    team_id: int
    policy_id: int | None
    description: str
    runbook_url: str
    tier: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    links: tuple[ServiceLink, ...] = ()
    earlier_names: tuple[str, ...] = ()
    deleted_at: datetime | None = None

    @property
    def is_deleted(self) -> bool:
        """Return True if only its history is kept."""
        return self.deleted_at is not None

    @property
    def label(self) -> str:
        """The name, marked if the service was deleted."""
        return f"{self.name} (deleted)" if self.is_deleted else self.name


def renamed(service: Service, name: str) -> Service:
    """Return the service with a new name; alerts that carry one of the newest earlier ones still belong to it.

    Its slug stays, so that addresses and what names it by slug stay valid.
    """
    if name == service.name:
        return service
    kept = tuple(each for each in service.earlier_names if each != name.casefold())
    changed = replace(service, name=name, earlier_names=kept)
    is_other = name.casefold() != service.name.casefold()
    return with_earlier_name(changed, service.name) if is_other else changed


def with_earlier_name(service: Service, name: str) -> Service:
    """Return the service with one more earlier name, its newest; `MAX_EARLIER_NAMES` are kept."""
    others = [each for each in service.earlier_names if each != name.casefold()]
    return replace(service, earlier_names=(*others, name.casefold())[-MAX_EARLIER_NAMES:])
