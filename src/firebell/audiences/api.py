"""The API of audiences: their settings, what is due in an incident, and posts."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import ConfigDict, Field

from firebell.audiences import queries, webhooks
from firebell.audiences.incident_audiences import AudienceClock
from firebell.audiences.model import (
    AudienceDefinition,
    AudienceKind,
    AudiencePost,
    AudienceText,
    Cadence,
    DeliveryState,
    Moment,
    Occasion,
)
from firebell.audiences.posts import actions as posting
from firebell.audiences.posts import delivery_store, drafts
from firebell.audiences.settings import actions as settings_actions
from firebell.audiences.settings import queries as settings_queries
from firebell.audiences.settings.document import (
    LEAST_MINUTES,
    MAX_MEMBERS,
    MOST_MINUTES,
    WEBHOOK,
    addresses_of,
)
from firebell.incidents import actions as incidents
from firebell.kit.errors import NotFound
from firebell.kit.references import parse_ref
from firebell.kit.standard_webhooks import secret_text
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Name, PathId, StrictBool, StrictInt, Text, problems
from firebell.people.permissions import Verb, allows
from firebell.people.unit_of_work import Work, work

router = api.router("audiences")

Reader = Annotated[Work, work(Verb.AUDIENCE_READ)]
Sender = Annotated[Work, work(Verb.AUDIENCE_SEND)]
Manager = Annotated[Work, work(Verb.AUDIENCE_WRITE)]
CustomerReader = Annotated[Work, work(Verb.CUSTOMER_READ)]
Minutes = Annotated[StrictInt, Field(ge=LEAST_MINUTES, le=MOST_MINUTES)]
Member = Annotated[
    Text,
    Field(
        max_length=520,
        examples=["group:executives"],
        description="person:ID, team:ID, group:NAME, role:NAME, customer:ID, customers:affected, address:EMAIL"
        " or webhook:URL",
    ),
]


class CadenceFields(ApiInput):
    """Minutes from the declaration to the first post, and from one post to the next; null for never."""

    first: Minutes | None = None
    every: Minutes | None = None


class AudienceFields(ApiInput):
    """An audience; `cadence` is by severity, SEV0 first, and `templates` are ids of the handbook by kind of post."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Board",
                    "kind": "internal",
                    "members": ["group:executives"],
                    "cadence": [{"first": 60, "every": 120}, {}, {}, {}],
                    "templates": {
                        "first": "executive-brief",
                        "update": "executive-brief",
                        "end": "executive-brief",
                    },
                }
            ]
        }
    )

    name: Name
    kind: AudienceKind
    members: Annotated[list[Member], Field(max_length=MAX_MEMBERS)]
    cadence: Annotated[list[CadenceFields], Field(min_length=4, max_length=4)]
    occasions: Annotated[list[Occasion], Field(default_factory=list, max_length=len(Occasion))]
    has_end: StrictBool = True
    templates: Annotated[
        dict[Moment, Annotated[Text, Field(max_length=100)]], Field(min_length=3, max_length=3)
    ]


class CadenceShown(ApiOutput):
    """Minutes from the declaration to the first post, and from one post to the next."""

    first: int | None
    every: int | None


class AudienceShown(ApiOutput):
    """An audience in force."""

    slug: str
    name: str
    kind: AudienceKind
    members: list[str]
    cadence: list[CadenceShown]
    occasions: list[Occasion]
    has_end: bool
    templates: dict[Moment, str]
    follows_updates: Annotated[bool, Field(description="whether it reads the internal updates of the room")]


class AudiencesShown(ApiOutput):
    """The audiences in force; version 0 is the shipped one."""

    version: int
    audiences: list[AudienceShown]


class AudienceClockShown(ApiOutput):
    """What an audience of an incident got last and gets next; without members it has no clock."""

    audience: str
    name: str
    kind: AudienceKind
    has_members: bool
    last_at: datetime | None
    due_at: datetime | None
    due: Moment | None
    occasion: Annotated[Occasion | None, Field(description="what made it due before its interval passed")]
    overdue: bool


class SentTextShown(ApiOutput):
    """The text of a post for one audience, and its messages by state."""

    audience: str
    name: str
    subject: str
    body: str
    recipients: int
    queued: int
    sent: int
    failed: int
    void: int


class PostShown(ApiOutput):
    """What was sent at once about an incident; of a drill nothing is sent."""

    id: int
    moment: Moment
    drill: bool
    created_at: datetime
    recalled_at: datetime | None
    actor: str
    texts: list[SentTextShown]


