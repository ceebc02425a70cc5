"""Whom targets and policies reach now, and whom pages have reached."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.notify import actions as notify
from firebell.paging import policy_store, store
from firebell.paging.escalation_recipients import hypothetical_page, load_recipients
from firebell.paging.model import (
    SUBJECT_KIND,
    Level,
    ManualTarget,
    ManualTargetKind,
    Page,
    PageState,
    Plan,
    Policy,
    Target,
    TargetKind,
)
from firebell.people.action_guards import internal


async def reachable(tx: Tx, targets: Sequence[ManualTarget], now: datetime) -> list[list[int]]:
    """Return the people whom each target reaches now; of a policy, those of the first level that has anyone."""
    ids = [target.id for target in targets if target.kind is ManualTargetKind.POLICY]
    policies = await policy_store.policies_by_id(tx, ids) if ids else {}
    pages = [hypothetical_page(_plan(target, policies.get(target.id)), 0, now) for target in targets]
    recipients = await load_recipients(tx, pages, now)
    return [
        next(filter(None, (recipients.reach(page, level) for level in range(len(page.plan.levels)))), [])
        for page in pages
    ]


def _plan(target: ManualTarget, policy: Policy | None) -> Plan:
    if target.kind is ManualTargetKind.POLICY:
        return policy.plan if policy else Plan("", (), 0, None)
    return Plan("", (Level((Target(TargetKind(target.kind), target.id),)),), 0, None)


async def level_targets(tx: Tx, policy_id: int) -> list[list[ManualTarget]]:
    """Return the targets of each level of a policy, none if it does not exist."""
    policy = (await policy_store.policies_by_id(tx, [policy_id])).get(policy_id)
    if policy is None:
        return []
    return [[ManualTarget(ManualTargetKind(t.kind), t.id) for t in level.targets] for level in policy.levels]


async def people_paged(tx: Tx, page_ids: Sequence[int], now: datetime) -> set[int]:
    """Return whom these pages notified, or are about to notify first; failed attempts do not count."""
    pages = await store.pages_by_id(tx, page_ids)
    reached = await notify.notified(tx, SUBJECT_KIND, page_ids)
    people = {person_id for by_person in reached.values() for person_id in by_person}
    starting = [page for page in pages.values() if page.level < 0 and page.state is PageState.TRIGGERED]
    if starting:
        recipients = await load_recipients(tx, starting, now)
        for page in starting:
            levels = range(len(page.plan.levels))
            people |= set(next(filter(None, (recipients.reach(page, level) for level in levels)), []))
    return people


@internal("The response to an incident decides it by the hour.")
async def join_first_levels(tx: Tx, page_id: int, now: datetime) -> Page | None:
    """Page the first two levels of a page that begins together; return None if it has no second one."""
    for page in await store.lock(tx, [page_id]):
        if page.level >= 0 or page.state is not PageState.TRIGGERED or len(page.plan.levels) < 2:
            return None
        first, second, *later = page.plan.levels
        both = Level((*first.targets, *second.targets), first.ack_within_s)
        plan = replace(page.plan, levels=(both, *later))
        await store.set_plan(tx, page_id, plan)
        return replace(page, plan=plan)
    return None
