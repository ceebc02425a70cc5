"""The API of the handbook and of templates."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from firebell.handbook import actions, chapter_html, section_search, shipped_content, templates
from firebell.handbook.model import ChangeStep, Chapter, Template, TemplateSource
from firebell.kit import undo
from firebell.kit.errors import Invalid
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Ctx,
    Name,
    StrictBool,
    Text,
    UndoOffered,
    problems,
    removed,
)
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.people.unit_of_work import Work, work

router = api.router("handbook")

HandbookReader = Annotated[Caller, may(Verb.HANDBOOK_READ)]
Reader = Annotated[Work, work(Verb.TEMPLATE_READ)]
Responder = Annotated[Work, work(Verb.TEMPLATE_WRITE)]


class PartShown(ApiOutput):
    """A section of a chapter; `anchor` is the fragment of its URL."""

    title: str
    anchor: str


class ChapterShown(ApiOutput):
    """A chapter of the handbook."""

    slug: str
    path: str
    title: str
    url: str
    parts: list[PartShown]


class ChapterDetail(ChapterShown):
    """A chapter of the handbook with its text."""

    text: str


class SectionHitShown(ApiOutput):
    """A section that contains every word of the query."""

    slug: str
    chapter: str
    title: str
    url: str
    snippet: str


class TemplateShown(ApiOutput):
    """A template; `source` says where its text comes from."""

    id: str
    title: str
    note: str
    group: str
    source: TemplateSource
    changed_by: str | None
    changed_at: datetime | None


class TemplateDetail(TemplateShown):
    """A template with its text, the default text, and the placeholders that it may use."""

    body: str
    shipped: str
    slots: list[str]


class TemplateReset(TemplateDetail):
    """A template with its default text, and how to undo the reset."""

    undo: UndoOffered | None


class NewTemplateText(ApiInput):
    """The text, with placeholders such as {{title}}."""

    body: Annotated[Text, Field(min_length=1, max_length=templates.BODY_MAX_CHARS)]


class GivenFile(ApiInput):
    """A Markdown file of a repository."""

    name: Name
    text: Annotated[Text, Field(max_length=500_000)]


class Repository(ApiInput):
    """All files with templates; templates of an earlier apply that they no longer contain are reset."""

    files: Annotated[list[GivenFile], Field(min_length=1, max_length=100)]
    dry_run: StrictBool = False
    prune: Annotated[StrictBool, Field(description="also reset templates that were edited in the app")] = (
        False
    )


class TemplateChangeShown(ApiOutput):
    """What happened to a template; `removed` means that it is back to the default text."""

    id: str
    step: ChangeStep


def _chapter(chapter: Chapter, public_url: str) -> ChapterShown:
    return ChapterShown(
        slug=chapter.slug,
        path=chapter.path,
        title=chapter.title,
        url=public_url + chapter_html.address(chapter),
        parts=[
            PartShown(title=title, anchor=anchor) for anchor, title in chapter_html.contents(chapter.path)
        ],
    )


@router.get("/handbook", summary="List the chapters of the handbook")
async def list_chapters(ctx: Ctx, caller: HandbookReader) -> list[ChapterShown]:
    return [_chapter(c, ctx.public_url) for c in shipped_content.chapters()]


@router.get("/handbook/chapter", summary="Get a chapter with its text", responses=problems(404))
async def get_chapter(
    ctx: Ctx,
    caller: HandbookReader,
    slug: Annotated[
        Text, Query(description="such as references/incident-roles; defaults to the first chapter")
    ] = "",
) -> ChapterDetail:
    chapter = shipped_content.chapter(slug)
    return ChapterDetail(**_chapter(chapter, ctx.public_url).model_dump(), text=chapter.text)


@router.get("/handbook/search", summary="Search the handbook, best matches first")
async def search_handbook(
    ctx: Ctx, caller: HandbookReader, q: Annotated[Text, Query(min_length=1, max_length=200)]
) -> list[SectionHitShown]:
    return [
        SectionHitShown(
            slug=hit.chapter.slug,
            chapter=hit.chapter.title,
            title=hit.heading.text,
            url=f"{ctx.public_url}{chapter_html.address(hit.chapter)}#{hit.heading.anchor}",
            snippet="".join(hit.snippet),
        )
        for hit in section_search.search(shipped_content.chapters(), q)
    ]


def _shown(template: Template) -> TemplateShown:
    return TemplateShown(
        id=template.id,
        title=template.title,
        note=template.note,
        group=template.group,
        source=template.source,
        changed_by=template.own.changed_by if template.own else None,
        changed_at=template.own.changed_at if template.own else None,
    )


def _detail(template: Template) -> TemplateDetail:
    return TemplateDetail(
        **_shown(template).model_dump(),
        body=template.body,
        shipped=template.shipped.body,
        slots=sorted(templates.allowed(template.shipped)),
    )


@router.get("/templates", summary="List templates, in the order of the handbook")
async def list_templates(w: Reader) -> list[TemplateShown]:
    return [_shown(t) for t in (await actions.all_templates(w.tx)).values()]


@router.post(
    "/templates/apply",
    summary="Apply templates from a repository's Markdown files (managers and admins)",
)
async def apply_templates(
    ctx: Ctx, caller: Annotated[Caller, may(Verb.TEMPLATE_WRITE)], repository: Repository
) -> list[TemplateChangeShown]:
    files = {file.name: file.text for file in repository.files}
    if len(files) < len(repository.files):
        raise Invalid("Two files have the same name.", fields={"files": "Give each file a unique path."})
    parsed = await actions.read_files(files)
    async with ctx.db.tx() as tx:
        changes = await actions.apply(
            *(tx, caller.actor, files, parsed, ctx.clock.now()),
            prune=repository.prune,
            dry_run=repository.dry_run,
        )
    return [TemplateChangeShown(id=c.id, step=c.step) for c in changes]


@router.get("/templates/{template_id}", summary="Get a template with its text", responses=problems(404))
async def get_template(w: Reader, template_id: Text) -> TemplateDetail:
    return _detail(await actions.template(w.tx, template_id))


@router.put(
    "/templates/{template_id}",
    summary="Update a template (managers and admins)",
    responses=problems(404),
)
async def set_template(w: Responder, template_id: Text, new_body: NewTemplateText) -> TemplateDetail:
    return _detail(await actions.set_template(w.tx, w.actor, template_id, new_body.body, w.now))


@router.delete(
    "/templates/{template_id}",
    summary="Reset a template to the default text (managers and admins)",
    responses=problems(404),
)
async def reset_template(w: Responder, template_id: Text) -> TemplateReset:
    detail = _detail(await actions.reset(w.tx, w.actor, template_id, w.now))
    offer = await undo.offer(w.tx, w.ctx.signer, w.actor, "template.reset", w.now)
    return TemplateReset(**detail.model_dump(), undo=removed(offer).undo)