class IncidentAudiencesShown(ApiOutput):
    """The audiences of an incident, and its posts, oldest first."""

    incident: Annotated[str, Field(examples=["INC-3"])]
    clocks: list[AudienceClockShown]
    posts: list[PostShown]


class DraftShown(ApiOutput):
    """The template of an audience, filled from the timeline; `missing` names the open placeholders."""

    audience: str
    moment: Moment
    subject: str
    body: str
    missing: list[str]


class PostText(ApiInput):
    """What one audience is sent; no placeholder may be left open."""

    audience: Annotated[Text, Field(max_length=60, examples=["customers"])]
    subject: Annotated[Text, Field(max_length=posting.SUBJECT_MAX_CHARS)]
    body: Annotated[Text, Field(max_length=posting.BODY_MAX_CHARS)]


class NewPost(ApiInput):
    """A post to send. An address that is in several audiences gets one message; the same `key` sends once."""

    moment: Moment
    texts: Annotated[list[PostText], Field(min_length=1, max_length=20)]
    key: Annotated[Text, Field(max_length=posting.KEY_MAX_CHARS)] = ""


class AudienceDeliveryShown(ApiOutput):
    """One message of a post; the address of an erased contact is empty."""

    audience: str
    address: str
    name: str
    customer: str
    state: DeliveryState
    attempts: int
    reason: str
    sent_at: datetime | None


class AudienceWebhookShown(ApiOutput):
    """A webhook of an audience, and the secret that signs what it gets (Standard Webhooks)."""

    url: str
    secret: str


class RecalledShown(ApiOutput):
    """The number of messages that are not sent."""

    recalled: int


class RetriedShown(ApiOutput):
    """The number of messages that are sent again."""

    queued: int


def _audience(audience: AudienceDefinition, *, is_manager: bool) -> AudienceShown:
    """Return an audience; of webhooks, whose addresses can be secrets, only managers see more than the host."""
    members = list(audience.members)
    if not is_manager:
        members = [webhooks.without_path(each) for each in members]
    return AudienceShown(
        slug=audience.slug,
        name=audience.name,
        kind=audience.kind,
        members=members,
        cadence=[CadenceShown(first=each.first, every=each.every) for each in audience.cadence],
        occasions=sorted(audience.occasions),
        has_end=audience.has_end,
        templates=dict(audience.templates),
        follows_updates=audience.follows_updates,
    )


def _clock(clock: AudienceClock, now: datetime) -> AudienceClockShown:
    return AudienceClockShown(
        audience=clock.audience.slug,
        name=clock.audience.name,
        kind=clock.audience.kind,
        has_members=not clock.is_empty,
        last_at=clock.last,
        due_at=clock.due.at if clock.due else None,
        due=clock.due.moment if clock.due else None,
        occasion=clock.due.occasion if clock.due else None,
        overdue=clock.is_overdue(now),
    )


def _post(post: AudiencePost) -> PostShown:
    return PostShown(
        id=post.id,
        moment=post.moment,
        drill=post.is_drill,
        created_at=post.created_at,
        recalled_at=post.recalled_at,
        actor=post.actor,
        texts=[
            SentTextShown(
                audience=text.audience,
                name=text.name,
                subject=text.subject,
                body=text.body,
                recipients=text.recipients,
                **{str(state): text.count(state) for state in DeliveryState},
            )
            for text in post.texts
        ],
    )


@router.get("/audiences", summary="List the audiences in force")
async def list_audiences(w: Reader) -> AudiencesShown:
    in_force, _ = await settings_queries.in_force(w.tx)
    is_manager = allows(w.rights, Verb.AUDIENCE_WRITE)
    return AudiencesShown(
        version=in_force.version,
        audiences=[_audience(each, is_manager=is_manager) for each in in_force.audiences],
    )


@router.get(
    "/audiences/{slug}/webhooks", summary="Show the signing secrets of webhooks", responses=problems(404)
)
async def list_audience_webhooks(w: Manager, slug: Text) -> list[AudienceWebhookShown]:
    audience = await settings_actions.audience(w.tx, slug)
    return [
        AudienceWebhookShown(url=url, secret=secret_text(webhooks.secret_of(w.ctx.signer, url)))
        for url in addresses_of(audience, WEBHOOK)
    ]


