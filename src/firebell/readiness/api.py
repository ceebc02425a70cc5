"""The API of readiness. No request sets the state of an item."""

from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.kit.db.database import Tx
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Instant, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.readiness import actions, queries
from firebell.readiness.model import ItemState

router = api.router("readiness", "/readiness")

Reader = Annotated[Work, work(Verb.READINESS_READ)]
Waiver = Annotated[Work, work(Verb.READINESS_WAIVE)]


class ConditionShown(ApiOutput):
    """A condition of an item."""

    text: str
    have: str
    need: str
    ok: bool
    link: str
    valid_until: Annotated[datetime | None, Field(description="null if it holds until something changes")]


class EvidenceShown(ApiOutput):
    """A stored row that proves something."""

    text: str
    link: str
    at: datetime | None


class ReadinessWaiverShown(ApiOutput):
    """The decision that an item does not count for now."""

    reason: str
    by: str
    at: datetime
    until: datetime


class ReadinessItemShown(ApiOutput):
    """One of the 16 items."""

    id: Annotated[str, Field(examples=["1.3"])]
    name: str
    phase: int
    state: ItemState
    since: Annotated[date | None, Field(description="the first day of the current state, of 180 days")]
    valid_until: datetime | None
    conditions: list[ConditionShown]
    evidence: list[EvidenceShown]
    waiver: ReadinessWaiverShown | None
    link: Annotated[str, Field(description="where to meet it")]


class ReadinessFindingShown(ApiOutput):
    """An item that was lost on the last recorded day."""

    id: str
    code: str
    message: str
    advice: str


class ReadinessDayShown(ApiOutput):
    """The recorded assessment of a day."""

    day: date
    score: int
    states: Annotated[dict[str, str], Field(description="the state of each item by its id")]


class ReadinessShown(ApiOutput):
    """The present assessment."""

    score: Annotated[int, Field(description="0 to 100; waived items are outside it")]
    items: list[ReadinessItemShown]
    findings: list[ReadinessFindingShown]


class NewReadinessWaiver(ApiInput):
    """Why an item does not count, and until when."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"reason": "The new team starts in January", "until": "2027-01-31T00:00:00Z"}]
        }
    )

    reason: Annotated[Text, Field(min_length=1, max_length=actions.REASON_MAX_CHARS)]
    until: Annotated[Instant, Field(description="within 180 days")]


async def _shown(tx: Tx, now: datetime) -> ReadinessShown:
    days = await queries.history(tx, now)
    assessed = await queries.current(tx, days, now)
    return ReadinessShown(
        score=assessed.score,
        items=[
            ReadinessItemShown(
                id=item.id,
                name=item.checkpoint.name,
                phase=item.checkpoint.phase,
                state=item.state,
                since=item.since,
                valid_until=item.valid_until,
                conditions=[
                    ConditionShown(
                        text=c.text, have=c.have, need=c.need, ok=c.ok, link=c.link, valid_until=c.until
                    )
                    for c in item.conditions
                ],
                evidence=[EvidenceShown(text=e.text, link=e.link, at=e.at) for e in item.evidence],
                waiver=ReadinessWaiverShown(
                    reason=item.waiver.reason,
                    by=item.waiver.actor,
                    at=item.waiver.at,
                    until=item.waiver.until,
                )
                if item.waiver
                else None,
                link=item.checkpoint.link,
            )
            for item in assessed.items
        ],
        findings=[
            ReadinessFindingShown(id=f.id, code=f.code, message=f.message, advice=f.advice)
            for f in queries.lost_findings(days)
        ],
    )


@router.get("", summary="Get the readiness")
async def get_readiness(w: Reader) -> ReadinessShown:
    return await _shown(w.tx, w.now)


@router.get("/days", summary="List the recorded days of 180 days")
async def list_days(w: Reader) -> list[ReadinessDayShown]:
    return [
        ReadinessDayShown(day=day.day, score=day.score, states=day.states)
        for day in await queries.history(w.tx, w.now)
    ]


@router.put("/{item_id}/waiver", summary="Waive an item", responses=problems(404, 422))
async def waive(w: Waiver, item_id: Text, body: NewReadinessWaiver) -> ReadinessShown:
    await actions.waive_item(w.tx, w.actor, item_id, body.reason, body.until, w.now)
    return await _shown(w.tx, w.now)


@router.delete("/{item_id}/waiver", summary="End the waiver of an item", responses=problems(404, 409))
async def end_readiness_waiver(w: Waiver, item_id: Text) -> ReadinessShown:
    await actions.end_waiver(w.tx, w.actor, item_id, w.now)
    return await _shown(w.tx, w.now)
