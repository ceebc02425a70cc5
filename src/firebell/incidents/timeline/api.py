"""The API of timelines: entries with their history, key moments, attachments and exports."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Response
from pydantic import Base64Bytes, ConfigDict, Field

from firebell.incidents import actions
from firebell.incidents.api import IncidentShown, Reader, Responder, shown_incident
from firebell.incidents.model import Incident
from firebell.incidents.text_limits import REASON_MAX_CHARS
from firebell.incidents.timeline import entry_actions
from firebell.incidents.timeline import store as timeline_store
from firebell.incidents.timeline.attachment_types import ACCEPTED, MAX_BYTES, NewFile
from firebell.incidents.timeline.entry_history import Attachment, EntryView
from firebell.incidents.timeline.entry_input import ENTRY_MAX_CHARS
from firebell.incidents.timeline.graph_queries import impact_graph
from firebell.incidents.timeline.markdown_export import markdown
from firebell.kit.db.database import Tx
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Id,
    Instant,
    Name,
    PageParams,
    PathId,
    Text,
    TimeZone,
    problems,
)
from firebell.kit.web.stored_files import stored_file

router = api.router("timelines")

EntryKind = Literal["note", "update", "finding", "decision", "mitigation"]


class AttachmentShown(ApiOutput):
    """A file of a timeline entry; its type is that of its content."""

    id: int
    entry_id: int
    name: str
    media_type: Annotated[str, Field(examples=["image/png"])]
    size: Annotated[int, Field(description="bytes")]
    sha256: Annotated[str, Field(description="of the content, in hexadecimal")]
    at: datetime


class StrikeShown(ApiOutput):
    """Who struck an entry, when and why."""

    at: datetime
    by: str
    reason: str


class EntryShown(ApiOutput):
    """A timeline entry as it is now."""

    id: int
    at: Annotated[datetime, Field(description="when it was written")]
    effective_at: Annotated[datetime, Field(description="when it happened")]
    kind: str
    by: str
    text: str
    data: dict[str, Any]
    version: Annotated[int, Field(description="the number of texts that it had; an edit states it")]
    struck: StrikeShown | None
    key_moment: Annotated[str, Field(description="the label of a key moment, empty if it is not one")]
    attachments: list[AttachmentShown]


class VersionShown(ApiOutput):
    """A text that an entry had."""

    text: str
    at: datetime
    by: str


class EntryDetail(EntryShown):
    """A timeline entry with all its texts, oldest first; the last one is in force."""

    versions: list[VersionShown]


class IncidentExport(ApiOutput):
    """Everything that is stored about an incident, as a document."""

    format: Literal["firebell.incident/1"] = "firebell.incident/1"
    exported_at: datetime
    incident: IncidentShown
    timeline: Annotated[list[EntryDetail], Field(description="oldest entry first, struck ones included")]


class GraphRowShown(ApiOutput):
    """From this instant on, up to this number of alerts fire at once."""

    at: datetime
    alerts_firing: int
    moments: Annotated[list[str], Field(description="what happened in this minute", examples=[["Paged"]])]


class ImpactShown(ApiOutput):
    """When the impact began, and when it ended or until when it is known."""

    start: datetime
    end: datetime


class GraphShown(ApiOutput):
    """How many alerts of an incident fired when, with its impact and what happened; no rows if nothing is known."""

    finding: Annotated[str, Field(description="what the graph shows, with times in UTC")]
    start: datetime | None
    end: datetime | None
    impact: list[ImpactShown]
    rows: list[GraphRowShown]


class NewEntry(ApiInput):
    """A new timeline entry; an update restarts the update interval."""

    text: Annotated[
        Text, Field(min_length=1, max_length=ENTRY_MAX_CHARS, examples=["Rolled build 4812 back"])
    ]
    kind: EntryKind = "note"
    at: Annotated[
        Instant | None, Field(description="when it happened; defaults to now, never in the future")
    ] = None


class EditedEntry(ApiInput):
    """The new text of an entry, and the version that it is based on."""

    text: Annotated[Text, Field(min_length=1, max_length=ENTRY_MAX_CHARS)]
    version: Id


class Strike(ApiInput):
    """Why an entry is struck."""

    reason: Annotated[
        Text,
        Field(min_length=1, max_length=REASON_MAX_CHARS, examples=["That was the staging cluster"]),
    ]


class KeyMoment(ApiInput):
    """The label of a key moment."""

    label: Annotated[Text, Field(max_length=entry_actions.LABEL_MAX_CHARS, examples=["Cause identified"])] = (
        ""
    )


class NewAttachment(ApiInput):
    """A file to attach, to a new entry with `text` or to the entry `entry_id`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "errors.log", "content": "NTAyIEJhZCBHYXRld2F5Cg=="}]}
    )

    name: Annotated[Name, Field(max_length=200)]
    content: Annotated[
        Base64Bytes,
        Field(
            min_length=1,
            max_length=MAX_BYTES,
            description=f"base64; accepted are {ACCEPTED}",
        ),
    ]
    text: Annotated[Text, Field(max_length=ENTRY_MAX_CHARS)] = ""
    kind: EntryKind = "note"
    entry_id: Id | None = None


