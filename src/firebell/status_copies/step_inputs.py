"""What the next step of a copy needs: the update, what was sent before, and what is there now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.status_copies import queries, step_store, store, update_posts
from firebell.status_copies.model import Post, RemoteCall, RemoteIncident, StatusCopy, Step, StepState
from firebell.status_copies.next_step import (
    NOT_COPIED,
    Decision,
    Hold,
    decide_edit,
    decide_postmortem,
    decide_update,
)
from firebell.status_copies.provider_answers import Answer, Outcome
from firebell.status_copies.remote_api import PostmortemApi, RemoteApi
from firebell.status_pages.model import Stage, StatusPage

UNREADABLE = "The answer is not the incident that was asked for."


@dataclass(frozen=True, slots=True)
class Work:
    """A step that is due, with everything that decides what it needs."""

    step: Step
    post: Post
    remote_id: str | None
    """The incident there, None before the first update was sent."""
    remote_update_id: str
    """The update there that an edit is about."""
    previous_stage: Stage | None
    ids_of_others: frozenset[str] = frozenset()
    """The incidents there that belong to other incidents of ours: Instatus has only a thousand marks."""

    def reads(self, api: RemoteApi, page: str) -> Sequence[RemoteCall]:
        """Return the calls that say what is there now."""
        is_maintenance = self.post.planned is not None
        if self.remote_id is None:
            return api.latest_calls(page, is_maintenance=is_maintenance)
        if postmortems := self._postmortems(api):
            return [postmortems.read_call(page, self.remote_id)]
        return [api.incident_call(page, self.remote_id, is_maintenance=is_maintenance)]

    def _postmortems(self, api: RemoteApi) -> PostmortemApi | None:
        """Return the API that the step needs if it is about a post-mortem that is not an update there."""
        return api.postmortems if self.post.is_postmortem else None

    def find(self, api: RemoteApi, answers: Sequence[Answer]) -> RemoteIncident | None:
        """Return the incident there, None if there is none; of two copies, the older one."""
        if self.remote_id is not None:
            return api.incident(answers[0].document)
        incidents = [one for answer in answers for one in api.incidents(answer.document)]
        ours = [
            incident
            for incident in incidents
            if incident.id not in self.ids_of_others and api.is_ours(incident, self.post)
        ]
        dated = [incident for incident in ours if incident.created_at]
        return (
            min(dated, key=lambda incident: (incident.created_at, incident.id))
            if dated
            else next(iter(ours), None)
        )

    def unreadable(self, api: RemoteApi, answers: Sequence[Answer]) -> Answer | None:
        """Return why the answers say nothing about the incident, None if they do."""
        if self.remote_id is not None and self._postmortems(api):
            is_good = isinstance(answers[0].document, dict)
        elif self.remote_id is not None:
            incident = api.incident(answers[0].document)
            is_good = incident is not None and incident.id == self.remote_id
        else:
            is_good = all(isinstance(answer.document, list) for answer in answers)
        return None if is_good else Answer(Outcome.RETRY, reason=UNREADABLE)

    def decide(self, api: RemoteApi, page: str, answers: Sequence[Answer] | None) -> Decision:
        """Return what to do with the step; without answers, what was asked for does not exist there."""
        if self.post.is_postmortem and self.remote_id is None:
            return Hold(NOT_COPIED)
        if (postmortems := self._postmortems(api)) and self.remote_id is not None:
            document = answers[0].document if answers else None
            return decide_postmortem(
                *(postmortems, page, self.post, self.remote_id),
                postmortems.postmortem(document),
            )
        remote = None if answers is None else self.find(api, answers)
        if self.step.version > 1:
            return decide_edit(api, page, self.post, remote, self.remote_update_id)
        return decide_update(
            api,
            page,
            self.post,
            remote,
            is_known=self.remote_id is not None,
            previous_stage=self.previous_stage,
        )


def checked(api: RemoteApi, work: Work, answer: Answer) -> Answer:
    """Return the answer to a write; without the id of the incident, whether it was done is unknown."""
    if answer.outcome is Outcome.OK and work.remote_id is None and api.incident(answer.document) is None:
        return Answer(Outcome.UNKNOWN, reason=UNREADABLE)
    return answer


async def page(tx: Tx, copy: StatusCopy) -> StatusPage:
    """Return the status page of a copy."""
    return await queries.page_of(tx, copy)


async def load(tx: Tx, copy: StatusCopy, now: datetime) -> Work | None:
    """Return the next step that is due, None if there is none."""
    step = await step_store.next_step(tx, copy.id, now)
    if step is None:
        return None
    steps = await step_store.steps_of_incident(tx, copy.id, step.public_incident_id)
    post, previous_stage = await _post(tx, copy, step, steps, now)
    first = next(each for each in steps if each.update_id == step.update_id)
    remote_id = (await step_store.remote_ids(tx, copy.id)).get(step.public_incident_id)
    others: frozenset[str] = frozenset()
    if remote_id is None:
        others = await step_store.ids_of_others(tx, copy.id, step.public_incident_id)
    return Work(step, post, remote_id, first.remote_update_id or "", previous_stage, others)


async def _post(
    tx: Tx, copy: StatusCopy, step: Step, steps: Sequence[Step], now: datetime
) -> tuple[Post, Stage | None]:
    """Return what a step sends, and the stage of the update before, None for maintenance and for the first."""
    mapped = await store.component_map(tx, copy.id)
    _, statuses = await queries.statuses(tx, await queries.page_of(tx, copy), now)
    is_last = update_posts.is_last_update(step, steps)
    window = await queries.maintenance(tx, step.public_incident_id)
    if window is not None:
        change = next(each for each in window.updates if each.id == step.update_id)
        sent = update_posts.maintenance_post(
            window, change, mapped, statuses, is_last=is_last, notifies=copy.notifies
        )
        return sent, None
    [published] = await queries.published(tx, copy, [step.public_incident_id])
    update = next(each for each in published.updates if each.id == step.update_id)
    post = update_posts.post(published, update, mapped, statuses, is_last=is_last, notifies=copy.notifies)
    return post, update_posts.previous_stage(published, update)


async def begin(tx: Tx, step: Step, now: datetime) -> Step:
    """Record that a step is being sent and return it: a killed process leaves it to be looked up."""
    begun_at = step.begun_at or now
    await step_store.change_step(
        tx, step, state=StepState.SENDING, attempts=step.attempts + 1, begun_at=begun_at
    )
    return replace(step, state=StepState.SENDING, begun_at=begun_at)
