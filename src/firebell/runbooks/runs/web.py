"""The screens of runs: the list, where to start one, and a run that people work through together."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from fastapi import Request, Response

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, FirebellError, Invalid, NotFound
from firebell.kit.references import parse_ref
from firebell.kit.text import to_id, to_number
from firebell.kit.web import flash, html, routing, transaction
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.runbooks import actions as library
from firebell.runbooks.parse import title_of
from firebell.runbooks.queries import slug_at
from firebell.runbooks.runs import actions, isolated_steps, queries
from firebell.runbooks.runs.model import FORWARD_PARTS, RunbookRun, RunEventKind
from firebell.runbooks.runs.output_html import output_html

router = routing.html_router()

PAGE_SIZE = 50
EARLIER_RUNS = 5
_KINDS = {
    "start": (RunEventKind.STEP_STARTED, "Step started."),
    "done": (RunEventKind.STEP_DONE, "Step done."),
    "fail": (RunEventKind.STEP_FAILED, "Step failed."),
    "skip": (RunEventKind.STEP_SKIPPED, "Step skipped."),
}


@router.get("/runbooks/runs", dependencies=route_access.needs(Verb.RUNBOOK_READ))
async def list_runs(visit: CurrentVisit, runbook: str = "", incident: str = "", before: str = "") -> Response:
    last = to_id(before)
    runs = await queries.runs(
        visit.tx,
        slug=runbook or None,
        incident_id=parse_ref("INC", incident) if incident else None,
        before=last,
        limit=PAGE_SIZE + 1,
    )
    context = {
        "nav": "runbooks",
        "runs": runs[:PAGE_SIZE],
        "runbook": runbook,
        "incident": incident,
        "newer": last is not None,
        "older": runs[PAGE_SIZE - 1].id if len(runs) > PAGE_SIZE else None,
        "live": "runs",
    }
    return await html.render(visit.request, "runbooks/runs.html", context)


@router.get("/runbooks/runs/new", dependencies=route_access.needs(Verb.RUNBOOK_RUN))
async def choose(
    visit: CurrentVisit, incident: str = "", page: str = "", runbook: str = "", q: str = ""
) -> Response:
    """List the runbooks to start for an incident or a page, first the one that an alert links to."""
    words, linked = q.casefold().split(), slug_at(visit.ctx.public_url, runbook)
    runbooks = [(r.slug, title_of(r.body) or r.slug) for r in await library.library(visit.tx)]
    chosen = [each for each in runbooks if all(word in " ".join(each).casefold() for word in words)]
    context = {
        "nav": "runbooks",
        "runbooks": sorted(chosen, key=lambda each: (each[0] != linked, each[1].casefold())),
        "incident": f"INC-{parse_ref('INC', incident)}" if incident else "",
        "page": f"PG-{parse_ref('PG', page)}" if page else "",
        "q": q,
    }
    return await html.render(visit.request, "runbooks/start_run.html", context)


@router.post("/runbooks/runs", dependencies=route_access.needs(Verb.RUNBOOK_RUN))
async def start(request: Request) -> Response:
    form, me = await route_access.form(request), await authentication.signed_in(request)
    incident, page = str(form.get("incident", "")), str(form.get("page", ""))
    slug, ctx = str(form.get("runbook", "")), html.ctx(request)
    async with ctx.db.tx() as tx:
        runbook = await library.runbook(tx, slug)
    await actions.parse_ahead(runbook.body)
    async with ctx.db.tx() as tx:
        run = await actions.start(
            tx,
            authentication.actor_of(me),
            slug,
            transaction.now(request),
            incident_id=parse_ref("INC", incident) if incident else None,
            page_id=parse_ref("PG", page) if page else None,
        )
    return flash.redirect(request, f"/runbooks/runs/{run.ref}", f"{run.ref} is open.")


@router.get("/runbooks/runs/{ref}", dependencies=route_access.needs(Verb.RUNBOOK_READ))
async def run(request: Request, ref: str) -> Response:
    await authentication.signed_in(request)
    return await _show(request, parse_ref("RUN", ref))


async def _show(request: Request, run_id: int, error: FirebellError | None = None) -> Response:
    """Show a run; a change that was refused is shown with the reason above the run as it is now."""
    async with html.ctx(request).db.tx() as tx:
        details = await queries.details(tx, run_id)
        body = await queries.body_of(tx, details.run)
        known = [each.slug for each in await library.library(tx)]
        earlier = await _earlier(tx, details.run)
    shown = details.run
    context = {
        "nav": "runbooks",
        "d": details,
        "run": shown,
        "parts": [(part, [s for s in details.steps if s.part == part]) for part in FORWARD_PARTS],
        "bodies": await isolated_steps.html_of_steps(body, known),
        "outputs": {key: output_html(each.head, each.tail) for key, each in details.outputs.items()},
        "earlier": earlier,
        "works_here": shown.is_open and (shown.kind == "web" or shown.is_taken_over),
        "usual": timedelta(seconds=details.usual_s) if details.usual_s is not None else None,
        "error": error,
        "live": f"run-{shown.id}",
    }
    return await html.render(request, "runbooks/run.html", context)


async def _earlier(tx: Tx, run: RunbookRun) -> Sequence[RunbookRun]:
    return await queries.runs(tx, slug=run.slug, before=run.id, limit=EARLIER_RUNS)


Change = Callable[[Tx, Actor, datetime], Awaitable[RunbookRun]]


async def _apply(request: Request, run_id: int, change: Change, text: str) -> Response:
    """Apply a change and show the step that is next; show the run as it is now if the change is refused."""
    me = await authentication.signed_in(request)
    try:
        async with html.ctx(request).db.tx() as tx:
            changed = await change(tx, authentication.actor_of(me), transaction.now(request))
    except (Conflict, Invalid) as error:
        return await _show(request, run_id, error)
    return flash.redirect(request, f"/runbooks/runs/{changed.ref}#now", text)


@router.post(
    "/runbooks/runs/{ref}/steps/{part}/{position}/{what}", dependencies=route_access.needs(Verb.RUNBOOK_RUN)
)
async def change_step(request: Request, ref: str, part: str, position: str, what: str) -> Response:
    form, run_id, number = await route_access.form(request), parse_ref("RUN", ref), to_id(position)
    if what not in _KINDS or number is None:
        raise NotFound(f"There is no {what[:40]} of step {position[:40]}.")
    kind, text = _KINDS[what]
    version = to_number(form.get("version", ""), "version")
    reason = str(form.get("reason", ""))

    async def change(tx: Tx, actor: Actor, now: datetime) -> RunbookRun:
        return await actions.change_step(tx, actor, run_id, (part, number), kind, version, now, reason=reason)

    return await _apply(request, run_id, change, text)


@router.post("/runbooks/runs/{ref}/roll-back", dependencies=route_access.needs(Verb.RUNBOOK_RUN))
async def roll_back(request: Request, ref: str) -> Response:
    form, run_id = await route_access.form(request), parse_ref("RUN", ref)

    async def change(tx: Tx, actor: Actor, now: datetime) -> RunbookRun:
        return await actions.roll_back(tx, actor, run_id, now, reason=str(form.get("reason", "")))

    return await _apply(request, run_id, change, "Rolling back.")


@router.post("/runbooks/runs/{ref}/stop", dependencies=route_access.needs(Verb.RUNBOOK_RUN))
async def stop(request: Request, ref: str) -> Response:
    form, run_id = await route_access.form(request), parse_ref("RUN", ref)

    async def change(tx: Tx, actor: Actor, now: datetime) -> RunbookRun:
        return await actions.stop(tx, actor, run_id, now, reason=str(form.get("reason", "")))

    return await _apply(request, run_id, change, "Run stopped.")


@router.post("/runbooks/runs/{ref}/take-over", dependencies=route_access.needs(Verb.RUNBOOK_RUN))
async def take_over(request: Request, ref: str) -> Response:
    await route_access.form(request)
    run_id = parse_ref("RUN", ref)

    async def change(tx: Tx, actor: Actor, now: datetime) -> RunbookRun:
        return await actions.take_over(tx, actor, run_id, now)

    return await _apply(request, run_id, change, "You took over this run.")
