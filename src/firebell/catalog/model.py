"""Services."""

from collections.abc import Mapping
from dataclasses import dataclass, field

TIERS = {1: "critical", 2: "standard", 3: "internal"}
"""The tiers of services, and of the policies that suit them: who notices a failure, and how soon."""


@dataclass(frozen=True, slots=True)
class ServiceLink:
    """A web page about a service, such as its repository or its dashboard."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Service:
    """What alerts are about: a team owns it, an escalation policy pages for it.

    `tier` is a key of `TIERS`, None if no one chose one. Labels describe the service; they route no alert.
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
