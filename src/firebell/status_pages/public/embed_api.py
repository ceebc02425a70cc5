"""The API of the websites that may show a status page in a frame."""

from typing import Annotated

from pydantic import Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.status_pages import actions
from firebell.status_pages.public import embed_store, embedding

router = api.router("status pages")


class EmbedOrigins(ApiOutput):
    """The websites that may show a status page in a frame."""

    origins: list[str]


class NewEmbedOrigins(ApiInput):
    """The websites that may show a status page in a frame, such as https://www.example.org."""

    origins: Annotated[list[Text], Field(max_length=embedding.MAX_ORIGINS)]


@router.get(
    "/status-pages/{slug}/embed-origins",
    summary="List the websites that may show a status page in a frame",
    responses=problems(404),
)
async def list_embed_origins(w: Annotated[Work, work(Verb.STATUS_PAGE_READ)], slug: Text) -> EmbedOrigins:
    page = await actions.status_page(w.tx, slug)
    return EmbedOrigins(origins=await embed_store.origins(w.tx, page.id))


@router.put(
    "/status-pages/{slug}/embed-origins",
    summary="Choose the websites that may show a status page in a frame",
    responses=problems(404),
)
async def set_embed_origins(
    w: Annotated[Work, work(Verb.STATUS_PAGE_WRITE)], slug: Text, body: NewEmbedOrigins
) -> EmbedOrigins:
    page = await actions.status_page(w.tx, slug)
    return EmbedOrigins(
        origins=await embedding.set_embed_origins(w.tx, w.actor, page.id, body.origins, w.now)
    )
