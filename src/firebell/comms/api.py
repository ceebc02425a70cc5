"""The API of the composer: the tone check, drafts, posts, their approval, and their outcomes."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import ConfigDict, Field

from firebell.comms import actions, approvals, closing, drafts, queries, sending, store, tone_queries
from firebell.comms.model import ApproverAnswer, CommsPost, PostContent, PostState, SendState
from firebell.comms.queries import Composition
from firebell.comms.tone.check import ENGLISH_RULES, check, is_english
from firebell.comms.tone.model import ReaderKind, ToneFinding, ToneLevel
from firebell.incidents import actions as incidents
from firebell.kit import undo
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Instant,
    PageParams,
    PathId,
    StrictBool,
    StrictInt,
    Text,
    TimeZone,
    problems,
)
from firebell.kit.web.api.delete_responses import UndoOffered
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.status_pages.model import Stage
from firebell.status_pages.publishing.actions import BODY_MAX_CHARS, NAME_MAX_CHARS

router = api.router("comms")

Reader = Annotated[Work, work(Verb.INCIDENT_READ)]
Writer = Annotated[Work, work(Verb.INCIDENT_UPDATE)]
Publisher = Annotated[Work, work(Verb.STATUS_PAGE_PUBLISH)]
Body = Annotated[Text, Field(max_length=BODY_MAX_CHARS)]
Zone = Annotated[TimeZone, Query(description="time zone of the times in drafts")]


class ToneFindingShown(ApiOutput):
    """A problem of a text. `start` and `end` count characters; both are 0 if the whole text is meant."""

    code: Annotated[str, Field(examples=["W-SOON"])]
    level: ToneLevel
    start: int
    end: int
    message: str
    suggestion: str


class ToneResult(ApiOutput):
    """What the tone check found. `not_checked` are the rules that know only English, for another language."""

    findings: list[ToneFindingShown]
    not_checked: list[str]


class UpdateTextInput(ApiInput):
    """A text to check; `incident` gives its severity and promise."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"text": "We will update you as soon as possible.", "stage": "investigating"}]
        }
    )

    text: Annotated[Text, Field(max_length=BODY_MAX_CHARS)]
    reader: ReaderKind = ReaderKind.PUBLIC
    stage: Stage = Stage.INVESTIGATING
    severity: Annotated[StrictInt, Field(ge=0, le=3)] = 1
    locale: Annotated[Text, Field(max_length=20, examples=["en"])] = "en"
    subject: Annotated[Text, Field(max_length=1000)] | None = None
    next_update_at: Instant | None = None
    data_checked: StrictBool = False


class ContentInput(ApiInput):
    """What to send: a text for each kind of reader, to the targets. `revision` is what you have read.

    `components` gives statuses by the id of the component. `reason` says why a text stays as it is although the tone
    check found errors. `headline` names the incident on a status page that does not show it yet.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "bodies": {"internal": "Failing over now.", "public": "We are moving traffic."},
                    "targets": ["timeline", "status_page:kestrel"],
                    "stage": "investigating",
                    "next_update_at": "2026-11-24T03:46:00Z",
                    "revision": 0,
                }
            ]
        }
    )

    bodies: Annotated[dict[ReaderKind, Body], Field(max_length=len(ReaderKind))]
    targets: Annotated[list[Annotated[Text, Field(max_length=200)]], Field(max_length=100)]
    revision: Annotated[StrictInt, Field(ge=0, le=1_000_000)]
    stage: Stage | None = None
    components: Annotated[
        dict[str, Annotated[Text, Field(max_length=30)]], Field(default_factory=dict, max_length=500)
    ]
    next_update_at: Instant | None = None
    headline: Annotated[Text, Field(max_length=NAME_MAX_CHARS)] = ""
    reason: Annotated[Text, Field(max_length=1000)] = ""
    eta_at: Annotated[
        Instant | None, Field(description="when it is expected to be over, an estimate for status pages")
    ] = None
    translations: Annotated[
        dict[str, Body],
        Field(
            default_factory=dict,
            max_length=50,
            description="the public text in other languages of the status pages",
            examples=[{"de": "Wir leiten den Verkehr um."}],
        ),
    ]
    mail_subject: Annotated[
        Text,
        Field(
            max_length=NAME_MAX_CHARS, description="the subject of emails to customers; headline without one"
        ),
    ] = ""
    notify: Annotated[
        StrictBool, Field(description="false: the subscribers of status pages are not notified")
    ] = True


class ContentShown(ApiOutput):
    """A text for each kind of reader, and what changes on status pages."""

    bodies: dict[ReaderKind, str]
    targets: list[str]
    stage: str | None
    components: dict[str, str]
    next_update_at: datetime | None
    headline: str
    reason: str
    eta_at: datetime | None
    translations: dict[str, str]
    mail_subject: str
    notify: bool


class PostDeliveryShown(ApiOutput):
    """The outcome of a post at a target; `removed` are sentences that no one approved."""

    target: str
    label: str
    state: SendState
    removed: list[str]
    error: str
    sent_at: datetime | None


class ApprovalShown(ApiOutput):
    """A role that a rule asks; without `due_at`, nothing is sent before it answers."""

    rule: str
    role: str
    asked_ids: list[int]
    asked_at: datetime
    due_at: datetime | None
    answer: ApproverAnswer | None
    answered_by: Annotated[str, Field(description="empty while no one answered")]
    note: str


class PostShown(ApiOutput):
    """A draft or a post. `undo` takes it back, for 30 seconds."""

    id: int
    incident: str
    state: PostState
    author: str
    content: ContentShown
    sha256: Annotated[str, Field(description="what an approval is bound to")]
    created_at: datetime
    published_at: datetime | None
    deliveries: list[PostDeliveryShown]
    approvals: list[ApprovalShown]
    undo: UndoOffered | None = None


class PostTargetShown(ApiOutput):
    """Where a post can go; `refusal` says why nothing can be sent there now."""

    key: str
    label: str
    note: str
    reader: ReaderKind
    suggested: bool
    refusal: str


class NeededApprovalShown(ApiOutput):
    """A rule that asks someone before the text is sent."""

    rule: str
    roles: list[str]
    someone_is_asked: bool


class ComposerShown(ApiOutput):
    """What can be sent now: the draft, or a new text from the handbook's templates."""

    incident: str
    revision: int
    content: ContentShown
    draft_by: Annotated[str, Field(description="empty without a draft")]
    targets: list[PostTargetShown]
    languages: Annotated[list[str], Field(description="into which the public text can be translated")]
    findings: dict[ReaderKind, list[ToneFindingShown]]
    translation_findings: dict[str, list[ToneFindingShown]]
    approvals: list[NeededApprovalShown]


