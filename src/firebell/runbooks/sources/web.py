"""The page of runbook sources: their health, and adding one."""

from collections.abc import Mapping

from fastapi import Response

from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.text import to_number, to_required
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.runbooks.sources import actions, queries
from firebell.runbooks.sources.model import DEFAULT_PATHS, DEFAULT_POLL_S, SourceKind

router = routing.html_router()

KIND_LABELS = {
    SourceKind.GIT: "Git repository over HTTPS",
    SourceKind.DIRECTORY: "Mounted directory",
    SourceKind.PUSH: "Pushed by CI",
}
ADDRESS = "/runbooks/sources"
_BLANK = {
    "kind": str(SourceKind.GIT),
    "name": "",
    "url": "",
    "ref": "",
    "paths": "\n".join(DEFAULT_PATHS),
    "poll_s": str(DEFAULT_POLL_S),
}
"""What the form for adding a source contains at first."""


def _kind(value: str) -> SourceKind:
    if value not in list(SourceKind):
        raise Invalid(f"{value[:40]!r} is not a kind of source.", fields={"kind": "Choose from the list."})
    return SourceKind(value)


async def _render(
    visit: Visit,
    values: Mapping[str, str],
    error: FirebellError | None = None,
    secret: tuple[int, str] | None = None,
) -> Response:
    context = {
        "nav": "runbooks",
        "live": "runbooks",
        "sources": await queries.health(visit.tx, visit.now),
        "kinds": [(str(kind), label) for kind, label in KIND_LABELS.items()],
        "labels": KIND_LABELS,
        "values": {**_BLANK, **values},
        "public_url": visit.ctx.public_url,
        "secret": secret,
        "error": error,
    }
    return await html.render(visit.request, "runbooks/sources.html", context)


@router.get(ADDRESS, dependencies=route_access.needs(Verb.RUNBOOK_READ))
async def show(visit: CurrentVisit) -> Response:
    return await _render(visit, {})


@router.post(ADDRESS, dependencies=route_access.needs(Verb.RUNBOOK_SOURCE_WRITE))
async def add(visit: CurrentVisit) -> Response:
    try:
        async with visit.tx.savepoint():
            source = await actions.add(
                visit.tx,
                visit.actor,
                _kind(visit.text("kind")),
                visit.text("name"),
                visit.now,
                url=visit.text("url"),
                ref=visit.text("ref"),
                paths=visit.text("paths").splitlines(),
                token=visit.text("token"),
                poll_s=to_number(visit.text("poll_s") or str(DEFAULT_POLL_S), "poll_s"),
            )
    except FirebellError as error:
        return await _render(visit, {k: v for k, v in visit.values.items() if k != "token"}, error)
    return flash.redirect(visit.request, ADDRESS, f"Source {source.name} added.")


@router.post(f"{ADDRESS}/{{source_id}}/sync", dependencies=route_access.needs(Verb.RUNBOOK_WRITE))
async def sync(visit: CurrentVisit, source_id: str) -> Response:
    number = to_required(source_id, "source")
    source = await actions.request_sync(visit.tx, visit.actor, number, visit.now)
    return flash.redirect(visit.request, ADDRESS, f"Syncing {source.name}.")


@router.post(f"{ADDRESS}/{{source_id}}/token", dependencies=route_access.needs(Verb.RUNBOOK_SOURCE_WRITE))
async def set_token(visit: CurrentVisit, source_id: str) -> Response:
    number = to_required(source_id, "source")
    try:
        async with visit.tx.savepoint():
            await actions.set_token(visit.tx, visit.actor, number, visit.text("token"), visit.now)
    except FirebellError as error:
        return await _render(visit, {}, error)
    return flash.redirect(visit.request, ADDRESS, "Access token saved.")


@router.post(f"{ADDRESS}/{{source_id}}/secret", dependencies=route_access.needs(Verb.RUNBOOK_SOURCE_WRITE))
async def show_secret(visit: CurrentVisit, source_id: str) -> Response:
    number = to_required(source_id, "source")
    secret = await actions.reveal_hook_secret(visit.tx, visit.actor, number, visit.now)
    flash.show(visit.request, "The webhook secret is shown once.")
    return await _render(visit, {}, secret=(number, secret))


async def _decide(visit: Visit, source_id: str, message: str, *, archive: bool) -> Response:
    number, commit = to_required(source_id, "source"), visit.text("commit")
    try:
        async with visit.tx.savepoint():
            await actions.decide(visit.tx, visit.actor, number, commit, visit.now, archive=archive)
    except FirebellError as error:
        return await _render(visit, {}, error)
    return flash.redirect(visit.request, ADDRESS, message)


@router.post(f"{ADDRESS}/{{source_id}}/archive", dependencies=route_access.needs(Verb.RUNBOOK_SOURCE_WRITE))
async def archive(visit: CurrentVisit, source_id: str) -> Response:
    return await _decide(visit, source_id, "The commit is applied with the next sync.", archive=True)


@router.post(f"{ADDRESS}/{{source_id}}/ignore", dependencies=route_access.needs(Verb.RUNBOOK_SOURCE_WRITE))
async def ignore(visit: CurrentVisit, source_id: str) -> Response:
    return await _decide(visit, source_id, "The commit is ignored. The next one is read.", archive=False)


@router.post(f"{ADDRESS}/{{source_id}}/remove", dependencies=route_access.needs(Verb.RUNBOOK_SOURCE_WRITE))
async def remove(visit: CurrentVisit, source_id: str) -> Response:
    source = await actions.remove(visit.tx, visit.actor, to_required(source_id, "source"), visit.now)
    return flash.redirect(visit.request, ADDRESS, f"Source {source.name} removed. Its runbooks stay.")
