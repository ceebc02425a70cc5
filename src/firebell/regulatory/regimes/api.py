"""The API of regulatory regimes, and of who is responsible for their clocks."""

from datetime import date
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Id,
    StrictBool,
    Text,
    TimeZone,
    problems,
)
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.regulatory import actions, queries, wording
from firebell.regulatory.model import AppliedRegime, RegimeSettings
from firebell.regulatory.queries import Setup

router = api.router("clocks")

Reader = Annotated[Work, work(Verb.REGULATORY_READ)]
Writer = Annotated[Work, work(Verb.REGULATORY_WRITE)]


class ObligationShown(ApiOutput):
    """One notification that a regime requires."""

    id: str
    article: str
    title: str
    recipient: str
    limit: Annotated[str, Field(examples=["72 hours after “Became aware”"])]
    applies_if: Annotated[list[str], Field(description="decisions that must all be yes")]
    unless: Annotated[list[str], Field(description="decisions of which none may be yes")]
    prompt: Annotated[bool, Field(description="the rule says without undue delay; the limit is a default")]
    note: str
    verified: bool
    checked: Annotated[str, Field(description="what the limit was checked against; empty if it was not")]


class RegimeShown(ApiOutput):
    """A regime with its obligations, and how it applies to the organization."""

    id: str
    name: str
    jurisdiction: str
    scope: str
    source: str
    version: date
    review_by: date
    in_force: date | None
    register_duty: Annotated[str, Field(description="what must be documented, notified or not")]
    notes: list[str]
    on: bool
    authority: str
    tz: str
    responsible_id: int | None
    obligations: list[ObligationShown]


class RegimeChange(ApiInput):
    """How a regime applies; all fields are replaced, and empty ones mean those of the regime."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"on": True, "authority": "Finansinspektionen", "tz": "Europe/Stockholm"}]
        }
    )

    on: StrictBool
    authority: Annotated[Text, Field(max_length=120)] = ""
    tz: TimeZone | None = None
    responsible_id: Id | None = None


class Responsible(ApiInput):
    """Who is reminded of clocks whose regime names no one; null for no one."""

    person_id: Id | None


class ResponsibleShown(ApiOutput):
    """Who is reminded of clocks whose regime names no one."""

    person_id: int | None


def _regime(current: Setup, applied: AppliedRegime) -> RegimeShown:
    regime, settings = applied.regime, applied.settings
    return RegimeShown(
        id=regime.id,
        name=regime.name,
        jurisdiction=regime.jurisdiction,
        scope=regime.scope,
        source=regime.source,
        version=regime.version,
        review_by=regime.review_by,
        in_force=regime.in_force,
        register_duty=regime.register,
        notes=list(regime.notes),
        on=settings.is_on,
        authority=settings.authority,
        tz=applied.tz,
        responsible_id=settings.responsible_id,
        obligations=[
            ObligationShown(
                id=one.id,
                article=one.article,
                title=one.title,
                recipient=one.recipient,
                limit=wording.limits_text(one, current.definitions),
                applies_if=list(one.applies_if),
                unless=list(one.unless),
                prompt=one.is_prompt,
                note=one.note,
                verified=bool(one.checked),
                checked=one.checked,
            )
            for one in regime.obligations
        ],
    )


async def _one(w: Work, regime_id: str) -> RegimeShown:
    actions.regime(regime_id)
    current = await queries.setup(w.tx)
    return next(_regime(current, one) for one in current.shipped if one.regime.id == regime_id)


@router.get("/regimes", summary="List regulatory regimes, those that are on by default first")
async def list_regimes(w: Reader) -> list[RegimeShown]:
    current = await queries.setup(w.tx)
    return [_regime(current, one) for one in current.shipped]


@router.get("/regimes/{regime_id}", summary="Get a regulatory regime", responses=problems(404))
async def get_regime(w: Reader, regime_id: Text) -> RegimeShown:
    return await _one(w, regime_id)


@router.put(
    "/regimes/{regime_id}",
    summary="Set how a regime applies to the organization",
    responses=problems(404, 409),
)
async def set_regime(w: Writer, regime_id: Text, change: RegimeChange) -> RegimeShown:
    settings = RegimeSettings(change.on, change.authority, change.tz or "", change.responsible_id)
    await actions.set_regime(w.tx, w.actor, regime_id, settings, w.now)
    return await _one(w, regime_id)


@router.get("/clocks/responsible", summary="Get who is responsible for regulatory clocks")
async def get_responsible(w: Reader) -> ResponsibleShown:
    return ResponsibleShown(person_id=(await queries.setup(w.tx)).responsible_id)


@router.put(
    "/clocks/responsible",
    summary="Set who is responsible for regulatory clocks",
    responses=problems(404, 409),
)
async def set_responsible(w: Writer, responsible: Responsible) -> ResponsibleShown:
    await actions.set_responsible(w.tx, w.actor, responsible.person_id, w.now)
    return ResponsibleShown(person_id=responsible.person_id)
