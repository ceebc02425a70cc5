"""The page on which managers let Firebell publish the first update, and the button with which a person takes over."""

from collections.abc import Mapping

from fastapi import Response

from firebell.comms.first_update import actions, rules
from firebell.incidents import actions as incidents
from firebell.kit.errors import FirebellError
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.status_pages import actions as status_pages

router = routing.html_router()

_RULE = "/status-pages/{slug}/first-update"


async def _show(
    visit: CurrentVisit, slug: str, values: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    page = await status_pages.status_page(visit.tx, slug)
    rule = await actions.rule_of(visit.tx, page)
    components = (await status_pages.parts(visit.tx, page))[1]
    names = [component.name for component in components[: rules.MAX_NAMED_COMPONENTS]]
    typed = {str(value) for value in visit.form.getlist("severity")} if error else set()
    context = {
        "nav": "status-pages",
        "page": page,
        "rule": rule,
        "is_enabled": "enabled" in values if error else rule.is_enabled,
        "chosen": [n for n in range(4) if (str(n) in typed if error else n in rule.severities)],
        "values": values,
        "slot": rules.COMPONENTS_SLOT,
        "preview": (rules.filled_headline(rule.headline, names[:1]), rules.filled(rule.body, names[:1])),
        "limits": (rules.MIN_MINUTES, rules.MAX_MINUTES),
        "recall_minutes": rules.RECALL_MINUTES,
        "error": error,
    }
    return await html.render(visit.request, "comms/first_update.html", context)


@router.get(_RULE, dependencies=route_access.needs(Verb.STATUS_PAGE_READ))
async def show_rule(visit: CurrentVisit, slug: str) -> Response:
    return await _show(visit, slug, {})


@router.post(_RULE, dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def change_rule(visit: CurrentVisit, slug: str) -> Response:
    page = await status_pages.status_page(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            rule = await actions.change_rule(
                visit.tx,
                visit.actor,
                page,
                visit.now,
                is_enabled=visit.text("enabled") == "yes",
                severities=[to_number(value, "severities") for value in visit.form.getlist("severity")],
                minutes=to_number(visit.text("minutes"), "minutes", unit="minutes"),
                headline=visit.text("headline"),
                body=visit.text("body"),
            )
    except FirebellError as error:
        return await _show(visit, slug, visit.values, error)
    saved = "on" if rule.is_enabled else "off"
    return flash.redirect(
        visit.request, f"/status-pages/{page.slug}/first-update", f"Rule saved. It is {saved}."
    )


@router.post("/incidents/{ref}/first-update/claim", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def claim(visit: CurrentVisit, ref: str) -> Response:
    incident = await incidents.incident(visit.tx, parse_ref("INC", ref))
    await actions.claim(visit.tx, visit.actor, incident.id, visit.now)
    return flash.redirect(
        visit.request,
        f"/incidents/{incident.ref}/comms",
        "You post the first update. Firebell doesn’t.",
    )
