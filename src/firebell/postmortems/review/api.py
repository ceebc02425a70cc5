"""The API of reviews: ask for one, approve, want changes, and withdraw."""

from datetime import datetime
from typing import Annotated, Literal, cast

from pydantic import Field

from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.postmortems import actions, lookup
from firebell.postmortems.model import Verdict
from firebell.postmortems.review import actions as review
from firebell.postmortems.review import queries

router = api.router("post-mortems", "/post-mortems")

Reader = Annotated[Work, work(Verb.POSTMORTEM_READ)]
Writer = Annotated[Work, work(Verb.POSTMORTEM_WRITE)]
Approver = Annotated[Work, work(Verb.POSTMORTEM_PUBLISH)]
Stage = Literal["draft", "review", "approved", "published", "withdrawn"]


class ReviewShown(ApiOutput):
    """The verdict of a reviewer about a version; `override_reason` says why someone who wrote it approved it."""

    version: int
    verdict: Verdict
    note: str
    by: str
    at: datetime
    override_reason: str


class ReviewerShown(ApiOutput):
    """Someone who can review a document; `is_other_team` if they share no team with its author."""

    person_id: int
    name: str
    is_other_team: bool


class ReviewState(ApiOutput):
    """The stage of the current version, its reviews, and the possible reviewers."""

    ref: str
    stage: Stage
    version: int
    asked: list[str]
    suggested: list[ReviewerShown]
    reviews: list[ReviewShown]
    withdrawal_reason: str
    withdrawn_at: datetime | None


class NewReview(ApiInput):
    """Whom a review is asked of, by their ids; no one is fine, then anyone who wrote nothing can approve."""

    reviewers: Annotated[list[Id], Field(default_factory=list, max_length=review.REVIEWERS_MAX)]


class NewApproval(ApiInput):
    """The version that you approve."""

    version: Id
    note: Annotated[Text, Field(max_length=review.NOTE_MAX_CHARS)] = ""
    override_reason: Annotated[
        Text,
        Field(
            max_length=review.REASON_MAX_CHARS,
            description="why someone who wrote it approves it; only with fewer than three active people",
        ),
    ] = ""


class WantedChanges(ApiInput):
    """What a version needs before it can be approved."""

    version: Id
    note: Annotated[Text, Field(min_length=1, max_length=review.NOTE_MAX_CHARS)]


class NewWithdrawal(ApiInput):
    """Why a document is withdrawn; the second person may leave it out."""

    reason: Annotated[Text, Field(max_length=review.REASON_MAX_CHARS)] = ""


@router.get("/{ref}/review", summary="Get how far the review of a document is", responses=problems(404))
async def get_review(w: Reader, ref: Text) -> ReviewState:
    postmortem = await lookup.of_incident(w.tx, parse_ref("INC", ref))
    desk = await queries.desk(w.tx, postmortem)
    return ReviewState(
        ref=postmortem.ref,
        stage=cast("Stage", postmortem.stage),
        version=postmortem.version,
        asked=[person.name for person in desk.asked],
        suggested=[ReviewerShown.model_validate(each) for each in desk.suggested],
        reviews=[
            ReviewShown(
                version=each.version_n,
                verdict=each.verdict,
                note=each.note,
                by=each.actor,
                at=each.at,
                override_reason=each.override_reason,
            )
            for each in desk.reviews
        ],
        withdrawal_reason=postmortem.withdrawal_reason,
        withdrawn_at=postmortem.withdrawn_at,
    )


@router.put("/{ref}/review", summary="Ask for a review of the current version", responses=problems(404, 409))
async def ask_for_review(w: Writer, ref: Text, new: NewReview) -> ReviewState:
    await actions.ask_for_review(w.tx, w.actor, parse_ref("INC", ref), new.reviewers, w.now)
    return await get_review(w, ref)


@router.post(
    "/{ref}/approval",
    summary="Approve a version that you wrote none of",
    responses=problems(404, 409),
)
async def approve_postmortem(w: Approver, ref: Text, new: NewApproval) -> ReviewState:
    await actions.approve(
        w.tx,
        w.actor,
        parse_ref("INC", ref),
        new.version,
        w.now,
        note=new.note,
        override_reason=new.override_reason,
    )
    return await get_review(w, ref)


@router.post(
    "/{ref}/wanted-changes",
    summary="Say what a version needs before it can be approved",
    responses=problems(404, 409),
)
async def want_changes(w: Approver, ref: Text, new: WantedChanges) -> ReviewState:
    await actions.want_changes(w.tx, w.actor, parse_ref("INC", ref), new.version, new.note, w.now)
    return await get_review(w, ref)


@router.post(
    "/{ref}/withdrawal",
    summary="Withdraw a document; the author and a manager do it together",
    responses=problems(404, 409),
)
async def withdraw_postmortem(w: Approver, ref: Text, new: NewWithdrawal) -> ReviewState:
    await actions.withdraw(w.tx, w.actor, parse_ref("INC", ref), new.reason, w.now)
    return await get_review(w, ref)
