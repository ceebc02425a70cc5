"""The API of drafts of notifications, their templates, and the register of personal data breaches."""

from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.incidents import actions as incidents
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Instant, Name, PathId, Text, problems
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.people.unit_of_work import Work, work
from firebell.regulatory.actions import REASON_MAX_CHARS
from firebell.regulatory.drafts import actions as draft_actions
from firebell.regulatory.drafts import breach_queries
from firebell.regulatory.drafts import queries as draft_queries
from firebell.regulatory.drafts import store as draft_store
from firebell.regulatory.drafts import text as draft_text
from firebell.regulatory.drafts.breach_queries import Breach
from firebell.regulatory.drafts.model import Draft, DraftState
from firebell.regulatory.drafts.queries import DraftView
from firebell.regulatory.drafts.template_files import draft_templates

router = api.router("clocks")

Reader = Annotated[Caller, may(Verb.REGULATORY_READ)]
DraftReader = Annotated[Work, work(Verb.REGULATORY_DRAFT_READ)]
Drafter = Annotated[Work, work(Verb.REGULATORY_DRAFT_WRITE)]


class TemplateFieldShown(ApiOutput):
    """A field of a template; `fill` names the fact that fills it, `article` what requires it."""

    id: str
    label: str
    article: str
    fill: str
    optional: bool


class DraftTemplateShown(ApiOutput):
    """What the notification of some obligations states."""

    id: Annotated[str, Field(examples=["regulator-gdpr-33"])]
    title: str
    obligations: list[str]
    version: date
    review_by: date
    source: str
    verified: Annotated[bool, Field(description="whether its fields were checked against a source")]
    fields: list[TemplateFieldShown]


class DraftFieldShown(ApiOutput):
    """A field of a draft with its source; an empty text is not known yet."""

    id: str
    label: str
    article: str
    text: str
    source: str
    source_at: datetime | None
    entry: Annotated[int | None, Field(description="the timeline entry that it comes from")]
    written: Annotated[bool, Field(description="whether a person wrote it into the draft")]


class SectionChangeShown(ApiOutput):
    """A section that differs from the part before."""

    heading: str
    before: str
    after: str


class ContradictionShown(ApiOutput):
    """A number or a time that differs from the published text."""

    kind: str
    drafted: str
    published: str
    entry: int


class DraftSummary(ApiOutput):
    """A draft of one part of a notification. Firebell never sends it."""

    id: int
    incident: Annotated[str, Field(examples=["INC-3"])]
    obligation: Annotated[str, Field(examples=["GDPR-33"])]
    part: int
    template: str
    state: DraftState
    version: int
    created_at: datetime
    created_by: str
    reviewed_at: datetime | None
    reviewed_by: str
    signed_at: datetime | None
    signed_by: str
    sent_at: datetime | None
    sent_by: str
    channel: str
    receipt: str


class DraftShown(DraftSummary):
    """A draft with its fields and its text."""

    fields: list[DraftFieldShown]
    not_known: Annotated[list[str], Field(description="ids of the fields that are not known yet")]
    outdated: Annotated[bool, Field(description="whether facts changed since it was reviewed")]
    changes: Annotated[list[SectionChangeShown], Field(description="since the part before")]
    contradictions: list[ContradictionShown]
    text: Annotated[str, Field(description="Markdown; final from the review on")]
    plain: str
    advice: Annotated[str, Field(examples=[draft_text.ADVICE])]


class NewDraft(ApiInput):
    """A draft to open, or the next part of a notification that was sent."""

    obligation: Annotated[Name, Field(max_length=100, examples=["GDPR-33"])]


