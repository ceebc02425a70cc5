"""The screen that imports what a YAML or JSON file says about services, after a preview."""

from typing import Annotated

from fastapi import Response
from starlette.datastructures import UploadFile

from firebell.catalog import service_import
from firebell.catalog.service_file import MAX_FILE_CHARS, FileFormat, format_of
from firebell.catalog.service_import import ServiceImport
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.web import flash, html, routing
from firebell.kit.web.filters import to_one_of
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit, visit_with

router = routing.html_router()

ADDRESS = "/service-import"
_BYTES_PER_CHAR = 4
_FORMATS = [(FileFormat.YAML, "YAML"), (FileFormat.JSON, "JSON")]


async def _render(
    visit: Visit,
    text: str,
    file_format: FileFormat,
    *,
    create: bool,
    preview: ServiceImport | None = None,
    error: FirebellError | None = None,
) -> Response:
    context = {
        "nav": "services",
        "text": text,
        "format": file_format,
        "formats": _FORMATS,
        "create": create,
        "preview": preview,
        "error": error,
    }
    return await html.render(visit.request, "service_overview/import.html", context)


@router.get(ADDRESS, dependencies=route_access.needs(Verb.SERVICE_WRITE))
async def form(visit: CurrentVisit) -> Response:
    return await _render(visit, "", FileFormat.YAML, create=False)


async def _file(visit: Visit) -> tuple[str, FileFormat]:
    """Return the uploaded file, or else what was pasted; raise Invalid if there is neither, or it is not text."""
    file_format = _chosen_format(visit)
    upload = visit.form.get("file")
    if isinstance(upload, UploadFile) and upload.filename:
        try:
            text = (await upload.read(MAX_FILE_CHARS * _BYTES_PER_CHAR + 1)).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Invalid(
                "The file can’t be read.", fields={"file": "Choose a YAML or JSON file in UTF-8."}
            ) from None
        return text, format_of(upload.filename, upload.content_type or "", file_format)
    text = visit.text("text")
    if not text.strip():
        advice = "Choose a YAML or JSON file, or paste its text."
        raise Invalid("No file is chosen.", fields={"file": advice})
    return text, file_format


def _chosen_format(visit: Visit) -> FileFormat:
    return FileFormat(to_one_of(visit.text("format") or FileFormat.YAML, "format", tuple(FileFormat)))


@router.post(ADDRESS, dependencies=route_access.needs(Verb.SERVICE_WRITE))
async def run(visit: Annotated[Visit, visit_with(files=1)]) -> Response:
    create, dry_run = bool(visit.text("create")), visit.text("do") != "import"
    text, file_format = visit.text("text"), _chosen_format(visit)
    try:
        async with visit.tx.savepoint():
            text, file_format = await _file(visit)
            result = await service_import.import_services(
                *(visit.tx, visit.actor, text, visit.now),
                file_format=file_format,
                create=create,
                dry_run=dry_run,
            )
    except (Invalid, Conflict) as error:
        return await _render(visit, text, file_format, create=create, error=error)
    if dry_run:
        return await _render(visit, text, file_format, create=create, preview=result)
    changed = len({change.service for change in result.changes})
    return flash.redirect(
        visit.request, "/services", f"Import finished: {len(result.created)} created, {changed} changed."
    )
