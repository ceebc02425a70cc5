"""Who can approve a post: the commander of the incident, and the groups of the response by severity."""

from collections.abc import Collection
from datetime import datetime

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentRole
from firebell.kit.db.database import Tx
from firebell.paging import actions as paging
from firebell.paging.model import ManualTarget, ManualTargetKind
from firebell.response import queries as response
from firebell.response.model import ResponseGroup

COMMANDER = "commander"


async def approvers(
    tx: Tx, incident: Incident, roles: Collection[str], author_id: int | None, now: datetime
) -> dict[str, list[int]]:
    """Return who of each role can be asked now, without the author."""
    asked: dict[str, list[int]] = {}
    in_force, _ = await response.settings(tx)
    for role in roles:
        if role == COMMANDER:
            held = (await incidents.roles(tx, [incident.id]))[incident.id]
            members = [each.person_id for each in held if each.role is IncidentRole.COMMANDER]
        else:
            targets = [_manual_target(target) for target in in_force.groups.get(ResponseGroup(role), ())]
            members = [person for reached in await paging.reachable(tx, targets, now) for person in reached]
        asked[role] = sorted(set(members) - {author_id})
    return asked


def _manual_target(target: str) -> ManualTarget:
    """Return a stored target such as schedule:3 as one that can be resolved to people."""
    kind, _, target_id = target.partition(":")
    return ManualTarget(ManualTargetKind(kind), int(target_id))
