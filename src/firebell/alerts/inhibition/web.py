"""The screens of inhibition rules: all of them with a form for a new one, and one to edit."""

from collections.abc import Mapping

from fastapi import Response

from firebell.alerts import actions as alerts
from firebell.alerts.inhibition import actions, rules
from firebell.alerts.inhibition.model import DEFAULT_WAIT_S, InhibitionRule, NewInhibitionRule
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

ADDRESS = "/inhibition-rules"


async def _render(
    visit: Visit,
    values: Mapping[str, str],
    error: FirebellError | None = None,
    edited: InhibitionRule | None = None,
) -> Response:
    context = {
        "nav": "alerts",
        "live": alerts.MUTES_TOPIC,
        "rules": [] if edited else await actions.rules(visit.tx),
        "inhibited": await actions.inhibited_by_rule(visit.tx),
        "values": values or {"wait_s": str(DEFAULT_WAIT_S)},
        "edited": edited,
        "error": error,
        "longest_wait_s": rules.LONGEST_WAIT_S,
    }
    return await html.render(visit.request, "alerts/inhibition_rules.html", context)


def _entered(visit: Visit) -> NewInhibitionRule:
    return NewInhibitionRule(
        name=visit.text("name"),
        source_matchers=visit.text("source_matchers"),
        target_matchers=visit.text("target_matchers"),
        equal=tuple(visit.text("equal").replace(",", " ").split()),
        wait_s=to_number(visit.text("wait_s"), "wait_s", most=rules.LONGEST_WAIT_S, unit="seconds"),
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
async def create(visit: CurrentVisit) -> Response:
    try:
        async with visit.tx.savepoint():
            created = await actions.create_rule(visit.tx, visit.actor, entered=_entered(visit), now=visit.now)
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
async def update(visit: CurrentVisit, rule_id: int) -> Response:
    edited = await actions.rule(visit.tx, rule_id)
    try:
        async with visit.tx.savepoint():
            await actions.update_rule(
                visit.tx, visit.actor, rule_id=rule_id, entered=_entered(visit), now=visit.now
            )
    except (Invalid, Conflict) as error:
        return await _render(visit, visit.values, error, edited)
    return flash.redirect(visit.request, ADDRESS, "Inhibition rule saved.")


@router.post(f"{ADDRESS}/{{rule_id}}/delete", dependencies=route_access.needs(Verb.INHIBITION_WRITE))
async def delete(visit: CurrentVisit, rule_id: int) -> Response:
    deleted = await actions.delete_rule(visit.tx, visit.actor, rule_id=rule_id, now=visit.now)
    return flash.redirect(visit.request, ADDRESS, f"Inhibition rule {deleted.name} deleted.")
