"""What is done next with a published text, and what an outcome makes of it (pure; spec 7.17)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.status_copies.model import Post, RemoteCall, RemoteIncident, Step, StepState
from firebell.status_copies.provider_answers import Answer, Outcome
from firebell.status_copies.remote_api import RemoteApi
from firebell.status_copies.text_limits import comparable
from firebell.status_pages.model import Stage

MAX_PAUSE_S = 600
UNKNOWN_PAUSE_S = 10
"""The shortest pause before a call of unknown outcome is looked up: the provider may still be doing it."""
GIVE_UP_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Send:
    """Make this call."""

    call: RemoteCall


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """It arrived before; `remote_update_id` is empty if it cannot be told apart."""

    remote_id: str
    remote_update_id: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A person must decide."""

    reason: str


Decision = Send | AlreadyThere | Hold

DELETED_THERE = "Someone deleted the incident there."
RESOLVED_THERE = "Someone resolved the incident there."
EDIT_NOT_PLACED = "The update that was edited can’t be told apart there. Edit it there, then skip this."


def decide_update(
    api: RemoteApi,
    page: str,
    post: Post,
    incident: RemoteIncident | None,
    *,
    is_known: bool,
    previous_stage: Stage | None,
) -> Decision:
    """Return what to do with an update, from what the remote page says now.

    `is_known` says that the incident was there before; `previous_stage` is that of the update before, if any.
    """
    if incident is None:
        return Hold(DELETED_THERE) if is_known else Send(api.create_call(page, post))
    if sent := api.sent_update(incident, post):
        return AlreadyThere(incident.id, sent.id)
    if incident.is_over and post.planned is None and Stage.RESOLVED not in (post.stage, previous_stage):
        return Hold(RESOLVED_THERE)
    return Send(api.update_call(page, incident.id, post))


def decide_edit(
    api: RemoteApi, page: str, post: Post, incident: RemoteIncident | None, remote_update_id: str
) -> Decision:
    """Return what to do with an edit of an update that was sent before."""
    if incident is None:
        return Hold(DELETED_THERE)
    update = next((each for each in incident.updates if each.id and each.id == remote_update_id), None)
    update = update or api.sent_update(incident, post)
    if update is None or not update.id:
        return Hold(EDIT_NOT_PLACED)
    if comparable(update.body) == comparable(api.text_of(post)):
        return AlreadyThere(incident.id, update.id)
    return Send(api.edit_call(page, incident.id, update.id, post))


def pause_s(attempts: int) -> float:
    """Return the pause after that number of failed attempts: 2, 4 ... at most 600 seconds."""
    return float(min(MAX_PAUSE_S, 2 ** min(max(attempts, 1), 10)))


@dataclass(frozen=True, slots=True)
class StepChange:
    """What is recorded about a step."""

    state: StepState
    retry_at: datetime
    error: str = ""


def after(step: Step, answer: Answer, now: datetime) -> StepChange:
    """Return the state of a step after a call about it; `step` is as it was when the call began."""
    begun_at = step.begun_at or now
    match answer.outcome:
        case Outcome.OK:
            return StepChange(StepState.DONE, now)
        case Outcome.REFUSED | Outcome.GONE:
            return StepChange(StepState.BLOCKED, now, answer.reason)
        case Outcome.KEY_REFUSED:
            return StepChange(StepState.PENDING, now, answer.reason)
    pause = pause_s(step.attempts + 1)
    state = StepState.PENDING
    if answer.outcome is Outcome.UNKNOWN:
        state, pause = StepState.UNKNOWN, max(pause, UNKNOWN_PAUSE_S)
    if answer.outcome is Outcome.TOO_FAST:
        pause = 0.0
    if now - begun_at >= GIVE_UP_AFTER:
        return StepChange(StepState.DEAD, now, answer.reason)
    return StepChange(state, now + timedelta(seconds=pause), answer.reason)
