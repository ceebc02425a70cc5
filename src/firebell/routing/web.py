"""The routing rules: the list with a test, a rule with its preview, and the versions."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from fastapi import Response

from firebell.alerts import actions as alerts
from firebell.alerts import queries as alert_queries
from firebell.alerts.model import SEVERITIES
from firebell.alerts.routing_rules import changes as routing_changes
from firebell.alerts.routing_rules import validation as routing_validation
from firebell.alerts.routing_rules.rules import RoutingRule, RoutingVersion
from firebell.catalog import actions as catalog
from firebell.kit.errors import FirebellError, Invalid, NotFound
from firebell.kit.text import to_choice, to_number
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.routing import forms, history_store, queries
from firebell.routing.model import RoutingPreview, RoutingTest

router = routing.html_router()

ADDRESS = "/routing"
HELD_SHOWN = 20
VERSIONS_LISTED = 50
EXAMPLE_LABELS = 'alertname="PoolFull"\nteam="payments"\nseverity="critical"'


async def _rules(visit: Visit) -> tuple[int, tuple[RoutingRule, ...]]:
    """Return the id of the version in force, 0 if there is none, and its rules."""
    version = await alerts.routing_in_force(visit.tx)
    return (version.id, version.rules) if version else (0, ())


async def _names(visit: Visit) -> dict[int, str]:
    return {service.id: service.name for service in await catalog.services(visit.tx, with_deleted=True)}


@router.get(ADDRESS, dependencies=route_access.needs(Verb.ROUTING_READ))
async def routing_rules(
    visit: CurrentVisit, labels: str = "", service: str = "", alert: str = ""
) -> Response:
    version_id, rules = await _rules(visit)
    names = await _names(visit)
    error, test = None, None
    try:
        test = await _test(visit, labels, service, alert)
    except Invalid as refusal:
        error = refusal
    held = await alerts.held_groups(visit.tx, HELD_SHOWN)
    context = {
        "nav": "alerts",
        "live": "routing",
        "version_id": version_id,
        "rules": rules,
        "facts": {rule.id: routing_changes.facts(rule, names) for rule in rules},
        "fallback_facts": routing_changes.facts(RoutingRule("", ""), {}),
        "uses": await history_store.uses(visit.tx, [rule.id for rule in rules], visit.now - queries.HISTORY),
        "most_counted": history_store.MOST_COUNTED,
        "shadowed": routing_validation.shadowed(rules),
        "held": held,
        "held_by": {rule.id: sum(group.hold.rule_id == rule.id for group in held) for rule in rules},
        "service_names": names,
        "services": [("", "Choose a service"), *((s.slug, s.name) for s in await catalog.services(visit.tx))],
        "labels": labels or EXAMPLE_LABELS,
        "tested_service": service,
        "test": test,
        "error": error,
    }
    return await html.render(visit.request, "routing/rules.html", context)


async def _test(visit: Visit, text: str, slug: str, alert: str) -> RoutingTest | None:
    """Return the test that the query asks for: of a stored alert, or of labels that a service's key receives."""
    rules = await alerts.load_routing(visit.tx)
    alert_id = to_choice(alert, "alert")
    if alert_id is not None:
        stored = await alerts.alert(visit.tx, alert_id)
        (details,) = await alert_queries.alert_details(visit.tx, [stored])
        fields: dict[str, Any] = {
            name: getattr(stored, name) for name in ("title", "severity", "labels", "dedup_key")
        }
        return await queries.try_labels(visit.tx, rules, **fields, default=details.service, now=visit.now)
    if not text:
        return None
    if not slug:
        raise Invalid(
            "The service is missing.", fields={"service": "Choose the service of the key that receives it."}
        )
    labels = forms.parse_labels(text)
    severity = labels.get("severity")
    return await queries.try_labels(
        visit.tx,
        rules,
        title=labels.get("title", labels.get("alertname", "")),
        severity=severity if severity in SEVERITIES else None,
        labels=labels,
        default=await catalog.by_slug(visit.tx, slug),
        now=visit.now,
    )


