"""Actions on responses: answers to escalations, requests for expertise, updates for customers, and promises."""

from dataclasses import replace
from datetime import datetime, timedelta

from firebell.incidents import actions as incidents
from firebell.incidents.model import (
    OPEN,
    Incident,
    Phase,
)
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.drill_clock import drill_time, real_time
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import clean_text
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb
from firebell.response import cadence, plan, queries, running_steps, store
from firebell.response.model import (
    NOT_YET,
    Audience,
    ExpertiseRequest,
    ResponseGroup,
    ResponsePost,
    ResponseStep,
)
from firebell.response.queries import RunningResponse

REASON_MAX_CHARS = 1000
NEED_MAX_CHARS = 200
UPDATE_MAX_CHARS = 10_000
CUSTOMER_KIND = "customer_mail"
"""The kind of the timeline entry that records an update for customers."""


async def _one(tx: Tx, incident_id: int, now: datetime) -> RunningResponse:
    """Lock an open incident and return its response; raise `Conflict` without one."""
    incident = await incidents.locked(tx, incident_id)
    _require_open(incident)
    listed = await queries.running(tx, [incident], now)
    if not listed:
        raise Conflict(
            f"{incident.ref} has no response: it is a drill, or it was declared before an upgrade."
        )
    return listed[0]


def _require_open(incident: Incident) -> None:
    if incident.phase not in OPEN:
        raise Conflict(f"{incident.ref} is {incident.phase}, so nothing escalates anymore.")


def _step(one: RunningResponse, key: str) -> ResponseStep:
    for step in one.pending:
        if step.key == key:
            return step
    raise NotFound(f"{one.incident.ref} has no such upcoming step.", hint="It may have run already.")


@permits(Verb.INCIDENT_UPDATE)
async def escalate_now(tx: Tx, actor: Actor, incident_id: int, key: str, now: datetime) -> None:
    """Do a step that is to come at once."""
    one = await _one(tx, incident_id, now)
    step = _step(one, key)
    await running_steps.act(tx, actor, one, step, now)
    await tx.audit(actor, "response.escalated", one.incident.ref, now, step=key)


@permits(Verb.INCIDENT_UPDATE)
async def not_yet(tx: Tx, actor: Actor, incident_id: int, key: str, reason: str, now: datetime) -> None:
    """Postpone a step that asks by 30 minutes, with a reason; then it asks again."""
    one = await _one(tx, incident_id, now)
    step = _step(one, key)
    if step.ask_at is None:
        raise Conflict("This step can't be postponed.", hint="Change the severity if it is wrong.")
    reason = clean_text(reason, REASON_MAX_CHARS, "reason")
    if not reason:
        raise Invalid("Enter a reason to wait.", fields={"reason": "Enter why it can wait."})
    state = replace(one.state(step), not_before=now + NOT_YET, actor=actor.label, reason=reason)
    await store.save_step(tx, incident_id, key, state)
    question = (await queries.names_of(tx, [step])).text(step)
    text = f"answered “Not yet” to “{question}”: {reason}"
    data = {"step": key, "code": step.code}
    await incidents.record_entry(tx, actor, incident_id, running_steps.ENTRY_KIND, text, data, now)
    await tx.audit(actor, "response.postponed", one.incident.ref, now, step=key, reason=reason)


async def posts(tx: Tx, incident_id: int, account_id: int) -> list[ResponsePost]:
    """Return the messages that a response asked for in the channels of a chat account, oldest first."""
    return await store.posts(tx, incident_id, account_id)


@permits(Verb.INCIDENT_UPDATE)
async def request_expertise(
    tx: Tx, actor: Actor, incident_id: int, need: str, now: datetime
) -> ExpertiseRequest:
    """Ask for a subject matter expert; unanswered for 10 minutes, the request climbs a tier."""
    one = await _one(tx, incident_id, now)
    need = clean_text(need, NEED_MAX_CHARS, "need")
    if not need:
        raise Invalid("Enter what you need.", fields={"need": "Enter the expertise, such as PostgreSQL."})
    request = await store.add_request(tx, incident_id, need, actor.person_id, now)
    text = f"asked for an expert: {need}"
    await incidents.record_entry(
        tx, actor, incident_id, running_steps.ENTRY_KIND, text, {"request": request.id}, now
    )
    await tx.audit(actor, "response.expertise", one.incident.ref, now, need=need)
    return request


@permits(Verb.INCIDENT_UPDATE)
async def inform_customers(
    tx: Tx, actor: Actor, incident_id: int, text: str, now: datetime, next_in: int | None = None
) -> None:
    """Record an update for customers that was sent; `next_in` minutes promise the next one."""
    one = await _one(tx, incident_id, now)
    text = clean_text(text, UPDATE_MAX_CHARS, name="update")
    if not text:
        raise Invalid("The update is empty.", fields={"text": "Enter what customers were told."})
    await store.set_customers(tx, incident_id, now, None)
    await incidents.record_entry(tx, actor, incident_id, CUSTOMER_KIND, text, {}, now)
    await tx.audit(actor, "response.customers_informed", one.incident.ref, now)
    if next_in is not None:
        await promise(tx, actor, incident_id, Audience.CUSTOMERS, next_in, now)


@internal("An email to customers counts as an update for them.")
async def record_customer_mail(tx: Tx, incident_id: int, now: datetime) -> None:
    """Count the time until the next update for customers from now; what was promised to them is fulfilled."""
    await store.set_customers(tx, incident_id, now, None)


async def group_targets(tx: Tx, group: ResponseGroup) -> tuple[str, ...]:
    """Return the targets of a group of the escalation matrix, such as schedule:3."""
    in_force, _ = await queries.settings(tx)
    return plan.targets(in_force, group)


@permits(Verb.INCIDENT_UPDATE)
async def promise(
    tx: Tx, actor: Actor, incident_id: int, audience: Audience, minutes: int, now: datetime
) -> datetime:
    """Promise the next update of an audience in `minutes` from now, at most twice its interval after the last."""
    one = await _one(tx, incident_id, now)
    facts = one.facts
    if audience is Audience.CUSTOMERS:
        every = one.settings.severities[one.incident.severity].customers_every
        interval, last = timedelta(minutes=every) if every else None, facts.customers_from
    else:
        interval, last = incidents.update_interval(one.incident.severity), facts.update_from
    if interval is None or last is None:
        raise Conflict(f"No update is due for SEV{one.incident.severity}.")
    clock = one.incident.drill_clock
    last, present = drill_time(clock, last), drill_time(clock, now)
    limit = cadence.longest_promise(last, interval, is_monitoring=one.incident.phase is Phase.MONITORING)
    until = real_time(clock, present + timedelta(minutes=minutes))
    if until is None:
        raise Conflict("The drill is not running.", hint="Resume it first.")
    if minutes < 1 or present + timedelta(minutes=minutes) > limit:
        most = max(0, int((limit - present).total_seconds() // 60))
        raise Invalid(
            "The promise is out of range.",
            fields={"minutes": f"Enter 1 to {most} min: at most twice the interval after the last update."},
        )
    if audience is Audience.CUSTOMERS:
        await store.set_customers(tx, incident_id, one.response.customers_at, until)
    else:
        await incidents.set_update_due(tx, incident_id, until)
    text = f"promised the next {'customer ' if audience is Audience.CUSTOMERS else ''}update in {minutes} min"
    data = {"audience": str(audience), "until": until.isoformat()}
    await incidents.record_entry(tx, actor, incident_id, running_steps.ENTRY_KIND, text, data, now)
    await tx.audit(actor, "response.promised", one.incident.ref, now, audience=str(audience), minutes=minutes)
    return until