class PublishInput(ContentInput):
    """What to send; `close` also closes the incident, if the stage is resolved and nothing else is missing."""

    close: StrictBool = False


class AnswerInput(ApiInput):
    """The answer of someone who was asked, about the text with this hash."""

    answer: ApproverAnswer
    sha256: Annotated[Text, Field(max_length=64)]
    note: Annotated[Text, Field(max_length=approvals.NOTE_MAX_CHARS)] = ""


class RetryInput(ApiInput):
    """The target at which sending failed."""

    target: Annotated[Text, Field(max_length=200)]


def _finding(finding: ToneFinding) -> ToneFindingShown:
    return ToneFindingShown.model_validate(finding)


def _content_shown(content: PostContent) -> ContentShown:
    return ContentShown(
        bodies=dict(content.bodies),
        targets=list(content.targets),
        stage=content.stage,
        components={str(component_id): code for component_id, code in content.statuses.items()},
        next_update_at=content.next_update_at,
        headline=content.headline,
        reason=content.reason,
        eta_at=content.eta_at,
        translations=dict(content.translations),
        mail_subject=content.mail_subject,
        notify=not content.is_quiet,
    )


def _post(one: CommsPost, offer: undo.Offer | None = None) -> PostShown:
    return PostShown(
        id=one.id,
        incident=f"INC-{one.incident_id}",
        state=one.state,
        author=one.author,
        content=_content_shown(one.content),
        sha256=one.body_sha256,
        created_at=one.created_at,
        published_at=one.published_at,
        deliveries=[
            PostDeliveryShown(
                target=each.target,
                label=each.label,
                state=each.state,
                removed=list(each.removed),
                error=each.error,
                sent_at=each.sent_at,
            )
            for each in one.deliveries
        ],
        approvals=[
            ApprovalShown(
                rule=each.rule,
                role=each.role,
                asked_ids=list(each.asked_ids),
                asked_at=each.asked_at,
                due_at=each.due_at,
                answer=each.answer,
                answered_by=each.answered_label,
                note=each.note,
            )
            for each in one.approvals
        ],
        undo=UndoOffered.model_validate(offer) if offer else None,
    )


def _composer(shown: Composition) -> ComposerShown:
    return ComposerShown(
        incident=shown.incident.ref,
        revision=shown.revision,
        content=_content_shown(shown.content),
        draft_by=shown.draft.author if shown.draft else "",
        targets=[
            PostTargetShown(
                key=each.key,
                label=each.label,
                note=each.note,
                reader=each.reader,
                suggested=each.is_suggested,
                refusal=each.refusal,
            )
            for each in shown.destinations
        ],
        languages=list(shown.languages),
        findings={
            reader: [_finding(each) for each in listed] for reader, listed in shown.findings.by_reader.items()
        },
        translation_findings={
            locale: [_finding(each) for each in listed] for locale, listed in shown.findings.by_locale.items()
        },
        approvals=[
            NeededApprovalShown(
                rule=each.rule.id, roles=list(each.rule.roles), someone_is_asked=each.is_asked
            )
            for each in shown.approvals
        ],
    )


