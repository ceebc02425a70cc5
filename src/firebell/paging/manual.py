"""A page that is opened by hand, or by the response to an incident, for someone with a text."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.jobs import timers
from firebell.kit.text import clean_name
from firebell.oncall.schedules import queries as oncall
from firebell.paging import policy_store, store
from firebell.paging.model import TIMER, Level, NewLogEntry, NewPage, Page, Plan, Target, TargetKind
from firebell.people import actions as people
from firebell.people.authorization import permits
from firebell.people.permissions import Verb

TEXT_MAX_CHARS = 200


@dataclass(frozen=True, slots=True)
class ManualTarget:
    """Whom to page by hand."""

    kind: Literal["person", "team", "schedule", "policy"]
    id: int


@permits(Verb.PAGE_RESPOND)
async def start_manual_page(
    tx: Tx, actor: Actor, target: ManualTarget, text: str, now: datetime, incident_id: int | None = None
) -> Page:
    """Page a person, a team, who is on call for a schedule, or by a policy; `text` is the title.

    Raise `NotFound` if the target does not exist, `Invalid` for a deactivated person or an empty text.
    """
    title = clean_name(text, "text", limit=TEXT_MAX_CHARS)
    plan, team_id, policy_id = await _plan(tx, target)
    new_page = NewPage(
        subject_kind="manual",
        subject_id=await store.next_manual_subject(tx),
        service_id=None,
        team_id=team_id,
        policy_id=policy_id,
        plan=plan.to_json(),
        title=title,
        urgency="high",
        severity=None,
    )
    ((page_id, _),) = await store.insert_pages(tx, [new_page], now)
    entry = NewLogEntry.by(
        actor, page_id, "triggered", f"{actor.label} paged {plan.name}.", incident=incident_id
    )
    await store.add_log(tx, [entry], now)
    await timers.schedule(tx, TIMER, str(page_id), now, epoch=1)
    await tx.audit(actor, "page.started", f"PG-{page_id}", now, target=f"{target.kind}:{target.id}")
    await tx.live("pages")
    page = await store.page(tx, page_id)
    assert page
    return page


async def _plan(tx: Tx, target: ManualTarget) -> tuple[Plan, int | None, int | None]:
    """Return the plan of a target with its team and policy."""
    team_id: int | None = None
    match target.kind:
        case "policy":
            policy = (await policy_store.hold_policies(tx, [target.id])).get(target.id)
            if policy is None:
                raise NotFound(f"There is no escalation policy {target.id}.")
            return policy.plan, policy.team_id, policy.id
        case "person":
            person = await people.person(tx, target.id)
            if not person.active:
                raise Invalid(f"{person.name} is deactivated.", fields={"target": "Choose someone else."})
            name = person.name
        case "team":
            team = await people.team(tx, target.id)
            name, team_id = team.name, team.id
        case "schedule":
            schedule = (await oncall.schedules_by_id(tx, [target.id])).get(target.id)
            if schedule is None:
                raise NotFound(f"There is no schedule {target.id}.")
            name = schedule.name
    level = Level((Target(TargetKind(target.kind), target.id),))
    return Plan(name, (level,), repeat=2, ack_timeout_s=None), team_id, None
