"""The screens of post-mortems: the list, the document, its editor."""

from fastapi import Request, Response

from firebell.incidents import actions as incidents
from firebell.incidents.model import Phase
from firebell.incidents.queries import checked
from firebell.kit.errors import Conflict
from firebell.kit.markdown import rendered
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing, transaction, undo
from firebell.people import access, authentication
from firebell.people import actions as people
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.postmortems import actions

router = routing.html_router()


@router.get("/post-mortems", dependencies=access.needs(Verb.POSTMORTEM_READ))
async def postmortems(visit: CurrentVisit) -> Response:
    documents = await actions.postmortems(visit.tx)
    incidents_by_id = {
        i.id: i for i in await incidents.incidents(visit.tx, (Phase.CLOSED, Phase.REVIEWED), False, 500)
    }
    context = {
        "nav": "postmortems",
        "documents": [(d, incidents_by_id.get(d.incident_id)) for d in documents],
    }
    return await html.render(visit.request, "postmortems/postmortems.html", {**context, "live": "incidents"})


async def _document(
    request: Request, ref: str, edit: bool, submitted: str = "", error: Conflict | None = None
) -> Response:
    me, now = await authentication.signed_in(request), transaction.now(request)
    async with request.app.state.ctx.db.tx() as tx:
        incident = await incidents.incident(tx, parse_ref("INC", ref))
        results = await checked(tx, [incident], request.app.state.incident_checks, now, me.tz)
        postmortem = await actions.find(tx, incident.id)
        remaining = await actions.placeholders(tx, postmortem) if postmortem else []
        author = (
            await people.person(tx, postmortem.author_id) if postmortem and postmortem.author_id else None
        )
    context = {
        "nav": "postmortems",
        "i": incident,
        "d": postmortem,
        "author": author.name if author else "",
        "html": await rendered(postmortem.body) if postmortem else "",
        "edit": edit,
        "unfinished": remaining,
        "checked": results[incident.id],
        "mine": submitted,
        "error": error,
    }
    return await html.render(request, "postmortems/postmortem.html", context)


@router.get("/post-mortems/{ref}", dependencies=access.needs(Verb.POSTMORTEM_READ))
async def postmortem(request: Request, ref: str, edit: str = "") -> Response:
    await authentication.signed_in(request)
    return await _document(request, ref, bool(edit))


@router.post("/post-mortems/{ref}", dependencies=access.needs(Verb.POSTMORTEM_WRITE))
async def save(request: Request, ref: str) -> Response:
    form, me = await access.form(request), await authentication.signed_in(request)
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


@router.post("/post-mortems/{ref}/publish", dependencies=access.needs(Verb.POSTMORTEM_PUBLISH))
async def publish(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    await actions.publish(visit.tx, visit.actor, incident_id, visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "postmortem.published", visit.now)
    text = f"Post-mortem of INC-{incident_id} published."
    return flash.redirect(visit.request, f"/post-mortems/INC-{incident_id}", text, offer)


@router.post("/post-mortems/{ref}/start", dependencies=access.needs(Verb.POSTMORTEM_WRITE))
async def start(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    await actions.start(visit.tx, visit.actor, incident_id, visit.now)
    url = f"/post-mortems/INC-{incident_id}"
    return flash.redirect(visit.request, url, f"Post-mortem of INC-{incident_id} drafted.")
