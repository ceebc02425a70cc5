"""Records what calls did, each in the transaction after its call (spec 7.17)."""

from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.kit.token_bucket import CallRate, full
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people import actions as people
from firebell.people.permissions import ADMINS
from firebell.status_copies import difference_store, next_step, queries, step_store, store
from firebell.status_copies.drift_comparison import Overwrite
from firebell.status_copies.model import (
    FINISHED,
    CopyState,
    DifferenceKind,
    DifferenceState,
    StatusCopy,
    Step,
    StepState,
    topic,
)
from firebell.status_copies.next_step import AlreadyThere, Decision, Hold, Prepare
from firebell.status_copies.provider_answers import Answer, Outcome, closed
from firebell.status_copies.remote_api import RemoteApi
from firebell.status_copies.step_inputs import Work

RECHECK = timedelta(seconds=30)
"""When a copy is compared again after something was overwritten, so that it shows that it worked."""


async def record_step(
    tx: Tx, copy: StatusCopy, work: Work, decision: Decision, answer: Answer, api: RemoteApi, now: datetime
) -> None:
    """Record the outcome of a step; nothing if the copy was disconnected during the call."""
    if await store.lock_copy(tx, copy.id) is None:
        return
    if isinstance(decision, Prepare) and answer.outcome is Outcome.OK:
        await _record(tx, copy, work.step, next_step.after_preparation(work.step, now), now)
        return
    await record_failure(tx, copy, work.step, answer, now)
    if isinstance(decision, Hold):
        # what is different is shown with its buttons at once
        await store.change_copy(tx, copy.id, check_at=now)
        return
    if answer.outcome is not Outcome.OK:
        return
    if isinstance(decision, AlreadyThere):
        remote_id, remote_update_id = decision.remote_id, decision.remote_update_id
    else:
        incident = api.incident(answer.document) if work.remote_id is None else None
        remote_id = work.remote_id or (incident.id if incident else "")
        remote_update_id = api.sent_update_id(answer.document, work.post)
    if work.remote_id is None and remote_id:
        await step_store.set_remote_id(
            tx, copy.id, work.step.public_incident_id, remote_id, is_imported=False
        )
    if work.step.version == 1:
        await step_store.change_step(tx, work.step, remote_update_id=remote_update_id)


async def record_failure(tx: Tx, copy: StatusCopy, step: Step, answer: Answer, now: datetime) -> None:
    """Record the state of a step after an answer."""
    await _record(tx, copy, step, next_step.after(step, answer, now), now)


async def _record(tx: Tx, copy: StatusCopy, step: Step, change: next_step.StepChange, now: datetime) -> None:
    done_at = now if change.state is StepState.DONE else None
    await step_store.change_step(
        tx, step, state=change.state, retry_at=change.retry_at, error=change.error, done_at=done_at
    )
    await _refresh(tx, copy)


async def record_overwrite(
    tx: Tx, copy: StatusCopy, overwrite: Overwrite, answer: Answer, now: datetime
) -> None:
    """Record that a difference was overwritten; what waited of its incident is part of that."""
    difference = overwrite.difference
    if answer.outcome in (Outcome.REFUSED, Outcome.GONE):
        await difference_store.change_difference(
            tx, difference.id, state=DifferenceState.OPEN, error=answer.reason
        )
    elif answer.outcome is not Outcome.OK:
        await difference_store.change_difference(tx, difference.id, error=answer.reason)
    else:
        await difference_store.delete_difference(tx, difference.id)
        if overwrite.public_incident_id is not None:
            if difference.kind is DifferenceKind.GONE:
                await step_store.forget_remote_id(tx, copy.id, overwrite.public_incident_id)
                await step_store.restart(tx, copy.id, now, overwrite.public_incident_id)
            elif difference.kind is not DifferenceKind.NAME:
                await skip_waiting(tx, copy.id, overwrite.public_incident_id, now)
                await difference_store.delete_stage_and_text(tx, copy.id, difference.subject)
    await store.change_copy(tx, copy.id, check_at=now + RECHECK)
    await _refresh(tx, copy)


async def skip_waiting(tx: Tx, copy_id: int, public_incident_id: int, now: datetime) -> None:
    """Leave out what waits of an incident, because the copy has what follows it."""
    for step in await step_store.steps_of_incident(tx, copy_id, public_incident_id):
        if step.state not in FINISHED:
            await step_store.change_step(tx, step, state=StepState.SKIPPED, done_at=now)


async def note(tx: Tx, copy: StatusCopy, answer: Answer, rate: CallRate, now: datetime) -> None:
    """Stop a copy whose key is refused, and let a key rest that was too fast."""
    if answer.outcome is Outcome.KEY_REFUSED:
        await stop(tx, copy, answer.reason, now)
    elif answer.outcome is Outcome.TOO_FAST:
        bucket = await store.lock_rate(tx, copy.key_hash, full(rate, now))
        await store.save_rate(tx, copy.key_hash, closed(bucket, rate, answer.after_s, now))
    elif answer.outcome is Outcome.OK:
        await store.change_copy(tx, copy.id, last_ok_at=now)


async def stop(tx: Tx, copy: StatusCopy, reason: str, now: datetime) -> None:
    """Send nothing more to a copy until a person resumes it, and notify the admins. What is published stays queued."""
    locked = await store.lock_copy(tx, copy.id)
    if locked is None or locked.state is not CopyState.ACTIVE:
        return
    await store.change_copy(
        tx, copy.id, state=CopyState.STOPPED, reason=reason, lease_holder=None, lease_until=None
    )
    page = await queries.page_of(tx, copy)
    await tx.audit(SYSTEM, "status_copy.stopped", page.name, now, copy=copy.label, reason=reason)
    notices = [
        Notice(
            f"status-copy:{copy.id}:stopped:{now.isoformat()}:{person.id}",
            person.id,
            "statuspage",
            f"{copy.label} no longer gets updates",
            f"It refused the API key ({reason}). Enter a new one; what was published meanwhile is sent then.",
            link=f"/status-pages/{page.slug}/copies",
        )
        for person in await people.people_with_role(tx, ADMINS)
    ]
    await notify.send_notices(tx, notices, now)
    await _refresh(tx, copy)


async def _refresh(tx: Tx, copy: StatusCopy) -> None:
    """Refresh the open screens of a copy."""
    await tx.live(topic(copy.status_page_id))
