"""Pages over JSON."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from firebell.alerts import actions as alerts
from firebell.alerts.model import Alert
from firebell.channels.callbacks import ReceiptState
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Instant,
    StrictBool,
    StrictInt,
    Text,
    problems,
)
from firebell.paging import actionable_votes, actions, queries
from firebell.paging.model import UNANSWERED, Page, PageState
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router()

Reader = Annotated[Work, work(Verb.PAGE_READ)]
Responder = Annotated[Work, work(Verb.PAGE_RESPOND)]


class StartedBy(ApiOutput):
    """Who started a manual page, its target, and why."""

    actor: str
    target_name: str
    text: str


class PageShown(ApiOutput):
    """A page. `level` counts from 1 and is 0 before the first; `next` names the people notified at `next_at`."""

    ref: str
    title: str
    state: PageState
    urgency: Literal["high", "low"]
    severity: int | None
    service: str | None
    incidents: list[str]
    team: str | None
    policy: str
    level: int
    round: int
    owners: list[str]
    acks: Annotated[int, Field(description="how many people have acknowledged since it was last triggered")]
    acks_needed: int
    acks_missing: Annotated[
        int, Field(description="how many more people stop its escalation; 0 if it has stopped")
    ]
    notified: str
    alerts: int
    triggered_at: datetime
    first_ack_at: datetime | None
    resolved_at: datetime | None
    snoozed_until: datetime | None
    next_at: datetime | None
    next: str | None
    exhausted_reason: str | None
    version: int
    position: str
    started_by: Annotated[StartedBy | None, Field(description="null for a page of alerts or of an incident")]


class PageAcked(PageShown):
    """The page; `already` says why nothing changed."""

    already: str | None


class PageVotes(ApiOutput):
    """How many people said that a page was actionable, and what you said; no one sees who said what."""

    actionable: int
    not_actionable: int
    mine: Annotated[bool | None, Field(description="null if you have not answered")]


class NewPageVote(ApiInput):
    """Whether a page was actionable."""

    actionable: StrictBool


class PageAlert(ApiOutput):
    """One alert of a page."""

    id: int
    title: str
    status: str
    dedup_key: str
    labels: dict[str, str]
    starts_at: datetime
    count: int
    findings: list[str]


class LogShown(ApiOutput):
    """One entry of a page's log."""

    at: datetime
    kind: str
    by: str
    text: str


class ReceiptShown(ApiOutput):
    """How far a message is by the word of its provider, and what it cost."""

    provider: str
    state: ReceiptState
    code: Annotated[str, Field(description="the provider's own word or number for it")]
    parts: Annotated[int, Field(description="the segments of a text message that are charged for")]
    price: Annotated[
        Decimal | None, Field(description="a decimal number in `currency`; null if it is not known")
    ]
    currency: str
    country: Annotated[
        str, Field(description="where the message went, as an ISO code; empty if that is not known")
    ]
    changed_at: datetime


class DeliveryShown(ApiOutput):
    """One attempt to reach one person through one contact method."""

    person_id: int
    channel: str
    state: str
    reason: str
    attempts: int
    error: str | None
    held: bool
    bundle_id: Annotated[
        int | None,
        Field(description="the same for pages that went out as one text message or call; null for one alone"),
    ] = None
    send_at: datetime
    sent_at: datetime | None
    receipt: Annotated[ReceiptShown | None, Field(description="null if the provider reports nothing")] = None


class PageChange(ApiOutput):
    """A change event of the page's service in the 24 hours before the page began."""

    id: int
    at: datetime
    summary: str
    source: str
    links: dict[str, str]
    details: dict[str, str]


class PageDetail(PageShown):
    """A page with its alerts, log, and deliveries."""

    alert_list: list[PageAlert]
    changes: list[PageChange]
    log: list[LogShown]
    deliveries: list[DeliveryShown]


class SnoozeRequest(ApiInput):
    """Either `minutes` or `until`, at most 24 hours from now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"minutes": 30}]})

    minutes: Annotated[StrictInt | None, Field(ge=1, le=1440)] = None
    until: Instant | None = None


class Note(ApiInput):
    """A note for the page's log."""

    text: Annotated[Text, Field(min_length=1, max_length=actions.NOTE_MAX_CHARS)]


def page_fields(details: queries.PageDetails) -> dict[str, object]:
    """Return the values of `PageShown`."""
    page = details.page
    return {
        "ref": page.ref,
        "title": page.title,
        "state": page.state,
        "urgency": page.urgency,
        "severity": page.severity,
        "service": details.service.slug if details.service else None,
        "incidents": details.incidents,
        "team": details.team or None,
        "policy": page.plan.name,
        "level": page.level + 1,
        "round": page.round,
        "owners": details.owners,
        "acks": len(page.acks),
        "acks_needed": page.acks_required,
        "acks_missing": page.acks_missing if page.state in UNANSWERED else 0,
        "notified": details.now_names,
        "alerts": details.alert_count,
        "triggered_at": page.triggered_at,
        "first_ack_at": page.first_ack_at,
        "resolved_at": page.resolved_at,
        "snoozed_until": page.snoozed_until,
        "next_at": page.due_at,
        "next": details.next_names or None,
        "exhausted_reason": page.exhausted_reason,
        "version": page.version,
        "position": details.position,
        "started_by": StartedBy(
            actor=details.manual.actor,
            target_name=details.manual.target_name,
            text=details.manual.public_text,
        )
        if details.manual
        else None,
    }


