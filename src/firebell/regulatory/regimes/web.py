"""Which regimes apply to the organization, and its customer contracts."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response

from firebell.kit.errors import FirebellError
from firebell.kit.text import to_choice, to_number, to_required
from firebell.kit.web import flash, html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.regulatory import actions, queries, wording
from firebell.regulatory.model import RegimeSettings
from firebell.regulatory.web import shared_context

router = routing.html_router()

UNIT_OPTIONS = [("hours", "hours"), ("days", "days"), ("business_days", "business days")]
START_OPTIONS = [("declared", "Declared"), ("detected", "Detected"), ("aware", "Became aware")]
SEVERITY_OPTIONS = [(i, f"SEV{i}" if i == 0 else f"SEV0–SEV{i}") for i in range(4)]


async def _render(visit: Visit, fields: Mapping[str, str], error: FirebellError | None = None) -> Response:
    current = await queries.setup(visit.tx)
    ids = {one.settings.responsible_id for one in current.shipped} | {current.responsible_id}
    chosen = {i for i in ids if i is not None}
    context = {
        **shared_context(current, visit.now.date()),
        "nav": "clocks",
        "regimes": current.shipped,
        "unverified": wording.unverified,
        "contracts": [contract for contract in current.contracts if contract.ended_at is None],
        "responsible_id": current.responsible_id or "",
        "people": await people.people_by_id(visit.tx, list(chosen)),
        "choosable": await choosable(
            visit.tx, chosen, visit.request.query_params.get("with", ""), chosen=chosen
        ),
        "units": UNIT_OPTIONS,
        "unit_names": dict(UNIT_OPTIONS),
        "starts": START_OPTIONS,
        "start_names": dict(START_OPTIONS),
        "severities": SEVERITY_OPTIONS,
        "fields": fields,
        "error": error,
    }
    return await html.render(visit.request, "regulatory/regimes.html", context)


@router.get("/clocks/regimes", dependencies=route_access.needs(Verb.REGULATORY_READ))
async def regimes(visit: CurrentVisit) -> Response:
    return await _render(visit, {})


@router.post("/clocks/regimes", dependencies=route_access.needs(Verb.REGULATORY_WRITE))
async def set_responsible(visit: CurrentVisit) -> Response:
    try:
        async with visit.tx.savepoint():
            person_id = to_choice(visit.text("responsible"), "responsible")
            await actions.set_responsible(visit.tx, visit.actor, person_id, visit.now)
    except FirebellError as error:
        return await _render(visit, visit.values, error)
    return flash.redirect(visit.request, "/clocks/regimes", "Responsible person saved.")


async def _regime_page(
    visit: Visit, regime_id: str, fields: Mapping[str, Any] | None = None, error: FirebellError | None = None
) -> Response:
    regime, current = actions.regime(regime_id), await queries.setup(visit.tx)
    applied = next(one for one in current.shipped if one.regime.id == regime_id)
    settings = applied.settings
    values = fields or {
        "on": "yes" if settings.is_on else "",
        "authority": settings.authority,
        "tz": settings.tz,
        "responsible": settings.responsible_id or "",
    }
    chosen = [settings.responsible_id] if settings.responsible_id else []
    context = {
        **shared_context(current, visit.now.date()),
        "nav": "clocks",
        "applied": applied,
        "regime": regime,
        "values": values,
        "choosable": await choosable(
            visit.tx, chosen, visit.request.query_params.get("with", ""), chosen=chosen
        ),
        "error": error,
    }
    return await html.render(visit.request, "regulatory/regime.html", context)


@router.get("/clocks/regimes/{regime_id}", dependencies=route_access.needs(Verb.REGULATORY_READ))
async def regime(visit: CurrentVisit, regime_id: str) -> Response:
    return await _regime_page(visit, regime_id)


@router.post("/clocks/regimes/{regime_id}", dependencies=route_access.needs(Verb.REGULATORY_WRITE))
async def set_regime(visit: CurrentVisit, regime_id: str) -> Response:
    values = visit.values
    try:
        async with visit.tx.savepoint():
            settings = RegimeSettings(
                is_on=bool(values.get("on")),
                authority=values.get("authority", ""),
                tz=values.get("tz", "").strip(),
                responsible_id=to_choice(values.get("responsible"), "responsible"),
            )
            await actions.set_regime(visit.tx, visit.actor, regime_id, settings, visit.now)
    except FirebellError as error:
        if not error.fields:
            raise
        return await _regime_page(
            visit, regime_id, {"on": "", "authority": "", "tz": "", "responsible": "", **values}, error
        )
    name = actions.regime(regime_id).name
    return flash.redirect(visit.request, "/clocks/regimes", f"{name} saved.")


@router.post("/clocks/contracts", dependencies=route_access.needs(Verb.REGULATORY_WRITE))
async def add_contract(visit: CurrentVisit) -> Response:
    values = visit.values
    try:
        async with visit.tx.savepoint():
            contract = await actions.add_contract(
                visit.tx,
                visit.actor,
                customer=values.get("customer", ""),
                clause=values.get("clause", ""),
                amount=to_number(values.get("amount", ""), "amount", least=1, most=actions.MAX_AMOUNT),
                unit=values.get("unit", ""),
                starts_on=values.get("starts_on", ""),
                max_severity=to_number(values.get("severity", ""), "severity", most=3),
                tz=values.get("tz", "").strip() or visit.person.tz,
                now=visit.now,
            )
    except FirebellError as error:
        return await _render(visit, values, error)
    return flash.redirect(visit.request, "/clocks/regimes", f"Contract with {contract.customer} added.")


@router.post("/clocks/contracts/{contract_id}/end", dependencies=route_access.needs(Verb.REGULATORY_WRITE))
async def end_contract(visit: CurrentVisit, contract_id: str) -> Response:
    contract = await actions.end_contract(
        visit.tx, visit.actor, to_required(contract_id, "contract"), visit.now
    )
    return flash.redirect(visit.request, "/clocks/regimes", f"Contract with {contract.customer} ended.")
