"""The screens of the handbook: chapters, search and downloads."""

from itertools import groupby, pairwise

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse

from firebell.handbook import chapter_html, section_search, shipped_content, start_page
from firebell.handbook.model import Chapter
from firebell.kit.handbook_files import skill
from firebell.kit.web import html, routing
from firebell.kit.web.file_names import disposition
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb

router = routing.html_router()

_FOLDERS = {
    "": "Start",
    "references": "Reference",
    "examples": "Templates",
    "examples/runbooks": "Runbooks",
    "examples/integrations": "Programs",
    "scripts": "Programs",
}


def _group(chapter: Chapter) -> str:
    folder = chapter.path.rpartition("/")[0]
    return _FOLDERS.get(folder, folder)


def shelf_groups() -> list[tuple[str, list[Chapter]]]:
    """Return the chapters by group, in reading order."""
    order = list(dict.fromkeys(_FOLDERS.values()))
    chapters_in_order = sorted(shipped_content.chapters(), key=lambda c: order.index(_group(c)))
    return [(name, list(group)) for name, group in groupby(chapters_in_order, _group)]


@router.get("/handbook", dependencies=route_access.needs(Verb.HANDBOOK_READ))
async def start(request: Request, q: str = "") -> Response:
    await authentication.signed_in(request)
    query = q.strip()[:200]
    if query:
        hits = section_search.search(shipped_content.chapters(), query)
        context = {
            "nav": "handbook",
            "q": query,
            "hits": hits,
            "snippet": chapter_html.snippet,
            "to": chapter_html.address,
        }
        return await html.render(request, "handbook/search.html", context)
    context = {
        "nav": "handbook",
        "steps": start_page.STEPS,
        "roles": start_page.ROLES,
        "phrases": start_page.PHRASES,
        "newcomers": start_page.NEWCOMERS,
        "severities": start_page.severities(),
        "runbooks": start_page.runbooks(),
        "programs": start_page.programs(),
        "shelves": start_page.shelves(),
        "minutes": start_page.minutes,
        "title": start_page.title,
        "to": chapter_html.address,
        "link": lambda path: chapter_html.target("", path),
    }
    return await html.render(request, "handbook/start.html", context)


@router.get("/handbook/{slug:path}", dependencies=route_access.needs(Verb.HANDBOOK_READ))
async def chapter(request: Request, slug: str, download: str = "") -> Response:
    await authentication.signed_in(request)
    requested = shipped_content.chapter(slug)
    if download:
        name = requested.path.rpartition("/")[2]
        headers = {"Content-Disposition": disposition(name), **html.HEADERS}
        return PlainTextResponse(skill(requested.path), headers=headers)
    if f"/handbook/{slug}" != chapter_html.address(requested):
        return html.redirect(chapter_html.address(requested))
    return await _show(request, requested)


async def _show(request: Request, current: Chapter) -> Response:
    groups = shelf_groups()
    order = [c for _, group in groups for c in group]
    following = next((b for a, b in pairwise(order) if a is current), None)
    context = {
        "nav": "handbook",
        "c": current,
        "html": "" if current.is_code else chapter_html.rendered(current.path),
        "contents": chapter_html.contents(current.path),
        "groups": groups,
        "following": following,
        "to": chapter_html.address,
        "q": "",
    }
    return await html.render(request, "handbook/chapter.html", context)
