"""Undo of a deleted policy, from what its audit entry holds."""

from datetime import datetime

from firebell.catalog import actions as catalog
from firebell.kit import undo
from firebell.kit.db import Tx
from firebell.kit.events import Actor
from firebell.paging import policy_store
from firebell.paging.model import Plan, Policy


async def restore_policy(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Policy:
    """Restore a deleted policy, and its services that have no other policy since.

    Pages that began in between keep the plan that they began with. Raises `Conflict` when its name is taken.
    """
    policy_id, kept = entry.subject_id, entry.detail
    plan = Plan.from_json(kept)
    deleted = Policy(
        id=policy_id,
        name=plan.name,
        slug=kept["slug"],
        team_id=kept["team"],
        levels=plan.levels,
        repeat=plan.repeat,
        ack_timeout_s=plan.ack_timeout_s,
        version=kept["version"],
    )
    policy = await policy_store.restore_policy(tx, deleted, now)
    if policy is None:
        raise undo.changed_since(
            f"there is another policy {deleted.name} now.", "Rename it, then create this one again."
        )
    await tx.audit(actor, "policy.restored", f"policy:{policy_id}", now, services=kept["services"])
    for service in (await catalog.services_by_id(tx, kept["services"])).values():
        if service.policy_id is None:
            await catalog.set_policy(tx, actor, service_id=service.id, policy_id=policy_id, now=now)
    return policy
