"""The composer, and the outcome of a post."""

from dataclasses import replace
from datetime import datetime

from fastapi import Response

from firebell.comms import actions, approvals, closing, drafts, queries, sending, store
from firebell.comms.approval_rules import OCCASION_LABELS, ROLE_LABELS, SILENCE_LABELS
from firebell.comms.content import TRANSLATION_PREFIX
from firebell.comms.first_update import queries as first_updates
from firebell.comms.model import (
    POST_STATE_LABELS,
    SEND_STATE_LABELS,
    ApproverAnswer,
    CommsPost,
    PostContent,
)
from firebell.comms.queries import Composition
from firebell.comms.tone.model import ReaderKind, ToneLevel
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit import public_markdown, undo
from firebell.kit.errors import Conflict, FirebellError, Invalid, NotFound
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.status_pages.model import CHOOSABLE, STAGE_LABELS, STATUS_LABELS, Stage
from firebell.status_pages.public.languages import language_names

router = routing.html_router()

PUBLISH, SAVE, TEMPLATE, CLOSE = "publish", "save", "template", "close"
RESOLVED_TEMPLATE = f"{ReaderKind.PUBLIC}:status-{Stage.RESOLVED}"
GLYPHS = {
    ToneLevel.BLOCK: "late",
    ToneLevel.ERROR: "late",
    ToneLevel.WARNING: "warn",
    ToneLevel.INFO: "info",
}


async def _incident(visit: Visit, ref: str) -> Incident:
    return await incidents.incident(visit.tx, parse_ref("INC", ref))


def _content(visit: Visit, next_update_at: datetime | None, eta_at: datetime | None) -> PostContent:
    """Return what the form wants to send."""
    statuses = {
        to_number(name.removeprefix("status-"), "statuses", least=1): code
        for name, code in visit.values.items()
        if name.startswith("status-") and code
    }
    return PostContent(
        {reader: visit.text(reader) for reader in ReaderKind},
        tuple(value for value in visit.form.getlist("target") if isinstance(value, str)),
        visit.text("stage") or None,
        statuses,
        next_update_at,
        visit.text("headline"),
        visit.text("reason"),
        eta_at,
        {
            name.removeprefix(TRANSLATION_PREFIX): text
            for name, text in visit.values.items()
            if name.startswith(TRANSLATION_PREFIX) and text.strip()
        },
        visit.text("mail_subject"),
        visit.text("quiet") == "yes",
    )


async def _composition(visit: Visit, incident: Incident, content: PostContent | None) -> Composition:
    ctx = visit.ctx
    return await queries.composition(visit.tx, incident, ctx.public_url, visit.person.tz, visit.now, content)


async def _render(
    visit: Visit,
    incident: Incident,
    content: PostContent | None = None,
    error: FirebellError | None = None,
) -> Response:
    shown = await _composition(visit, incident, content)
    other = await store.latest(visit.tx, incident.id) if isinstance(error, Conflict) else None
    texts = {reader: shown.content.body(reader) for reader in ReaderKind}
    marked = {
        reader: queries.marked(texts[reader], shown.findings.by_reader.get(reader, ()))
        for reader in ReaderKind
    }
    context = {
        "nav": "incidents",
        "i": incident,
        "shown": shown,
        "content": shown.content,
        "texts": texts,
        "plain": public_markdown.to_marked_plain(marked[ReaderKind.INTERNAL]),
        "html": {
            reader: public_markdown.to_marked_html(marked[reader])
            for reader in (ReaderKind.PUBLIC, ReaderKind.CUSTOMER)
        },
        "templates": await queries.templates(visit.tx),
        "posts": await queries.posts(visit.tx, incident.id),
        "has_public": any(each.reader is ReaderKind.PUBLIC for each in shown.destinations),
        "has_customers": any(each.reader is ReaderKind.CUSTOMER for each in shown.destinations),
        "needs_reason": any(
            each.level is ToneLevel.ERROR for listed in shown.findings.lists for each in listed
        ),
        "other": other,
        "missing": await closing.missing_conditions(visit.tx, incident, visit.now),
        "first_update": await first_updates.state(visit.tx, incident, visit.now),
        "glyphs": GLYPHS,
        "choosable": CHOOSABLE,
        "error": error,
        **_labels(),
    }
    return await html.render(visit.request, "comms/composer.html", context)


def _labels() -> dict[str, object]:
    return {
        "stage_labels": STAGE_LABELS,
        "status_labels": STATUS_LABELS,
        "post_state_labels": POST_STATE_LABELS,
        "send_state_labels": SEND_STATE_LABELS,
        "role_labels": ROLE_LABELS,
        "occasion_labels": OCCASION_LABELS,
        "silence_labels": SILENCE_LABELS,
        "language_names": language_names(),
    }


