"""The screens of runbooks: the library, a runbook with its findings, the editor."""

from collections.abc import Sequence

from fastapi import Request, Response

from firebell.kit import undo
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing, transaction
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.runbooks import actions, library_queries, queries
from firebell.runbooks.blank import blank_runbook
from firebell.runbooks.isolated_parser import read, read_stored, rendered
from firebell.runbooks.library_queries import LibraryFilter
from firebell.runbooks.model import RunbookFinding
from firebell.runbooks.runs import queries as run_queries
from firebell.runbooks.sources import actions as source_actions
from firebell.runbooks.sources import queries as source_queries
from firebell.runbooks.text_checks import check

router = routing.html_router()

_RUNS_SHOWN = 5


@router.get("/runbooks", dependencies=route_access.needs(Verb.RUNBOOK_READ))
async def library(visit: CurrentVisit) -> Response:
    asked = visit.request.query_params
    narrowed = LibraryFilter(
        query=asked.get("q", "")[:200].strip(),
        team=asked.get("team", ""),
        service=asked.get("service", ""),
        findings=asked.get("findings", ""),
        level=asked.get("level", ""),
    )
    context = {
        "nav": "runbooks",
        "library": await library_queries.library(visit.tx, narrowed, visit.ctx.public_url, visit.now),
        "narrowed": narrowed,
        "gone": await actions.hidden_slugs(visit.tx),
        "sources": await source_queries.health(visit.tx, visit.now),
    }
    return await html.render(visit.request, "runbooks/runbooks.html", context)


async def _editor(
    request: Request,
    slug: str = "",
    body: str | None = None,
    findings: Sequence[RunbookFinding] | None = None,
    error: FirebellError | None = None,
) -> Response:
    """Show the editor of a runbook, or of a new one, with `body` or else the saved text."""
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        stored = await actions.runbook(tx, slug) if slug else None
    day = transaction.now(request).date()
    context = {
        "nav": "runbooks",
        "r": stored,
        "title": ((await read_stored(stored.body)).title or slug) if stored else "",
        "body": body if body is not None else stored.body if stored else blank_runbook(day),
        "theirs": await rendered(stored.body) if stored and isinstance(error, Conflict) else "",
        "findings": findings,
        "error": error,
    }
    return await html.render(request, "runbooks/edit.html", context)


@router.get("/runbooks/new", dependencies=route_access.needs(Verb.RUNBOOK_WRITE))
async def new(request: Request, service: str = "") -> Response:
    await authentication.signed_in(request)
    return await _editor(request, body=blank_runbook(transaction.now(request).date(), service=service))


@router.get("/runbooks/{slug}", dependencies=route_access.needs(Verb.RUNBOOK_READ))
async def runbook(request: Request, slug: str) -> Response:
    await authentication.signed_in(request)
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        runbooks = await actions.library(tx)
        stored = await actions.runbook(tx, slug)
        (runbook_details,) = await queries.details(tx, [stored], ctx.public_url, transaction.now(request))
        front = runbook_details.runbook.front
        preview = await library_queries.trigger_preview(tx, front.triggers, transaction.now(request))
        source = await source_actions.source(tx, stored.source_id) if stored.source_id else None
        runs = await run_queries.runs(tx, slug=slug, limit=_RUNS_SHOWN)
    known = {r.slug for r in runbooks}
    context = {
        "nav": "runbooks",
        "details": runbook_details,
        "r": stored,
        "front": front,
        "preview": preview,
        "source": source,
        "html": await rendered(stored.body, known),
        "address": queries.address(ctx.public_url, slug),
        "runs": runs,
    }
    return await html.render(request, "runbooks/runbook.html", context, kept_offline=True)


@router.get("/runbooks/{slug}/edit", dependencies=route_access.needs(Verb.RUNBOOK_WRITE))
async def edit(request: Request, slug: str) -> Response:
    await authentication.signed_in(request)
    return await _editor(request, slug)


async def _save(request: Request, slug: str) -> Response:
    form, me = await route_access.form(request), await authentication.signed_in(request)
    ctx, body = html.ctx(request), str(form.get("body", ""))
    now = transaction.now(request)
    if form.get("check"):
        async with ctx.db.tx() as tx:
            teams = await actions.owning_teams(tx)
        return await _editor(request, slug, body, check(await read(body), now.date(), teams=teams))
    version = to_number(form.get("version", ""), "version")
    try:
        runbook = await actions.parse_new_text(body)
        target = slug or actions.slug_of(runbook)
        async with ctx.db.tx() as tx:
            await actions.save(tx, authentication.actor_of(me), target, body, now, version=version)
    except (Conflict, Invalid) as error:
        return await _editor(request, slug, body, error=error)
    return flash.redirect(request, f"/runbooks/{target}", f"Runbook {target} saved.")


@router.post("/runbooks", dependencies=route_access.needs(Verb.RUNBOOK_WRITE))
async def create(request: Request) -> Response:
    return await _save(request, "")


@router.post("/runbooks/{slug}", dependencies=route_access.needs(Verb.RUNBOOK_WRITE))
async def save(request: Request, slug: str) -> Response:
    return await _save(request, slug)


@router.post("/runbooks/{slug}/remove", dependencies=route_access.needs(Verb.RUNBOOK_WRITE))
async def remove(visit: CurrentVisit, slug: str) -> Response:
    await actions.remove(visit.tx, visit.actor, slug, visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "runbook.removed", visit.now)
    return flash.redirect(visit.request, "/runbooks", f"Runbook {slug} removed.", offer)


@router.post("/runbooks/{slug}/restore", dependencies=route_access.needs(Verb.RUNBOOK_WRITE))
async def restore(visit: CurrentVisit, slug: str) -> Response:
    await actions.restore(visit.tx, visit.actor, slug, visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "runbook.restored", visit.now)
    text = f"Runbook {slug} reset to the default text."
    return flash.redirect(visit.request, f"/runbooks/{slug}", text, offer)
