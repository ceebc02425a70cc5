"""The page of an incident's audiences: what is due, what was sent to whom, and the form that sends a post."""

from collections.abc import Mapping

from fastapi import Response

from firebell.audiences import queries
from firebell.audiences.model import MOMENT_LABELS, OCCASION_LABELS, AudienceText, Moment
from firebell.audiences.posts import actions as posting
from firebell.audiences.posts import delivery_store, drafts, recipients
from firebell.incidents import actions as incidents
from firebell.kit import signing
from firebell.kit.errors import FirebellError, Invalid, NotFound
from firebell.kit.references import parse_ref
from firebell.kit.text import plural, to_id
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


def moment_of(value: str) -> Moment:
    """Return the moment in a field; raise `Invalid`."""
    if value not in list(Moment):
        raise Invalid(f"{value[:40]!r} is not a kind of post.", fields={"moment": "Choose from the list."})
    return Moment(value)


async def _render(
    visit: Visit,
    ref: str,
    to: str,
    values: Mapping[str, str],
    error: FirebellError | None = None,
    shown_post: str = "",
    moment: str = "",
) -> Response:
    tx, now = visit.tx, visit.now
    incident = await incidents.incident(tx, parse_ref("INC", ref))
    one = await queries.of_incident(tx, incident)
    audiences = [clock.audience for clock in one.clocks]
    # each audience alone: whom it would reach, before addresses that are in several are merged
    reached = {
        each.slug: len((await recipients.recipients_of(tx, incident, [each], now))[each.slug])
        for each in audiences
    }
    chosen = one.clock(to)
    if to and chosen is None:
        raise NotFound(f"There is no audience {to[:40]!r}.", hint="See /settings/audiences.")
    text, chosen_moment = None, Moment.UPDATE
    if chosen is not None:
        chosen_moment = moment_of(moment) if moment else queries.next_moment(chosen, one.facts)
        text = await drafts.draft(
            tx, incident, chosen.audience, chosen_moment, visit.ctx.public_url, visit.person.tz, now
        )
    post_id = to_id(shown_post)
    context = {
        "nav": "incidents",
        "live": f"inc-{incident.id}",
        "i": incident,
        "one": one,
        "reached": reached,
        "chosen": chosen,
        "moment": chosen_moment,
        "moments": MOMENT_LABELS,
        "occasions": OCCASION_LABELS,
        "draft": text,
        "missing": drafts.missing(text) if text else [],
        "key": values.get("key") or signing.random_token(16),
        "shown_post": post_id,
        "deliveries": await delivery_store.of_post(tx, post_id)
        if post_id and any(post.id == post_id for post in one.posts)
        else [],
        "values": values,
        "error": error,
    }
    return await html.render(visit.request, "audiences/incident.html", context)


@router.get("/incidents/{ref}/audiences", dependencies=route_access.needs(Verb.AUDIENCE_READ))
async def show(visit: CurrentVisit, ref: str, to: str = "", post: str = "", moment: str = "") -> Response:
    return await _render(visit, ref, to, {}, shown_post=post, moment=moment)


@router.post("/incidents/{ref}/audiences/posts", dependencies=route_access.needs(Verb.AUDIENCE_SEND))
async def send(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    to = visit.text("audience")
    try:
        async with visit.tx.savepoint():
            post = await posting.send_post(
                visit.tx,
                visit.actor,
                incident_id,
                moment_of(visit.text("moment")),
                [AudienceText(to, visit.text("subject"), visit.text("body"))],
                visit.now,
                key=visit.text("key"),
            )
    except FirebellError as error:
        if not error.fields and not isinstance(error, Invalid):
            raise
        return await _render(visit, ref, to, visit.values, error)
    count = sum(text.recipients for text in post.texts)
    outcome = "Nothing is sent in a drill." if post.is_drill else "You can recall it for 30 s."
    return flash.redirect(
        visit.request,
        f"/incidents/INC-{incident_id}/audiences",
        f"Post to {plural(count, 'recipient')} saved. {outcome}",
    )


@router.post(
    "/incidents/{ref}/audiences/posts/{post_id}/recall", dependencies=route_access.needs(Verb.AUDIENCE_SEND)
)
async def recall(visit: CurrentVisit, ref: str, post_id: str) -> Response:
    incident_id = parse_ref("INC", ref)
    voided = await posting.recall_post(visit.tx, visit.actor, incident_id, to_id(post_id) or 0, visit.now)
    return flash.redirect(
        visit.request, f"/incidents/INC-{incident_id}/audiences", f"Recalled {plural(voided, 'message')}."
    )


@router.post(
    "/incidents/{ref}/audiences/posts/{post_id}/retry", dependencies=route_access.needs(Verb.AUDIENCE_SEND)
)
async def retry(visit: CurrentVisit, ref: str, post_id: str) -> Response:
    incident_id = parse_ref("INC", ref)
    queued = await posting.retry_post(visit.tx, visit.actor, incident_id, to_id(post_id) or 0, visit.now)
    return flash.redirect(
        visit.request,
        f"/incidents/INC-{incident_id}/audiences",
        f"Sending {plural(queued, 'message')} again.",
    )
