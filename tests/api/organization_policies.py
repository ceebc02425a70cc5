"""A second version of a policy in the organization with one of everything."""

from dataclasses import replace

from firebell.kit.db.database import Tx
from firebell.paging import actions as paging
from tests.world import World


async def add_policy_version(tx: Tx, w: World, slug: str) -> None:
    """Save a policy again, so that it has an earlier version."""
    policy = await paging.policy_by_slug(tx, slug)
    plan = replace(policy.plan, ack_timeout_s=3600)
    await paging.update_policy(tx, await w.actor(w.mara), policy, plan, now=w.now)
