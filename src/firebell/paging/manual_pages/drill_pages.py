"""Pages of a drill: they reach only the people who take part in it, and raise no final alarm (spec 11.15)."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.paging import live_topics, log_writer, store
from firebell.paging.escalation.recipients import hypothetical_page, load_recipients
from firebell.paging.manual_pages import actions as manual
from firebell.paging.manual_pages import store as manual_store
from firebell.paging.model import (
    MANUAL_KIND,
    ManualTarget,
    ManualTargetKind,
    NewPage,
    Page,
    Plan,
    Policy,
    Target,
    TargetKind,
)
from firebell.people.action_permissions import internal

_TITLE_MAX_CHARS = 200


async def _reached(tx: Tx, plan: Plan, team_id: int | None, now: datetime) -> list[list[int]]:
    """Return the people that each level of a plan reaches now."""
    page = hypothetical_page(plan, team_id or 0, now)
    recipients = await load_recipients(tx, [page], now)
    return [recipients.reach(page, level) for level in range(len(plan.levels))]


def _confined(plan: Plan, reached: Sequence[Sequence[int]], allowed: Collection[int]) -> Plan:
    """Return the plan with only the allowed people, by name; levels without anyone are left out."""
    levels = []
    for level, person_ids in zip(plan.levels, reached, strict=True):
        targets = tuple(Target(TargetKind.PERSON, i) for i in person_ids if i in allowed)
        if targets:
            levels.append(replace(level, targets=targets, min_acks=min(level.min_acks, len(targets))))
    return replace(plan, levels=tuple(levels), is_drill=True)


@internal("A drill pages the volunteers among those whom its policy reaches.")
async def start_drill_page(
    tx: Tx, actor: Actor, policy: Policy, allowed: Collection[int], text: str, now: datetime
) -> Page | None:
    """Page the allowed people among those whom a policy reaches now; return None, and page no one, without any."""
    confined = _confined(policy.plan, await _reached(tx, policy.plan, policy.team_id, now), allowed)
    if not confined.levels:
        return None
    manual_page_id = await manual_store.insert(
        tx,
        actor=actor.label,
        actor_id=None,
        target=ManualTarget(ManualTargetKind.POLICY, policy.id),
        target_name=policy.name,
        text=f"DRILL: {text}",
        key=None,
        now=now,
    )
    assert manual_page_id is not None  # there is no key
    new_page = NewPage(
        subject_kind=MANUAL_KIND,
        subject_id=manual_page_id,
        service_id=None,
        team_id=None,
        policy_id=None,
        plan=confined.to_json(),
        title=f"DRILL {text}"[:_TITLE_MAX_CHARS],
        urgency="high",
        severity=None,
        actor=actor.label,
        text=f"DRILL: {actor.label} paged the volunteers of {policy.name}.",
        actor_id=actor.person_id,
    )
    (page_id,) = await log_writer.start_pages(tx, [new_page], now)
    await manual_store.set_page(tx, manual_page_id, page_id)
    await live_topics.publish(tx, [page_id])
    return await store.page(tx, page_id)


@internal("A page that a player starts during a drill.")
async def confine_to_drill(tx: Tx, page_id: int, allowed: Collection[int], now: datetime) -> list[int]:
    """Restrict a page that has not begun to the allowed people, as a page of a drill; return whom it reaches."""
    page = await store.page(tx, page_id)
    assert page is not None
    plan = _confined(page.plan, await _reached(tx, page.plan, page.team_id, now), allowed)
    await store.set_plan(tx, [page_id], plan)
    if page.subject_kind == MANUAL_KIND and not page.title.startswith("DRILL"):
        await manual.mark_as_drill(tx, page_id)
    return [target.id for level in plan.levels for target in level.targets]