@router.get("/incidents/{ref}/comms", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def composer(visit: CurrentVisit, ref: str, close: str = "") -> Response:
    """Show the draft or a new text; with `close`, the one that says that the incident is resolved."""
    incident = await _incident(visit, ref)
    if not close:
        return await _render(visit, incident)
    begun = (await _composition(visit, incident, None)).content
    return await _render(visit, incident, await _with_template(visit, incident, begun, RESOLVED_TEMPLATE))


@router.post("/incidents/{ref}/comms", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def compose(visit: CurrentVisit, ref: str, preview: str = "") -> Response:
    incident = await _incident(visit, ref)
    try:
        content = _content(visit, visit.instant("next_update_at"), visit.instant("eta_at"))
    except Invalid as error:
        return await _render(visit, incident, _content(visit, None, None), error)
    verb, _, rest = visit.text("do").partition(":")
    if preview:
        return await _render(visit, incident, content)
    if verb == TEMPLATE:
        return await _render(visit, incident, await _with_template(visit, incident, content, rest))
    revision = to_number(visit.text("revision") or "0", "revision")
    url = f"/incidents/{incident.ref}/comms"
    try:
        async with visit.tx.savepoint():
            if verb == SAVE:
                await drafts.save_draft(visit.tx, visit.actor, incident.id, content, revision, visit.now)
                return flash.redirect(visit.request, url, "Draft saved.")
            publish = closing.publish_and_close if verb == CLOSE else actions.publish
            one = await publish(visit.tx, visit.actor, incident.id, content, revision, visit.now)
    except FirebellError as error:
        return await _render(visit, incident, content, error)
    offer = await undo.offer(
        visit.tx,
        visit.ctx.signer,
        visit.actor,
        "comms.published",
        visit.now,
        within=actions.RECALL_WITHIN,
    )
    closed = f" {incident.ref} is closed." if verb == CLOSE else ""
    return flash.redirect(visit.request, f"{url}/{one.id}", f"{_summary(one)}{closed}", offer)


def _summary(one: CommsPost) -> str:
    """Return what happened to a post in one sentence."""
    sent = [each.label for each in one.deliveries if each.sent_at]
    waiting = [each.label for each in one.deliveries if each.state == "waiting"]
    parts = [f"Sent to {', '.join(sent)}." if sent else "", f"{', '.join(waiting)}: asked for approval."]
    return " ".join(part for part, shown in zip(parts, (sent, waiting), strict=True) if shown) or "Not sent."


async def _with_template(visit: Visit, incident: Incident, content: PostContent, choice: str) -> PostContent:
    """Return the post with the text of a chosen template, such as public:status-monitoring."""
    name, _, template_id = choice.partition(":")
    reader = next((each for each in ReaderKind if each == name), None)
    if reader is None or template_id not in queries.TEMPLATES[reader]:
        raise NotFound(f"There is no template {choice[:60]!r}.")
    text = await queries.template_text(
        visit.tx,
        incident,
        template_id,
        visit.ctx.public_url,
        visit.person.tz,
        visit.now,
        content.next_update_at if reader is ReaderKind.PUBLIC else None,
    )
    changed = queries.with_text(content, reader, text)
    stage = template_id.removeprefix("status-")
    return replace(changed, stage=stage) if reader is ReaderKind.PUBLIC else changed


async def _post(visit: Visit, ref: str, post_id: str) -> tuple[Incident, CommsPost]:
    number = to_number(post_id, "post", least=1)
    return await sending.post_of(visit.tx, visit.person.id, parse_ref("INC", ref), number)


async def _reads(visit: Visit, incident: Incident) -> bool:
    """Return True if the person may read the incident, not only a post that they are asked to approve."""
    return bool(await incidents.incidents_by_id(visit.tx, [incident.id]))


@router.get("/incidents/{ref}/comms/{post_id}", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def show(visit: CurrentVisit, ref: str, post_id: str) -> Response:
    incident, one = await _post(visit, ref, post_id)
    context = {
        "nav": "incidents",
        "live": f"inc-{incident.id}",
        "i": incident,
        "post": one,
        "texts": {reader: one.content.bodies.get(reader, "") for reader in ReaderKind},
        "is_asked": one.asks(visit.person.id),
        "reads_incident": await _reads(visit, incident),
        "can_recall": actions.can_recall(one, visit.now),
        "recall_until": actions.recall_until(one),
        **_labels(),
    }
    return await html.render(visit.request, "comms/post.html", context)


@router.post(
    "/incidents/{ref}/comms/{post_id}/recall", dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH)
)
async def recall(visit: CurrentVisit, ref: str, post_id: str) -> Response:
    incident, one = await _post(visit, ref, post_id)
    await actions.recall_automatic(visit.tx, visit.actor, one.id, visit.now)
    return flash.redirect(
        visit.request, f"/incidents/{incident.ref}/comms", "Update recalled. Its text is a draft again."
    )


@router.post("/incidents/{ref}/comms/{post_id}/answer", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def answer(visit: CurrentVisit, ref: str, post_id: str) -> Response:
    incident, one = await _post(visit, ref, post_id)
    answered = visit.text("answer")
    if answered not in list(ApproverAnswer):
        raise Invalid(
            f"{answered[:40]!r} is not an answer.", fields={"answer": "Approve, or ask for changes."}
        )
    after = await approvals.answer(
        visit.tx,
        visit.actor,
        one.id,
        ApproverAnswer(answered),
        visit.text("sha256"),
        visit.text("note"),
        visit.now,
    )
    text = "Approved." if answered == ApproverAnswer.APPROVED else "Changes requested."
    is_readable = after.asks(visit.person.id) or await _reads(visit, incident)
    address = f"/incidents/{incident.ref}/comms/{one.id}" if is_readable else "/incidents"
    return flash.redirect(visit.request, address, text)


@router.post("/incidents/{ref}/comms/{post_id}/ask", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def ask_again(visit: CurrentVisit, ref: str, post_id: str) -> Response:
    incident, one = await _post(visit, ref, post_id)
    await approvals.ask_again(visit.tx, visit.actor, one.id, visit.now)
    return flash.redirect(visit.request, f"/incidents/{incident.ref}/comms/{one.id}", "Asked again.")


@router.post("/incidents/{ref}/comms/{post_id}/retry", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def retry(visit: CurrentVisit, ref: str, post_id: str) -> Response:
    incident, one = await _post(visit, ref, post_id)
    after = await actions.retry(visit.tx, visit.actor, one.id, visit.text("target"), visit.now)
    return flash.redirect(visit.request, f"/incidents/{incident.ref}/comms/{one.id}", _summary(after))
