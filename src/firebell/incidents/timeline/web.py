"""The timeline of the incident page: new entries with files, the page of one entry, attachments and exports."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Response
from starlette.datastructures import UploadFile

from firebell.incidents import actions
from firebell.incidents.timeline import entry_actions
from firebell.incidents.timeline import store as timeline_store
from firebell.incidents.timeline.api import incident_export
from firebell.incidents.timeline.attachment_types import MAX_BYTES, MAX_FILES, NewFile
from firebell.incidents.timeline.graph_drawing import drawn
from firebell.incidents.timeline.graph_queries import impact_graph
from firebell.incidents.timeline.markdown_export import markdown
from firebell.incidents.web import FeedView, render_room
from firebell.kit.errors import Conflict, FirebellError, NotFound
from firebell.kit.references import parse_ref
from firebell.kit.text import to_id, to_number
from firebell.kit.web import flash, html, routing
from firebell.kit.web.file_names import disposition
from firebell.kit.web.stored_files import stored_file
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit, visit_with

router = routing.html_router()


async def _files(visit: Visit) -> list[NewFile]:
    """Return the files of a form and close it; a file field that was left blank has none."""
    uploads = [upload for upload in visit.form.getlist("files") if isinstance(upload, UploadFile)]
    try:
        return [
            NewFile(upload.filename, await upload.read(MAX_BYTES + 1))
            for upload in uploads
            if upload.filename
        ]
    finally:
        await visit.form.close()


def _attached_text(files: Sequence[NewFile]) -> str:
    """Return the text of an entry that has only files."""
    return f"Attached {', '.join(file.name for file in files)}" if files else ""


@router.post("/incidents/{ref}/entries", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def add_entry(visit: Annotated[Visit, visit_with(files=2 * MAX_FILES)], ref: str) -> Response:
    incident_id, fields = parse_ref("INC", ref), visit.values
    try:
        files = await _files(visit)
        effective_at = visit.instant("at")
        async with visit.tx.savepoint():
            entry_id = await actions.add_entry(
                visit.tx,
                visit.actor,
                incident_id,
                fields.get("kind", "note"),
                fields.get("text", "").strip() or _attached_text(files),
                visit.now,
                effective_at=effective_at,
            )
            await entry_actions.attach(visit.tx, visit.actor, incident_id, entry_id, files, visit.now)
    except FirebellError as error:
        if not error.fields:
            raise
        return await render_room(visit, incident_id, FeedView(), fields=fields, error=error)
    url = html.local(fields, f"/incidents/INC-{incident_id}")
    return flash.redirect(visit.request, url, f"Entry added to INC-{incident_id}.")


async def _entry_page(
    visit: Visit, incident_id: int, entry_id: int, submitted: str = "", error: FirebellError | None = None
) -> Response:
    view = await entry_actions.entry(visit.tx, incident_id, entry_id)
    context = {
        "nav": "room",
        "i": await actions.incident(visit.tx, incident_id),
        "view": view,
        "u": f"/incidents/INC-{incident_id}",
        "link": f"{visit.ctx.public_url}/incidents/INC-{incident_id}#e-{entry_id}",
        "submitted": submitted,
        "conflict": error if isinstance(error, Conflict) else None,
        "error": error,
    }
    return await html.render(visit.request, "incidents/entry.html", context)


@router.get("/incidents/{ref}/entries/{entry_id}", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def entry(visit: CurrentVisit, ref: str, entry_id: str) -> Response:
    return await _entry_page(visit, parse_ref("INC", ref), _id(entry_id))


def _id(text: str) -> int:
    number = to_id(text)
    if number is None:
        raise NotFound(f"There is no entry {text[:40]}.")
    return number


_CHANGED_TEXTS = {
    "edit": "Entry saved.",
    "strike": "Entry struck.",
    "restore": "Entry restored.",
    "mark": "Marked as a key moment.",
    "unmark": "No longer a key moment.",
}


@router.post(
    "/incidents/{ref}/entries/{entry_id}/{what}", dependencies=route_access.needs(Verb.INCIDENT_UPDATE)
)
async def change_entry(visit: CurrentVisit, ref: str, entry_id: str, what: str) -> Response:
    incident_id, number, fields = parse_ref("INC", ref), _id(entry_id), visit.values
    entry_of = (visit.tx, visit.actor, incident_id, number)
    try:
        async with visit.tx.savepoint():
            match what:
                case "edit":
                    version = to_number(fields.get("version", ""), "version")
                    text = fields.get("text", "")
                    await entry_actions.edit_entry(*entry_of, text, version, visit.now)
                case "strike":
                    await entry_actions.strike_entry(*entry_of, fields.get("reason", ""), visit.now)
                case "restore":
                    await entry_actions.restore_entry(*entry_of, visit.now)
                case "mark":
                    await entry_actions.mark_key_moment(*entry_of, fields.get("label", ""), visit.now)
                case "unmark":
                    await entry_actions.unmark_key_moment(*entry_of, visit.now)
                case _:
                    raise NotFound(f"Unknown action: {what}.")
    except NotFound:
        raise
    except FirebellError as error:
        return await _entry_page(visit, incident_id, number, fields.get("text", ""), error)
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}#e-{number}", _CHANGED_TEXTS[what])


@router.get(
    "/incidents/{ref}/attachments/{attachment_id}", dependencies=route_access.needs(Verb.INCIDENT_READ)
)
async def attachment(visit: CurrentVisit, ref: str, attachment_id: str) -> Response:
    file, content = await entry_actions.attachment(visit.tx, parse_ref("INC", ref), _id(attachment_id))
    return stored_file(content, file.name, file.media_type)


@router.get("/incidents/{ref}/graph", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def graph(visit: CurrentVisit, ref: str) -> Response:
    incident = await actions.incident(visit.tx, parse_ref("INC", ref))
    known = await impact_graph(visit.tx, [incident], visit.now)
    context = {
        "nav": "room",
        "live": f"inc-{incident.id}",
        "i": incident,
        "chart": drawn(known, visit.person.tz) if known else None,
    }
    return await html.render(visit.request, "incidents/graph.html", context)


@router.get("/incidents/{ref}/timeline.md", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def timeline_as_markdown(visit: CurrentVisit, ref: str) -> Response:
    incident = await actions.incident(visit.tx, parse_ref("INC", ref))
    text = markdown(incident, await timeline_store.entry_views(visit.tx, incident.id), visit.person.tz)
    return html.download(text.encode(), f"{incident.ref}-timeline.md")


@router.get("/incidents/{ref}/export.json", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def export(visit: CurrentVisit, ref: str) -> Response:
    incident = await actions.incident(visit.tx, parse_ref("INC", ref))
    document = await incident_export(visit.tx, incident, visit.now)
    headers = {**html.HEADERS, "Content-Disposition": disposition(f"{incident.ref}.json")}
    return Response(document.model_dump_json(indent=2), headers=headers, media_type="application/json")
