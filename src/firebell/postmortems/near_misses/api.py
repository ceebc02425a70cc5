"""The API of near misses."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, Instant, PageParams, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.postmortems.near_misses import actions, store
from firebell.postmortems.near_misses.model import (
    FACTORS_MAX,
    SERVICES_MAX,
    TEXT_MAX_CHARS,
    TITLE_MAX_CHARS,
    NearMiss,
    NearMissReport,
)

router = api.router("near-misses", "/near-misses")

Reader = Annotated[Work, work(Verb.POSTMORTEM_READ)]
LongText = Annotated[Text, Field(max_length=TEXT_MAX_CHARS)]


class NewNearMiss(ApiInput):
    """What could have happened, and which barrier held."""

    title: Annotated[
        Text, Field(max_length=TITLE_MAX_CHARS, examples=["Pool size of 1,000 caught in review"])
    ]
    could_have: LongText
    barrier: LongText
    potential_severity: Annotated[int, Field(ge=0, le=3, examples=[1])]
    noticed_at: Annotated[Instant | None, Field(description="default: now")] = None
    lessons: LongText = ""
    factors: Annotated[
        list[Text], Field(default_factory=list, max_length=FACTORS_MAX, examples=[["latent.review"]])
    ]
    services: Annotated[list[Text], Field(default_factory=list, max_length=SERVICES_MAX, description="slugs")]
    unnamed: Annotated[bool, Field(description="store nothing that names the reporter")] = False


class NearMissText(NewNearMiss):
    """A near miss with its new values, and the version that they are based on; `unnamed` stays as it was reported."""

    version: Id


class NearMissShown(ApiOutput):
    """A near miss; `reporter_id` is null if it was reported without a name."""

    ref: Annotated[str, Field(examples=["NM-4"])]
    title: str
    could_have: str
    barrier: str
    potential_severity: int
    noticed_at: datetime
    lessons: str
    factors: list[str]
    services: list[str]
    reporter_id: int | None
    state: str
    due_at: datetime
    published_at: datetime | None
    version: int


async def _shown(tx: Tx, listed: list[NearMiss]) -> list[NearMissShown]:
    ids = list({each for one in listed for each in one.report.service_ids})
    slugs = {each: service.slug for each, service in (await catalog.services_by_id(tx, ids)).items()}
    return [
        NearMissShown(
            ref=one.ref,
            title=one.report.title,
            could_have=one.report.could_have,
            barrier=one.report.barrier,
            potential_severity=one.report.potential_severity,
            noticed_at=one.report.noticed_at,
            lessons=one.report.lessons,
            factors=list(one.report.factors),
            services=[slugs[each] for each in one.report.service_ids if each in slugs],
            reporter_id=one.reporter_id,
            state=one.state,
            due_at=one.due_at,
            published_at=one.published_at,
            version=one.version,
        )
        for one in listed
    ]


async def _report(w: Work, new: NewNearMiss) -> NearMissReport:
    return NearMissReport(
        new.title,
        new.could_have,
        new.barrier,
        new.potential_severity,
        new.noticed_at or w.now,
        new.lessons,
        tuple(new.factors),
        tuple([(await catalog.by_slug(w.tx, slug)).id for slug in new.services]),
    )


@router.get("", summary="List near misses, latest first")
async def list_near_misses(w: Reader, pagination: PageParams) -> list[NearMissShown]:
    listed = await store.near_misses(w.tx, pagination.before, pagination.limit)
    pagination.link([one.id for one in listed])
    return await _shown(w.tx, listed)


@router.get("/{ref}", summary="Get a near miss", responses=problems(404))
async def get_near_miss(w: Reader, ref: Text) -> NearMissShown:
    return (await _shown(w.tx, [await actions.near_miss(w.tx, parse_ref("NM", ref))]))[0]


@router.post(
    "", status_code=201, summary="Report a near miss, with your name or without", responses=problems(404)
)
async def report_near_miss(
    w: Annotated[Work, work(Verb.NEAR_MISS_REPORT)], new: NewNearMiss
) -> NearMissShown:
    report = await _report(w, new)
    reported = await actions.report_near_miss(w.tx, w.actor, report, w.now, unnamed=new.unnamed)
    return (await _shown(w.tx, [reported]))[0]


@router.put(
    "/{ref}", summary="Save a near miss; 409 if it changed since `version`", responses=problems(404, 409)
)
async def save_near_miss(
    w: Annotated[Work, work(Verb.POSTMORTEM_WRITE)], ref: Text, new: NearMissText
) -> NearMissShown:
    number = parse_ref("NM", ref)
    saved = await actions.edit_near_miss(w.tx, w.actor, number, await _report(w, new), new.version, w.now)
    return (await _shown(w.tx, [saved]))[0]


@router.post("/{ref}/publish", summary="Publish a near miss that has lessons", responses=problems(404))
async def publish_near_miss(w: Annotated[Work, work(Verb.POSTMORTEM_PUBLISH)], ref: Text) -> NearMissShown:
    published = await actions.publish_near_miss(w.tx, w.actor, parse_ref("NM", ref), w.now)
    return (await _shown(w.tx, [published]))[0]
