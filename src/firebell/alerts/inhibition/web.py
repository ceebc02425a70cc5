"""The screens of inhibition rules: all of them with a form for a new one, and one to edit."""

from collections.abc import Mapping

from fastapi import Response

from firebell.alerts import actions as alerts
from firebell.alerts.inhibition import actions, rules
from firebell.alerts.inhibition.model import (
    DEFAULT_WAIT_S,
    InhibitionPreview,
    InhibitionRule,
    NewInhibitionRule,
)
from firebell.kit.errors import Conflict, FirebellError, Invalid, Unavailable
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing
from firebell.people import permissions, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

ADDRESS = "/inhibition-rules"
PREVIEWED = 5
"""Alerts of a preview that are listed."""


async def _render(
    visit: Visit,
    values: Mapping[str, str],
    error: FirebellError | None = None,
    edited: InhibitionRule | None = None,
) -> Response:
    preview, preview_error = await _preview(visit, values)
    context = {
        "nav": "alerts",
        "live": alerts.MUTES_TOPIC,
        "rules": [] if edited else await actions.rules(visit.tx),
        "inhibited": await actions.inhibited_by_rule(visit.tx),
        "values": values or {"wait_s": str(DEFAULT_WAIT_S)},
        "edited": edited,
        "error": error,
        "preview": preview,
        "preview_error": preview_error,
        "previewed": PREVIEWED,
        "longest_wait_s": rules.LONGEST_WAIT_S,
    }
    return await html.render(visit.request, "alerts/inhibition_rules.html", context)


async def _preview(visit: Visit, values: Mapping[str, str]) -> tuple[InhibitionPreview | None, str]:
    """Return what the rule in a form would have inhibited, or why that is unknown."""
    is_entered = values.get("source_matchers", "").strip() and values.get("target_matchers", "").strip()
    # who may only read rules sees no form
    if not is_entered or not permissions.allows(visit.rights, Verb.INHIBITION_WRITE):
        return None, ""
    try:
        async with visit.tx.savepoint():
            return await actions.preview(visit.tx, _entered(values), visit.now), ""
    except (Invalid, Unavailable) as error:
        return None, " ".join(error.fields.values()) or error.message


def _entered(values: Mapping[str, str]) -> NewInhibitionRule:
    return NewInhibitionRule(
        name=values.get("name", ""),
        source_matchers=values.get("source_matchers", ""),
        target_matchers=values.get("target_matchers", ""),
        equal=tuple(values.get("equal", "").replace(",", " ").split()),
        wait_s=to_number(values.get("wait_s", ""), "wait_s", most=rules.LONGEST_WAIT_S, unit="seconds"),
    )


@router.get(ADDRESS, dependencies=route_access.needs(Verb.SILENCE_READ))
async def inhibition_rules(
    visit: CurrentVisit, name: str = "", source_matchers: str = "", target_matchers: str = ""
) -> Response:
    """Show all rules; another screen can fill in the form for a new one, which a person then checks and saves."""
    filled = {"name": name, "source_matchers": source_matchers, "target_matchers": target_matchers}
    values = {**filled, "wait_s": str(DEFAULT_WAIT_S)} if any(filled.values()) else {}
    return await _render(visit, values)


@router.post(ADDRESS, dependencies=route_access.needs(Verb.INHIBITION_WRITE))
async def create(visit: CurrentVisit, preview: str = "") -> Response:
    if preview:
        return await _render(visit, visit.values)
    try:
        async with visit.tx.savepoint():
            created = await actions.create_rule(
                visit.tx, visit.actor, entered=_entered(visit.values), now=visit.now
            )
    except (Invalid, Conflict) as error:
        return await _render(visit, visit.values, error)
    return flash.redirect(visit.request, ADDRESS, f"Inhibition rule {created.name} created.")


@router.get(f"{ADDRESS}/{{rule_id}}", dependencies=route_access.needs(Verb.SILENCE_READ))
async def edit(visit: CurrentVisit, rule_id: int) -> Response:
    one = await actions.rule(visit.tx, rule_id)
    values = {
        "name": one.name,
        "source_matchers": one.source_matchers,
        "target_matchers": one.target_matchers,
        "equal": ", ".join(one.equal),
        "wait_s": str(one.wait_s),
    }
    return await _render(visit, values, edited=one)


@router.post(f"{ADDRESS}/{{rule_id}}", dependencies=route_access.needs(Verb.INHIBITION_WRITE))
async def update(visit: CurrentVisit, rule_id: int, preview: str = "") -> Response:
    edited = await actions.rule(visit.tx, rule_id)
    if preview:
        return await _render(visit, visit.values, edited=edited)
    try:
        async with visit.tx.savepoint():
            await actions.update_rule(
                visit.tx, visit.actor, rule_id=rule_id, entered=_entered(visit.values), now=visit.now
            )
    except (Invalid, Conflict) as error:
        return await _render(visit, visit.values, error, edited)
    return flash.redirect(visit.request, ADDRESS, "Inhibition rule saved.")


@router.post(f"{ADDRESS}/{{rule_id}}/delete", dependencies=route_access.needs(Verb.INHIBITION_WRITE))
async def delete(visit: CurrentVisit, rule_id: int) -> Response:
    deleted = await actions.delete_rule(visit.tx, visit.actor, rule_id=rule_id, now=visit.now)
    return flash.redirect(visit.request, ADDRESS, f"Inhibition rule {deleted.name} deleted.")
