"""Escalation policies: the list, one with its dry run and versions, and one version."""

from datetime import datetime

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit import undo
from firebell.kit.durations import exact
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.localtime import to_instant
from firebell.kit.text import plural, to_wall
from firebell.kit.web import flash, html, routing
from firebell.kit.web.api import PathId
from firebell.paging import actions
from firebell.paging.model import Policy
from firebell.paging.policies import changes as policy_changes
from firebell.paging.policies import dry_run as dry
from firebell.paging.policies import store as policy_store
from firebell.paging.policies import targets as policy_targets
from firebell.paging.policies import version_store as policy_version_store
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

LISTED_VERSIONS = 5
"""Number of versions on the page of a policy; the others are on a page of their own."""


@router.get("/escalation", dependencies=route_access.needs(Verb.POLICY_READ))
async def policies(visit: CurrentVisit) -> Response:
    policies_ = await actions.policies(visit.tx)
    names = await policy_targets.names(visit.tx, [p.plan for p in policies_])
    context = {"nav": "escalation", "policies": policies_, "names": names}
    return await html.render(visit.request, "paging/policies.html", context)


def start_of(visit: Visit, text: str) -> datetime:
    """Return the instant at which a dry run begins, now if empty; raise `Invalid` for the field `at`."""
    if not text:
        return visit.now
    return dry.checked_start(to_instant(to_wall(text, "at"), visit.person.tz), visit.now)


@router.get("/escalation/{slug}", dependencies=route_access.needs(Verb.POLICY_READ))
async def policy(visit: CurrentVisit, slug: str, at: str = "", urgency: str = "high") -> Response:
    return await _policy(visit, await actions.policy_by_slug(visit.tx, slug), at=at, urgency=urgency)


async def _policy(
    visit: Visit,
    policy_: Policy,
    *,
    at: str = "",
    urgency: str = "high",
    name: str | None = None,
    error: FirebellError | None = None,
) -> Response:
    """Show a policy; `name` is what was typed into the refused form that renames it."""
    try:
        start = start_of(visit, at)
    except Invalid as problem:
        error, start = problem, visit.now
    *levels, alarm = await dry.dry_run(
        visit.tx, policy_.plan, policy_.team_id, start, dry.page_kind(urgency), policy_.id
    )
    versions = await policy_version_store.versions(visit.tx, policy_)
    context = {
        "nav": "escalation",
        "live": "oncall",
        "policy": policy_,
        "has_hours": any(level.conditions.hours for level in policy_.levels),
        "name": policy_.name if name is None else name,
        "names": await policy_targets.names(visit.tx, [policy_.plan, *(v.plan for v in versions)]),
        "services": await services_of(visit, policy_),
        "open_pages": [f"PG-{i}" for i in await policy_store.open_page_ids(visit.tx, policy_.id)],
        "versions": versions,
        "listed_versions": LISTED_VERSIONS,
        "changes": policy_changes.changes,
        "steps": levels,
        "alarm": alarm,
        "again_at": alarm.at / (policy_.repeat + 1),
        "rows": dry.rows(levels, levels),
        "summary": dry.summary(levels),
        "offset": dry.offset,
        "start": start,
        "at": at,
        "urgency": urgency,
        "kinds": dry.KIND_LABELS,
        "error": error,
    }
    return await html.render(visit.request, "paging/policy.html", context)


async def services_of(visit: Visit, policy_: Policy) -> list[Service]:
    """Return the services that use a policy, by name."""
    return [s for s in await catalog.services(visit.tx) if s.policy_id == policy_.id]


@router.get("/escalation/{slug}/versions", dependencies=route_access.needs(Verb.POLICY_READ))
async def versions(visit: CurrentVisit, slug: str) -> Response:
    policy_ = await actions.policy_by_slug(visit.tx, slug)
    versions_ = await policy_version_store.versions(visit.tx, policy_)
    context = {
        "nav": "escalation",
        "policy": policy_,
        "versions": versions_,
        "names": await policy_targets.names(visit.tx, [v.plan for v in versions_]),
        "changes": policy_changes.changes,
    }
    return await html.render(visit.request, "paging/policy_versions.html", context)


@router.get("/escalation/{slug}/versions/{version}", dependencies=route_access.needs(Verb.POLICY_READ))
async def one_version(visit: CurrentVisit, slug: str, version: PathId) -> Response:
    policy_ = await actions.policy_by_slug(visit.tx, slug)
    return await _version(visit, policy_, version)


async def _version(visit: Visit, policy_: Policy, number: int, error: Invalid | None = None) -> Response:
    version_ = await actions.policy_version(visit.tx, policy_, number)
    before = await policy_version_store.version(visit.tx, policy_, number - 1)
    plans = [version_.plan, policy_.plan, *([before.plan] if before else [])]
    names = await policy_targets.names(visit.tx, plans)
    context = {
        "nav": "escalation",
        "policy": policy_,
        "version": version_,
        "names": names,
        "changed": policy_changes.changes(before.plan, version_.plan, names) if before else None,
        "since": policy_changes.changes(version_.plan, policy_.plan, names),
        "restoring": policy_changes.changes(policy_.plan, version_.plan, names),
        "services": await services_of(visit, policy_),
        "open_pages": await policy_store.open_page_ids(visit.tx, policy_.id),
        "exact": exact,
        "error": error,
    }
    return await html.render(visit.request, "paging/policy_version.html", context)


@router.post(
    "/escalation/{slug}/versions/{version}/restore", dependencies=route_access.needs(Verb.POLICY_WRITE)
)
async def restore(visit: CurrentVisit, slug: str, version: PathId) -> Response:
    policy_ = await actions.policy_by_slug(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            restored = await actions.restore_version(visit.tx, visit.actor, policy_, version, visit.now)
            applied = await applied_text(visit, restored)
    except Invalid as error:
        return await _version(visit, policy_, version, error)
    text = f"Version {version} restored as version {restored.version}.{applied}"
    return flash.redirect(visit.request, f"/escalation/{slug}", text)


async def applied_text(visit: Visit, policy_: Policy) -> str:
    """Apply a policy to its open pages if the form asks for it; return what the confirmation says about that."""
    if not visit.form.get("apply"):
        return " Open pages keep their version."
    pages = await actions.apply_policy(visit.tx, visit.actor, policy_, visit.now)
    return f" Applied to {plural(len(pages), 'open page')}."


@router.post("/escalation/{slug}/rename", dependencies=route_access.needs(Verb.POLICY_WRITE))
async def rename_policy(visit: CurrentVisit, slug: str) -> Response:
    policy_ = await actions.policy_by_slug(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            renamed = await actions.rename_policy(
                visit.tx, visit.actor, policy_, visit.text("name"), visit.now
            )
    except (Invalid, Conflict) as error:
        return await _policy(visit, policy_, name=visit.text("name"), error=error)
    text = f"{policy_.name} renamed to {renamed.name}."
    return flash.redirect(visit.request, f"/escalation/{slug}", text)


@router.post("/escalation/{slug}/delete", dependencies=route_access.needs(Verb.POLICY_WRITE))
async def delete_policy(visit: CurrentVisit, slug: str) -> Response:
    policy_ = await actions.policy_by_slug(visit.tx, slug)
    await actions.delete_policy(visit.tx, visit.actor, policy_, visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "policy.deleted", visit.now)
    return flash.redirect(visit.request, "/escalation", f"{policy_.name} deleted.", offer)
