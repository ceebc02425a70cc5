"""The page on which people translate the names and descriptions of components."""

from typing import Annotated

from fastapi import Response

from firebell.kit.errors import FirebellError, NotFound
from firebell.kit.text import to_id
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit, visit_with
from firebell.status_pages import actions, announcements
from firebell.status_pages.hosting import queries as hosting_queries
from firebell.status_pages.part_translations import actions as part_translation_actions
from firebell.status_pages.part_translations.rules import Part, coverage

router = routing.html_router()

PAGE = "/status-pages/{slug}/translations"
LINK = "link-"
"""What the fields of footer links begin with; the label follows."""
MAX_FORM_FIELDS = 2 * actions.MAX_COMPONENTS + 2 * actions.MAX_GROUPS + 20


async def _show(visit: Visit, slug: str, chosen: str, error: FirebellError | None = None) -> Response:
    page = await actions.status_page(visit.tx, slug)
    others = await hosting_queries.other_languages(visit.tx, page)
    groups, components = await announcements.parts(visit.tx, page)
    codes = [code for code, _ in others]
    if chosen and chosen not in codes:
        raise NotFound(f"{page.name} has no other language {chosen[:20]!r}.")
    parts: list[Part] = [*groups, *components]
    labels = await hosting_queries.link_labels(visit.tx, page)
    context = {
        "nav": "status-pages",
        "page": page,
        "language": chosen or next(iter(codes), ""),
        "languages": [(code, name, coverage(parts, code, page, labels)) for code, name in others],
        "parts": [*(("group", group) for group in groups), *(("component", each) for each in components)],
        "labels": labels,
        "values": visit.values,
        "error": error,
    }
    return await html.render(visit.request, "status_pages/translations.html", context)


@router.get(PAGE, dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def show(visit: CurrentVisit, slug: str, language: str = "") -> Response:
    return await _show(visit, slug, language)


@router.post(PAGE, dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def save(visit: Annotated[Visit, visit_with(fields=MAX_FORM_FIELDS)], slug: str) -> Response:
    page, language = await actions.status_page(visit.tx, slug), visit.text("language")
    try:
        async with visit.tx.savepoint():
            await part_translation_actions.translate_parts(
                *(visit.tx, visit.actor, page.id, language),
                _texts(visit, "group"),
                _texts(visit, "component"),
                visit.now,
            )
            await part_translation_actions.translate_page(
                *(visit.tx, visit.actor, page.id, language, visit.now),
                about=visit.text("about") if "about" in visit.values else None,
                links={
                    field.removeprefix(LINK): visit.text(field)
                    for field in visit.values
                    if field.startswith(LINK)
                },
            )
    except NotFound:
        raise
    except FirebellError as error:
        return await _show(visit, slug, language, error)
    return flash.redirect(
        visit.request, f"/status-pages/{slug}/translations?language={language}", "Translations saved."
    )


def _texts(visit: Visit, kind: str) -> dict[int, dict[str, str]]:
    """Return the texts of the form by the id of their part."""
    texts: dict[int, dict[str, str]] = {}
    for field in visit.values:
        prefix, _, number = field.removesuffix("-name").partition("-")
        part_id = to_id(number) if prefix == kind and field.endswith("-name") else None
        if part_id is not None:
            texts[part_id] = {"name": visit.text(field)}
            if (description := f"{kind}-{part_id}-description") in visit.values:
                texts[part_id]["description"] = visit.text(description)
    return texts