async def _render_form(
    visit: Visit,
    fields: Mapping[str, str],
    edited: RoutingRule | None,
    error: FirebellError | None = None,
    preview: RoutingPreview | None = None,
) -> Response:
    version_id, rules = await _rules(visit)
    names = await _names(visit)
    last = len(rules) + (edited is None)
    places = [(str(n), f"Rule {n}") for n in range(1, last + 1)]
    context = {
        "nav": "alerts",
        "version_id": fields.get("based_on") or version_id,
        "edited": edited,
        "fields": fields,
        "error": error,
        "preview": preview,
        "service_names": names,
        "owners": [
            *((o.value, text) for o, text in routing_changes.OWNER_LABELS.items()),
            *((str(i), n) for i, n in names.items()),
        ],
        "urgencies": [(urgency.value, text) for urgency, text in routing_changes.URGENCY_LABELS.items()],
        "paging": list(forms.PAGING.items()),
        "places": places,
    }
    return await html.render(visit.request, "routing/rule.html", context)


def _placed(visit: Visit, rules: Sequence[RoutingRule], changed: RoutingRule) -> list[RoutingRule]:
    """Return the rules with the changed or new one at the place that the form asks for."""
    others = [rule for rule in rules if rule.id != changed.id or not changed.id]
    place = to_number(visit.text("place"), "place", least=1, most=len(others) + 1)
    return [*others[: place - 1], changed, *others[place - 1 :]]


async def _submit(visit: Visit, edited: RoutingRule | None) -> Response:
    """Save the rule in a form; with `try`, only show what it would have changed."""
    try:
        _, rules = await _rules(visit)
        changed = forms.rule_of(visit.values, edited)
        changed = routing_validation.checked_rule(changed, await _names(visit))
        draft = _placed(visit, rules, changed)
        if visit.text("try"):
            preview = await queries.preview(visit.tx, draft, visit.now)
            return await _render_form(visit, visit.values, edited, preview=preview)
        async with visit.tx.savepoint():
            await _save(visit, draft, visit.text("note"))
    except FirebellError as error:
        return await _render_form(visit, visit.values, edited, error)
    return flash.redirect(visit.request, ADDRESS, f"Rule “{changed.name}” saved.")


async def _save(visit: Visit, rules: Sequence[RoutingRule], note: str = "") -> None:
    based_on = to_number(visit.text("based_on"), "based_on")
    await alerts.save_routing(visit.tx, visit.actor, rules, based_on=based_on, note=note, now=visit.now)


async def _rule(visit: Visit, rule_id: int) -> tuple[int, RoutingRule, list[RoutingRule]]:
    """Return the place of a rule, from 0, the rule, and all rules; raise NotFound if it is not in force."""
    _, rules = await _rules(visit)
    for place, rule in enumerate(rules):
        if rule.id == rule_id:
            return place, rule, list(rules)
    raise NotFound(f"There is no routing rule {rule_id}.", hint="See /routing.")


@router.get(f"{ADDRESS}/new", dependencies=route_access.needs(Verb.ROUTING_WRITE))
async def new_rule(visit: CurrentVisit, place: str = "") -> Response:
    _, rules = await _rules(visit)
    at = to_choice(place, "place") or len(rules) + 1
    return await _render_form(visit, forms.fields_of(RoutingRule("", ""), at), None)


@router.post(f"{ADDRESS}/new", dependencies=route_access.needs(Verb.ROUTING_WRITE))
async def create_rule(visit: CurrentVisit) -> Response:
    return await _submit(visit, None)


@router.get(f"{ADDRESS}/rules/{{rule_id}}", dependencies=route_access.needs(Verb.ROUTING_WRITE))
async def rule(visit: CurrentVisit, rule_id: int) -> Response:
    place, edited, _ = await _rule(visit, rule_id)
    return await _render_form(visit, forms.fields_of(edited, place + 1), edited)


