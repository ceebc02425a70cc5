"""Covers, swaps and vacations over JSON."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from firebell.kit import api
from firebell.kit.api import ApiInput, ApiOutput, Ctx, Instant, Name, PageParams, PathId, Text, problems
from firebell.kit.context import Context
from firebell.kit.db import Tx
from firebell.kit.errors import NotFound
from firebell.oncall import actions, queries
from firebell.oncall.model import Absence, Cover, CoverState, Swap, SwapState
from firebell.oncall.schedules.schemas import Named
from firebell.oncall.swaps import absences, covers, parties, swaps
from firebell.people import actions as people
from firebell.people.access import Caller, may
from firebell.people.permissions import Verb

router = api.router("on-call")

Reader = Annotated[Caller, may(Verb.SCHEDULE_READ)]
Responder = Annotated[Caller, may(Verb.SHIFT_TRADE)]
Absentee = Annotated[Caller, may(Verb.TIME_OFF_WRITE)]
WHO = "id or e-mail address; default the caller"


class NewCover(ApiInput):
    """A request to be relieved for a while."""

    schedule: Annotated[Name, Field(examples=["payments-primary"])]
    person: Annotated[Name | None, Field(description=WHO)] = None
    start: Instant
    end: Instant
    asked: Annotated[
        tuple[Name, ...], Field(max_length=20, description="who is asked; default everybody")
    ] = ()
    reason: Annotated[Text, Field(max_length=500)] = ""


class Taking(ApiInput):
    """Who takes a request, and which part of it (default: all)."""

    person: Annotated[Name | None, Field(description=WHO)] = None
    start: Instant | None = None
    end: Instant | None = None


class Declining(ApiInput):
    """Who says no."""

    person: Annotated[Name | None, Field(description=WHO)] = None


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
    why: Annotated[str, Field(description="why it was withdrawn, when it was not the requester who did")]


class NewSwap(ApiInput):
    """An offer of one's own shift for a shift of somebody else."""

    schedule: Annotated[Name, Field(examples=["payments-primary"])]
    person: Annotated[Name | None, Field(description=WHO)] = None
    start: Instant
    end: Instant
    other: Annotated[Name, Field(description="id or e-mail address")]
    their_start: Instant
    their_end: Instant
    reason: Annotated[Text, Field(max_length=500)] = ""


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
    why: Annotated[str, Field(description="why it was withdrawn, when neither of the two did")]


class NewVacation(ApiInput):
    """A stretch of absence."""

    person: Annotated[Name | None, Field(description=WHO)] = None
    start: Instant
    end: Instant
    reason: Annotated[Text, Field(max_length=500)] = ""


class VacationShown(ApiOutput):
    """An absence, and the requests for cover that it made: how many are still open."""

    id: int
    person: Named
    start: datetime
    end: datetime
    reason: str
    covers: int
    open: int


class _Words:
    """The names of people and schedules for one answer."""

    def __init__(self, slugs: Mapping[int, str], names: Mapping[int, str]) -> None:
        self._slugs = slugs
        self._names = names

    def person(self, i: int) -> Named:
        return Named(id=i, name=self._names[i])

    def cover(self, found: Cover) -> CoverShown:
        return CoverShown(
            id=found.id,
            schedule=self._slugs[found.schedule_id],
            requester=self.person(found.requester),
            start=found.start,
            end=found.end,
            state=CoverState(found.state),
            expires_at=found.expires_at,
            asked=[self.person(i) for i in found.asked],
            declined=[self.person(i) for i in found.declined],
            taken_by=self.person(found.taken_by) if found.taken_by else None,
            override=found.edit_id,
            vacation=found.vacation_id,
            reason=found.reason,
            why=found.why,
        )

    def swap(self, found: Swap) -> SwapShown:
        return SwapShown(
            id=found.id,
            schedule=self._slugs[found.schedule_id],
            proposer=self.person(found.proposer),
            other=self.person(found.other),
            start=found.start,
            end=found.end,
            their_start=found.their_start,
            their_end=found.their_end,
            state=SwapState(found.state),
            overrides=list(found.edit_ids),
            reason=found.reason,
            why=found.why,
        )

    def vacation(self, found: Absence, made: Sequence[Cover]) -> VacationShown:
        mine = [c for c in made if c.vacation_id == found.id]
        return VacationShown(
            id=found.id,
            person=self.person(found.person_id),
            start=found.start,
            end=found.end,
            reason=found.reason,
            covers=len(mine),
            open=sum(c.state == CoverState.OPEN for c in mine),
        )


