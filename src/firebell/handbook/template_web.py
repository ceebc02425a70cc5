"""The screens of templates: the list, and the editor with a preview and the changes from the default."""

from itertools import groupby

from fastapi import Request, Response

from firebell.handbook import actions, templates
from firebell.handbook.model import Template
from firebell.handbook.sample_values import SAMPLE
from firebell.kit import undo
from firebell.kit.errors import Invalid
from firebell.kit.line_diff import difference
from firebell.kit.markdown import rendered
from firebell.kit.web import flash, html, routing, transaction
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()


@router.get("/handbook/templates", dependencies=route_access.needs(Verb.TEMPLATE_READ))
async def listed(visit: CurrentVisit) -> Response:
    templates_in_order = (await actions.all_templates(visit.tx)).values()
    groups = [(name, list(group)) for name, group in groupby(templates_in_order, lambda t: t.group)]
    return await html.render(visit.request, "handbook/templates.html", {"nav": "handbook", "groups": groups})


async def _show(request: Request, template: Template, body: str, error: Invalid | None = None) -> Response:
    too_long = len(body) > templates.BODY_MAX_CHARS
    is_document = template.id in templates.DOCUMENTS and not too_long
    filled = "" if too_long else templates.fill(body, SAMPLE)
    context = {
        "nav": "handbook",
        "t": template,
        "body": body,
        "error": error,
        "slots": sorted(templates.allowed(template.shipped)),
        "document": await rendered(filled) if is_document else "",
        "parts": templates.parts(filled),
        "diff": difference(template.shipped.body, body, context=None)
        if not too_long and body.strip() != template.shipped.body.strip()
        else [],
    }
    return await html.render(request, "handbook/template.html", context)


@router.get("/handbook/templates/{template_id}", dependencies=route_access.needs(Verb.TEMPLATE_READ))
async def one(request: Request, template_id: str) -> Response:
    await authentication.signed_in(request)
    async with html.ctx(request).db.tx() as tx:
        template = await actions.template(tx, template_id)
    return await _show(request, template, template.body)


@router.post("/handbook/templates/{template_id}", dependencies=route_access.needs(Verb.TEMPLATE_WRITE))
async def save(request: Request, template_id: str, preview: str = "") -> Response:
    form, me = await route_access.form(request), await authentication.signed_in(request)
    ctx, body = html.ctx(request), str(form.get("body", "")).replace("\r\n", "\n")
    async with ctx.db.tx() as tx:
        template = await actions.template(tx, template_id)
    if preview:
        problem = templates.fault(template.shipped, body)
        invalid = Invalid("This text can't be saved.", fields={"body": problem}) if problem else None
        return await _show(request, template, body, invalid)
    try:
        async with ctx.db.tx() as tx:
            await actions.set_template(
                tx, authentication.actor_of(me), template_id, body, transaction.now(request)
            )
    except Invalid as error:
        return await _show(request, template, body, error)
    return flash.redirect(request, f"/handbook/templates/{template.id}", f"{template.title} saved.")


@router.post("/handbook/templates/{template_id}/reset", dependencies=route_access.needs(Verb.TEMPLATE_WRITE))
async def reset(visit: CurrentVisit, template_id: str) -> Response:
    template = await actions.reset(visit.tx, visit.actor, template_id, visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "template.reset", visit.now)
    text = f"{template.title} reset to the default text."
    return flash.redirect(visit.request, f"/handbook/templates/{template.id}", text, offer)
