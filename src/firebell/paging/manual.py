"""Pages that people start by hand, for a person, a team, a schedule or a policy."""

import secrets
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import NotFound
from firebell.kit.jobs import timers
from firebell.kit.text import clean_text
from firebell.paging import live_topics, policy_store, store
from firebell.paging.model import (
    MANUAL_KIND,
    TIMER,
    Level,
    ManualTarget,
    ManualTargetKind,
    NewLogEntry,
    NewPage,
    Page,
    Plan,
    Target,
    TargetKind,
)
from firebell.people.authorization import permits
from firebell.people.permissions import Verb


@permits(Verb.PAGE_RESPOND)
async def start_manual_page(
    tx: Tx, actor: Actor, target: ManualTarget, text: str, now: datetime, incident_id: int | None = None
) -> Page:
    """Page a target now and return the page; it never joins another page."""
    policy_id = target.id if target.kind is ManualTargetKind.POLICY else None
    if policy_id is None:
        level = Level((Target(TargetKind(target.kind), target.id),))
        plan = Plan(name="Manual page", levels=(level,), repeat=2, ack_timeout_s=None)
    else:
        policy = (await policy_store.hold_policies(tx, [policy_id])).get(policy_id)
        if policy is None:
            raise NotFound(f"There is no policy {policy_id}.")
        plan = policy.plan
    text = clean_text(text, 1000)
    new_page = NewPage(
        subject_kind=MANUAL_KIND,
        subject_id=int.from_bytes(secrets.token_bytes(7)),
        service_id=None,
        team_id=target.id if target.kind is ManualTargetKind.TEAM else None,
        policy_id=policy_id,
        plan=plan.to_json(),
        title=f"{actor.label}: {text}"[:200],
        urgency="high",
        severity=None,
    )
    ((page_id, _),) = await store.insert_pages(tx, [new_page], now)
    entry = NewLogEntry.by(actor, page_id, "triggered", f"{actor.label} paged: {text}")
    await store.add_log(tx, [entry], now)
    await timers.schedule_many(tx, TIMER, [(str(page_id), now, 1)])
    await live_topics.publish(tx, [page_id])
    await tx.audit(actor, "page.manual", f"PG-{page_id}", now, target=f"{target.kind}:{target.id}")
    page = await store.page(tx, page_id)
    assert page is not None
    return page
