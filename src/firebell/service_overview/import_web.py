"""The screen that imports what a YAML file says about services, after a preview."""

from typing import Annotated

from fastapi import Response
from starlette.datastructures import UploadFile

from firebell.catalog import service_import
from firebell.catalog.service_import import ServiceImport
from firebell.catalog.service_yaml import MAX_FILE_CHARS
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit, visit_with

router = routing.html_router()

ADDRESS = "/service-import"
_BYTES_PER_CHAR = 4


async def _render(
    visit: Visit,
    text: str,
    *,
    create: bool,
    preview: ServiceImport | None = None,
    error: FirebellError | None = None,
) -> Response:
    context = {
        "nav": "services",
        "text": text,
        "create": create,
        "preview": preview,
        "error": error,
    }
    return await html.render(visit.request, "service_overview/import.html", context)


@router.get(ADDRESS, dependencies=route_access.needs(Verb.SERVICE_WRITE))
async def form(visit: CurrentVisit) -> Response:
    return await _render(visit, "", create=False)


async def _text(visit: Visit) -> str:
    """Return the uploaded file, or else what was pasted; raise Invalid if there is neither, or it is not text."""
    upload = visit.form.get("file")
    if isinstance(upload, UploadFile) and upload.filename:
        try:
            return (await upload.read(MAX_FILE_CHARS * _BYTES_PER_CHAR + 1)).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Invalid(
                "The file can’t be read.", fields={"file": "Choose a YAML file in UTF-8."}
            ) from None
    text = visit.text("text")
    if not text.strip():
        raise Invalid("No file is chosen.", fields={"file": "Choose a YAML file, or paste its text."})
    return text


@router.post(ADDRESS, dependencies=route_access.needs(Verb.SERVICE_WRITE))
async def run(visit: Annotated[Visit, visit_with(files=1)]) -> Response:
    create, dry_run = bool(visit.text("create")), visit.text("do") != "import"
    text = visit.text("text")
    try:
        async with visit.tx.savepoint():
            text = await _text(visit)
            result = await service_import.import_services(
                visit.tx, visit.actor, text, visit.now, create=create, dry_run=dry_run
            )
    except (Invalid, Conflict) as error:
        return await _render(visit, text, create=create, error=error)
    if dry_run:
        return await _render(visit, text, create=create, preview=result)
    changed = len({change.service for change in result.changes})
    return flash.redirect(
        visit.request, "/services", f"Import finished: {len(result.created)} created, {changed} changed."
    )
