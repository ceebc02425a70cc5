"""The screens of post-mortems: the list, the document, its editor."""

from fastapi import Request, Response

from firebell.incidents import actions as incidents
from firebell.incidents.queries import checked
from firebell.kit.db.database import Tx
from firebell.kit.errors import Conflict
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing, transaction, undo
from firebell.people import actions as people
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.postmortems import actions, list_position
from firebell.postmortems.editing import queries
from firebell.postmortems.editing.html_rendering import markdown_html
from firebell.postmortems.model import Postmortem

router = routing.html_router()

POSTMORTEMS_LISTED = 50
"""Post-mortems on one screen of the list."""


@router.get("/post-mortems", dependencies=route_access.needs(Verb.POSTMORTEM_READ))
async def postmortems(visit: CurrentVisit, before: str = "") -> Response:
    after = list_position.parse(before)
    if before and after is None:
        return html.redirect("/post-mortems")
    listed = await actions.postmortems(visit.tx, after, POSTMORTEMS_LISTED + 1)
    shown = listed[:POSTMORTEMS_LISTED]
    incidents_by_id = await incidents.incidents_by_id(visit.tx, [d.incident_id for d in shown])
    older = list_position.position(shown[-1]) if len(listed) > POSTMORTEMS_LISTED else None
    context = {
        "nav": "postmortems",
        "live": "incidents",
        "documents": [(d, incidents_by_id.get(d.incident_id)) for d in shown],
        "older": html.address("/post-mortems", before=older) if older else "",
    }
    return await html.render(visit.request, "postmortems/postmortems.html", context)


async def _document(
    request: Request, ref: str, edit: bool, submitted: str = "", error: Conflict | None = None
) -> Response:
    me, now = await authentication.signed_in(request), transaction.now(request)
    async with request.app.state.ctx.db.tx() as tx:
        incident = await incidents.incident(tx, parse_ref("INC", ref))
        results = await checked(tx, [incident], request.app.state.incident_checks, now, me.tz)
        postmortem = await actions.find(tx, incident.id)
        if postmortem:
            postmortem = await actions.of_incident(tx, incident.id)
            shown = await queries.expanded(tx, postmortem, await _shown_body(tx, postmortem), now)
        remaining = await actions.placeholders(tx, postmortem) if postmortem else []
        author = (
            await people.person(tx, postmortem.author_id) if postmortem and postmortem.author_id else None
        )
    context = {
        "nav": "postmortems",
        "i": incident,
        "d": postmortem,
        "author": author.name if author else "",
        "html": await markdown_html(shown.body, shown.links) if postmortem else "",
        "has_revision": postmortem is not None
        and postmortem.state == "published"
        and postmortem.version != postmortem.published_version,
        "edit": edit,
        "unfinished": remaining,
        "checked": results[incident.id],
        "mine": submitted,
        "error": error,
    }
    return await html.render(request, "postmortems/postmortem.html", context)


async def _shown_body(tx: Tx, postmortem: Postmortem) -> str:
    """Return the text that readers see: of a published document the published version."""
    if postmortem.state != "published" or postmortem.published_version is None:
        return postmortem.body
    return (await actions.version(tx, postmortem.incident_id, postmortem.published_version)).body


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


@router.post("/post-mortems/{ref}/start", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def start(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    await actions.start(visit.tx, visit.actor, incident_id, visit.now)
    url = f"/post-mortems/INC-{incident_id}"
    return flash.redirect(visit.request, url, f"Post-mortem of INC-{incident_id} drafted.")
