"""The screen on which a service is edited and deleted."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.catalog import uses
from firebell.catalog.model import TIERS, Service
from firebell.kit import undo
from firebell.kit.errors import Conflict, FirebellError, Invalid, NotFound
from firebell.kit.text import to_choice, to_required
from firebell.kit.web import flash, form_changes, html, routing
from firebell.kit.web.field_errors import FieldErrors
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.service_overview import runbook_choice_web
from firebell.service_overview.runbook_choice_web import FormFields

router = routing.html_router()

FIELDS: FormFields = {
    "name": ("name", str),
    "description": ("description", str),
    "team": ("team_id", partial(to_required, field="team")),
    "tier": ("tier", partial(to_choice, field="tier")),
    "labels": ("labels", catalog.labels_of_lines),
    "links": ("links", catalog.links_of_lines),
}
"""The fields of the form that edits a service; the form that creates one has them too.

That of the runbook is read by `runbook_choice_web`.
"""
TIER_CHOICES = [("", "None"), *((number, f"{number}: {name}") for number, name in TIERS.items())]
"""The options of a field for a tier."""


async def _render(
    visit: Visit, service: Service, values: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    context = {
        "nav": "services",
        "s": service,
        "runbooks": await runbook_choice_web.titles(visit),
        "teams": await _team_names(visit),
        "tiers": TIER_CHOICES,
        "values": values,
        "stored": _values(visit, service),
        "error": error,
        "uses": await uses.uses(visit.tx, visit.actor, service.id, service.slug),
    }
    return await html.render(visit.request, "service_overview/edit.html", context)


async def _team_names(visit: Visit) -> list[tuple[int, str]]:
    return [(team.id, team.name) for team in await people.teams(visit.tx)]


def _values(visit: Visit, service: Service) -> dict[str, str]:
    return {
        "name": service.name,
        "description": service.description,
        "team": str(service.team_id),
        "tier": str(service.tier or ""),
        "runbook_url": runbook_choice_web.shown(service.runbook_url, visit.ctx.public_url),
        "labels": catalog.label_lines(service.labels),
        "links": catalog.link_lines(service.links),
    }


@router.get("/services/{slug}/edit", dependencies=route_access.needs(Verb.SERVICE_WRITE))
async def edit(visit: CurrentVisit, slug: str) -> Response:
    service = await catalog.by_slug(visit.tx, slug)
    return await _render(visit, service, _values(visit, service))


@router.post("/services/{slug}/edit", dependencies=route_access.needs(Verb.SERVICE_WRITE))
async def save(visit: CurrentVisit, slug: str) -> Response:
    unlocked = await catalog.by_slug(visit.tx, slug)
    entered = visit.values.get("name")
    renames = entered not in (None, unlocked.name)
    await catalog.lock_for_edit(visit.tx, unlocked.id, entered if renames else None)
    service = await catalog.by_slug(visit.tx, slug)
    stored = _values(visit, service)
    changes = form_changes.changes(visit.values, stored)
    try:
        if changes.overtaken:
            raise await _overtaken(visit, {name: stored[name] for name in changes.overtaken})
        async with visit.tx.savepoint():
            changed = {name: changes.values[name] for name in changes.changed}
            fields = read_fields({**FIELDS, **await runbook_choice_web.field(visit)}, changed)
            await catalog.update_service(visit.tx, visit.actor, service, **fields, now=visit.now)
    except (Invalid, Conflict, NotFound) as error:
        return await _render(visit, service, changes.values, with_form_names(error, changes.values))
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "service.changed", visit.now)
    return flash.redirect(visit.request, f"/services/{slug}", f"{service.name} saved.", offer)


def with_form_names(error: FirebellError, values: Mapping[str, str]) -> FirebellError:
    """Name the fields of an error as the form does, without `_id`, and explain how to choose a runbook."""
    error.fields = {name.removesuffix("_id"): text for name, text in error.fields.items()}
    if isinstance(error, Invalid):
        # a Conflict says what someone else wrote
        runbook_choice_web.explain(error.fields, values.get("runbook_url", ""))
    return error


@router.post("/services/{slug}/delete", dependencies=route_access.needs(Verb.SERVICE_WRITE))
async def delete(visit: CurrentVisit, slug: str) -> Response:
    service = await catalog.by_slug(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            await catalog.delete_service(visit.tx, visit.actor, service, visit.now)
    except Conflict as error:
        return await _render(visit, service, _values(visit, service), error)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "service.deleted", visit.now)
    return flash.redirect(visit.request, "/services", f"{service.name} deleted.", offer)


@router.post("/services/{slug}/restore", dependencies=route_access.needs(Verb.SERVICE_WRITE))
async def restore(visit: CurrentVisit, slug: str) -> Response:
    deleted = await catalog.by_slug(visit.tx, slug, with_deleted=True)
    service = await catalog.restore_deleted(visit.tx, visit.actor, deleted, visit.now)
    return flash.redirect(visit.request, f"/services/{service.slug}", f"{service.name} restored.")


async def _overtaken(visit: Visit, stored: Mapping[str, str]) -> Conflict:
    """Return the error of fields that someone else changed, too, since the form was opened."""
    names = {str(team_id): name for team_id, name in await _team_names(visit)}
    texts = {**stored, "team": names.get(stored.get("team", ""), "")}
    fields = {
        name: f"Someone changed this to: {_shortened(texts[name])}"
        if texts[name]
        else "Someone removed this."
        for name in stored
    }
    return Conflict(
        "Someone else changed this service since you opened the form.",
        hint="Compare the highlighted fields, then save again to replace what they wrote.",
        fields=fields,
    )


def _shortened(text: str) -> str:
    """Return the lines of a field in one, at most 200 characters of them."""
    line = ", ".join(text.splitlines())
    return line if len(line) <= 200 else f"{line[:200]}…"


def read_fields(fields: FormFields, values: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields with a value as an action takes them; raise `Invalid`, which names each wrong one."""
    errors = FieldErrors()
    arguments: dict[str, Any] = {}
    for field, (name, read) in fields.items():
        if field in values:
            arguments[name] = errors.value(partial(read, values[field]), None)
    errors.check()
    return arguments
