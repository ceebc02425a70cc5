"""Services."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """Something that can break, owned by a team, paged through a policy."""

    id: int
    name: str
    slug: str
    team_id: int
    policy_id: int | None
    description: str
    runbook_url: str