async def _words(tx: Tx) -> _Words:
    names = {p.id: p.name for p in await people.people(tx)}
    return _Words(await actions.slugs_by_id(tx), names)


async def _who(tx: Tx, caller: Caller, given: str | None) -> int:
    return await queries.person_id(tx, given) if given else caller.person_id


@router.get("/covers", summary="Requests for cover, the newest first")
async def list_covers(
    ctx: Ctx,
    caller: Reader,
    stretch: PageParams,
    state: Annotated[CoverState | None, Query(description="default: every state")] = None,
    which: Annotated[Literal["coming", "all"], Query(description="all: those that are over too")] = "coming",
) -> list[CoverShown]:
    since = ctx.clock.now() if which == "coming" else None
    async with ctx.db.tx() as tx:
        found = await actions.covers(tx, state=state, since=since)
        words = await _words(tx)
    return [words.cover(c) for c in stretch.newest(found, [c.id for c in found])]


@router.post("/covers", status_code=201, summary="Ask for cover", responses=problems(404, 409))
async def ask_cover(ctx: Ctx, caller: Responder, given: NewCover) -> CoverShown:
    async with ctx.db.tx() as tx:
        schedule = await actions.by_slug(tx, given.schedule)
        made = await covers.ask(
            tx,
            caller.actor,
            schedule_id=int(schedule.id),
            requester=await _who(tx, caller, given.person),
            start=given.start,
            end=given.end,
            asked=[await queries.person_id(tx, word) for word in given.asked],
            reason=given.reason,
            now=ctx.clock.now(),
        )
        return (await _words(tx)).cover(made)


async def _shown(ctx: Context, cover_id: int) -> CoverShown:
    async with ctx.db.tx() as tx:
        cover = await actions.cover(tx, cover_id)
        if cover is None:
            raise NotFound(f"There is no request {cover_id}.")
        return (await _words(tx)).cover(cover)


@router.get("/covers/{cover_id}", summary="One request for cover", responses=problems(404))
async def get_cover(ctx: Ctx, caller: Reader, cover_id: PathId) -> CoverShown:
    return await _shown(ctx, cover_id)


@router.post(
    "/covers/{cover_id}/take",
    summary="Take a request for cover, or a part of it; the rest stays open",
    responses=problems(404, 409),
)
async def take_cover(ctx: Ctx, caller: Responder, cover_id: PathId, given: Taking) -> CoverShown:
    async with ctx.db.tx() as tx:
        taken = await covers.take(
            tx,
            caller.actor,
            cover_id,
            await _who(tx, caller, given.person),
            start=given.start,
            end=given.end,
            now=ctx.clock.now(),
        )
        return (await _words(tx)).cover(taken)


@router.post(
    "/covers/{cover_id}/decline",
    summary="Say no to a request for cover; others may still take it",
    responses=problems(404, 409),
)
async def decline_cover(ctx: Ctx, caller: Responder, cover_id: PathId, given: Declining) -> CoverShown:
    async with ctx.db.tx() as tx:
        who = await _who(tx, caller, given.person)
        cover = await covers.decline(tx, caller.actor, cover_id, who, ctx.clock.now())
        return (await _words(tx)).cover(cover)


@router.post(
    "/covers/{cover_id}/withdraw",
    summary="Ask no more; the requester stays on call",
    responses=problems(404, 409),
)
async def withdraw_cover(ctx: Ctx, caller: Responder, cover_id: PathId) -> CoverShown:
    async with ctx.db.tx() as tx:
        await parties.check_request(tx, caller.rights, caller.person_id, cover_id)
        cover = await covers.withdraw(tx, caller.actor, cover_id, ctx.clock.now())
        return (await _words(tx)).cover(cover)


@router.post(
    "/covers/{cover_id}/give-back",
    summary="Undo a taken cover; the request is open again",
    responses=problems(404, 409),
)
async def give_back_cover(ctx: Ctx, caller: Responder, cover_id: PathId) -> CoverShown:
    async with ctx.db.tx() as tx:
        await parties.check_taken(tx, caller.rights, caller.person_id, cover_id)
        await covers.give_back(tx, caller.actor, cover_id, ctx.clock.now())
    return await _shown(ctx, cover_id)


