"""Covers, swaps and time off over JSON."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from firebell.kit.db.database import Tx
from firebell.kit.errors import NotFound
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Instant, Name, PageParams, PathId, Text, problems
from firebell.oncall.model import REASON_MAX_CHARS, Absence, Cover, CoverState, Swap, SwapState
from firebell.oncall.schedules import queries
from firebell.oncall.schedules import queries as check_queries
from firebell.oncall.schedules.schemas import Named
from firebell.oncall.swaps import cover_actions, swap_actions, time_off
from firebell.oncall.swaps import queries as swap_queries
from firebell.people import actions as people
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("on-call")

Reader = Annotated[Work, work(Verb.SCHEDULE_READ)]
Responder = Annotated[Work, work(Verb.SHIFT_TRADE)]
Absentee = Annotated[Work, work(Verb.TIME_OFF_WRITE)]
PERSON = "id or email address; default: the caller"


class NewCover(ApiInput):
    """A request for cover of a shift, or of a part of it."""

    schedule: Annotated[Name, Field(examples=["payments-primary"])]
    person: Annotated[Name | None, Field(description=PERSON)] = None
    start: Instant
    end: Instant
    asked: Annotated[
        tuple[Name, ...], Field(max_length=20, description="whom to ask; default: everyone on the team")
    ] = ()
    reason: Annotated[Text, Field(max_length=REASON_MAX_CHARS)] = ""


class Taking(ApiInput):
    """Who takes a request, and which part of it (default: all of it)."""

    person: Annotated[Name | None, Field(description=PERSON)] = None
    start: Instant | None = None
    end: Instant | None = None


class Declining(ApiInput):
    """Who declines."""

    person: Annotated[Name | None, Field(description=PERSON)] = None


class CoverShown(ApiOutput):
    """A request for cover: open, taken, withdrawn or expired."""

    id: int
    schedule: str
    requester: Named
    start: datetime
    end: datetime
    state: CoverState
    expires_at: datetime
    asked: list[Named]
    declined: list[Named]
    taken_by: Named | None
    override: int | None
    vacation: int | None
    reason: str
    why: Annotated[str, Field(description="why it was withdrawn, if not by the requester")]


class NewSwap(ApiInput):
    """An offer to exchange one's own shift for someone else's."""

    schedule: Annotated[Name, Field(examples=["payments-primary"])]
    person: Annotated[Name | None, Field(description=PERSON)] = None
    start: Instant
    end: Instant
    other: Annotated[Name, Field(description="id or email address")]
    their_start: Instant
    their_end: Instant
    reason: Annotated[Text, Field(max_length=REASON_MAX_CHARS)] = ""


class SwapShown(ApiOutput):
    """A swap: open, accepted, declined, withdrawn or expired."""

    id: int
    schedule: str
    proposer: Named
    other: Named
    start: datetime
    end: datetime
    their_start: datetime
    their_end: datetime
    state: SwapState
    overrides: list[int]
    reason: str
    why: Annotated[str, Field(description="why it was withdrawn, if not by either of the two")]


class NewVacation(ApiInput):
    """Time off to add."""

    person: Annotated[Name | None, Field(description=PERSON)] = None
    start: Instant
    end: Instant
    reason: Annotated[Text, Field(max_length=REASON_MAX_CHARS)] = ""


class VacationShown(ApiOutput):
    """Time off; `covers` counts its cover requests, `open` those still open."""

    id: int
    person: Named
    start: datetime
    end: datetime
    reason: str
    covers: int
    open: int


class _Presenter:
    """Builds API models, with the names of people and schedules."""

    def __init__(self, slugs: Mapping[int, str], names: Mapping[int, str]) -> None:
        self._slugs = slugs
        self._names = names

    def person(self, i: int) -> Named:
        return Named(id=i, name=self._names[i])

    def cover(self, cover: Cover) -> CoverShown:
        return CoverShown(
            id=cover.id,
            schedule=self._slugs[cover.schedule_id],
            requester=self.person(cover.requester),
            start=cover.start,
            end=cover.end,
            state=CoverState(cover.state),
            expires_at=cover.expires_at,
            asked=[self.person(i) for i in cover.asked],
            declined=[self.person(i) for i in cover.declined],
            taken_by=self.person(cover.taken_by) if cover.taken_by else None,
            override=cover.edit_id,
            vacation=cover.vacation_id,
            reason=cover.reason,
            why=cover.why,
        )

    def swap(self, swap: Swap) -> SwapShown:
        return SwapShown(
            id=swap.id,
            schedule=self._slugs[swap.schedule_id],
            proposer=self.person(swap.proposer),
            other=self.person(swap.other),
            start=swap.start,
            end=swap.end,
            their_start=swap.their_start,
            their_end=swap.their_end,
            state=SwapState(swap.state),
            overrides=list(swap.edit_ids),
            reason=swap.reason,
            why=swap.why,
        )

    def vacation(self, absence: Absence, covers: Sequence[Cover]) -> VacationShown:
        requested = [cover for cover in covers if cover.vacation_id == absence.id]
        return VacationShown(
            id=absence.id,
            person=self.person(absence.person_id),
            start=absence.start,
            end=absence.end,
            reason=absence.reason,
            covers=len(requested),
            open=sum(c.state == CoverState.OPEN for c in requested),
        )


async def _presenter(tx: Tx) -> _Presenter:
    names = {p.id: p.name for p in await people.people(tx)}
    return _Presenter(await queries.slugs_by_id(tx), names)


async def _person_id(tx: Tx, caller: Caller, person: str | None) -> int:
    return await check_queries.person_id(tx, person) if person else caller.person_id


@router.get("/covers", summary="List cover requests, newest first")
async def list_covers(
    w: Reader,
    page: PageParams,
    state: Annotated[CoverState | None, Query(description="default: every state")] = None,
    which: Annotated[Literal["coming", "all"], Query(description="all: also those that are over")] = "coming",
) -> list[CoverShown]:
    since = w.now if which == "coming" else None
    covers_ = await swap_queries.covers(w.tx, state=state, since=since)
    presenter = await _presenter(w.tx)
    return [presenter.cover(c) for c in page.newest(covers_, [c.id for c in covers_])]


@router.post("/covers", status_code=201, summary="Request cover", responses=problems(404, 409))
async def ask_cover(w: Responder, body: NewCover) -> CoverShown:
    schedule = await queries.by_slug(w.tx, body.schedule)
    cover = await cover_actions.ask(
        w.tx,
        w.actor,
        schedule_id=schedule.id,
        requester=await _person_id(w.tx, w.caller, body.person),
        start=body.start,
        end=body.end,
        asked=[await check_queries.person_id(w.tx, person) for person in body.asked],
        reason=body.reason,
        now=w.now,
    )
    return (await _presenter(w.tx)).cover(cover)


async def _shown(tx: Tx, cover_id: int) -> CoverShown:
    cover = await swap_queries.cover(tx, cover_id)
    if cover is None:
        raise NotFound(f"There is no request {cover_id}.")
    return (await _presenter(tx)).cover(cover)


@router.get("/covers/{cover_id}", summary="Get a cover request", responses=problems(404))
async def get_cover(w: Reader, cover_id: PathId) -> CoverShown:
    return await _shown(w.tx, cover_id)


@router.post(
    "/covers/{cover_id}/take",
    summary="Take a cover request, or a part of it; the rest stays open",
    responses=problems(404, 409),
)
async def take_cover(w: Responder, cover_id: PathId, body: Taking) -> CoverShown:
    taken = await cover_actions.take(
        w.tx,
        w.actor,
        cover_id,
        await _person_id(w.tx, w.caller, body.person),
        start=body.start,
        end=body.end,
        now=w.now,
    )
    return (await _presenter(w.tx)).cover(taken)


@router.post(
    "/covers/{cover_id}/decline",
    summary="Decline a cover request; others can still accept",
    responses=problems(404, 409),
)
async def decline_cover(w: Responder, cover_id: PathId, body: Declining) -> CoverShown:
    person_id = await _person_id(w.tx, w.caller, body.person)
    cover = await cover_actions.decline(w.tx, w.actor, cover_id, person_id, w.now)
    return (await _presenter(w.tx)).cover(cover)


@router.post(
    "/covers/{cover_id}/withdraw",
    summary="Withdraw a cover request; the requester stays on call",
    responses=problems(404, 409),
)
async def withdraw_cover(w: Responder, cover_id: PathId) -> CoverShown:
    cover = await cover_actions.withdraw(w.tx, w.actor, cover_id, w.now)
    return (await _presenter(w.tx)).cover(cover)


@router.post(
    "/covers/{cover_id}/give-back",
    summary="Give a taken shift back; the request is open again",
    responses=problems(404, 409),
)
async def give_back_cover(w: Responder, cover_id: PathId) -> CoverShown:
    await cover_actions.give_back(w.tx, w.actor, cover_id, w.now)
    return await _shown(w.tx, cover_id)


@router.get("/swaps", summary="List swaps, newest first")
async def list_swaps(
    w: Reader,
    page: PageParams,
    state: Annotated[SwapState | None, Query(description="default: every state")] = None,
    which: Annotated[Literal["coming", "all"], Query(description="all: also those that are over")] = "coming",
) -> list[SwapShown]:
    since = w.now if which == "coming" else None
    swaps_ = await swap_queries.swaps(w.tx, state=state, since=since)
    presenter = await _presenter(w.tx)
    return [presenter.swap(s) for s in page.newest(swaps_, [s.id for s in swaps_])]


@router.post("/swaps", status_code=201, summary="Propose a swap", responses=problems(404, 409))
async def propose_swap(w: Responder, body: NewSwap) -> SwapShown:
    schedule = await queries.by_slug(w.tx, body.schedule)
    swap = await swap_actions.propose(
        w.tx,
        w.actor,
        schedule_id=schedule.id,
        proposer=await _person_id(w.tx, w.caller, body.person),
        other=await check_queries.person_id(w.tx, body.other),
        mine=(body.start, body.end),
        theirs=(body.their_start, body.their_end),
        reason=body.reason,
        now=w.now,
    )
    return (await _presenter(w.tx)).swap(swap)


@router.post(
    "/swaps/{swap_id}/accept",
    summary="Accept a swap that was proposed to you",
    responses=problems(404, 409),
)
async def accept_swap(w: Responder, swap_id: PathId) -> SwapShown:
    swap = await swap_actions.accept(w.tx, w.actor, swap_id, w.now)
    return (await _presenter(w.tx)).swap(swap)


@router.post(
    "/swaps/{swap_id}/decline",
    summary="Decline a swap that was proposed to you",
    responses=problems(404, 409),
)
async def decline_swap(w: Responder, swap_id: PathId) -> SwapShown:
    swap = await swap_actions.decline(w.tx, w.actor, swap_id, w.now)
    return (await _presenter(w.tx)).swap(swap)


@router.post(
    "/swaps/{swap_id}/withdraw",
    summary="Withdraw a proposed swap",
    responses=problems(404, 409),
)
async def withdraw_swap(w: Responder, swap_id: PathId) -> SwapShown:
    swap = await swap_actions.withdraw(w.tx, w.actor, swap_id, w.now)
    return (await _presenter(w.tx)).swap(swap)


@router.get("/vacations", summary="List time off that is not over, newest first")
async def list_vacations(w: Reader, page: PageParams) -> list[VacationShown]:
    listed = await swap_queries.absences(w.tx, since=w.now)
    requested = await swap_queries.covers(w.tx, vacation_ids=[absence.id for absence in listed])
    presenter = await _presenter(w.tx)
    return [presenter.vacation(a, requested) for a in page.newest(listed, [a.id for a in listed])]


@router.post(
    "/vacations",
    status_code=201,
    summary="Add time off, and request cover for its shifts",
    responses=problems(409),
)
async def add_vacation(w: Absentee, body: NewVacation) -> VacationShown:
    absence, requested = await time_off.add(
        w.tx,
        w.actor,
        person_id=await _person_id(w.tx, w.caller, body.person),
        start=body.start,
        end=body.end,
        reason=body.reason,
        now=w.now,
    )
    return (await _presenter(w.tx)).vacation(absence, requested)


@router.delete(
    "/vacations/{vacation_id}",
    status_code=204,
    summary="Cancel time off; taken covers stay",
    responses=problems(404),
)
async def cancel_vacation(w: Absentee, vacation_id: PathId) -> None:
    await time_off.cancel(w.tx, w.actor, vacation_id, w.now)