class DraftAnswers(ApiInput):
    """Texts to write into fields; a blank one leaves the field to the facts."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"fields": {"consequences": "Phishing with real order numbers"}, "version": 1}]
        }
    )

    fields: Annotated[
        dict[str, Annotated[Text, Field(max_length=draft_actions.FIELD_MAX_CHARS)]], Field(max_length=100)
    ]
    version: Annotated[int | None, Field(description="the version that you read; refuses a later one")] = None


class DraftReturned(ApiInput):
    """Why a text is a draft again."""

    reason: Annotated[Text, Field(min_length=1, max_length=REASON_MAX_CHARS)]


class DraftSent(ApiInput):
    """When, to whom and by what channel a notification was sent."""

    at: Annotated[Instant | None, Field(description="defaults to now")] = None
    channel: Annotated[
        Text,
        Field(
            min_length=1,
            max_length=draft_actions.CHANNEL_MAX_CHARS,
            examples=["Online form of the authority"],
        ),
    ]
    receipt: Annotated[Text, Field(max_length=draft_actions.CHANNEL_MAX_CHARS, examples=["4711"])] = ""


class BreachShown(ApiOutput):
    """A personal data breach in the register of GDPR art. 33(5)."""

    incident: Annotated[str, Field(examples=["INC-3"])]
    title: str
    decided_at: datetime
    decided_by: str
    facts: str
    effects: str
    remedial_action: str
    notified_at: datetime | None
    notified: str
    reason: Annotated[str, Field(description="why it was late, or not notified")]


def _summary(draft: Draft) -> dict[str, object]:
    return {
        "id": draft.id,
        "incident": f"INC-{draft.incident_id}",
        "obligation": draft.obligation,
        "part": draft.part,
        "template": draft.template,
        "state": draft.state,
        "version": draft.version,
        "created_at": draft.created_at,
        "created_by": draft.creator,
        "reviewed_at": draft.reviewed_at,
        "reviewed_by": draft.reviewer,
        "signed_at": draft.signed_at,
        "signed_by": draft.signer,
        "sent_at": draft.sent_at,
        "sent_by": draft.sender,
        "channel": draft.channel,
        "receipt": draft.receipt,
    }


def _draft(view: DraftView) -> DraftShown:
    values = {
        **_summary(view.draft),
        "fields": [
            DraftFieldShown(
                id=one.field.id,
                label=one.field.label,
                article=one.field.article,
                text=one.text,
                source=one.fact.source if one.fact else "",
                source_at=one.fact.at if one.fact else None,
                entry=one.fact.entry_id if one.fact else None,
                written=one.is_typed,
            )
            for one in view.fields
        ],
        "not_known": [one.field.id for one in view.missing],
        "outdated": view.is_outdated,
        "changes": [
            SectionChangeShown(heading=c.heading, before=c.before, after=c.after) for c in view.differences
        ],
        "contradictions": [
            ContradictionShown(kind=c.kind, drafted=c.drafted, published=c.published, entry=c.entry_id)
            for c in view.contradictions
        ],
        "text": view.text,
        "plain": draft_text.to_plain(view.text),
        "advice": draft_text.ADVICE,
    }
    return DraftShown.model_validate(values)


async def _shown(w: Work, ref: str, draft_id: int) -> DraftShown:
    incident_id = parse_ref("INC", ref)
    return _draft(await draft_queries.draft_view(w.tx, w.actor, incident_id, draft_id, w.now))


@router.get("/clocks/templates", summary="List the templates of notifications")
async def list_draft_templates(_: Reader) -> list[DraftTemplateShown]:
    return [
        DraftTemplateShown(
            id=one.id,
            title=one.title,
            obligations=list(one.obligations),
            version=one.version,
            review_by=one.review_by,
            source=one.source,
            verified=bool(one.checked),
            fields=[
                TemplateFieldShown(
                    id=field.id,
                    label=field.label,
                    article=field.article,
                    fill=field.fill,
                    optional=field.is_optional,
                )
                for field in one.fields
            ],
        )
        for one in draft_templates().values()
    ]


@router.get("/clocks/breaches", summary="List the register of personal data breaches")
async def list_breaches(w: DraftReader) -> list[BreachShown]:
    return [_breach(one) for one in await breach_queries.breaches(w.tx, w.actor, w.now)]


def _breach(one: Breach) -> BreachShown:
    return BreachShown(
        incident=one.incident.ref,
        title=one.incident.title,
        decided_at=one.decided_at,
        decided_by=one.decided_by,
        facts=one.facts,
        effects=one.effects,
        remedial_action=one.remedial_action,
        notified_at=one.notified_at,
        notified=one.notified,
        reason=one.reason,
    )


@router.get(
    "/incidents/{ref}/clocks/drafts",
    summary="List the drafts of notifications of an incident",
    responses=problems(404),
)
async def list_drafts(w: DraftReader, ref: Text) -> list[DraftSummary]:
    incident = await incidents.incident(w.tx, parse_ref("INC", ref))
    await draft_queries.check_drafter(w.tx, w.actor, incident)
    drafts = (await draft_store.drafts(w.tx, [incident.id])).get(incident.id, [])
    return [DraftSummary.model_validate(_summary(draft)) for draft in drafts]


@router.post(
    "/incidents/{ref}/clocks/drafts",
    status_code=201,
    summary="Open the draft of a notification, or its next part",
    responses=problems(404, 409),
)
async def open_draft(w: Drafter, ref: Text, body: NewDraft) -> DraftShown:
    incident_id = parse_ref("INC", ref)
    draft = await draft_actions.open_draft(w.tx, w.actor, incident_id, body.obligation, w.now)
    return await _shown(w, ref, draft.id)


@router.get(
    "/incidents/{ref}/clocks/drafts/{draft_id}",
    summary="Get a draft with its fields, sources and text",
    responses=problems(404),
)
async def get_draft(w: DraftReader, ref: Text, draft_id: PathId) -> DraftShown:
    return await _shown(w, ref, draft_id)


@router.patch(
    "/incidents/{ref}/clocks/drafts/{draft_id}",
    summary="Write into the fields of a draft",
    responses=problems(404, 409),
)
async def write_draft(w: Drafter, ref: Text, draft_id: PathId, body: DraftAnswers) -> DraftShown:
    incident_id = parse_ref("INC", ref)
    await draft_actions.answer_fields(w.tx, w.actor, incident_id, draft_id, body.fields, body.version, w.now)
    return await _shown(w, ref, draft_id)


@router.post(
    "/incidents/{ref}/clocks/drafts/{draft_id}/review",
    summary="Review a draft, which fixes its text",
    responses=problems(404, 409),
)
async def review_draft(w: Drafter, ref: Text, draft_id: PathId) -> DraftShown:
    await draft_actions.review(w.tx, w.actor, parse_ref("INC", ref), draft_id, w.now)
    return await _shown(w, ref, draft_id)


@router.post(
    "/incidents/{ref}/clocks/drafts/{draft_id}/sign",
    summary="Sign a reviewed draft",
    responses=problems(404, 409),
)
async def sign_draft(w: Drafter, ref: Text, draft_id: PathId) -> DraftShown:
    await draft_actions.sign(w.tx, w.actor, parse_ref("INC", ref), draft_id, w.now)
    return await _shown(w, ref, draft_id)


@router.post(
    "/incidents/{ref}/clocks/drafts/{draft_id}/return",
    summary="Return a reviewed or signed text to draft",
    responses=problems(404, 409),
)
async def return_draft(w: Drafter, ref: Text, draft_id: PathId, body: DraftReturned) -> DraftShown:
    incident_id = parse_ref("INC", ref)
    await draft_actions.return_to_draft(w.tx, w.actor, incident_id, draft_id, body.reason, w.now)
    return await _shown(w, ref, draft_id)


@router.post(
    "/incidents/{ref}/clocks/drafts/{draft_id}/sent",
    summary="Record that a notification was sent, which ends its clock",
    responses=problems(404, 409),
)
async def record_sent(w: Drafter, ref: Text, draft_id: PathId, body: DraftSent) -> DraftShown:
    await draft_actions.record_sent(
        w.tx,
        w.actor,
        parse_ref("INC", ref),
        draft_id,
        at=body.at,
        channel=body.channel,
        receipt=body.receipt,
        now=w.now,
    )
    return await _shown(w, ref, draft_id)
