"""Import what a file says about services, over JSON."""

from typing import Annotated

from pydantic import Field

from firebell.catalog import service_import
from firebell.catalog.service_file import MAX_FILE_CHARS, FileFormat
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("services")

Responder = Annotated[Work, work(Verb.SERVICE_WRITE)]
_EXAMPLE = "services:\n  checkout-api:\n    team: payments\n    tier: 1\n    labels: {region: eu-north}\n"


class ServiceImportFile(ApiInput):
    """A YAML or JSON file with services, or with Backstage Components."""

    file: Annotated[Text, Field(max_length=MAX_FILE_CHARS, examples=[_EXAMPLE])]
    format: Annotated[FileFormat, Field(description="how the file is written")] = FileFormat.YAML
    create: Annotated[
        bool, Field(description="create services that do not exist; otherwise they are errors")
    ] = False
    dry_run: Annotated[bool, Field(description="only return what would change")] = False


class ServiceFieldChange(ApiOutput):
    """A field that the import changes."""

    service: Annotated[str, Field(description="slug")]
    field: str
    before: Annotated[str, Field(description="labels and links as lines, a team as its slug")]
    after: str


class ServiceImportResult(ApiOutput):
    """What an import changed, or would with `dry_run`."""

    services: Annotated[int, Field(description="number of services in the file")]
    created: Annotated[list[str], Field(description="slugs")]
    changes: list[ServiceFieldChange]
    dry_run: bool


@router.post(
    "/service-import",
    summary="Import teams, tiers, labels and links of services from a file",
    responses=problems(409),
)
async def import_services(w: Responder, body: ServiceImportFile) -> ServiceImportResult:
    """What the file leaves out stays as it is. The error 422 has the place of each problem.

    A place is a line of YAML, or the number and field of an item of JSON.
    """
    result = await service_import.import_services(
        *(w.tx, w.actor, body.file, w.now),
        file_format=body.format,
        create=body.create,
        dry_run=body.dry_run,
    )
    return ServiceImportResult(
        services=result.services,
        created=list(result.created),
        changes=[ServiceFieldChange.model_validate(change) for change in result.changes],
        dry_run=body.dry_run,
    )
