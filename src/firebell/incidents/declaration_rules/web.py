"""The settings of rules that declare incidents, with a dry run against the last 30 days."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.incidents.declaration_rules import actions as rule_actions
from firebell.incidents.declaration_rules import store as rule_store
from firebell.incidents.declaration_rules.matching import DeclarationRule, DryDeclaration
from firebell.incidents.severity import parse
from firebell.kit.errors import FirebellError
from firebell.kit.text import to_choice, to_number
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

ADDRESS = "/settings/declaration-rules"
DECLARATIONS_SHOWN = 20
SERVICES_OFFERED = 200


def _rule(visit: Visit, rule_id: int = 0) -> DeclarationRule:
    """Return the rule in a form; raise `Invalid` naming the wrong field."""
    fields = visit.values
    severity = parse(fields.get("severity", ""))
    return rule_actions.checked(
        DeclarationRule(
            id=rule_id,
            name=fields.get("name", ""),
            service_id=to_choice(fields.get("service"), "service") if fields.get("service") else None,
            matchers=fields.get("matchers", ""),
            pages=to_number(fields.get("pages", ""), "pages"),
            window_minutes=to_number(fields.get("window_minutes", ""), "window_minutes"),
            severity=-1 if severity is None else int(severity),
            is_on=bool(fields.get("is_on")),
            created_at=visit.now,
        )
    )


def _fields(rule: DeclarationRule) -> dict[str, str]:
    return {
        "name": rule.name,
        "service": str(rule.service_id or ""),
        "matchers": rule.matchers,
        "pages": str(rule.pages),
        "window_minutes": str(rule.window_minutes),
        "severity": f"SEV{rule.severity}",
        "is_on": "yes" if rule.is_on else "",
    }


async def _render(
    visit: Visit,
    fields: Mapping[str, str],
    error: FirebellError | None = None,
    *,
    edited: DeclarationRule | None = None,
    tried: list[DryDeclaration] | None = None,
) -> Response:
    rules = await rule_store.rules(visit.tx)
    services = await catalog.services(visit.tx)
    names = {service.id: service.name for service in services}
    context: dict[str, Any] = {
        "nav": "settings",
        "tab": "rules",
        "rules": [] if edited else rules,
        "declared": await rule_store.declared(visit.tx, [rule.id for rule in rules]),
        "service_names": names,
        "services": [("", "Every service by itself"), *((str(i), n) for i, n in names.items())],
        "severities": [(f"SEV{level}", f"SEV{level}") for level in range(4)],
        "edited": edited,
        "tried": tried[::-1][:DECLARATIONS_SHOWN] if tried is not None else None,
        "tried_count": len(tried or []),
        "fields": fields or {"pages": "3", "window_minutes": "10", "severity": "SEV2", "is_on": "yes"},
        "error": error,
    }
    return await html.render(visit.request, "incidents/declaration_rules.html", context)


@router.get(ADDRESS, dependencies=route_access.needs(Verb.INCIDENT_READ))
async def rules(visit: CurrentVisit) -> Response:
    return await _render(visit, {})


@router.post(ADDRESS, dependencies=route_access.needs(Verb.INCIDENT_SETTINGS_WRITE))
async def create(visit: CurrentVisit) -> Response:
    """Create a rule; with `try`, only show what it would have declared."""
    try:
        new = _rule(visit)
        if visit.text("try"):
            return await _render(
                visit, visit.values, tried=await rule_actions.dry_run(visit.tx, new, visit.now)
            )
        async with visit.tx.savepoint():
            await rule_actions.create_rule(visit.tx, visit.actor, new, visit.now)
    except FirebellError as error:
        return await _render(visit, visit.values, error)
    return flash.redirect(visit.request, ADDRESS, "Rule created.")


@router.get(f"{ADDRESS}/{{rule_id}}", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def edit(visit: CurrentVisit, rule_id: int) -> Response:
    rule = await rule_actions.rule(visit.tx, rule_id)
    return await _render(visit, _fields(rule), edited=rule)


@router.post(f"{ADDRESS}/{{rule_id}}", dependencies=route_access.needs(Verb.INCIDENT_SETTINGS_WRITE))
async def update(visit: CurrentVisit, rule_id: int) -> Response:
    edited = await rule_actions.rule(visit.tx, rule_id)
    try:
        new = _rule(visit, rule_id)
        if visit.text("try"):
            tried = await rule_actions.dry_run(visit.tx, new, visit.now)
            return await _render(visit, visit.values, edited=edited, tried=tried)
        async with visit.tx.savepoint():
            await rule_actions.update_rule(visit.tx, visit.actor, new, visit.now)
    except FirebellError as error:
        return await _render(visit, visit.values, error, edited=edited)
    return flash.redirect(visit.request, ADDRESS, "Rule saved.")


@router.post(f"{ADDRESS}/{{rule_id}}/remove", dependencies=route_access.needs(Verb.INCIDENT_SETTINGS_WRITE))
async def remove(visit: CurrentVisit, rule_id: int) -> Response:
    await rule_actions.remove_rule(visit.tx, visit.actor, rule_id, visit.now)
    return flash.redirect(visit.request, ADDRESS, "Rule removed.")
