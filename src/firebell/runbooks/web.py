"""The screens of runbooks: the library, a runbook with its findings, the editor."""

from collections.abc import Sequence

from fastapi import Request, Response

from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing, transaction, undo
from firebell.people import access, authentication
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.runbooks import actions, queries
from firebell.runbooks.check import check
from firebell.runbooks.isolated_parser import read, read_stored, rendered
from firebell.runbooks.model import PARTS, RunbookFinding
from firebell.runbooks.runs import queries as run_queries

router = routing.html_router()

_RUNS_SHOWN = 5
_PART_HINTS = {
    "Trigger": "Which alert fires, or what people notice.",
    "Severity": "The usual severity, and when to raise it.",
    "Prerequisites": "Access, tools and variables that the commands need.",
    "Steps": "### 1. ...\n\nWhy, the command, the expected output, and what to do if it differs.",
    "Verification": "How to confirm that the problem is solved.",
    "Rollback": "How to undo each step.",
    "Owner": "The name of a team.",
}


def outline(day: str) -> str:
    """Return the outline of a new runbook: the eight parts with a hint each."""
    parts = [f"## {name}\n\n{_PART_HINTS.get(name, day)}" for name in PARTS]
    return "# Name of the runbook\n\n" + "\n\n".join(parts) + "\n"


@router.get("/runbooks", dependencies=access.needs(Verb.RUNBOOK_READ))
async def library(visit: CurrentVisit) -> Response:
    runbooks = await queries.details(
        visit.tx, await actions.library(visit.tx), visit.ctx.public_url, visit.now
    )
    hidden = await actions.hidden_slugs(visit.tx)
    return await html.render(
        visit.request, "runbooks/runbooks.html", {"nav": "runbooks", "runbooks": runbooks, "gone": hidden}
    )


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
    day = transaction.now(request).date().isoformat()
    context = {
        "nav": "runbooks",
        "r": stored,
        "title": ((await read_stored(stored.body)).title or slug) if stored else "",
        "body": body if body is not None else stored.body if stored else outline(day),
        "theirs": await rendered(stored.body) if stored and isinstance(error, Conflict) else "",
        "findings": findings,
        "error": error,
    }
    return await html.render(request, "runbooks/edit.html", context)


@router.get("/runbooks/new", dependencies=access.needs(Verb.RUNBOOK_WRITE))
async def new(request: Request) -> Response:
    await authentication.signed_in(request)
    return await _editor(request)


@router.get("/runbooks/{slug}", dependencies=access.needs(Verb.RUNBOOK_READ))
async def runbook(request: Request, slug: str) -> Response:
    await authentication.signed_in(request)
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        runbooks = await actions.library(tx)
        stored = await actions.runbook(tx, slug)
        (runbook_details,) = await queries.details(tx, [stored], ctx.public_url, transaction.now(request))
        runs = await run_queries.runs(tx, slug=slug, limit=_RUNS_SHOWN)
    known = {r.slug for r in runbooks}
    context = {
        "nav": "runbooks",
        "details": runbook_details,
        "r": stored,
        "html": await rendered(stored.body, known),
        "address": queries.address(ctx.public_url, slug),
        "runs": runs,
    }
    return await html.render(request, "runbooks/runbook.html", context, kept_offline=True)


@router.get("/runbooks/{slug}/edit", dependencies=access.needs(Verb.RUNBOOK_WRITE))
async def edit(request: Request, slug: str) -> Response:
    await authentication.signed_in(request)
    return await _editor(request, slug)


async def _save(request: Request, slug: str) -> Response:
    form, me = await access.form(request), await authentication.signed_in(request)
    ctx, body = html.ctx(request), str(form.get("body", ""))
    now = transaction.now(request)
    if form.get("check"):
        async with ctx.db.tx() as tx:
            teams = await actions.owning_teams(tx)
        return await _editor(request, slug, body, check(await read(body), now.date(), teams=teams))
    version = to_number(form.get("version", ""), "version")
    try:
        async with ctx.db.tx() as tx:
            target = slug or await actions.slug_of(body)
            await actions.save(tx, authentication.actor_of(me), target, body, now, version=version)
    except (Conflict, Invalid) as error:
        return await _editor(request, slug, body, error=error)
    return flash.redirect(request, f"/runbooks/{target}", f"Runbook {target} saved.")


@router.post("/runbooks", dependencies=access.needs(Verb.RUNBOOK_WRITE))
async def create(request: Request) -> Response:
    return await _save(request, "")


@router.post("/runbooks/{slug}", dependencies=access.needs(Verb.RUNBOOK_WRITE))
async def save(request: Request, slug: str) -> Response:
    return await _save(request, slug)


@router.post("/runbooks/{slug}/remove", dependencies=access.needs(Verb.RUNBOOK_WRITE))
async def remove(visit: CurrentVisit, slug: str) -> Response:
    await actions.remove(visit.tx, visit.actor, slug, visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "runbook.removed", visit.now)
    return flash.redirect(visit.request, "/runbooks", f"Runbook {slug} removed.", offer)


@router.post("/runbooks/{slug}/restore", dependencies=access.needs(Verb.RUNBOOK_WRITE))
async def restore(visit: CurrentVisit, slug: str) -> Response:
    await actions.restore(visit.tx, visit.actor, slug, visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "runbook.restored", visit.now)
    text = f"Runbook {slug} reset to the default text."
    return flash.redirect(visit.request, f"/runbooks/{slug}", text, offer)
