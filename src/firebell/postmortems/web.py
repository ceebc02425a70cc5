"""The screens of a post-mortem: the document, and its editor as one text."""

from fastapi import Request, Response

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.incidents.queries import CheckedIncident, checked
from firebell.kit import undo
from firebell.kit.errors import Conflict
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing, transaction
from firebell.people import actions as people
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.postmortems import actions, lookup
from firebell.postmortems.document.factors import label
from firebell.postmortems.editing import queries
from firebell.postmortems.editing.html_rendering import markdown_html
from firebell.postmortems.editing.save_counting import counted
from firebell.postmortems.export import pdf
from firebell.postmortems.export.model import FORMAT_NAMES, ExportFormat
from firebell.postmortems.model import Postmortem
from firebell.postmortems.publication import published_page
from firebell.postmortems.publication.published_page import PublishedDocument
from firebell.postmortems.similar import queries as similar_queries
from firebell.postmortems.similar.queries import Resemblance

router = routing.html_router()


async def _document(
    request: Request, ref: str, edit: bool, submitted: str = "", error: Conflict | None = None
) -> Response:
    me, now = await authentication.signed_in(request), transaction.now(request)
    async with request.app.state.ctx.db.tx() as tx:
        incident = await incidents.incident(tx, parse_ref("INC", ref))
        postmortem = published = None
        about = [incident]
        if await actions.find(tx, incident.id):
            postmortem = await actions.of_incident(tx, incident.id)
            about = await lookup.incidents_of(tx, postmortem)
            incident = about[0]
            if not edit and not error:
                published = await published_page.load(tx, postmortem, incident, me.id, now)
        results = await checked(tx, [incident], request.app.state.incident_checks, now, me.tz)
        alike = await similar_queries.similar(tx, incident)
        if published is None:
            shown = await queries.expanded(tx, postmortem, postmortem.body, now) if postmortem else None
            remaining = await actions.placeholders(tx, postmortem) if postmortem else []
            graph = await incidents.impact_graph(tx, about, now) if postmortem else None
            author_id = postmortem.author_id if postmortem else None
            author = await people.person(tx, author_id) if author_id else None
    if postmortem and published:
        return await _published(request, incident, postmortem, published, results[incident.id], alike, me.tz)
    context = {
        "nav": "postmortems",
        "i": incident,
        "d": postmortem,
        "author": author.name if author else "",
        "html": await markdown_html(shown.body, shown.links) if shown else "",
        "edit": edit,
        "unfinished": remaining,
        "checked": results[incident.id],
        "about": about,
        "alike": alike,
        "chart": incidents.drawn_graph(graph, me.tz) if graph else None,
        "mine": submitted,
        "error": error,
    }
    return await html.render(request, "postmortems/postmortem.html", context)


async def _published(
    request: Request,
    incident: Incident,
    postmortem: Postmortem,
    document: PublishedDocument,
    results: CheckedIncident,
    alike: Resemblance,
    tz: str,
) -> Response:
    sections, learned = await published_page.rendered(document)
    context = {
        "nav": "postmortems",
        "live": f"pm-{postmortem.id}",
        "i": incident,
        "d": postmortem,
        "document": document,
        "chart": incidents.drawn_graph(document.graph, tz) if document.graph else None,
        "sections": sections,
        "learned": learned,
        "factor_label": label,
        "formats": [(kind, FORMAT_NAMES[kind]) for kind in ExportFormat],
        "pdf_missing": "" if pdf.is_installed() else pdf.WHY_NOT,
        "checked": results,
        "alike": alike,
    }
    return await html.render(request, "postmortems/published.html", context)


@router.get("/post-mortems/{ref}", dependencies=route_access.needs(Verb.POSTMORTEM_READ))
async def postmortem(request: Request, ref: str, edit: str = "") -> Response:
    await authentication.signed_in(request)
    return await _document(request, ref, bool(edit))


@router.post("/post-mortems/{ref}", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def save(request: Request, ref: str) -> Response:
    form, me = await route_access.form(request), await authentication.signed_in(request)
    ctx, incident_id = request.app.state.ctx, parse_ref("INC", ref)
    body, version = str(form.get("body", "")), to_number(form.get("version", ""), "version")
    try:
        with counted(ctx.counters):
            async with ctx.db.tx() as tx:
                await actions.save(
                    tx, authentication.actor_of(me), incident_id, body, version, transaction.now(request)
                )
    except Conflict as error:
        return await _document(request, ref, True, body, error)
    return flash.redirect(
        request, f"/post-mortems/INC-{incident_id}", f"Post-mortem of INC-{incident_id} saved."
    )


@router.post("/post-mortems/{ref}/publish", dependencies=route_access.needs(Verb.POSTMORTEM_PUBLISH))
async def publish(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    await actions.publish(visit.tx, visit.actor, incident_id, visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "postmortem.published", visit.now)
    text = f"Post-mortem of INC-{incident_id} published."
    return flash.redirect(visit.request, f"/post-mortems/INC-{incident_id}", text, offer)


@router.post("/post-mortems/{ref}/incidents", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def change_incidents(visit: CurrentVisit, ref: str) -> Response:
    incident_id, other_id = parse_ref("INC", ref), parse_ref("INC", visit.text("incident"))
    if visit.text("remove"):
        await actions.remove_incident(visit.tx, visit.actor, incident_id, other_id, visit.now)
        text = f"INC-{other_id} removed."
    else:
        await actions.add_incident(visit.tx, visit.actor, incident_id, other_id, visit.now)
        text = f"INC-{other_id} is now part of the post-mortem."
    return flash.redirect(visit.request, f"/post-mortems/INC-{incident_id}", text)


@router.post("/post-mortems/{ref}/start", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def start(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    await actions.start(visit.tx, visit.actor, incident_id, visit.now)
    url = f"/post-mortems/INC-{incident_id}"
    return flash.redirect(visit.request, url, f"Post-mortem of INC-{incident_id} drafted.")