async def shown(tx: Tx, page: Page, now: datetime) -> PageShown:
    """Return the page as the API shows it."""
    (details,) = await queries.page_details(tx, [page], now)
    return PageShown.model_validate(page_fields(details))


def _page_alert(alert: Alert) -> PageAlert:
    own = {name: getattr(alert, name) for name in PageAlert.model_fields}
    return PageAlert.model_validate({**own, "dedup_key": alert.shown_key})


@router.get(
    "/pages/{ref}",
    tags=["pages"],
    summary="Get a page with its alerts, log, and deliveries",
    responses=problems(404),
)
async def get_page(w: Reader, ref: Text) -> PageDetail:
    page = await actions.page(w.tx, parse_ref("PG", ref))
    (details,) = await queries.page_details(w.tx, [page], w.now, alerts_each=100)
    entries = await actions.log(w.tx, page.id)
    deliveries = await actions.deliveries(w.tx, page.id)
    changes = await alerts.changes_before(w.tx, page.service_id, page.triggered_at)
    return PageDetail.model_validate(
        {
            **page_fields(details),
            "alert_list": [_page_alert(alert) for alert in details.alerts],
            "changes": [PageChange.model_validate(c) for c in changes],
            "log": [LogShown(at=e.at, kind=e.kind, by=e.actor, text=e.text) for e in entries],
            "deliveries": [DeliveryShown.model_validate(d) for d in deliveries],
        }
    )


@router.post(
    "/pages/{ref}/ack",
    tags=["pages"],
    summary="Acknowledge a page; `already` says why nothing changed",
    responses=problems(404),
)
async def acknowledge_page(w: Responder, ref: Text) -> PageAcked:
    result = await actions.ack(w.tx, w.actor, parse_ref("PG", ref), w.now)
    (details,) = await queries.page_details(w.tx, [result.page], w.now)
    return PageAcked.model_validate({**page_fields(details), "already": result.already})


@router.post(
    "/pages/{ref}/unack",
    tags=["pages"],
    summary="Withdraw the acknowledgment of a page; the level that was notified last is notified again",
    responses=problems(404, 409),
)
async def unacknowledge_page(w: Responder, ref: Text) -> PageShown:
    page = await actions.unacknowledge(w.tx, w.actor, parse_ref("PG", ref), w.now)
    return await shown(w.tx, page, w.now)


@router.post(
    "/pages/{ref}/resolve",
    tags=["pages"],
    summary="Resolve a page and its alerts",
    responses=problems(404, 409),
)
async def resolve_page(w: Responder, ref: Text) -> PageShown:
    page = await actions.resolve(w.tx, w.actor, parse_ref("PG", ref), w.now)
    return await shown(w.tx, page, w.now)


@router.post(
    "/pages/{ref}/escalate",
    tags=["pages"],
    summary="Escalate a page to the next level now",
    responses=problems(404, 409),
)
async def escalate_page(w: Responder, ref: Text) -> PageShown:
    page = await actions.escalate(w.tx, w.actor, parse_ref("PG", ref), w.now)
    return await shown(w.tx, page, w.now)


@router.post(
    "/pages/{ref}/snooze",
    tags=["pages"],
    summary="Snooze a page for up to 24 hours",
    responses=problems(404, 409),
)
async def snooze_page(w: Responder, ref: Text, body: SnoozeRequest) -> PageShown:
    if (body.minutes is None) == (body.until is None):
        raise Invalid(
            "Send either `minutes` or `until`.", fields={"minutes": "Use 1 to 1440, or leave it out."}
        )
    end = body.until or w.now + timedelta(minutes=body.minutes or 0)
    page = await actions.snooze(w.tx, w.actor, parse_ref("PG", ref), end, w.now)
    return await shown(w.tx, page, w.now)


@router.post(
    "/pages/{ref}/notes",
    status_code=201,
    tags=["pages"],
    summary="Add a note to a page",
    responses=problems(404),
)
async def add_page_note(w: Responder, ref: Text, body: Note) -> PageShown:
    page_id, now = parse_ref("PG", ref), w.now
    await actions.add_note(w.tx, w.actor, page_id, body.text, now)
    return await shown(w.tx, await actions.page(w.tx, page_id), now)


@router.get(
    "/pages/{ref}/vote",
    tags=["pages"],
    summary="Get what people said about a page",
    responses=problems(404),
)
async def get_page_vote(w: Reader, ref: Text) -> PageVotes:
    page = await actions.page(w.tx, parse_ref("PG", ref))
    return _votes(await actionable_votes.votes(w.tx, page.id, w.person_id))


@router.put(
    "/pages/{ref}/vote",
    tags=["pages"],
    summary="Say whether a page was actionable, instead of an earlier answer",
    responses=problems(404),
)
async def vote_on_page(w: Responder, ref: Text, body: NewPageVote) -> PageVotes:
    return _votes(await actionable_votes.vote(w.tx, w.actor, parse_ref("PG", ref), body.actionable, w.now))


def _votes(answers: actionable_votes.Votes) -> PageVotes:
    return PageVotes(actionable=answers.actionable, not_actionable=answers.not_actionable, mine=answers.mine)
