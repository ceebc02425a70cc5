"""Services."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """What alerts are about: a team owns it, an escalation policy pages for it."""

    id: int
    name: str
    slug: str
    team_id: int
    policy_id: int | None
    description: str
    runbook_url: str