@router.get("/swaps", summary="Swaps, the newest first")
async def list_swaps(
    ctx: Ctx,
    caller: Reader,
    stretch: PageParams,
    state: Annotated[SwapState | None, Query(description="default: every state")] = None,
    which: Annotated[Literal["coming", "all"], Query(description="all: those that are over too")] = "coming",
) -> list[SwapShown]:
    since = ctx.clock.now() if which == "coming" else None
    async with ctx.db.tx() as tx:
        found = await actions.swaps(tx, state=state, since=since)
        words = await _words(tx)
    return [words.swap(s) for s in stretch.newest(found, [s.id for s in found])]


@router.post("/swaps", status_code=201, summary="Propose a swap", responses=problems(404, 409))
async def propose_swap(ctx: Ctx, caller: Responder, given: NewSwap) -> SwapShown:
    async with ctx.db.tx() as tx:
        schedule = await actions.by_slug(tx, given.schedule)
        made = await swaps.propose(
            tx,
            caller.actor,
            schedule_id=int(schedule.id),
            proposer=await _who(tx, caller, given.person),
            other=await queries.person_id(tx, given.other),
            mine=(given.start, given.end),
            theirs=(given.their_start, given.their_end),
            reason=given.reason,
            now=ctx.clock.now(),
        )
        return (await _words(tx)).swap(made)


@router.post(
    "/swaps/{swap_id}/accept",
    summary="Accept a swap that was proposed to you",
    responses=problems(404, 409),
)
async def accept_swap(ctx: Ctx, caller: Responder, swap_id: PathId) -> SwapShown:
    async with ctx.db.tx() as tx:
        swap = await swaps.accept(tx, caller.actor, swap_id, ctx.clock.now())
        return (await _words(tx)).swap(swap)


@router.post(
    "/swaps/{swap_id}/decline",
    summary="Decline a swap that was proposed to you",
    responses=problems(404, 409),
)
async def decline_swap(ctx: Ctx, caller: Responder, swap_id: PathId) -> SwapShown:
    async with ctx.db.tx() as tx:
        swap = await swaps.decline(tx, caller.actor, swap_id, ctx.clock.now())
        return (await _words(tx)).swap(swap)


@router.post(
    "/swaps/{swap_id}/withdraw",
    summary="Take a proposed swap back",
    responses=problems(404, 409),
)
async def withdraw_swap(ctx: Ctx, caller: Responder, swap_id: PathId) -> SwapShown:
    async with ctx.db.tx() as tx:
        await parties.check_swap(tx, caller.rights, caller.person_id, swap_id)
        swap = await swaps.withdraw(tx, caller.actor, swap_id, ctx.clock.now())
        return (await _words(tx)).swap(swap)


@router.get("/vacations", summary="Vacations that are not over, the newest first")
async def list_vacations(ctx: Ctx, caller: Reader, stretch: PageParams) -> list[VacationShown]:
    async with ctx.db.tx() as tx:
        found = await actions.vacations(tx, since=ctx.clock.now())
        made = await actions.covers(tx, vacation_ids=[v.id for v in found])
        words = await _words(tx)
    return [words.vacation(v, made) for v in stretch.newest(found, [v.id for v in found])]


@router.post(
    "/vacations",
    status_code=201,
    summary="Note an absence, and ask for cover for its shifts",
    responses=problems(409),
)
async def add_vacation(ctx: Ctx, caller: Absentee, given: NewVacation) -> VacationShown:
    async with ctx.db.tx() as tx:
        made, asked = await absences.add(
            tx,
            caller.actor,
            person_id=await _who(tx, caller, given.person),
            start=given.start,
            end=given.end,
            reason=given.reason,
            now=ctx.clock.now(),
        )
        return (await _words(tx)).vacation(made, asked)


@router.delete(
    "/vacations/{vacation_id}",
    status_code=204,
    summary="Cancel a vacation; covers that are taken stay",
    responses=problems(404),
)
async def cancel_vacation(ctx: Ctx, caller: Absentee, vacation_id: PathId) -> None:
    async with ctx.db.tx() as tx:
        await parties.check_time_off(tx, caller.rights, caller.person_id, vacation_id)
        await absences.cancel(tx, caller.actor, vacation_id, ctx.clock.now())
