"""Who targets and policies reach now, and who pages have reached."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from firebell.kit.db.database import Tx
from firebell.notify import actions as notify
from firebell.paging import store
from firebell.paging.escalation import state_machine as escalation
from firebell.paging.escalation.recipients import Recipients, hypothetical_page, load_recipients
from firebell.paging.level_conditions import PageKind
from firebell.paging.model import (
    SUBJECT_KIND,
    Level,
    ManualTarget,
    ManualTargetKind,
    Page,
    PageState,
    Plan,
    Policy,
    Strategy,
    Target,
    TargetKind,
)
from firebell.paging.policies import store as policy_store
from firebell.people.action_permissions import internal


async def reachable(tx: Tx, targets: Sequence[ManualTarget], now: datetime) -> list[list[int]]:
    """Return the people whom each target reaches now; of a policy, those of the first level that has anyone."""
    ids = [target.id for target in targets if target.kind is ManualTargetKind.POLICY]
    policies = await policy_store.policies_by_id(tx, ids) if ids else {}
    pages = [hypothetical_page(_plan(target, policies.get(target.id)), 0, now) for target in targets]
    recipients = await load_recipients(tx, pages, now)
    return [at_first_level(recipients, page, now) for page in pages]


def at_first_level(recipients: Recipients, page: Page, now: datetime) -> list[int]:
    """Return everyone at the first level that the page would enter, also with round robin; empty if there is none."""
    outcome = escalation.advance(page, partial(recipients.reach, page), now)
    return recipients.reach(page, outcome.page.level) if isinstance(outcome, escalation.Entered) else []


def _plan(target: ManualTarget, policy: Policy | None) -> Plan:
    if target.kind is ManualTargetKind.POLICY:
        return policy.plan if policy else Plan("", (), 0, None)
    return Plan("", (Level((Target(TargetKind(target.kind), target.id),)),), 0, None)


async def level_targets(
    tx: Tx, policy_id: int, severity: int, at: datetime
) -> list[tuple[int, list[ManualTarget]]]:
    """Return the number and the targets of each level of a policy, none if it does not exist.

    These are the levels whose conditions a page of this severity meets at an instant, or all if it meets none.
    """
    policy = (await policy_store.policies_by_id(tx, [policy_id])).get(policy_id)
    if policy is None:
        return []
    return [
        (i + 1, [ManualTarget(ManualTargetKind(t.kind), t.id) for t in policy.levels[i].targets])
        for i in policy.plan.levels_for(PageKind.of_severity(severity), at)
    ]


async def people_paged(tx: Tx, page_ids: Sequence[int], now: datetime) -> set[int]:
    """Return whom these pages notified, or are about to notify first; failed attempts do not count."""
    pages = await store.pages_by_id(tx, page_ids)
    reached = await notify.notified(tx, SUBJECT_KIND, page_ids)
    people = {person_id for by_person in reached.values() for person_id in by_person}
    starting = [page for page in pages.values() if page.level < 0 and page.state is PageState.TRIGGERED]
    if starting:
        recipients = await load_recipients(tx, starting, now)
        for page in starting:
            first = at_first_level(recipients, page, now)
            # whose turn it will be is not certain yet
            if len(first) == 1 or all(x.strategy is Strategy.ALL for x in page.plan.levels):
                people |= set(first)
    return people


@internal("Called by the response to an incident.")
async def join_first_levels(tx: Tx, page_id: int, now: datetime) -> Page | None:
    """Page the first two levels of a page that begins together; return None if it has no second one.

    These are the first two whose conditions the page meets now. Everyone at them is paged, also with round robin.
    """
    for page in await store.lock(tx, [page_id]):
        if page.level >= 0 or page.state is not PageState.TRIGGERED:
            return None
        levels, met = page.plan.levels, page.plan.levels_for(page.kind, now)
        if len(met) < 2:
            return None
        first, second = levels[met[0]], levels[met[1]]
        targets = tuple(dict.fromkeys((*first.targets, *second.targets)))
        both = Level(targets, first.ack_within_s, min_acks=max(first.min_acks, second.min_acks))
        joined = [both if i == met[0] else one for i, one in enumerate(levels) if i != met[1]]
        plan = replace(page.plan, levels=tuple(joined))
        await store.set_plan(tx, [page_id], plan)
        return replace(page, plan=plan)
    return None
