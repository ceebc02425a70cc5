"""The API of exports, and their download from the screen of a document."""

from typing import Annotated

from fastapi import Query, Request, Response

from firebell.kit.references import parse_ref
from firebell.kit.web import api, html, routing, transaction
from firebell.kit.web.api import Text, problems
from firebell.kit.web.file_names import disposition
from firebell.people import authentication, route_access
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.postmortems.export import formats, queries
from firebell.postmortems.export.model import MEDIA_TYPES, ExportFormat

router = api.router("post-mortems", "/post-mortems")
page_router = routing.html_router()

Exporter = Annotated[Caller, may(Verb.POSTMORTEM_READ)]


async def _file(request: Request, ref: str, kind: ExportFormat, *, as_roles: bool) -> Response:
    """Return the file; it is rendered after the transaction, because that takes a while."""
    ctx, now = request.app.state.ctx, transaction.now(request)
    incident_id = parse_ref("INC", ref)
    async with ctx.db.tx() as tx:
        file = await queries.exported(tx, incident_id, ctx.public_url, now, as_roles=as_roles)
    content = await formats.content(file.document, kind, file.chart)
    name = f"post-mortem-{file.document.meta.ref}.{kind}"
    headers = {**html.HEADERS, "Content-Disposition": disposition(name)}
    return Response(content, media_type=MEDIA_TYPES[kind], headers=headers)


@router.get(
    "/{ref}/export",
    summary="Export a document as Markdown, HTML, PDF or JSON",
    response_class=Response,
    responses={
        200: {
            "content": {
                media.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
                for media in MEDIA_TYPES.values()
            }
        },
        **problems(404, 501),
    },
)
async def export_postmortem(
    caller: Exporter,
    request: Request,
    ref: Text,
    kind: Annotated[ExportFormat, Query(alias="format")] = ExportFormat.MARKDOWN,
    roles: Annotated[bool, Query(description="roles in place of names")] = False,
) -> Response:
    return await _file(request, ref, kind, as_roles=roles)


@page_router.get("/post-mortems/{ref}/export/{kind}", dependencies=route_access.needs(Verb.POSTMORTEM_READ))
async def download(request: Request, ref: str, kind: ExportFormat, names: str = "") -> Response:
    await authentication.signed_in(request)
    return await _file(request, ref, kind, as_roles=names == "roles")
