"""Deletes a policy, and restores it from the audit entry of the deletion."""

from datetime import datetime

from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict
from firebell.kit.web import undo
from firebell.paging import policy_store
from firebell.paging.model import Plan, Policy


async def delete_policy(tx: Tx, actor: Actor, policy: Policy, now: datetime) -> None:
    """Delete a policy; raise `Conflict` if an open page uses it."""
    # services before policies: the order in which a new alert locks them
    services = await catalog.lock_services_with_policy(tx, policy.id)
    if not await policy_store.lock_unused(tx, policy.id):
        raise Conflict(f"Open pages use {policy.name}.", hint="Resolve them first.")
    await catalog.clear_policy(tx, policy.id)
    await policy_store.delete_policy(tx, policy.id)
    restorable = {
        "slug": policy.slug,
        "team": policy.team_id,
        "version": policy.version,
        "services": services,
    }
    await tx.audit(actor, "policy.deleted", f"policy:{policy.id}", now, **policy.plan.to_json(), **restorable)


async def restore_policy(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Policy:
    """Restore a deleted policy, also for its services that have no other policy now.

    Pages that began in between keep their plan. Raise `Conflict` if its name is taken.
    """
    policy_id, detail = entry.subject_id, entry.detail
    plan = Plan.from_json(detail)
    deleted = Policy(
        id=policy_id,
        name=plan.name,
        slug=detail["slug"],
        team_id=detail["team"],
        levels=plan.levels,
        repeat=plan.repeat,
        ack_timeout_s=plan.ack_timeout_s,
        version=detail["version"],
    )
    policy = await policy_store.restore_policy(tx, deleted, now)
    if policy is None:
        raise undo.changed_since(
            f"there is another policy named {deleted.name} now.", "Rename it, then create this one again."
        )
    await tx.audit(actor, "policy.restored", f"policy:{policy_id}", now, services=detail["services"])
    for service in (await catalog.services_by_id(tx, detail["services"])).values():
        if service.policy_id is None:
            await catalog.set_policy(tx, actor, service_id=service.id, policy_id=policy_id, now=now)
    return policy