@router.put("/audiences/{slug}", summary="Create or replace an audience", responses=problems(404, 409))
async def save_audience(w: Manager, slug: Text, body: AudienceFields) -> AudienceShown:
    sev0, sev1, sev2, sev3 = (Cadence(each.first, each.every) for each in body.cadence)
    audience = AudienceDefinition(
        slug=slug,
        name=body.name,
        kind=body.kind,
        members=tuple(body.members),
        cadence=(sev0, sev1, sev2, sev3),
        occasions=frozenset(body.occasions),
        has_end=body.has_end,
        templates=body.templates,
    )
    saved = await settings_actions.save_audience(w.tx, w.actor, audience, w.now)
    return _audience(saved, is_manager=True)


@router.delete(
    "/audiences/{slug}", status_code=204, summary="Remove an audience", responses=problems(404, 409)
)
async def remove_audience(w: Manager, slug: Text) -> None:
    await settings_actions.remove_audience(w.tx, w.actor, slug, w.now)


@router.get(
    "/incidents/{ref}/audiences",
    summary="Show what the audiences of an incident were sent, and what is due",
    responses=problems(404),
)
async def show_incident_audiences(w: Reader, ref: Text) -> IncidentAudiencesShown:
    incident = await incidents.incident(w.tx, parse_ref("INC", ref))
    one = await queries.of_incident(w.tx, incident)
    return IncidentAudiencesShown(
        incident=incident.ref,
        clocks=[_clock(clock, w.now) for clock in one.clocks],
        posts=[_post(post) for post in one.posts],
    )


@router.get(
    "/incidents/{ref}/audiences/{audience}/draft",
    summary="Fill the template of an audience from the timeline",
    responses=problems(404),
)
async def draft_post(
    w: Reader,
    ref: Text,
    audience: Text,
    moment: Annotated[Moment | None, Query(description="the next one by default")] = None,
) -> DraftShown:
    incident = await incidents.incident(w.tx, parse_ref("INC", ref))
    one = await queries.of_incident(w.tx, incident)
    clock = one.clock(audience)
    if clock is None:
        raise NotFound(f"There is no audience {audience[:40]!r}.", hint="See /api/v1/audiences.")
    chosen = moment or queries.next_moment(clock, one.facts)
    text = await drafts.draft(w.tx, incident, clock.audience, chosen, w.ctx.public_url, "UTC", w.now)
    return DraftShown(
        audience=audience,
        moment=chosen,
        subject=text.subject,
        body=text.body,
        missing=drafts.missing(text),
    )


@router.post(
    "/incidents/{ref}/audiences/posts",
    status_code=201,
    summary="Send a post to audiences",
    responses=problems(403, 404, 409),
)
async def send_post(w: Sender, ref: Text, body: NewPost) -> PostShown:
    texts = [AudienceText(each.audience, each.subject, each.body) for each in body.texts]
    sent = await posting.send_post(
        w.tx, w.actor, parse_ref("INC", ref), body.moment, texts, w.now, key=body.key
    )
    return _post(sent)


@router.get(
    "/incidents/{ref}/audiences/posts/{post_id}/deliveries",
    summary="List who got a post",
    responses=problems(404),
)
async def list_post_deliveries(w: CustomerReader, ref: Text, post_id: PathId) -> list[AudienceDeliveryShown]:
    sent = await posting.post(w.tx, parse_ref("INC", ref), post_id)
    audiences = {text.id: text.audience for text in sent.texts}
    return [
        AudienceDeliveryShown(
            audience=audiences[each.text_id],
            address=each.shown_address,
            name=each.name,
            customer=each.customer,
            state=each.state,
            attempts=each.attempts,
            reason=each.reason,
            sent_at=each.sent_at,
        )
        for each in await delivery_store.of_post(w.tx, post_id)
    ]


@router.post(
    "/incidents/{ref}/audiences/posts/{post_id}/recall",
    summary="Recall the messages of a post that were not sent yet",
    responses=problems(403, 404, 409),
)
async def recall_post(w: Sender, ref: Text, post_id: PathId) -> RecalledShown:
    recalled = await posting.recall_post(w.tx, w.actor, parse_ref("INC", ref), post_id, w.now)
    return RecalledShown(recalled=recalled)


@router.post(
    "/incidents/{ref}/audiences/posts/{post_id}/retry",
    summary="Send the messages of a post that failed again",
    responses=problems(403, 404, 409),
)
async def retry_post(w: Sender, ref: Text, post_id: PathId) -> RetriedShown:
    queued = await posting.retry_post(w.tx, w.actor, parse_ref("INC", ref), post_id, w.now)
    return RetriedShown(queued=queued)
