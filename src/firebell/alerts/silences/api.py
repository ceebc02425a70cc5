"""Silences over JSON."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import ConfigDict, Field

from firebell.alerts.silences import actions, queries, rules
from firebell.alerts.silences.model import NewSilence, Silence, SilencePreview, SilenceState
from firebell.alerts.silences.queries import SilenceView
from firebell.catalog import actions as catalog
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Instant, Name, PageParams, PathId, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("alerts", "/silences")

Reader = Annotated[Work, work(Verb.SILENCE_READ)]
Writer = Annotated[Work, work(Verb.SILENCE_WRITE)]
MatchersText = Annotated[
    Text,
    Field(
        max_length=4096,
        description="as in Alertmanager; all must match, and one at least not the empty value",
        examples=['{alertname="DiskFull"}'],
    ),
]
Services = Annotated[list[Name], Field(max_length=200, description="slugs; empty for all services")]


class SilenceFields(ApiInput):
    """Which alerts page no one, from when to when, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "matchers": '{alertname="DiskFull", instance="db-2"}',
                    "comment": "A larger volume arrives on Wednesday.",
                    "ends_at": "2026-11-30T12:00:00Z",
                }
            ]
        }
    )

    matchers: MatchersText
    services: Services = Field(default_factory=list)
    comment: Annotated[
        Text, Field(max_length=rules.COMMENT_MAX_CHARS, description="why; shown with each alert")
    ]
    starts_at: Annotated[Instant | None, Field(description="default: now")] = None
    ends_at: Annotated[Instant, Field(description="at most 30 days after the start")]


class SilenceTarget(ApiInput):
    """What a silence would match."""

    matchers: MatchersText
    services: Services = Field(default_factory=list)


class SilenceShown(ApiOutput):
    """A silence; its alerts page no one unless they still fire at its end."""

    id: int
    alertmanager_id: Annotated[str, Field(description="its id for amtool")]
    state: SilenceState
    matchers: str
    services: Annotated[list[str], Field(description="slugs; empty for all services")]
    author: str
    comment: str
    created_at: datetime
    starts_at: datetime
    ends_at: datetime
    ended_at: Annotated[datetime | None, Field(description="when it ended, at its end or before it")]
    firing: Annotated[int, Field(description="firing alerts that it silences now")]
    alerts: Annotated[int, Field(description="alerts that it silenced")]


class MatchingAlert(ApiOutput):
    """An alert that a silence would match."""

    id: int
    title: str
    severity: Literal["critical", "error", "warning", "info"] | None


class SilencePreviewShown(ApiOutput):
    """What a silence would match now, and would have silenced in the last 30 days."""

    firing: Annotated[int, Field(description="alerts that fire now; what has paged keeps its page")]
    firing_alerts: Annotated[list[MatchingAlert], Field(description="the newest 20 of them")]
    matching: Annotated[int, Field(description="alerts of 30 days that it would have silenced")]
    compared: Annotated[int, Field(description="alerts of 30 days that were compared")]
    pages: Annotated[int, Field(description="pages of the matching alerts")]
    incidents: Annotated[int, Field(description="incidents of these pages")]
    is_partial: Annotated[bool, Field(description="true if older alerts of these days were not compared")]


async def _service_ids(w: Work, slugs: list[str]) -> tuple[int, ...]:
    return tuple([(await catalog.by_slug(w.tx, slug)).id for slug in slugs])


async def _new(w: Work, fields: SilenceFields) -> NewSilence:
    service_ids = await _service_ids(w, fields.services)
    return NewSilence(fields.matchers, fields.comment, fields.ends_at, fields.starts_at, service_ids)


def _shown(view: SilenceView) -> SilenceShown:
    one = view.silence
    return SilenceShown(
        id=one.id,
        alertmanager_id=one.public_id,
        state=view.state,
        matchers=one.matchers,
        services=[service.slug for service in view.services],
        author=one.author,
        comment=one.comment,
        created_at=one.created_at,
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        ended_at=one.ended_at,
        firing=view.firing,
        alerts=view.alerts,
    )


async def _view(w: Work, silence: Silence) -> SilenceShown:
    (view,) = await queries.views(w.tx, [silence], w.now)
    return _shown(view)


def _preview(preview: SilencePreview) -> SilencePreviewShown:
    newest = [
        MatchingAlert(id=alert.id, title=alert.title, severity=alert.severity)  # type: ignore[arg-type]
        for alert in preview.firing_alerts
    ]
    return SilencePreviewShown(
        firing=preview.firing,
        firing_alerts=newest,
        matching=preview.matching,
        compared=preview.compared,
        pages=preview.pages,
        incidents=preview.incidents,
        is_partial=preview.is_partial,
    )


@router.get("", summary="List silences, newest first; expired ones for 120 hours")
async def list_silences(
    w: Reader,
    params: PageParams,
    state: Annotated[SilenceState | None, Query(description="default: every state")] = None,
) -> list[SilenceShown]:
    listed = sorted(await actions.silences(w.tx, w.now, state), key=lambda each: each.id)
    page = params.newest(listed, [each.id for each in listed])
    return [_shown(view) for view in await queries.views(w.tx, page, w.now)]


@router.post("", status_code=201, summary="Create a silence", responses=problems(404, 409))
async def create_silence(w: Writer, fields: SilenceFields) -> SilenceShown:
    new = await _new(w, fields)
    return await _view(w, await actions.create_silence(w.tx, w.actor, entered=new, now=w.now))


@router.post("/preview", summary="Count what a silence would silence", responses=problems(404))
async def preview_silence(w: Reader, target: SilenceTarget) -> SilencePreviewShown:
    service_ids = await _service_ids(w, target.services)
    return _preview(await actions.preview(w.tx, target.matchers, service_ids, w.now))


@router.get("/{silence_id}", summary="Get a silence", responses=problems(404))
async def get_silence(w: Reader, silence_id: PathId) -> SilenceShown:
    return await _view(w, await actions.silence(w.tx, silence_id))


@router.put(
    "/{silence_id}",
    summary="Change a silence; a running one with other matchers or services becomes a new silence",
    responses=problems(404, 409),
)
async def update_silence(w: Writer, silence_id: PathId, fields: SilenceFields) -> SilenceShown:
    new = await _new(w, fields)
    changed = await actions.update_silence(w.tx, w.actor, silence_id=silence_id, entered=new, now=w.now)
    return await _view(w, changed)


@router.post(
    "/{silence_id}/expire",
    summary="End a silence now; what still fires pages",
    responses=problems(404, 409),
)
async def expire_silence(w: Writer, silence_id: PathId) -> SilenceShown:
    return await _view(w, await actions.expire_silence(w.tx, w.actor, silence_id=silence_id, now=w.now))
