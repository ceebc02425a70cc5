"""The API of versions for customers: the decision, the text with its leaks, its approval and publication."""

from datetime import datetime
from typing import Annotated, Literal, cast

from pydantic import Field

from firebell.kit.errors import NotFound
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, StrictBool, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.postmortems import actions
from firebell.postmortems.external import actions as external_actions
from firebell.postmortems.external import leak_scan, leak_settings
from firebell.postmortems.external.leak_scan import LeakKind
from firebell.postmortems.external.model import ExternalVersion

router = api.router("post-mortems", "/post-mortems")
settings_router = api.router("post-mortems", "/post-mortem-settings")

Reader = Annotated[Work, work(Verb.POSTMORTEM_READ)]
Writer = Annotated[Work, work(Verb.POSTMORTEM_WRITE)]
Speaker = Annotated[Work, work(Verb.POSTMORTEM_PUBLISH)]
Manager = Annotated[Work, work(Verb.INCIDENT_SETTINGS_WRITE)]
ExternalStage = Literal["not_needed", "draft", "review", "approved", "published"]


class LeakShown(ApiOutput):
    """A passage that gives something internal away; `start` and `end` are characters of the text."""

    kind: LeakKind
    line: int
    start: int
    end: int
    quote: str
    text: str
    advice: str


class ExternalShown(ApiOutput):
    """The version for customers, and what keeps its text from being published."""

    ref: str
    stage: ExternalStage
    decision_reason: str
    decided_by: str
    decided_at: datetime
    version: int
    body: str
    public_body: Annotated[str, Field(description="the text without its internal passages")]
    leaks: list[LeakShown]
    approved_by: str
    published_at: datetime | None
    published_by: str


class ExternalDecision(ApiInput):
    """Whether customers get a version; without one, why they need none."""

    is_needed: StrictBool
    reason: Annotated[Text, Field(max_length=external_actions.REASON_MAX_CHARS)] = ""


class NewExternalText(ApiInput):
    """The text for customers, and the version that it was edited from."""

    body: Annotated[Text, Field(min_length=1, max_length=external_actions.TEXT_MAX_CHARS)]
    version: Id


class ExternalApproval(ApiInput):
    """The version of the text that you approve."""

    version: Id


class LeakSettingsFields(ApiInput):
    """The customers that are not named in public, and the domains whose hosts are internal."""

    customers: Annotated[list[Text], Field(max_length=leak_settings.CUSTOMERS_MAX)]
    domains: Annotated[list[Text], Field(max_length=leak_settings.DOMAINS_MAX)]


class LeakSettingsShown(ApiOutput):
    """The customers that are not named in public, and the domains whose hosts are internal."""

    customers: list[str]
    domains: list[str]


@router.get("/{ref}/external", summary="Get the version of a document for customers", responses=problems(404))
async def get_external(w: Reader, ref: Text) -> ExternalShown:
    external = await actions.external_of(w.tx, parse_ref("INC", ref))
    if external is None:
        raise NotFound(
            f"No one has decided whether customers get a version of the post-mortem of {ref}.",
            hint="Decide it with PUT /external.",
        )
    return await _shown(w, ref, external)


@router.put("/{ref}/external", summary="Decide whether customers get a version", responses=problems(404, 409))
async def decide_external(w: Writer, ref: Text, new: ExternalDecision) -> ExternalShown:
    incident_id = parse_ref("INC", ref)
    external = await actions.decide_external(w.tx, w.actor, incident_id, new.is_needed, new.reason, w.now)
    return await _shown(w, ref, external)


@router.put("/{ref}/external/text", summary="Save the text for customers", responses=problems(404, 409))
async def save_external(w: Writer, ref: Text, new: NewExternalText) -> ExternalShown:
    incident_id = parse_ref("INC", ref)
    external = await actions.save_external(w.tx, w.actor, incident_id, new.body, new.version, w.now)
    return await _shown(w, ref, external)


@router.post(
    "/{ref}/external/review",
    summary="Ask the comms lead to approve the text for customers",
    responses=problems(404, 409),
)
async def ask_external_review(w: Writer, ref: Text) -> ExternalShown:
    return await _shown(
        w, ref, await actions.ask_external_review(w.tx, w.actor, parse_ref("INC", ref), w.now)
    )


@router.post(
    "/{ref}/external/approval",
    summary="Approve the text for customers, as comms lead or manager",
    responses=problems(404, 409),
)
async def approve_external(w: Speaker, ref: Text, new: ExternalApproval) -> ExternalShown:
    incident_id = parse_ref("INC", ref)
    external = await actions.approve_external(
        w.tx, w.actor, incident_id, new.version, w.ctx.public_url, w.now
    )
    return await _shown(w, ref, external)


@router.post(
    "/{ref}/external/publish",
    summary="Publish the text for customers on the status pages that show the incident",
    responses=problems(404, 409),
)
async def publish_external(w: Speaker, ref: Text) -> ExternalShown:
    incident_id = parse_ref("INC", ref)
    external = await actions.publish_external(w.tx, w.actor, incident_id, w.ctx.public_url, w.now)
    return await _shown(w, ref, external)


@settings_router.get("/leaks", summary="Get what must not be named in public")
async def get_leak_settings(w: Reader) -> LeakSettingsShown:
    return LeakSettingsShown.model_validate(await leak_settings.load(w.tx))


@settings_router.put("/leaks", summary="Replace what must not be named in public")
async def save_leak_settings(w: Manager, new: LeakSettingsFields) -> LeakSettingsShown:
    return LeakSettingsShown.model_validate(
        await actions.save_leak_settings(w.tx, w.actor, new.customers, new.domains, w.now)
    )


async def _shown(w: Work, ref: str, external: ExternalVersion) -> ExternalShown:
    listed = await external_actions.leaks(w.tx, external.body, w.ctx.public_url)
    return ExternalShown(
        ref=f"INC-{parse_ref('INC', ref)}",
        stage=cast("ExternalStage", external.stage),
        decision_reason=external.decision_reason,
        decided_by=external.decider,
        decided_at=external.decided_at,
        version=external.version,
        body=external.body,
        public_body=leak_scan.public_text(external.body),
        leaks=[LeakShown.model_validate(leak) for leak in listed],
        approved_by=external.approver,
        published_at=external.published_at,
        published_by=external.publisher,
    )