@router.post(f"{ADDRESS}/rules/{{rule_id}}", dependencies=route_access.needs(Verb.ROUTING_WRITE))
async def update_rule(visit: CurrentVisit, rule_id: int) -> Response:
    return await _submit(visit, (await _rule(visit, rule_id))[1])


@router.post(f"{ADDRESS}/rules/{{rule_id}}/move", dependencies=route_access.needs(Verb.ROUTING_WRITE))
async def move_rule(visit: CurrentVisit, rule_id: int) -> Response:
    """Move a rule one place up, or down."""
    place, moved, rules = await _rule(visit, rule_id)
    target = place - 1 if visit.text("to") == "up" else place + 1
    if 0 <= target < len(rules):
        rules[place], rules[target] = rules[target], rules[place]
        await _save(visit, rules)
    return flash.redirect(visit.request, ADDRESS, f"Rule “{moved.name}” moved.")


@router.post(f"{ADDRESS}/rules/{{rule_id}}/remove", dependencies=route_access.needs(Verb.ROUTING_WRITE))
async def remove_rule(visit: CurrentVisit, rule_id: int) -> Response:
    place, removed, rules = await _rule(visit, rule_id)
    await _save(visit, [*rules[:place], *rules[place + 1 :]])
    return flash.redirect(visit.request, ADDRESS, f"Rule “{removed.name}” removed.")


def _changes(
    versions: Sequence[RoutingVersion], names: Mapping[int, str]
) -> dict[int, list[routing_changes.RuleChange]]:
    """Return what each version changed; the last one has no earlier one to compare with unless it is the first."""
    changes = {}
    for version, earlier in zip_longest(versions, versions[1:]):
        if earlier is not None or version.based_on == 0:
            changes[version.id] = routing_changes.changes(
                earlier.rules if earlier else (), version.rules, names
            )
    return changes


@router.get(f"{ADDRESS}/versions", dependencies=route_access.needs(Verb.ROUTING_READ))
async def versions(visit: CurrentVisit, before: str = "") -> Response:
    listed = await alerts.routing_versions(visit.tx, to_choice(before, "before"), VERSIONS_LISTED + 1)
    in_force, _ = await _rules(visit)
    shown = listed[:VERSIONS_LISTED]
    context = {
        "nav": "alerts",
        "versions": shown,
        "changes": _changes(listed, await _names(visit)),
        "in_force": in_force,
        "older": html.address(f"{ADDRESS}/versions", before=shown[-1].id) if len(listed) > len(shown) else "",
    }
    return await html.render(visit.request, "routing/versions.html", context)


@router.get(f"{ADDRESS}/versions/{{version_id}}", dependencies=route_access.needs(Verb.ROUTING_READ))
async def version(visit: CurrentVisit, version_id: int) -> Response:
    chosen = await alerts.routing_version(visit.tx, version_id)
    in_force, rules = await _rules(visit)
    names = await _names(visit)
    context = {
        "nav": "alerts",
        "version": chosen,
        "in_force": in_force,
        "facts": {each.id: routing_changes.facts(each, names) for each in chosen.rules},
        "changes": routing_changes.changes(rules, chosen.rules, names),
    }
    return await html.render(visit.request, "routing/version.html", context)


@router.post(
    f"{ADDRESS}/versions/{{version_id}}/restore", dependencies=route_access.needs(Verb.ROUTING_WRITE)
)
async def restore_version(visit: CurrentVisit, version_id: int) -> Response:
    chosen = await alerts.routing_version(visit.tx, version_id)
    await _save(visit, chosen.rules, f"Restored version {chosen.id}")
    return flash.redirect(visit.request, ADDRESS, f"The rules of version {chosen.id} are in force again.")