def _file(file: Attachment) -> AttachmentShown:
    return AttachmentShown(
        id=file.id,
        entry_id=file.entry_id,
        name=file.name,
        media_type=file.media_type,
        size=file.size,
        sha256=file.sha256.hex(),
        at=file.at,
    )


def _values(view: EntryView) -> dict[str, Any]:
    entry, struck = view.entry, view.struck
    return {
        "id": entry.id,
        "at": entry.at,
        "effective_at": entry.effective_at,
        "kind": entry.kind,
        "by": entry.actor,
        "text": entry.text,
        "data": entry.data,
        "version": view.version,
        "struck": StrikeShown(at=struck.at, by=struck.actor, reason=struck.text) if struck else None,
        "key_moment": entry.key_moment,
        "attachments": [_file(file) for file in view.attachments],
    }


def _detail(view: EntryView) -> EntryDetail:
    versions = [VersionShown(text=v.text, at=v.at, by=v.actor) for v in view.versions]
    return EntryDetail(**_values(view), versions=versions)


async def incident_export(tx: Tx, incident: Incident, now: datetime) -> IncidentExport:
    """Return everything that is stored about an incident."""
    return IncidentExport(
        exported_at=now,
        incident=await shown_incident(tx, incident),
        timeline=[_detail(view) for view in await timeline_store.entry_views(tx, incident.id)],
    )


@router.get(
    "/incidents/{ref}/timeline",
    summary="List the latest timeline entries, oldest first",
    responses=problems(404),
)
async def list_timeline(w: Reader, ref: Text, pagination: PageParams) -> list[EntryShown]:
    incident = await actions.incident(w.tx, parse_ref("INC", ref))
    entries = await timeline_store.entry_views(w.tx, incident.id)
    newest = pagination.newest(entries, [view.entry.id for view in entries])
    return [EntryShown(**_values(view)) for view in reversed(newest)]


@router.get(
    "/incidents/{ref}/timeline.md",
    summary="Get the whole timeline as Markdown",
    response_class=Response,
    responses={200: {"content": {"text/markdown": {"schema": {"type": "string"}}}}, **problems(404)},
)
async def timeline_as_markdown(
    w: Reader, ref: Text, tz: Annotated[TimeZone, Query(description="time zone of the times")] = "UTC"
) -> Response:
    incident = await actions.incident(w.tx, parse_ref("INC", ref))
    text = markdown(incident, await timeline_store.entry_views(w.tx, incident.id), tz)
    return Response(text, media_type="text/markdown")


@router.get(
    "/incidents/{ref}/graph",
    summary="Get how many alerts of an incident fired when, with its impact",
    responses=problems(404),
)
async def get_incident_graph(w: Reader, ref: Text) -> GraphShown:
    graph = await impact_graph(w.tx, [await actions.incident(w.tx, parse_ref("INC", ref))], w.now)
    if graph is None:
        return GraphShown(finding="", start=None, end=None, impact=[], rows=[])
    return GraphShown(
        finding=graph.finding("UTC"),
        start=graph.start,
        end=graph.end,
        impact=[ImpactShown(start=start, end=end) for start, end in graph.impacts],
        rows=[
            GraphRowShown(at=row.at, alerts_firing=row.firing, moments=list(row.moments))
            for row in graph.rows
        ],
    )


@router.get(
    "/incidents/{ref}/export",
    summary="Export an incident with its whole timeline",
    responses=problems(404),
)
async def export_incident(w: Reader, ref: Text) -> IncidentExport:
    incident = await actions.incident(w.tx, parse_ref("INC", ref))
    return await incident_export(w.tx, incident, w.now)