def _content(body: ContentInput) -> PostContent:
    return PostContent(
        dict(body.bodies),
        tuple(body.targets),
        body.stage,
        {to_number(key, "components", least=1): code for key, code in body.components.items()},
        body.next_update_at,
        body.headline,
        body.reason,
        body.eta_at,
        body.translations,
        body.mail_subject,
        not body.notify,
    )


@router.post("/comms/check", summary="Check the tone of a text")
async def check_text(w: Reader, body: UpdateTextInput) -> ToneResult:
    context = await tone_queries.text_context(
        w.tx,
        w.now,
        reader=body.reader,
        stage=str(body.stage),
        severity=body.severity,
        locale=body.locale,
        subject=body.subject,
        next_update_at=body.next_update_at,
        data_checked=body.data_checked,
    )
    return ToneResult(
        findings=[_finding(each) for each in check(body.text, context)],
        not_checked=[] if is_english(body.locale) else list(ENGLISH_RULES),
    )


@router.get(
    "/incidents/{ref}/comms",
    summary="Show the draft of an incident, or a new text, with its targets and findings",
    responses=problems(404),
)
async def show_composer(w: Reader, ref: Text, tz: Zone = "UTC") -> ComposerShown:
    incident = await incidents.incident(w.tx, parse_ref("INC", ref))
    return _composer(await queries.composition(w.tx, incident, w.ctx.public_url, tz, w.now))


@router.put(
    "/incidents/{ref}/comms/draft", summary="Save the draft of an incident", responses=problems(404, 409)
)
async def save_draft(w: Writer, ref: Text, body: ContentInput) -> PostShown:
    incident_id = parse_ref("INC", ref)
    return _post(await drafts.save_draft(w.tx, w.actor, incident_id, _content(body), body.revision, w.now))


@router.post(
    "/incidents/{ref}/comms",
    status_code=201,
    summary="Publish to every chosen target, each once",
    responses=problems(403, 404, 409),
)
async def publish(w: Writer, ref: Text, body: PublishInput) -> PostShown:
    incident_id = parse_ref("INC", ref)
    send = closing.publish_and_close if body.close else actions.publish
    one = await send(w.tx, w.actor, incident_id, _content(body), body.revision, w.now)
    offer = await undo.offer(
        w.tx, w.ctx.signer, w.actor, "comms.published", w.now, within=actions.RECALL_WITHIN
    )
    return _post(one, offer)


@router.get(
    "/incidents/{ref}/comms/posts",
    summary="List posts about an incident, newest first",
    responses=problems(404),
)
async def list_posts(w: Reader, ref: Text, pagination: PageParams) -> list[PostShown]:
    incident = await incidents.incident(w.tx, parse_ref("INC", ref))
    listed = await store.posts(w.tx, incident.id, pagination.limit, pagination.before)
    pagination.link([one.id for one in listed])
    return [_post(one) for one in listed]


async def _existing(w: Work, ref: str, post_id: int) -> CommsPost:
    _, one = await sending.post_of(w.tx, w.person_id, parse_ref("INC", ref), post_id)
    return one


@router.get(
    "/incidents/{ref}/comms/posts/{post_id}",
    summary="Show the status of a post",
    responses=problems(404),
)
async def show_post(w: Reader, ref: Text, post_id: PathId) -> PostShown:
    return _post(await _existing(w, ref, post_id))


@router.post(
    "/incidents/{ref}/comms/posts/{post_id}/answer",
    summary="Approve a post, or ask for changes",
    responses=problems(404, 409),
)
async def answer(w: Reader, ref: Text, post_id: PathId, body: AnswerInput) -> PostShown:
    one = await _existing(w, ref, post_id)
    return _post(await approvals.answer(w.tx, w.actor, one.id, body.answer, body.sha256, body.note, w.now))


@router.post(
    "/incidents/{ref}/comms/posts/{post_id}/ask",
    summary="Ask the approvers of a post again",
    responses=problems(404, 409),
)
async def ask_again(w: Writer, ref: Text, post_id: PathId) -> PostShown:
    one = await _existing(w, ref, post_id)
    return _post(await approvals.ask_again(w.tx, w.actor, one.id, w.now))


@router.post(
    "/incidents/{ref}/comms/posts/{post_id}/retry",
    summary="Send a post again to a target where it failed",
    responses=problems(404),
)
async def retry(w: Writer, ref: Text, post_id: PathId, body: RetryInput) -> PostShown:
    one = await _existing(w, ref, post_id)
    return _post(await actions.retry(w.tx, w.actor, one.id, body.target, w.now))


@router.post(
    "/incidents/{ref}/comms/posts/{post_id}/recall",
    summary="Take back what the rule of a status page published, within 5 minutes",
    responses=problems(403, 404, 409),
)
async def recall(w: Publisher, ref: Text, post_id: PathId) -> PostShown:
    one = await _existing(w, ref, post_id)
    return _post(await actions.recall_automatic(w.tx, w.actor, one.id, w.now))
