"""Actions on escalation policies; `paging.actions` offers them to other slices."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.catalog import actions as catalog
from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import clean_name, slugify
from firebell.paging.escalation import round_robin_store
from firebell.paging.model import Level, Plan, Policy, PolicyVersion
from firebell.paging.policies import effect as policy_effect
from firebell.paging.policies import store as policy_store
from firebell.paging.policies import version_store as policy_version_store
from firebell.paging.policies.effect import Effect
from firebell.paging.policies.validation import held_plan
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


@permits(Verb.POLICY_WRITE)
async def create_policy(
    tx: Tx,
    actor: Actor,
    *,
    name: str,
    team_id: int,
    levels: Sequence[Level],
    repeat: int = 2,
    ack_timeout_s: int | None = None,
    tz: str = "UTC",
    now: datetime,
) -> Policy:
    """Create a policy; raise `Invalid` unless its levels have targets that exist and are for every page."""
    await people.team(tx, team_id)
    plan = await held_plan(tx, Plan(name, tuple(levels), repeat, ack_timeout_s, tz=tz))
    policy = await policy_store.insert_policy(tx, plan.name, slugify(plan.name), team_id, plan, now)
    if policy is None:
        raise Conflict(
            f"There is already a policy named {plan.name}.", fields={"name": "Choose another name."}
        )
    await policy_version_store.record_version(tx, policy, actor, now)
    await tx.audit(actor, "policy.created", f"policy:{policy.id}", now, **plan.to_json())
    return policy


async def policy_by_slug(tx: Tx, slug: str) -> Policy:
    """Return one policy; raise `NotFound`."""
    policy = await policy_store.policy_by_slug(tx, slug)
    if policy is None:
        names = ", ".join(p.slug for p in (await policy_store.policies(tx))[:20])
        raise NotFound(f"There is no policy {slug}.", hint=f"Existing policies: {names or 'none yet'}.")
    return policy


@permits(Verb.POLICY_WRITE)
async def update_policy(
    tx: Tx,
    actor: Actor,
    policy: Policy,
    plan: Plan,
    *,
    version: int | None = None,
    now: datetime,
) -> Policy:
    """Store a plan as the next version of a policy for new pages; open pages keep theirs (spec 2.3).

    The policy keeps its name, and the same plan is no new version. Raise `Conflict` if `version`, the one that was
    edited, or `policy` itself is no longer the current one.
    """
    plan = await held_plan(tx, replace(plan, name=policy.name))
    if version not in (None, policy.version):
        raise _changed_meanwhile(policy)
    if plan == policy.plan:
        return policy
    # services before policies: the order in which a deletion and a new alert lock them
    await catalog.lock_services_with_policy(tx, policy.id)
    # waits for pages that begin with the earlier version, so that no schedule is deleted that they notify
    await policy_store.lock_policy(tx, policy.id)
    updated = await policy_store.update_policy(tx, policy.id, plan, policy.version)
    if updated is None:
        raise _changed_meanwhile(policy)
    await policy_version_store.record_version(tx, updated, actor, now)
    await tx.audit(
        *(actor, "policy.changed", f"policy:{policy.id}", now),
        **plan.to_json(),
        version=updated.version,
    )
    return updated


@permits(Verb.POLICY_WRITE)
async def rename_policy(tx: Tx, actor: Actor, policy: Policy, name: str, now: datetime) -> Policy:
    """Rename a policy; its address, its version and what open pages call it stay as they are."""
    clean = clean_name(name, "name")
    if clean == policy.name:
        return policy
    renamed = await policy_store.rename_policy(tx, policy.id, clean)
    if renamed is None:
        raise Conflict(f"There is already a policy named {clean}.", fields={"name": "Choose another name."})
    await tx.audit(actor, "policy.renamed", f"policy:{policy.id}", now, name=clean, before=policy.name)
    return renamed


def _changed_meanwhile(policy: Policy) -> Conflict:
    return Conflict(
        f"{policy.name} was changed while you edited it.",
        hint="Compare the newest version with yours, then save again.",
    )


async def version(tx: Tx, policy: Policy, number: int) -> PolicyVersion:
    """Return one version of a policy; raise `NotFound`."""
    version_ = await policy_version_store.version(tx, policy, number)
    if version_ is None:
        raise NotFound(
            f"{policy.name} has no version {number}.", command=f"firebell policy versions {policy.slug}"
        )
    return version_


async def effect(tx: Tx, policy: Policy, draft: Plan, now: datetime) -> tuple[Effect, Effect]:
    """Return what the plan of a policy and a draft would each have done with its pages of the last 90 days."""
    since = now - policy_effect.PERIOD
    pages = await policy_store.past_pages(tx, policy.id, since, now, policy_effect.MAX_PAGES)
    return policy_effect.effect(policy.plan, pages), policy_effect.effect(draft, pages)


@permits(Verb.POLICY_WRITE)
async def restore_version(tx: Tx, actor: Actor, policy: Policy, number: int, now: datetime) -> Policy:
    """Store an earlier version of a policy as its next one; raise `Invalid` if one of its targets is gone."""
    plan = (await version(tx, policy, number)).plan
    return await update_policy(tx, actor, policy, plan, now=now)


@permits(Verb.POLICY_WRITE)
async def delete_policy(tx: Tx, actor: Actor, policy: Policy, now: datetime) -> None:
    """Delete a policy; raise `Conflict` if an open page uses it."""
    # services before policies: the order in which a new alert locks them
    services = await catalog.lock_services_with_policy(tx, policy.id)
    await policy_store.lock_policy(tx, policy.id)
    if page_ids := await policy_store.open_page_ids(tx, policy.id):
        refs = ", ".join(f"PG-{page_id}" for page_id in page_ids[:5])
        raise Conflict(f"Open pages use {policy.name}.", hint=f"Resolve them first: {refs}.")
    await catalog.clear_policy(tx, policy.id)
    await policy_version_store.end_versions(tx, policy.id, now)
    await round_robin_store.delete_order(tx, policy.id)
    await policy_store.delete_policy(tx, policy.id)
    restorable = {
        "slug": policy.slug,
        "team": policy.team_id,
        "version": policy.version,
        "services": services,
    }
    await tx.audit(actor, "policy.deleted", f"policy:{policy.id}", now, **policy.plan.to_json(), **restorable)


@permits(Verb.POLICY_WRITE)
async def restore_policy(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Policy:
    """Restore a deleted policy, also for its services that have no other policy now.

    Pages that began in between keep their plan. Raise `Conflict` if its name is taken, or one of its schedules is gone.
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
        tz=plan.tz,
        version=detail["version"],
    )
    try:
        await held_plan(tx, plan)
    except Invalid as exc:
        raise undo.changed_since(
            f"{deleted.name} notified a schedule that was deleted since then.", "Create the policy again."
        ) from exc
    policy = await policy_store.restore_policy(tx, deleted, now)
    if policy is None:
        raise undo.changed_since(
            f"there is another policy named {deleted.name} now.", "Rename it, then create this one again."
        )
    await policy_version_store.record_version(tx, policy, actor, now)
    await tx.audit(actor, "policy.restored", f"policy:{policy_id}", now, services=detail["services"])
    await catalog.fill_in_policy(tx, actor, service_ids=detail["services"], policy_id=policy_id, now=now)
    return policy