@router.post(
    "/incidents/{ref}/entries",
    status_code=201,
    summary="Add a timeline entry",
    responses=problems(404),
)
async def add_timeline_entry(w: Responder, ref: Text, body: NewEntry) -> IncidentShown:
    incident_id, now = parse_ref("INC", ref), w.now
    await actions.add_entry(w.tx, w.actor, incident_id, body.kind, body.text, now, effective_at=body.at)
    return await shown_incident(w.tx, await actions.incident(w.tx, incident_id))


@router.get(
    "/incidents/{ref}/entries/{entry_id}",
    summary="Get a timeline entry with all its texts",
    responses=problems(404),
)
async def get_timeline_entry(w: Reader, ref: Text, entry_id: PathId) -> EntryDetail:
    return _detail(await entry_actions.entry(w.tx, parse_ref("INC", ref), entry_id))


@router.patch(
    "/incidents/{ref}/entries/{entry_id}",
    summary="Edit a timeline entry; 409 if someone edited it since `version`",
    responses=problems(404, 409),
)
async def edit_timeline_entry(w: Responder, ref: Text, entry_id: PathId, body: EditedEntry) -> EntryDetail:
    incident_id = parse_ref("INC", ref)
    await entry_actions.edit_entry(w.tx, w.actor, incident_id, entry_id, body.text, body.version, w.now)
    return _detail(await entry_actions.entry(w.tx, incident_id, entry_id))


@router.post(
    "/incidents/{ref}/entries/{entry_id}/strike",
    summary="Strike a wrong timeline entry; it stays readable",
    responses=problems(404, 409),
)
async def strike_timeline_entry(w: Responder, ref: Text, entry_id: PathId, body: Strike) -> EntryDetail:
    incident_id = parse_ref("INC", ref)
    await entry_actions.strike_entry(w.tx, w.actor, incident_id, entry_id, body.reason, w.now)
    return _detail(await entry_actions.entry(w.tx, incident_id, entry_id))


@router.post(
    "/incidents/{ref}/entries/{entry_id}/restore",
    summary="Restore a struck timeline entry",
    responses=problems(404, 409),
)
async def restore_timeline_entry(w: Responder, ref: Text, entry_id: PathId) -> EntryDetail:
    incident_id = parse_ref("INC", ref)
    await entry_actions.restore_entry(w.tx, w.actor, incident_id, entry_id, w.now)
    return _detail(await entry_actions.entry(w.tx, incident_id, entry_id))


@router.put(
    "/incidents/{ref}/entries/{entry_id}/key-moment",
    summary="Mark a timeline entry as a key moment",
    responses=problems(404, 409),
)
async def mark_key_moment(w: Responder, ref: Text, entry_id: PathId, body: KeyMoment) -> EntryDetail:
    incident_id = parse_ref("INC", ref)
    await entry_actions.mark_key_moment(w.tx, w.actor, incident_id, entry_id, body.label, w.now)
    return _detail(await entry_actions.entry(w.tx, incident_id, entry_id))


@router.delete(
    "/incidents/{ref}/entries/{entry_id}/key-moment",
    summary="Remove the mark of a key moment",
    responses=problems(404),
)
async def unmark_key_moment(w: Responder, ref: Text, entry_id: PathId) -> EntryDetail:
    incident_id = parse_ref("INC", ref)
    await entry_actions.unmark_key_moment(w.tx, w.actor, incident_id, entry_id, w.now)
    return _detail(await entry_actions.entry(w.tx, incident_id, entry_id))


@router.post(
    "/incidents/{ref}/attachments",
    status_code=201,
    summary="Attach a file to a new or an existing timeline entry",
    responses=problems(404, 409),
)
async def add_attachment(w: Responder, ref: Text, body: NewAttachment) -> EntryDetail:
    incident_id, file = parse_ref("INC", ref), NewFile(body.name, body.content)
    entry_id = body.entry_id or await actions.add_entry(
        w.tx, w.actor, incident_id, body.kind, body.text.strip() or f"Attached {body.name}", w.now
    )
    await entry_actions.attach(w.tx, w.actor, incident_id, entry_id, [file], w.now)
    return _detail(await entry_actions.entry(w.tx, incident_id, entry_id))


@router.get(
    "/incidents/{ref}/attachments/{attachment_id}",
    summary="Download an attachment",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        **problems(404),
    },
)
async def get_attachment(w: Reader, ref: Text, attachment_id: PathId) -> Response:
    file, content = await entry_actions.attachment(w.tx, parse_ref("INC", ref), attachment_id)
    return stored_file(content, file.name, file.media_type)
