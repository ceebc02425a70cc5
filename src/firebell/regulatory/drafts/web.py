"""The page of a draft of a notification with its steps and its text, and the register of personal data breaches."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fastapi import Response

from firebell.incidents import actions as incidents
from firebell.kit.errors import FirebellError, NotFound
from firebell.kit.localtime import to_instant
from firebell.kit.references import parse_ref
from firebell.kit.spreadsheet import to_csv
from firebell.kit.text import to_number, to_wall
from firebell.kit.web import flash, html, routing
from firebell.kit.web.file_names import disposition
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.regulatory import queries
from firebell.regulatory.drafts import actions as draft_actions
from firebell.regulatory.drafts import breach_queries
from firebell.regulatory.drafts import queries as draft_queries
from firebell.regulatory.drafts import text as draft_text
from firebell.regulatory.drafts.model import DraftState
from firebell.regulatory.web import shared_context

router = routing.html_router()

FIELD_PREFIX = "field-"
STEPS = (
    (DraftState.DRAFT, "Draft"),
    (DraftState.REVIEWED, "Reviewed"),
    (DraftState.SIGNED, "Signed"),
    (DraftState.SENT, "Sent"),
)
EXPORTS = {"md": "text/markdown", "txt": "text/plain"}


async def _render(
    visit: Visit, ref: str, draft_id: int, fields: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    incident_id = parse_ref("INC", ref)
    view = await draft_queries.draft_view(visit.tx, visit.actor, incident_id, draft_id, visit.now)
    current = await queries.setup(visit.tx)
    context = {
        **shared_context(current, visit.now.date()),
        "nav": "incidents",
        "live": f"inc-{incident_id}",
        "i": await incidents.incident(visit.tx, incident_id),
        "view": view,
        "d": view.draft,
        "steps": STEPS,
        "is_mine": view.draft.changed_by == visit.person.id,
        "fields": fields,
        "error": error,
        "sections": draft_text.sections(view.text),
    }
    return await html.render(visit.request, "regulatory/draft.html", context)


@router.get("/clocks/breaches", dependencies=route_access.needs(Verb.REGULATORY_DRAFT_READ))
async def breaches(visit: CurrentVisit) -> Response:
    context = {
        **shared_context(await queries.setup(visit.tx), visit.now.date()),
        "nav": "clocks",
        "breaches": await breach_queries.breaches(visit.tx, visit.actor, visit.now),
    }
    return await html.render(visit.request, "regulatory/breaches.html", context)


@router.get("/clocks/breaches.csv", dependencies=route_access.needs(Verb.REGULATORY_DRAFT_READ))
async def export_breaches(visit: CurrentVisit) -> Response:
    rows: list[Sequence[object]] = [breach_queries.CSV_HEAD]
    for one in await breach_queries.breaches(visit.tx, visit.actor, visit.now):
        at = one.notified_at.isoformat() if one.notified_at else ""
        decision = (one.incident.ref, one.incident.title, one.decided_at.isoformat(), one.decided_by)
        rows.append((*decision, one.facts, one.effects, one.remedial_action, at, one.notified, one.reason))
    headers = {**html.HEADERS, "Content-Disposition": disposition("breach-register.csv")}
    return Response(to_csv(rows), headers=headers, media_type="text/csv")


@router.post("/incidents/{ref}/clocks/drafts", dependencies=route_access.needs(Verb.REGULATORY_DRAFT_WRITE))
async def open_draft(visit: CurrentVisit, ref: str) -> Response:
    incident_id, obligation = parse_ref("INC", ref), visit.text("obligation")
    draft = await draft_actions.open_draft(visit.tx, visit.actor, incident_id, obligation, visit.now)
    address = f"/incidents/INC-{incident_id}/clocks/drafts/{draft.id}"
    return flash.redirect(visit.request, address, "Draft opened.")


@router.get(
    "/incidents/{ref}/clocks/drafts/{draft_id}", dependencies=route_access.needs(Verb.REGULATORY_DRAFT_READ)
)
async def draft_page(visit: CurrentVisit, ref: str, draft_id: int) -> Response:
    return await _render(visit, ref, draft_id, {})


@router.get(
    "/incidents/{ref}/clocks/drafts/{draft_id}/text/{form}",
    dependencies=route_access.needs(Verb.REGULATORY_DRAFT_READ),
)
async def draft_as_text(visit: CurrentVisit, ref: str, draft_id: int, form: str) -> Response:
    if form not in EXPORTS:
        raise NotFound(f"There is no form {form[:10]}.", hint="Use md or txt.")
    incident_id = parse_ref("INC", ref)
    view = await draft_queries.draft_view(visit.tx, visit.actor, incident_id, draft_id, visit.now)
    text = draft_text.exported(replace(view.draft, text=view.text), view.template)
    name = f"inc-{incident_id}-{view.draft.obligation.lower()}-{view.draft.part}.{form}"
    headers = {**html.HEADERS, "Content-Disposition": disposition(name)}
    body = text if form == "md" else draft_text.to_plain(text)
    return Response(body, headers=headers, media_type=EXPORTS[form])


@router.post(
    "/incidents/{ref}/clocks/drafts/{draft_id}/fields",
    dependencies=route_access.needs(Verb.REGULATORY_DRAFT_WRITE),
)
async def save_fields(visit: CurrentVisit, ref: str, draft_id: int) -> Response:
    fields = visit.values
    texts = {
        name.removeprefix(FIELD_PREFIX): text
        for name, text in fields.items()
        if name.startswith(FIELD_PREFIX)
    }
    version = to_number(fields.get("version", ""), "version")
    try:
        async with visit.tx.savepoint():
            await draft_actions.answer_fields(
                visit.tx, visit.actor, parse_ref("INC", ref), draft_id, texts, version, visit.now
            )
    except FirebellError as error:
        return await _render(visit, ref, draft_id, fields, error)
    return flash.redirect(visit.request, f"/incidents/{ref}/clocks/drafts/{draft_id}", "Draft saved.")


@router.post(
    "/incidents/{ref}/clocks/drafts/{draft_id}/{step}",
    dependencies=route_access.needs(Verb.REGULATORY_DRAFT_WRITE),
)
async def move(visit: CurrentVisit, ref: str, draft_id: int, step: str) -> Response:
    tx, actor, now, fields = visit.tx, visit.actor, visit.now, visit.values
    incident_id = parse_ref("INC", ref)
    try:
        async with tx.savepoint():
            match step:
                case "review":
                    await draft_actions.review(tx, actor, incident_id, draft_id, now)
                case "sign":
                    await draft_actions.sign(tx, actor, incident_id, draft_id, now)
                case "return":
                    reason = fields.get("reason", "")
                    await draft_actions.return_to_draft(tx, actor, incident_id, draft_id, reason, now)
                case "sent":
                    wall = to_wall(fields["at"], "at") if fields.get("at") else None
                    await draft_actions.record_sent(
                        tx,
                        actor,
                        incident_id,
                        draft_id,
                        at=to_instant(wall, visit.person.tz) if wall else None,
                        channel=fields.get("channel", ""),
                        receipt=fields.get("receipt", ""),
                        now=now,
                    )
                case _:
                    raise NotFound(f"A draft has no step {step[:20]}.")
    except FirebellError as error:
        if isinstance(error, NotFound):
            raise
        return await _render(visit, ref, draft_id, {**fields, "step": step}, error)
    done = {"review": "Draft reviewed.", "sign": "Notification signed.", "return": "Returned to draft."}
    text = done.get(step, "Recorded as sent.")
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}/clocks/drafts/{draft_id}", text)
